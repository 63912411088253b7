/*
 * Copyright (C) iHaNoi contributors
 *
 * CORS (Fetch standard, "HTTP-Responses"): an exact list of origins.
 *
 * A header filter, so that errors carry the headers too: a browser hides a
 * response without them from the page.  Tokens travel in Authorization, never
 * in cookies, so credentials are not allowed.
 *
 * Beside the engine's own headers stands "*", for those of the contracts: to a
 * request without credentials it is every name but Authorization.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_ihanoi_header.h"


typedef struct {
    ngx_array_t                 *origins;      /* of ngx_str_t */
    time_t                       max_age;
} ngx_http_ihanoi_cors_loc_conf_t;


static ngx_int_t ngx_http_ihanoi_cors_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_cors_preflight(ngx_http_request_t *r,
    ngx_http_ihanoi_cors_loc_conf_t *clcf);

static char *ngx_http_ihanoi_cors_origin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_uint_t ngx_http_ihanoi_cors_is_origin(ngx_str_t *s);
static void *ngx_http_ihanoi_cors_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_ihanoi_cors_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_ihanoi_cors_init(ngx_conf_t *cf);


static ngx_command_t  ngx_http_ihanoi_cors_commands[] = {

    /* Origins whose pages may call: "https://congdan.example" ... | off */
    { ngx_string("ihanoi_cors_origin"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_ihanoi_cors_origin,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    /* How long a browser may keep the answer to a preflight. */
    { ngx_string("ihanoi_cors_max_age"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ihanoi_cors_loc_conf_t, max_age),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_ihanoi_cors_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_ihanoi_cors_init,             /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_ihanoi_cors_create_loc_conf,  /* create location configuration */
    ngx_http_ihanoi_cors_merge_loc_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_ihanoi_cors_module = {
    NGX_MODULE_V1,
    &ngx_http_ihanoi_cors_module_ctx,      /* module context */
    ngx_http_ihanoi_cors_commands,         /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static ngx_int_t
ngx_http_ihanoi_cors_header_filter(ngx_http_request_t *r)
{
    ngx_str_t                        *origin, value;
    ngx_uint_t                        i;
    ngx_http_ihanoi_cors_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_ihanoi_cors_module);

    if (r != r->main || clcf->origins == NULL) {
        return ngx_http_next_header_filter(r);
    }

    /* caches must not give one origin's answer to another */

    ngx_str_set(&value, "Origin");

    if (ngx_http_ihanoi_header_add(r, "Vary", &value) == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_ihanoi_header_in(r, "Origin", sizeof("Origin") - 1, &value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    origin = clcf->origins->elts;

    for (i = 0; i < clcf->origins->nelts; i++) {
        if (origin[i].len == value.len
            && ngx_memcmp(origin[i].data, value.data, value.len) == 0)
        {
            break;
        }
    }

    if (i == clcf->origins->nelts) {
        return ngx_http_next_header_filter(r);
    }

    if (ngx_http_ihanoi_header_add(r, "Access-Control-Allow-Origin",
                                   &origin[i])
        == NULL)
    {
        return NGX_ERROR;
    }

    if (ngx_http_ihanoi_header_in(r, "Access-Control-Request-Method",
                                  sizeof("Access-Control-Request-Method") - 1,
                                  &value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (r->method == NGX_HTTP_OPTIONS && value.len) {
        if (ngx_http_ihanoi_cors_preflight(r, clcf) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_http_next_header_filter(r);
    }

    ngx_str_set(&value, "ETag, Location, Retry-After, Idempotency-Replayed, "
                        "X-Request-Id, WWW-Authenticate, Allow, *");

    if (ngx_http_ihanoi_header_add(r, "Access-Control-Expose-Headers", &value)
        == NULL)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* The methods are those of the Allow header that the API put there. */
static ngx_int_t
ngx_http_ihanoi_cors_preflight(ngx_http_request_t *r,
    ngx_http_ihanoi_cors_loc_conf_t *clcf)
{
    ngx_str_t         value;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    ngx_str_set(&value, "GET, HEAD, POST");

    part = &r->headers_out.headers.part;
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

        if (h[i].hash && h[i].key.len == sizeof("Allow") - 1
            && ngx_strncmp(h[i].key.data, "Allow", h[i].key.len) == 0)
        {
            value = h[i].value;
        }
    }

    if (ngx_http_ihanoi_header_add(r, "Access-Control-Allow-Methods", &value)
        == NULL)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&value, "Authorization, Content-Type, Idempotency-Key, "
                        "If-Match, If-None-Match, Accept-Language, "
                        "Traceparent, *");

    if (ngx_http_ihanoi_header_add(r, "Access-Control-Allow-Headers", &value)
        == NULL)
    {
        return NGX_ERROR;
    }

    value.data = ngx_pnalloc(r->pool, NGX_TIME_T_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%T", clcf->max_age) - value.data;

    if (ngx_http_ihanoi_header_add(r, "Access-Control-Max-Age", &value)
        == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static char *
ngx_http_ihanoi_cors_origin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ihanoi_cors_loc_conf_t *clcf = conf;

    ngx_str_t   *value, *origin;
    ngx_uint_t   i;

    if (clcf->origins != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        clcf->origins = NULL;
        return NGX_CONF_OK;
    }

    clcf->origins = ngx_array_create(cf->pool, 4, sizeof(ngx_str_t));
    if (clcf->origins == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (!ngx_http_ihanoi_cors_is_origin(&value[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "origin \"%V\" must be like "
                               "\"https://host[:port]\", as browsers send it: "
                               "in lower case, without a path, and without "
                               "the scheme's usual port", &value[i]);
            return NGX_CONF_ERROR;
        }

        origin = ngx_array_push(clcf->origins);
        if (origin == NULL) {
            return NGX_CONF_ERROR;
        }

        *origin = value[i];
    }

    return NGX_CONF_OK;
}


/*
 * Origins are compared byte by byte: one that no browser sends would allow
 * nobody.  "null" is what sandboxed frames send; "*" would be anybody.
 */

static ngx_uint_t
ngx_http_ihanoi_cors_is_origin(ngx_str_t *s)
{
    u_char     *p, *host, *last;
    ngx_int_t   port, usual;

    if (ngx_strncmp(s->data, "https://", 8) == 0) {
        host = s->data + 8;
        usual = 443;

    } else if (ngx_strncmp(s->data, "http://", 7) == 0) {
        host = s->data + 7;
        usual = 80;

    } else {
        return 0;
    }

    last = s->data + s->len;

    for (p = host; p < last; p++) {

        if ((*p < 'a' || *p > 'z') && (*p < '0' || *p > '9')
            && ngx_strchr("-._:[]", *p) == NULL)
        {
            return 0;
        }
    }

    p = host;

    if (*p == '[') {
        p = ngx_strlchr(p, last, ']');
        if (p == NULL) {
            return 0;
        }
    }

    p = ngx_strlchr(p, last, ':');
    if (p == NULL) {
        return host < last;
    }

    port = ngx_atoi(p + 1, last - p - 1);

    return host < p && port > 0 && port <= 65535 && port != usual;
}


static void *
ngx_http_ihanoi_cors_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_ihanoi_cors_loc_conf_t  *clcf;

    clcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_cors_loc_conf_t));
    if (clcf == NULL) {
        return NULL;
    }

    clcf->origins = NGX_CONF_UNSET_PTR;
    clcf->max_age = NGX_CONF_UNSET;

    return clcf;
}


static char *
ngx_http_ihanoi_cors_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_ihanoi_cors_loc_conf_t  *prev = parent;
    ngx_http_ihanoi_cors_loc_conf_t  *conf = child;

    ngx_conf_merge_ptr_value(conf->origins, prev->origins, NULL);
    ngx_conf_merge_sec_value(conf->max_age, prev->max_age, 600);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_ihanoi_cors_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_ihanoi_cors_header_filter;

    return NGX_OK;
}
