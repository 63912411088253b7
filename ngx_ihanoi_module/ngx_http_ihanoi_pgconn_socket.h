/*
 * Copyright (C) iHaNoi contributors
 *
 * The socket of a PostgreSQL connection.  It knows no exchange: the connection
 * gives it the handler of its events, and decides what to do.  _break(), for
 * the owner too, is in ngx_http_ihanoi_pgconn.h.
 */

#ifndef _NGX_HTTP_IHANOI_PGCONN_SOCKET_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGCONN_SOCKET_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pgconn.h"


/*
 * Makes a connection of nginx of the socket that libpq has begun to connect,
 * and waits until it is writable.  NGX_ERROR: reason says why, _release()
 * gives back what there is.
 */
ngx_int_t ngx_http_ihanoi_pgconn_attach(ngx_http_ihanoi_pgconn_t *pc,
    ngx_event_handler_pt handler);

/*
 * Goes on with connecting.
 *
 *   NGX_OK      the server let us in
 *   NGX_AGAIN   to be called again at the next event
 *   NGX_ERROR   it failed, end and reason say why
 */
ngx_int_t ngx_http_ihanoi_pgconn_poll(ngx_http_ihanoi_pgconn_t *pc);

/* Sets the directions whose events are wanted. */
ngx_int_t ngx_http_ihanoi_pgconn_arm(ngx_http_ihanoi_pgconn_t *pc,
    ngx_uint_t read, ngx_uint_t write);

/* Sends what libpq holds; what does not go now goes at the next event. */
ngx_int_t ngx_http_ihanoi_pgconn_flush(ngx_http_ihanoi_pgconn_t *pc);

/*
 * Counts what is about to be read; 1 when an answer to a plugin is larger
 * than it may be: libpq would keep all of it.
 */
ngx_uint_t ngx_http_ihanoi_pgconn_oversize(ngx_http_ihanoi_pgconn_t *pc);

/* Keeps the first reason, as one line; without one it is libpq's message. */
void ngx_http_ihanoi_pgconn_reason(ngx_http_ihanoi_pgconn_t *pc,
    const char *reason);

/* Gives socket, events and PGconn back. */
void ngx_http_ihanoi_pgconn_release(ngx_http_ihanoi_pgconn_t *pc);


#endif /* _NGX_HTTP_IHANOI_PGCONN_SOCKET_H_INCLUDED_ */
