/*
 * Copyright (C) iHaNoi contributors
 *
 * Enforce: the operation's security against the caller.
 *
 * In the ACCESS phase, with plain 401 and 403 so that "satisfy" works; and in
 * the PRECONTENT phase for requests that did not get that far.  A path or method
 * that is not there passes: the content handler answers it.
 */

#include "ngx_http_ihanoi_api.h"
#include "ngx_http_ihanoi_auth_fetch.h"
#include "ngx_http_ihanoi_capture.h"


static ngx_int_t ngx_http_ihanoi_enforce_caller(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx);


ngx_int_t
ngx_http_ihanoi_enforce_handler(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_str_t                        scope;
    ngx_uint_t                       i;
    const ihanoi_operation_t        *op;
    ngx_http_ihanoi_api_ctx_t       *ctx;
    ngx_http_ihanoi_api_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_ihanoi_api_module);

    if (!alcf->enable) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_ihanoi_api_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_ihanoi_enforce_caller(r, ctx);

    if (rc != NGX_OK) {
        return rc;
    }

    /* here, because with "satisfy any" one handler that lets it in is enough */

    rc = ngx_http_ihanoi_auth_required(r);

    if (rc != NGX_OK) {
        return rc;
    }

    op = ctx->operation->contract;

    if (ctx->caller == NULL) {

        if (op->security != IHANOI_SECURITY_TOKEN) {
            ctx->enforced = 1;
            return NGX_OK;
        }

        return ngx_http_ihanoi_auth_refuse(r);
    }

    for (i = 0; i < op->nscopes; i++) {
        scope.data = (u_char *) op->scopes[i].data;
        scope.len = op->scopes[i].len;

        if (!ngx_http_ihanoi_auth_has_scope(ctx->caller, &scope)) {
            return ngx_http_ihanoi_auth_forbid(r, "scope-insufficient",
                                               &scope);
        }
    }

    if (ctx->caller->assurance < (ngx_uint_t) op->assurance) {
        return ngx_http_ihanoi_auth_forbid(r, "assurance-insufficient", NULL);
    }

    ctx->enforced = 1;

    return NGX_OK;
}


/*
 * nginx passes the access phase over for subrequests: what is secured would be
 * open to auth_request, SSI and mirror.
 */

ngx_int_t
ngx_http_ihanoi_enforce_late_handler(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_http_ihanoi_api_ctx_t       *ctx;
    ngx_http_ihanoi_api_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_ihanoi_api_module);

    if (!alcf->enable) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_ihanoi_api_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->enforced || ngx_http_ihanoi_auth_is_fetch(r)
        || ngx_http_ihanoi_is_capture(r))
    {
        return NGX_DECLINED;
    }

    /*
     * With "satisfy any" something else may have let the request in, its address
     * say.  Who sends it is another question: a token is looked at all the same.
     */

    rc = (r == r->main) ? ngx_http_ihanoi_enforce_caller(r, ctx)
                        : ngx_http_ihanoi_enforce_handler(r);

    return (rc == NGX_OK) ? NGX_DECLINED : rc;
}


/*
 * NGX_OK: ctx->caller says who calls the operation, NULL for nobody and where a
 * token is not looked at.  NGX_DECLINED: there is no such operation.
 */

static ngx_int_t
ngx_http_ihanoi_enforce_caller(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = ngx_http_ihanoi_operation_resolve(r, ctx);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_OK) {
        return NGX_DECLINED;
    }

    if (ctx->operation->contract->security == IHANOI_SECURITY_PUBLIC) {
        return NGX_OK;
    }

    rc = ngx_http_ihanoi_auth_identify(r, 1, &ctx->caller);

    switch (rc) {

    case NGX_DECLINED:
        return ngx_http_ihanoi_auth_refuse(r);

    case NGX_ERROR:

        /* as it is, nginx would close the connection without an answer */

        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    default: /* NGX_OK, NGX_AGAIN */
        return rc;
    }
}
