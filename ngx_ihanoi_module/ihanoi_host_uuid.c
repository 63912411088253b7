/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.uuid: names for things (RFC 9562).
 */

#include <stdint.h>

#include <lauxlib.h>

#include "ihanoi_digest.h"
#include "ihanoi_format.h"
#include "ihanoi_host.h"


static int ihanoi_host_uuid_v4(lua_State *L);
static int ihanoi_host_uuid_v7(lua_State *L);
static int ihanoi_host_uuid_valid(lua_State *L);
static int ihanoi_uuid_push(lua_State *L, unsigned char bytes[16],
    unsigned version);


static const ihanoi_host_function_t  ihanoi_host_uuid_functions[] = {

    { "uuid", "v4", ihanoi_host_uuid_v4, IHANOI_PHASE_ANY,
      "", "uuid string",
      "A random UUID, in lower case: 122 bits that nobody can foresee." },

    { "uuid", "v7", ihanoi_host_uuid_v7, IHANOI_PHASE_ANY,
      "", "uuid string",
      "A UUID that begins with the time in milliseconds: those of one worker "
      "sort in the order they were made, which indexes of a database like. It "
      "tells everybody when it was made." },

    { "uuid", "valid", ihanoi_host_uuid_valid, IHANOI_PHASE_ANY,
      "text string",
      "valid boolean",
      "Whether a text is a UUID, of any version, in lower or upper case." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ihanoi_host_uuid = {
    "uuid",
    "Names that nobody else gives (RFC 9562).",
    ihanoi_host_uuid_functions,
    NULL
};


static int
ihanoi_host_uuid_v4(lua_State *L)
{
    unsigned char  bytes[16];

    if (ihanoi_random(bytes, sizeof(bytes)) != 0) {
        return luaL_error(L, "no random numbers");
    }

    return ihanoi_uuid_push(L, bytes, 4);
}


/*
 * RFC 9562 6.2, method 1: a counter of 12 bits within a millisecond, begun at
 * random in its lower half.  It goes on, and the time with it, when it is full
 * or when the clock goes back.
 */

static int
ihanoi_host_uuid_v7(lua_State *L)
{
    int              i;
    double           now;
    uint64_t         msec;
    unsigned char    bytes[16];

    static uint64_t  last;
    static unsigned  counter;

    if (ihanoi_random(bytes, sizeof(bytes)) != 0) {
        return luaL_error(L, "no random numbers");
    }

    now = ihanoi_host_time_now() * 1000;
    msec = now > 0 ? (uint64_t) now : 0;

    if (msec > last) {
        last = msec;
        counter = ((unsigned) bytes[6] << 8 | bytes[7]) & 0x7ff;

    } else if (++counter > 0xfff) {
        last++;
        counter = ((unsigned) bytes[6] << 8 | bytes[7]) & 0x7ff;
    }

    for (i = 0; i < 6; i++) {
        bytes[i] = (unsigned char) (last >> (40 - 8 * i));
    }

    bytes[6] = (unsigned char) (counter >> 8);
    bytes[7] = (unsigned char) counter;

    return ihanoi_uuid_push(L, bytes, 7);
}


static int
ihanoi_uuid_push(lua_State *L, unsigned char bytes[16], unsigned version)
{
    char      text[36], *p;
    unsigned  i;

    bytes[6] = (unsigned char) ((bytes[6] & 0x0f) | version << 4);
    bytes[8] = (unsigned char) ((bytes[8] & 0x3f) | 0x80);

    p = text;

    for (i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }

        ihanoi_hex(&bytes[i], 1, p);
        p += 2;
    }

    lua_pushlstring(L, text, sizeof(text));

    return 1;
}


static int
ihanoi_host_uuid_valid(lua_State *L)
{
    size_t       len;
    const char  *text;

    text = luaL_checklstring(L, 1, &len);
    lua_pushboolean(L, ihanoi_format_find("uuid")->check(text, len));

    return 1;
}
