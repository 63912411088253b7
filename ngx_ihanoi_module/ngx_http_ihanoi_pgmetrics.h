/*
 * Copyright (C) iHaNoi contributors
 *
 * The series of pools.
 */

#ifndef _NGX_HTTP_IHANOI_PGMETRICS_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGMETRICS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_ihanoi_pgdb.h"


/* Declares those of a class, with the names of its database and its own. */
ngx_int_t ngx_http_ihanoi_pgmetrics_init(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_pgclass_t *class);


#endif /* _NGX_HTTP_IHANOI_PGMETRICS_H_INCLUDED_ */
