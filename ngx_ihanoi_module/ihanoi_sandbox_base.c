/*
 * Copyright (C) iHaNoi contributors
 *
 * What a plugin finds in its globals: the harmless part of LuaJIT's libraries,
 * and our own in place of what reaches out, leaks or cannot be stopped.
 */

#include <string.h>

#include <lualib.h>

#include "ihanoi_digest.h"
#include "ihanoi_sandbox_state.h"


static void ihanoi_sandbox_keep(lua_State *L, const char *library,
    const char *const *names);
static int ihanoi_sandbox_find(lua_State *L);
static int ihanoi_sandbox_call_number(lua_State *L);
static int ihanoi_sandbox_tostring(lua_State *L);


/* Everything else goes: a new version of LuaJIT brings nothing new in. */

static const char *const  ihanoi_sandbox_globals[] = {
    "_G", "_VERSION", "assert", "bit", "coroutine", "error", "getmetatable",
    "ipairs", "math", "next", "pairs", "pcall", "rawequal", "rawget", "rawset",
    "select", "setmetatable", "string", "table", "tonumber", "tostring", "type",
    "unpack", "xpcall", NULL
};

static const char *const  ihanoi_sandbox_string[] = {
    "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match",
    "rep", "reverse", "sub", "upper", NULL
};

static const char *const  ihanoi_sandbox_table[] = {
    "concat", "insert", "maxn", "remove", "sort", NULL
};

static const char *const  ihanoi_sandbox_math[] = {
    "abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cosh", "deg", "exp",
    "floor", "fmod", "frexp", "huge", "ldexp", "log", "log10", "max", "min",
    "modf", "pi", "pow", "rad", "random", "sin", "sinh", "sqrt", "tan", "tanh",
    NULL
};


/*
 * In Lua what is shorter there, and what has to be left and entered again.
 *
 * A file that waits while it is loaded may be loaded by two calls at a time: what
 * the first one of them has is kept.  The mark of a call that was dropped in
 * between is no other's.
 */

static const char  ihanoi_sandbox_prelude[] =
    "local find, create, resume, call, check, raised = ...\n"
    "local error, loaded, loading = error, {}, {}\n"
    "local type, xpcall = type, xpcall\n"

    "local function results(ok, ...)\n"
    "    if ok then return ... end\n"
    "    error((...), 0)\n"
    "end\n"

    "function coroutine.wrap(f)\n"
    "    local co = create(f)\n"
    "    return function(...) return results(resume(co, ...)) end\n"
    "end\n"

    "local function ran(name, ok, value)\n"
    "    loading[name] = nil\n"
    "    if not ok then error(value, 0) end\n"
    "    if loaded[name] == nil then\n"
    "        loaded[name] = value == nil or value\n"
    "    end\n"
    "    return loaded[name]\n"
    "end\n"

    "function require(name)\n"
    "    local value = loaded[name]\n"
    "    if value ~= nil then return value end\n"
    "    local chunk, reason, place = find(name)\n"
    "    if not chunk then error(reason, place) end\n"
    "    if loading[name] == call() then\n"
    "        error('\"' .. name .. '\" requires itself', 2)\n"
    "    end\n"
    "    loading[name] = call()\n"
    "    return ran(name, xpcall(chunk, raised, name))\n"
    "end\n"

    "local function checked(handler)\n"
    "    if type(handler) ~= 'function' then return handler end\n"
    "    return function(...) check() return handler(...) end\n"
    "end\n"

    "function _G.xpcall(f, handler, ...)\n"
    "    return xpcall(f, checked(handler), ...)\n"
    "end\n";


int
ihanoi_sandbox_open(lua_State *L)
{
    unsigned  i;
    unsigned  seed;

    static const lua_CFunction  libraries[] = {
        luaopen_base, luaopen_string, luaopen_table, luaopen_math, luaopen_bit
    };

    for (i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
        lua_pushcfunction(L, libraries[i]);
        lua_call(L, 0, 0);
    }

    lua_settop(L, 0);

    /* all workers would draw the same numbers */

    if (ihanoi_random(&seed, sizeof(unsigned)) != 0) {
        return luaL_error(L, "no random numbers");
    }

    lua_getglobal(L, "math");
    lua_getfield(L, -1, "randomseed");
    lua_pushnumber(L, seed);
    lua_call(L, 1, 0);
    lua_settop(L, 0);

    ihanoi_sandbox_keep(L, NULL, ihanoi_sandbox_globals);
    ihanoi_sandbox_keep(L, "string", ihanoi_sandbox_string);
    ihanoi_sandbox_keep(L, "table", ihanoi_sandbox_table);
    ihanoi_sandbox_keep(L, "math", ihanoi_sandbox_math);

    /* the libraries' own list of themselves */

    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, "_LOADED");

    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_settop(L, 0);

    lua_pushcfunction(L, ihanoi_sandbox_tostring);
    lua_setglobal(L, "tostring");

    ihanoi_sandbox_open_coroutine(L);
    ihanoi_sandbox_open_string(L);
    ihanoi_sandbox_open_table(L);

    if (luaL_loadbufferx(L, ihanoi_sandbox_prelude,
                         sizeof(ihanoi_sandbox_prelude) - 1, "=sandbox", "t")
        != 0)
    {
        return lua_error(L);
    }

    lua_pushcfunction(L, ihanoi_sandbox_find);
    lua_getglobal(L, "coroutine");
    lua_getfield(L, -1, "create");
    lua_getfield(L, -2, "resume");
    lua_remove(L, -3);
    lua_pushcfunction(L, ihanoi_sandbox_call_number);
    lua_pushcfunction(L, ihanoi_sandbox_check_handler);
    lua_pushcfunction(L, ihanoi_sandbox_raised);
    lua_call(L, 6, 0);

    return 0;
}


/* Takes everything out of a library, or out of the globals, but names. */

static void
ihanoi_sandbox_keep(lua_State *L, const char *library,
    const char *const *names)
{
    unsigned  i;

    if (library) {
        lua_getglobal(L, library);

    } else {
        lua_pushvalue(L, LUA_GLOBALSINDEX);
    }

    lua_pushnil(L);

    while (lua_next(L, 1)) {
        lua_pop(L, 1);

        for (i = 0; names[i]; i++) {
            if (lua_type(L, -1) == LUA_TSTRING
                && strcmp(names[i], lua_tostring(L, -1)) == 0)
            {
                break;
            }
        }

        if (names[i] == NULL) {

            /* an existing field may be cleared while it is walked over */

            lua_pushvalue(L, -1);
            lua_pushnil(L);
            lua_rawset(L, 1);
        }
    }

    lua_settop(L, 0);
}


/*
 * The compiled file of a name: find("lib.fees").  Or nil, why not, and whose
 * mistake it is as the second argument of error().
 */

static int
ihanoi_sandbox_find(lua_State *L)
{
    char                         chunk[256];
    unsigned                     i;
    const char                  *name;
    const ihanoi_sandbox_file_t *file;
    const ihanoi_sandbox_conf_t *conf;

    name = luaL_checkstring(L, 1);
    conf = &ihanoi_sandbox_of(L)->conf;

    for (i = 0; i < conf->nfiles; i++) {
        file = &conf->files[i];

        if (strcmp(file->name, name) == 0) {

            lua_pushfstring(L, "@%s/%s.lua", conf->name, name);
            strncpy(chunk, lua_tostring(L, -1), sizeof(chunk) - 1);
            chunk[sizeof(chunk) - 1] = '\0';

            if (luaL_loadbufferx(L, file->text, file->len, chunk, "t") != 0) {
                lua_pushnil(L);
                lua_insert(L, -2);
                lua_pushinteger(L, 0);
                return 3;
            }

            return 1;
        }
    }

    lua_pushnil(L);
    lua_pushfstring(L, "the plugin has no file for \"%s\"", name);
    lua_pushinteger(L, 2);

    return 3;
}


/* Of the call that runs: no other one has had it. */

static int
ihanoi_sandbox_call_number(lua_State *L)
{
    lua_pushnumber(L, (lua_Number) ihanoi_sandbox_of(L)->call->number);

    return 1;
}


static int
ihanoi_sandbox_tostring(lua_State *L)
{
    ihanoi_sandbox_check_stack(L);
    luaL_checkany(L, 1);

    if (luaL_callmeta(L, 1, "__tostring")) {
        return 1;
    }

    ihanoi_sandbox_push_text(L, 1);

    return 1;
}


/* As Lua's, but no addresses: they tell where memory is. */

void
ihanoi_sandbox_push_text(lua_State *L, int index)
{
    if (luaL_callmeta(L, index, "__tostring")) {

        if (lua_isstring(L, -1)) {
            (void) lua_tostring(L, -1);
            return;
        }

        /* whatever it is: it has no text */

        lua_replace(L, index);
    }

    switch (lua_type(L, index)) {

    case LUA_TNUMBER:
    case LUA_TSTRING:
        lua_pushvalue(L, index);
        (void) lua_tostring(L, -1);
        break;

    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
        break;

    default:
        lua_pushstring(L, luaL_typename(L, index));
        break;
    }
}
