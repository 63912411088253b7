/*
 * Copyright (C) iHaNoi contributors
 *
 * The values of JSON that Lua has not.
 */

#include <string.h>

#include <lauxlib.h>

#include "ihanoi_lua_json.h"


/* In the registry, in which luaL_ref() counts from 1: null, and metatables. */
#define IHANOI_LUA_NULL      (-1)
#define IHANOI_LUA_ARRAY     (-2)
#define IHANOI_LUA_RAW       (-3)


/* The userdata of null and raw; of the host's userdata only they begin so. */
typedef struct {
    const void               *tag;
    size_t                    len;
    char                      data[];
} ihanoi_lua_raw_t;


static void ihanoi_lua_json_get(lua_State *L, int i);
static int ihanoi_lua_text_of_null(lua_State *L);
static int ihanoi_lua_text_of_raw(lua_State *L);


static const char  ihanoi_lua_null_tag;
static const char  ihanoi_lua_raw_tag;


void
ihanoi_lua_json_open(lua_State *L)
{
    ihanoi_lua_raw_t  *null;

    lua_rawgeti(L, LUA_REGISTRYINDEX, IHANOI_LUA_NULL);

    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);

        null = lua_newuserdata(L, sizeof(ihanoi_lua_raw_t));
        null->tag = &ihanoi_lua_null_tag;
        null->len = 0;

        lua_newtable(L);
        lua_pushcfunction(L, ihanoi_lua_text_of_null);
        lua_setfield(L, -2, "__tostring");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_setmetatable(L, -2);

        lua_pushvalue(L, -1);
        lua_rawseti(L, LUA_REGISTRYINDEX, IHANOI_LUA_NULL);

        lua_newtable(L);
        lua_pushliteral(L, "array");
        lua_setfield(L, -2, "__metatable");
        lua_rawseti(L, LUA_REGISTRYINDEX, IHANOI_LUA_ARRAY);

        lua_newtable(L);
        lua_pushcfunction(L, ihanoi_lua_text_of_raw);
        lua_setfield(L, -2, "__tostring");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_rawseti(L, LUA_REGISTRYINDEX, IHANOI_LUA_RAW);
    }

    lua_rawgeti(L, LUA_REGISTRYINDEX, IHANOI_LUA_ARRAY);
}


static void
ihanoi_lua_json_get(lua_State *L, int i)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, i);

    if (lua_isnil(L, -1)) {
        (void) luaL_error(L, "\"json\" is not open");
    }
}


void
ihanoi_lua_push_null(lua_State *L)
{
    ihanoi_lua_json_get(L, IHANOI_LUA_NULL);
}


void
ihanoi_lua_push_array(lua_State *L, int n)
{
    lua_createtable(L, n, 0);
    ihanoi_lua_json_get(L, IHANOI_LUA_ARRAY);
    lua_setmetatable(L, -2);
}


void
ihanoi_lua_push_raw(lua_State *L, const char *data, size_t len)
{
    ihanoi_lua_raw_t  *raw;

    raw = lua_newuserdata(L, sizeof(ihanoi_lua_raw_t) + len);

    raw->tag = &ihanoi_lua_raw_tag;
    raw->len = len;
    memcpy(raw->data, data, len);

    ihanoi_lua_json_get(L, IHANOI_LUA_RAW);
    lua_setmetatable(L, -2);
}


int
ihanoi_lua_is_null(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TUSERDATA
           && lua_objlen(L, index) == sizeof(ihanoi_lua_raw_t)
           && ((ihanoi_lua_raw_t *) lua_touserdata(L, index))->tag
              == &ihanoi_lua_null_tag;
}


const char *
ihanoi_lua_raw(lua_State *L, int index, size_t *len)
{
    ihanoi_lua_raw_t  *raw;

    if (lua_type(L, index) != LUA_TUSERDATA
        || lua_objlen(L, index) < sizeof(ihanoi_lua_raw_t))
    {
        return NULL;
    }

    raw = lua_touserdata(L, index);

    if (raw->tag != &ihanoi_lua_raw_tag) {
        return NULL;
    }

    *len = raw->len;

    return raw->data;
}


static int
ihanoi_lua_text_of_null(lua_State *L)
{
    lua_pushliteral(L, "null");

    return 1;
}


static int
ihanoi_lua_text_of_raw(lua_State *L)
{
    size_t       len;
    const char  *data;

    data = ihanoi_lua_raw(L, 1, &len);
    lua_pushlstring(L, data, len);

    return 1;
}
