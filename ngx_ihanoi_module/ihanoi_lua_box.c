/*
 * Copyright (C) iHaNoi contributors
 *
 * Memory outside Lua that an error cannot lose.
 */

#include <stdlib.h>

#include <lauxlib.h>

#include "ihanoi_lua_box.h"


/* The metatable, in the registry. */
#define IHANOI_LUA_BOX  "ihanoi.box"


static int ihanoi_lua_box_charge(lua_State *L, ihanoi_lua_box_t *box,
    size_t bytes);
static int ihanoi_lua_box_gc(lua_State *L);


ihanoi_lua_box_t *
ihanoi_lua_box_create(lua_State *L)
{
    ihanoi_lua_box_t  *box;

    box = lua_newuserdata(L, sizeof(ihanoi_lua_box_t));

    box->sandbox = ihanoi_sandbox_of(L);
    box->data = NULL;
    box->size = 0;

    if (luaL_newmetatable(L, IHANOI_LUA_BOX)) {
        lua_pushcfunction(L, ihanoi_lua_box_gc);
        lua_setfield(L, -2, "__gc");
    }

    lua_setmetatable(L, -2);

    return box;
}


void
ihanoi_lua_box_resize(lua_State *L, ihanoi_lua_box_t *box, size_t size)
{
    char  *data;

    if (ihanoi_lua_box_charge(L, box, size - box->size) != 0) {
        (void) luaL_error(L, "not enough memory");
    }

    data = realloc(box->data, size);
    if (data == NULL) {
        (void) luaL_error(L, "not enough memory");
    }

    box->data = data;
}


static int
ihanoi_lua_box_charge(lua_State *L, ihanoi_lua_box_t *box, size_t bytes)
{
    ihanoi_sandbox_make_room(L, bytes);

    if (ihanoi_sandbox_charge(box->sandbox, (long) bytes) != 0) {
        return -1;
    }

    box->size += bytes;

    return 0;
}


void
ihanoi_lua_box_free(ihanoi_lua_box_t *box)
{
    free(ihanoi_lua_box_take(box));
}


char *
ihanoi_lua_box_take(ihanoi_lua_box_t *box)
{
    char  *data;

    (void) ihanoi_sandbox_charge(box->sandbox, -(long) box->size);

    data = box->data;

    box->data = NULL;
    box->size = 0;

    return data;
}


static int
ihanoi_lua_box_gc(lua_State *L)
{
    ihanoi_lua_box_free(lua_touserdata(L, 1));

    return 0;
}
