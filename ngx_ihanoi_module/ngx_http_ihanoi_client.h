/*
 * Copyright (C) iHaNoi contributors
 *
 * Client: one that goes away while its request waits.
 */

#ifndef _NGX_HTTP_IHANOI_CLIENT_H_INCLUDED_
#define _NGX_HTTP_IHANOI_CLIENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * The write_event_handler of a request that waits and has nothing to write.
 * Its read_event_handler is called when the client wants no answer any more,
 * and decides what becomes of it.
 */
void ngx_http_ihanoi_client_writing(ngx_http_request_t *r);

/* From here to its end the request goes on, with its client or without. */
void ngx_http_ihanoi_client_leave(ngx_http_request_t *r);


#endif /* _NGX_HTTP_IHANOI_CLIENT_H_INCLUDED_ */
