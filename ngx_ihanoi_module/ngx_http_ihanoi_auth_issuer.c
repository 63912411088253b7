/*
 * Copyright (C) iHaNoi contributors
 *
 * The block directive "auth_jwt_issuer".
 */

#include "ngx_http_ihanoi_auth_directives.h"
#include "ngx_http_ihanoi_block.h"


#define NGX_HTTP_IHANOI_AUTH_LEEWAY       5
#define NGX_HTTP_IHANOI_AUTH_LIFETIME     (24 * 60 * 60)


/* An "auth_jwt_issuer" block while it is read. */
typedef struct {
    ngx_http_ihanoi_auth_issuer_t  *issuer;
    ngx_array_t                     files;       /* of file_t */
    ngx_array_t                     requests;    /* of ngx_str_t */
    ngx_array_t                     audiences;   /* of ihanoi_jwt_str_t */
    ngx_array_t                     types;       /* of ihanoi_jwt_str_t */
    ngx_array_t                     algorithms;  /* of ihanoi_alg_e */
    ngx_msec_t                      key_cache;
} ngx_http_ihanoi_auth_block_t;


typedef struct {
    ngx_str_t                       path;
    ngx_uint_t                      line;
} ngx_http_ihanoi_auth_file_t;


static char *ngx_http_ihanoi_auth_issuer_line(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static char *ngx_http_ihanoi_auth_issuer_end(ngx_conf_t *cf,
    ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_block_t *block);
static char *ngx_http_ihanoi_auth_issuer_value(ngx_conf_t *cf,
    ngx_http_ihanoi_auth_block_t *block);
static ngx_int_t ngx_http_ihanoi_auth_words(ngx_conf_t *cf,
    ngx_array_t *array);


/* auth_jwt_issuer name { ... } */

char *
ngx_http_ihanoi_auth_issuer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ihanoi_auth_main_conf_t  *amcf = conf;

    char                            *rv;
    ngx_str_t                       *value;
    ngx_uint_t                       i;
    ngx_http_ihanoi_auth_block_t     block;
    ngx_http_ihanoi_auth_issuer_t   *issuer, **issuers;

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].len > IHANOI_JWT_MAX_ISSUER) {
        return "must have a name of 1 to 512 bytes";
    }

    for (i = 0; i < value[1].len; i++) {
        if (value[1].data[i] <= ' ' || value[1].data[i] == 0x7f) {
            return "must have a name without spaces";
        }
    }

    issuers = amcf->issuers.elts;

    for (i = 0; i < amcf->issuers.nelts; i++) {
        if (issuers[i]->name.len == value[1].len
            && ngx_memcmp(issuers[i]->name.data, value[1].data, value[1].len)
               == 0)
        {
            return "is duplicate";
        }
    }

    issuer = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_auth_issuer_t));
    if (issuer == NULL) {
        return NGX_CONF_ERROR;
    }

    issuer->name = value[1];
    issuer->assurance_claim = NGX_CONF_UNSET_PTR;
    issuer->rules.leeway = NGX_CONF_UNSET;
    issuer->rules.max_lifetime = NGX_CONF_UNSET;

    ngx_memzero(&block, sizeof(ngx_http_ihanoi_auth_block_t));

    block.issuer = issuer;
    block.key_cache = NGX_CONF_UNSET_MSEC;

    if (ngx_array_init(&issuer->sources, cf->pool, 2,
                       sizeof(ngx_http_ihanoi_auth_source_t *))
        != NGX_OK
        || ngx_array_init(&block.files, cf->pool, 2,
                          sizeof(ngx_http_ihanoi_auth_file_t))
           != NGX_OK
        || ngx_array_init(&block.requests, cf->pool, 2, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&block.audiences, cf->pool, 2,
                          sizeof(ihanoi_jwt_str_t))
           != NGX_OK
        || ngx_array_init(&block.types, cf->pool, 2, sizeof(ihanoi_jwt_str_t))
           != NGX_OK
        || ngx_array_init(&block.algorithms, cf->pool, 2,
                          sizeof(ihanoi_alg_e))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_ihanoi_block(cf, ngx_http_ihanoi_auth_issuer_line, &block);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_conf_init_ptr_value(issuer->assurance_claim, "assurance");
    ngx_conf_init_value(issuer->rules.leeway, NGX_HTTP_IHANOI_AUTH_LEEWAY);
    ngx_conf_init_value(issuer->rules.max_lifetime,
                        NGX_HTTP_IHANOI_AUTH_LIFETIME);
    ngx_conf_init_msec_value(block.key_cache, NGX_HTTP_IHANOI_AUTH_KEY_CACHE);

    return ngx_http_ihanoi_auth_issuer_end(cf, amcf, &block);
}


static char *
ngx_http_ihanoi_auth_issuer_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf)
{
    ngx_http_ihanoi_auth_block_t  *block = (void *) cf->handler_conf;

    ngx_str_t                    *value, *uri;
    ngx_uint_t                    i, n;
    ihanoi_alg_e                 *alg;
    ngx_http_ihanoi_auth_file_t  *file;

    value = cf->args->elts;
    n = cf->args->nelts;

    if (n < 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" needs a value in \"auth_jwt_issuer\"",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    if (ngx_strcmp(value[0].data, "key_file") == 0) {

        for (i = 1; i < n; i++) {
            file = ngx_array_push(&block->files);
            if (file == NULL) {
                return NGX_CONF_ERROR;
            }

            file->path = value[i];
            file->line = cf->conf_file->line;
        }

        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[0].data, "key_request") == 0) {

        for (i = 1; i < n; i++) {
            uri = ngx_array_push(&block->requests);
            if (uri == NULL) {
                return NGX_CONF_ERROR;
            }

            *uri = value[i];
        }

        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[0].data, "audience") == 0) {
        return ngx_http_ihanoi_auth_words(cf, &block->audiences) == NGX_OK
               ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (ngx_strcmp(value[0].data, "typ") == 0) {
        return ngx_http_ihanoi_auth_words(cf, &block->types) == NGX_OK
               ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (ngx_strcmp(value[0].data, "algorithms") == 0) {

        for (i = 1; i < n; i++) {
            alg = ngx_array_push(&block->algorithms);
            if (alg == NULL) {
                return NGX_CONF_ERROR;
            }

            *alg = ihanoi_alg_find((char *) value[i].data, value[i].len);

            if (*alg == IHANOI_ALG_NONE) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "unknown algorithm \"%V\"", &value[i]);
                return NGX_CONF_ERROR;
            }
        }

        return NGX_CONF_OK;
    }

    return ngx_http_ihanoi_auth_issuer_value(cf, block);
}


/* The lines that have one value. */

static char *
ngx_http_ihanoi_auth_issuer_value(ngx_conf_t *cf,
    ngx_http_ihanoi_auth_block_t *block)
{
    time_t       seconds;
    ngx_int_t    msec;
    ngx_str_t   *value;
    const char  *right;

    value = cf->args->elts;

    if (cf->args->nelts != 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not known in \"auth_jwt_issuer\", or "
                           "has one value only", &value[0]);
        return NGX_CONF_ERROR;
    }

    if (ngx_strcmp(value[0].data, "assurance_claim") == 0) {

        if (block->issuer->assurance_claim != NGX_CONF_UNSET_PTR) {
            goto duplicate;
        }

        block->issuer->assurance_claim = (char *) value[1].data;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[0].data, "key_cache") == 0) {

        if (block->key_cache != NGX_CONF_UNSET_MSEC) {
            goto duplicate;
        }

        msec = ngx_parse_time(&value[1], 0);
        right = "a time";

        if (msec == NGX_ERROR) {
            goto invalid;
        }

        block->key_cache = msec;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[0].data, "leeway") == 0) {

        if (block->issuer->rules.leeway != NGX_CONF_UNSET) {
            goto duplicate;
        }

        seconds = ngx_parse_time(&value[1], 1);
        right = "a time of at most 10m";

        if (seconds == (time_t) NGX_ERROR || seconds > 600) {
            goto invalid;
        }

        block->issuer->rules.leeway = seconds;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[0].data, "max_lifetime") == 0) {

        if (block->issuer->rules.max_lifetime != NGX_CONF_UNSET) {
            goto duplicate;
        }

        if (ngx_strcmp(value[1].data, "off") == 0) {
            block->issuer->rules.max_lifetime = 0;
            return NGX_CONF_OK;
        }

        seconds = ngx_parse_time(&value[1], 1);
        right = "a time of at least 1s, or \"off\"";

        if (seconds == (time_t) NGX_ERROR || seconds == 0) {
            goto invalid;
        }

        block->issuer->rules.max_lifetime = seconds;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" is not known in \"auth_jwt_issuer\"",
                       &value[0]);

    return NGX_CONF_ERROR;

duplicate:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" in \"auth_jwt_issuer\" is duplicate",
                       &value[0]);

    return NGX_CONF_ERROR;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" of \"%V\", it must be %s",
                       &value[1], &value[0], right);

    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_ihanoi_auth_words(ngx_conf_t *cf, ngx_array_t *array)
{
    ngx_str_t         *value;
    ngx_uint_t         i;
    ihanoi_jwt_str_t  *word;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" has an empty "
                               "value", &value[0]);
            return NGX_ERROR;
        }

        word = ngx_array_push(array);
        if (word == NULL) {
            return NGX_ERROR;
        }

        /* words of a configuration end with a NUL */

        word->data = (char *) value[i].data;
        word->len = value[i].len;
    }

    return NGX_OK;
}


static char *
ngx_http_ihanoi_auth_issuer_end(ngx_conf_t *cf,
    ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_block_t *block)
{
    ngx_str_t                       *uris;
    ngx_uint_t                       i, line;
    ngx_http_ihanoi_auth_file_t     *files;
    ngx_http_ihanoi_auth_issuer_t   *issuer, **islot;
    ngx_http_ihanoi_auth_source_t   *source, **slot;

    issuer = block->issuer;

    if (block->audiences.nelts == 0) {
        return "names no \"audience\"";
    }

    if (block->algorithms.nelts == 0) {
        return "names no \"algorithms\"";
    }

    i = block->files.nelts + block->requests.nelts;

    if (i == 0) {
        return "names no \"key_file\" and no \"key_request\"";
    }

    if (i > NGX_HTTP_IHANOI_AUTH_MAX_SOURCES) {
        return "names too many key sets";
    }

    issuer->rules.audiences = block->audiences.elts;
    issuer->rules.naudiences = block->audiences.nelts;
    issuer->rules.types = block->types.elts;
    issuer->rules.ntypes = block->types.nelts;

    files = block->files.elts;
    line = cf->conf_file->line;

    for (i = 0; i < block->files.nelts; i++) {

        /* read when all algorithms are known, reported where it stands */

        cf->conf_file->line = files[i].line;

        source = ngx_http_ihanoi_auth_source_file(cf, &files[i].path,
                                                  block->algorithms.elts,
                                                  block->algorithms.nelts);
        if (source == NULL) {
            return NGX_CONF_ERROR;
        }

        slot = ngx_array_push(&issuer->sources);
        if (slot == NULL) {
            return NGX_CONF_ERROR;
        }

        *slot = source;
    }

    cf->conf_file->line = line;

    uris = block->requests.elts;

    for (i = 0; i < block->requests.nelts; i++) {

        source = ngx_http_ihanoi_auth_source_request(cf, &amcf->keys, &uris[i],
                                                     &issuer->name,
                                                     block->key_cache,
                                                     block->algorithms.elts,
                                                     block->algorithms.nelts);
        if (source == NULL) {
            return NGX_CONF_ERROR;
        }

        slot = ngx_array_push(&issuer->sources);
        if (slot == NULL) {
            return NGX_CONF_ERROR;
        }

        *slot = source;
    }

    islot = ngx_array_push(&amcf->issuers);
    if (islot == NULL) {
        return NGX_CONF_ERROR;
    }

    *islot = issuer;

    return NGX_CONF_OK;
}
