/*
 * Copyright (C) iHaNoi contributors
 *
 * Client: one that goes away while its request waits.
 *
 * A closed connection and a reset stream of HTTP/2 can be read, and nginx has
 * ngx_http_test_reading() for them.  Over HTTP/3 a request that was sent whole
 * has nothing left to reset: who gives up its answer stops what is written
 * (STOP_SENDING, RFC 9114 4.1.1), and that is told to the writer alone.
 */

#include "ngx_http_ihanoi_client.h"


#ifdef NGX_HTTP_VERSION_30

static void ngx_http_ihanoi_client_closing(ngx_event_t *ev);


/* nginx's own, the same for all requests */
static ngx_event_handler_pt  ngx_http_ihanoi_client_request_handler;

#endif


void
ngx_http_ihanoi_client_writing(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    if (!c->write->error) {
        return;
    }

    c->read->error = 1;

    r->read_event_handler(r);
}


void
ngx_http_ihanoi_client_leave(ngx_http_request_t *r)
{
    r->read_event_handler = ngx_http_block_reading;

#ifdef NGX_HTTP_VERSION_30

    if (r->http_version == NGX_HTTP_VERSION_30
        && r->connection->read->handler != ngx_http_ihanoi_client_closing)
    {
        ngx_http_ihanoi_client_request_handler = r->connection->read->handler;
        r->connection->read->handler = ngx_http_ihanoi_client_closing;
    }

#endif
}


#ifdef NGX_HTTP_VERSION_30

/*
 * A connection of HTTP/3 that is closed tells each of its streams to close, and
 * nginx ends their requests whatever they do.  It waits for a stream that does
 * not, as for one whose file a thread reads; what is sent then fails.
 */

static void
ngx_http_ihanoi_client_closing(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    if (c->close) {
        c->close = 0;
        return;
    }

    ngx_http_ihanoi_client_request_handler(ev);
}

#endif
