/*
 * Copyright (C) iHaNoi contributors
 *
 * Request and response headers by name.
 */

#ifndef _NGX_HTTP_IHANOI_HEADER_H_INCLUDED_
#define _NGX_HTTP_IHANOI_HEADER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * The value of a request header, whatever the case of its name; repeated ones
 * are joined with ", " (RFC 9110 5.3).  {0, NULL} when there is none.
 * NGX_ERROR: memory, which only joining needs.
 */
ngx_int_t ngx_http_ihanoi_header_in(ngx_http_request_t *r, const char *name,
    size_t len, ngx_str_t *value);

/*
 * Where the next c stands that is in no quoted string (RFC 9110 5.6.4), or last:
 * "," ends an element of a list, ";" what comes before a parameter.
 */
u_char *ngx_http_ihanoi_header_end(u_char *p, u_char *last, u_char c);

/*
 * The weight among the parameters between p and last, ";charset=utf-8;q=0.5", in
 * thousandths; 1000 when there is none.
 */
ngx_int_t ngx_http_ihanoi_header_quality(u_char *p, u_char *last);

/*
 * Adds a response header and returns it, for the caller to hang on the field of
 * headers_out by which nginx's own filters find it; name must outlive the
 * request.  NULL: memory.
 */
ngx_table_elt_t *ngx_http_ihanoi_header_add(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);

/* Adds an entity tag, in quotes, where nginx's own filters find it. */
ngx_int_t ngx_http_ihanoi_header_etag(ngx_http_request_t *r, ngx_str_t *tag);

/* Adds Retry-After.  NGX_ERROR: memory. */
ngx_int_t ngx_http_ihanoi_header_retry(ngx_http_request_t *r,
    ngx_uint_t seconds);

/*
 * A 304 tells the Vary of its 200 (RFC 9110 15.4.5): nginx's gzip filter, which
 * adds to it where "gzip_vary" is on, looks at none.
 */
void ngx_http_ihanoi_header_gzip_vary(ngx_http_request_t *r);


#endif /* _NGX_HTTP_IHANOI_HEADER_H_INCLUDED_ */
