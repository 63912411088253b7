/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.db: the plugin's own role and schema.
 *
 * A function here sends and waits, and Lua goes on with take(), which makes
 * values of the answer: then it is the plugin's call that meets its limits of
 * memory and time, not an event handler.
 *
 *     db.query(...)  =  take(query(...))
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <lauxlib.h>

#include "ngx_http_ihanoi_host.h"
#include "ngx_http_ihanoi_host_query.h"
#include "ngx_http_ihanoi_host_db_task.h"
#include "ngx_http_ihanoi_host_rows.h"
#include "ihanoi_sql.h"


/*
 * Of one transaction.  Each one behind which something is written is an entry in
 * the server's table of locks, which is everybody's.
 */
#define NGX_HTTP_IHANOI_HOST_DB_SAVEPOINTS  100


static int ngx_http_ihanoi_host_db_open(lua_State *L);
static int ngx_http_ihanoi_host_db_query(lua_State *L);
static int ngx_http_ihanoi_host_db_call(lua_State *L);
static int ngx_http_ihanoi_host_db_either(lua_State *L,
    ngx_http_ihanoi_host_db_mode_e mode);
static int ngx_http_ihanoi_host_db_one(lua_State *L);
static int ngx_http_ihanoi_host_db_value(lua_State *L);
static int ngx_http_ihanoi_host_db_json(lua_State *L);
static int ngx_http_ihanoi_host_db_execute(lua_State *L);
static int ngx_http_ihanoi_host_db_begin(lua_State *L);
static int ngx_http_ihanoi_host_db_commit(lua_State *L);
static int ngx_http_ihanoi_host_db_rollback(lua_State *L);
static int ngx_http_ihanoi_host_db_stays(lua_State *L);
static ngx_http_ihanoi_host_db_t *ngx_http_ihanoi_host_db_own(lua_State *L);
static int ngx_http_ihanoi_host_db_take(lua_State *L);

static int ngx_http_ihanoi_host_db_ask(lua_State *L,
    ngx_http_ihanoi_host_db_mode_e mode,
    int (*query)(lua_State *L, int *text, const char **refused));
static const char *ngx_http_ihanoi_host_db_over(
    ngx_http_ihanoi_host_db_t *ctx);
static int ngx_http_ihanoi_host_db_answer(lua_State *L,
    ngx_http_ihanoi_host_db_t *ctx);
static int ngx_http_ihanoi_host_db_failed(lua_State *L,
    ngx_http_ihanoi_host_db_t *ctx);


/* Of this worker's: none has the number of another one. */
static uint64_t  ngx_http_ihanoi_host_db_transactions;


/*
 * What can only be said in Lua: C cannot go on behind a wait.  A coroutine that
 * yields in the function of a transaction may go on where that is over: what it
 * does then is not to stay, half of a whole.  Nobody else is asked which one runs.
 */

static const char  ngx_http_ihanoi_host_db_around[] =
    "local db, take, commit, rollback, stays, within, running, pcall, error"
    " = ...\n"
    "local query, call, one = db.query, db.call, db.one\n"
    "local value, json = db.value, db.json\n"
    "local execute, begin = db.execute, db.transaction\n"
    "local any = false\n"
    "local function inside()\n"
    "    local transaction = any and within[running() or 0]\n"
    "    if transaction then stays(transaction) end\n"
    "end\n"
    "function db.query(...) inside() return take(query(...)) end\n"
    "function db.call(...) inside() return take(call(...)) end\n"
    "function db.one(...) inside() return take(one(...)) end\n"
    "function db.value(...) inside() return take(value(...)) end\n"
    "function db.json(...) inside() return take(json(...)) end\n"
    "function db.execute(...) inside() return take(execute(...)) end\n"
    "local function ended(transaction, ok, ...)\n"
    "    within[running() or 0] = nil\n"
    "    if not ok then rollback(transaction) error((...), 0) end\n"
    "    local value, err = ...\n"
    "    if not value and err ~= nil then rollback(transaction) return ... end\n"
    "    local done, why = take(commit(transaction))\n"
    "    if not done then return nil, why end\n"
    "    if value == nil then return true end\n"
    "    return ...\n"
    "end\n"
    "function db.transaction(body)\n"
    "    inside()\n"
    "    local transaction, why = take(begin(body))\n"
    "    if not transaction then return nil, why end\n"
    "    local coroutine = running()\n"
    "    if coroutine then any = true within[coroutine] = transaction end\n"
    "    return ended(transaction, pcall(body))\n"
    "end\n";


static const ihanoi_host_function_t  ngx_http_ihanoi_host_db_functions[] = {

    { "db", "query", ngx_http_ihanoi_host_db_query,
      IHANOI_PHASE_CALL, "sql string\nvalues? any[]",
      "rows table[]?\nerr ihanoi.DbError?",
      "Runs one statement with values for $1, $2, ... and returns its rows, "
      "each a table by column names. Numbers, booleans and strings are sent as "
      "they are, tables as JSON (a list is no array of PostgreSQL's: = any "
      "(select jsonb_array_elements_text($1))), nil and ihanoi.json.null as "
      "null. int2, int4 and floats come as numbers; int8 and numeric too when "
      "no digit is lost, else as strings; json and jsonb decoded; null is "
      "absent; all else is text as PostgreSQL writes it: a timestamptz is a "
      "date-time of a contract after to_json(). In a GET the transaction is "
      "read-only. err has code, message and, "
      "from the server, sqlstate; what a function raises with SQLSTATE IH001 "
      "has its problem's code and members. Other codes: sql, busy, down, "
      "timeout and unknown (a write may have happened), too-large, value, "
      "transaction." },

    { "db", "call", ngx_http_ihanoi_host_db_call,
      IHANOI_PHASE_CALL, "name string\narguments? table<string, any>",
      "rows table[]?\nerr ihanoi.DbError?",
      "Calls a function of the plugin's SQL by argument names; absent ones "
      "have their defaults. Values and rows as of query()." },

    { "db", "one", ngx_http_ihanoi_host_db_one,
      IHANOI_PHASE_CALL, "sql_or_name string\nvalues? table",
      "row table?\nerr ihanoi.DbError?",
      "As query(), or as call() when the text is a name: the first row, nil "
      "when there is none." },

    { "db", "value", ngx_http_ihanoi_host_db_value,
      IHANOI_PHASE_CALL, "sql_or_name string\nvalues? table",
      "value any\nerr ihanoi.DbError?",
      "As one(), of a statement with one column: its value in the first row. "
      "nil when there is no row or it is null; err tells failure from that." },

    { "db", "json", ngx_http_ihanoi_host_db_json,
      IHANOI_PHASE_CALL, "sql_or_name string\nvalues? table",
      "document ihanoi.Raw?\nerr ihanoi.DbError?",
      "As one(), of a statement with one column of type json or jsonb: its "
      "text as ihanoi.json.raw(), which goes into an answer without being "
      "parsed. nil when there is no row or it is null." },

    { "db", "execute", ngx_http_ihanoi_host_db_execute,
      IHANOI_PHASE_CALL, "sql string\nvalues? any[]",
      "count integer?\nerr ihanoi.DbError?",
      "As query(), and returns how many rows an insert, update or delete "
      "touched." },

    { "db", "transaction", ngx_http_ihanoi_host_db_begin,
      IHANOI_PHASE_CALL, "body fun(): ...any",
      "result any\nerr any",
      "Calls body in a transaction, in which all statements of this task go "
      "until it returns, then commits and returns what body returned, true "
      "when that was nothing. It is rolled back when body raises an error, "
      "which goes on, when it returns nil or false and an error, and when the "
      "run is killed, abandoned or out of time. nil and an error when the "
      "commit failed. They cannot be nested; up to 100 savepoints that were "
      "not released can be used, with more it is rolled back. A coroutine that "
      "yields in body goes on with it in the same task only: a statement raises "
      "an error in another one. Other runs wait for the connection: be quick, "
      "and wait for nothing else." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ngx_http_ihanoi_host_db = {
    "db",
    "The plugin's own database role and schema. A statement is bounded by the "
    "request's deadline and by the timeout of its pool.",
    ngx_http_ihanoi_host_db_functions,
    ngx_http_ihanoi_host_db_open
};


static int
ngx_http_ihanoi_host_db_open(lua_State *L)
{
    ihanoi_host_push_around(L, ngx_http_ihanoi_host_db_around);

    lua_pushvalue(L, -2);
    lua_pushcfunction(L, ngx_http_ihanoi_host_db_take);
    lua_pushcfunction(L, ngx_http_ihanoi_host_db_commit);
    lua_pushcfunction(L, ngx_http_ihanoi_host_db_rollback);
    lua_pushcfunction(L, ngx_http_ihanoi_host_db_stays);

    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);

    lua_getglobal(L, "coroutine");
    lua_getfield(L, -1, "running");
    lua_remove(L, -2);

    lua_getglobal(L, "pcall");
    lua_getglobal(L, "error");
    lua_call(L, 9, 0);

    return 0;
}


static int
ngx_http_ihanoi_host_db_query(lua_State *L)
{
    return ngx_http_ihanoi_host_db_ask(L, NGX_HTTP_IHANOI_HOST_DB_ROWS,
                                       ngx_http_ihanoi_host_query_sql);
}


static int
ngx_http_ihanoi_host_db_execute(lua_State *L)
{
    return ngx_http_ihanoi_host_db_ask(L, NGX_HTTP_IHANOI_HOST_DB_EXECUTE,
                                       ngx_http_ihanoi_host_query_sql);
}


static int
ngx_http_ihanoi_host_db_call(lua_State *L)
{
    return ngx_http_ihanoi_host_db_ask(L, NGX_HTTP_IHANOI_HOST_DB_ROWS,
                                       ngx_http_ihanoi_host_query_call);
}


static int
ngx_http_ihanoi_host_db_either(lua_State *L,
    ngx_http_ihanoi_host_db_mode_e mode)
{
    size_t       len;
    const char  *text;

    text = luaL_checklstring(L, 1, &len);

    return ngx_http_ihanoi_host_db_ask(L, mode,
                                       ihanoi_sql_is_name(text, len)
                                       ? ngx_http_ihanoi_host_query_call
                                       : ngx_http_ihanoi_host_query_sql);
}


static int
ngx_http_ihanoi_host_db_ask(lua_State *L, ngx_http_ihanoi_host_db_mode_e mode,
    int (*query)(lua_State *L, int *text, const char **refused))
{
    int                         n, text;
    const char                 *refused;
    ngx_http_ihanoi_host_db_t  *ctx;

    luaL_checkstring(L, 1);

    ctx = ngx_http_ihanoi_host_db_get(L, mode);
    refused = NULL;

    n = query(L, &text, &refused);

    if (refused) {
        return ngx_http_ihanoi_host_db_refuse(ctx, "value", refused);
    }

    return ngx_http_ihanoi_host_db_send(L, ctx, text, n);
}


static int
ngx_http_ihanoi_host_db_one(lua_State *L)
{
    return ngx_http_ihanoi_host_db_either(L, NGX_HTTP_IHANOI_HOST_DB_ONE);
}


static int
ngx_http_ihanoi_host_db_value(lua_State *L)
{
    return ngx_http_ihanoi_host_db_either(L, NGX_HTTP_IHANOI_HOST_DB_VALUE);
}


static int
ngx_http_ihanoi_host_db_json(lua_State *L)
{
    return ngx_http_ihanoi_host_db_either(L, NGX_HTTP_IHANOI_HOST_DB_JSON);
}


static int
ngx_http_ihanoi_host_db_begin(lua_State *L)
{
    ngx_http_ihanoi_host_db_t  *ctx;

    luaL_checktype(L, 1, LUA_TFUNCTION);

    ctx = ngx_http_ihanoi_host_db_get(L, NGX_HTTP_IHANOI_HOST_DB_BEGIN);

    if (ctx->transaction) {
        return luaL_error(L, "transactions cannot be nested");
    }

    ctx->session = ngx_http_ihanoi_pgsession_create(ctx->run->log);
    if (ctx->session == NULL) {
        return luaL_error(L, "not enough memory");
    }

    lua_settop(L, 0);
    lua_pushliteral(L, "begin");

    return ngx_http_ihanoi_host_db_send(L, ctx, 1, 0);
}


/* Called by "around" only, with the number of the transaction, as is rollback. */

static int
ngx_http_ihanoi_host_db_commit(lua_State *L)
{
    ngx_http_ihanoi_host_db_t  *ctx;

    if (ngx_http_ihanoi_host_db_own(L) == NULL) {

        /* no commit: this task may have a transaction of its own */

        ctx = ngx_http_ihanoi_host_db_get(L, NGX_HTTP_IHANOI_HOST_DB_EXECUTE);

        return ngx_http_ihanoi_host_db_refuse(ctx, "transaction",
                                     "it is another task's, or was rolled back "
                                     "when that one ended");
    }

    ctx = ngx_http_ihanoi_host_db_get(L, NGX_HTTP_IHANOI_HOST_DB_COMMIT);

    if (ctx->session == NULL
        || ngx_http_ihanoi_pgsession_state(ctx->session)
           != NGX_HTTP_IHANOI_PGSESSION_OPEN)
    {
        ngx_http_ihanoi_host_db_close(ctx);

        return ngx_http_ihanoi_host_db_refuse(ctx, "transaction",
                         "a statement failed, the transaction was rolled back");
    }

    ngx_http_ihanoi_pgsession_ending(ctx->session);

    lua_settop(L, 0);
    lua_pushliteral(L, "commit");

    return ngx_http_ihanoi_host_db_send(L, ctx, 1, 0);
}


static int
ngx_http_ihanoi_host_db_rollback(lua_State *L)
{
    ngx_http_ihanoi_host_db_t  *ctx;

    ctx = ngx_http_ihanoi_host_db_own(L);

    if (ctx) {

        /* nobody waits for it: it needs nothing of the run any more */

        ngx_http_ihanoi_host_db_close(ctx);
        ctx->transaction = 0;
    }

    return 0;
}


/* The same of a coroutine in its function; told where the plugin has called. */

static int
ngx_http_ihanoi_host_db_stays(lua_State *L)
{
    if (ngx_http_ihanoi_host_db_own(L) == NULL) {
        luaL_where(L, 3);
        lua_pushliteral(L, "the transaction of this coroutine is another "
                           "task's, or has ended");
        lua_concat(L, 2);

        return lua_error(L);
    }

    return 0;
}


/*
 * The current task's, when the transaction at 1 is its own.  NULL: it is another
 * task's, which rolls it back when it ends: a coroutine that yields in the
 * function of a transaction may go on in any.
 */

static ngx_http_ihanoi_host_db_t *
ngx_http_ihanoi_host_db_own(lua_State *L)
{
    ngx_http_ihanoi_host_db_t  *ctx;

    ctx = ngx_http_ihanoi_host_db_find(L);

    return ctx && ctx->transaction == (uint64_t) lua_tonumber(L, 1) ? ctx
                                                                    : NULL;
}


/* Behind each function that sends: its results. */

static int
ngx_http_ihanoi_host_db_take(lua_State *L)
{
    int                         n;
    const char                 *why;
    ngx_http_ihanoi_host_db_t  *ctx;

    ctx = ngx_http_ihanoi_host_db_find(L);

    if (ctx->mode == NGX_HTTP_IHANOI_HOST_DB_BEGIN) {

        if (!ctx->refused && ctx->outcome == NGX_HTTP_IHANOI_PG_OK) {
            ctx->transaction = ++ngx_http_ihanoi_host_db_transactions;
            ctx->savepoints = 0;

        } else {
            ngx_http_ihanoi_host_db_close(ctx);
        }

    } else if (ctx->mode == NGX_HTTP_IHANOI_HOST_DB_COMMIT) {
        ctx->transaction = 0;
        ngx_http_ihanoi_host_db_close(ctx);

    } else if (ctx->session && !ctx->refused
               && (why = ngx_http_ihanoi_host_db_over(ctx)) != NULL)
    {
        ngx_http_ihanoi_host_db_close(ctx);
        ngx_http_ihanoi_host_db_forget(ctx);
        ngx_http_ihanoi_host_db_refuse(ctx, "transaction", why);
    }

    if (ctx->refused || ctx->outcome != NGX_HTTP_IHANOI_PG_OK) {
        n = ngx_http_ihanoi_host_db_failed(L, ctx);

    } else {
        n = ngx_http_ihanoi_host_db_answer(L, ctx);
    }

    ngx_http_ihanoi_host_db_forget(ctx);

    return n;
}


/* Why the transaction does not go on behind a statement. */

static const char *
ngx_http_ihanoi_host_db_over(ngx_http_ihanoi_host_db_t *ctx)
{
    const char  *tag;

    tag = ctx->outcome == NGX_HTTP_IHANOI_PG_OK
          ? ngx_http_ihanoi_pgresult_tag(ctx->res) : "";

    /* "commit and chain" has begun another one */

    if (ngx_http_ihanoi_pgsession_state(ctx->session)
        == NGX_HTTP_IHANOI_PGSESSION_IDLE
        || ngx_strcmp(tag, "COMMIT") == 0)
    {
        return "the statement has ended the transaction";
    }

    if (ngx_strcmp(tag, "SAVEPOINT") == 0
        && ++ctx->savepoints > NGX_HTTP_IHANOI_HOST_DB_SAVEPOINTS)
    {
        return "it had too many savepoints and was rolled back";
    }

    /* with those behind it, which are not known: it may have fewer */

    if (ngx_strcmp(tag, "RELEASE") == 0 && ctx->savepoints) {
        ctx->savepoints--;
    }

    return NULL;
}


static int
ngx_http_ihanoi_host_db_answer(lua_State *L, ngx_http_ihanoi_host_db_t *ctx)
{
    switch (ctx->mode) {

    case NGX_HTTP_IHANOI_HOST_DB_ROWS:
        if (ngx_http_ihanoi_host_push_rows(L, ctx->res) == 0) {
            return 1;
        }

        break;

    case NGX_HTTP_IHANOI_HOST_DB_ONE:
        if (ngx_http_ihanoi_pgresult_rows(ctx->res) == 0) {
            lua_pushnil(L);
            return 1;
        }

        if (ngx_http_ihanoi_host_push_row(L, ctx->res, 0) == 0) {
            return 1;
        }

        break;

    case NGX_HTTP_IHANOI_HOST_DB_VALUE:
        if (ngx_http_ihanoi_host_push_only(L, ctx->res) == 0) {
            return 1;
        }

        break;

    case NGX_HTTP_IHANOI_HOST_DB_JSON:
        ngx_http_ihanoi_host_push_document(L, ctx->res);
        return 1;

    case NGX_HTTP_IHANOI_HOST_DB_EXECUTE:
        lua_pushnumber(L, (lua_Number)
                          ngx_http_ihanoi_pgresult_affected(ctx->res));
        return 1;

    case NGX_HTTP_IHANOI_HOST_DB_BEGIN:
        lua_pushnumber(L, (lua_Number) ctx->transaction);
        return 1;

    default: /* NGX_HTTP_IHANOI_HOST_DB_COMMIT */
        lua_pushboolean(L, 1);
        return 1;
    }

    /* a value that Lua cannot hold: why is on the stack */

    lua_pushnil(L);
    ngx_http_ihanoi_host_push_error(L, "value", lua_tostring(L, -2));

    return 2;
}


static int
ngx_http_ihanoi_host_db_failed(lua_State *L, ngx_http_ihanoi_host_db_t *ctx)
{
    lua_pushnil(L);

    if (ctx->refused) {
        ngx_http_ihanoi_host_push_error(L, ctx->code, ctx->refused);

    } else if (ctx->transaction && ctx->outcome == NGX_HTTP_IHANOI_PG_UNKNOWN) {

        /* nothing of a transaction is kept without its commit */

        ngx_http_ihanoi_host_push_error(L, "down",
                       "the connection was lost, the transaction rolled back");

    } else {
        ngx_http_ihanoi_host_push_outcome(L, ctx->outcome, ctx->res);
    }

    return 2;
}
