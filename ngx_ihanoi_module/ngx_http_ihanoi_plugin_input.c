/*
 * Copyright (C) iHaNoi contributors
 *
 * Input of a handler: the operation's arguments as Lua values.
 *
 * They are those that a SQL function would get, under the same names: checked
 * against the contract, with its defaults, null and absent alike.
 */

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_run.h"
#include "ihanoi_lua_json.h"


static void ngx_http_ihanoi_plugin_push(lua_State *L,
    const ihanoi_argument_t *argument, const char *value);


int
ngx_http_ihanoi_plugin_input(lua_State *L)
{
    unsigned                   i;
    const char               **values;
    const ihanoi_operation_t  *op;
    ngx_http_ihanoi_run_t     *run;

    run = ngx_http_ihanoi_run_of(L);

    op = run->ctx->operation->contract;
    values = run->ctx->input.values;

    lua_createtable(L, 0, (int) op->narguments);

    for (i = 0; i < op->narguments; i++) {

        if (values[i] == NULL) {
            continue;
        }

        lua_pushlstring(L, op->arguments[i].sql_name.data,
                        op->arguments[i].sql_name.len);
        ngx_http_ihanoi_plugin_push(L, &op->arguments[i], values[i]);
        lua_rawset(L, -3);
    }

    return 1;
}


int
ngx_http_ihanoi_plugin_argument(lua_State *L)
{
    ngx_str_t   *body;
    const char  *err;

    body = &ngx_http_ihanoi_run_of(L)->body;

    if (ihanoi_lua_push_json(L, (char *) body->data, body->len, &err) != 0) {
        return luaL_error(L, "the argument cannot be held in Lua: %s", err);
    }

    return 1;
}


static void
ngx_http_ihanoi_plugin_push(lua_State *L, const ihanoi_argument_t *argument,
    const char *value)
{
    const char  *type, *err;

    type = argument->sql_type.data;

    if (strcmp(type, "jsonb") == 0) {

        if (ihanoi_lua_push_json(L, value, strlen(value), &err) != 0) {
            (void) luaL_error(L, "\"%s\" cannot be held in Lua: %s",
                              argument->sql_name.data, err);
        }

    } else if (strcmp(type, "boolean") == 0) {
        lua_pushboolean(L, value[0] == 't');

    } else if (strcmp(type, "int4") == 0 || strcmp(type, "int8") == 0
               || strcmp(type, "float8") == 0
               || strcmp(type, "numeric") == 0)
    {
        /* the contract's integers may be larger than a double holds */

        if (ihanoi_lua_push_json(L, value, strlen(value), &err) != 0) {
            lua_pushstring(L, value);
        }

    } else {
        lua_pushstring(L, value);
    }
}
