/*
 * Copyright (C) iHaNoi contributors
 *
 * Results, as the connection makes them; what others read of one is in
 * ngx_http_ihanoi_pg.h.
 */

#ifndef _NGX_HTTP_IHANOI_PGRESULT_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGRESULT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"


struct pg_result;  /* libpq's */


/*
 * libpq's result becomes the new one's.  *pinned grows by its bytes until it
 * is freed.  NULL: no memory, res is cleared.
 */
ngx_http_ihanoi_pgresult_t *ngx_http_ihanoi_pgresult_create(
    struct pg_result *res, size_t *pinned, ngx_log_t *log);

/* 1 when its command may have changed the session for those who come next. */
ngx_uint_t ngx_http_ihanoi_pgresult_stains(ngx_http_ihanoi_pgresult_t *res);


#endif /* _NGX_HTTP_IHANOI_PGRESULT_H_INCLUDED_ */
