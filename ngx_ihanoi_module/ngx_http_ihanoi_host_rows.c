/*
 * Copyright (C) iHaNoi contributors
 *
 * Rows and errors of PostgreSQL as Lua values.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <math.h>
#include <lauxlib.h>

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_host_rows.h"
#include "ngx_http_ihanoi_problem.h"
#include "ihanoi_lua_json.h"


/* pg_type.oid of types that are built in: they never change */
#define NGX_HTTP_IHANOI_PG_BOOL     16
#define NGX_HTTP_IHANOI_PG_INT8     20
#define NGX_HTTP_IHANOI_PG_INT2     21
#define NGX_HTTP_IHANOI_PG_INT4     23
#define NGX_HTTP_IHANOI_PG_OID      26
#define NGX_HTTP_IHANOI_PG_JSON     114
#define NGX_HTTP_IHANOI_PG_FLOAT4   700
#define NGX_HTTP_IHANOI_PG_FLOAT8   701
#define NGX_HTTP_IHANOI_PG_NUMERIC  1700
#define NGX_HTTP_IHANOI_PG_JSONB    3802

/* a double holds any number of so many digits, and integers up to 2^53 */
#define NGX_HTTP_IHANOI_ROWS_DIGITS   15
#define NGX_HTTP_IHANOI_ROWS_INTEGER  9007199254740992.0


/* What a plugin is told of a call that the server has not answered. */
typedef struct {
    ngx_http_ihanoi_pg_outcome_e   outcome;
    const char                    *code;
    const char                    *message;
} ngx_http_ihanoi_host_outcome_t;


static int ngx_http_ihanoi_host_push_value(lua_State *L, ngx_uint_t type,
    ngx_str_t *value);
static void ngx_http_ihanoi_host_push_exact(lua_State *L, ngx_str_t *value);
static void ngx_http_ihanoi_host_push_sqlerror(lua_State *L,
    ngx_http_ihanoi_pgresult_t *res);
static ngx_str_t ngx_http_ihanoi_host_only(lua_State *L,
    ngx_http_ihanoi_pgresult_t *res, const char *function);
static ngx_str_t ngx_http_ihanoi_host_member(lua_State *L, int index,
    const char *name);


static const ngx_http_ihanoi_host_outcome_t
    ngx_http_ihanoi_host_outcomes[] =
{
    { NGX_HTTP_IHANOI_PG_BUSY, "busy",
      "all connections are busy" },
    { NGX_HTTP_IHANOI_PG_TIMEOUT, "timeout",
      "no answer in time, a write may have happened" },
    { NGX_HTTP_IHANOI_PG_UNKNOWN, "unknown",
      "the connection was lost, a write may have happened" },
    { NGX_HTTP_IHANOI_PG_TOO_LARGE, "too-large",
      "the answer is too large, a write may have happened" },
    { NGX_HTTP_IHANOI_PG_MISUSED, "transaction",
      "the statement is a COPY or left a transaction open, it was rolled back: "
      "use ihanoi.db.transaction()" },
    { NGX_HTTP_IHANOI_PG_DOWN, "down",
      "the database cannot be reached" },

    { NGX_HTTP_IHANOI_PG_OK, NULL, NULL }
};


int
ngx_http_ihanoi_host_push_rows(lua_State *L, ngx_http_ihanoi_pgresult_t *res)
{
    ngx_uint_t   i, rows;
    const char  *err;

    /* so that it stays a list when it is empty */

    (void) ihanoi_lua_push_json(L, "[]", 2, &err);

    rows = ngx_http_ihanoi_pgresult_rows(res);

    for (i = 0; i < rows; i++) {

        ihanoi_sandbox_poll(L);

        if (ngx_http_ihanoi_host_push_row(L, res, i) != 0) {
            return -1;
        }

        lua_rawseti(L, -2, (int) i + 1);
    }

    return 0;
}


int
ngx_http_ihanoi_host_push_row(lua_State *L, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t row)
{
    ngx_str_t   name, value;
    ngx_uint_t  i, columns;

    columns = ngx_http_ihanoi_pgresult_columns(res);

    luaL_checkstack(L, 8, NULL);
    lua_createtable(L, 0, (int) columns);

    for (i = 0; i < columns; i++) {
        value = ngx_http_ihanoi_pgresult_value(res, row, i);

        if (value.data == NULL) {
            continue;
        }

        name = ngx_http_ihanoi_pgresult_name(res, i);
        lua_pushlstring(L, (char *) name.data, name.len);

        if (ngx_http_ihanoi_host_push_value(L,
                                  ngx_http_ihanoi_pgresult_type(res, i),
                                  &value)
            != 0)
        {
            lua_pushfstring(L, "column \"%s\": %s", (char *) name.data,
                            lua_tostring(L, -1));
            return -1;
        }

        lua_rawset(L, -3);
    }

    return 0;
}


static int
ngx_http_ihanoi_host_push_value(lua_State *L, ngx_uint_t type,
    ngx_str_t *value)
{
    const char  *err;

    switch (type) {

    case NGX_HTTP_IHANOI_PG_BOOL:
        lua_pushboolean(L, value->data[0] == 't');
        return 0;

    case NGX_HTTP_IHANOI_PG_INT2:
    case NGX_HTTP_IHANOI_PG_INT4:
    case NGX_HTTP_IHANOI_PG_OID:
    case NGX_HTTP_IHANOI_PG_FLOAT4:
    case NGX_HTTP_IHANOI_PG_FLOAT8:
        lua_pushnumber(L, strtod((char *) value->data, NULL));
        return 0;

    case NGX_HTTP_IHANOI_PG_INT8:
    case NGX_HTTP_IHANOI_PG_NUMERIC:
        ngx_http_ihanoi_host_push_exact(L, value);
        return 0;

    case NGX_HTTP_IHANOI_PG_JSON:
    case NGX_HTTP_IHANOI_PG_JSONB:
        if (ihanoi_lua_push_json(L, (char *) value->data, value->len, &err)
            != 0)
        {
            lua_pushstring(L, err);
            return -1;
        }

        return 0;

    default:
        lua_pushlstring(L, (char *) value->data, value->len);
        return 0;
    }
}


/* As a number when that is what it says, to the last digit. */

static void
ngx_http_ihanoi_host_push_exact(lua_State *L, ngx_str_t *value)
{
    double      number;
    u_char     *p, *last;
    ngx_uint_t  digits, fraction;

    digits = 0;
    fraction = 0;
    last = value->data + value->len;

    for (p = value->data; p < last; p++) {

        if (*p >= '0' && *p <= '9') {
            digits++;

        } else if (*p == '.') {
            fraction = 1;

        } else if (*p != '-' || p != value->data) {
            /* NaN, Infinity */
            goto string;
        }
    }

    number = strtod((char *) value->data, NULL);

    if (digits <= NGX_HTTP_IHANOI_ROWS_DIGITS
        || (!fraction && fabs(number) < NGX_HTTP_IHANOI_ROWS_INTEGER))
    {
        lua_pushnumber(L, number);
        return;
    }

string:

    lua_pushlstring(L, (char *) value->data, value->len);
}


int
ngx_http_ihanoi_host_push_only(lua_State *L, ngx_http_ihanoi_pgresult_t *res)
{
    ngx_str_t  value;

    value = ngx_http_ihanoi_host_only(L, res, "value");

    if (value.data == NULL) {
        lua_pushnil(L);
        return 0;
    }

    return ngx_http_ihanoi_host_push_value(L,
                                   ngx_http_ihanoi_pgresult_type(res, 0),
                                   &value);
}


void
ngx_http_ihanoi_host_push_document(lua_State *L,
    ngx_http_ihanoi_pgresult_t *res)
{
    ngx_str_t   value;
    ngx_uint_t  type;

    value = ngx_http_ihanoi_host_only(L, res, "json");
    type = ngx_http_ihanoi_pgresult_type(res, 0);

    if (type != NGX_HTTP_IHANOI_PG_JSON && type != NGX_HTTP_IHANOI_PG_JSONB) {
        (void) luaL_error(L, "ihanoi.db.json() needs a column of type json or "
                          "jsonb");
    }

    if (value.data == NULL) {
        lua_pushnil(L);
        return;
    }

    ihanoi_lua_push_raw(L, (char *) value.data, value.len);
}


/* Without data when there is no row, or it is null. */

static ngx_str_t
ngx_http_ihanoi_host_only(lua_State *L, ngx_http_ihanoi_pgresult_t *res,
    const char *function)
{
    ngx_uint_t  columns;

    columns = ngx_http_ihanoi_pgresult_columns(res);

    if (columns != 1) {
        (void) luaL_error(L, "ihanoi.db.%s() needs one column, there are %d",
                          function, (int) columns);
    }

    return ngx_http_ihanoi_pgresult_value(res, 0, 0);
}


void
ngx_http_ihanoi_host_push_error(lua_State *L, const char *code,
    const char *message)
{
    luaL_checkstack(L, 4, NULL);
    lua_createtable(L, 0, 2);

    lua_pushstring(L, code);
    lua_setfield(L, -2, "code");
    lua_pushstring(L, message);
    lua_setfield(L, -2, "message");
}


void
ngx_http_ihanoi_host_push_outcome(lua_State *L,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res)
{
    const ngx_http_ihanoi_host_outcome_t  *row;

    if (res) {
        ngx_http_ihanoi_host_push_sqlerror(L, res);
        return;
    }

    row = ngx_http_ihanoi_host_outcomes;

    while (row->outcome != outcome && row[1].code) {
        row++;
    }

    ngx_http_ihanoi_host_push_error(L, row->code, row->message);
}


/* As functions of the core do, a plugin's functions refuse. */

static void
ngx_http_ihanoi_host_push_sqlerror(lua_State *L,
    ngx_http_ihanoi_pgresult_t *res)
{
    ngx_str_t    sqlstate, text;
    const char  *err;

    luaL_checkstack(L, 8, NULL);
    lua_createtable(L, 0, 4);

    sqlstate = ngx_http_ihanoi_pgresult_sqlstate(res);
    text = ngx_http_ihanoi_pgresult_message(res);

    lua_pushlstring(L, (char *) sqlstate.data, sqlstate.len);
    lua_setfield(L, -2, "sqlstate");
    lua_pushlstring(L, (char *) text.data, text.len);
    lua_setfield(L, -2, "message");

    if (!ngx_http_ihanoi_problem_is_refusal(&sqlstate)) {
        lua_pushliteral(L, "sql");
        lua_setfield(L, -2, "code");
        return;
    }

    lua_pushlstring(L, (char *) text.data, text.len);
    lua_setfield(L, -2, "code");

    text = ngx_http_ihanoi_pgresult_detail(res);

    if (text.len
        && ihanoi_lua_push_json(L, (char *) text.data, text.len, &err) == 0)
    {
        lua_setfield(L, -2, "members");
    }
}


int
ngx_http_ihanoi_host_get_error(lua_State *L, int index,
    ngx_http_ihanoi_host_error_t *err)
{
    const ngx_http_ihanoi_host_outcome_t  *row;

    if (lua_type(L, index) != LUA_TTABLE) {
        return 0;
    }

    luaL_checkstack(L, 2, NULL);

    err->code = ngx_http_ihanoi_host_member(L, index, "code");
    err->sqlstate = ngx_http_ihanoi_host_member(L, index, "sqlstate");
    err->message = ngx_http_ihanoi_host_member(L, index, "message");
    err->refused = ngx_http_ihanoi_problem_is_refusal(&err->sqlstate);
    err->outcome = NGX_HTTP_IHANOI_PG_SQLERROR;

    for (row = ngx_http_ihanoi_host_outcomes; row->code; row++) {
        if (!err->refused && ngx_strcmp(err->code.data, row->code) == 0) {
            err->outcome = row->outcome;
        }
    }

    return err->code.len != 0;
}


const char *
ngx_http_ihanoi_host_error_problem(ngx_http_ihanoi_host_error_t *err,
    ngx_uint_t get, ngx_uint_t *level)
{
    const char                                *code;
    const ngx_http_ihanoi_problem_sqlstate_t  *row;

    code = ngx_http_ihanoi_problem_outcome(err->outcome, get);

    if (code) {
        *level = NGX_LOG_WARN;
        return code;
    }

    row = ngx_http_ihanoi_problem_sqlstate(&err->sqlstate, get);

    if (row) {
        *level = row->level;
        return row->code;
    }

    *level = NGX_LOG_ERR;

    return "plugin-failed";
}


ngx_uint_t
ngx_http_ihanoi_host_error_away(ngx_http_ihanoi_host_error_t *err)
{
    ngx_uint_t  level;

    return ngx_strcmp(ngx_http_ihanoi_host_error_problem(err, 0, &level),
                      "database-unavailable")
           == 0;
}


void
ngx_http_ihanoi_host_push_reason(lua_State *L, int index)
{
    ngx_str_t                     message;
    ngx_http_ihanoi_host_error_t  err;

    luaL_checkstack(L, 4, NULL);

    if (ngx_http_ihanoi_host_get_error(L, index, &err)) {
        message = err.message;

        if (err.sqlstate.len) {
            message = ngx_http_ihanoi_pg_loggable(&err.sqlstate, &message);
        }

        lua_pushfstring(L, "%s: ", err.sqlstate.len && !err.refused
                                   ? err.sqlstate.data : err.code.data);
        lua_pushlstring(L, (char *) message.data, message.len);
        lua_concat(L, 2);
        return;
    }

    if (lua_type(L, index) == LUA_TSTRING && lua_objlen(L, index)) {
        lua_pushvalue(L, index);
        return;
    }

    lua_pushliteral(L, "no reason given");
}


static ngx_str_t
ngx_http_ihanoi_host_member(lua_State *L, int index, const char *name)
{
    ngx_str_t  text = ngx_string("");

    lua_pushvalue(L, index);
    lua_pushstring(L, name);
    lua_rawget(L, -2);

    if (lua_type(L, -1) == LUA_TSTRING) {
        text.data = (u_char *) lua_tolstring(L, -1, &text.len);
    }

    lua_pop(L, 2);

    return text;
}
