/*
 * Copyright (C) iHaNoi contributors
 *
 * Count: the LOG phase adds up what came out of each operation.
 */

#include "ngx_http_ihanoi_api.h"
#include "ngx_http_ihanoi_inject.h"


/* Statuses that are counted by their number; 0 stands for any other. */
static ngx_uint_t  ngx_http_ihanoi_count_statuses[NGX_HTTP_IHANOI_STATUSES] = {
    200, 201, 202, 204, 304,
    400, 401, 403, 404, 405, 406, 408, 409, 412, 413, 414, 415, 422, 428, 429,
    499, 500, 502, 503, 504, 507,
    0
};


char *
ngx_http_ihanoi_count_declare(ngx_conf_t *cf,
    ngx_http_ihanoi_operation_t *operation)
{
    u_char      *p;
    ngx_str_t    labels;
    ngx_uint_t   i, status;

    p = ngx_pnalloc(cf->temp_pool, operation->id.len
                        + sizeof("operation=\"\",status=\"other\""));
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    labels.data = p;

    for (i = 0; i < NGX_HTTP_IHANOI_STATUSES; i++) {
        status = ngx_http_ihanoi_count_statuses[i];

        p = ngx_sprintf(labels.data, "operation=\"%V\",status=\"",
                        &operation->id);

        if (status) {
            p = ngx_sprintf(p, "%ui\"", status);

        } else {
            p = ngx_sprintf(p, "other\"");
        }

        labels.len = p - labels.data;

        operation->requests[i] = ngx_http_ihanoi_metric_add(cf,
                             NGX_HTTP_IHANOI_COUNTER, "ihanoi_requests_total",
                             "Requests by operation and status.", &labels);

        if (operation->requests[i] == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    labels.len = ngx_sprintf(labels.data, "operation=\"%V\"", &operation->id)
                 - labels.data;

    operation->duration = ngx_http_ihanoi_metric_add(cf,
                   NGX_HTTP_IHANOI_HISTOGRAM, "ihanoi_request_duration_seconds",
                   "Time from resolving an operation to its request's end.",
                   &labels);

    return operation->duration ? NGX_CONF_OK : NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_ihanoi_count_handler(ngx_http_request_t *r)
{
    ngx_uint_t                        i, status;
    ngx_http_ihanoi_api_ctx_t        *ctx;
    ngx_http_ihanoi_operation_t      *operation;
    ngx_http_ihanoi_api_loc_conf_t   *alcf;
    ngx_http_ihanoi_api_main_conf_t  *amcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_ihanoi_api_module);

    if (!alcf->enable || ngx_http_ihanoi_is_injected(r)) {
        return NGX_OK;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_ihanoi_api_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_api_module);

    operation = (ctx && ctx->operation) ? ctx->operation : &amcf->unresolved;

    status = r->err_status ? r->err_status : r->headers_out.status;

    for (i = 0; i < NGX_HTTP_IHANOI_STATUSES - 1; i++) {
        if (ngx_http_ihanoi_count_statuses[i] == status) {
            break;
        }
    }

    ngx_http_ihanoi_metric_inc(operation->requests[i]);

    if (ctx) {
        ngx_http_ihanoi_metric_observe(operation->duration,
                                       ngx_http_ihanoi_usec() - ctx->start);
    }

    return NGX_OK;
}
