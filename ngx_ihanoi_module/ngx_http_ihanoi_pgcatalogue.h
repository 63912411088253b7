/*
 * Copyright (C) iHaNoi contributors
 *
 * Does the release have the functions that the contracts call?
 */

#ifndef _NGX_HTTP_IHANOI_PGCATALOGUE_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGCATALOGUE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgdb.h"


/* At the end of http{}: composes what will be asked. */
ngx_int_t ngx_http_ihanoi_pgcatalogue_configure(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db);

/* Asks now. */
void ngx_http_ihanoi_pgcatalogue_check(ngx_http_ihanoi_pgdb_t *db);

/* Once a second: asks when it is time, and prepares what was missing. */
void ngx_http_ihanoi_pgcatalogue_look(ngx_http_ihanoi_pgdb_t *db);

/* Whether it has been asked with success. */
ngx_uint_t ngx_http_ihanoi_pgcatalogue_checked(ngx_http_ihanoi_pgdb_t *db);


#endif /* _NGX_HTTP_IHANOI_PGCATALOGUE_H_INCLUDED_ */
