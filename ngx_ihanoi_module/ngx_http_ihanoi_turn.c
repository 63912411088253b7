/*
 * Copyright (C) iHaNoi contributors
 *
 * Turns: who computes for long in this worker, one after another.
 *
 * While the gateway serves others there is a pause behind each turn, so that all
 * of them together have less than a tenth of a processor.  Shorter turns alone are
 * not enough: a worker that never sleeps is preempted by the kernel for nobody until
 * its slice is over, and these are milliseconds; who waits for it may be a backend
 * of PostgreSQL or another worker.
 */

#include "ngx_http_ihanoi_plugin.h"


/*
 * Milliseconds.  nginx's clock goes on by whole ones: while a worker is busy a timer
 * of one is over in half of one, a timer of two is one at least.
 */
#define NGX_HTTP_IHANOI_TURN_PAUSE  2


static void ngx_http_ihanoi_turn_next(void);
static void ngx_http_ihanoi_turn_handler(ngx_event_t *ev);


/* Events whose handlers are turns. */
static ngx_queue_t  ngx_http_ihanoi_turns = {
    &ngx_http_ihanoi_turns, &ngx_http_ihanoi_turns
};

/* A pause lets a worker end that has nothing else to do. */
static ngx_event_t  ngx_http_ihanoi_turn_event = {
    .handler = ngx_http_ihanoi_turn_handler,
    .cancelable = 1
};


void
ngx_http_ihanoi_turn_post(ngx_event_t *ev)
{
    ngx_post_event(ev, &ngx_http_ihanoi_turns);

    ngx_http_ihanoi_turn_next();
}


static void
ngx_http_ihanoi_turn_next(void)
{
    ngx_event_t                *ev;
#if (NGX_STAT_STUB)
    ngx_atomic_uint_t           begun;
    static ngx_atomic_uint_t    begun_before;
#endif

    ev = &ngx_http_ihanoi_turn_event;

    if (ev->posted || ev->timer_set) {
        return;
    }

    ev->data = (void *) ngx_cycle;     /* a debug log looks for a descriptor there */
    ev->log = ngx_cycle->log;

#if (NGX_STAT_STUB)

    /* of all workers: they share processors, and the database's */

    begun = *ngx_stat_requests;

    if (begun == begun_before) {
        ngx_post_event(ev, &ngx_posted_next_events);
        return;
    }

    begun_before = begun;

#endif

    ngx_add_timer(ev, NGX_HTTP_IHANOI_TURN_PAUSE);
}


static void
ngx_http_ihanoi_turn_handler(ngx_event_t *ev)
{
    ngx_queue_t  *q;
    ngx_event_t  *turn;

    if (ngx_queue_empty(&ngx_http_ihanoi_turns)) {
        return;
    }

    q = ngx_queue_head(&ngx_http_ihanoi_turns);
    turn = ngx_queue_data(q, ngx_event_t, queue);

    ngx_delete_posted_event(turn);

    turn->handler(turn);

    if (!ngx_queue_empty(&ngx_http_ihanoi_turns)) {
        ngx_http_ihanoi_turn_next();
    }
}
