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
 * Marks a statement as one that this release does not have, with a sentence
 * for people, or (NULL) as one that it has.  by_catalogue: the sentence comes
 * from the catalogue, which knows better than the error of a prepare.
 */
void ngx_http_ihanoi_pgstate_mark(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgstmt_t *stmt, ngx_str_t *sentence,
    ngx_uint_t by_catalogue);

/* The worker ends. */
void ngx_http_ihanoi_pgstate_free(ngx_http_ihanoi_pgdb_t *db);


#endif /* _NGX_HTTP_IHANOI_PGSTATE_H_INCLUDED_ */
