/*
 * Copyright (C) iHaNoi contributors
 *
 * Authentication's place in nginx: directives, variables, phase handlers.
 *
 * Directives and variables have the names and meanings that NGINX Plus gave
 * them; what it lacks stands beside them.
 */

#include "ngx_http_ihanoi_capture.h"
#include "ngx_http_ihanoi_auth_conf.h"
#include "ngx_http_ihanoi_auth_deny.h"
#include "ngx_http_ihanoi_auth_directives.h"
#include "ngx_http_ihanoi_auth_fetch.h"
#include "ngx_http_ihanoi_auth_shared.h"


static ngx_int_t ngx_http_ihanoi_auth_access_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_auth_subrequest_handler(
    ngx_http_request_t *r);

static void *ngx_http_ihanoi_auth_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_ihanoi_auth_init_main_conf(ngx_conf_t *cf, void *conf);
static void ngx_http_ihanoi_auth_done(void *data);
static ngx_int_t ngx_http_ihanoi_auth_add_metrics(ngx_conf_t *cf,
    ngx_http_ihanoi_auth_main_conf_t *amcf);
static void *ngx_http_ihanoi_auth_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_ihanoi_auth_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_ihanoi_auth_own_issuer(ngx_conf_t *cf,
    ngx_http_ihanoi_auth_loc_conf_t *prev,
    ngx_http_ihanoi_auth_loc_conf_t *conf);
static ngx_int_t ngx_http_ihanoi_auth_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_ihanoi_auth_init_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_ihanoi_auth_commands[] = {

    { ngx_string("auth_jwt"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LMT_CONF
                        |NGX_CONF_TAKE12,
      ngx_http_ihanoi_auth_jwt,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_jwt_key_file"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LMT_CONF
                        |NGX_CONF_TAKE1,
      ngx_http_ihanoi_auth_key,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_jwt_key_request"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LMT_CONF
                        |NGX_CONF_TAKE1,
      ngx_http_ihanoi_auth_key,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_jwt_key_cache"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LMT_CONF
                        |NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ihanoi_auth_loc_conf_t, key_cache),
      NULL },

    { ngx_string("auth_jwt_leeway"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LMT_CONF
                        |NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ihanoi_auth_loc_conf_t, leeway),
      NULL },

    { ngx_string("auth_jwt_type"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LMT_CONF
                        |NGX_CONF_TAKE1,
      ngx_http_ihanoi_auth_type,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_jwt_require"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LMT_CONF
                        |NGX_CONF_1MORE,
      ngx_http_ihanoi_auth_require,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_jwt_claim_set"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_ihanoi_auth_set,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      ngx_http_ihanoi_auth_claim_set_variable },

    { ngx_string("auth_jwt_header_set"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_ihanoi_auth_set,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      ngx_http_ihanoi_auth_header_set_variable },

    { ngx_string("auth_jwt_issuer"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_ihanoi_auth_issuer,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_jwt_token_cache"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_ihanoi_auth_cache,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_jwt_deny_list"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_ihanoi_auth_deny_list,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ihanoi_subject_hash_key_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_ihanoi_auth_subject_key,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_ihanoi_auth_module_ctx = {
    ngx_http_ihanoi_auth_add_variables,    /* preconfiguration */
    ngx_http_ihanoi_auth_init,             /* postconfiguration */

    ngx_http_ihanoi_auth_create_main_conf, /* create main configuration */
    ngx_http_ihanoi_auth_init_main_conf,   /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_ihanoi_auth_create_loc_conf,  /* create location configuration */
    ngx_http_ihanoi_auth_merge_loc_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_ihanoi_auth_module = {
    NGX_MODULE_V1,
    &ngx_http_ihanoi_auth_module_ctx,      /* module context */
    ngx_http_ihanoi_auth_commands,         /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_ihanoi_auth_init_process,     /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_ihanoi_auth_init_process(ngx_cycle_t *cycle)
{
    ngx_http_ihanoi_auth_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ihanoi_auth_module);

    if (amcf && amcf->deny_list
        && (ngx_process == NGX_PROCESS_WORKER
            || ngx_process == NGX_PROCESS_SINGLE))
    {
        ngx_http_ihanoi_auth_deny_begin(amcf->deny_list);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ihanoi_auth_access_handler(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_http_ihanoi_caller_t         *caller;
    ngx_http_ihanoi_auth_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_ihanoi_auth_module);

    if (!alcf->enable || alcf->by_operation) {
        return NGX_DECLINED;
    }

    rc = ngx_http_ihanoi_auth_identify(r, 1, &caller);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_DECLINED || caller == NULL) {
        return ngx_http_ihanoi_auth_refuse(r);
    }

    return ngx_http_ihanoi_auth_required(r);
}


/*
 * nginx passes the access phase over for subrequests, so what is protected
 * would be open to auth_request, SSI and mirror.
 */

static ngx_int_t
ngx_http_ihanoi_auth_subrequest_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (r == r->main || ngx_http_ihanoi_auth_is_fetch(r)
        || ngx_http_ihanoi_is_capture(r))
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_ihanoi_auth_access_handler(r);

    return (rc == NGX_OK) ? NGX_DECLINED : rc;
}


ngx_int_t
ngx_http_ihanoi_auth_required(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_str_t                         value;
    ngx_uint_t                        i, k;
    ngx_http_complex_value_t         *values;
    ngx_http_ihanoi_caller_t         *caller;
    ngx_http_ihanoi_auth_require_t   *requires;
    ngx_http_ihanoi_auth_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_ihanoi_auth_module);

    if (alcf->requires == NULL) {
        return NGX_OK;
    }

    rc = ngx_http_ihanoi_auth_identify(r, 1, &caller);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* whether a token is needed others say */

    if (rc == NGX_DECLINED || caller == NULL) {
        return NGX_OK;
    }

    requires = alcf->requires->elts;

    for (i = 0; i < alcf->requires->nelts; i++) {

        values = requires[i].values->elts;

        for (k = 0; k < requires[i].values->nelts; k++) {

            if (ngx_http_complex_value(r, &values[k], &value) != NGX_OK) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            if (value.len && !(value.len == 1 && value.data[0] == '0')) {
                continue;
            }

            ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                          "client sent a token that lacks what "
                          "\"auth_jwt_require\" asks for");

            if (requires[i].status == NGX_HTTP_FORBIDDEN) {
                return ngx_http_ihanoi_auth_forbid(r, "scope-insufficient",
                                                   NULL);
            }

            return ngx_http_ihanoi_auth_reject(r);
        }
    }

    return NGX_OK;
}


void
ngx_http_ihanoi_auth_by_operation(ngx_conf_t *cf)
{
    ngx_http_ihanoi_auth_loc_conf_t  *alcf;

    alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_ihanoi_auth_module);
    alcf->by_operation = 1;
}


static void *
ngx_http_ihanoi_auth_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_ihanoi_auth_main_conf_t  *amcf;

    amcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_auth_main_conf_t));
    if (amcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&amcf->issuers, cf->pool, 2,
                       sizeof(ngx_http_ihanoi_auth_issuer_t *))
        != NGX_OK
        || ngx_array_init(&amcf->keys.sources, cf->pool, 2,
                          sizeof(ngx_http_ihanoi_auth_source_t *))
           != NGX_OK
        || ngx_array_init(&amcf->keys.servers, cf->pool, 2,
                          sizeof(ngx_http_core_srv_conf_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return amcf;
}


static char *
ngx_http_ihanoi_auth_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_ihanoi_auth_main_conf_t  *amcf = conf;

    ngx_pool_cleanup_t  *cln;

    if (!amcf->cache_set) {
        amcf->cache.max_entries = NGX_HTTP_IHANOI_AUTH_ENTRIES;
        amcf->cache.max_size = NGX_HTTP_IHANOI_AUTH_SIZE;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (cln == NULL || ihanoi_digest_init() != 0) {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_ihanoi_auth_done;

    if (ngx_http_ihanoi_auth_shared_init(cf) != NGX_OK
        || ngx_http_ihanoi_auth_add_metrics(cf, amcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void
ngx_http_ihanoi_auth_done(void *data)
{
    ihanoi_jwt_forget();
    ihanoi_digest_done();
}


static ngx_int_t
ngx_http_ihanoi_auth_add_metrics(ngx_conf_t *cf,
    ngx_http_ihanoi_auth_main_conf_t *amcf)
{
    u_char      *p, buf[64];
    ngx_str_t    labels;
    ngx_uint_t   i, n;

    struct {
        ngx_http_ihanoi_metric_t      **metric;
        ngx_http_ihanoi_metric_type_e   type;
        const char                     *name;
        const char                     *labels;
        const char                     *help;
    } rows[] = {

        { &amcf->cache.hits, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_token_cache_hits_total", "",
          "Tokens found in the token cache." },

        { &amcf->cache.misses, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_token_cache_misses_total", "",
          "Tokens that had to be verified." },

        { &amcf->cache.evictions, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_token_cache_evictions_total", "",
          "Tokens dropped from the token cache to make room." },

        { &amcf->cache.entries, NGX_HTTP_IHANOI_GAUGE,
          "ihanoi_token_cache_entries", "",
          "Tokens in the token caches of all workers." },

        { &amcf->cache.size, NGX_HTTP_IHANOI_GAUGE,
          "ihanoi_token_cache_bytes", "",
          "Memory of the token caches of all workers, about." },

        { &amcf->denied, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_token_verifications_total", "result=\"denied\"", NULL },

        { &amcf->no_keys, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_token_verifications_total", "result=\"no_keys\"", NULL },

        { &amcf->keys.fetched, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_key_fetches_total", "result=\"ok\"",
          "Requests for key sets by their result." },

        { &amcf->keys.failed, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_key_fetches_total", "result=\"failed\"",
          "Requests for key sets by their result." }
    };

    static const char  help[] = "Verified tokens by result; those found in "
                                "the token cache are not counted.";

    for (i = 0; i < IHANOI_JWT_ERRORS; i++) {

        /* several reasons have one result, and so one series */

        p = ngx_sprintf(buf, "result=\"%s\"",
                        ihanoi_jwt_result((ihanoi_jwt_e) i));
        labels.data = buf;
        labels.len = p - buf;

        amcf->results[i] = ngx_http_ihanoi_metric_add(cf,
                                            NGX_HTTP_IHANOI_COUNTER,
                                            "ihanoi_token_verifications_total",
                                            help, &labels);
        if (amcf->results[i] == NULL) {
            return NGX_ERROR;
        }
    }

    n = sizeof(rows) / sizeof(rows[0]);

    for (i = 0; i < n; i++) {

        labels.data = (u_char *) rows[i].labels;
        labels.len = ngx_strlen(rows[i].labels);

        *rows[i].metric = ngx_http_ihanoi_metric_add(cf, rows[i].type,
                                        rows[i].name,
                                        rows[i].help ? rows[i].help : help,
                                        &labels);
        if (*rows[i].metric == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void *
ngx_http_ihanoi_auth_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_ihanoi_auth_loc_conf_t  *alcf;

    alcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_auth_loc_conf_t));
    if (alcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     alcf->realm = { 0, NULL };
     *     alcf->keys = NULL;
     *     alcf->own = NULL;
     *     alcf->by_operation = 0;
     */

    alcf->enable = NGX_CONF_UNSET;
    alcf->token = NGX_CONF_UNSET;
    alcf->leeway = NGX_CONF_UNSET;
    alcf->key_cache = NGX_CONF_UNSET_MSEC;
    alcf->requires = NGX_CONF_UNSET_PTR;

    return alcf;
}


static char *
ngx_http_ihanoi_auth_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_ihanoi_auth_loc_conf_t  *prev = parent;
    ngx_http_ihanoi_auth_loc_conf_t  *conf = child;

    ngx_uint_t                         n;
    ngx_http_core_srv_conf_t          *cscf, **server;
    ngx_http_ihanoi_auth_source_t    **source;
    ngx_http_ihanoi_auth_main_conf_t  *amcf;

    if (conf->enable == NGX_CONF_UNSET) {
        conf->enable = (prev->enable == NGX_CONF_UNSET) ? 0 : prev->enable;
        conf->realm = prev->realm;
        conf->token = prev->token;
    }

    ngx_conf_merge_ptr_value(conf->requires, prev->requires, NULL);

    if (ngx_http_ihanoi_auth_own_issuer(cf, prev, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (!conf->enable) {
        return NGX_CONF_OK;
    }

    if (conf->own) {
        source = conf->own->sources.elts;

        for (n = 0; n < conf->own->sources.nelts; n++) {
            source[n]->asked = 1;
        }

        return NGX_CONF_OK;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ihanoi_auth_module);

    if (amcf->issuers.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"auth_jwt\" has no keys: no \"auth_jwt_issuer\", "
                           "\"auth_jwt_key_file\" or \"auth_jwt_key_request\"");
        return NGX_CONF_ERROR;
    }

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    server = amcf->keys.servers.elts;
    n = amcf->keys.servers.nelts;

    if (n == 0 || server[n - 1] != cscf) {

        server = ngx_array_push(&amcf->keys.servers);
        if (server == NULL) {
            return NGX_CONF_ERROR;
        }

        *server = cscf;
    }

    return NGX_CONF_OK;
}


/*
 * Keys named by "auth_jwt_key_file" and "auth_jwt_key_request" are those of one
 * nameless issuer; a place with the same keys and times shares it, and with it
 * the cached tokens, with the place around it.
 */

static char *
ngx_http_ihanoi_auth_own_issuer(ngx_conf_t *cf,
    ngx_http_ihanoi_auth_loc_conf_t *prev,
    ngx_http_ihanoi_auth_loc_conf_t *conf)
{
    ngx_str_t                          nobody;
    ngx_uint_t                         i, same;
    ngx_http_ihanoi_auth_key_t        *keys;
    ngx_http_ihanoi_auth_issuer_t     *issuer;
    ngx_http_ihanoi_auth_source_t    **slot;
    ngx_http_ihanoi_auth_main_conf_t  *amcf;

    same = (conf->keys == NULL
            && (conf->leeway == NGX_CONF_UNSET
                || conf->leeway == prev->leeway)
            && (conf->key_cache == NGX_CONF_UNSET_MSEC
                || conf->key_cache == prev->key_cache));

    ngx_conf_merge_value(conf->leeway, prev->leeway, 0);
    ngx_conf_merge_msec_value(conf->key_cache, prev->key_cache,
                              NGX_HTTP_IHANOI_AUTH_KEY_CACHE);

    if (conf->keys == NULL) {
        conf->keys = prev->keys;
    }

    if (conf->keys == NULL) {
        return NGX_CONF_OK;
    }

    if (same && prev->own) {
        conf->own = prev->own;
        return NGX_CONF_OK;
    }

    issuer = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_auth_issuer_t));
    if (issuer == NULL) {
        return NGX_CONF_ERROR;
    }

    issuer->assurance_claim = "assurance";
    issuer->rules.leeway = conf->leeway;

    if (ngx_array_init(&issuer->sources, cf->pool, conf->keys->nelts,
                       sizeof(ngx_http_ihanoi_auth_source_t *))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ihanoi_auth_module);

    ngx_str_null(&nobody);
    keys = conf->keys->elts;

    for (i = 0; i < conf->keys->nelts; i++) {

        slot = ngx_array_push(&issuer->sources);
        if (slot == NULL) {
            return NGX_CONF_ERROR;
        }

        if (keys[i].file) {
            *slot = keys[i].file;
            continue;
        }

        *slot = ngx_http_ihanoi_auth_source_request(cf, &amcf->keys,
                                                    &keys[i].uri, &nobody,
                                                    conf->key_cache, NULL, 0);
        if (*slot == NULL) {
            return NGX_CONF_ERROR;
        }

        (*slot)->file = keys[i].conf;
        (*slot)->line = keys[i].line;
        (*slot)->server = ngx_http_conf_get_module_srv_conf(cf,
                                                        ngx_http_core_module);
    }

    conf->own = issuer;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_ihanoi_auth_init(ngx_conf_t *cf)
{
    ngx_array_t                       *handlers;
    ngx_http_handler_pt               *h;
    ngx_http_core_main_conf_t         *cmcf;
    ngx_http_ihanoi_auth_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ihanoi_auth_module);

    if (ngx_http_ihanoi_auth_fetch_init(cf, &amcf->keys) != NGX_OK) {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    /*
     * Handlers of a phase run from the last to the first, and those of dynamic
     * modules are the last: ours is moved to the front, so that nginx's own
     * checks (allow, deny, auth_basic) come before any work on a signature.
     */

    handlers = &cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers;

    if (ngx_array_push(handlers) == NULL) {
        return NGX_ERROR;
    }

    h = handlers->elts;

    ngx_memmove(h + 1, h, (handlers->nelts - 1) * sizeof(ngx_http_handler_pt));
    h[0] = ngx_http_ihanoi_auth_access_handler;

    /* and this one runs first: before mirror and try_files */

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_ihanoi_auth_subrequest_handler;

    ngx_http_ihanoi_auth_fetch_init_filters();

    return NGX_OK;
}
