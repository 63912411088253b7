/*
 * Copyright (C) iHaNoi contributors
 *
 * Authentication's place in nginx: directives, variables, phase handlers.
 *
 * Directives and variables have the names and meanings that NGINX Plus gave
 * them; what it lacks stands beside them.
 */

#include "ngx_http_ihanoi_auth_conf.h"
#include "ngx_http_ihanoi_auth_deny.h"
#include "ngx_http_ihanoi_auth_shared.h"
#include "ngx_http_ihanoi_problem.h"


#define NGX_HTTP_IHANOI_AUTH_ENTRIES      10000
#define NGX_HTTP_IHANOI_AUTH_SIZE         (32 * 1024 * 1024)
#define NGX_HTTP_IHANOI_AUTH_KEY_CACHE    (10 * 60 * 1000)
#define NGX_HTTP_IHANOI_AUTH_LEEWAY       5
#define NGX_HTTP_IHANOI_AUTH_LIFETIME     (24 * 60 * 60)
#define NGX_HTTP_IHANOI_AUTH_DENY_POLL    1000


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


static ngx_int_t ngx_http_ihanoi_auth_access_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_auth_subrequest_handler(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_auth_required(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_loc_conf_t *alcf);

static ngx_int_t ngx_http_ihanoi_auth_claim_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ihanoi_auth_header_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ihanoi_auth_claim_set_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ihanoi_auth_header_set_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ihanoi_auth_path_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, json_t *json, ngx_array_t *path);
static ngx_int_t ngx_http_ihanoi_auth_caller_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_ihanoi_auth_set_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, json_t *json);
static ngx_int_t ngx_http_ihanoi_auth_add_variables(ngx_conf_t *cf);

static char *ngx_http_ihanoi_auth_jwt(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_ihanoi_auth_realm(ngx_conf_t *cf, ngx_str_t *from,
    ngx_str_t *to);
static char *ngx_http_ihanoi_auth_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_ihanoi_auth_type(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_ihanoi_auth_require(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_ihanoi_auth_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_ihanoi_auth_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_ihanoi_auth_deny_list(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_ihanoi_auth_subject_key(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_ihanoi_auth_issuer(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_ihanoi_auth_issuer_line(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static char *ngx_http_ihanoi_auth_issuer_end(ngx_conf_t *cf,
    ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_block_t *block);
static ngx_int_t ngx_http_ihanoi_auth_words(ngx_conf_t *cf,
    ngx_array_t *array);

static void *ngx_http_ihanoi_auth_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_ihanoi_auth_init_main_conf(ngx_conf_t *cf, void *conf);
static ngx_int_t ngx_http_ihanoi_auth_add_metrics(ngx_conf_t *cf,
    ngx_http_ihanoi_auth_main_conf_t *amcf);
static void *ngx_http_ihanoi_auth_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_ihanoi_auth_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_ihanoi_auth_own_issuer(ngx_conf_t *cf,
    ngx_http_ihanoi_auth_loc_conf_t *prev,
    ngx_http_ihanoi_auth_loc_conf_t *conf);
static ngx_int_t ngx_http_ihanoi_auth_init(ngx_conf_t *cf);


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
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


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
ngx_http_ihanoi_auth_access_handler(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_http_ihanoi_caller_t         *caller;
    ngx_http_ihanoi_auth_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_ihanoi_auth_module);

    if (!alcf->enable) {
        return NGX_DECLINED;
    }

    if (alcf->by_operation && alcf->requires == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_http_ihanoi_auth_identify(r, 1, &caller);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (alcf->by_operation) {

        /* whether a token is needed the operation says; a good one must meet
           what the operator requires of it */

        if (rc == NGX_OK && caller) {
            rc = ngx_http_ihanoi_auth_required(r, alcf);
            return (rc == NGX_OK) ? NGX_DECLINED : rc;
        }

        return NGX_DECLINED;
    }

    if (rc == NGX_DECLINED || caller == NULL) {
        return ngx_http_ihanoi_auth_refuse(r);
    }

    return ngx_http_ihanoi_auth_required(r, alcf);
}


/*
 * nginx passes the access phase over for subrequests, so what is protected
 * would be open to auth_request, SSI and mirror.
 */

static ngx_int_t
ngx_http_ihanoi_auth_subrequest_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (r == r->main || ngx_http_ihanoi_auth_is_fetch(r)) {
        return NGX_DECLINED;
    }

    rc = ngx_http_ihanoi_auth_access_handler(r);

    return (rc == NGX_OK) ? NGX_DECLINED : rc;
}


static ngx_int_t
ngx_http_ihanoi_auth_required(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_loc_conf_t *alcf)
{
    ngx_str_t                       value;
    ngx_uint_t                      i, k;
    ngx_http_complex_value_t       *values;
    ngx_http_ihanoi_auth_require_t *requires;

    if (alcf->requires == NULL) {
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


static ngx_int_t
ngx_http_ihanoi_auth_claim_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                 *name = (ngx_str_t *) data;

    json_t                    *json;
    ngx_http_ihanoi_caller_t  *caller;

    if (ngx_http_ihanoi_auth_identify(r, 0, &caller) == NGX_ERROR) {
        return NGX_ERROR;
    }

    json = NULL;

    if (caller) {
        json = json_object_getn(caller->claims,
                         (char *) name->data + sizeof("jwt_claim_") - 1,
                         name->len - (sizeof("jwt_claim_") - 1));
    }

    return ngx_http_ihanoi_auth_set_variable(r, v, json);
}


static ngx_int_t
ngx_http_ihanoi_auth_header_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                 *name = (ngx_str_t *) data;

    json_t                    *json;
    ngx_http_ihanoi_caller_t  *caller;

    if (ngx_http_ihanoi_auth_identify(r, 0, &caller) == NGX_ERROR) {
        return NGX_ERROR;
    }

    json = NULL;

    if (caller) {
        json = json_object_getn(caller->header,
                         (char *) name->data + sizeof("jwt_header_") - 1,
                         name->len - (sizeof("jwt_header_") - 1));
    }

    return ngx_http_ihanoi_auth_set_variable(r, v, json);
}


static ngx_int_t
ngx_http_ihanoi_auth_claim_set_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_ihanoi_caller_t  *caller;

    if (ngx_http_ihanoi_auth_identify(r, 0, &caller) == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_http_ihanoi_auth_path_variable(r, v,
                                              caller ? caller->claims : NULL,
                                              (ngx_array_t *) data);
}


static ngx_int_t
ngx_http_ihanoi_auth_header_set_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_ihanoi_caller_t  *caller;

    if (ngx_http_ihanoi_auth_identify(r, 0, &caller) == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_http_ihanoi_auth_path_variable(r, v,
                                              caller ? caller->header : NULL,
                                              (ngx_array_t *) data);
}


static ngx_int_t
ngx_http_ihanoi_auth_path_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, json_t *json, ngx_array_t *path)
{
    ngx_str_t   *names;
    ngx_uint_t   i;

    names = path->elts;

    for (i = 0; json && i < path->nelts; i++) {
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


static ngx_int_t
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


/* auth_jwt string [token=$variable] | off; */

static char *
ngx_http_ihanoi_auth_jwt(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ihanoi_auth_loc_conf_t  *alcf = conf;

    ngx_str_t  *value, name;

    if (alcf->enable != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 3 && ngx_strncmp(value[1].data, "off", 3) == 0) {

        if (cf->args->nelts != 2) {
            return "has nothing to do with a token when it is off";
        }

        alcf->enable = 0;
        return NGX_CONF_OK;
    }

    alcf->enable = 1;

    if (ngx_http_ihanoi_auth_realm(cf, &value[1], &alcf->realm) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (value[2].len < 8 || ngx_strncmp(value[2].data, "token=$", 7) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", \"token=$variable\" is "
                           "expected", &value[2]);
        return NGX_CONF_ERROR;
    }

    name.data = value[2].data + 7;
    name.len = value[2].len - 7;

    alcf->token = ngx_http_get_variable_index(cf, &name);
    if (alcf->token == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* RFC 9110 5.6.4: a realm goes into a quoted string. */

static ngx_int_t
ngx_http_ihanoi_auth_realm(ngx_conf_t *cf, ngx_str_t *from, ngx_str_t *to)
{
    u_char      *p;
    ngx_uint_t   i;

    p = ngx_pnalloc(cf->pool, from->len * 2 + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    to->data = p;

    for (i = 0; i < from->len; i++) {

        if (from->data[i] < 0x20 || from->data[i] == 0x7f) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "realm has control characters");
            return NGX_ERROR;
        }

        if (from->data[i] == '"' || from->data[i] == '\\') {
            *p++ = '\\';
        }

        *p++ = from->data[i];
    }

    to->len = p - to->data;

    return NGX_OK;
}


/* auth_jwt_key_file file; auth_jwt_key_request uri; */

static char *
ngx_http_ihanoi_auth_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ihanoi_auth_loc_conf_t  *alcf = conf;

    ngx_str_t                   *value;
    ngx_http_ihanoi_auth_key_t  *key;

    value = cf->args->elts;

    if (alcf->keys == NULL) {
        alcf->keys = ngx_array_create(cf->pool, 2,
                                      sizeof(ngx_http_ihanoi_auth_key_t));
        if (alcf->keys == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (alcf->keys->nelts == NGX_HTTP_IHANOI_AUTH_MAX_SOURCES) {
        return "names too many key sets";
    }

    key = ngx_array_push(alcf->keys);
    if (key == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(key, sizeof(ngx_http_ihanoi_auth_key_t));

    if (cmd->name.len == sizeof("auth_jwt_key_request") - 1) {

        if (value[1].len == 0 || value[1].data[0] != '/') {
            return "must name a URI that begins with \"/\"";
        }

        key->uri = value[1];

        return NGX_CONF_OK;
    }

    key->file = ngx_http_ihanoi_auth_source_file(cf, &value[1], NULL, 0);

    return key->file ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* auth_jwt_type signed; */

static char *
ngx_http_ihanoi_auth_type(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (value[1].len != 6 || ngx_strncmp(value[1].data, "signed", 6) != 0) {
        return "must be \"signed\": encrypted and nested tokens are refused";
    }

    return NGX_CONF_OK;
}


/* auth_jwt_require $value ... [error=401 | 403]; */

static char *
ngx_http_ihanoi_auth_require(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ihanoi_auth_loc_conf_t  *alcf = conf;

    ngx_str_t                         *value;
    ngx_uint_t                         i, n;
    ngx_http_complex_value_t          *cv;
    ngx_http_ihanoi_auth_require_t    *require;
    ngx_http_compile_complex_value_t   ccv;

    value = cf->args->elts;
    n = cf->args->nelts;

    if (alcf->requires == NGX_CONF_UNSET_PTR) {
        alcf->requires = ngx_array_create(cf->pool, 2,
                                       sizeof(ngx_http_ihanoi_auth_require_t));
        if (alcf->requires == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    require = ngx_array_push(alcf->requires);
    if (require == NULL) {
        return NGX_CONF_ERROR;
    }

    require->status = NGX_HTTP_UNAUTHORIZED;

    if (value[n - 1].len > 6
        && ngx_strncmp(value[n - 1].data, "error=", 6) == 0)
    {
        n--;

        if (ngx_strcmp(value[n].data, "error=403") == 0) {
            require->status = NGX_HTTP_FORBIDDEN;

        } else if (ngx_strcmp(value[n].data, "error=401") != 0) {
            return "can answer with error=401 or error=403 only";
        }

        if (n == 1) {
            return "names no value";
        }
    }

    require->values = ngx_array_create(cf->pool, n,
                                       sizeof(ngx_http_complex_value_t));
    if (require->values == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < n; i++) {

        if (value[i].len < 2 || value[i].data[0] != '$') {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", a variable is "
                               "expected", &value[i]);
            return NGX_CONF_ERROR;
        }

        cv = ngx_array_push(require->values);
        if (cv == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

        ccv.cf = cf;
        ccv.value = &value[i];
        ccv.complex_value = cv;

        if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* auth_jwt_claim_set $variable name ...; and _header_set: one name a level */

static char *
ngx_http_ihanoi_auth_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t            *value, *name;
    ngx_uint_t            i;
    ngx_array_t          *path;
    ngx_http_variable_t  *var;

    value = cf->args->elts;

    if (value[1].len < 2 || value[1].data[0] != '$') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid variable name \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    value[1].len--;
    value[1].data++;

    path = ngx_array_create(cf->pool, cf->args->nelts - 2, sizeof(ngx_str_t));
    if (path == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        name = ngx_array_push(path);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    var = ngx_http_add_variable(cf, &value[1], NGX_HTTP_VAR_NOCACHEABLE);
    if (var == NULL) {
        return NGX_CONF_ERROR;
    }

    if (var->get_handler) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "variable \"$%V\" is set elsewhere", &value[1]);
        return NGX_CONF_ERROR;
    }

    var->get_handler = (ngx_http_get_variable_pt) cmd->post;
    var->data = (uintptr_t) path;

    return NGX_CONF_OK;
}


/* auth_jwt_token_cache [entries=number] [size=size] | off; */

static char *
ngx_http_ihanoi_auth_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ihanoi_auth_main_conf_t  *amcf = conf;

    ssize_t      size;
    ngx_int_t    n;
    ngx_str_t   *value, s;
    ngx_uint_t   i;

    if (amcf->cache_set) {
        return "is duplicate";
    }

    amcf->cache_set = 1;
    amcf->cache.max_entries = NGX_HTTP_IHANOI_AUTH_ENTRIES;
    amcf->cache.max_size = NGX_HTTP_IHANOI_AUTH_SIZE;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        amcf->cache.max_entries = 0;
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "entries=", 8) == 0) {
            n = ngx_atoi(value[i].data + 8, value[i].len - 8);

            if (n <= 0 || n > 10000000) {
                return "must have between 1 and 10000000 entries";
            }

            amcf->cache.max_entries = n;
            continue;
        }

        if (ngx_strncmp(value[i].data, "size=", 5) == 0) {
            s.data = value[i].data + 5;
            s.len = value[i].len - 5;

            size = ngx_parse_size(&s);

            if (size < 64 * 1024) {
                return "must have a size of at least 64k";
            }

            amcf->cache.max_size = size;
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                           &value[i]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* auth_jwt_deny_list database [interval=time]; */

static char *
ngx_http_ihanoi_auth_deny_list(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ihanoi_auth_main_conf_t  *amcf = conf;

    ngx_int_t   interval;
    ngx_str_t  *value, s;

    if (amcf->deny_list) {
        return "is duplicate";
    }

    value = cf->args->elts;
    interval = NGX_HTTP_IHANOI_AUTH_DENY_POLL;

    if (cf->args->nelts == 3) {

        if (ngx_strncmp(value[2].data, "interval=", 9) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        s.data = value[2].data + 9;
        s.len = value[2].len - 9;

        interval = ngx_parse_time(&s, 0);

        if (interval == NGX_ERROR || interval < 100 || interval > 60000) {
            return "must have an interval between 100ms and 1m";
        }
    }

    amcf->deny_list = 1;

    if (ngx_http_ihanoi_auth_deny_poll(cf, &value[1], interval) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* ihanoi_subject_hash_key_file file; */

static char *
ngx_http_ihanoi_auth_subject_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_ihanoi_auth_main_conf_t  *amcf = conf;

    u_char      buf[4096];
    ssize_t     n;
    ngx_fd_t    fd;
    ngx_err_t   err;
    ngx_str_t  *value, name;

    if (amcf->subject_key_set) {
        return "is duplicate";
    }

    value = cf->args->elts;
    name = value[1];

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(name.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "could not open key file \"%V\"", &name);
        return NGX_CONF_ERROR;
    }

    n = ngx_read_fd(fd, buf, sizeof(buf));
    err = ngx_errno;

    ngx_close_file(fd);

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                           "could not read key file \"%V\"", &name);
        return NGX_CONF_ERROR;
    }

    if (n < 16) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key file \"%V\" has less than 16 bytes", &name);
        return NGX_CONF_ERROR;
    }

    if (ihanoi_sha256(buf, n, amcf->subject_key) != 0) {
        return NGX_CONF_ERROR;
    }

    ngx_explicit_memzero(buf, sizeof(buf));
    amcf->subject_key_set = 1;

    return NGX_CONF_OK;
}


/* auth_jwt_issuer name { ... } */

static char *
ngx_http_ihanoi_auth_issuer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ihanoi_auth_main_conf_t  *amcf = conf;

    char                            *rv;
    ngx_str_t                       *value;
    ngx_uint_t                       i;
    ngx_conf_t                       save;
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
    issuer->assurance_claim = "assurance";
    issuer->rules.leeway = NGX_HTTP_IHANOI_AUTH_LEEWAY;
    issuer->rules.max_lifetime = NGX_HTTP_IHANOI_AUTH_LIFETIME;

    ngx_memzero(&block, sizeof(ngx_http_ihanoi_auth_block_t));

    block.issuer = issuer;
    block.key_cache = NGX_HTTP_IHANOI_AUTH_KEY_CACHE;

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

    save = *cf;
    cf->handler = ngx_http_ihanoi_auth_issuer_line;
    cf->handler_conf = (void *) &block;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_ihanoi_auth_issuer_end(cf, amcf, &block);
}


static char *
ngx_http_ihanoi_auth_issuer_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf)
{
    ngx_http_ihanoi_auth_block_t  *block = (void *) cf->handler_conf;

    time_t                        seconds;
    ngx_int_t                     msec;
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

    /* the rest has one value */

    if (n != 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not known in \"auth_jwt_issuer\", or "
                           "has one value only", &value[0]);
        return NGX_CONF_ERROR;
    }

    if (ngx_strcmp(value[0].data, "assurance_claim") == 0) {
        block->issuer->assurance_claim = (char *) value[1].data;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[0].data, "key_cache") == 0) {
        msec = ngx_parse_time(&value[1], 0);

        if (msec == NGX_ERROR) {
            goto invalid;
        }

        block->key_cache = msec;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[0].data, "leeway") == 0) {
        seconds = ngx_parse_time(&value[1], 1);

        if (seconds == (time_t) NGX_ERROR || seconds > 600) {
            goto invalid;
        }

        block->issuer->rules.leeway = seconds;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[0].data, "max_lifetime") == 0) {

        if (ngx_strcmp(value[1].data, "off") == 0) {
            block->issuer->rules.max_lifetime = 0;
            return NGX_CONF_OK;
        }

        seconds = ngx_parse_time(&value[1], 1);

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

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value \"%V\" of \"%V\"",
                       &value[1], &value[0]);

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

    if (!amcf->cache_set) {
        amcf->cache.max_entries = NGX_HTTP_IHANOI_AUTH_ENTRIES;
        amcf->cache.max_size = NGX_HTTP_IHANOI_AUTH_SIZE;
    }

    if (ihanoi_digest_init() != 0
        || ngx_http_ihanoi_auth_shared_init(cf) != NGX_OK
        || ngx_http_ihanoi_auth_add_metrics(cf, amcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
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

    if (!conf->enable || conf->own) {
        return NGX_CONF_OK;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ihanoi_auth_module);

    if (amcf->issuers.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"auth_jwt\" has no keys: no \"auth_jwt_issuer\", "
                           "\"auth_jwt_key_file\" or \"auth_jwt_key_request\"");
        return NGX_CONF_ERROR;
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
    }

    conf->own = issuer;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_ihanoi_auth_init(ngx_conf_t *cf)
{
    ngx_array_t                *handlers;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

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

    ngx_http_ihanoi_auth_keys_init_filters();

    return NGX_OK;
}
