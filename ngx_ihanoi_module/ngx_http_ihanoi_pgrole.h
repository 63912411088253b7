/*
 * Copyright (C) iHaNoi contributors
 *
 * A plugin's database: whether it stands, and whether its roles reach the
 * plugin's own schemas only.  Of a database that is no plugin's nothing is
 * asked.
 */

#ifndef _NGX_HTTP_IHANOI_PGROLE_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGROLE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgdb.h"


/* At the end of http{}: composes what will be asked. */
ngx_int_t ngx_http_ihanoi_pgrole_configure(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db);

/* Asks now. */
void ngx_http_ihanoi_pgrole_check(ngx_http_ihanoi_pgdb_t *db);

/* Once a second: asks when it is time, and tells when the database went. */
void ngx_http_ihanoi_pgrole_look(ngx_http_ihanoi_pgdb_t *db);

/* When the worker ends. */
void ngx_http_ihanoi_pgrole_exit(ngx_http_ihanoi_pgdb_t *db);


#endif /* _NGX_HTTP_IHANOI_PGROLE_H_INCLUDED_ */
