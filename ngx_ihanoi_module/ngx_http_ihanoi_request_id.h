/*
 * Copyright (C) iHaNoi contributors
 *
 * $request_id, and the lines of the error log that have it.
 */

#ifndef _NGX_HTTP_IHANOI_REQUEST_ID_H_INCLUDED_
#define _NGX_HTTP_IHANOI_REQUEST_ID_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * $request_id of a request: 32 hexadecimal digits.  "index" is the variable's,
 * of ngx_http_get_variable_index().  Who asks for $request_id later, in the
 * log or a subrequest, gets the same value.  NULL: no memory.
 */

ngx_http_variable_value_t *ngx_http_ihanoi_request_id(ngx_http_request_t *r,
    ngx_int_t index);

/*
 * From now on the request's lines in the error log have its id, after the
 * client, where nobody but us writes: who looks for a plugin's lines finds
 * them by the id that a problem document shows.
 */

void ngx_http_ihanoi_request_id_log(ngx_http_request_t *r, ngx_int_t index);


#endif /* _NGX_HTTP_IHANOI_REQUEST_ID_H_INCLUDED_ */
