/*
 * Copyright (C) iHaNoi contributors
 *
 * What libpq is told of a connection.
 */

#ifndef _NGX_HTTP_IHANOI_PGPARAMS_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGPARAMS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_ihanoi_pgdb.h"


/* Of a class whose longest call is known.  NGX_ERROR: no memory. */
ngx_int_t ngx_http_ihanoi_pgparams_init(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_pgclass_t *class);


#endif /* _NGX_HTTP_IHANOI_PGPARAMS_H_INCLUDED_ */
