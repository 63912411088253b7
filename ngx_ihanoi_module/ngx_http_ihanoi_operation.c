/*
 * Copyright (C) iHaNoi contributors
 *
 * Resolve: from method and path to the operation, once a request.
 *
 * Variables may ask before ACCESS does (limit_req by operation), so the answer
 * is kept in the context.
 */

#include "ngx_http_ihanoi_api.h"


static ngx_int_t ngx_http_ihanoi_operation_path(ngx_http_request_t *r,
    ngx_str_t *path);


static struct {
    ngx_uint_t                   method;
    ihanoi_method_e              contract;
    const char                  *allow;
} ngx_http_ihanoi_operation_methods[] = {
    { NGX_HTTP_GET,    IHANOI_GET,    "GET, HEAD, " },
    { NGX_HTTP_HEAD,   IHANOI_GET,    "" },
    { NGX_HTTP_POST,   IHANOI_POST,   "POST, " },
    { NGX_HTTP_PUT,    IHANOI_PUT,    "PUT, " },
    { NGX_HTTP_PATCH,  IHANOI_PATCH,  "PATCH, " },
    { NGX_HTTP_DELETE, IHANOI_DELETE, "DELETE, " },
    { 0, 0, NULL }
};


ngx_http_ihanoi_api_ctx_t *
ngx_http_ihanoi_api_ctx(ngx_http_request_t *r)
{
    ngx_http_ihanoi_api_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_api_module);

    if (ctx) {
        return ctx;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_ihanoi_api_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    ctx->resolved = NGX_AGAIN;
    ctx->start = ngx_http_ihanoi_usec();

    ngx_http_set_ctx(r, ctx, ngx_http_ihanoi_api_module);

    return ctx;
}


ngx_int_t
ngx_http_ihanoi_operation_resolve(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx)
{
    ngx_str_t                         path;
    ngx_uint_t                        i;
    const ihanoi_operation_t         *op;
    ngx_http_ihanoi_api_main_conf_t  *amcf;

    if (ctx->resolved != NGX_AGAIN) {
        return ctx->resolved;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_ihanoi_api_module);

    if (amcf->contract == NULL) {
        ctx->resolved = NGX_DECLINED;
        return NGX_DECLINED;
    }

    if (ngx_http_ihanoi_operation_path(r, &path) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!ihanoi_contract_match(amcf->contract, (char *) path.data, path.len,
                               &ctx->match))
    {
        ctx->resolved = NGX_DECLINED;
        return NGX_DECLINED;
    }

    ctx->resolved = NGX_ABORT;

    for (i = 0; ngx_http_ihanoi_operation_methods[i].method; i++) {

        if (ngx_http_ihanoi_operation_methods[i].method != r->method) {
            continue;
        }

        op = ctx->match.by_method[
                               ngx_http_ihanoi_operation_methods[i].contract];

        if (op) {
            ctx->operation = &amcf->operations[op->index];
            ctx->resolved = NGX_OK;
        }

        break;
    }

    return ctx->resolved;
}


/*
 * The path as the client sent it: the contract decodes each segment itself, so
 * that "%2F" stays inside a segment.  After a rewrite only nginx's decoded URI
 * is true, and it is encoded again.
 */
static ngx_int_t
ngx_http_ihanoi_operation_path(ngx_http_request_t *r, ngx_str_t *path)
{
    u_char     *p, *last;
    uintptr_t   escape;

    if (r->valid_unparsed_uri && r == r->main) {

        path->data = r->unparsed_uri.data;
        last = path->data + r->unparsed_uri.len;

        for (p = path->data; p < last; p++) {
            if (*p == '?' || *p == '#') {
                break;
            }
        }

        path->len = p - path->data;

        return NGX_OK;
    }

    escape = 2 * ngx_escape_uri(NULL, r->uri.data, r->uri.len,
                                NGX_ESCAPE_URI);

    if (escape == 0) {
        *path = r->uri;
        return NGX_OK;
    }

    path->len = r->uri.len + escape;
    path->data = ngx_pnalloc(r->pool, path->len);
    if (path->data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_escape_uri(path->data, r->uri.data, r->uri.len,
                          NGX_ESCAPE_URI);

    return NGX_OK;
}


ngx_int_t
ngx_http_ihanoi_operation_allow(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *allow)
{
    u_char      *p;
    ngx_uint_t   i;

    allow->data = ngx_pnalloc(r->pool,
                      sizeof("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    if (allow->data == NULL) {
        return NGX_ERROR;
    }

    p = allow->data;

    for (i = 0; ngx_http_ihanoi_operation_methods[i].method; i++) {
        if (ctx->match.by_method[
                ngx_http_ihanoi_operation_methods[i].contract])
        {
            p = ngx_cpymem(p, ngx_http_ihanoi_operation_methods[i].allow,
                      ngx_strlen(ngx_http_ihanoi_operation_methods[i].allow));
        }
    }

    p = ngx_cpymem(p, "OPTIONS", sizeof("OPTIONS") - 1);

    allow->len = p - allow->data;

    return NGX_OK;
}
