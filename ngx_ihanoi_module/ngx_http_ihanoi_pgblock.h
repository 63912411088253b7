/*
 * Copyright (C) iHaNoi contributors
 *
 * The lines of an "ihanoi_database" block.
 */

#ifndef _NGX_HTTP_IHANOI_PGBLOCK_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGBLOCK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgdb.h"


/* A database before its block: all is unset.  NGX_ERROR: no memory. */
ngx_int_t ngx_http_ihanoi_pgblock_init(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db);

/* For ngx_http_ihanoi_block(), of a database. */
extern ngx_command_t  ngx_http_ihanoi_pgblock_lines[];

/* At the end of the block: what must be there, and defaults for the rest. */
char *ngx_http_ihanoi_pgblock_check(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db);


#endif /* _NGX_HTTP_IHANOI_PGBLOCK_H_INCLUDED_ */
