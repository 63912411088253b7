/*
 * Copyright (C) iHaNoi contributors
 *
 * The plugin's coroutines: Lua's names and meanings.  Whoever resumes or yields
 * leaves the state, and ihanoi_call_run() enters the other one.
 */

#include "ihanoi_sandbox_state.h"


/* In the registry: a table with weak names. */
#define IHANOI_COROUTINE_BURIED  "ihanoi.buried"


static int ihanoi_coroutine_create(lua_State *L);
static int ihanoi_coroutine_resume(lua_State *L);
static int ihanoi_coroutine_yield(lua_State *L);
static int ihanoi_coroutine_status(lua_State *L);
static int ihanoi_coroutine_running(lua_State *L);
static lua_State *ihanoi_coroutine_check(lua_State *L);
static const char *ihanoi_coroutine_state(lua_State *L, lua_State *co);


static const luaL_Reg  ihanoi_coroutine_functions[] = {
    { "create", ihanoi_coroutine_create },
    { "resume", ihanoi_coroutine_resume },
    { "yield", ihanoi_coroutine_yield },
    { "status", ihanoi_coroutine_status },
    { "running", ihanoi_coroutine_running },
    { NULL, NULL }
};


void
ihanoi_sandbox_open_coroutine(lua_State *L)
{
    const luaL_Reg  *f;

    lua_newtable(L);

    for (f = ihanoi_coroutine_functions; f->name; f++) {
        lua_pushcfunction(L, f->func);
        lua_setfield(L, -2, f->name);
    }

    lua_setglobal(L, "coroutine");

    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_setfield(L, LUA_REGISTRYINDEX, IHANOI_COROUTINE_BURIED);
}


/*
 * It would go on in the middle of a wait, with whatever it is resumed with as
 * the result, or behind a limit that its call has passed.
 */

void
ihanoi_sandbox_bury(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, IHANOI_COROUTINE_BURIED);
    lua_insert(L, -2);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}


static int
ihanoi_coroutine_create(lua_State *L)
{
    lua_State  *co;

    luaL_checktype(L, 1, LUA_TFUNCTION);

    co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);

    return 1;
}


static int
ihanoi_coroutine_resume(lua_State *L)
{
    int                n;
    lua_State         *co;
    const char        *state;
    ihanoi_sandbox_t  *sandbox;

    sandbox = ihanoi_sandbox_of(L);
    co = ihanoi_coroutine_check(L);
    n = lua_gettop(L);

    state = ihanoi_coroutine_state(L, co);

    if (*state != 's') {
        lua_pushboolean(L, 0);
        lua_pushfstring(L, "cannot resume %s coroutine",
                        *state == 'd' ? "dead" : "non-suspended");
        return 2;
    }

    if (!lua_isyieldable(L)) {
        return luaL_error(L, "a coroutine cannot be resumed in a callback of "
                             "sort(), gsub() and the like");
    }

    if (sandbox->call->depth == IHANOI_SANDBOX_DEPTH
        || !lua_checkstack(co, n))
    {
        return luaL_error(L, "too many coroutines inside each other");
    }

    /*
     * The results come when nobody can catch an error: a stack that is full
     * then would end the process.
     */

    luaL_checkstack(L, IHANOI_CALL_RESULTS + 2, "results of a coroutine");

    sandbox->op = IHANOI_SANDBOX_RESUME;

    return lua_yield(L, n);
}


static int
ihanoi_coroutine_yield(lua_State *L)
{
    ihanoi_sandbox_t  *sandbox;

    sandbox = ihanoi_sandbox_of(L);

    if (sandbox->call->depth == 1) {
        return luaL_error(L, "attempt to yield from outside a coroutine");
    }

    if (!lua_isyieldable(L)) {
        return luaL_error(L, "a coroutine cannot yield in a callback of "
                             "sort(), gsub() and the like");
    }

    sandbox->op = IHANOI_SANDBOX_YIELD;

    return lua_yield(L, lua_gettop(L));
}


static int
ihanoi_coroutine_status(lua_State *L)
{
    lua_State  *co;

    co = ihanoi_coroutine_check(L);
    lua_pushstring(L, ihanoi_coroutine_state(L, co));

    return 1;
}


/* nil outside of coroutines, as in Lua 5.1 */

static int
ihanoi_coroutine_running(lua_State *L)
{
    if (ihanoi_sandbox_of(L)->call->depth == 1) {
        lua_pushnil(L);

    } else {
        (void) lua_pushthread(L);
    }

    return 1;
}


static lua_State *
ihanoi_coroutine_check(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTHREAD);

    return lua_tothread(L, 1);
}


/*
 * Of co, which is the first argument; "normal" too when it waits, or was
 * preempted, in another call.
 */

static const char *
ihanoi_coroutine_state(lua_State *L, lua_State *co)
{
    int                buried;
    unsigned           i;
    ihanoi_call_t     *call;
    ihanoi_sandbox_t  *sandbox;

    sandbox = ihanoi_sandbox_of(L);

    LIST_FOREACH(call, &sandbox->calls, link) {
        for (i = 0; i < call->depth; i++) {

            if (call->stack[i] == co) {
                return call == sandbox->call && i == call->depth - 1
                       ? "running" : "normal";
            }
        }
    }

    if (lua_status(co) == LUA_YIELD) {
        lua_getfield(L, LUA_REGISTRYINDEX, IHANOI_COROUTINE_BURIED);
        lua_pushvalue(L, 1);
        lua_rawget(L, -2);
        buried = lua_toboolean(L, -1);
        lua_pop(L, 2);

        return buried ? "dead" : "suspended";
    }

    return lua_status(co) == 0 && lua_gettop(co) > 0 ? "suspended" : "dead";
}
