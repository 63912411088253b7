/*
 * Copyright (C) iHaNoi contributors
 *
 * nginx's $request_id without its price: nginx asks OpenSSL for 16 bytes a
 * request, and each time OpenSSL looks its generator up and asks the kernel
 * for the process id.  Here the bytes come by the kilobyte.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/rand.h>

#include "ngx_http_ihanoi_request_id.h"


#define NGX_HTTP_IHANOI_REQUEST_ID_LEN  16


static u_char *ngx_http_ihanoi_request_id_log_handler(ngx_http_request_t *r,
    ngx_http_request_t *sr, u_char *buf, size_t len);


/* nginx's own, the same for all requests; and the variable of this cycle */
static ngx_http_log_handler_pt  ngx_http_ihanoi_request_id_log_rest;
static ngx_int_t                ngx_http_ihanoi_request_id_index;


ngx_http_variable_value_t *
ngx_http_ihanoi_request_id(ngx_http_request_t *r, ngx_int_t index)
{
    u_char                     *id;
    ngx_http_variable_value_t  *v;

    /* of this worker: the pid tells a copy that came by fork() */

    static u_char               random[64 * NGX_HTTP_IHANOI_REQUEST_ID_LEN];
    static size_t               left;
    static ngx_pid_t            pid;

    v = &r->variables[index];

    if (v->valid || v->not_found) {
        return ngx_http_get_indexed_variable(r, index);
    }

    if (left == 0 || pid != ngx_pid) {

        if (RAND_bytes(random, sizeof(random)) != 1) {
            /* nginx has a second source */
            return ngx_http_get_indexed_variable(r, index);
        }

        left = sizeof(random);
        pid = ngx_pid;
    }

    id = ngx_pnalloc(r->pool, 2 * NGX_HTTP_IHANOI_REQUEST_ID_LEN);
    if (id == NULL) {
        return NULL;
    }

    left -= NGX_HTTP_IHANOI_REQUEST_ID_LEN;
    ngx_hex_dump(id, &random[left], NGX_HTTP_IHANOI_REQUEST_ID_LEN);

    v->data = id;
    v->len = 2 * NGX_HTTP_IHANOI_REQUEST_ID_LEN;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return v;
}


void
ngx_http_ihanoi_request_id_log(ngx_http_request_t *r, ngx_int_t index)
{
    r = r->main;

    if (r->log_handler == ngx_http_ihanoi_request_id_log_handler
        || ngx_http_ihanoi_request_id(r, index) == NULL)
    {
        return;
    }

    ngx_http_ihanoi_request_id_index = index;
    ngx_http_ihanoi_request_id_log_rest = r->log_handler;
    r->log_handler = ngx_http_ihanoi_request_id_log_handler;
}


static u_char *
ngx_http_ihanoi_request_id_log_handler(ngx_http_request_t *r,
    ngx_http_request_t *sr, u_char *buf, size_t len)
{
    u_char                     *p;
    ngx_http_variable_value_t  *v;

    p = buf;
    v = &r->variables[ngx_http_ihanoi_request_id_index];

    if (v->valid) {
        p = ngx_snprintf(buf, len, ", request id: \"%v\"", v);
        len -= p - buf;
    }

    return ngx_http_ihanoi_request_id_log_rest(r, sr, p, len);
}
