/*
 * Copyright (C) iHaNoi contributors
 *
 * The global "ihanoi": read-only, and each function in its phases only.
 */

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include <lauxlib.h>

#include "ihanoi_host.h"
#include "ihanoi_sandbox.h"


#define IHANOI_HOST_INTEGER_MAX  9007199254740992.0    /* 2^53 */


static int ihanoi_host_enter(lua_State *L);
static int ihanoi_host_refuse(lua_State *L,
    const ihanoi_host_function_t *function, unsigned phase);
static void ihanoi_host_seal(lua_State *L, const char *name);
static int ihanoi_host_read_only(lua_State *L);
static int ihanoi_host_name(lua_State *L);
static void ihanoi_host_global(lua_State *L);
static int ihanoi_host_set_global(lua_State *L);
static int ihanoi_host_rawset(lua_State *L);


int
ihanoi_host_open(lua_State *L, const ihanoi_host_noun_t *const *nouns)
{
    const ihanoi_host_noun_t      *noun;
    const ihanoi_host_function_t  *function;

    lua_newtable(L);

    for ( /* void */ ; *nouns; nouns++) {
        noun = *nouns;

        lua_newtable(L);

        for (function = noun->functions; function->name; function++) {
            lua_pushlightuserdata(L, (void *) function);
            lua_pushcclosure(L, ihanoi_host_enter, 1);
            lua_setfield(L, -2, function->name);
        }

        if (noun->open) {
            (void) noun->open(L);
        }

        lua_pushfstring(L, "ihanoi.%s", noun->noun);
        lua_insert(L, -2);
        ihanoi_host_seal(L, lua_tostring(L, -2));
        lua_remove(L, -2);

        lua_setfield(L, -2, noun->noun);
    }

    ihanoi_host_seal(L, "ihanoi");
    ihanoi_host_global(L);

    ihanoi_sandbox_set_phase(ihanoi_sandbox_of(L), IHANOI_PHASE_LOAD);

    return 0;
}


/* In front of each function: an option, or a text, may be a function of Lua's. */

static int
ihanoi_host_enter(lua_State *L)
{
    unsigned                       phase;
    const ihanoi_host_function_t  *function;

    ihanoi_sandbox_check_stack(L);

    function = lua_touserdata(L, lua_upvalueindex(1));
    phase = ihanoi_sandbox_phase(ihanoi_sandbox_of(L));

    if (function->phases & phase) {
        return function->function(L);
    }

    return ihanoi_host_refuse(L, function, phase);
}


static int
ihanoi_host_refuse(lua_State *L, const ihanoi_host_function_t *function,
    unsigned phase)
{
    const char  *when;

    switch (phase) {

    case IHANOI_PHASE_LOAD:
        when = "while the plugin is loaded";
        break;

    case IHANOI_PHASE_REQUEST:
        when = "in a request";
        break;

    case IHANOI_PHASE_JOB:
        when = "in a job";
        break;

    case IHANOI_PHASE_INTERFACE:
        when = "in a call of another plugin";
        break;

    default:
        when = "now";
        break;
    }

    return luaL_error(L, "ihanoi.%s.%s() cannot be called %s",
                      function->noun, function->name, when);
}


/* Seals the table on the top of the stack as a read-only userdata. */

static void
ihanoi_host_seal(lua_State *L, const char *name)
{
    (void) lua_newuserdata(L, 0);
    lua_newtable(L);

    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");

    lua_pushstring(L, name);
    lua_pushcclosure(L, ihanoi_host_read_only, 1);
    lua_setfield(L, -2, "__newindex");

    lua_pushstring(L, name);
    lua_pushcclosure(L, ihanoi_host_name, 1);
    lua_setfield(L, -2, "__tostring");

    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");

    lua_setmetatable(L, -2);
    lua_replace(L, -2);
}


/*
 * The value on the top becomes the global "ihanoi", for good: a member of the
 * globals could be assigned, so it is found behind them.
 */

static void
ihanoi_host_global(lua_State *L)
{
    lua_pushvalue(L, LUA_GLOBALSINDEX);
    lua_newtable(L);

    lua_newtable(L);
    lua_pushvalue(L, -4);
    lua_setfield(L, -2, "ihanoi");
    lua_setfield(L, -2, "__index");

    lua_pushcfunction(L, ihanoi_host_set_global);
    lua_setfield(L, -2, "__newindex");

    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");

    lua_setmetatable(L, -2);

    lua_pushvalue(L, -1);
    lua_pushcclosure(L, ihanoi_host_rawset, 1);
    lua_setfield(L, -2, "rawset");

    lua_pop(L, 2);
}


static int
ihanoi_host_set_global(lua_State *L)
{
    if (lua_type(L, 2) == LUA_TSTRING
        && strcmp(lua_tostring(L, 2), "ihanoi") == 0)
    {
        return luaL_error(L, "ihanoi is read-only");
    }

    lua_rawset(L, 1);

    return 0;
}


static int
ihanoi_host_rawset(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 3);
    lua_settop(L, 3);

    if (lua_rawequal(L, 1, lua_upvalueindex(1))) {
        (void) ihanoi_host_set_global(L);
        return 1;
    }

    lua_rawset(L, 1);

    return 1;
}


static int
ihanoi_host_read_only(lua_State *L)
{
    return luaL_error(L, "%s is read-only",
                      lua_tostring(L, lua_upvalueindex(1)));
}


static int
ihanoi_host_name(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));

    return 1;
}


void
ihanoi_host_push_around(lua_State *L, const char *text)
{
    if (luaL_loadbufferx(L, text, strlen(text), "=host", "t") != 0) {
        (void) lua_error(L);
    }
}


int
ihanoi_host_fail(lua_State *L, const char *fmt, ...)
{
    va_list  args;

    lua_pushnil(L);

    va_start(args, fmt);
    lua_pushvfstring(L, fmt, args);
    va_end(args);

    return 2;
}


double
ihanoi_host_integer(lua_State *L, int index)
{
    double  value;

    /* a text is none: one of more digits than a double has would lose some */

    luaL_checktype(L, index, LUA_TNUMBER);
    value = lua_tonumber(L, index);

    if (!(fabs(value) <= IHANOI_HOST_INTEGER_MAX) || value != floor(value)) {
        luaL_argerror(L, index, "not an integer of at most 2^53");
    }

    return value;
}


/* LuaJIT takes the usual one for a value that is no text, too. */

int
ihanoi_host_option(lua_State *L, int index, const char *usual,
    const char *const *names)
{
    return luaL_checkoption(L, index, luaL_optstring(L, index, usual), names);
}


int
ihanoi_host_options(lua_State *L, int index, const char *const *names)
{
    unsigned  i;

    if (lua_isnoneornil(L, index)) {
        return 0;
    }

    luaL_checktype(L, index, LUA_TTABLE);

    lua_pushnil(L);

    while (lua_next(L, index)) {
        lua_pop(L, 1);

        if (lua_type(L, -1) != LUA_TSTRING) {
            luaL_argerror(L, index, "an option without a name");
        }

        for (i = 0; names[i]; i++) {
            if (strcmp(names[i], lua_tostring(L, -1)) == 0) {
                break;
            }
        }

        if (names[i] == NULL) {
            lua_pushfstring(L, "unknown option \"%s\"", lua_tostring(L, -1));
            luaL_argerror(L, index, lua_tostring(L, -1));
        }
    }

    return 1;
}
