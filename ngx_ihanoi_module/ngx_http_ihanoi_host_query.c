/*
 * Copyright (C) iHaNoi contributors
 *
 * Statements that Lua writes: their texts and those of their values.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <math.h>
#include <lauxlib.h>

#include "ngx_http_ihanoi_host_query.h"
#include "ihanoi_lua_json.h"
#include "ihanoi_number.h"
#include "ihanoi_sandbox.h"
#include "ihanoi_sql.h"


#define NGX_HTTP_IHANOI_HOST_QUERY_SQL      262144    /* bytes */
#define NGX_HTTP_IHANOI_HOST_QUERY_CALL     8192      /* 101 names of up to 63 */
#define NGX_HTTP_IHANOI_HOST_QUERY_INTEGER  9223372036854775808.0    /* 2^63 */


static int ngx_http_ihanoi_host_query_names(lua_State *L, const char **names);
static int ngx_http_ihanoi_host_query_compare(const void *one,
    const void *two);
static void ngx_http_ihanoi_host_query_compose(lua_State *L,
    const char **names, int n);
static u_char *ngx_http_ihanoi_host_query_number(lua_Number n, u_char *number);
static void ngx_http_ihanoi_host_query_value(lua_State *L, const char *name,
    const char **refused);


/* (sql, values?) */

int
ngx_http_ihanoi_host_query_sql(lua_State *L, int *text, const char **refused)
{
    int          i, nparams;
    char         name[sizeof("$100")];
    size_t       len;
    lua_Number   key;
    const char  *sql;

    sql = luaL_checklstring(L, 1, &len);
    luaL_argcheck(L, len <= NGX_HTTP_IHANOI_HOST_QUERY_SQL, 1, "is too long");
    luaL_argcheck(L, ngx_strlen(sql) == len, 1, "has a NUL byte");

    nparams = ihanoi_sql_parameters(sql, len);
    luaL_argcheck(L, nparams >= 0, 1, "has more than 100 parameters");

    lua_settop(L, 2);

    if (!lua_isnil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);

        for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {

            key = (lua_type(L, -2) == LUA_TNUMBER) ? lua_tonumber(L, -2) : 0;

            if (!(key >= 1 && key <= nparams) || key != floor(key)) {
                return luaL_error(L, "the statement has %d parameters, and "
                                  "there is a value for another", nparams);
            }
        }
    }

    luaL_checkstack(L, nparams + 8, NULL);

    for (i = 1; i <= nparams; i++) {

        if (lua_isnil(L, 2)) {
            lua_pushnil(L);
            continue;
        }

        (void) ngx_snprintf((u_char *) name, sizeof(name), "$%d%Z", i);

        lua_rawgeti(L, 2, i);
        ngx_http_ihanoi_host_query_value(L, name, refused);
    }

    *text = 1;

    return nparams;
}


/* (name, arguments?): becomes select * from "name"("a" => $1) */

int
ngx_http_ihanoi_host_query_call(lua_State *L, int *text, const char **refused)
{
    int          i, n;
    size_t       len;
    const char  *name;
    const char  *names[IHANOI_SQL_PARAMETERS];

    name = luaL_checklstring(L, 1, &len);
    luaL_argcheck(L, ihanoi_sql_is_name(name, len), 1,
                  "is not the name of a function");

    lua_settop(L, 2);

    n = 0;

    if (!lua_isnil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        n = ngx_http_ihanoi_host_query_names(L, names);
    }

    ngx_http_ihanoi_host_query_compose(L, names, n);

    luaL_checkstack(L, n + 8, NULL);

    for (i = 0; i < n; i++) {
        lua_getfield(L, 2, names[i]);
        ngx_http_ihanoi_host_query_value(L, names[i], refused);
    }

    *text = 3;

    return n;
}


/* In one order, whatever the table's is: the same text each time. */

static int
ngx_http_ihanoi_host_query_names(lua_State *L, const char **names)
{
    int     n;
    size_t  len;

    n = 0;

    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {

        if (lua_type(L, -2) != LUA_TSTRING) {
            return luaL_error(L, "an argument has no name");
        }

        if (n == IHANOI_SQL_PARAMETERS) {
            return luaL_error(L, "there are more than 100 arguments");
        }

        names[n] = lua_tolstring(L, -2, &len);

        if (!ihanoi_sql_is_name(names[n], len)) {
            return luaL_error(L, "\"%s\" is not the name of an argument",
                              names[n]);
        }

        n++;
    }

    ngx_qsort(names, n, sizeof(const char *), ngx_http_ihanoi_host_query_compare);

    return n;
}


static int
ngx_http_ihanoi_host_query_compare(const void *one, const void *two)
{
    return ngx_strcmp(*(const char **) one, *(const char **) two);
}


static void
ngx_http_ihanoi_host_query_compose(lua_State *L, const char **names, int n)
{
    int      i;
    u_char  *p, *last;
    u_char   sql[NGX_HTTP_IHANOI_HOST_QUERY_CALL];

    last = sql + sizeof(sql);

    p = ngx_slprintf(sql, last, "select * from \"%s\"(", lua_tostring(L, 1));

    for (i = 0; i < n; i++) {
        p = ngx_slprintf(p, last, "%s\"%s\" => $%d", i ? ", " : "", names[i],
                         i + 1);
    }

    p = ngx_slprintf(p, last, ")");

    lua_pushlstring(L, (char *) sql, p - sql);
}


/*
 * 0.1 is 0.1 in a numeric, too.  Of what is no number PostgreSQL's name: C's has
 * a sign, which a numeric does not read.
 */

static u_char *
ngx_http_ihanoi_host_query_number(lua_Number n, u_char *number)
{
    if (isnan(n)) {
        return ngx_sprintf(number, "NaN");
    }

    if (isinf(n)) {
        return ngx_sprintf(number, n < 0 ? "-Infinity" : "Infinity");
    }

    return number + ihanoi_number_text(n, (char *) number);
}


/* Replaces the value on the top of the stack by its text, or nil. */

static void
ngx_http_ihanoi_host_query_value(lua_State *L, const char *name,
    const char **refused)
{
    size_t       len;
    u_char      *p;
    u_char       number[64];
    lua_Number   n;
    const char  *text;

    switch (lua_type(L, -1)) {

    case LUA_TNIL:
        return;

    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, -1) ? "true" : "false");
        break;

    case LUA_TNUMBER:
        n = lua_tonumber(L, -1);

        if (n == floor(n) && fabs(n) < NGX_HTTP_IHANOI_HOST_QUERY_INTEGER) {
            p = ngx_sprintf(number, "%L", (int64_t) n);

        } else {
            p = ngx_http_ihanoi_host_query_number(n, number);
        }

        lua_pushlstring(L, (char *) number, p - number);
        break;

    case LUA_TSTRING:
        text = lua_tolstring(L, -1, &len);

        if (ngx_strlen(text) != len) {
            *refused = "PostgreSQL has no text with NUL";
        }

        /* a hundred may be the same long one */

        ihanoi_sandbox_poll(L);
        return;

    case LUA_TUSERDATA:
        text = ihanoi_lua_raw(L, -1, &len);

        if (ihanoi_lua_is_null(L, -1)) {
            lua_pushnil(L);
            break;
        }

        if (text) {
            lua_pushlstring(L, text, len);
            break;
        }

        /* fall through */

    default:
        (void) luaL_error(L, "the value of %s is a %s", name,
                          luaL_typename(L, -1));
        break;

    case LUA_TTABLE:
        if (ihanoi_lua_push_encoded(L, lua_gettop(L)) != 0) {
            (void) luaL_error(L, "the value of %s: %s", name,
                              lua_tostring(L, -1));
        }
    }

    lua_replace(L, -2);
}
