/*
 * Copyright (C) iHaNoi contributors
 *
 * Enforce: the operation's security against the caller.
 *
 * The ACCESS phase only; it returns plain 401 and 403 so that "satisfy" works.
 * A path or method that is not there passes: the content handler answers it.
 */

#include "ngx_http_ihanoi_api.h"


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
        return NGX_ERROR;
    }

    rc = ngx_http_ihanoi_operation_resolve(r, ctx);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        return NGX_DECLINED;
    }

    op = ctx->operation->contract;

    if (op->security == IHANOI_SECURITY_PUBLIC) {
        return NGX_OK;
    }

    rc = ngx_http_ihanoi_auth_identify(r, 1, &ctx->caller);

    switch (rc) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        return ngx_http_ihanoi_auth_refuse(r);

    default: /* NGX_AGAIN, NGX_ERROR */
        return rc;
    }

    if (ctx->caller == NULL) {

        if (op->security == IHANOI_SECURITY_OPTIONAL) {
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

    return NGX_OK;
}
