/*
 * Copyright (C) iHaNoi contributors
 *
 * The control connection's work: tasks, signals to backends, and the
 * once-a-second look at all pools.
 */

#ifndef _NGX_HTTP_IHANOI_PGCONTROL_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGCONTROL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgdb.h"


/*
 * At the end of http{}: declares the control connection's own statements.
 */
ngx_int_t ngx_http_ihanoi_pgcontrol_configure(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db);

/* In a worker, after the pools stand. */
void ngx_http_ihanoi_pgcontrol_init(ngx_http_ihanoi_pgdb_t *db,
    ngx_cycle_t *cycle);

void ngx_http_ihanoi_pgcontrol_exit(ngx_http_ihanoi_pgdb_t *db);


#endif /* _NGX_HTTP_IHANOI_PGCONTROL_H_INCLUDED_ */
