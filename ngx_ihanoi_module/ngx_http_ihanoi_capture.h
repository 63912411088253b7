/*
 * Copyright (C) iHaNoi contributors
 *
 * Capture: a request of the gateway's own to an internal location, and its
 * whole answer in memory.
 *
 * It is a background subrequest, so that the operator's proxy_pass with its
 * keepalive, TLS, time-outs and retries serves it.  Nothing of the client's
 * request goes along, nothing of the answer goes to the client: filters of our
 * own take it in front of all others.  (nginx's subrequests in memory drop the
 * client's connection when an answer is larger than a buffer.)
 *
 *     start --> done(), once, from an event handler
 *           --> or cancel(), before that
 *
 * A subrequest keeps its main request.  When nobody waits any more - too late,
 * too large, the run was killed - the connection to the backend is closed and
 * the subrequest ends at once, unless it has not come as far as a backend (it
 * waits for a cache lock or limit_req): then it ends by itself, its client has
 * the answer already, and the next request on that connection waits.
 */

#ifndef _NGX_HTTP_IHANOI_CAPTURE_H_INCLUDED_
#define _NGX_HTTP_IHANOI_CAPTURE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ihanoi_sandbox.h"


typedef struct ngx_http_ihanoi_capture_s  ngx_http_ihanoi_capture_t;

typedef void (*ngx_http_ihanoi_capture_done_pt)(
    ngx_http_ihanoi_capture_t *capture, void *data);


typedef enum {
    NGX_HTTP_IHANOI_CAPTURE_NONE = 0,    /* it is not over */
    NGX_HTTP_IHANOI_CAPTURE_OK,          /* an answer, of any status */
    NGX_HTTP_IHANOI_CAPTURE_REFUSED,     /* no backend has got the request */
    NGX_HTTP_IHANOI_CAPTURE_TIMEOUT,
    NGX_HTTP_IHANOI_CAPTURE_TOO_LARGE,
    NGX_HTTP_IHANOI_CAPTURE_ABORTED,     /* the answer has no end */
    NGX_HTTP_IHANOI_CAPTURE_GATEWAY,     /* closed, or not HTTP */
    NGX_HTTP_IHANOI_CAPTURE_NOT_FOUND,   /* no internal location */
    NGX_HTTP_IHANOI_CAPTURE_MEMORY
} ngx_http_ihanoi_capture_outcome_e;


/* All of it in the main request's pool, but the body, which is copied there. */
typedef struct {
    ngx_str_t                        method;
    ngx_uint_t                       method_id;   /* NGX_HTTP_GET */
    ngx_str_t                        uri;         /* decoded and safe */
    ngx_str_t                        args;
    ngx_array_t                      headers;     /* of ngx_table_elt_t */
    ngx_str_t                        body;
    size_t                           max_size;    /* of the answer's body */
    ngx_msec_t                       timeout;     /* 0: none of its own */
    unsigned                         has_body:1;  /* an empty one too */
    unsigned                         finish:1;    /* client or not */
} ngx_http_ihanoi_capture_request_t;


struct ngx_http_ihanoi_capture_s {
    ngx_http_ihanoi_capture_outcome_e   outcome;
    ngx_uint_t                          status;
    ngx_http_request_t                 *request;  /* its headers_out */
    u_char                             *data;     /* the body, NULL: empty */
    size_t                              len;

    /* of capture.c */
    ngx_http_ihanoi_capture_done_pt     done;     /* NULL: nobody waits */
    void                               *done_data;
    ihanoi_sandbox_t                   *sandbox;
    size_t                              size;     /* of data */
    size_t                              max_size;
    ngx_str_t                           body;     /* of the request */
    size_t                              charged;
    ngx_event_t                         event;
    ngx_event_t                         timer;
    unsigned                            header:1;   /* was seen */
    unsigned                            complete:1;
    unsigned                            ended:1;    /* the subrequest */
    unsigned                            placed:1;   /* location was looked at */
    unsigned                            finish:1;
    unsigned                            hidden:1;   /* the client's error */
};


/* ngx_http_ihanoi_capture_request.c */

/*
 * Adds a header to a request; name and value are copied into the pool.
 * NGX_ERROR: memory.
 */
ngx_int_t ngx_http_ihanoi_capture_header(ngx_pool_t *pool,
    ngx_array_t *headers, const char *name, const char *value, size_t len);

/* Makes a subrequest the request, whose body lives as long.  The same. */
ngx_int_t ngx_http_ihanoi_capture_setup(ngx_http_request_t *sr,
    ngx_http_ihanoi_capture_request_t *request);


/* ngx_http_ihanoi_capture.c */

/*
 * Begins; somebody has to see to it that the posted requests of r's connection
 * are run.  What is held in memory for it, either way, is charged to the
 * sandbox until _cancel().  NULL: memory.
 *
 * r is a main request that is held (r->main->count) until done or cancel, and
 * one of both comes before the sandbox goes.
 */
ngx_http_ihanoi_capture_t *ngx_http_ihanoi_capture_start(
    ngx_http_request_t *r, ngx_http_ihanoi_capture_request_t *request,
    ihanoi_sandbox_t *sandbox, ngx_http_ihanoi_capture_done_pt done,
    void *data);

/* Nobody waits any more; frees.  Also after done(). */
void ngx_http_ihanoi_capture_cancel(ngx_http_ihanoi_capture_t *capture);


/* 1 when r is such a subrequest, or one of its. */
ngx_uint_t ngx_http_ihanoi_is_capture(ngx_http_request_t *r);

/* The filters; configuration time. */
ngx_int_t ngx_http_ihanoi_capture_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_IHANOI_CAPTURE_H_INCLUDED_ */
