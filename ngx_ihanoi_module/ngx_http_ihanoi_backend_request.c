/*
 * Copyright (C) iHaNoi contributors
 *
 * A request to a backend, of the options that Lua gives.
 *
 * It runs in the plugin's call and may raise anywhere: everything is in the
 * pool of the request that the plugin serves, and little, because nothing of that
 * pool is given back or charged.  The body stays Lua's until the request begins.
 */

#include "ngx_http_ihanoi_backend.h"
#include "ngx_http_ihanoi_request_id.h"
#include "ihanoi_host.h"
#include "ihanoi_lua_json.h"


#define NGX_HTTP_IHANOI_BACKEND_MAX_SIZE   (1024 * 1024)
#define NGX_HTTP_IHANOI_BACKEND_LIMIT      (16 * 1024 * 1024)
#define NGX_HTTP_IHANOI_BACKEND_CALLS      32
#define NGX_HTTP_IHANOI_BACKEND_HEADERS    32
#define NGX_HTTP_IHANOI_BACKEND_VALUE      4096


static void ngx_http_ihanoi_backend_option(lua_State *L, int options,
    const char *name);
static ngx_http_ihanoi_grant_t *ngx_http_ihanoi_backend_grant(lua_State *L,
    ngx_http_ihanoi_run_t *run, int name);
static void ngx_http_ihanoi_backend_method(lua_State *L, int options,
    const char *method, ngx_http_ihanoi_capture_request_t *request);
static void ngx_http_ihanoi_backend_limits(lua_State *L,
    ngx_http_ihanoi_run_t *run, int options,
    ngx_http_ihanoi_capture_request_t *request);
static const char *ngx_http_ihanoi_backend_type(lua_State *L, int options,
    ngx_http_ihanoi_capture_request_t *request);
static const char *ngx_http_ihanoi_backend_body(lua_State *L, int options,
    ngx_http_ihanoi_capture_request_t *request);
static const char *ngx_http_ihanoi_backend_headers(lua_State *L,
    ngx_http_ihanoi_run_t *run, int options, const char *type,
    ngx_http_ihanoi_capture_request_t *request);
static void ngx_http_ihanoi_backend_name(lua_State *L, const char *name,
    size_t len);
static void ngx_http_ihanoi_backend_defaults(lua_State *L,
    ngx_http_ihanoi_run_t *run, const char *type, ngx_array_t *headers);
static void ngx_http_ihanoi_backend_header(lua_State *L,
    ngx_http_ihanoi_run_t *run, ngx_array_t *headers, const char *name,
    const char *value, size_t len);
static ngx_uint_t ngx_http_ihanoi_backend_has(ngx_array_t *headers,
    const char *name, size_t len);
static void ngx_http_ihanoi_backend_copy(lua_State *L,
    ngx_http_ihanoi_run_t *run, ngx_str_t *to);


typedef struct {
    ngx_str_t                    name;
    ngx_uint_t                   id;
} ngx_http_ihanoi_backend_method_t;


static const ngx_http_ihanoi_backend_method_t
    ngx_http_ihanoi_backend_methods[] =
{
    { ngx_string("GET"), NGX_HTTP_GET },
    { ngx_string("HEAD"), NGX_HTTP_HEAD },
    { ngx_string("POST"), NGX_HTTP_POST },
    { ngx_string("PUT"), NGX_HTTP_PUT },
    { ngx_string("PATCH"), NGX_HTTP_PATCH },
    { ngx_string("DELETE"), NGX_HTTP_DELETE },
    { ngx_null_string, 0 }
};


static const char *const  ngx_http_ihanoi_backend_options[] = {
    "method", "path", "query", "headers", "json", "body", "timeout",
    "max_size", NULL
};


/* What belongs to the connection, or to the gateway. */
static const char *const  ngx_http_ihanoi_backend_own[] = {
    "accept-encoding", "connection", "content-length", "expect", "host",
    "http2-settings", "keep-alive", "proxy-authorization", "proxy-connection",
    "range", "te", "trailer", "transfer-encoding", "upgrade", "x-request-id",
    NULL
};


ngx_int_t
ngx_http_ihanoi_backend_init(ngx_conf_t *cf, ngx_http_ihanoi_plugin_t *plugin)
{
    u_char       *agent, *last;
    size_t        len;
    ngx_array_t  *headers;

    headers = &plugin->backend_headers;

    len = sizeof("ihanoi-plugin/ ") - 1 + plugin->name.len
          + ngx_strlen(plugin->manifest->version);

    agent = ngx_pnalloc(cf->pool, len);

    if (agent == NULL
        || ngx_array_init(headers, cf->pool, 3, sizeof(ngx_table_elt_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    last = ngx_snprintf(agent, len, "ihanoi-plugin/%V %s", &plugin->name,
                        plugin->manifest->version);

    if (ngx_http_ihanoi_capture_header(cf->pool, headers, "Accept", "*/*", 3)
        != NGX_OK
        || ngx_http_ihanoi_capture_header(cf->pool, headers, "Accept-Encoding",
                                          "identity", 8)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_ihanoi_capture_header(cf->pool, headers, "User-Agent",
                                          (char *) agent, last - agent);
}


const char *
ngx_http_ihanoi_backend_request(lua_State *L, ngx_http_ihanoi_run_t *run,
    int name, int path, int options, const char *method,
    ngx_http_ihanoi_capture_request_t *request, ngx_uint_t *backend)
{
    int                       top;
    const char               *err, *type;
    ngx_http_ihanoi_grant_t  *grant;

    ngx_memzero(request, sizeof(ngx_http_ihanoi_capture_request_t));

    luaL_checkstack(L, 16, "a request to a backend");
    top = lua_gettop(L);

    grant = ngx_http_ihanoi_backend_grant(L, run, name);
    *backend = grant - (ngx_http_ihanoi_grant_t *)
                       run->state->plugin->backends.elts;

    if (run->backend_calls >= NGX_HTTP_IHANOI_BACKEND_CALLS) {
        return "too many calls";
    }

    run->backend_calls++;

    (void) ihanoi_host_options(L, options, ngx_http_ihanoi_backend_options);

    /* what a job or an event asks has no client that goes away */

    request->finish = run->ctx->operation == NULL
                      || run->ctx->operation->contract->finish;

    ngx_http_ihanoi_backend_method(L, options, method, request);
    ngx_http_ihanoi_backend_limits(L, run, options, request);

    if (path == 0) {
        ngx_http_ihanoi_backend_option(L, options, "path");
        path = lua_gettop(L);
    }

    err = ngx_http_ihanoi_backend_path(L, (char *) grant->value.data, path);
    if (err) {
        return err;
    }

    ngx_http_ihanoi_backend_copy(L, run, &request->uri);
    lua_settop(L, top);

    ngx_http_ihanoi_backend_option(L, options, "query");

    if (!lua_isnil(L, -1)) {

        if (lua_type(L, -1) != LUA_TTABLE) {
            (void) luaL_error(L, "a query is a table with names");
        }

        err = ngx_http_ihanoi_backend_query(L, lua_gettop(L));
        if (err) {
            return err;
        }

        ngx_http_ihanoi_backend_copy(L, run, &request->args);
    }

    lua_settop(L, top);

    type = ngx_http_ihanoi_backend_type(L, options, request);

    err = ngx_http_ihanoi_backend_headers(L, run, options, type, request);
    if (err) {
        return err;
    }

    lua_settop(L, top);

    return ngx_http_ihanoi_backend_body(L, options, request);
}


/* Pushes it, or nil. */

static void
ngx_http_ihanoi_backend_option(lua_State *L, int options, const char *name)
{
    if (lua_isnil(L, options)) {
        lua_pushnil(L);

    } else {
        lua_getfield(L, options, name);
    }
}


static ngx_http_ihanoi_grant_t *
ngx_http_ihanoi_backend_grant(lua_State *L, ngx_http_ihanoi_run_t *run,
    int name)
{
    size_t                    len;
    ngx_uint_t                i;
    const char               *text;
    ngx_array_t              *backends;
    ngx_http_ihanoi_grant_t  *grant;

    if (lua_type(L, name) != LUA_TSTRING) {
        (void) luaL_error(L, "a backend's name is a text");
    }

    text = lua_tolstring(L, name, &len);

    backends = &run->state->plugin->backends;
    grant = backends->elts;

    for (i = 0; i < backends->nelts; i++) {
        if (grant[i].name.len == len
            && ngx_memcmp(grant[i].name.data, text, len) == 0)
        {
            return &grant[i];
        }
    }

    (void) luaL_error(L, "the manifest asks for no backend \"%s\"", text);

    return NULL;
}


static void
ngx_http_ihanoi_backend_method(lua_State *L, int options, const char *method,
    ngx_http_ihanoi_capture_request_t *request)
{
    const ngx_http_ihanoi_backend_method_t  *m;

    ngx_http_ihanoi_backend_option(L, options, "method");

    if (!lua_isnil(L, -1)) {

        if (lua_type(L, -1) != LUA_TSTRING
            || (method && strcmp(method, lua_tostring(L, -1)) != 0))
        {
            (void) luaL_error(L, "the method is what the function's name says");
        }

        method = lua_tostring(L, -1);
    }

    if (method == NULL) {
        method = "GET";
    }

    for (m = ngx_http_ihanoi_backend_methods; m->name.len; m++) {
        if (strcmp((char *) m->name.data, method) == 0) {
            break;
        }
    }

    if (m->name.len == 0) {
        (void) luaL_error(L, "the method \"%s\" is none of GET, HEAD, POST, "
                          "PUT, PATCH, DELETE", method);
    }

    request->method = m->name;
    request->method_id = m->id;

    lua_pop(L, 1);
}


static void
ngx_http_ihanoi_backend_limits(lua_State *L, ngx_http_ihanoi_run_t *run,
    int options, ngx_http_ihanoi_capture_request_t *request)
{
    lua_Number  n;

    ngx_http_ihanoi_backend_option(L, options, "timeout");

    if (!lua_isnil(L, -1)) {
        n = lua_tonumber(L, -1);

        if (lua_type(L, -1) != LUA_TNUMBER || !(n >= 0.001 && n <= 86400)) {
            (void) luaL_error(L, "timeout is from 0.001 to 86400 seconds");
        }

        request->timeout = (ngx_msec_t) (n * 1000);
    }

    lua_pop(L, 1);

    /* the deadline itself ends the run */

    if (request->timeout >= ngx_http_ihanoi_run_left(run)) {
        request->timeout = 0;
    }

    request->max_size = NGX_HTTP_IHANOI_BACKEND_MAX_SIZE;

    ngx_http_ihanoi_backend_option(L, options, "max_size");

    if (!lua_isnil(L, -1)) {
        n = lua_tonumber(L, -1);

        if (lua_type(L, -1) != LUA_TNUMBER
            || !(n >= 0 && n <= NGX_HTTP_IHANOI_BACKEND_LIMIT))
        {
            (void) luaL_error(L, "max_size is from 0 to 16777216 bytes");
        }

        request->max_size = (size_t) n;
    }

    lua_pop(L, 1);
}


/* Whether it has a body, and the Content-Type of that; NULL: none is said. */

static const char *
ngx_http_ihanoi_backend_type(lua_State *L, int options,
    ngx_http_ihanoi_capture_request_t *request)
{
    int  json, body;

    ngx_http_ihanoi_backend_option(L, options, "json");
    ngx_http_ihanoi_backend_option(L, options, "body");

    json = !lua_isnil(L, -2);
    body = !lua_isnil(L, -1);

    if (!json && !body) {
        request->has_body = (request->method_id & (NGX_HTTP_POST|NGX_HTTP_PUT
                                                   |NGX_HTTP_PATCH)) != 0;
        lua_pop(L, 2);
        return NULL;
    }

    if (request->method_id & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        (void) luaL_error(L, "%s has no body", request->method.data);
    }

    if (json && body) {
        (void) luaL_error(L, "json and body are both given");
    }

    if (body && lua_type(L, -1) != LUA_TSTRING) {
        (void) luaL_error(L, "a body is a text");
    }

    request->has_body = 1;
    lua_pop(L, 2);

    return json ? "application/json" : "application/octet-stream";
}


/* Pushes it, so that its text stays, or nil. */

static const char *
ngx_http_ihanoi_backend_body(lua_State *L, int options,
    ngx_http_ihanoi_capture_request_t *request)
{
    ngx_http_ihanoi_backend_option(L, options, "json");

    if (lua_isnil(L, -1)) {
        ngx_http_ihanoi_backend_option(L, options, "body");

    } else if (ihanoi_lua_push_encoded(L, lua_gettop(L)) != 0) {
        (void) luaL_error(L, "json: %s", lua_tostring(L, -1));
    }

    lua_remove(L, -2);

    request->body.data = (u_char *) lua_tolstring(L, -1, &request->body.len);

    return request->body.len > NGX_HTTP_IHANOI_BACKEND_LIMIT ? "too large"
                                                             : NULL;
}


static const char *
ngx_http_ihanoi_backend_headers(lua_State *L, ngx_http_ihanoi_run_t *run,
    int options, const char *type, ngx_http_ihanoi_capture_request_t *request)
{
    int           n;
    size_t        i, len;
    const char   *name, *value;
    ngx_array_t  *headers;

    headers = &request->headers;

    if (ngx_array_init(headers, run->request->pool, 8,
                       sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        (void) luaL_error(L, "not enough memory");
    }

    ngx_http_ihanoi_backend_option(L, options, "headers");

    if (!lua_isnil(L, -1)) {

        if (lua_type(L, -1) != LUA_TTABLE) {
            (void) luaL_error(L, "headers are a table");
        }

        n = 0;

        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {

            if (lua_type(L, -2) != LUA_TSTRING
                || lua_type(L, -1) != LUA_TSTRING
                || ++n > NGX_HTTP_IHANOI_BACKEND_HEADERS)
            {
                (void) luaL_error(L, "headers are at most 32 names and texts");
            }

            name = lua_tolstring(L, -2, &len);
            ngx_http_ihanoi_backend_name(L, name, len);

            value = lua_tolstring(L, -1, &len);

            if (len > NGX_HTTP_IHANOI_BACKEND_VALUE) {
                return "bad header";
            }

            for (i = 0; i < len; i++) {
                if (((u_char) value[i] < 0x20 && value[i] != '\t')
                    || value[i] == 0x7f)
                {
                    return "bad header";
                }
            }

            ngx_http_ihanoi_backend_header(L, run, headers, name, value, len);
        }
    }

    ngx_http_ihanoi_backend_defaults(L, run, type, headers);

    return NULL;
}


/* What goes along with each request, where the plugin says nothing else. */

static void
ngx_http_ihanoi_backend_defaults(lua_State *L, ngx_http_ihanoi_run_t *run,
    const char *type, ngx_array_t *headers)
{
    ngx_uint_t                        i;
    ngx_table_elt_t                  *h, *own;
    ngx_http_variable_value_t        *id;
    ngx_http_ihanoi_api_main_conf_t  *amcf;

    if (type && !ngx_http_ihanoi_backend_has(headers, "content-type",
                                             sizeof("content-type") - 1))
    {
        ngx_http_ihanoi_backend_header(L, run, headers, "Content-Type", type,
                                       strlen(type));
    }

    own = run->state->plugin->backend_headers.elts;

    for (i = 0; i < run->state->plugin->backend_headers.nelts; i++) {

        if (ngx_http_ihanoi_backend_has(headers, (char *) own[i].lowcase_key,
                                        own[i].key.len))
        {
            continue;
        }

        h = ngx_array_push(headers);
        if (h == NULL) {
            (void) luaL_error(L, "not enough memory");
        }

        *h = own[i];
    }

    amcf = ngx_http_get_module_main_conf(run->request,
                                         ngx_http_ihanoi_api_module);
    id = ngx_http_ihanoi_request_id(run->request, amcf->request_id);

    if (id && !id->not_found) {
        ngx_http_ihanoi_backend_header(L, run, headers, "X-Request-Id",
                                       (char *) id->data, id->len);
    }
}


/* Which headers a plugin sends is written in its code: it raises. */

static void
ngx_http_ihanoi_backend_name(lua_State *L, const char *name, size_t len)
{
    size_t                    i;
    const char *const        *own;

    for (i = 0; i < len; i++) {
        if (!((name[i] >= 'a' && name[i] <= 'z')
              || (name[i] >= 'A' && name[i] <= 'Z')
              || (name[i] >= '0' && name[i] <= '9')
              || name[i] == '-'))
        {
            break;
        }
    }

    if (len == 0 || len > 64 || i < len) {
        (void) luaL_error(L, "a header's name is letters, digits and \"-\", "
                          "at most 64");
    }

    for (own = ngx_http_ihanoi_backend_own; *own; own++) {
        if (strcasecmp(*own, name) == 0) {
            (void) luaL_error(L, "the header \"%s\" is the gateway's", name);
        }
    }
}


static void
ngx_http_ihanoi_backend_header(lua_State *L, ngx_http_ihanoi_run_t *run,
    ngx_array_t *headers, const char *name, const char *value, size_t len)
{
    if (ngx_http_ihanoi_capture_header(run->request->pool, headers, name,
                                       value, len)
        != NGX_OK)
    {
        (void) luaL_error(L, "not enough memory");
    }
}


/* The name is in lower case. */

static ngx_uint_t
ngx_http_ihanoi_backend_has(ngx_array_t *headers, const char *name, size_t len)
{
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    h = headers->elts;

    for (i = 0; i < headers->nelts; i++) {
        if (h[i].key.len == len
            && ngx_memcmp(h[i].lowcase_key, name, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* The text on the top of the stack. */

static void
ngx_http_ihanoi_backend_copy(lua_State *L, ngx_http_ihanoi_run_t *run,
    ngx_str_t *to)
{
    const char  *text;

    text = lua_tolstring(L, -1, &to->len);

    to->data = ngx_pnalloc(run->request->pool, to->len + 1);
    if (to->data == NULL) {
        (void) luaL_error(L, "not enough memory");
    }

    *ngx_cpymem(to->data, text, to->len) = '\0';
}
