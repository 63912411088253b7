/*
 * Copyright (C) iHaNoi contributors
 *
 * Inject: a request that no client has sent.
 */

#include "ngx_http_ihanoi_inject.h"


#define NGX_HTTP_IHANOI_INJECT_LINE  256


static ngx_http_core_loc_conf_t *ngx_http_ihanoi_inject_search(
    ngx_http_location_tree_node_t *node, u_char *uri, size_t len);
static void ngx_http_ihanoi_inject_init(ngx_connection_t *c);
static ngx_int_t ngx_http_ihanoi_inject_handler(ngx_http_request_t *r);
static void ngx_http_ihanoi_inject_closed(void *data);


/* As any client on a unix socket has it: without a name. */
static struct sockaddr  ngx_http_ihanoi_inject_sockaddr = {
    .sa_family = AF_UNIX
};


ngx_listening_t *
ngx_http_ihanoi_inject_listener(ngx_conf_t *cf, ngx_http_core_srv_conf_t *cscf)
{
    ngx_uint_t                  i;
    ngx_array_t                *handlers;
    ngx_listening_t            *ls;
    ngx_http_port_t            *port;
    ngx_http_in_addr_t         *addr;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    ls = ngx_pcalloc(cf->pool, sizeof(ngx_listening_t));
    port = ngx_pcalloc(cf->pool, sizeof(ngx_http_port_t));
    addr = ngx_pcalloc(cf->pool, sizeof(ngx_http_in_addr_t));

    if (ls == NULL || port == NULL || addr == NULL) {
        return NULL;
    }

    addr->conf.default_server = cscf;

    port->addrs = addr;
    port->naddrs = 1;

    ls->fd = (ngx_socket_t) -1;
    ls->sockaddr = &ngx_http_ihanoi_inject_sockaddr;
    ls->socklen = offsetof(struct sockaddr, sa_data);
    ngx_str_set(&ls->addr_text, "unix:");
    ls->type = SOCK_STREAM;
    ls->handler = ngx_http_ihanoi_inject_init;
    ls->servers = port;
    ls->pool_size = cscf->connection_pool_size;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    handlers = &cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers;

    h = handlers->elts;

    for (i = 0; i < handlers->nelts; i++) {
        if (h[i] == ngx_http_ihanoi_inject_handler) {
            return ls;
        }
    }

    h = ngx_array_push(handlers);
    if (h == NULL) {
        return NULL;
    }

    *h = ngx_http_ihanoi_inject_handler;

    return ls;
}


ngx_http_core_loc_conf_t *
ngx_http_ihanoi_inject_location(ngx_http_core_srv_conf_t *cscf, u_char *uri,
    size_t len)
{
    ngx_http_core_loc_conf_t  *clcf, *found;

    clcf = cscf->ctx->loc_conf[ngx_http_core_module.ctx_index];
    found = NULL;

    for ( ;; ) {
        clcf = ngx_http_ihanoi_inject_search(clcf->static_locations, uri, len);

        if (clcf == NULL) {
            return found;
        }

        found = clcf;
    }
}


static ngx_http_core_loc_conf_t *
ngx_http_ihanoi_inject_search(ngx_http_location_tree_node_t *node, u_char *uri,
    size_t len)
{
    size_t                     n;
    ngx_int_t                  rc;
    ngx_http_core_loc_conf_t  *found;

    found = NULL;

    while (node) {
        n = ngx_min(len, (size_t) node->len);
        rc = ngx_filename_cmp(uri, node->name, n);

        if (rc != 0) {
            node = (rc < 0) ? node->left : node->right;
            continue;
        }

        if (len > (size_t) node->len) {

            if (node->inclusive) {
                found = node->inclusive;
                node = node->tree;
                uri += n;
                len -= n;
                continue;
            }

            node = node->right;
            continue;
        }

        if (len == (size_t) node->len) {

            if (node->exact) {
                return node->exact;
            }

            if (node->inclusive) {
                return node->inclusive;
            }

            return found;
        }

        node = node->left;
    }

    return found;
}


/* nginx's own, under an address that tells our connections from others. */

static void
ngx_http_ihanoi_inject_init(ngx_connection_t *c)
{
    ngx_http_init_connection(c);
}


ngx_http_ihanoi_injected_t *
ngx_http_ihanoi_inject_create(ngx_listening_t *ls, size_t size, ngx_log_t *log)
{
    void                        *data;
    ngx_log_t                   *c_log;
    ngx_pool_t                  *pool;
    ngx_socket_t                 fd[2];
    ngx_connection_t            *c;
    ngx_pool_cleanup_t          *cln;
    ngx_http_ihanoi_injected_t  *in;

    pool = ngx_create_pool(ls->pool_size, log);
    if (pool == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_http_ihanoi_injected_t));
    c_log = ngx_palloc(pool, sizeof(ngx_log_t));
    data = ngx_pcalloc(pool, size);

    if (cln == NULL || c_log == NULL || data == NULL) {
        goto failed;
    }

    *c_log = *log;
    c_log->handler = NULL;
    c_log->data = NULL;

    if (socketpair(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0, fd)
        == -1)
    {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_socket_errno,
                      "socketpair() failed");
        goto failed;
    }

    in = cln->data;

    ngx_memzero(in, sizeof(ngx_http_ihanoi_injected_t));

    in->pool = pool;
    in->data = data;
    in->peer = fd[1];

    cln->handler = ngx_http_ihanoi_inject_closed;

    /* it says so itself when there is none */

    c = ngx_get_connection(fd[0], log);

    if (c == NULL) {
        (void) ngx_close_socket(fd[0]);
        goto failed;
    }

#if (NGX_STAT_STUB)
    /* closing a connection takes it off again */
    (void) ngx_atomic_fetch_add(ngx_stat_active, 1);
#endif

    in->connection = c;

    c->pool = pool;
    c->type = SOCK_STREAM;
    c->tcp_nodelay = NGX_TCP_NODELAY_DISABLED;
    c->tcp_nopush = NGX_TCP_NOPUSH_DISABLED;

    c->log = c_log;
    pool->log = c_log;
    c->read->log = c_log;
    c->write->log = c_log;

    c->listening = ls;
    c->sockaddr = ls->sockaddr;
    c->socklen = ls->socklen;
    c->local_sockaddr = ls->sockaddr;
    c->local_socklen = ls->socklen;
    c->addr_text = ls->addr_text;

    c->recv = ngx_recv;
    c->send = ngx_send;
    c->recv_chain = ngx_recv_chain;
    c->send_chain = ngx_send_chain;

    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->start_time = ngx_current_msec;

    c_log->connection = c->number;

    return in;

failed:

    ngx_destroy_pool(pool);

    return NULL;
}


void
ngx_http_ihanoi_inject_drop(ngx_http_ihanoi_injected_t *in)
{
    ngx_http_close_connection(in->connection);
}


void
ngx_http_ihanoi_inject_go(ngx_http_ihanoi_injected_t *in, ngx_str_t *uri)
{
    u_char            *p;
    u_char             line[NGX_HTTP_IHANOI_INJECT_LINE];
    ngx_connection_t  *c;

    c = in->connection;

    /* 1.0: without a Host, and closed after it */

    p = ngx_slprintf(line, line + sizeof(line),
                     "POST %V HTTP/1.0" CRLF CRLF, uri);

    if (send(in->peer, line, p - line, 0) != p - line) {
        ngx_log_error(NGX_LOG_ALERT, c->log, ngx_socket_errno,
                      "could not inject a request");
        ngx_http_ihanoi_inject_drop(in);
        return;
    }

    c->read->ready = 1;
    c->write->ready = 1;

    c->listening->handler(c);
}


/* The first handler of any request: is it one of ours? */

static ngx_int_t
ngx_http_ihanoi_inject_handler(ngx_http_request_t *r)
{
    ngx_connection_t            *c;
    ngx_pool_cleanup_t          *cln;
    ngx_http_ihanoi_injected_t  *in;

    c = r->connection;

    if (r != r->main || !ngx_http_ihanoi_is_injected(r)) {
        return NGX_DECLINED;
    }

    for (cln = c->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_ihanoi_inject_closed) {
            in = cln->data;

            /* the connection may become writable, which says nothing to us */

            r->read_event_handler = ngx_http_block_reading;
            r->write_event_handler = ngx_http_request_empty_handler;

            return in->handler(r, in->data);
        }
    }

    return NGX_ERROR;
}


ngx_uint_t
ngx_http_ihanoi_is_injected(ngx_http_request_t *r)
{
    return r->connection->listening
           && r->connection->listening->handler == ngx_http_ihanoi_inject_init;
}


void
ngx_http_ihanoi_inject_end(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_connection_t  *c;

    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    /* not returned as a status: error_page is for clients */

    r->headers_out.status = status;
    r->header_only = 1;

    ngx_http_finalize_request(r, ngx_http_send_header(r) == NGX_ERROR
                                 ? NGX_ERROR : NGX_OK);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_ihanoi_inject_closed(void *data)
{
    ngx_http_ihanoi_injected_t *in = data;

    (void) ngx_close_socket(in->peer);
}
