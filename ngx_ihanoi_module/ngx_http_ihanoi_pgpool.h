/*
 * Copyright (C) iHaNoi contributors
 *
 * The pools of a class in this worker: calls wait, are sent, and end once.
 */

#ifndef _NGX_HTTP_IHANOI_PGPOOL_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGPOOL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_metrics.h"
#include "ngx_http_ihanoi_pgconn.h"
#include "ngx_http_ihanoi_pgdb.h"


/* What the pools want to be told by their connections. */
extern const ngx_http_ihanoi_pgconn_handlers_t
    ngx_http_ihanoi_pgpool_handlers;

/* Sends waiting calls as far as connections allow. */
void ngx_http_ihanoi_pgpool_dispatch(ngx_http_ihanoi_pgpool_t *pool);

/* Sets the gauges of a pool. */
void ngx_http_ihanoi_pgpool_measure(ngx_http_ihanoi_pgpool_t *pool);


#endif /* _NGX_HTTP_IHANOI_PGPOOL_H_INCLUDED_ */
