/*
 * Copyright (C) iHaNoi contributors
 *
 * What log_format, map and limit_req may ask about an API request.
 */

#include "ngx_http_ihanoi_api.h"
#include "ngx_http_ihanoi_plugin.h"


static ngx_int_t ngx_http_ihanoi_api_operation_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ihanoi_api_db_time_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ihanoi_api_plugin_version_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ihanoi_api_trace_id_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_uint_t ngx_http_ihanoi_api_trace_hex(u_char *p, size_t len,
    const char *invalid);


static ngx_http_variable_t  ngx_http_ihanoi_api_variables[] = {

    /* operationId, empty where no operation was found: in a location without the
       API too, from which try_files may lead to one with it */
    { ngx_string("ihanoi_operation"), NULL,
      ngx_http_ihanoi_api_operation_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /* seconds from sending to Sync, in microseconds' resolution */
    { ngx_string("ihanoi_db_time"), NULL,
      ngx_http_ihanoi_api_db_time_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /* the version that serves it, empty where no plugin does */
    { ngx_string("ihanoi_plugin_version"), NULL,
      ngx_http_ihanoi_api_plugin_version_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /* trace-id of a valid traceparent header (W3C Trace Context 3.2) */
    { ngx_string("ihanoi_trace_id"), NULL,
      ngx_http_ihanoi_api_trace_id_variable, 0, 0, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_ihanoi_api_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_ihanoi_api_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ihanoi_api_operation_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_ihanoi_api_ctx_t       *ctx;
    ngx_http_ihanoi_api_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_ihanoi_api_module);

    if (!alcf->enable) {
        v->not_found = 1;
        return NGX_OK;
    }

    ctx = ngx_http_ihanoi_api_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_ihanoi_operation_resolve(r, ctx) != NGX_OK) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = ctx->operation->id.data;
    v->len = ctx->operation->id.len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_ihanoi_api_db_time_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_ihanoi_api_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_api_module);

    if (ctx == NULL || !ctx->called) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = ngx_pnalloc(r->pool, NGX_INT_T_LEN + sizeof(".000000"));
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    v->len = ngx_sprintf(v->data, "%ui.%06ui", ctx->db_usec / 1000000,
                         ctx->db_usec % 1000000)
             - v->data;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_ihanoi_api_plugin_version_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_ihanoi_api_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_api_module);

    if (ctx == NULL || !ctx->chosen) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = (u_char *) ctx->operation->plugin->manifest->version;
    v->len = ngx_strlen(v->data);
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_ihanoi_api_trace_id_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                     *p;
    ngx_http_variable_value_t  *vv;
    ngx_uint_t                  key;

    static ngx_str_t  name = ngx_string("http_traceparent");

    v->not_found = 1;

    key = ngx_hash_key(name.data, name.len);

    vv = ngx_http_get_variable(r, &name, key);
    if (vv == NULL) {
        return NGX_ERROR;
    }

    /* version "-" trace-id "-" parent-id "-" flags; version 00 ends there */

    p = vv->data;

    if (vv->not_found || vv->len < 55
        || p[2] != '-' || p[35] != '-' || p[52] != '-'
        || (vv->len > 55 && (p[55] != '-' || ngx_strncmp(p, "00", 2) == 0))
        || !ngx_http_ihanoi_api_trace_hex(p, 2, "ff")
        || !ngx_http_ihanoi_api_trace_hex(p + 3, 32,
                                          "00000000000000000000000000000000")
        || !ngx_http_ihanoi_api_trace_hex(p + 36, 16, "0000000000000000")
        || !ngx_http_ihanoi_api_trace_hex(p + 53, 2, ""))
    {
        return NGX_OK;
    }

    v->data = p + 3;
    v->len = 32;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


/* Lower-case hexadecimal digits, which are not those that are invalid. */
static ngx_uint_t
ngx_http_ihanoi_api_trace_hex(u_char *p, size_t len, const char *invalid)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f'))) {
            return 0;
        }
    }

    return *invalid == '\0' || ngx_strncmp(p, invalid, len) != 0;
}
