/*
 * Copyright (C) iHaNoi contributors
 *
 * Exchanges of a PostgreSQL connection: what its own events need of them.  The
 * owner's side (_execute() and others) is in ngx_http_ihanoi_pgconn.h.
 */

#ifndef _NGX_HTTP_IHANOI_PGCONN_EXCHANGE_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGCONN_EXCHANGE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pgconn.h"


/*
 * Sends the statements to prepare at connect; pc->preparing of them are to be
 * answered, and the last answer makes the connection ready.  NGX_ERROR: the
 * connection is to be closed.
 */
ngx_int_t ngx_http_ihanoi_pgconn_prepare_ahead(ngx_http_ihanoi_pgconn_t *pc);

/* All that was to be prepared is: calls may be sent. */
void ngx_http_ihanoi_pgconn_ready(ngx_http_ihanoi_pgconn_t *pc);

/* Sends what waits for a common Sync, and the Sync. */
void ngx_http_ihanoi_pgconn_end_batch(ngx_http_ihanoi_pgconn_t *pc);

/* Handles all answers that are complete; pc->broken says how that went. */
void ngx_http_ihanoi_pgconn_drain(ngx_http_ihanoi_pgconn_t *pc);

/* Ends all exchanges: lost() for each.  The socket is given back already. */
void ngx_http_ihanoi_pgconn_lose(ngx_http_ihanoi_pgconn_t *pc);

/* Frees all exchanges without a word: the process ends. */
void ngx_http_ihanoi_pgconn_discard(ngx_http_ihanoi_pgconn_t *pc);

/* An error that ends the connection says why: libpq knows only that it ended. */
void ngx_http_ihanoi_pgconn_last_words(ngx_http_ihanoi_pgconn_t *pc,
    const struct pg_result *res);

/* Looks at what the server said of itself: standby, readonly. */
void ngx_http_ihanoi_pgconn_check_role(ngx_http_ihanoi_pgconn_t *pc);


#endif /* _NGX_HTTP_IHANOI_PGCONN_EXCHANGE_H_INCLUDED_ */
