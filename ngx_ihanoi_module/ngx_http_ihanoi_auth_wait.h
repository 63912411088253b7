/*
 * Copyright (C) iHaNoi contributors
 *
 * A request that is parked until keys, or the deny list, are there.
 */

#ifndef _NGX_HTTP_IHANOI_AUTH_WAIT_H_INCLUDED_
#define _NGX_HTTP_IHANOI_AUTH_WAIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * Embedded in the request's context; it is taken out of its queue by being
 * woken, its timer or the end of the request, whichever is first.
 */
typedef struct {
    ngx_queue_t                   queue;
    ngx_event_t                   timer;
    ngx_http_request_t           *request;
    unsigned                      active:1;
    unsigned                      joined:1;   /* the fetch that it waits for
                                                 had begun before we came */
    unsigned                      cleanup:1;
} ngx_http_ihanoi_auth_wait_t;


/*
 * Parks a request, in a queue or in none (NULL), for so many milliseconds at
 * most: then its phases run again.  NGX_AGAIN, or NGX_ERROR.
 */
ngx_int_t ngx_http_ihanoi_auth_wait(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_wait_t *wait, ngx_queue_t *queue,
    ngx_msec_t longest);

/* Takes it out of its queue: its phases run again, from an event. */
void ngx_http_ihanoi_auth_wait_wake(ngx_http_ihanoi_auth_wait_t *wait);


#endif /* _NGX_HTTP_IHANOI_AUTH_WAIT_H_INCLUDED_ */
