/*
 * Copyright (C) iHaNoi contributors
 *
 * The engine's own problems and the document made of one.
 */

#ifndef _NGX_HTTP_IHANOI_PROBLEM_DOCUMENT_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PROBLEM_DOCUMENT_H_INCLUDED_


#include "ngx_http_ihanoi_problem.h"


/* Ends with a row of status 0. */
extern ngx_http_ihanoi_problem_t  ngx_http_ihanoi_problems[];


/*
 * RFC 9457 3, in the client's language, as the last buffer of a response.
 * members may be NULL and stays the caller's.  NULL when memory failed.
 */
ngx_buf_t *ngx_http_ihanoi_problem_document(ngx_http_request_t *r,
    const ngx_http_ihanoi_problem_t *problem, json_t *members,
    ngx_http_variable_value_t *request_id);


#endif /* _NGX_HTTP_IHANOI_PROBLEM_DOCUMENT_H_INCLUDED_ */
