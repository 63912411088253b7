/*
 * Copyright (C) iHaNoi contributors
 *
 * Which statements a database has not: what the log and /readyz say of one, and
 * when it is tried again.
 */

#ifndef _NGX_HTTP_IHANOI_PGSTATE_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGSTATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_ihanoi_pgdb.h"


/*
 * What a connection has found out: the statement is prepared; or it is refused,
 * and until it is tried again calls of it are.  A sentence is for people.
 */
void ngx_http_ihanoi_pgstate_prepared(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgstmt_t *stmt);
void ngx_http_ihanoi_pgstate_refused(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgstmt_t *stmt, ngx_str_t *sentence);

/*
 * What the catalogue says of its function.  It knows better than the error of a
 * prepare: its sentence stays until it lists the function.
 */
void ngx_http_ihanoi_pgstate_listed(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgstmt_t *stmt);
void ngx_http_ihanoi_pgstate_unlisted(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgstmt_t *stmt, ngx_str_t *sentence);

/* The worker ends. */
void ngx_http_ihanoi_pgstate_free(ngx_http_ihanoi_pgdb_t *db);


#endif /* _NGX_HTTP_IHANOI_PGSTATE_H_INCLUDED_ */
