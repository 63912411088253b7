/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.json: JSON as strict as two readers that must agree need it.
 */

#include <string.h>

#include <lauxlib.h>

#include "ihanoi_host.h"
#include "ihanoi_lua_json.h"
#include "ihanoi_sandbox.h"


static int ihanoi_host_json_encode(lua_State *L);
static int ihanoi_host_json_decode(lua_State *L);
static int ihanoi_host_json_array(lua_State *L);
static int ihanoi_host_json_raw(lua_State *L);
static int ihanoi_host_json_open(lua_State *L);
static void ihanoi_host_json_poll(void *ctx);


static const ihanoi_host_function_t  ihanoi_host_json_functions[] = {

    { "json", "encode", ihanoi_host_json_encode, IHANOI_PHASE_ANY,
      "value any",
      "text? string\n"
      "err? string",
      "The value as JSON text. A table with indexes 1 .. n is an array, one "
      "with names an object, an empty one {} unless array() marked it; nil is "
      "null. Metatables are not asked. Integers up to 2^53 are written "
      "without point and exponent, other numbers so that they read back the "
      "same and are no integers; the order of members is not defined. nil "
      "and the place, such as "
      "\"$.items[3] is a function\", when there is something that JSON has "
      "not: a function, nan, a table with holes or with names and indexes, "
      "text that is not UTF-8, more than 32 levels." },

    { "json", "decode", ihanoi_host_json_decode, IHANOI_PHASE_ANY,
      "text string",
      "value? any\n"
      "err? string",
      "The value of a JSON text. null is ihanoi.json.null, arrays are marked "
      "as such, so that an empty one stays one. nil and the reason, with the "
      "byte where it stands, when the text is not JSON (RFC 8259), has a "
      "member twice in one object, the character NUL, half of a surrogate "
      "pair, an integer beyond 2^53, a number beyond a double's range or of "
      "more than 64 characters, or more than 32 levels." },

    { "json", "array", ihanoi_host_json_array, IHANOI_PHASE_ANY,
      "list? table",
      "list table",
      "Marks a table as an array, a new one when none is given, and returns "
      "it: encode() writes [] when it is empty and refuses names in it. "
      "getmetatable() of a marked table is \"array\". Raises when the table "
      "has a metatable of its own." },

    { "json", "raw", ihanoi_host_json_raw, IHANOI_PHASE_ANY,
      "text string",
      "value? ihanoi.Raw\n"
      "err? string",
      "A value that encode() writes as the JSON text it was given, byte by "
      "byte: numbers of any size pass, nothing is read. tostring() gives the "
      "text back. nil and the reason when the text is not JSON; members that "
      "stand twice are not looked for." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ihanoi_host_json = {
    "json",
    "JSON, read and written strictly. ihanoi.json.null stands for null: nil "
    "is a member that is not there.",
    ihanoi_host_json_functions,
    ihanoi_host_json_open
};


static int
ihanoi_host_json_open(lua_State *L)
{
    ihanoi_lua_json_open(L);
    lua_pop(L, 1);
    lua_setfield(L, -2, "null");

    return 0;
}


static int
ihanoi_host_json_encode(lua_State *L)
{
    luaL_checkany(L, 1);

    if (ihanoi_lua_push_encoded(L, 1) != 0) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }

    return 1;
}


static int
ihanoi_host_json_decode(lua_State *L)
{
    size_t                len;
    const char           *text;
    ihanoi_json_error_t   err;

    text = luaL_checklstring(L, 1, &len);

    if (ihanoi_lua_read_json(L, text, len, &err) != 0) {
        return ihanoi_host_fail(L, "%s at byte %d", err.reason,
                                (int) err.offset + 1);
    }

    return 1;
}


static int
ihanoi_host_json_array(lua_State *L)
{
    if (lua_isnone(L, 1)) {
        lua_newtable(L);
    }

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);

    ihanoi_lua_json_open(L);

    if (lua_getmetatable(L, 1) && !lua_rawequal(L, -1, 3)) {
        luaL_argerror(L, 1, "a table with a metatable of its own");
    }

    lua_settop(L, 3);
    lua_setmetatable(L, 1);
    lua_settop(L, 1);

    return 1;
}


static int
ihanoi_host_json_raw(lua_State *L)
{
    size_t                  len;
    const char             *text;
    ihanoi_json_error_t     err;
    ihanoi_json_options_t   options;

    text = luaL_checklstring(L, 1, &len);

    memset(&options, 0, sizeof(ihanoi_json_options_t));
    options.depth = IHANOI_LUA_JSON_DEPTH;
    options.numbers = IHANOI_JSON_ANY;
    options.poll = ihanoi_host_json_poll;
    options.ctx = L;

    if (ihanoi_json_check(text, len, &options, &err) != IHANOI_OK) {
        return ihanoi_host_fail(L, "%s at byte %d", err.reason,
                                (int) err.offset + 1);
    }

    ihanoi_lua_push_raw(L, text, len);

    return 1;
}


static void
ihanoi_host_json_poll(void *ctx)
{
    ihanoi_sandbox_poll(ctx);
}
