/*
 * Copyright (C) iHaNoi contributors
 *
 * Finish: what a handler returned becomes an answer.
 *
 *     return 200, body, headers                   a JSON value; a text for
 *     return ihanoi.response.problem(code, {...})   other media types
 *     return nil                                  404
 *
 * It runs in the handler's call: what it costs is the plugin's, and a mistake
 * is an error with the plugin's name in the log and 502 for the client.
 */

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_run.h"
#include "ngx_http_ihanoi_host_rows.h"
#include "ihanoi_jansson.h"
#include "ihanoi_lua_json.h"
#include "ihanoi_operation.h"


#define NGX_HTTP_IHANOI_FINISH_HEADERS  16
#define NGX_HTTP_IHANOI_FINISH_VALUE    4096

/* Bytes of a problem's members: they are read again, into C's own tree. */
#define NGX_HTTP_IHANOI_FINISH_MEMBERS  16384


static void ngx_http_ihanoi_finish_problem(lua_State *L,
    ngx_http_ihanoi_run_t *run);
static void ngx_http_ihanoi_finish_body(lua_State *L,
    ngx_http_ihanoi_run_t *run);
static void ngx_http_ihanoi_finish_check_header(lua_State *L,
    ngx_http_ihanoi_run_t *run);
static void ngx_http_ihanoi_finish_header(lua_State *L,
    ngx_http_ihanoi_run_t *run);
static const char *ngx_http_ihanoi_finish_name(const char *name);
static ngx_int_t ngx_http_ihanoi_finish_copy(ngx_http_ihanoi_run_t *run,
    ngx_str_t *to, const char *from, size_t len);
static int ngx_http_ihanoi_finish_wrong(lua_State *L,
    ngx_http_ihanoi_run_t *run, const char *what);


/* What a plugin may say; the rest is the gateway's. */
static const char *const  ngx_http_ihanoi_finish_allowed[] = {
    "Content-Disposition", "Content-Language", "Deprecation", "ETag", "Expires",
    "Last-Modified", "Link", "Location", "Retry-After", "Sunset", "Warning",
    NULL
};


int
ngx_http_ihanoi_plugin_finish(lua_State *L)
{
    lua_Number              status;
    ngx_http_ihanoi_run_t  *run;

    run = ngx_http_ihanoi_run_of(L);

    if (lua_isnoneornil(L, 1)) {

        if (!lua_isnoneornil(L, 2)) {
            return ngx_http_ihanoi_finish_wrong(L, run,
                       "nil beside an error is no answer, "
                       "ihanoi.response.problem() takes one");
        }

        return 0;
    }

    if (run->stream && run->stream->begun) {
        return ngx_http_ihanoi_finish_wrong(L, run,
                   "it was written in parts, a handler then returns nothing");
    }

    if (lua_type(L, 1) == LUA_TSTRING) {
        ngx_http_ihanoi_finish_problem(L, run);
        return 0;
    }

    status = lua_tonumber(L, 1);

    if (lua_type(L, 1) != LUA_TNUMBER || !(status >= 200 && status <= 299)
        || status != (lua_Number) (int) status)
    {
        return ngx_http_ihanoi_finish_wrong(L, run,
                   "a handler returns a status of 200 to 299, "
                   "ihanoi.response.problem() or nil");
    }

    if (!lua_isnoneornil(L, 2)) {

        if (status == NGX_HTTP_NO_CONTENT) {
            return ngx_http_ihanoi_finish_wrong(L, run,
                                                "204 has no body");
        }

        ngx_http_ihanoi_finish_body(L, run);
    }

    if (!lua_isnoneornil(L, 3)) {
        ngx_http_ihanoi_plugin_headers(L, run, 3);
    }

    run->answer.status = (ngx_uint_t) status;

    return 0;
}


/*
 * Of a job or an event: "return nil, why" is a failure that was expected, and a
 * job that returns "again" has left something.  A database that has no room or is
 * away is not the handler's failure.
 */

int
ngx_http_ihanoi_plugin_result(lua_State *L)
{
    size_t                         len;
    u_char                         line[NGX_HTTP_IHANOI_PLUGIN_TEXT];
    const char                    *why;
    ngx_http_ihanoi_run_t         *run;
    ngx_http_ihanoi_host_error_t   err;

    run = ngx_http_ihanoi_run_of(L);

    if (lua_toboolean(L, 1) || lua_isnoneornil(L, 2)) {
        run->answer.again = lua_type(L, 1) == LUA_TSTRING
                            && strcmp(lua_tostring(L, 1), "again") == 0;
        return 0;
    }

    run->answer.away = ngx_http_ihanoi_host_get_error(L, 2, &err)
                       && ngx_http_ihanoi_host_error_away(&err);

    ngx_http_ihanoi_host_push_reason(L, 2);

    why = lua_tolstring(L, -1, &len);
    len = ngx_http_ihanoi_plugin_text(line, why, len);

    if (ngx_http_ihanoi_finish_copy(run, &run->answer.problem, (char *) line,
                                    len)
        != NGX_OK)
    {
        return luaL_error(L, "not enough memory");
    }

    return 0;
}


/*
 * Of a function that another plugin has called: a value; or nil and a text, or
 * an error of the database, of which its code is told.
 */

int
ngx_http_ihanoi_plugin_returned(lua_State *L)
{
    char                           where[128];
    size_t                         len;
    const char                    *why;
    ngx_http_ihanoi_run_t         *run;
    ngx_http_ihanoi_host_error_t   err;

    run = ngx_http_ihanoi_run_of(L);

    lua_settop(L, 2);

    if (lua_isnil(L, 1) && ngx_http_ihanoi_host_get_error(L, 2, &err)) {
        lua_pushlstring(L, (char *) err.code.data, err.code.len);
        lua_replace(L, 2);
    }

    if (lua_isnil(L, 1) && !lua_isnil(L, 2)) {

        if (lua_type(L, 2) != LUA_TSTRING) {
            run->answer.wrong = 1;
            return luaL_error(L, "beside nil stands a text or an error of "
                              "ihanoi.db");
        }

        why = lua_tolstring(L, 2, &len);

        if (len == 0 || len > NGX_HTTP_IHANOI_CALL_CODE) {
            run->answer.wrong = 1;
            return luaL_error(L, "the text beside nil has 1 to 256 bytes");
        }

        if (ngx_http_ihanoi_finish_copy(run, &run->answer.problem, why, len)
            != NGX_OK)
        {
            return luaL_error(L, "not enough memory");
        }

        return 0;
    }

    if (lua_isnil(L, 1)) {
        ihanoi_lua_push_null(L);
        lua_replace(L, 1);
    }

    run->answer.wrong = 1;

    if (ihanoi_lua_encode_json(L, 1, &run->answer.text, &run->answer.len)
        != 0)
    {
        return luaL_error(L, "the result cannot be returned: %s",
                          lua_tostring(L, -1));
    }

    if (run->answer.len > NGX_HTTP_IHANOI_CALL_SIZE) {
        return luaL_error(L, "the result is longer than 262144 bytes");
    }

    why = ihanoi_manifest_interface_check(run->schema, run->answer.text,
                                          run->answer.len, where,
                                          sizeof(where));
    if (why) {
        return luaL_error(L, "the result is not what the interface says at "
                          "\"%s\": %s", where, why);
    }

    run->answer.wrong = 0;

    return 0;
}


/* "problem", code, members: of ihanoi.response.problem(). */

static void
ngx_http_ihanoi_finish_problem(lua_State *L, ngx_http_ihanoi_run_t *run)
{
    size_t       len;
    const char  *code;

    if (strcmp(lua_tostring(L, 1), "problem") != 0
        || lua_type(L, 2) != LUA_TSTRING)
    {
        ngx_http_ihanoi_finish_wrong(L, run,
                   "a handler returns a status of 200 to 299, "
                   "ihanoi.response.problem() or nil");
    }

    code = lua_tolstring(L, 2, &len);

    if (lua_type(L, 3) == LUA_TTABLE) {

        if (ihanoi_lua_encode_json(L, 3, &run->answer.text, &run->answer.len)
            != 0)
        {
            ngx_http_ihanoi_finish_wrong(L, run, lua_tostring(L, -1));
        }

        if (run->answer.len > NGX_HTTP_IHANOI_FINISH_MEMBERS) {
            ngx_http_ihanoi_finish_wrong(L, run,
                             "a problem's members are at most 16384 bytes");
        }

        run->answer.members = ihanoi_jansson_read(run->answer.text,
                                                  run->answer.len, 0, NULL);

        if (!json_is_object(run->answer.members)) {
            ngx_http_ihanoi_finish_wrong(L, run,
                                         "a problem's members have names");
        }
    }

    if (ngx_http_ihanoi_finish_copy(run, &run->answer.problem, code, len)
        != NGX_OK)
    {
        (void) luaL_error(L, "not enough memory");
    }
}


static void
ngx_http_ihanoi_finish_body(lua_State *L, ngx_http_ihanoi_run_t *run)
{
    size_t                 len;
    const char            *text;
    const ihanoi_media_t  *media;

    media = run->ctx->media;

    if (media && !ihanoi_media_is_json(media->type.data)) {

        if (lua_type(L, 2) != LUA_TSTRING) {
            ngx_http_ihanoi_finish_wrong(L, run,
                         "a body that is not JSON is a string");
        }

        text = lua_tolstring(L, 2, &len);

        run->answer.text = malloc(len + 1);
        if (run->answer.text == NULL) {
            (void) luaL_error(L, "not enough memory");
        }

        ngx_memcpy(run->answer.text, text, len);
        run->answer.len = len;
        return;
    }

    if (ihanoi_lua_encode_json(L, 2, &run->answer.text, &run->answer.len)
        != 0)
    {
        ngx_http_ihanoi_finish_wrong(L, run, lua_tostring(L, -1));
    }

    /*
     * It stays the plugin's memory while it waits for its key.  What was charged
     * a moment ago has room again; a text that was too short for that may not.
     */

    if (run->ctx->key.len
        && ihanoi_sandbox_charge(run->state->sandbox, (long) run->answer.len)
           == 0)
    {
        run->kept = run->answer.len;
    }
}


/*
 * Nothing is copied before all of them are good: what is, stays until the
 * request ends, and nobody is charged for it.
 */

void
ngx_http_ihanoi_plugin_headers(lua_State *L, ngx_http_ihanoi_run_t *run,
    int index)
{
    ngx_uint_t  n;

    if (lua_type(L, index) != LUA_TTABLE) {
        ngx_http_ihanoi_finish_wrong(L, run, "headers are a table");
    }

    n = 0;

    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {

        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING
            || ++n > NGX_HTTP_IHANOI_FINISH_HEADERS)
        {
            ngx_http_ihanoi_finish_wrong(L, run,
                                  "headers are at most 16 names and texts");
        }

        ngx_http_ihanoi_finish_check_header(L, run);
    }

    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        ngx_http_ihanoi_finish_header(L, run);
    }
}


/* The name and the text on the top of the stack; the next one too. */

static void
ngx_http_ihanoi_finish_check_header(lua_State *L, ngx_http_ihanoi_run_t *run)
{
    size_t       i, len;
    const char  *name, *text;

    name = lua_tostring(L, -2);
    text = lua_tolstring(L, -1, &len);

    if (len > NGX_HTTP_IHANOI_FINISH_VALUE) {
        ngx_http_ihanoi_finish_wrong(L, run,
                              "a header is longer than 4096 bytes");
    }

    for (i = 0; i < len; i++) {
        if ((u_char) text[i] < 0x20 || text[i] == 0x7f) {
            ngx_http_ihanoi_finish_wrong(L, run,
                              "a header has a control character");
        }
    }

    if (ngx_http_ihanoi_finish_name(name) == NULL) {
        ngx_http_ihanoi_finish_wrong(L, run, lua_pushfstring(L,
                              "a plugin may not set the header \"%s\"", name));
    }

    if (strcasecmp(name, "ETag") == 0
        && (len < 2 || text[0] != '"' || text[len - 1] != '"'
            || memchr(text + 1, '"', len - 2)))
    {
        ngx_http_ihanoi_finish_wrong(L, run,
                              "an ETag is a strong tag in quotes");
    }
}


static void
ngx_http_ihanoi_finish_header(lua_State *L, ngx_http_ihanoi_run_t *run)
{
    size_t                     len;
    ngx_str_t                  value;
    const char                *name, *text;
    ngx_http_ihanoi_grant_t   *header;
    ngx_http_ihanoi_answer_t  *answer;

    answer = &run->answer;

    name = ngx_http_ihanoi_finish_name(lua_tostring(L, -2));
    text = lua_tolstring(L, -1, &len);

    if (ngx_http_ihanoi_finish_copy(run, &value, text, len) != NGX_OK) {
        (void) luaL_error(L, "not enough memory");
    }

    if (strcmp(name, "ETag") == 0) {
        answer->etag.data = value.data + 1;
        answer->etag.len = value.len - 2;
        return;
    }

    if (strcmp(name, "Location") == 0) {
        answer->location = value;
        return;
    }

    if (answer->headers == NULL) {
        answer->headers = ngx_array_create(run->request->pool, 4,
                                           sizeof(ngx_http_ihanoi_grant_t));
    }

    header = answer->headers ? ngx_array_push(answer->headers) : NULL;

    if (header == NULL) {
        (void) luaL_error(L, "not enough memory");
    }

    header->name.data = (u_char *) name;
    header->name.len = strlen(name);
    header->value = value;
}


/* As it is written in answers; NULL: it is not a plugin's to say. */

static const char *
ngx_http_ihanoi_finish_name(const char *name)
{
    ngx_uint_t  i;

    for (i = 0; ngx_http_ihanoi_finish_allowed[i]; i++) {
        if (strcasecmp(ngx_http_ihanoi_finish_allowed[i], name) == 0) {
            break;
        }
    }

    return ngx_http_ihanoi_finish_allowed[i];
}


/* NUL-terminated, and alive as long as the request. */

static ngx_int_t
ngx_http_ihanoi_finish_copy(ngx_http_ihanoi_run_t *run, ngx_str_t *to,
    const char *from, size_t len)
{
    to->data = ngx_pnalloc(run->request->pool, len + 1);
    if (to->data == NULL) {
        return NGX_ERROR;
    }

    *ngx_cpymem(to->data, from, len) = '\0';
    to->len = len;

    return NGX_OK;
}


static int
ngx_http_ihanoi_finish_wrong(lua_State *L, ngx_http_ihanoi_run_t *run,
    const char *what)
{
    run->answer.wrong = 1;

    return luaL_error(L, "the answer of \"%s\" cannot be sent: %s",
                      run->ctx->operation->contract->id.data, what);
}
