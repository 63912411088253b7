/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.request: what a handler may know of its request beside its input.
 * Everything comes from the gateway each time it is asked: what a plugin does
 * to the tables it was given changes nobody's identity.
 */

#include "ngx_http_ihanoi_run.h"
#include "ngx_http_ihanoi_host.h"
#include "ngx_http_ihanoi_problem.h"
#include "ngx_http_ihanoi_request_id.h"
#include "ihanoi_lua_json.h"


static int ngx_http_ihanoi_host_request_id_(lua_State *L);
static int ngx_http_ihanoi_host_request_operation(lua_State *L);
static int ngx_http_ihanoi_host_request_language(lua_State *L);
static int ngx_http_ihanoi_host_request_media_type(lua_State *L);
static int ngx_http_ihanoi_host_request_caller(lua_State *L);
static int ngx_http_ihanoi_host_request_has_scope(lua_State *L);
static int ngx_http_ihanoi_host_request_body(lua_State *L);
static int ngx_http_ihanoi_host_request_text(lua_State *L);
static int ngx_http_ihanoi_host_request_query(lua_State *L);
static int ngx_http_ihanoi_host_request_key(lua_State *L);
static int ngx_http_ihanoi_host_request_left(lua_State *L);


static const ihanoi_host_function_t  ngx_http_ihanoi_host_request_functions[] = {

    { "request", "caller", ngx_http_ihanoi_host_request_caller,
      IHANOI_PHASE_REQUEST|IHANOI_PHASE_INTERFACE, "",
      "caller? ihanoi.Caller",
      "Who is calling, of the verified token: issuer and sub, together the "
      "subject; assurance (declared, phone, verified or none); scopes, a list; "
      "claims, all of the token's, of which an integer beyond 2^53 is its text. "
      "nil when there was no token." },

    { "request", "has_scope", ngx_http_ihanoi_host_request_has_scope,
      IHANOI_PHASE_REQUEST|IHANOI_PHASE_INTERFACE, "scope string",
      "granted boolean",
      "Whether the caller's token grants the scope. What all of an operation's "
      "callers need, its contract demands; this is for what some may see." },

    { "request", "id", ngx_http_ihanoi_host_request_id_,
      IHANOI_PHASE_REQUEST|IHANOI_PHASE_INTERFACE, "",
      "id string",
      "The request's number in all logs: 32 hexadecimal digits." },

    { "request", "operation", ngx_http_ihanoi_host_request_operation,
      IHANOI_PHASE_REQUEST, "",
      "operation_id string",
      "The operationId of the contract." },

    { "request", "language", ngx_http_ihanoi_host_request_language,
      IHANOI_PHASE_REQUEST|IHANOI_PHASE_INTERFACE, "",
      "language \"vi\"|\"en\"",
      "The language that the client prefers, of those the city answers in." },

    { "request", "media_type", ngx_http_ihanoi_host_request_media_type,
      IHANOI_PHASE_REQUEST, "",
      "type? string",
      "The media type that the answer will have: the one of the contract that "
      "the client likes best, or that the path's suffix asks for. nil when the "
      "contract has no body." },

    { "request", "body", ngx_http_ihanoi_host_request_body,
      IHANOI_PHASE_REQUEST, "",
      "body? any",
      "The whole body as the client sent it, checked against the contract; "
      "null members are ihanoi.json.null, and an integer beyond 2^53 is its "
      "text. nil when there was none." },

    { "request", "body_text", ngx_http_ihanoi_host_request_text,
      IHANOI_PHASE_REQUEST, "",
      "text? string",
      "The same body, byte for byte: what a partner's signature is over. nil "
      "when there was none." },

    { "request", "query_text", ngx_http_ihanoi_host_request_query,
      IHANOI_PHASE_REQUEST, "",
      "text string",
      "The query as the client sent it, still encoded, without the question "
      "mark: with the parameters that an operation with x-ihanoi-query: open "
      "does not declare, which nobody has checked. \"\" when there was none." },

    { "request", "idempotency_key", ngx_http_ihanoi_host_request_key,
      IHANOI_PHASE_REQUEST, "",
      "key? string",
      "The Idempotency-Key of a POST: hand it on to systems that take one. nil "
      "when there was none." },

    { "request", "time_left", ngx_http_ihanoi_host_request_left,
      IHANOI_PHASE_CALL, "",
      "seconds number",
      "Seconds until the request's deadline. Nothing waits longer." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ngx_http_ihanoi_host_request = {
    "request",
    "What a handler may know of its request beside the arguments it is called "
    "with.",
    ngx_http_ihanoi_host_request_functions,
    NULL
};


static int
ngx_http_ihanoi_host_request_caller(lua_State *L)
{
    u_char                    *p, *last, *word;
    int                        n;
    const char                *err;
    ngx_http_ihanoi_caller_t  *caller;

    caller = ngx_http_ihanoi_run_of(L)->ctx->caller;

    if (caller == NULL) {
        lua_pushnil(L);
        return 1;
    }

    lua_createtable(L, 0, 6);

    lua_pushlstring(L, (char *) caller->iss.data, caller->iss.len);
    lua_setfield(L, -2, "issuer");

    lua_pushlstring(L, (char *) caller->sub.data, caller->sub.len);
    lua_setfield(L, -2, "sub");

    lua_pushlstring(L, (char *) caller->subject.data, caller->subject.len);
    lua_setfield(L, -2, "subject");

    lua_pushstring(L, ihanoi_assurances[caller->assurance]);
    lua_setfield(L, -2, "assurance");

    lua_newtable(L);

    p = caller->scope.data;
    last = p + caller->scope.len;

    for (n = 1; p < last; /* void */ ) {

        word = p;

        while (p < last && *p != ' ') {
            p++;
        }

        if (p > word) {
            lua_pushlstring(L, (char *) word, p - word);
            lua_rawseti(L, -2, n++);
        }

        p++;
    }

    lua_setfield(L, -2, "scopes");

    if (ihanoi_lua_push_exact(L, (char *) caller->payload.data,
                              caller->payload.len, &err)
        != 0)
    {
        return luaL_error(L, "the token's claims cannot be held in Lua: %s",
                          err);
    }

    lua_setfield(L, -2, "claims");

    return 1;
}


static int
ngx_http_ihanoi_host_request_has_scope(lua_State *L)
{
    ngx_str_t                  scope;
    ngx_http_ihanoi_caller_t  *caller;

    scope.data = (u_char *) luaL_checklstring(L, 1, &scope.len);

    caller = ngx_http_ihanoi_run_of(L)->ctx->caller;

    lua_pushboolean(L, caller != NULL
                       && ngx_http_ihanoi_auth_has_scope(caller, &scope));
    return 1;
}


static int
ngx_http_ihanoi_host_request_id_(lua_State *L)
{
    ngx_http_request_t               *r;
    ngx_http_variable_value_t        *id;
    ngx_http_ihanoi_api_main_conf_t  *amcf;

    r = ngx_http_ihanoi_run_of(L)->request;
    amcf = ngx_http_get_module_main_conf(r, ngx_http_ihanoi_api_module);

    id = ngx_http_ihanoi_request_id(r, amcf->request_id);
    if (id == NULL || id->not_found) {
        return luaL_error(L, "not enough memory");
    }

    lua_pushlstring(L, (char *) id->data, id->len);

    return 1;
}


static int
ngx_http_ihanoi_host_request_operation(lua_State *L)
{
    lua_pushstring(L, ngx_http_ihanoi_run_of(L)->ctx->operation
                          ->contract->id.data);
    return 1;
}


static int
ngx_http_ihanoi_host_request_language(lua_State *L)
{
    lua_pushstring(L, ngx_http_ihanoi_english(ngx_http_ihanoi_run_of(L)
                                              ->request) ? "en" : "vi");
    return 1;
}


static int
ngx_http_ihanoi_host_request_media_type(lua_State *L)
{
    const ihanoi_media_t  *media;

    media = ngx_http_ihanoi_run_of(L)->ctx->media;

    if (media == NULL) {
        lua_pushnil(L);
        return 1;
    }

    lua_pushlstring(L, media->type.data, media->type.len);

    return 1;
}


static int
ngx_http_ihanoi_host_request_body(lua_State *L)
{
    ngx_str_t   *body;
    const char  *err;

    body = &ngx_http_ihanoi_run_of(L)->body;

    if (body->len == 0) {
        lua_pushnil(L);
        return 1;
    }

    if (ihanoi_lua_push_exact(L, (char *) body->data, body->len, &err) != 0) {
        return luaL_error(L, "the body cannot be held in Lua: %s", err);
    }

    return 1;
}


static int
ngx_http_ihanoi_host_request_text(lua_State *L)
{
    ngx_str_t  *body;

    body = &ngx_http_ihanoi_run_of(L)->body;

    if (body->len == 0) {
        lua_pushnil(L);
        return 1;
    }

    lua_pushlstring(L, (char *) body->data, body->len);

    return 1;
}


static int
ngx_http_ihanoi_host_request_query(lua_State *L)
{
    ngx_str_t  *args;

    args = &ngx_http_ihanoi_run_of(L)->request->args;

    lua_pushlstring(L, (char *) args->data, args->len);

    return 1;
}


static int
ngx_http_ihanoi_host_request_key(lua_State *L)
{
    ngx_str_t  *key;

    key = &ngx_http_ihanoi_run_of(L)->ctx->key;

    if (key->len == 0) {
        lua_pushnil(L);
        return 1;
    }

    lua_pushlstring(L, (char *) key->data, key->len);

    return 1;
}


static int
ngx_http_ihanoi_host_request_left(lua_State *L)
{
    lua_pushnumber(L, ngx_http_ihanoi_run_left(ngx_http_ihanoi_run_of(L))
                      / 1000.0);
    return 1;
}
