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
