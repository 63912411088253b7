/*
 * Copyright (C) iHaNoi contributors
 *
 * Identify: a bearer token becomes a verified caller, lazily and once; and what
 * a client is told who is refused.
 */

#include "ngx_http_ihanoi_auth_conf.h"
#include "ngx_http_ihanoi_auth_deny.h"
#include "ngx_http_ihanoi_auth_verify.h"
#include "ngx_http_ihanoi_header.h"
#include "ngx_http_ihanoi_problem.h"


static ngx_http_ihanoi_auth_ctx_t *ngx_http_ihanoi_auth_get_ctx(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_auth_token(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_loc_conf_t *alcf, ngx_str_t *token);
static ngx_int_t ngx_http_ihanoi_auth_bearer(ngx_http_request_t *r,
    ngx_str_t *token);
static ngx_uint_t ngx_http_ihanoi_auth_b64token(ngx_str_t *token);
static ngx_int_t ngx_http_ihanoi_auth_malformed(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_loc_conf_t *alcf, ngx_http_ihanoi_auth_ctx_t *ctx);
static ngx_int_t ngx_http_ihanoi_auth_challenge(ngx_http_request_t *r,
    const char *problem, const char *error, ngx_str_t *scope);


ngx_int_t
ngx_http_ihanoi_auth_identify(ngx_http_request_t *r, ngx_uint_t wait,
    ngx_http_ihanoi_caller_t **caller)
{
    ngx_int_t                          rc;
    ngx_str_t                          token;
    ngx_http_ihanoi_auth_ctx_t        *ctx;
    ngx_http_ihanoi_auth_entry_t      *entry;
    ngx_http_ihanoi_auth_loc_conf_t   *alcf;
    ngx_http_ihanoi_auth_main_conf_t  *amcf;

    *caller = NULL;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_ihanoi_auth_module);

    if (!alcf->enable) {
        return NGX_OK;
    }

    ctx = ngx_http_ihanoi_auth_get_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    /* a rewrite may have brought the request to a place with other rules */

    if (ctx->conf == alcf) {
        if (ctx->problem) {
            return NGX_DECLINED;
        }

        if (ctx->entry) {
            *caller = &ctx->entry->caller;
        }

        return NGX_OK;
    }

    if (ctx->wait.active) {

        /* woken by something else than what it waits for */

        return wait ? NGX_AGAIN : NGX_DECLINED;
    }

    ctx->entry = NULL;
    ctx->problem = NULL;

    rc = ngx_http_ihanoi_auth_token(r, alcf, &token);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_ihanoi_auth_malformed(r, alcf, ctx);
    }

    if (token.len == 0) {
        ctx->conf = alcf;
        return NGX_OK;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_ihanoi_auth_module);

    entry = ngx_http_ihanoi_auth_cached(amcf, alcf, &token);

    if (entry) {
        ngx_http_ihanoi_metric_inc(amcf->cache.hits);

        if (ngx_http_ihanoi_auth_hold(r, ctx, entry) != NGX_OK) {
            return NGX_ERROR;
        }

    } else {

        /* what a variable brings is a token or is not: no syntax of a header */

        if (alcf->token == NGX_CONF_UNSET
            && !ngx_http_ihanoi_auth_b64token(&token))
        {
            return ngx_http_ihanoi_auth_malformed(r, alcf, ctx);
        }

        rc = ngx_http_ihanoi_auth_verify(r, amcf, alcf, ctx, &token, wait);

        if (rc == NGX_ERROR || rc == NGX_AGAIN) {
            return rc;
        }

        if (rc == NGX_BUSY) {

            /* no waiting allowed now: whoever may wait asks again */

            ctx->problem = NULL;
            return NGX_DECLINED;
        }
    }

    ctx->conf = alcf;

    if (ctx->problem) {
        return NGX_DECLINED;
    }

    *caller = &ctx->entry->caller;

    return NGX_OK;
}


static ngx_http_ihanoi_auth_ctx_t *
ngx_http_ihanoi_auth_get_ctx(ngx_http_request_t *r)
{
    ngx_http_ihanoi_auth_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_auth_module);

    if (ctx == NULL) {
        ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_ihanoi_auth_ctx_t));
        if (ctx == NULL) {
            return NULL;
        }

        ngx_http_set_ctx(r, ctx, ngx_http_ihanoi_auth_module);
    }

    return ctx;
}


/*
 * A token comes from one place: the variable, where one is named, or the
 * Authorization header.  An empty one is none.
 */

static ngx_int_t
ngx_http_ihanoi_auth_token(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_loc_conf_t *alcf, ngx_str_t *token)
{
    ngx_http_variable_value_t  *vv;

    ngx_str_null(token);

    if (alcf->token == NGX_CONF_UNSET) {
        return ngx_http_ihanoi_auth_bearer(r, token);
    }

    vv = ngx_http_get_indexed_variable(r, alcf->token);
    if (vv == NULL) {
        return NGX_ERROR;
    }

    if (!vv->not_found) {
        token->data = vv->data;
        token->len = vv->len;
    }

    return NGX_OK;
}


/*
 * RFC 6750 2.1: "Bearer" 1*SP b64token, the token's characters not yet looked
 * at.  Credentials of another scheme are somebody else's; what begins like ours
 * and is not is malformed.
 */

static ngx_int_t
ngx_http_ihanoi_auth_bearer(ngx_http_request_t *r, ngx_str_t *token)
{
    u_char           *p, *last;
    ngx_table_elt_t  *h;

    h = r->headers_in.authorization;
    if (h == NULL) {
        return NGX_OK;
    }

    p = h->value.data;
    last = p + h->value.len;

    if (h->value.len < 6 || ngx_strncasecmp(p, (u_char *) "Bearer", 6) != 0) {
        return NGX_OK;
    }

    p += 6;

    if (p == last) {
        return NGX_DECLINED;
    }

    if (*p != ' ') {

        /* "Bearerfoo" is a scheme of another name, a tab is a mistake */

        return (*p >= '0') ? NGX_OK : NGX_DECLINED;
    }

    while (p < last && *p == ' ') {
        p++;
    }

    token->data = p;
    token->len = last - p;

    return token->len ? NGX_OK : NGX_DECLINED;
}


static ngx_uint_t
ngx_http_ihanoi_auth_b64token(ngx_str_t *token)
{
    u_char  c;
    size_t  i;

    for (i = 0; i < token->len; i++) {
        c = token->data[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
              || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'
              || c == '~' || c == '+' || c == '/' || c == '='))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_http_ihanoi_auth_malformed(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_loc_conf_t *alcf, ngx_http_ihanoi_auth_ctx_t *ctx)
{
    ctx->conf = alcf;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "client sent a malformed bearer token");

    return ngx_http_ihanoi_auth_decline(ctx, "authorization-malformed",
                                        "invalid_request");
}


ngx_int_t
ngx_http_ihanoi_auth_refuse(ngx_http_request_t *r)
{
    ngx_http_ihanoi_auth_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_auth_module);

    if (ctx == NULL && r->headers_in.authorization) {

        /* nobody with a token gets in, and the client cannot tell why */

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "the token was not looked at: \"auth_jwt\" is off in this "
                      "location");
    }

    if (ctx == NULL || ctx->problem == NULL) {

        /* RFC 6750 3.1: who did not authenticate is told no error */

        return ngx_http_ihanoi_auth_challenge(r, "token-missing", NULL, NULL);
    }

    if (ctx->error) {
        return ngx_http_ihanoi_auth_challenge(r, ctx->problem, ctx->error,
                                              NULL);
    }

    if (ngx_http_ihanoi_header_retry(r, ctx->retry_after) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_ihanoi_problem(r, ctx->problem, NULL);
}


ngx_int_t
ngx_http_ihanoi_auth_reject(ngx_http_request_t *r)
{
    return ngx_http_ihanoi_auth_challenge(r, "token-invalid", "invalid_token",
                                          NULL);
}


ngx_int_t
ngx_http_ihanoi_auth_forbid(ngx_http_request_t *r, const char *code,
    ngx_str_t *scope)
{
    return ngx_http_ihanoi_auth_challenge(r, code, "insufficient_scope",
                                          scope);
}


/* Records both, and returns the problem's status; error is RFC 6750's or NULL. */

static ngx_int_t
ngx_http_ihanoi_auth_challenge(ngx_http_request_t *r, const char *problem,
    const char *error, ngx_str_t *scope)
{
    u_char                           *p;
    size_t                            len;
    ngx_str_t                         value, *realm;
    ngx_table_elt_t                  *h;
    ngx_http_ihanoi_auth_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_ihanoi_auth_module);
    realm = &alcf->realm;

    len = sizeof("Bearer realm=\"\"") - 1 + realm->len;

    if (error) {
        len += sizeof(", error=\"\"") - 1 + ngx_strlen(error);
    }

    if (scope && scope->len) {
        len += sizeof(", scope=\"\"") - 1 + scope->len;
    }

    value.data = ngx_pnalloc(r->pool, len);
    if (value.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(value.data, "Bearer realm=\"%V\"", realm);

    if (error) {
        p = ngx_sprintf(p, ", error=\"%s\"", error);
    }

    if (scope && scope->len) {
        p = ngx_sprintf(p, ", scope=\"%V\"", scope);
    }

    value.len = p - value.data;

    h = ngx_http_ihanoi_header_add(r, "WWW-Authenticate", &value);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* here nginx finds what "satisfy any" takes back and auth_request copies */

#if (nginx_version >= 1023000)
    h->next = r->headers_out.www_authenticate;
#endif
    r->headers_out.www_authenticate = h;

    return ngx_http_ihanoi_problem(r, problem, NULL);
}


ngx_int_t
ngx_http_ihanoi_auth_ready(ngx_http_request_t *r, ngx_str_t *why)
{
    ngx_uint_t                         i, k;
    ihanoi_jwt_claims_t                nobody;
    ngx_http_ihanoi_auth_issuer_t    **issuers;
    ngx_http_ihanoi_auth_source_t    **sources;
    ngx_http_ihanoi_auth_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_ihanoi_auth_module);
    issuers = amcf->issuers.elts;

    for (i = 0; i < amcf->issuers.nelts; i++) {
        sources = issuers[i]->sources.elts;

        for (k = 0; k < issuers[i]->sources.nelts; k++) {

            /* whoever asks brings the keys in before the first citizen comes */

            ngx_http_ihanoi_auth_source_refresh(sources[k]);

            if (ngx_http_ihanoi_auth_source_set(sources[k])) {
                continue;
            }

            why->len = sizeof("keys of issuer \"\" are not there yet") - 1
                       + issuers[i]->name.len;
            why->data = ngx_pnalloc(r->pool, why->len);

            if (why->data == NULL) {
                return NGX_ERROR;
            }

            ngx_sprintf(why->data, "keys of issuer \"%V\" are not there yet",
                        &issuers[i]->name);

            return NGX_DECLINED;
        }
    }

    ngx_memzero(&nobody, sizeof(ihanoi_jwt_claims_t));

    if (ngx_http_ihanoi_auth_deny_check(amcf->deny_list, &nobody)
        == NGX_ABORT)
    {
        ngx_str_set(why, "deny list is not loaded");
        return NGX_DECLINED;
    }

    return NGX_OK;
}
