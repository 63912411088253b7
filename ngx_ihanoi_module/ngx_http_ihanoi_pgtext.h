/*
 * Copyright (C) iHaNoi contributors
 *
 * Texts: statements that are known at run time only.
 */

#ifndef _NGX_HTTP_IHANOI_PGTEXT_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGTEXT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgdb.h"


/* The statement that a text is sent as; it lives as long as the worker. */
ngx_http_ihanoi_pgstmt_t *ngx_http_ihanoi_pgtext_statement(
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_pgtext_t *text);


#endif /* _NGX_HTTP_IHANOI_PGTEXT_H_INCLUDED_ */
