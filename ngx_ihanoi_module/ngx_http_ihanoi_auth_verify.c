/*
 * Copyright (C) iHaNoi contributors
 *
 * Verify: from the text of a token to an entry of the cache, or to the reason
 * why not.
 */

#include "ngx_http_ihanoi_auth_verify.h"
#include "ngx_http_ihanoi_auth_caller.h"
#include "ngx_http_ihanoi_auth_deny.h"


/* Milliseconds between looks whether the deny list is there. */
#define NGX_HTTP_IHANOI_AUTH_DENY_LOOK  50


static ngx_int_t ngx_http_ihanoi_auth_verify_denied(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_main_conf_t *amcf, ngx_http_ihanoi_auth_ctx_t *ctx,
    ihanoi_jwt_claims_t *claims);
static ngx_int_t ngx_http_ihanoi_auth_verify_keys(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_main_conf_t *amcf, ngx_http_ihanoi_auth_ctx_t *ctx,
    ngx_http_ihanoi_auth_issuer_t *issuer, ihanoi_jwt_t *jwt,
    ngx_uint_t wait, ihanoi_jwt_e *result, ngx_uint_t *generation);
static ngx_http_ihanoi_auth_issuer_t *ngx_http_ihanoi_auth_issuer_of(
    ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_loc_conf_t *alcf, ihanoi_jwt_t *jwt);
static ngx_uint_t ngx_http_ihanoi_auth_generation(
    ngx_http_ihanoi_auth_issuer_t *issuer);
static void ngx_http_ihanoi_auth_hold_cleanup(void *data);


ngx_http_ihanoi_auth_entry_t *
ngx_http_ihanoi_auth_cached(ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_loc_conf_t *alcf, ngx_str_t *token)
{
    ngx_atomic_uint_t               epoch;
    ngx_http_ihanoi_auth_entry_t   *entry;
    ngx_http_ihanoi_auth_issuer_t  *issuer;

    entry = ngx_http_ihanoi_auth_cache_find(&amcf->cache, token,
                                            alcf->own ? (void *) alcf->own
                                                      : (void *) amcf);
    if (entry == NULL) {
        return NULL;
    }

    issuer = (ngx_http_ihanoi_auth_issuer_t *) entry->issuer;

    if (ngx_http_ihanoi_auth_generation(issuer) != entry->generation
        || ihanoi_jwt_check_times(&entry->claims, &issuer->rules,
                                  (double) ngx_time())
           != IHANOI_JWT_OK)
    {
        goto drop;
    }

    epoch = ngx_http_ihanoi_auth_deny_epoch();

    if (entry->deny_epoch != epoch) {

        if (ngx_http_ihanoi_auth_deny_check(amcf->deny_list, &entry->claims)
            != NGX_OK)
        {
            goto drop;
        }

        entry->deny_epoch = epoch;
    }

    return entry;

drop:

    /* verified anew, which finds the reason too */

    ngx_http_ihanoi_auth_cache_drop(&amcf->cache, entry);

    return NULL;
}


ngx_int_t
ngx_http_ihanoi_auth_verify(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_loc_conf_t *alcf, ngx_http_ihanoi_auth_ctx_t *ctx,
    ngx_str_t *token, ngx_uint_t wait)
{
    ngx_int_t                       rc;
    ngx_uint_t                      generation;
    ihanoi_jwt_e                    result;
    ihanoi_jwt_t                    jwt;
    ngx_atomic_uint_t               epoch;
    ihanoi_jwt_claims_t             claims;
    ngx_http_ihanoi_auth_entry_t   *entry;
    ngx_http_ihanoi_auth_issuer_t  *issuer;

    issuer = NULL;
    generation = 0;

    result = ihanoi_jwt_parse(&jwt, (char *) token->data, token->len);

    if (result == IHANOI_JWT_OK) {
        issuer = ngx_http_ihanoi_auth_issuer_of(amcf, alcf, &jwt);

        if (issuer == NULL) {
            result = IHANOI_JWT_ISS;
        }
    }

    /* claims first: a token that is over is not worth a signature */

    if (result == IHANOI_JWT_OK) {
        result = ihanoi_jwt_check(&jwt, &issuer->rules, (double) ngx_time(),
                                  &claims);
    }

    /* a worker that has just begun may not know yet who is denied */

    if (result == IHANOI_JWT_OK && amcf->deny_list
        && ngx_http_ihanoi_auth_deny_awaited())
    {
        rc = wait ? ngx_http_ihanoi_auth_wait(r, &ctx->wait, NULL,
                                              NGX_HTTP_IHANOI_AUTH_DENY_LOOK)
                  : NGX_BUSY;
        goto done;
    }

    if (result == IHANOI_JWT_OK) {
        rc = ngx_http_ihanoi_auth_verify_keys(r, amcf, ctx, issuer, &jwt, wait,
                                              &result, &generation);
        if (rc != NGX_OK) {
            goto done;
        }
    }

    ngx_http_ihanoi_metric_inc(amcf->cache.misses);
    ngx_http_ihanoi_metric_inc(amcf->results[result]);

    if (result == IHANOI_JWT_MEMORY) {
        rc = NGX_ERROR;
        goto done;
    }

    if (result != IHANOI_JWT_OK) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "client sent a token that is refused: %s",
                      ihanoi_jwt_reason(result));

        rc = ngx_http_ihanoi_auth_decline(ctx, "token-invalid",
                                          "invalid_token");
        goto done;
    }

    /* before the look: a row that comes in between is looked for again */

    epoch = ngx_http_ihanoi_auth_deny_epoch();

    rc = ngx_http_ihanoi_auth_verify_denied(r, amcf, ctx, &claims);

    if (rc != NGX_OK) {
        goto done;
    }

    rc = NGX_ERROR;

    entry = ngx_http_ihanoi_auth_entry_create(amcf, issuer, token, &jwt,
                                              &claims, r->connection->log);
    if (entry == NULL) {
        goto done;
    }

    entry->group = alcf->own ? (void *) alcf->own : (void *) amcf;
    entry->issuer = issuer;
    entry->generation = generation;
    entry->deny_epoch = epoch;

    ngx_http_ihanoi_auth_cache_insert(&amcf->cache, entry);

    rc = ngx_http_ihanoi_auth_hold(r, ctx, entry);

    ngx_http_ihanoi_auth_entry_release(entry);

done:

    ihanoi_jwt_free(&jwt);

    return rc;
}


/* NGX_OK: it is not denied.  NGX_DECLINED: the problem is in ctx. */

static ngx_int_t
ngx_http_ihanoi_auth_verify_denied(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_main_conf_t *amcf, ngx_http_ihanoi_auth_ctx_t *ctx,
    ihanoi_jwt_claims_t *claims)
{
    switch (ngx_http_ihanoi_auth_deny_check(amcf->deny_list, claims)) {

    case NGX_OK:
        return NGX_OK;

    case NGX_DECLINED:
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "client sent a token that is on the deny list");
        ngx_http_ihanoi_metric_inc(amcf->denied);

        return ngx_http_ihanoi_auth_decline(ctx, "token-invalid",
                                            "invalid_token");

    case NGX_ABORT:
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "token cannot be accepted: deny list is not loaded");

        ctx->retry_after = 1;

        return ngx_http_ihanoi_auth_decline(ctx, "keys-unavailable", NULL);

    default: /* NGX_ERROR */
        return NGX_ERROR;
    }
}


/*
 * NGX_OK: *generation is that of the sets that *result is of.  Otherwise as
 * ngx_http_ihanoi_auth_verify().
 */

static ngx_int_t
ngx_http_ihanoi_auth_verify_keys(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_main_conf_t *amcf, ngx_http_ihanoi_auth_ctx_t *ctx,
    ngx_http_ihanoi_auth_issuer_t *issuer, ihanoi_jwt_t *jwt,
    ngx_uint_t wait, ihanoi_jwt_e *result, ngx_uint_t *generation)
{
    ngx_int_t                        rc;
    ngx_uint_t                       i, n, missing, level;
    const ihanoi_jwks_t             *sets[NGX_HTTP_IHANOI_AUTH_MAX_SOURCES];
    ngx_http_ihanoi_auth_source_t  **sources;

    /*
     * The question was older than the token's key may be: once more, then it
     * is enough.
     */

    if (ctx->wait.joined && !ctx->repeated) {
        ctx->asked &= ~ctx->asking;
        ctx->repeated = 1;

    } else {
        ctx->repeated = 0;
    }

    ctx->asking = 0;
    ctx->wait.joined = 0;

    sources = issuer->sources.elts;
    n = issuer->sources.nelts;
    missing = n;
    *generation = ngx_http_ihanoi_auth_generation(issuer);

    for (i = 0; i < n; i++) {
        sets[i] = ngx_http_ihanoi_auth_source_set(sources[i]);

        if (sets[i] == NULL && missing == n) {
            missing = i;
        }
    }

    *result = ihanoi_jwt_verify(jwt, sets, n);

    if (*result == IHANOI_JWT_OK || *result == IHANOI_JWT_MEMORY) {
        return NGX_OK;
    }

    /*
     * The key may be one that was made a moment ago, under a new "kid", an old
     * one or none, or is in a set that could not be had so far.
     */

    for (i = 0; i < n; i++) {

        /* while one is missing it is that one */

        if (sources[i]->set || (missing != n && sets[i])
            || (ctx->asked & (1 << i)))
        {
            continue;
        }

        if (!wait) {
            return NGX_BUSY;
        }

        rc = ngx_http_ihanoi_auth_source_wait(sources[i], r, &ctx->wait);

        if (rc == NGX_AGAIN) {
            ctx->asking = 1 << i;
            ctx->asked |= ctx->asking;
            return NGX_AGAIN;
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    level = NGX_LOG_ERR;

    for (i = 0; missing == n && i < n; i++) {

        /* its key may be in the set that could not be asked for */

        if (ngx_http_ihanoi_auth_source_failed(sources[i])) {
            level = NGX_LOG_INFO;
            missing = i;
        }
    }

    if (missing == n) {
        return NGX_OK;
    }

    ngx_log_error(level, r->connection->log, 0,
                  "token cannot be verified: key set \"%V\" could not be had",
                  &sources[missing]->id);

    ngx_http_ihanoi_metric_inc(amcf->no_keys);

    ctx->retry_after = ngx_http_ihanoi_auth_source_retry_after(
                                                            sources[missing]);

    return ngx_http_ihanoi_auth_decline(ctx, "keys-unavailable", NULL);
}


/* By its name in the token, which is not true yet: it only picks the keys. */

static ngx_http_ihanoi_auth_issuer_t *
ngx_http_ihanoi_auth_issuer_of(ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_loc_conf_t *alcf, ihanoi_jwt_t *jwt)
{
    ngx_uint_t                       i;
    ngx_http_ihanoi_auth_issuer_t  **issuers;

    if (alcf->own) {
        return alcf->own;
    }

    if (jwt->iss.data == NULL) {
        return NULL;
    }

    issuers = amcf->issuers.elts;

    for (i = 0; i < amcf->issuers.nelts; i++) {
        if (issuers[i]->name.len == jwt->iss.len
            && ngx_memcmp(issuers[i]->name.data, jwt->iss.data, jwt->iss.len)
               == 0)
        {
            return issuers[i];
        }
    }

    return NULL;
}


/* Changes when any of the issuer's sets does; what is stale is asked for. */

static ngx_uint_t
ngx_http_ihanoi_auth_generation(ngx_http_ihanoi_auth_issuer_t *issuer)
{
    ngx_uint_t                       i, sum;
    ngx_http_ihanoi_auth_source_t  **sources;

    sources = issuer->sources.elts;
    sum = 0;

    for (i = 0; i < issuer->sources.nelts; i++) {

        if (sources[i]->set) {
            continue;
        }

        ngx_http_ihanoi_auth_source_refresh(sources[i]);

        sum += ngx_http_ihanoi_auth_source_generation(sources[i]);
    }

    return sum;
}


ngx_int_t
ngx_http_ihanoi_auth_hold(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_ctx_t *ctx, ngx_http_ihanoi_auth_entry_t *entry)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_ihanoi_auth_hold_cleanup;
    cln->data = entry;

    entry->refs++;
    ctx->entry = entry;

    return NGX_OK;
}


static void
ngx_http_ihanoi_auth_hold_cleanup(void *data)
{
    ngx_http_ihanoi_auth_entry_release(data);
}


ngx_int_t
ngx_http_ihanoi_auth_decline(ngx_http_ihanoi_auth_ctx_t *ctx,
    const char *problem, const char *error)
{
    ctx->problem = problem;
    ctx->error = error;

    return NGX_DECLINED;
}
