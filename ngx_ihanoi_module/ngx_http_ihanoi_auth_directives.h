/*
 * Copyright (C) iHaNoi contributors
 *
 * What the directive table refers to.
 */

#ifndef _NGX_HTTP_IHANOI_AUTH_DIRECTIVES_H_INCLUDED_
#define _NGX_HTTP_IHANOI_AUTH_DIRECTIVES_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_auth_conf.h"


#define NGX_HTTP_IHANOI_AUTH_ENTRIES      10000
#define NGX_HTTP_IHANOI_AUTH_SIZE         (32 * 1024 * 1024)
#define NGX_HTTP_IHANOI_AUTH_KEY_CACHE    (10 * 60 * 1000)


/* ngx_http_ihanoi_auth_directives.c */
char *ngx_http_ihanoi_auth_jwt(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ihanoi_auth_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ihanoi_auth_type(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_ihanoi_auth_require(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_ihanoi_auth_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_ihanoi_auth_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_ihanoi_auth_deny_list(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_ihanoi_auth_subject_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* ngx_http_ihanoi_auth_issuer.c */
char *ngx_http_ihanoi_auth_issuer(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* ngx_http_ihanoi_auth_variables.c; data is an array of names */
ngx_int_t ngx_http_ihanoi_auth_add_variables(ngx_conf_t *cf);
ngx_int_t ngx_http_ihanoi_auth_claim_set_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
ngx_int_t ngx_http_ihanoi_auth_header_set_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


#endif /* _NGX_HTTP_IHANOI_AUTH_DIRECTIVES_H_INCLUDED_ */
