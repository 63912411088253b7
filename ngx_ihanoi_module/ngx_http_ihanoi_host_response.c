/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.response: how a handler refuses. Answers in parts are of the stream.
 */

#include "ngx_http_ihanoi_run.h"
#include "ngx_http_ihanoi_host.h"
#include "ngx_http_ihanoi_host_rows.h"


static int ngx_http_ihanoi_host_problem(lua_State *L);
static int ngx_http_ihanoi_host_problem_of_error(lua_State *L);


static const ihanoi_host_function_t  ngx_http_ihanoi_host_response_functions[] =
{
    { "response", "problem", ngx_http_ihanoi_host_problem,
      IHANOI_PHASE_REQUEST, "code string|ihanoi.DbError\nmembers? table",
      "kind \"problem\"\ncode string\nmembers? table",
      "What a handler returns to refuse: \"return "
      "ihanoi.response.problem('bench-occupied', { since = at })\". The code is "
      "one of the contract's x-ihanoi-problems or of the gateway's own; members "
      "go into the problem document (RFC 9457), and retry_after, an integer of "
      "seconds, into the header Retry-After, too. An error of ihanoi.db in its "
      "place is what an operation served by SQL would answer: the problem that "
      "a function has raised with SQLSTATE IH001; overloaded, "
      "database-unavailable, database-timeout or outcome-unknown when the "
      "database could not do it; otherwise plugin-failed, with a line in the "
      "log." },

    { "response", "start", ngx_http_ihanoi_host_start,
      IHANOI_PHASE_REQUEST, "status integer\nheaders? table<string, string>", "",
      "Says the status and the headers of an answer in parts, before its first "
      "write(), which sends them; 200 and none otherwise. For operations with "
      "x-ihanoi-stream. Headers are those that a handler may return, without "
      "ETag and Location." },

    { "response", "write", ngx_http_ihanoi_host_write,
      IHANOI_PHASE_REQUEST, "text string",
      "done? true\nerr? string",
      "Sends a part of the answer and waits until the client's socket has "
      "taken it: as fast as the client reads, until the deadline. The handler "
      "then returns nothing. What fails after the first part breaks the "
      "connection off, so that the client sees that the answer is not whole. "
      "nil and \"too large\" beyond the plugin's limit for all parts; nil and "
      "\"closed\" when the client is gone and the operation says "
      "x-ihanoi-abort: finish, otherwise the run ends. One task writes at a "
      "time." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ngx_http_ihanoi_host_response = {
    "response", "How a handler refuses, and answers in parts.",
    ngx_http_ihanoi_host_response_functions, NULL
};


static int
ngx_http_ihanoi_host_problem(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TTABLE) {
        return ngx_http_ihanoi_host_problem_of_error(L);
    }

    luaL_checkstring(L, 1);

    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
    }

    lua_settop(L, 2);
    lua_pushliteral(L, "problem");
    lua_insert(L, 1);

    return 3;
}


static int
ngx_http_ihanoi_host_problem_of_error(lua_State *L)
{
    size_t                         len;
    ngx_uint_t                     level;
    const char                    *problem, *line;
    const ihanoi_operation_t      *operation;
    ngx_http_ihanoi_host_error_t   err;

    luaL_argcheck(L, lua_isnoneornil(L, 2), 2,
                  "an error of ihanoi.db has its own members");
    luaL_argcheck(L, ngx_http_ihanoi_host_get_error(L, 1, &err), 1,
                  "not an error of ihanoi.db");
    lua_settop(L, 1);

    if (err.refused) {
        lua_pushliteral(L, "problem");
        lua_pushlstring(L, (char *) err.code.data, err.code.len);
        lua_pushliteral(L, "members");
        lua_rawget(L, 1);

        return 3;
    }

    operation = ngx_http_ihanoi_run_of(L)->ctx->operation->contract;
    problem = ngx_http_ihanoi_host_error_problem(&err,
                                   operation->method == IHANOI_GET, &level);

    lua_pushfstring(L, "operation \"%s\" answers %s: ", operation->id.data,
                    problem);
    ngx_http_ihanoi_host_push_reason(L, 1);
    lua_concat(L, 2);

    line = lua_tolstring(L, -1, &len);

    ngx_http_ihanoi_host_say(L, level, line, len);

    lua_pushliteral(L, "problem");
    lua_pushstring(L, problem);

    return 2;
}
