/*
 * Copyright (C) iHaNoi contributors
 *
 * What becomes of a call.
 */

#ifndef _NGX_HTTP_IHANOI_PGOUTCOME_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGOUTCOME_H_INCLUDED_


#include "ngx_http_ihanoi_pgconn.h"


/* What the pools want to be told by their connections. */
extern const ngx_http_ihanoi_pgconn_handlers_t
    ngx_http_ihanoi_pgoutcome_handlers;


#endif /* _NGX_HTTP_IHANOI_PGOUTCOME_H_INCLUDED_ */
