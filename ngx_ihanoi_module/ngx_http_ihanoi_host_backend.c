/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.backend: HTTP to the backends that the operator has named, and to
 * nothing else.
 */

#include "ngx_http_ihanoi_backend.h"
#include "ngx_http_ihanoi_host.h"
#include "ihanoi_lua_json.h"


#define NGX_HTTP_IHANOI_BACKEND_PARALLEL  8

#define NGX_HTTP_IHANOI_BACKEND_HEADER    128


/* What one call of Lua's asks; from ngx_alloc() once it waits for that. */
typedef struct {
    ngx_http_ihanoi_run_t             *run;
    ngx_http_ihanoi_task_t            *task;
    ngx_uint_t                         n;
    ngx_uint_t                         pending;
    ngx_uint_t                         list;
    uint64_t                           start;   /* microseconds */
    ngx_uint_t                         backends[
                                           NGX_HTTP_IHANOI_BACKEND_PARALLEL];
    const char                        *errors[NGX_HTTP_IHANOI_BACKEND_PARALLEL];
    ngx_http_ihanoi_capture_t         *captures[NGX_HTTP_IHANOI_BACKEND_PARALLEL];
    ngx_http_ihanoi_capture_request_t  requests[NGX_HTTP_IHANOI_BACKEND_PARALLEL];
} ngx_http_ihanoi_backend_wait_t;


static int ngx_http_ihanoi_host_backend_request(lua_State *L);
static int ngx_http_ihanoi_host_backend_get(lua_State *L);
static int ngx_http_ihanoi_host_backend_post(lua_State *L);
static int ngx_http_ihanoi_host_backend_all(lua_State *L);
static int ngx_http_ihanoi_backend_one(lua_State *L, const char *method);
static void ngx_http_ihanoi_backend_wait(lua_State *L,
    ngx_http_ihanoi_backend_wait_t *wait);
static int ngx_http_ihanoi_backend_go(lua_State *L,
    ngx_http_ihanoi_backend_wait_t *asked);
static void ngx_http_ihanoi_backend_done(ngx_http_ihanoi_capture_t *capture,
    void *data);
static void ngx_http_ihanoi_backend_count(ngx_http_ihanoi_backend_wait_t *wait,
    ngx_uint_t i);
static void ngx_http_ihanoi_backend_drop(void *data);
static int ngx_http_ihanoi_backend_push(lua_State *L,
    ngx_http_ihanoi_backend_wait_t *wait);
static const char *ngx_http_ihanoi_backend_error(
    ngx_http_ihanoi_capture_outcome_e outcome);
static void ngx_http_ihanoi_backend_response(lua_State *L,
    ngx_http_ihanoi_capture_t *capture);
static void ngx_http_ihanoi_backend_push_headers(lua_State *L,
    ngx_http_request_t *sr);
static void ngx_http_ihanoi_backend_push_header(lua_State *L, ngx_str_t *name,
    ngx_str_t *value);
static int ngx_http_ihanoi_backend_json(lua_State *L);


static const ihanoi_host_function_t  ngx_http_ihanoi_host_backend_functions[] =
{
    { "backend", "request", ngx_http_ihanoi_host_backend_request,
      IHANOI_PHASE_CALL,
      "name string\n"
      "options? ihanoi.BackendRequest",
      "response? ihanoi.BackendResponse\n"
      "err? string",
      "Asks a backend of the manifest's permissions and waits for the whole "
      "answer. Options: method (GET when left out; HEAD, POST, PUT, PATCH, "
      "DELETE); path, a text as in a URL that begins with \"/\", or a list of "
      "segments that are encoded here, { \"spots\", id }; query, a table of "
      "texts, numbers, booleans and lists of them, sent in the order of their "
      "names; headers, a table; json, a value, or body, a text; timeout in "
      "seconds; max_size of the answer's body in bytes, at most 16777216, "
      "1048576 when left out. The deadline of the run ends it too, and the "
      "run with it.\n"
      "The response has status, headers (names in lower case, those that came "
      "twice joined by \", \"), body (a text) and json(), which gives the "
      "body's value, or nil and why it is not JSON. Any status is a response, "
      "redirects are not followed. nil and \"refused\" (no backend has got the "
      "request: it may be repeated), \"timeout\", \"too large\" (more than "
      "max_size, or than the plugin's memory), \"aborted\" (the answer broke "
      "off), \"bad gateway\" (there was none, or not HTTP), \"not found\" (the "
      "operator's location is not there), \"too many calls\" (32 a run, refused ones count), \"bad "
      "path\" (with \"..\", empty segments, encoded slashes, control "
      "characters), \"bad query\", \"bad header\".\n"
      "Nothing of the client's request goes along: no token, no cookie, no "
      "header. X-Request-Id is the request's number in all logs. Raises for a "
      "backend that is not granted and for headers that belong to the "
      "connection." },

    { "backend", "get", ngx_http_ihanoi_host_backend_get,
      IHANOI_PHASE_CALL,
      "name string\n"
      "path? string|(string|number)[]\n"
      "options? ihanoi.BackendRequest",
      "response? ihanoi.BackendResponse\n"
      "err? string",
      "request() with the method GET and the path before the options." },

    { "backend", "post", ngx_http_ihanoi_host_backend_post,
      IHANOI_PHASE_CALL,
      "name string\n"
      "path? string|(string|number)[]\n"
      "options? ihanoi.BackendRequest",
      "response? ihanoi.BackendResponse\n"
      "err? string",
      "request() with the method POST and the path before the options." },

    { "backend", "all", ngx_http_ihanoi_host_backend_all,
      IHANOI_PHASE_CALL,
      "requests table",
      "responses table",
      "Several at once: a list of at most 8 { name, options } as for "
      "request(). Waits for all and gives a list in the same order of "
      "responses; in the place of one that failed there is a table with err "
      "alone." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ngx_http_ihanoi_host_backend = {
    "backend",
    "HTTP to the backends that the manifest asks for and the operator has "
    "named.",
    ngx_http_ihanoi_host_backend_functions,
    NULL
};


static int
ngx_http_ihanoi_host_backend_request(lua_State *L)
{
    return ngx_http_ihanoi_backend_one(L, NULL);
}


static int
ngx_http_ihanoi_host_backend_get(lua_State *L)
{
    return ngx_http_ihanoi_backend_one(L, "GET");
}


static int
ngx_http_ihanoi_host_backend_post(lua_State *L)
{
    return ngx_http_ihanoi_backend_one(L, "POST");
}


static int
ngx_http_ihanoi_backend_one(lua_State *L, const char *method)
{
    const char                      *err;
    ngx_http_ihanoi_backend_wait_t   wait;

    ngx_http_ihanoi_backend_wait(L, &wait);

    /* (name, options), or (name, path, options) */

    lua_settop(L, method ? 3 : 2);

    err = ngx_http_ihanoi_backend_request(L, wait.run, 1, method ? 2 : 0,
                                          method ? 3 : 2, method,
                                          &wait.requests[0],
                                          &wait.backends[0]);
    if (err) {
        return ihanoi_host_fail(L, "%s", err);
    }

    wait.n = 1;

    return ngx_http_ihanoi_backend_go(L, &wait);
}


static int
ngx_http_ihanoi_host_backend_all(lua_State *L)
{
    int                              i, n, top;
    ngx_http_ihanoi_backend_wait_t   wait;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);

    n = (int) lua_objlen(L, 1);

    luaL_argcheck(L, n <= NGX_HTTP_IHANOI_BACKEND_PARALLEL, 1,
                  "more than 8 requests at once");

    ngx_http_ihanoi_backend_wait(L, &wait);

    wait.list = 1;
    wait.n = n;

    /* the bodies stay on the stack */

    for (i = 0, top = 1; i < n; i++) {
        lua_rawgeti(L, 1, i + 1);

        if (lua_type(L, -1) != LUA_TTABLE) {
            luaL_argerror(L, 1, "not a list of { name, options }");
        }

        lua_rawgeti(L, top + 1, 1);
        lua_rawgeti(L, top + 1, 2);

        wait.errors[i] = ngx_http_ihanoi_backend_request(L, wait.run, top + 2,
                                                    0, top + 3, NULL,
                                                    &wait.requests[i],
                                                    &wait.backends[i]);
        if (wait.errors[i] == NULL) {
            lua_replace(L, ++top);
        }

        lua_settop(L, top);
    }

    return ngx_http_ihanoi_backend_go(L, &wait);
}


static void
ngx_http_ihanoi_backend_wait(lua_State *L,
    ngx_http_ihanoi_backend_wait_t *wait)
{
    ngx_memzero(wait, sizeof(ngx_http_ihanoi_backend_wait_t));

    wait->run = ngx_http_ihanoi_run_may_wait(L);
    wait->task = wait->run->current;
}


static int
ngx_http_ihanoi_backend_go(lua_State *L, ngx_http_ihanoi_backend_wait_t *asked)
{
    size_t                           size;
    ngx_uint_t                       i;
    ngx_connection_t                *c;
    ngx_http_ihanoi_run_t           *run;
    ngx_http_ihanoi_capture_t       *capture;
    ngx_http_ihanoi_backend_wait_t  *wait;

    run = asked->run;

    for (i = 0, size = 0; i < asked->n; i++) {
        if (asked->errors[i] == NULL) {
            size += asked->requests[i].body.len;
        }
    }

    ihanoi_sandbox_make_room(L, size);

    /* of the requests those that there are */

    size = offsetof(ngx_http_ihanoi_backend_wait_t, requests)
           + asked->n * sizeof(ngx_http_ihanoi_capture_request_t);

    wait = ngx_alloc(size, run->log);
    if (wait == NULL) {
        return luaL_error(L, "not enough memory");
    }

    ngx_memcpy(wait, asked, size);
    wait->start = ngx_http_ihanoi_usec();

    for (i = 0; i < wait->n; i++) {

        if (wait->errors[i]) {
            continue;
        }

        capture = ngx_http_ihanoi_capture_start(run->request,
                                        &wait->requests[i],
                                        run->state->sandbox,
                                        ngx_http_ihanoi_backend_done, wait);
        if (capture == NULL) {
            wait->errors[i] = "too large";
            continue;
        }

        wait->captures[i] = capture;
        wait->pending++;
    }

    if (wait->pending == 0) {
        ngx_memcpy(asked, wait, size);
        ngx_free(wait);

        return ngx_http_ihanoi_backend_push(L, asked);
    }

    /*
     * The subrequests begin when nginx runs what was posted.  A run that goes
     * on from an event has nobody who does that.
     */

    c = run->request->connection;
    ngx_post_event(c->write, &ngx_posted_events);

    return ngx_http_ihanoi_run_wait(L, run, ngx_http_ihanoi_backend_drop,
                                    wait);
}


static void
ngx_http_ihanoi_backend_done(ngx_http_ihanoi_capture_t *capture, void *data)
{
    ngx_http_ihanoi_backend_wait_t *wait = data;

    int                      n;
    ngx_uint_t               i;
    ngx_http_ihanoi_run_t   *run;
    ngx_http_ihanoi_task_t  *task;

    run = wait->run;
    task = wait->task;

    for (i = 0; i < wait->n; i++) {
        if (wait->captures[i] == capture) {
            ngx_http_ihanoi_backend_count(wait, i);
        }
    }

    if (--wait->pending) {
        return;
    }

    ihanoi_sandbox_enter_host(run->state->sandbox);
    n = ngx_http_ihanoi_backend_push(ihanoi_call_state(task->call), wait);
    ihanoi_sandbox_leave_host(run->state->sandbox);

    ngx_http_ihanoi_backend_drop(wait);

    ngx_http_ihanoi_run_resume(task, n);
}


static void
ngx_http_ihanoi_backend_count(ngx_http_ihanoi_backend_wait_t *wait,
    ngx_uint_t i)
{
    ngx_uint_t                         outcome;
    ngx_http_ihanoi_capture_t         *capture;
    ngx_http_ihanoi_backend_series_t  *series;

    capture = wait->captures[i];
    outcome = capture->outcome;
    series = &wait->run->state->plugin->backend_series[wait->backends[i]];

    if (outcome == NGX_HTTP_IHANOI_CAPTURE_OK && capture->status >= 500) {
        outcome = NGX_HTTP_IHANOI_BACKEND_5XX;
    }

    ngx_http_ihanoi_metric_inc(series->calls[outcome]);
    ngx_http_ihanoi_metric_observe(series->duration,
                       (ngx_uint_t) (ngx_http_ihanoi_usec() - wait->start));
}


static void
ngx_http_ihanoi_backend_drop(void *data)
{
    ngx_http_ihanoi_backend_wait_t *wait = data;

    ngx_uint_t           i;
    ngx_http_request_t  *r;

    /* what is logged from here on is not the subrequest's */

    r = wait->run->request;
    ngx_http_set_log_request(r->connection->log, r);

    for (i = 0; i < wait->n; i++) {
        if (wait->captures[i]) {

            if (wait->captures[i]->outcome == NGX_HTTP_IHANOI_CAPTURE_NONE) {
                ngx_http_ihanoi_backend_count(wait, i);
            }

            ngx_http_ihanoi_capture_cancel(wait->captures[i]);
        }
    }

    ngx_free(wait);
}


/* How many it pushes. */

static int
ngx_http_ihanoi_backend_push(lua_State *L,
    ngx_http_ihanoi_backend_wait_t *wait)
{
    ngx_uint_t                  i;
    const char                 *err;
    ngx_http_ihanoi_capture_t  *capture;

    luaL_checkstack(L, 16, "a backend's answer");

    if (wait->list) {
        lua_createtable(L, (int) wait->n, 0);
    }

    for (i = 0; i < wait->n; i++) {
        err = wait->errors[i];
        capture = wait->captures[i];

        if (err == NULL) {
            err = ngx_http_ihanoi_backend_error(capture->outcome);
        }

        if (err == NULL) {
            ngx_http_ihanoi_backend_response(L, capture);

        } else if (!wait->list) {
            return ihanoi_host_fail(L, "%s", err);

        } else {
            lua_createtable(L, 0, 1);
            lua_pushstring(L, err);
            lua_setfield(L, -2, "err");
        }

        if (wait->list) {
            lua_rawseti(L, -2, (int) i + 1);
        }
    }

    return 1;
}


/* NULL: there is a response. */

static const char *
ngx_http_ihanoi_backend_error(ngx_http_ihanoi_capture_outcome_e outcome)
{
    switch (outcome) {

    case NGX_HTTP_IHANOI_CAPTURE_OK:
        return NULL;

    case NGX_HTTP_IHANOI_CAPTURE_REFUSED:
        return "refused";

    case NGX_HTTP_IHANOI_CAPTURE_TIMEOUT:
        return "timeout";

    case NGX_HTTP_IHANOI_CAPTURE_TOO_LARGE:
    case NGX_HTTP_IHANOI_CAPTURE_MEMORY:
        return "too large";

    case NGX_HTTP_IHANOI_CAPTURE_ABORTED:
        return "aborted";

    case NGX_HTTP_IHANOI_CAPTURE_NOT_FOUND:
        return "not found";

    default: /* NGX_HTTP_IHANOI_CAPTURE_GATEWAY */
        return "bad gateway";
    }
}


static void
ngx_http_ihanoi_backend_response(lua_State *L,
    ngx_http_ihanoi_capture_t *capture)
{
    lua_createtable(L, 0, 4);

    lua_pushinteger(L, (lua_Integer) capture->status);
    lua_setfield(L, -2, "status");

    ngx_http_ihanoi_backend_push_headers(L, capture->request);
    lua_setfield(L, -2, "headers");

    lua_pushlstring(L, capture->data ? (char *) capture->data : "",
                    capture->len);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "body");

    lua_pushcclosure(L, ngx_http_ihanoi_backend_json, 1);
    lua_setfield(L, -2, "json");
}


static void
ngx_http_ihanoi_backend_push_headers(lua_State *L, ngx_http_request_t *sr)
{
    ngx_str_t         name;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    lua_createtable(L, 0, 8);

    part = &sr->headers_out.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].hash) {
            ngx_http_ihanoi_backend_push_header(L, &h[i].key, &h[i].value);
        }
    }

    if (sr->headers_out.content_type.len) {
        ngx_str_set(&name, "content-type");
        ngx_http_ihanoi_backend_push_header(L, &name,
                                            &sr->headers_out.content_type);
    }
}


/* Into the table on the top. */

static void
ngx_http_ihanoi_backend_push_header(lua_State *L, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char  low[NGX_HTTP_IHANOI_BACKEND_HEADER];

    if (name->len > NGX_HTTP_IHANOI_BACKEND_HEADER) {
        return;
    }

    ngx_strlow(low, name->data, name->len);
    lua_pushlstring(L, (char *) low, name->len);

    lua_pushvalue(L, -1);
    lua_rawget(L, -3);

    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushlstring(L, (char *) value->data, value->len);

    } else {
        lua_pushliteral(L, ", ");
        lua_pushlstring(L, (char *) value->data, value->len);
        lua_concat(L, 3);
    }

    lua_rawset(L, -3);
}


/* response.json(), with the body as its upvalue. */

static int
ngx_http_ihanoi_backend_json(lua_State *L)
{
    size_t                len;
    const char           *text;
    ihanoi_json_error_t   err;

    text = lua_tolstring(L, lua_upvalueindex(1), &len);

    if (ihanoi_lua_read_json(L, text, len, &err) != 0) {
        return ihanoi_host_fail(L, "%s at byte %d", err.reason,
                                (int) err.offset + 1);
    }

    return 1;
}
