/*
 * Copyright (C) iHaNoi contributors
 *
 * The body of a request: read whole, then the request goes on.
 */

#include "ngx_http_ihanoi_api.h"
#include "ngx_http_ihanoi_problem.h"


static void ngx_http_ihanoi_body_wait(ngx_http_request_t *r);
static void ngx_http_ihanoi_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_body_string(ngx_http_request_t *r,
    ngx_str_t *body);


ngx_int_t
ngx_http_ihanoi_body_read(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx)
{
    ngx_int_t  rc;

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_ihanoi_body_handler);

    if (rc == NGX_AGAIN) {
        ctx->read_body = r->read_event_handler;
        r->read_event_handler = ngx_http_ihanoi_body_wait;
    }

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


/*
 * nginx's own handler stands until the body is there.  It ends a connection
 * whose client is too slow (client_body_timeout) without a word.
 */

static void
ngx_http_ihanoi_body_wait(ngx_http_request_t *r)
{
    ngx_connection_t           *c;
    ngx_http_ihanoi_api_ctx_t  *ctx;

    c = r->connection;
    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_api_module);

    if (ctx == NULL || ctx->read_body == NULL) {

        /* it was refused, and an error_page leads elsewhere */

        r->read_event_handler = ngx_http_block_reading;
        ngx_http_block_reading(r);
        return;
    }

    if (!c->read->timedout) {
        ctx->read_body(r);
        return;
    }

    ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT, "client timed out");

    /* what still comes is read and thrown away, as behind any refusal */

    c->read->timedout = 0;
    r->keepalive = 0;

#if (NGX_HTTP_V2)
    if (r->stream) {
        r->stream->skip_data = 1;
    }
#endif

    (void) ngx_http_ihanoi_problem(r, "request-timeout", NULL);

    /* as a status of ngx_http_finalize_request() it is the end without a word */

    ngx_http_finalize_request(r,
            ngx_http_special_response_handler(r, NGX_HTTP_REQUEST_TIME_OUT));
}


static void
ngx_http_ihanoi_body_handler(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_str_t                   body;
    ngx_http_ihanoi_api_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_api_module);

    rc = ngx_http_ihanoi_body_string(r, &body);

    if (rc == NGX_OK) {
        rc = ngx_http_ihanoi_input_take_body(r, ctx, &body);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_ihanoi_call_start(r, ctx, &body);
    }

    /* NGX_DONE gives back the count that reading the body took */

    ngx_http_finalize_request(r, rc == NGX_ERROR
                                 ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc);
}


/*
 * The body as one string.  It is a file only where the operator allows bodies
 * larger than client_body_buffer_size, which the shipped configuration does
 * not.
 */
static ngx_int_t
ngx_http_ihanoi_body_string(ngx_http_request_t *r, ngx_str_t *body)
{
    u_char       *p;
    size_t        len;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    ngx_str_set(body, "");

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    cl = r->request_body->bufs;

    if (cl->next == NULL && ngx_buf_in_memory(cl->buf)) {
        body->data = cl->buf->pos;
        body->len = cl->buf->last - cl->buf->pos;
        return NGX_OK;
    }

    len = 0;

    for ( /* void */ ; cl; cl = cl->next) {
        len += ngx_buf_size(cl->buf);
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;
    body->len = len;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;

        if (b->in_file) {
            len = b->file_last - b->file_pos;

            n = ngx_read_file(b->file, p, len, b->file_pos);
            if (n != (ssize_t) len) {
                return NGX_ERROR;
            }

            p += n;
            continue;
        }

        /* The last buffer of HTTP/2 and of chunks may be only a flag. */
        if (b->pos != b->last) {
            p = ngx_cpymem(p, b->pos, b->last - b->pos);
        }
    }

    return NGX_OK;
}
