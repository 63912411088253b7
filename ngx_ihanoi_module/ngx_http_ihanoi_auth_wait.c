/*
 * Copyright (C) iHaNoi contributors
 *
 * A request that is parked: its phases run again when what it waits for is
 * there, or when its time is over.
 */

#include "ngx_http_ihanoi_auth_wait.h"
#include "ngx_http_ihanoi_client.h"


static void ngx_http_ihanoi_auth_wait_timeout(ngx_event_t *ev);
static void ngx_http_ihanoi_auth_wait_cleanup(void *data);


ngx_int_t
ngx_http_ihanoi_auth_wait(ngx_http_request_t *r,
    ngx_http_ihanoi_auth_wait_t *wait, ngx_queue_t *queue,
    ngx_msec_t longest)
{
    ngx_pool_cleanup_t  *cln;

    /* the way out first: the request may end while it waits */

    if (!wait->cleanup) {
        cln = ngx_pool_cleanup_add(r->pool, 0);
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = ngx_http_ihanoi_auth_wait_cleanup;
        cln->data = wait;
        wait->cleanup = 1;
    }

    /* a client that goes away is noticed */

    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_ihanoi_client_writing;

    wait->request = r;
    wait->active = 1;
    wait->timer.handler = ngx_http_ihanoi_auth_wait_timeout;
    wait->timer.data = wait;
    wait->timer.log = r->connection->log;

    if (queue) {
        ngx_queue_insert_tail(queue, &wait->queue);

    } else {
        ngx_queue_init(&wait->queue);
    }

    ngx_add_timer(&wait->timer, longest);

    return NGX_AGAIN;
}


/*
 * Its phases run again from an event, not from here: we may be inside the
 * finalization of another request, or of this one.
 */

void
ngx_http_ihanoi_auth_wait_wake(ngx_http_ihanoi_auth_wait_t *wait)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    ngx_queue_remove(&wait->queue);
    wait->active = 0;

    if (wait->timer.timer_set) {
        ngx_del_timer(&wait->timer);
    }

    r = wait->request;
    c = r->connection;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    /* a subrequest is not the one that an event of the connection runs */

    if (c->data != r) {
        (void) ngx_http_post_request(r, NULL);
    }

    ngx_post_event(c->write, &ngx_posted_events);
}


static void
ngx_http_ihanoi_auth_wait_timeout(ngx_event_t *ev)
{
    ngx_http_ihanoi_auth_wait_wake(ev->data);
}


static void
ngx_http_ihanoi_auth_wait_cleanup(void *data)
{
    ngx_http_ihanoi_auth_wait_t  *wait = data;

    if (wait->active) {
        ngx_queue_remove(&wait->queue);
        wait->active = 0;
    }

    if (wait->timer.timer_set) {
        ngx_del_timer(&wait->timer);
    }
}
