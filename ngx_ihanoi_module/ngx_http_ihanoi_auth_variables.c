/*
 * Copyright (C) iHaNoi contributors
 *
 * Variables of a verified token.
 */

#include "ngx_http_ihanoi_auth_directives.h"
#include "ngx_http_ihanoi_auth_caller.h"


static ngx_int_t ngx_http_ihanoi_auth_claim_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ihanoi_auth_header_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ihanoi_auth_path_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, size_t offset, ngx_str_t *names,
    ngx_uint_t n);
static ngx_int_t ngx_http_ihanoi_auth_caller_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ihanoi_auth_set_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, json_t *json);


/*
 * Not cacheable: a rewrite may bring the request to a place where the same
 * token is judged by other rules.  Reading one again costs next to nothing.
 */
static ngx_http_variable_t  ngx_http_ihanoi_auth_variables[] = {

    { ngx_string("jwt_claim_"), NULL, ngx_http_ihanoi_auth_claim_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },

    { ngx_string("jwt_header_"), NULL, ngx_http_ihanoi_auth_header_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },

    { ngx_string("jwt_payload"), NULL, ngx_http_ihanoi_auth_caller_variable,
      offsetof(ngx_http_ihanoi_caller_t, payload),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ihanoi_subject_hash"), NULL,
      ngx_http_ihanoi_auth_caller_variable,
      offsetof(ngx_http_ihanoi_caller_t, subject_hash),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static ngx_int_t
ngx_http_ihanoi_auth_claim_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t  name = *(ngx_str_t *) data;

    name.data += sizeof("jwt_claim_") - 1;
    name.len -= sizeof("jwt_claim_") - 1;

    return ngx_http_ihanoi_auth_path_variable(r, v,
                                   offsetof(ngx_http_ihanoi_caller_t, claims),
                                   &name, 1);
}


static ngx_int_t
ngx_http_ihanoi_auth_header_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t  name = *(ngx_str_t *) data;

    name.data += sizeof("jwt_header_") - 1;
    name.len -= sizeof("jwt_header_") - 1;

    return ngx_http_ihanoi_auth_path_variable(r, v,
                                   offsetof(ngx_http_ihanoi_caller_t, header),
                                   &name, 1);
}


ngx_int_t
ngx_http_ihanoi_auth_claim_set_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_array_t  *path = (ngx_array_t *) data;

    return ngx_http_ihanoi_auth_path_variable(r, v,
                                   offsetof(ngx_http_ihanoi_caller_t, claims),
                                   path->elts, path->nelts);
}


ngx_int_t
ngx_http_ihanoi_auth_header_set_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_array_t  *path = (ngx_array_t *) data;

    return ngx_http_ihanoi_auth_path_variable(r, v,
                                   offsetof(ngx_http_ihanoi_caller_t, header),
                                   path->elts, path->nelts);
}


/* What stands under n names, one in another, in a caller's JSON. */

static ngx_int_t
ngx_http_ihanoi_auth_path_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, size_t offset, ngx_str_t *names,
    ngx_uint_t n)
{
    json_t                    *json;
    ngx_uint_t                 i;
    ngx_http_ihanoi_caller_t  *caller;

    if (ngx_http_ihanoi_auth_identify(r, 0, &caller) == NGX_ERROR) {
        return NGX_ERROR;
    }

    json = caller ? *(json_t **) ((u_char *) caller + offset) : NULL;

    for (i = 0; json && i < n; i++) {
        json = json_object_getn(json, (char *) names[i].data, names[i].len);
    }

    return ngx_http_ihanoi_auth_set_variable(r, v, json);
}


static ngx_int_t
ngx_http_ihanoi_auth_caller_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                 *value;
    ngx_http_ihanoi_caller_t  *caller;

    if (ngx_http_ihanoi_auth_identify(r, 0, &caller) == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (caller == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    value = (ngx_str_t *) ((u_char *) caller + data);

    v->data = value->data;
    v->len = value->len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_ihanoi_auth_set_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, json_t *json)
{
    ngx_int_t  rc;
    ngx_str_t  value;

    rc = json ? ngx_http_ihanoi_auth_value(r->pool, json, &value)
              : NGX_DECLINED;

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = value.data;
    v->len = value.len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


ngx_int_t
ngx_http_ihanoi_auth_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_ihanoi_auth_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}
