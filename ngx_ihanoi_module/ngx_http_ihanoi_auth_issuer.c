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
    ngx_array_t                     files;       /* of source_line_t */
    ngx_array_t                     requests;    /* of source_line_t */
    ngx_array_t                     audiences;   /* of ihanoi_jwt_str_t */
    ngx_array_t                     types;       /* of ihanoi_jwt_str_t */
    ngx_array_t                     algorithms;  /* of ihanoi_alg_e */
    ngx_str_t                       assurance_claim;
    ngx_msec_t                      key_cache;
} ngx_http_ihanoi_auth_block_t;


/* A file or a URI, and where it is named. */
typedef struct {
    ngx_str_t                       name;
    ngx_uint_t                      line;
} ngx_http_ihanoi_auth_source_line_t;


static char *ngx_http_ihanoi_auth_issuer_end(ngx_conf_t *cf,
    ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_block_t *block);
static ngx_int_t ngx_http_ihanoi_auth_issuer_add(
    ngx_http_ihanoi_auth_issuer_t *issuer,
    ngx_http_ihanoi_auth_source_t *source);
static char *ngx_http_ihanoi_auth_issuer_sources(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_ihanoi_auth_issuer_words(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_ihanoi_auth_issuer_algorithms(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_ihanoi_auth_issuer_leeway(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_ihanoi_auth_issuer_lifetime(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


static ngx_command_t  ngx_http_ihanoi_auth_issuer_lines[] = {

    { ngx_string("key_file"), NGX_CONF_1MORE,
      ngx_http_ihanoi_auth_issuer_sources,
      0, offsetof(ngx_http_ihanoi_auth_block_t, files), NULL },

    { ngx_string("key_request"), NGX_CONF_1MORE,
      ngx_http_ihanoi_auth_issuer_sources,
      0, offsetof(ngx_http_ihanoi_auth_block_t, requests), NULL },

    { ngx_string("audience"), NGX_CONF_1MORE,
      ngx_http_ihanoi_auth_issuer_words,
      0, offsetof(ngx_http_ihanoi_auth_block_t, audiences), NULL },

    { ngx_string("typ"), NGX_CONF_1MORE,
      ngx_http_ihanoi_auth_issuer_words,
      0, offsetof(ngx_http_ihanoi_auth_block_t, types), NULL },

    { ngx_string("algorithms"), NGX_CONF_1MORE,
      ngx_http_ihanoi_auth_issuer_algorithms,
      0, 0, NULL },

    { ngx_string("assurance_claim"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_set_str,
      0, offsetof(ngx_http_ihanoi_auth_block_t, assurance_claim), NULL },

    { ngx_string("key_cache"), NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      0, offsetof(ngx_http_ihanoi_auth_block_t, key_cache), NULL },

    { ngx_string("leeway"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_auth_issuer_leeway,
      0, 0, NULL },

    { ngx_string("max_lifetime"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_auth_issuer_lifetime,
      0, 0, NULL },

      ngx_null_command
};


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
    issuer->rules.leeway = NGX_CONF_UNSET;
    issuer->rules.max_lifetime = NGX_CONF_UNSET;

    ngx_memzero(&block, sizeof(ngx_http_ihanoi_auth_block_t));

    block.issuer = issuer;
    block.key_cache = NGX_CONF_UNSET_MSEC;

    if (ngx_array_init(&issuer->sources, cf->pool, 2,
                       sizeof(ngx_http_ihanoi_auth_source_t *))
        != NGX_OK
        || ngx_array_init(&block.files, cf->pool, 2,
                          sizeof(ngx_http_ihanoi_auth_source_line_t))
           != NGX_OK
        || ngx_array_init(&block.requests, cf->pool, 2,
                          sizeof(ngx_http_ihanoi_auth_source_line_t))
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

    rv = ngx_http_ihanoi_block(cf, ngx_http_ihanoi_auth_issuer_lines, &block);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    issuer->assurance_claim = block.assurance_claim.len
                              ? (char *) block.assurance_claim.data
                              : "assurance";

    ngx_conf_init_value(issuer->rules.leeway, NGX_HTTP_IHANOI_AUTH_LEEWAY);
    ngx_conf_init_value(issuer->rules.max_lifetime,
                        NGX_HTTP_IHANOI_AUTH_LIFETIME);
    ngx_conf_init_msec_value(block.key_cache, NGX_HTTP_IHANOI_AUTH_KEY_CACHE);

    return ngx_http_ihanoi_auth_issuer_end(cf, amcf, &block);
}


static char *
ngx_http_ihanoi_auth_issuer_sources(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                           *value;
    ngx_uint_t                           i;
    ngx_http_ihanoi_auth_source_line_t  *source;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        source = ngx_array_push((ngx_array_t *) ((char *) conf + cmd->offset));
        if (source == NULL) {
            return NGX_CONF_ERROR;
        }

        source->name = value[i];
        source->line = cf->conf_file->line;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_auth_issuer_words(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t         *value;
    ngx_uint_t         i;
    ihanoi_jwt_str_t  *word;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len == 0) {
            return "has an empty value";
        }

        word = ngx_array_push((ngx_array_t *) ((char *) conf + cmd->offset));
        if (word == NULL) {
            return NGX_CONF_ERROR;
        }

        /* words of a configuration end with a NUL */

        word->data = (char *) value[i].data;
        word->len = value[i].len;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_auth_issuer_algorithms(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_ihanoi_auth_block_t *block = conf;

    ngx_str_t     *value;
    ngx_uint_t     i;
    ihanoi_alg_e  *alg;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
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


static char *
ngx_http_ihanoi_auth_issuer_leeway(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_ihanoi_auth_block_t *block = conf;

    long       *leeway;
    ngx_str_t  *value;

    value = cf->args->elts;
    leeway = &block->issuer->rules.leeway;

    if (*leeway != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    *leeway = ngx_parse_time(&value[1], 1);

    return (*leeway == NGX_ERROR || *leeway > 600)
           ? "must be a time of at most 10m" : NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_auth_issuer_lifetime(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_ihanoi_auth_block_t *block = conf;

    long       *lifetime;
    ngx_str_t  *value;

    value = cf->args->elts;
    lifetime = &block->issuer->rules.max_lifetime;

    if (*lifetime != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        *lifetime = 0;
        return NGX_CONF_OK;
    }

    *lifetime = ngx_parse_time(&value[1], 1);

    return (*lifetime == NGX_ERROR || *lifetime == 0)
           ? "must be a time of at least 1s, or \"off\"" : NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_auth_issuer_end(ngx_conf_t *cf,
    ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_block_t *block)
{
    ngx_uint_t                           i, line;
    ngx_http_ihanoi_auth_issuer_t       *issuer, **islot;
    ngx_http_ihanoi_auth_source_t       *source;
    ngx_http_ihanoi_auth_source_line_t  *lines;

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

    lines = block->files.elts;
    line = cf->conf_file->line;

    for (i = 0; i < block->files.nelts; i++) {

        /* read when all algorithms are known, reported where it stands */

        cf->conf_file->line = lines[i].line;

        source = ngx_http_ihanoi_auth_source_file(cf, &lines[i].name,
                                                  block->algorithms.elts,
                                                  block->algorithms.nelts);

        if (ngx_http_ihanoi_auth_issuer_add(issuer, source) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    lines = block->requests.elts;

    for (i = 0; i < block->requests.nelts; i++) {

        cf->conf_file->line = lines[i].line;

        source = ngx_http_ihanoi_auth_source_request(cf, &amcf->keys,
                                                     &lines[i].name,
                                                     &issuer->name,
                                                     block->key_cache,
                                                     block->algorithms.elts,
                                                     block->algorithms.nelts);

        if (ngx_http_ihanoi_auth_issuer_add(issuer, source) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    cf->conf_file->line = line;

    islot = ngx_array_push(&amcf->issuers);
    if (islot == NULL) {
        return NGX_CONF_ERROR;
    }

    *islot = issuer;

    return NGX_CONF_OK;
}


/* NULL: what is wrong with the source has been logged. */

static ngx_int_t
ngx_http_ihanoi_auth_issuer_add(ngx_http_ihanoi_auth_issuer_t *issuer,
    ngx_http_ihanoi_auth_source_t *source)
{
    ngx_http_ihanoi_auth_source_t  **slot;

    if (source == NULL) {
        return NGX_ERROR;
    }

    slot = ngx_array_push(&issuer->sources);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    *slot = source;

    return NGX_OK;
}
