/*
 * Copyright (C) iHaNoi contributors
 *
 * Capture: background subrequests whose answers stay here.
 *
 * What is called at a subrequest's end is called from inside nginx's
 * finalization: it notes and posts an event.  When the client goes away nginx
 * ends everything without that call; cancel() comes from whoever started.
 */

#include "ngx_http_ihanoi_capture.h"


#define NGX_HTTP_IHANOI_CAPTURE_STEP  8192


static void ngx_http_ihanoi_capture_dropped(ngx_http_request_t *sr);
static ngx_int_t ngx_http_ihanoi_capture_done(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);
static void ngx_http_ihanoi_capture_judge(ngx_http_ihanoi_capture_t *capture,
    ngx_http_request_t *sr, ngx_int_t rc);
static ngx_uint_t ngx_http_ihanoi_capture_was_sent(ngx_http_request_t *sr);
static void ngx_http_ihanoi_capture_event(ngx_event_t *ev);
static void ngx_http_ihanoi_capture_timeout(ngx_event_t *ev);
static void ngx_http_ihanoi_capture_fail(ngx_http_ihanoi_capture_t *capture,
    ngx_http_ihanoi_capture_outcome_e outcome);
static void ngx_http_ihanoi_capture_stop(ngx_http_ihanoi_capture_t *capture);
static void ngx_http_ihanoi_capture_free_body(
    ngx_http_ihanoi_capture_t *capture);
static void ngx_http_ihanoi_capture_cleanup(void *data);
static ngx_http_ihanoi_capture_t *ngx_http_ihanoi_capture_of(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_capture_location(ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_capture_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_capture_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static void ngx_http_ihanoi_capture_append(ngx_http_ihanoi_capture_t *capture,
    u_char *data, size_t len);
static ngx_int_t ngx_http_ihanoi_capture_grow(
    ngx_http_ihanoi_capture_t *capture, size_t size);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_http_ihanoi_capture_t *
ngx_http_ihanoi_capture_start(ngx_http_request_t *r,
    ngx_http_ihanoi_capture_request_t *request, ihanoi_sandbox_t *sandbox,
    ngx_http_ihanoi_capture_done_pt done, void *data)
{
    u_char                      *body;
    ngx_pool_cleanup_t          *cln;
    ngx_http_request_t          *sr;
    ngx_http_ihanoi_capture_t   *capture;
    ngx_http_post_subrequest_t  *ps;

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_ihanoi_capture_t));

    if (ps == NULL || cln == NULL) {
        return NULL;
    }

    capture = cln->data;
    ngx_memzero(capture, sizeof(ngx_http_ihanoi_capture_t));

    ps->handler = ngx_http_ihanoi_capture_done;
    ps->data = capture;

    if (ihanoi_sandbox_charge(sandbox, (long) request->body.len) != 0) {
        return NULL;
    }

    body = ngx_pnalloc(r->pool, request->body.len);

    if (body == NULL
        || ngx_http_subrequest(r, &request->uri, &request->args, &sr, ps,
                               NGX_HTTP_SUBREQUEST_BACKGROUND)
           != NGX_OK)
    {
        if (body) {
            (void) ngx_pfree(r->pool, body);
        }

        (void) ihanoi_sandbox_charge(sandbox, -(long) request->body.len);
        return NULL;
    }

    if (request->body.len) {
        ngx_memcpy(body, request->body.data, request->body.len);
    }

    request->body.data = body;

    capture->request = sr;
    capture->done = done;
    capture->done_data = data;
    capture->sandbox = sandbox;
    capture->max_size = request->max_size;
    capture->body = request->body;
    capture->charged = request->body.len;
    capture->finish = request->finish;

    capture->event.handler = ngx_http_ihanoi_capture_event;
    capture->event.data = capture;
    capture->event.log = ngx_cycle->log;

    capture->timer.handler = ngx_http_ihanoi_capture_timeout;
    capture->timer.data = capture;
    capture->timer.log = ngx_cycle->log;

    cln->handler = ngx_http_ihanoi_capture_cleanup;

    if (ngx_http_ihanoi_capture_setup(sr, request) != NGX_OK) {

        /* it exists, so it has to end as all do */

        capture->outcome = NGX_HTTP_IHANOI_CAPTURE_MEMORY;
        sr->write_event_handler = ngx_http_ihanoi_capture_dropped;
    }

    if (request->timeout) {
        ngx_add_timer(&capture->timer, request->timeout);
    }

    return capture;
}


/* In the place of its phases. */

static void
ngx_http_ihanoi_capture_dropped(ngx_http_request_t *sr)
{
    ngx_http_finalize_request(sr, NGX_OK);
}


/*
 * Called by nginx when the subrequest is finalized.  Whatever happened to it is
 * nothing to the main request: any other code than NGX_OK would end that, or
 * leave it waiting for ever.
 */

static ngx_int_t
ngx_http_ihanoi_capture_done(ngx_http_request_t *sr, void *data, ngx_int_t rc)
{
    ngx_connection_t           *c;
    ngx_http_ihanoi_capture_t  *capture = data;

    c = sr->connection;

    if ((sr->buffered || sr->postponed) && (rc == NGX_OK || rc == NGX_AGAIN)
        && !c->error)
    {
        /* a file that a thread reads: nginx finalizes it once more */
        return NGX_OK;
    }

    /*
     * A stream that the client has reset: nginx would end the main request
     * with its subrequest.  It is to go on until its run has ended.
     */

    if (capture->finish && c->error) {
        c->error = 0;
        capture->hidden = 1;
        ngx_post_event(&capture->event, &ngx_posted_events);
    }

    ngx_http_ihanoi_capture_free_body(capture);

    if (capture->ended) {
        return NGX_OK;
    }

    capture->ended = 1;

    if (capture->outcome == NGX_HTTP_IHANOI_CAPTURE_NONE) {
        ngx_http_ihanoi_capture_judge(capture, sr, rc);
    }

    ngx_post_event(&capture->event, &ngx_posted_events);

    return NGX_OK;
}


static void
ngx_http_ihanoi_capture_judge(ngx_http_ihanoi_capture_t *capture,
    ngx_http_request_t *sr, ngx_int_t rc)
{
    if (capture->header) {

        /*
         * nginx has no code of its own for an answer that breaks off: only its
         * last buffer is missing.
         */

        capture->outcome = rc == NGX_ERROR || rc >= NGX_HTTP_SPECIAL_RESPONSE
                           || (sr->upstream && !capture->complete
                               && !sr->header_only)
                           ? NGX_HTTP_IHANOI_CAPTURE_ABORTED
                           : NGX_HTTP_IHANOI_CAPTURE_OK;
        return;
    }

    switch (rc) {

    case NGX_OK:
    case NGX_ERROR:
    case NGX_HTTP_INTERNAL_SERVER_ERROR:
        capture->outcome = NGX_HTTP_IHANOI_CAPTURE_GATEWAY;
        break;

    case NGX_HTTP_BAD_GATEWAY:
        capture->outcome = ngx_http_ihanoi_capture_was_sent(sr)
                           ? NGX_HTTP_IHANOI_CAPTURE_GATEWAY
                           : NGX_HTTP_IHANOI_CAPTURE_REFUSED;
        break;

    case NGX_HTTP_GATEWAY_TIME_OUT:
        capture->outcome = NGX_HTTP_IHANOI_CAPTURE_TIMEOUT;
        break;

    default:

        /* "return 404", limit_req, too large a body: an answer without text */

        if (rc < NGX_HTTP_OK) {
            capture->outcome = NGX_HTTP_IHANOI_CAPTURE_GATEWAY;
            break;
        }

        capture->status = rc;
        capture->outcome = NGX_HTTP_IHANOI_CAPTURE_OK;
    }
}


/* Has any backend got a byte of it?  If not, it may be repeated. */

static ngx_uint_t
ngx_http_ihanoi_capture_was_sent(ngx_http_request_t *sr)
{
    ngx_uint_t                  i;
    ngx_http_upstream_state_t  *state;

    if (sr->upstream_states == NULL) {
        return 0;
    }

    state = sr->upstream_states->elts;

    for (i = 0; i < sr->upstream_states->nelts; i++) {
        if (state[i].bytes_sent) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_ihanoi_capture_event(ngx_event_t *ev)
{
    ngx_http_ihanoi_capture_t        *capture;
    ngx_http_ihanoi_capture_done_pt   done;

    capture = ev->data;

    if (capture->hidden) {
        capture->hidden = 0;
        capture->request->connection->error = 1;
    }

    if (capture->outcome == NGX_HTTP_IHANOI_CAPTURE_NONE
        || capture->done == NULL)
    {
        return;
    }

    ngx_http_ihanoi_capture_stop(capture);

    done = capture->done;
    capture->done = NULL;

    done(capture, capture->done_data);
}


static void
ngx_http_ihanoi_capture_timeout(ngx_event_t *ev)
{
    ngx_http_ihanoi_capture_t  *capture;

    capture = ev->data;

    ngx_http_ihanoi_capture_fail(capture, NGX_HTTP_IHANOI_CAPTURE_TIMEOUT);
}


/* From anywhere: the rest is done by an event. */

static void
ngx_http_ihanoi_capture_fail(ngx_http_ihanoi_capture_t *capture,
    ngx_http_ihanoi_capture_outcome_e outcome)
{
    if (capture->outcome == NGX_HTTP_IHANOI_CAPTURE_NONE) {
        capture->outcome = outcome;
        ngx_post_event(&capture->event, &ngx_posted_events);
    }
}


/*
 * Ends the subrequest, not from inside it.  The cleanup of nginx's upstream is
 * the one way to close that connection, without another try and without a
 * page; it gives the reference to the main request back, of which whoever
 * waits holds another.
 */

static void
ngx_http_ihanoi_capture_stop(ngx_http_ihanoi_capture_t *capture)
{
    ngx_http_request_t   *sr;
    ngx_http_upstream_t  *u;

    if (capture->timer.timer_set) {
        ngx_del_timer(&capture->timer);
    }

    if (capture->ended) {
        return;
    }

    capture->ended = 1;

    sr = capture->request;
    u = sr->upstream;

    if (u && u->cleanup && *u->cleanup) {
        (*u->cleanup)(sr);

        sr->read_event_handler = ngx_http_request_empty_handler;
        sr->write_event_handler = ngx_http_request_empty_handler;

        ngx_http_ihanoi_capture_free_body(capture);

    } else if (sr->write_event_handler == ngx_http_handler) {

        /* it has not begun */

        sr->write_event_handler = ngx_http_ihanoi_capture_dropped;
    }
}


void
ngx_http_ihanoi_capture_cancel(ngx_http_ihanoi_capture_t *capture)
{
    capture->done = NULL;

    ngx_http_ihanoi_capture_stop(capture);

    (void) ihanoi_sandbox_charge(capture->sandbox, -(long) capture->charged);
    capture->charged = 0;

    if (capture->data) {
        ngx_free(capture->data);
        capture->data = NULL;
    }
}


/* Those that are large are given back to the system. */

static void
ngx_http_ihanoi_capture_free_body(ngx_http_ihanoi_capture_t *capture)
{
    if (capture->body.data == NULL) {
        return;
    }

    capture->request->request_body = NULL;

    (void) ngx_pfree(capture->request->pool, capture->body.data);
    capture->body.data = NULL;
}


static void
ngx_http_ihanoi_capture_cleanup(void *data)
{
    ngx_http_ihanoi_capture_t  *capture = data;

    if (capture->timer.timer_set) {
        ngx_del_timer(&capture->timer);
    }

    if (capture->event.posted) {
        ngx_delete_posted_event(&capture->event);
    }
}


/*
 * By what is called at its end: the context of a subrequest does not survive
 * an internal redirect.
 */

static ngx_http_ihanoi_capture_t *
ngx_http_ihanoi_capture_of(ngx_http_request_t *r)
{
    if (r == r->main || r->post_subrequest == NULL
        || r->post_subrequest->handler != ngx_http_ihanoi_capture_done)
    {
        return NULL;
    }

    return r->post_subrequest->data;
}


ngx_uint_t
ngx_http_ihanoi_is_capture(ngx_http_request_t *r)
{
    for ( /* void */ ; r && r != r->main; r = r->parent) {
        if (ngx_http_ihanoi_capture_of(r)) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_ihanoi_capture_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_ihanoi_capture_location;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_ihanoi_capture_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_ihanoi_capture_body_filter;

    return NGX_OK;
}


/*
 * The first phase that knows the location.  Its own "rewrite" may go anywhere
 * from there: that is the operator's.  A backend may not: with X-Accel-Redirect
 * it would read other internal locations for the plugin.
 */

static ngx_int_t
ngx_http_ihanoi_capture_location(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_ihanoi_capture_t  *capture;

    capture = ngx_http_ihanoi_capture_of(r);

    if (capture == NULL) {
        return NGX_DECLINED;
    }

    if (capture->placed) {

        if (r->upstream == NULL) {
            return NGX_DECLINED;
        }

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "a backend's X-Accel-Redirect to \"%V\" is not followed",
                      &r->uri);

        ngx_http_ihanoi_capture_fail(capture, NGX_HTTP_IHANOI_CAPTURE_GATEWAY);

        return NGX_HTTP_BAD_GATEWAY;
    }

    capture->placed = 1;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->internal) {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "a backend's \"%V\" is not in an \"internal\" location",
                  &r->uri);

    ngx_http_ihanoi_capture_fail(capture, NGX_HTTP_IHANOI_CAPTURE_NOT_FOUND);

    return NGX_HTTP_NOT_FOUND;
}


static ngx_int_t
ngx_http_ihanoi_capture_header_filter(ngx_http_request_t *r)
{
    off_t                       length;
    ngx_http_upstream_t        *u;
    ngx_http_ihanoi_capture_t  *capture;

    capture = ngx_http_ihanoi_capture_of(r);

    if (capture == NULL) {
        return ngx_http_next_header_filter(r);
    }

    r->header_sent = 1;

    /* from nginx's cache or a file: the copy filter reads it for us */
    r->filter_need_in_memory = 1;

    /*
     * nginx passes what it has buffered on to the connection's active request
     * only, so that of a background one would be in files until its end.
     */

    u = r->upstream;

    if (u && !u->cacheable && !u->store) {
        u->buffering = 0;
    }

    capture->header = 1;
    capture->status = r->headers_out.status;
    length = r->headers_out.content_length_n;

    if (capture->status < NGX_HTTP_OK) {

        /*
         * HTTP/0.9 is what nginx takes anything for that is not HTTP, and says
         * so.  It reads on behind 103 alone, and that since 1.29.0.
         */

        if (capture->status >= NGX_HTTP_CONTINUE) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "upstream sent unexpected status %ui",
                          capture->status);
        }

        ngx_http_ihanoi_capture_fail(capture, NGX_HTTP_IHANOI_CAPTURE_GATEWAY);
        return NGX_OK;
    }

    if (capture->ended || length <= 0 || r->method == NGX_HTTP_HEAD) {
        return NGX_OK;
    }

    if (length > (off_t) capture->max_size) {
        ngx_http_ihanoi_capture_fail(capture,
                                     NGX_HTTP_IHANOI_CAPTURE_TOO_LARGE);

    } else if (ngx_http_ihanoi_capture_grow(capture, length) != NGX_OK) {
        ngx_http_ihanoi_capture_fail(capture, NGX_HTTP_IHANOI_CAPTURE_MEMORY);
    }

    return NGX_OK;
}


/* Nothing of it goes on: the client gets what the handler answers. */

static ngx_int_t
ngx_http_ihanoi_capture_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t                  *b;
    ngx_http_ihanoi_capture_t  *capture;

    capture = ngx_http_ihanoi_capture_of(r);

    if (capture == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;

        if (b->last_buf || b->last_in_chain) {
            capture->complete = 1;
        }

        if (ngx_buf_in_memory(b)) {
            ngx_http_ihanoi_capture_append(capture, b->pos, b->last - b->pos);

        } else if (!ngx_buf_special(b)) {
            ngx_http_ihanoi_capture_fail(capture,
                                         NGX_HTTP_IHANOI_CAPTURE_GATEWAY);
        }

        b->pos = b->last;
        b->file_pos = b->file_last;
    }

    return NGX_OK;
}


static void
ngx_http_ihanoi_capture_append(ngx_http_ihanoi_capture_t *capture,
    u_char *data, size_t len)
{
    size_t  size;

    if (len == 0 || capture->ended
        || capture->outcome != NGX_HTTP_IHANOI_CAPTURE_NONE)
    {
        return;
    }

    if (len > capture->max_size - capture->len) {
        ngx_http_ihanoi_capture_fail(capture,
                                     NGX_HTTP_IHANOI_CAPTURE_TOO_LARGE);
        return;
    }

    if (len > capture->size - capture->len) {
        size = ngx_max(capture->size * 2, capture->len + len);
        size = ngx_max(size, NGX_HTTP_IHANOI_CAPTURE_STEP);
        size = ngx_min(size, capture->max_size);

        if (ngx_http_ihanoi_capture_grow(capture, size) != NGX_OK) {
            ngx_http_ihanoi_capture_fail(capture,
                                         NGX_HTTP_IHANOI_CAPTURE_MEMORY);
            return;
        }
    }

    ngx_memcpy(capture->data + capture->len, data, len);
    capture->len += len;
}


static ngx_int_t
ngx_http_ihanoi_capture_grow(ngx_http_ihanoi_capture_t *capture, size_t size)
{
    u_char  *data;

    if (size <= capture->size) {
        return NGX_OK;
    }

    if (ihanoi_sandbox_charge(capture->sandbox, (long) (size - capture->size))
        != 0)
    {
        return NGX_ERROR;
    }

    capture->charged += size - capture->size;
    capture->size = size;

    data = ngx_alloc(size, ngx_cycle->log);
    if (data == NULL) {
        return NGX_ERROR;
    }

    if (capture->data) {
        ngx_memcpy(data, capture->data, capture->len);
        ngx_free(capture->data);
    }

    capture->data = data;

    return NGX_OK;
}
