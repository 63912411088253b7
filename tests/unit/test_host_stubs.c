/*
 * Copyright (C) iHaNoi contributors
 *
 * What editors are told of "ihanoi" (conf/lua/ihanoi.lua) is what a sandbox
 * has, name by name, in both directions.  Of nouns that need nginx only that
 * they are Lua: tests/http/plugin_stubs.t asks a worker for those.
 */

#include "host_fixture.h"


#define MB  (1024 * 1024)


/* Functions of the table on the top of L that the one of other has not. */

static unsigned
missing(lua_State *L, lua_State *other, const char *noun, const char *where)
{
    int          type;
    unsigned     n;
    const char  *name;

    n = 0;

    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        name = lua_tostring(L, -2);

        if (!lua_isfunction(L, -1)) {
            continue;
        }

        lua_getfield(other, -1, name);
        type = lua_type(other, -1);
        lua_pop(other, 1);

        if (type != LUA_TFUNCTION) {
            printf("# ihanoi.%s.%s is not in %s\n", noun, name, where);
            n++;
        }
    }

    return n;
}


/* What is beside functions: stubs have it as a "---@field" of the class. */

static int
field_described(const char *text, const char *noun, const char *name)
{
    char         class[80], field[80];
    const char  *start, *found;

    snprintf(class, sizeof(class), "---@class ihanoi.%s\n", noun);
    snprintf(field, sizeof(field), "---@field %s ", name);

    start = strstr(text, class);
    found = start ? strstr(start, field) : NULL;

    return found && found < strstr(start, "= {}");
}


static void
names(lua_State *stubs, const char *text)
{
    lua_State                        *L;
    const char                       *noun, *name;
    const ihanoi_host_noun_t *const  *p;

    L = ihanoi_sandbox_state(sandbox);

    for (p = ihanoi_host_nouns; *p; p++) {
        noun = (*p)->noun;

        lua_settop(stubs, 0);
        lua_getglobal(stubs, "ihanoi");
        lua_getfield(stubs, -1, noun);

        ok(lua_istable(stubs, -1), "there are stubs of ihanoi.%s", noun);

        if (!lua_istable(stubs, -1)) {
            continue;
        }

        /* the table behind the userdata, which a plugin does not reach */

        lua_settop(L, 0);
        lua_getglobal(L, "ihanoi");
        lua_getfield(L, -1, noun);
        (void) lua_getmetatable(L, -1);
        lua_getfield(L, -1, "__index");

        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
            name = lua_tostring(L, -2);

            if (!lua_isfunction(L, -1)) {
                ok(field_described(text, noun, name),
                   "ihanoi.%s.%s is described", noun, name);
            }
        }

        ok(missing(L, stubs, noun, "the stubs") == 0,
           "the sandbox's functions of ihanoi.%s have stubs", noun);
        ok(missing(stubs, L, noun, "the sandbox") == 0,
           "and the stubs are functions of the sandbox");
    }

    lua_settop(L, 0);
}


/* The file, NUL-terminated; the caller's. */

static char *
read_stubs(void)
{
    char    *text;
    FILE    *file;
    size_t   n;

    text = calloc(1, MB);
    file = fopen("conf/lua/ihanoi.lua", "r");

    if (text == NULL || file == NULL) {
        printf("Bail out! no conf/lua/ihanoi.lua\n");
        exit(1);
    }

    n = fread(text, 1, MB - 1, file);
    text[n] = '\0';
    (void) fclose(file);

    return text;
}


int
main(void)
{
    char       *text;
    lua_State  *stubs;

    text = read_stubs();
    stubs = luaL_newstate();

    ok(luaL_loadbuffer(stubs, text, strlen(text), "=ihanoi.lua") == 0
       && lua_pcall(stubs, 0, 0, 0) == 0, "the stubs are Lua that runs");

    if (lua_gettop(stubs)) {
        printf("# %s\n", lua_tostring(stubs, -1));
    }

    start(8 * MB);
    says("return type(ihanoi.json.encode)", "function");
    names(stubs, text);

    lua_close(stubs);
    free(text);

    end();
    ihanoi_sandbox_destroy(sandbox);

    return done_testing();
}
