/*
 * Copyright (C) iHaNoi contributors
 *
 * The socket of a PostgreSQL connection: libpq's, in nginx's event loop.
 *
 * It is registered level-triggered: libpq does not always read or write until
 * EAGAIN, so an edge could be missed for ever (docs/postgres.md).
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <libpq-fe.h>

#include "ngx_http_ihanoi_pgconn.h"
#include "ngx_http_ihanoi_pgconn_socket.h"


ngx_int_t
ngx_http_ihanoi_pgconn_attach(ngx_http_ihanoi_pgconn_t *pc,
    ngx_event_handler_pt handler)
{
    ngx_socket_t       s;
    ngx_connection_t  *c;

    pc->socket = PQsocket(pc->pg);

    /*
     * libpq closes its socket as soon as it reads the end of it, and the
     * number may be another client's before we hear of it.  A duplicate is
     * ours: what nginx has registered exists until we take it back.
     */

    s = fcntl(pc->socket, F_DUPFD_CLOEXEC, 0);

    if (s == (ngx_socket_t) -1) {
        ngx_http_ihanoi_pgconn_reason(pc, "could not duplicate the socket");
        return NGX_ERROR;
    }

    c = ngx_get_connection(s, pc->log);

    if (c == NULL) {
        (void) ngx_close_socket(s);
        ngx_http_ihanoi_pgconn_reason(pc, "worker_connections are not enough");
        return NGX_ERROR;
    }

    c->data = pc;
    c->log = pc->log;
    c->read->log = pc->log;
    c->write->log = pc->log;
    c->read->handler = handler;
    c->write->handler = handler;
    c->log_error = NGX_ERROR_ERR;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    pc->connection = c;

    /* the first PQconnectPoll() comes when the socket is writable */

    if (ngx_http_ihanoi_pgconn_arm(pc, 0, 1) != NGX_OK) {
        ngx_http_ihanoi_pgconn_reason(pc, "could not register the socket");
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_ihanoi_pgconn_poll(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_int_t                  rc;
    PostgresPollingStatusType  status;

    status = PQconnectPoll(pc->pg);

    if (status == PGRES_POLLING_FAILED) {
        /* set before: PQstatus() is CONNECTION_BAD now */
        pc->end = pc->answered ? NGX_HTTP_IHANOI_PGCONN_REFUSED
                               : NGX_HTTP_IHANOI_PGCONN_UNREACHABLE;
        ngx_http_ihanoi_pgconn_reason(pc, NULL);
        return NGX_ERROR;
    }

    /*
     * One hostaddr, no "prefer" of TLS or GSS: libpq keeps its socket.  If it
     * ever does not, the registration is worthless whatever its number is.
     */

    if (PQsocket(pc->pg) != pc->socket) {
        ngx_http_ihanoi_pgconn_reason(pc, "socket changed while connecting");
        return NGX_ERROR;
    }

    if (PQstatus(pc->pg) == CONNECTION_AWAITING_RESPONSE) {
        /* the socket is connected: a "no" from here on is a server's */
        pc->answered = 1;
    }

    switch (status) {

    case PGRES_POLLING_READING:
        rc = ngx_http_ihanoi_pgconn_arm(pc, 1, 0);
        break;

    case PGRES_POLLING_WRITING:
        rc = ngx_http_ihanoi_pgconn_arm(pc, 0, 1);
        break;

    default: /* PGRES_POLLING_OK */
        return NGX_OK;
    }

    return (rc == NGX_OK) ? NGX_AGAIN : NGX_ERROR;
}


ngx_int_t
ngx_http_ihanoi_pgconn_arm(ngx_http_ihanoi_pgconn_t *pc, ngx_uint_t read,
    ngx_uint_t write)
{
    ngx_event_t  *rev, *wev;

    rev = pc->connection->read;
    wev = pc->connection->write;

    if (read && !rev->active
        && ngx_add_event(rev, NGX_READ_EVENT, NGX_LEVEL_EVENT) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (write && !wev->active
        && ngx_add_event(wev, NGX_WRITE_EVENT, NGX_LEVEL_EVENT) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!read && rev->active
        && ngx_del_event(rev, NGX_READ_EVENT, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!write && wev->active
        && ngx_del_event(wev, NGX_WRITE_EVENT, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_ihanoi_pgconn_flush(ngx_http_ihanoi_pgconn_t *pc)
{
    switch (PQflush(pc->pg)) {

    case 0:
        return ngx_http_ihanoi_pgconn_arm(pc, 1, 0);

    case 1:
        return ngx_http_ihanoi_pgconn_arm(pc, 1, 1);

    default:
        return NGX_ERROR;
    }
}


ngx_uint_t
ngx_http_ihanoi_pgconn_oversize(ngx_http_ihanoi_pgconn_t *pc)
{
    int                            n;
    ngx_http_ihanoi_pgexchange_t  *x;

    if (pc->limit == 0 || ngx_queue_empty(&pc->exchanges)) {
        return 0;
    }

    x = ngx_queue_data(ngx_queue_head(&pc->exchanges),
                       ngx_http_ihanoi_pgexchange_t, queue);

    /* most answers come in one piece: what is read once is not counted */

    if (!x->begun) {
        x->begun = 1;
        pc->received = 0;
        return 0;
    }

    /*
     * libpq may read what comes meanwhile too, but not more than its buffer
     * has room for, which at most doubles: the limit is not exact, and holds.
     */

    if (ioctl(pc->connection->fd, FIONREAD, &n) == 0 && n > 0) {
        pc->received += (size_t) n;
    }

    return pc->received > pc->limit;
}


void
ngx_http_ihanoi_pgconn_reason(ngx_http_ihanoi_pgconn_t *pc,
    const char *reason)
{
    u_char      *p, *last;
    const char  *s;

    if (pc->reason.len) {
        return;
    }

    s = reason ? reason : PQerrorMessage(pc->pg);

    if (s == NULL || *s == '\0') {
        s = "connection lost";
    }

    p = pc->reason_buf;
    last = p + sizeof(pc->reason_buf);

    while (*s && p < last) {
        *p++ = ((u_char) *s < 0x20) ? ' ' : (u_char) *s;
        s++;
    }

    while (p > pc->reason_buf && p[-1] == ' ') {
        p--;
    }

    pc->reason.data = pc->reason_buf;
    pc->reason.len = p - pc->reason_buf;
}


void
ngx_http_ihanoi_pgconn_break(ngx_http_ihanoi_pgconn_t *pc, const char *reason)
{
    if (pc->pg == NULL || pc->broken) {
        return;
    }

    pc->broken = 1;

    ngx_http_ihanoi_pgconn_reason(pc, reason);

    /*
     * Never close here: the caller may be a request's handler inside
     * submit(), and closing calls the completions of others.
     */

    ngx_post_event(&pc->kick, &ngx_posted_events);
}


void
ngx_http_ihanoi_pgconn_release(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_connection_t  *c;

    if (pc->timer.timer_set) {
        ngx_del_timer(&pc->timer);
    }

    if (pc->kick.posted) {
        ngx_delete_posted_event(&pc->kick);
    }

    if (pc->sync.posted) {
        ngx_delete_posted_event(&pc->sync);
    }

    c = pc->connection;

    if (c) {

        /*
         * One by one: epoll forgets a descriptor that is closed only with the
         * last of its duplicates, and libpq may have the other.
         */

        if (c->read->active) {
            ngx_del_event(c->read, NGX_READ_EVENT, 0);
        }

        if (c->write->active) {
            ngx_del_event(c->write, NGX_WRITE_EVENT, 0);
        }

        ngx_close_connection(c);
        pc->connection = NULL;
    }

    if (pc->pg) {
        PQfinish(pc->pg);
        pc->pg = NULL;
    }

    pc->state = NGX_HTTP_IHANOI_PGCONN_CLOSED;
}
