/*
 * Copyright (C) iHaNoi contributors
 *
 * The engine's own problems and the document made of one.
 */

#ifndef _NGX_HTTP_IHANOI_PROBLEM_DOCUMENT_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PROBLEM_DOCUMENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <jansson.h>


typedef struct {
    ngx_str_t            code;
    ngx_uint_t           status;
    ngx_str_t            title_vi;
    ngx_str_t            title_en;
    ngx_str_t            detail_vi;      /* may hold {member}; may be empty */
    ngx_str_t            detail_en;
} ngx_http_ihanoi_problem_t;


/* Ends with a row of status 0. */
extern ngx_http_ihanoi_problem_t  ngx_http_ihanoi_problems[];


/* 1 when the client prefers English (Accept-Language), otherwise Vietnamese. */
ngx_uint_t ngx_http_ihanoi_english(ngx_http_request_t *r);

/*
 * RFC 9457 3, in the client's language, as the last buffer of a response.
 * members may be NULL and stays the caller's.  NULL when memory failed.
 */
ngx_buf_t *ngx_http_ihanoi_problem_document(ngx_http_request_t *r,
    const ngx_http_ihanoi_problem_t *problem, json_t *members,
    ngx_http_variable_value_t *request_id);


#endif /* _NGX_HTTP_IHANOI_PROBLEM_DOCUMENT_H_INCLUDED_ */
