/*
 * Copyright (C) iHaNoi contributors
 *
 * What a capture sends: a request of the gateway's own, in which nothing is
 * that the client sent.
 */

#include "ngx_http_ihanoi_capture.h"


static ngx_int_t ngx_http_ihanoi_capture_setup_body(ngx_http_request_t *sr,
    ngx_http_ihanoi_capture_request_t *request);


ngx_int_t
ngx_http_ihanoi_capture_header(ngx_pool_t *pool, ngx_array_t *headers,
    const char *name, const char *value, size_t len)
{
    u_char           *p;
    ngx_table_elt_t  *h;

    h = ngx_array_push(headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key.len = ngx_strlen(name);
    h->value.len = len;

    /* name, name in lower case, value and a NUL */

    p = ngx_pnalloc(pool, h->key.len * 2 + len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    h->key.data = p;
    p = ngx_cpymem(p, name, h->key.len);

    h->lowcase_key = p;
    h->hash = ngx_hash_strlow(p, h->key.data, h->key.len);
    p += h->key.len;

    h->value.data = p;
    *ngx_cpymem(p, value, len) = '\0';

    return NGX_OK;
}


ngx_int_t
ngx_http_ihanoi_capture_setup(ngx_http_request_t *sr,
    ngx_http_ihanoi_capture_request_t *request)
{
    ngx_str_t               server;
    ngx_uint_t              i;
    ngx_table_elt_t        *h, *header;
    ngx_http_headers_in_t  *headers;

    sr->method = request->method_id;
    sr->method_name = request->method;
    sr->request_body = NULL;

    headers = &sr->headers_in;
    server = headers->server;

    ngx_memzero(headers, sizeof(ngx_http_headers_in_t));

    headers->content_length_n = -1;
    headers->keep_alive_n = -1;
    headers->server = server;

    if (ngx_list_init(&headers->headers, sr->pool, request->headers.nelts + 1,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    header = request->headers.elts;

    for (i = 0; i < request->headers.nelts; i++) {
        h = ngx_list_push(&headers->headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = header[i];

        if (h->key.len == sizeof("content-type") - 1
            && ngx_strncmp(h->lowcase_key, "content-type", h->key.len) == 0)
        {
            headers->content_type = h;
        }
    }

    return request->has_body ? ngx_http_ihanoi_capture_setup_body(sr, request)
                             : NGX_OK;
}


static ngx_int_t
ngx_http_ihanoi_capture_setup_body(ngx_http_request_t *sr,
    ngx_http_ihanoi_capture_request_t *request)
{
    ngx_buf_t                *b;
    ngx_table_elt_t          *h;
    ngx_http_request_body_t  *rb;

    static u_char  name[] = "content-length";

    h = ngx_list_push(&sr->headers_in.headers);
    rb = ngx_pcalloc(sr->pool, sizeof(ngx_http_request_body_t));

    if (h == NULL || rb == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = ngx_hash_key(name, sizeof(name) - 1);
    h->lowcase_key = name;
    ngx_str_set(&h->key, "Content-Length");

    h->value.data = ngx_pnalloc(sr->pool, NGX_OFF_T_LEN + 1);
    if (h->value.data == NULL) {
        return NGX_ERROR;
    }

    h->value.len = ngx_sprintf(h->value.data, "%uz%Z", request->body.len)
                   - h->value.data - 1;

    sr->headers_in.content_length = h;
    sr->headers_in.content_length_n = request->body.len;

    if (request->body.len) {
        b = ngx_calloc_buf(sr->pool);
        rb->bufs = ngx_alloc_chain_link(sr->pool);

        if (b == NULL || rb->bufs == NULL) {
            return NGX_ERROR;
        }

        b->start = request->body.data;
        b->pos = b->start;
        b->last = b->start + request->body.len;
        b->end = b->last;
        b->memory = 1;
        b->last_buf = 1;

        rb->bufs->buf = b;
        rb->bufs->next = NULL;
    }

    sr->request_body = rb;

    return NGX_OK;
}
