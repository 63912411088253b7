/*
 * Copyright (C) iHaNoi contributors
 *
 * Inject: a request that no client has sent.
 *
 * One end of a socketpair becomes a connection of a listener that listens
 * nowhere, and a line of HTTP is written into the other.  What follows is an
 * ordinary request of an ordinary server: log lines, time-outs, subrequests.
 * It leaves nginx's phases at the first one, so that no location and no
 * rewrite of the operator's sees it, and no client can send one like it.
 *
 *     create --> go --> handler(r, data) --> end
 */

#ifndef _NGX_HTTP_IHANOI_INJECT_H_INCLUDED_
#define _NGX_HTTP_IHANOI_INJECT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * Called once, when the request stands: from inside go() or later.  NGX_DONE:
 * the request goes on until end(), which may have been called already;
 * NGX_ERROR: it is closed.
 */
typedef ngx_int_t (*ngx_http_ihanoi_inject_pt)(ngx_http_request_t *r,
    void *data);


typedef struct {
    ngx_connection_t           *connection;
    ngx_pool_t                 *pool;       /* lives longer than the request */
    ngx_http_ihanoi_inject_pt   handler;
    void                       *data;       /* zeroed, in pool */
    ngx_socket_t                peer;
} ngx_http_ihanoi_injected_t;


/*
 * For the configuration: makes a listener whose requests belong to a server,
 * and sees to the phase handler that takes them.  NULL: no memory.
 */
ngx_listening_t *ngx_http_ihanoi_inject_listener(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf);

/*
 * For the configuration: the location of a server that a subrequest for uri goes
 * to; NULL: none.  As nginx's own search, without regular expressions.
 */
ngx_http_core_loc_conf_t *ngx_http_ihanoi_inject_location(
    ngx_http_core_srv_conf_t *cscf, u_char *uri, size_t len);

/*
 * A connection with size bytes of data; NULL: there is none, it is logged.
 * _drop() is for what does not go after all.
 */
ngx_http_ihanoi_injected_t *ngx_http_ihanoi_inject_create(
    ngx_listening_t *ls, size_t size, ngx_log_t *log);
void ngx_http_ihanoi_inject_drop(ngx_http_ihanoi_injected_t *in);

/*
 * Begins it, or drops it; uri is what the access log has, without spaces.
 */
void ngx_http_ihanoi_inject_go(ngx_http_ihanoi_injected_t *in, ngx_str_t *uri);

/* Is it one of ours, or a subrequest of one? */
ngx_uint_t ngx_http_ihanoi_is_injected(ngx_http_request_t *r);

/* Ends it with a status and no body: the request is gone afterwards. */
void ngx_http_ihanoi_inject_end(ngx_http_request_t *r, ngx_uint_t status);


#endif /* _NGX_HTTP_IHANOI_INJECT_H_INCLUDED_ */
