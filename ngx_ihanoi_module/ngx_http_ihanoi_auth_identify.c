/*
 * Copyright (C) iHaNoi contributors
 *
 * Identify: a bearer token becomes a verified caller, lazily and once.
 */

#include "ihanoi_contract.h"
#include "ngx_http_ihanoi_auth_conf.h"
#include "ngx_http_ihanoi_auth_deny.h"
#include "ngx_http_ihanoi_auth_shared.h"
#include "ngx_http_ihanoi_header.h"
#include "ngx_http_ihanoi_problem.h"


static ngx_http_ihanoi_auth_ctx_t *ngx_http_ihanoi_auth_get_ctx(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_auth_token(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_loc_conf_t *alcf, ngx_str_t *token);
static ngx_int_t ngx_http_ihanoi_auth_bearer(ngx_http_request_t *r,
    ngx_str_t *token);
static ngx_http_ihanoi_auth_entry_t *ngx_http_ihanoi_auth_cached(
    ngx_http_request_t *r, ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_loc_conf_t *alcf, ngx_uint_t wait, u_char *digest);
static ngx_int_t ngx_http_ihanoi_auth_verify(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_loc_conf_t *alcf, ngx_http_ihanoi_auth_ctx_t *ctx,
    ngx_str_t *token, ngx_uint_t wait, u_char *digest);
static ngx_int_t ngx_http_ihanoi_auth_verify_keys(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_main_conf_t *amcf, ngx_http_ihanoi_auth_ctx_t *ctx,
    ngx_http_ihanoi_auth_issuer_t *issuer, ihanoi_jwt_t *jwt,
    ngx_uint_t wait, ihanoi_jwt_e *result);
static ngx_http_ihanoi_auth_issuer_t *ngx_http_ihanoi_auth_issuer_of(
    ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_loc_conf_t *alcf, ihanoi_jwt_t *jwt);
static ngx_uint_t ngx_http_ihanoi_auth_generation(
    ngx_http_ihanoi_auth_issuer_t *issuer, ngx_http_request_t *r);
static ngx_http_ihanoi_auth_entry_t *ngx_http_ihanoi_auth_entry_create(
    ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_issuer_t *issuer, ihanoi_jwt_t *jwt,
    ihanoi_jwt_claims_t *claims, ngx_log_t *log);
static ngx_int_t ngx_http_ihanoi_auth_entry_strings(
    ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_entry_t *entry, ihanoi_jwt_t *jwt,
    ngx_uint_t assurance, ngx_log_t *log);
static char *ngx_http_ihanoi_auth_payload(ihanoi_jwt_t *jwt);
static char *ngx_http_ihanoi_auth_scope(json_t *claims);
static ngx_uint_t ngx_http_ihanoi_auth_assurance(
    ngx_http_ihanoi_auth_issuer_t *issuer, json_t *claims);
static ngx_int_t ngx_http_ihanoi_auth_hold(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_ctx_t *ctx, ngx_http_ihanoi_auth_entry_t *entry);
static void ngx_http_ihanoi_auth_hold_cleanup(void *data);
static ngx_int_t ngx_http_ihanoi_auth_decline(ngx_http_ihanoi_auth_ctx_t *ctx,
    const char *problem, const char *error);
static ngx_int_t ngx_http_ihanoi_auth_challenge(ngx_http_request_t *r,
    ngx_str_t *realm, const char *error, ngx_str_t *scope);


static const char *const  ngx_http_ihanoi_auth_assurances[] = {
    "none", "declared", "phone", "verified"
};


ngx_int_t
ngx_http_ihanoi_auth_identify(ngx_http_request_t *r, ngx_uint_t wait,
    ngx_http_ihanoi_caller_t **caller)
{
    u_char                             digest[IHANOI_SHA256_LEN];
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
        ctx->conf = alcf;

        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "client sent a malformed bearer token");

        return ngx_http_ihanoi_auth_decline(ctx, "authorization-malformed",
                                            "invalid_request");
    }

    if (token.len == 0) {
        ctx->conf = alcf;
        return NGX_OK;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_ihanoi_auth_module);

    if (ihanoi_sha256(token.data, token.len, digest) != 0) {
        return NGX_ERROR;
    }

    entry = ngx_http_ihanoi_auth_cached(r, amcf, alcf, wait, digest);

    if (entry) {
        ngx_http_ihanoi_metric_inc(amcf->cache.hits);

        if (ngx_http_ihanoi_auth_hold(r, ctx, entry) != NGX_OK) {
            return NGX_ERROR;
        }

    } else {
        rc = ngx_http_ihanoi_auth_verify(r, amcf, alcf, ctx, &token, wait,
                                         digest);

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
 * RFC 6750 2.1: "Bearer" 1*SP b64token.  Credentials of another scheme are
 * somebody else's; what begins like ours and is not is malformed.
 */

static ngx_int_t
ngx_http_ihanoi_auth_bearer(ngx_http_request_t *r, ngx_str_t *token)
{
    u_char           *p, *last, c;
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

    if (token->len == 0) {
        return NGX_DECLINED;
    }

    for ( /* void */ ; p < last; p++) {
        c = *p;

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
              || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'
              || c == '~' || c == '+' || c == '/' || c == '='))
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* A token that was verified before, if it still is what it was. */

static ngx_http_ihanoi_auth_entry_t *
ngx_http_ihanoi_auth_cached(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_loc_conf_t *alcf, ngx_uint_t wait, u_char *digest)
{
    ngx_atomic_uint_t               epoch;
    ngx_http_ihanoi_auth_entry_t   *entry;
    ngx_http_ihanoi_auth_issuer_t  *issuer;

    entry = ngx_http_ihanoi_auth_cache_find(&amcf->cache, digest,
                                            alcf->own ? (void *) alcf->own
                                                      : (void *) amcf);
    if (entry == NULL) {
        return NULL;
    }

    issuer = (ngx_http_ihanoi_auth_issuer_t *) entry->issuer;

    /* variables may be asked for when subrequests cannot be made any more */

    if (ngx_http_ihanoi_auth_generation(issuer, wait ? r : NULL)
        != entry->generation
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


/*
 * NGX_OK: ctx has the entry or the problem.  NGX_AGAIN: parked.  NGX_BUSY: it
 * would have to be.
 */

static ngx_int_t
ngx_http_ihanoi_auth_verify(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_loc_conf_t *alcf, ngx_http_ihanoi_auth_ctx_t *ctx,
    ngx_str_t *token, ngx_uint_t wait, u_char *digest)
{
    ngx_int_t                       rc;
    ihanoi_jwt_e                    result;
    ihanoi_jwt_t                    jwt;
    ngx_atomic_uint_t               epoch;
    ihanoi_jwt_claims_t             claims;
    ngx_http_ihanoi_auth_entry_t   *entry;
    ngx_http_ihanoi_auth_issuer_t  *issuer;

    issuer = NULL;

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

    if (result == IHANOI_JWT_OK) {
        rc = ngx_http_ihanoi_auth_verify_keys(r, amcf, ctx, issuer, &jwt, wait,
                                              &result);
        if (rc != NGX_OK) {
            goto done;
        }
    }

    rc = NGX_OK;

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

        (void) ngx_http_ihanoi_auth_decline(ctx, "token-invalid",
                                            "invalid_token");
        goto done;
    }

    /* before the look: a row that comes in between is looked for again */

    epoch = ngx_http_ihanoi_auth_deny_epoch();

    switch (ngx_http_ihanoi_auth_deny_check(amcf->deny_list, &claims)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "client sent a token that is on the deny list");
        ngx_http_ihanoi_metric_inc(amcf->denied);

        (void) ngx_http_ihanoi_auth_decline(ctx, "token-invalid",
                                            "invalid_token");
        goto done;

    case NGX_ABORT:
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "token cannot be accepted: deny list is not loaded");

        (void) ngx_http_ihanoi_auth_decline(ctx, "keys-unavailable", NULL);
        ctx->retry_after = 1;
        goto done;

    default: /* NGX_ERROR */
        rc = NGX_ERROR;
        goto done;
    }

    rc = NGX_ERROR;

    entry = ngx_http_ihanoi_auth_entry_create(amcf, issuer, &jwt, &claims,
                                              r->connection->log);
    if (entry == NULL) {
        goto done;
    }

    ngx_memcpy(entry->digest, digest, IHANOI_SHA256_LEN);
    entry->group = alcf->own ? (void *) alcf->own : (void *) amcf;
    entry->issuer = issuer;
    entry->generation = ngx_http_ihanoi_auth_generation(issuer, NULL);
    entry->deny_epoch = epoch;

    ngx_http_ihanoi_auth_cache_insert(&amcf->cache, entry);

    rc = ngx_http_ihanoi_auth_hold(r, ctx, entry);

    ngx_http_ihanoi_auth_entry_release(entry);

done:

    ihanoi_jwt_free(&jwt);

    return rc;
}


static ngx_int_t
ngx_http_ihanoi_auth_verify_keys(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_main_conf_t *amcf, ngx_http_ihanoi_auth_ctx_t *ctx,
    ngx_http_ihanoi_auth_issuer_t *issuer, ihanoi_jwt_t *jwt,
    ngx_uint_t wait, ihanoi_jwt_e *result)
{
    ngx_int_t                        rc;
    ngx_uint_t                       i, n, missing;
    const ihanoi_jwks_t             *sets[NGX_HTTP_IHANOI_AUTH_MAX_SOURCES];
    ngx_http_ihanoi_auth_source_t  **sources;

    if (ctx->wait.again || ctx->wait.joined) {

        /*
         * The client whose request did the asking went away, or the question
         * was older than the token's key may be: once more, then it is enough.
         */

        if (ctx->wait.again || ctx->waits == 1) {
            ctx->waited = 0;
        }

        ctx->wait.again = 0;
        ctx->wait.joined = 0;
    }

    sources = issuer->sources.elts;
    n = issuer->sources.nelts;
    missing = n;

    for (i = 0; i < n; i++) {
        ngx_http_ihanoi_auth_source_refresh(sources[i],
                                            ctx->waited || !wait ? NULL : r);

        sets[i] = ngx_http_ihanoi_auth_source_set(sources[i]);

        if (sets[i] == NULL && missing == n) {
            missing = i;
        }
    }

    *result = ihanoi_jwt_verify(jwt, sets, n);

    if (*result != IHANOI_JWT_KEY && missing == n) {
        return NGX_OK;
    }

    if (*result == IHANOI_JWT_OK || *result == IHANOI_JWT_MEMORY) {
        return NGX_OK;
    }

    /*
     * The key may be one that was made a moment ago, or is in a set that could
     * not be had so far.
     */

    if (!ctx->waited) {

        for (i = 0; i < n; i++) {

            /* while one is missing it is that one */

            if (sources[i]->set || (missing != n && sets[i])) {
                continue;
            }

            if (!wait) {
                return NGX_BUSY;
            }

            rc = ngx_http_ihanoi_auth_source_wait(sources[i], r, &ctx->wait);

            if (rc == NGX_AGAIN) {
                ctx->waited = 1;
                ctx->waits++;
                return NGX_AGAIN;
            }

            if (rc == NGX_ERROR) {
                return NGX_ERROR;
            }
        }
    }

    if (missing == n) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "token cannot be verified: key set \"%V\" could not be had",
                  &sources[missing]->id);

    ngx_http_ihanoi_metric_inc(amcf->no_keys);

    (void) ngx_http_ihanoi_auth_decline(ctx, "keys-unavailable", NULL);

    ctx->retry_after = ngx_http_ihanoi_auth_source_retry_after(
                                                            sources[missing]);

    return NGX_ABORT;
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


/* Changes when any of the issuer's sets does; r: refreshes what is stale. */

static ngx_uint_t
ngx_http_ihanoi_auth_generation(ngx_http_ihanoi_auth_issuer_t *issuer,
    ngx_http_request_t *r)
{
    ngx_uint_t                       i, sum;
    ngx_http_ihanoi_auth_source_t  **sources;

    sources = issuer->sources.elts;
    sum = 0;

    for (i = 0; i < issuer->sources.nelts; i++) {

        if (sources[i]->set) {
            continue;
        }

        if (r) {
            ngx_http_ihanoi_auth_source_refresh(sources[i], r);
        }

        sum += ngx_http_ihanoi_auth_source_generation(sources[i]);
    }

    return sum;
}


/* Takes the JSON values of *jwt over. */

static ngx_http_ihanoi_auth_entry_t *
ngx_http_ihanoi_auth_entry_create(ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_issuer_t *issuer, ihanoi_jwt_t *jwt,
    ihanoi_jwt_claims_t *claims, ngx_log_t *log)
{
    ngx_http_ihanoi_auth_entry_t  *entry;

    entry = ngx_calloc(sizeof(ngx_http_ihanoi_auth_entry_t), log);
    if (entry == NULL) {
        return NULL;
    }

    entry->claims = *claims;
    entry->caller.assurance = ngx_http_ihanoi_auth_assurance(issuer,
                                                             jwt->claims);

    if (ngx_http_ihanoi_auth_entry_strings(amcf, entry, jwt,
                                           entry->caller.assurance, log)
        != NGX_OK)
    {
        ngx_free(entry);
        return NULL;
    }

    entry->size += sizeof(ngx_http_ihanoi_auth_entry_t) + 64
                   + ngx_http_ihanoi_auth_json_size(jwt->claims)
                   + ngx_http_ihanoi_auth_json_size(jwt->header);

    entry->caller.claims = jwt->claims;
    entry->caller.header = jwt->header;
    jwt->claims = NULL;
    jwt->header = NULL;

    entry->refs = 1;

    return entry;
}


static ngx_int_t
ngx_http_ihanoi_auth_entry_strings(ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_entry_t *entry, ihanoi_jwt_t *jwt,
    ngx_uint_t assurance, ngx_log_t *log)
{
    char                           *head, *payload, *scope;
    u_char                         *p, hash[IHANOI_SHA256_LEN];
    size_t                          size, head_len, payload_len, scope_len;
    json_t                         *json;
    ngx_int_t                       rc;
    ngx_slab_pool_t                *shpool;
    ihanoi_jwt_claims_t            *c;
    ngx_http_ihanoi_caller_t       *caller;
    ngx_http_ihanoi_auth_shared_t  *sh;

    c = &entry->claims;
    caller = &entry->caller;
    rc = NGX_ERROR;

    payload = ngx_http_ihanoi_auth_payload(jwt);
    scope = ngx_http_ihanoi_auth_scope(jwt->claims);

    json = json_pack("{s:s%, s:s%, s:s}",
                     "iss", c->iss.data ? c->iss.data : "", c->iss.len,
                     "sub", c->sub.data, c->sub.len,
                     "assurance", ngx_http_ihanoi_auth_assurances[assurance]);

    head = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);

    if (payload == NULL || scope == NULL || head == NULL) {
        goto done;
    }

    payload_len = ngx_strlen(payload);
    scope_len = ngx_strlen(scope);
    head_len = ngx_strlen(head) - 2;           /* without its braces */

    size = c->iss.len + 1 + c->sub.len
           + IHANOI_SHA256_LEN
           + scope_len
           + head_len + sizeof(",\"claims\":") - 1 + payload_len;

    p = ngx_alloc(size, log);
    if (p == NULL) {
        goto done;
    }

    entry->text = p;
    entry->size = size;

    caller->subject.data = p;
    caller->subject.len = c->iss.len + 1 + c->sub.len;
    caller->iss.data = p;
    caller->iss.len = c->iss.len;

    if (c->iss.len) {
        p = ngx_cpymem(p, c->iss.data, c->iss.len);
    }

    *p++ = ' ';

    caller->sub.data = p;
    caller->sub.len = c->sub.len;
    p = ngx_cpymem(p, c->sub.data, c->sub.len);

    if (amcf->subject_key_set) {
        rc = ihanoi_hmac_sha256(amcf->subject_key, IHANOI_SHA256_LEN,
                                caller->subject.data, caller->subject.len,
                                hash);
    } else {
        sh = ngx_http_ihanoi_auth_shared(&shpool);

        rc = sh ? ihanoi_hmac_sha256(sh->subject_key, IHANOI_SHA256_LEN,
                                     caller->subject.data,
                                     caller->subject.len, hash)
                : -1;
    }

    if (rc != 0) {
        ngx_free(entry->text);
        rc = NGX_ERROR;
        goto done;
    }

    /* 128 bits are enough to tell people apart and short in logs */

    caller->subject_hash.data = p;
    caller->subject_hash.len = IHANOI_SHA256_LEN;
    ihanoi_hex(hash, IHANOI_SHA256_LEN / 2, (char *) p);
    p += IHANOI_SHA256_LEN;

    caller->scope.data = p;
    caller->scope.len = scope_len;
    p = ngx_cpymem(p, scope, scope_len);

    caller->caller.data = p;
    p = ngx_cpymem(p, head + 1, head_len);
    p = ngx_cpymem(p, ",\"claims\":", sizeof(",\"claims\":") - 1);

    caller->payload.data = p;
    caller->payload.len = payload_len;
    p = ngx_cpymem(p, payload, payload_len);

    caller->caller.len = p - caller->caller.data;

    rc = NGX_OK;

done:

    free(payload);
    free(scope);
    free(head);

    return rc;
}


/*
 * As signed; but a payload with line breaks between its members is written
 * without, because operators put it into headers.
 */

static char *
ngx_http_ihanoi_auth_payload(ihanoi_jwt_t *jwt)
{
    char    *copy;
    size_t   i;

    for (i = 0; i < jwt->payload.len; i++) {
        if ((u_char) jwt->payload.data[i] < 0x20) {
            return json_dumps(jwt->claims,
                              JSON_COMPACT|JSON_REAL_PRECISION(15));
        }
    }

    copy = malloc(jwt->payload.len + 1);

    if (copy) {
        ngx_memcpy(copy, jwt->payload.data, jwt->payload.len);
        copy[jwt->payload.len] = '\0';
    }

    return copy;
}


/* RFC 8693 4.2: a string; some write an array.  Anything else is no scope. */

static char *
ngx_http_ihanoi_auth_scope(json_t *claims)
{
    char        *out, *p;
    size_t       i, len;
    json_t      *scope, *value;
    const char  *s;

    scope = json_object_get(claims, "scope");
    len = json_string_length(scope);

    json_array_foreach(scope, i, value) {
        len += json_string_length(value) + 1;
    }

    p = out = malloc(len + 1);
    if (out == NULL) {
        return NULL;
    }

    if (json_is_string(scope)) {
        p = (char *) ngx_cpymem(p, json_string_value(scope), len);
    }

    json_array_foreach(scope, i, value) {
        s = json_string_value(value);

        if (s) {
            if (p != out) {
                *p++ = ' ';
            }

            p = (char *) ngx_cpymem(p, s, ngx_strlen(s));
        }
    }

    *p = '\0';

    return out;
}


static ngx_uint_t
ngx_http_ihanoi_auth_assurance(ngx_http_ihanoi_auth_issuer_t *issuer,
    json_t *claims)
{
    ngx_uint_t   i;
    const char  *s;

    s = json_string_value(json_object_get(claims, issuer->assurance_claim));

    for (i = IHANOI_ASSURANCE_DECLARED; s && i <= IHANOI_ASSURANCE_VERIFIED;
         i++)
    {
        if (ngx_strcmp(s, ngx_http_ihanoi_auth_assurances[i]) == 0) {
            return i;
        }
    }

    return IHANOI_ASSURANCE_NONE;
}


/* Keeps the entry for as long as the request's pool lives. */

static ngx_int_t
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


static ngx_int_t
ngx_http_ihanoi_auth_decline(ngx_http_ihanoi_auth_ctx_t *ctx,
    const char *problem, const char *error)
{
    ctx->problem = problem;
    ctx->error = error;

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_ihanoi_auth_refuse(ngx_http_request_t *r)
{
    u_char                           *p;
    ngx_str_t                         value;
    ngx_http_ihanoi_auth_ctx_t       *ctx;
    ngx_http_ihanoi_auth_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_ihanoi_auth_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_auth_module);

    if (ctx == NULL || ctx->problem == NULL) {

        /* RFC 6750 3.1: who did not authenticate is told no error */

        if (ngx_http_ihanoi_auth_challenge(r, &alcf->realm, NULL, NULL)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_ihanoi_problem(r, "token-missing", NULL);
    }

    if (ctx->error) {
        if (ngx_http_ihanoi_auth_challenge(r, &alcf->realm, ctx->error, NULL)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

    } else {
        p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
        if (p == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        value.data = p;
        value.len = ngx_sprintf(p, "%ui", ctx->retry_after) - p;

        if (ngx_http_ihanoi_header_add(r, "Retry-After", &value) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_ihanoi_problem(r, ctx->problem, NULL);
}


ngx_int_t
ngx_http_ihanoi_auth_reject(ngx_http_request_t *r)
{
    ngx_http_ihanoi_auth_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_ihanoi_auth_module);

    if (ngx_http_ihanoi_auth_challenge(r, &alcf->realm, "invalid_token", NULL)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_ihanoi_problem(r, "token-invalid", NULL);
}


ngx_int_t
ngx_http_ihanoi_auth_forbid(ngx_http_request_t *r, const char *code,
    ngx_str_t *scope)
{
    ngx_http_ihanoi_auth_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_ihanoi_auth_module);

    if (ngx_http_ihanoi_auth_challenge(r, &alcf->realm, "insufficient_scope",
                                       scope)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_ihanoi_problem(r, code, NULL);
}


static ngx_int_t
ngx_http_ihanoi_auth_challenge(ngx_http_request_t *r, ngx_str_t *realm,
    const char *error, ngx_str_t *scope)
{
    u_char           *p;
    size_t            len;
    ngx_table_elt_t  *h;

    len = sizeof("Bearer realm=\"\"") - 1 + realm->len;

    if (error) {
        len += sizeof(", error=\"\"") - 1 + ngx_strlen(error);
    }

    if (scope && scope->len) {
        len += sizeof(", scope=\"\"") - 1 + scope->len;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
#if (nginx_version >= 1023000)
    h->next = r->headers_out.www_authenticate;
#endif
    ngx_str_set(&h->key, "WWW-Authenticate");
    h->value.data = p;

    p = ngx_sprintf(p, "Bearer realm=\"%V\"", realm);

    if (error) {
        p = ngx_sprintf(p, ", error=\"%s\"", error);
    }

    if (scope && scope->len) {
        p = ngx_sprintf(p, ", scope=\"%V\"", scope);
    }

    h->value.len = p - h->value.data;

    /* here nginx finds what "satisfy any" takes back and auth_request copies */

    r->headers_out.www_authenticate = h;

    return NGX_OK;
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

            ngx_http_ihanoi_auth_source_refresh(sources[k], r);

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


ngx_int_t
ngx_http_ihanoi_auth_value(ngx_pool_t *pool, json_t *json, ngx_str_t *value)
{
    char        *text;
    u_char      *p;
    size_t       i, len;
    json_t      *item;
    ngx_str_t   *part, parts[1];
    ngx_array_t  list;

    switch (json_typeof(json)) {

    case JSON_STRING:
        value->data = (u_char *) json_string_value(json);
        value->len = json_string_length(json);
        break;

    case JSON_TRUE:
        ngx_str_set(value, "true");
        break;

    case JSON_FALSE:
        ngx_str_set(value, "false");
        break;

    case JSON_NULL:
        return NGX_DECLINED;

    case JSON_ARRAY:

        /* comma-joined, as NGINX Plus does */

        if (ngx_array_init(&list, pool, json_array_size(json) + 1,
                           sizeof(ngx_str_t))
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        len = 0;

        json_array_foreach(json, i, item) {

            switch (ngx_http_ihanoi_auth_value(pool, item, parts)) {
            case NGX_OK:
                break;
            case NGX_DECLINED:
                continue;
            default:
                return NGX_ERROR;
            }

            part = ngx_array_push(&list);
            if (part == NULL) {
                return NGX_ERROR;
            }

            *part = parts[0];
            len += part->len + 1;
        }

        p = ngx_pnalloc(pool, len + 1);
        if (p == NULL) {
            return NGX_ERROR;
        }

        value->data = p;
        part = list.elts;

        for (i = 0; i < list.nelts; i++) {
            if (i) {
                *p++ = ',';
            }

            p = ngx_cpymem(p, part[i].data, part[i].len);
        }

        value->len = p - value->data;

        return NGX_OK;

    default: /* JSON_OBJECT, JSON_INTEGER, JSON_REAL */

        text = json_dumps(json, JSON_COMPACT|JSON_ENCODE_ANY
                                |JSON_REAL_PRECISION(15));
        if (text == NULL) {
            return NGX_ERROR;
        }

        value->len = ngx_strlen(text);
        value->data = ngx_pnalloc(pool, value->len);

        if (value->data) {
            ngx_memcpy(value->data, text, value->len);
        }

        free(text);

        return value->data ? NGX_OK : NGX_ERROR;
    }

    /*
     * Operators put these into headers and logs: a value that would begin
     * another line is as good as not there.
     */

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < 0x20 || value->data[i] == 0x7f) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}
