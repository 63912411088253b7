/*
 * Copyright (C) iHaNoi contributors
 *
 * Sessions, for what happens to their connections.  The owner's side is in
 * ngx_http_ihanoi_pg.h.
 */

#ifndef _NGX_HTTP_IHANOI_PGSESSION_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGSESSION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"


/*
 * A session that is closing goes on: nothing is in flight any more, or no
 * signal is.  It may be gone afterwards.  One that is not is left alone.
 */
void ngx_http_ihanoi_pgsession_settle(ngx_http_ihanoi_pgsession_t *session);

/* Its connection has closed. */
void ngx_http_ihanoi_pgsession_lost(ngx_http_ihanoi_pgsession_t *session);


#endif /* _NGX_HTTP_IHANOI_PGSESSION_H_INCLUDED_ */
