/*
 * Copyright (C) iHaNoi contributors
 *
 * Whether the server has room for the connections of all workers.
 */

#ifndef _NGX_HTTP_IHANOI_PGROOM_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGROOM_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pgdb.h"


/* At the end of http{}. */
ngx_int_t ngx_http_ihanoi_pgroom_configure(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db);

/* Asks, once in the life of the first worker, and tells what is missing. */
void ngx_http_ihanoi_pgroom_check(ngx_http_ihanoi_pgdb_t *db);


#endif /* _NGX_HTTP_IHANOI_PGROOM_H_INCLUDED_ */
