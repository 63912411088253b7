/*
 * Copyright (C) iHaNoi contributors
 *
 * Lua values to JSON text, in one pass.
 *
 * What is short stays in the C stack's memory.  What is long goes to a box on
 * the Lua stack: wherever an error leaves this file, the collector gives it
 * back.
 */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "ihanoi_lua_box.h"
#include "ihanoi_lua_json.h"
#include "ihanoi_sandbox.h"
#include "ihanoi_utf8.h"


#define IHANOI_ENCODE_SMALL  2048
#define IHANOI_ENCODE_MAX    ((size_t) 1 << 30)

/* Values, or 64 bytes of text, between two looks at the clock. */
#define IHANOI_ENCODE_STEPS  512

/* Of a string that is written in one go. */
#define IHANOI_ENCODE_CHUNK  16384

/* Of a string that is tried as it is before anything in it is looked for. */
#define IHANOI_ENCODE_SHORT  64

/* Bytes of a member's name in an error. */
#define IHANOI_ENCODE_NAME   40

#define IHANOI_INTEGER_MAX   9007199254740992.0    /* 2^53 */


/* On the way to a value: a member's name, or an index. */
typedef struct {
    const char               *name;
    size_t                    index;
} ihanoi_encode_place_t;


typedef struct {
    lua_State                *L;
    char                     *start;
    char                     *p;
    char                     *end;
    ihanoi_lua_box_t         *box;        /* NULL: it is still small */
    int                       slot;       /* of the stack, for the box */
    unsigned                  steps;
    const void               *null;
    const void               *array;      /* what marks arrays */

    unsigned                  level;
    const char               *reason;
    ihanoi_encode_place_t     places[IHANOI_LUA_JSON_DEPTH];

    char                      small[IHANOI_ENCODE_SMALL];
} ihanoi_encode_t;


static int ihanoi_encode_init(ihanoi_encode_t *e, lua_State *L, int index);
static void ihanoi_encode_path(ihanoi_encode_t *e);
static int ihanoi_encode_value(ihanoi_encode_t *e);
static int ihanoi_encode_table(ihanoi_encode_t *e);
static int ihanoi_encode_object(ihanoi_encode_t *e);
static int ihanoi_encode_array(ihanoi_encode_t *e);
static int ihanoi_encode_number(ihanoi_encode_t *e);
static int ihanoi_encode_plain(ihanoi_encode_t *e, double value);
static int ihanoi_encode_userdata(ihanoi_encode_t *e);
static int ihanoi_encode_string(ihanoi_encode_t *e, const char *s,
    size_t len);
static int ihanoi_encode_refuse(ihanoi_encode_t *e, const char *reason);
static void ihanoi_encode_step(ihanoi_encode_t *e, size_t n);
static void ihanoi_encode_add(ihanoi_encode_t *e, const char *s, size_t len);
static void ihanoi_encode_grow(ihanoi_encode_t *e, size_t n);


static inline void
ihanoi_encode_room(ihanoi_encode_t *e, size_t n)
{
    if ((size_t) (e->end - e->p) < n) {
        ihanoi_encode_grow(e, n);
    }
}


int
ihanoi_lua_push_encoded(lua_State *L, int index)
{
    ihanoi_encode_t  e;

    if (ihanoi_encode_init(&e, L, index) != 0) {
        return -1;
    }

    lua_pushlstring(L, e.start, (size_t) (e.p - e.start));
    lua_replace(L, e.slot);

    /* the box is garbage now, but not collected: nothing ran since */

    if (e.box) {
        ihanoi_lua_box_free(e.box);
    }

    return 0;
}


int
ihanoi_lua_encode_json(lua_State *L, int index, char **text, size_t *len)
{
    char             *p;
    ihanoi_encode_t   e;

    if (ihanoi_encode_init(&e, L, index) != 0) {
        return -1;
    }

    *len = (size_t) (e.p - e.start);

    ihanoi_encode_add(&e, "", 1);

    if (e.box) {
        *text = ihanoi_lua_box_take(e.box);

    } else {
        p = malloc(*len + 1);
        if (p == NULL) {
            return luaL_error(L, "not enough memory");
        }

        memcpy(p, e.start, *len + 1);
        *text = p;
    }

    lua_settop(L, e.slot - 1);

    return 0;
}


/*
 * Writes the value into *e, whose slot is the top then, and returns 0; or
 * pushes why not and returns -1.
 */

static int
ihanoi_encode_init(ihanoi_encode_t *e, lua_State *L, int index)
{
    e->L = L;
    e->start = e->small;
    e->p = e->small;
    e->end = e->small + IHANOI_ENCODE_SMALL;
    e->box = NULL;
    e->steps = 0;
    e->level = 0;
    e->reason = NULL;

    luaL_checkstack(L, 8, NULL);

    lua_pushvalue(L, index);
    lua_pushnil(L);
    lua_insert(L, -2);
    e->slot = lua_gettop(L) - 1;

    ihanoi_lua_json_open(L);
    e->null = lua_topointer(L, -2);
    e->array = lua_topointer(L, -1);
    lua_pop(L, 2);

    if (ihanoi_encode_value(e) != 0) {
        ihanoi_encode_path(e);
        lua_replace(L, e->slot);
        lua_settop(L, e->slot);

        if (e->box) {
            ihanoi_lua_box_free(e->box);
        }

        return -1;
    }

    lua_settop(L, e->slot);

    return 0;
}


/* Pushes "$.items[3] is a function". */

static void
ihanoi_encode_path(ihanoi_encode_t *e)
{
    char         text[IHANOI_LUA_JSON_DEPTH * (IHANOI_ENCODE_NAME + 5) + 2];
    char        *p;
    size_t       n;
    unsigned     i;
    const char  *name;

    p = text;
    *p++ = '$';

    for (i = 0; i < e->level; i++) {

        name = e->places[i].name;

        if (name == NULL) {
            p += sprintf(p, "[%lu]", (unsigned long) e->places[i].index);
            continue;
        }

        /* it may be as long as anything, and goes to logs */

        n = strlen(name);

        if (n > IHANOI_ENCODE_NAME) {
            n = IHANOI_ENCODE_NAME;

            while (((unsigned char) name[n] & 0xc0) == 0x80) {
                n--;
            }
        }

        *p++ = '.';

        for ( /* void */ ; n; n--, name++) {
            *p++ = (unsigned char) *name < 0x20 ? '?' : *name;
        }

        if (*name) {
            p += sprintf(p, "...");
        }
    }

    *p = '\0';

    lua_pushfstring(e->L, "%s %s", text, e->reason);
}


/* The value on the top of the stack, which stays there. */

static int
ihanoi_encode_value(ihanoi_encode_t *e)
{
    size_t       len;
    const char  *s;

    ihanoi_encode_step(e, 1);

    switch (lua_type(e->L, -1)) {

    case LUA_TSTRING:
        s = lua_tolstring(e->L, -1, &len);
        return ihanoi_encode_string(e, s, len);

    case LUA_TNUMBER:
        return ihanoi_encode_number(e);

    case LUA_TTABLE:
        return ihanoi_encode_table(e);

    case LUA_TBOOLEAN:
        if (lua_toboolean(e->L, -1)) {
            ihanoi_encode_add(e, "true", 4);

        } else {
            ihanoi_encode_add(e, "false", 5);
        }

        return 0;

    case LUA_TNIL:
        ihanoi_encode_add(e, "null", 4);
        return 0;

    case LUA_TUSERDATA:
        return ihanoi_encode_userdata(e);

    case LUA_TFUNCTION:
        return ihanoi_encode_refuse(e, "is a function");

    default:
        return ihanoi_encode_refuse(e, "is no value of JSON");
    }
}


/* Which kind of table it is: its first key says, its mark, or neither. */

static int
ihanoi_encode_table(ihanoi_encode_t *e)
{
    int         marked;
    lua_State  *L;

    L = e->L;

    if (e->level == IHANOI_LUA_JSON_DEPTH) {
        return ihanoi_encode_refuse(e, "is nested too deep, or in itself");
    }

    /* a name, a value, and what a box needs */

    luaL_checkstack(L, 8, NULL);

    marked = 0;

    if (lua_getmetatable(L, -1)) {
        marked = lua_topointer(L, -1) == e->array;
        lua_pop(L, 1);
    }

    lua_pushnil(L);

    if (!lua_next(L, -2)) {
        ihanoi_encode_add(e, marked ? "[]" : "{}", 2);
        return 0;
    }

    if (!marked && lua_type(L, -2) == LUA_TSTRING) {
        return ihanoi_encode_object(e);
    }

    return ihanoi_encode_array(e);
}


/* The table, its first name and value are on the stack. */

static int
ihanoi_encode_object(ihanoi_encode_t *e)
{
    size_t       len;
    lua_State   *L;
    const char  *name;

    L = e->L;

    ihanoi_encode_add(e, "{", 1);

    do {
        if (lua_type(L, -2) != LUA_TSTRING) {
            return ihanoi_encode_refuse(e, "has names and other keys");
        }

        name = lua_tolstring(L, -2, &len);

        if (ihanoi_encode_string(e, name, len) != 0) {
            e->reason = "has a name that is not valid UTF-8";
            return -1;
        }

        ihanoi_encode_add(e, ":", 1);

        e->places[e->level++].name = name;

        if (ihanoi_encode_value(e) != 0) {
            return -1;
        }

        e->level--;

        ihanoi_encode_add(e, ",", 1);
        lua_pop(L, 1);

    } while (lua_next(L, -2));

    e->p[-1] = '}';

    return 0;
}


/* As above; the keys are looked at first: they may come in any order. */

static int
ihanoi_encode_array(ihanoi_encode_t *e)
{
    size_t       i, n, max;
    double       key;
    lua_State   *L;

    L = e->L;
    n = 0;
    max = 0;

    do {
        if (lua_type(L, -2) != LUA_TNUMBER) {
            return ihanoi_encode_refuse(e, lua_type(L, -2) == LUA_TSTRING
                                           ? "is an array with a name in it"
                                           : "has a key that is no string");
        }

        key = lua_tonumber(L, -2);

        if (!(key >= 1 && key <= INT32_MAX) || key != floor(key)) {
            return ihanoi_encode_refuse(e, "has a key that is no index");
        }

        n++;
        max = key > (double) max ? (size_t) key : max;

        lua_pop(L, 1);
        ihanoi_encode_step(e, 1);

    } while (lua_next(L, -2));

    if (max != n) {
        return ihanoi_encode_refuse(e, "is an array with holes");
    }

    ihanoi_encode_add(e, "[", 1);
    e->places[e->level++].name = NULL;

    for (i = 1; i <= n; i++) {
        e->places[e->level - 1].index = i;

        lua_rawgeti(L, -1, (int) i);

        if (ihanoi_encode_value(e) != 0) {
            return -1;
        }

        lua_pop(L, 1);
        ihanoi_encode_add(e, ",", 1);
    }

    e->p[-1] = ']';
    e->level--;

    return 0;
}


static int
ihanoi_encode_number(ihanoi_encode_t *e)
{
    int     n, digits;
    char    text[32];
    double  value;

    value = lua_tonumber(e->L, -1);

    if (!isfinite(value)) {
        return ihanoi_encode_refuse(e, isnan(value) ? "is not a number (nan)"
                                                    : "is infinite");
    }

    if (ihanoi_encode_plain(e, value)) {
        return 0;
    }

    digits = 15;

    do {
        n = snprintf(text, sizeof(text), "%.*g", digits, value);
    } while (digits++ < 17 && strtod(text, NULL) != value);

    /* readers would take it for an integer that may have to be exact */

    if (strpbrk(text, ".e") == NULL) {
        n += sprintf(text + n, ".0");
    }

    ihanoi_encode_add(e, text, (size_t) n);

    return 0;
}


/*
 * Writes an integer, or a number of at most six digits behind the point; 0: it
 * is neither.  The latter is one when it is an integer divided by a million:
 * a division of what doubles hold exactly is rounded as the decimal is when it
 * is read.
 */

static int
ihanoi_encode_plain(ihanoi_encode_t *e, double value)
{
    int       digits;
    char      text[32], *p;
    double    size, millions;
    uint64_t  rest;

    size = fabs(value);
    digits = 0;

    if (size == floor(size)) {

        if (size > IHANOI_INTEGER_MAX) {
            return 0;
        }

        rest = (uint64_t) size;

    } else {
        millions = nearbyint(size * 1e6);

        if (millions >= 1e15 || millions / 1e6 != size) {
            return 0;
        }

        rest = (uint64_t) millions;
        digits = 6;

        while (rest % 10 == 0) {
            rest /= 10;
            digits--;
        }
    }

    p = text + sizeof(text);

    do {
        *--p = (char) ('0' + rest % 10);
        rest /= 10;

        if (--digits == 0) {
            *--p = '.';
            *--p = (char) ('0' + rest % 10);
            rest /= 10;
        }
    } while (rest || digits > 0);

    if (value < 0) {
        *--p = '-';
    }

    ihanoi_encode_add(e, p, (size_t) (text + sizeof(text) - p));

    return 1;
}


static int
ihanoi_encode_userdata(ihanoi_encode_t *e)
{
    size_t       len;
    const char  *raw;

    if (lua_topointer(e->L, -1) == e->null) {
        ihanoi_encode_add(e, "null", 4);
        return 0;
    }

    raw = ihanoi_lua_raw(e->L, -1, &len);
    if (raw == NULL) {
        return ihanoi_encode_refuse(e, "is no value of JSON");
    }

    ihanoi_encode_add(e, raw, len);
    ihanoi_encode_step(e, len / 64);

    return 0;
}


static int
ihanoi_encode_string(ihanoi_encode_t *e, const char *s, size_t len)
{
    size_t               n;
    const char          *end, *from, *stop;
    unsigned char        c;
    static const char    hex[] = "0123456789abcdef";

    if (len <= IHANOI_ENCODE_SHORT) {

        /* names, numbers of things, times: written as they are */

        ihanoi_encode_room(e, len + 2);

        if (ihanoi_utf8_copy_ascii(e->p + 1, s, len)) {
            e->p[0] = '"';
            e->p[len + 1] = '"';
            e->p += len + 2;

            return 0;
        }
    }

    ihanoi_encode_add(e, "\"", 1);

    for (end = s + len; s < end; /* void */ ) {

        from = s;
        stop = (size_t) (end - s) > IHANOI_ENCODE_CHUNK
               ? s + IHANOI_ENCODE_CHUNK : end;

        s = ihanoi_utf8_plain(s, stop);

        if (s < end && (unsigned char) *s >= 0x80) {

            /* it may go on behind the stop */

            n = ihanoi_utf8_length(s, end);
            if (n == 0) {
                return ihanoi_encode_refuse(e, "is not valid UTF-8");
            }

            s += n;
        }

        ihanoi_encode_add(e, from, (size_t) (s - from));
        ihanoi_encode_step(e, (size_t) (s - from) / 64 + 1);

        if (s >= stop) {
            continue;
        }

        c = (unsigned char) *s++;

        ihanoi_encode_room(e, 6);
        *e->p++ = '\\';

        switch (c) {

        case '"':
        case '\\':
            *e->p++ = (char) c;
            break;

        case '\n':
            *e->p++ = 'n';
            break;

        case '\r':
            *e->p++ = 'r';
            break;

        case '\t':
            *e->p++ = 't';
            break;

        default:
            memcpy(e->p, "u00", 3);
            e->p[3] = hex[c >> 4];
            e->p[4] = hex[c & 0xf];
            e->p += 5;
            break;
        }
    }

    ihanoi_encode_add(e, "\"", 1);

    return 0;
}


static int
ihanoi_encode_refuse(ihanoi_encode_t *e, const char *reason)
{
    e->reason = reason;

    return -1;
}


static void
ihanoi_encode_step(ihanoi_encode_t *e, size_t n)
{
    e->steps += n;

    if (e->steps >= IHANOI_ENCODE_STEPS) {
        e->steps = 0;
        ihanoi_sandbox_poll(e->L);
    }
}


static void
ihanoi_encode_add(ihanoi_encode_t *e, const char *s, size_t len)
{
    ihanoi_encode_room(e, len);

    memcpy(e->p, s, len);
    e->p += len;
}


/* Room for n bytes more, or an error. */

static void
ihanoi_encode_grow(ihanoi_encode_t *e, size_t n)
{
    size_t  used, size;

    used = (size_t) (e->p - e->start);
    size = (size_t) (e->end - e->start);

    do {
        size *= 2;
    } while (size < IHANOI_ENCODE_MAX && size - used < n);

    if (size >= IHANOI_ENCODE_MAX) {
        (void) luaL_error(e->L, "not enough memory");
    }

    if (e->box == NULL) {
        e->box = ihanoi_lua_box_create(e->L);
        lua_replace(e->L, e->slot);

        ihanoi_lua_box_resize(e->L, e->box, size);
        memcpy(e->box->data, e->small, used);

    } else {
        ihanoi_lua_box_resize(e->L, e->box, size);
    }

    e->start = e->box->data;
    e->p = e->start + used;
    e->end = e->start + size;
}
