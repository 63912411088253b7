/*
 * Copyright (C) iHaNoi contributors
 *
 * Which server a connection goes to, and when it is tried again.
 *
 * One attempt at a time and host, so that a server that comes back is not met
 * by a storm.  After a failure the wait is random between a floor and twice
 * the last bound ("full jitter").  A host that does not answer is left alone
 * by all pools; one that refuses (a role, a password, too many connections)
 * by the pool that was refused.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_metrics.h"
#include "ngx_http_ihanoi_pgconn.h"
#include "ngx_http_ihanoi_pgdb.h"


#define NGX_HTTP_IHANOI_PGDB_BACKOFF_MIN    50
#define NGX_HTTP_IHANOI_PGDB_BACKOFF_MAX    5000

/* a server that restarts is waited for, one that stays away is not */
#define NGX_HTTP_IHANOI_PGDB_INTERRUPTION   1000


static void ngx_http_ihanoi_pgdb_connect_handler(ngx_event_t *ev);
static ngx_msec_t ngx_http_ihanoi_pgdb_start(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgpool_t *pool, ngx_http_ihanoi_pgconn_t *pc);
static ngx_int_t ngx_http_ihanoi_pgdb_attempt(ngx_http_ihanoi_pgpool_t *pool,
    ngx_http_ihanoi_pgconn_t *pc, ngx_uint_t which);
static ngx_msec_t ngx_http_ihanoi_pgdb_pause(ngx_http_ihanoi_pgpool_t *pool,
    ngx_uint_t which);
static void ngx_http_ihanoi_pgdb_probed(ngx_http_ihanoi_pgconn_t *pc);
static ngx_uint_t ngx_http_ihanoi_pgdb_second(ngx_http_ihanoi_pgconn_t *pc);
static ngx_uint_t ngx_http_ihanoi_pgdb_rank(ngx_http_ihanoi_pgpool_t *pool,
    ngx_http_ihanoi_pgreach_t *reach);
static ngx_uint_t ngx_http_ihanoi_pgdb_wanted(ngx_http_ihanoi_pgpool_t *pool);
static void ngx_http_ihanoi_pgdb_failed(ngx_http_ihanoi_pgconn_t *pc);
static void ngx_http_ihanoi_pgdb_back_off(ngx_http_ihanoi_pgbackoff_t *b);


/* it carries nothing, and goes when it stands */

static const ngx_http_ihanoi_pgconn_handlers_t
    ngx_http_ihanoi_pgdb_probe_handlers =
{
    ngx_http_ihanoi_pgdb_opened,
    ngx_http_ihanoi_pgdb_probed,
    NULL,                                  /* done */
    NULL,                                  /* lost */
    NULL,                                  /* prepared */
    ngx_http_ihanoi_pgdb_departed
};


ngx_int_t
ngx_http_ihanoi_pgdb_init(ngx_http_ihanoi_pgdb_t *db, ngx_cycle_t *cycle,
    const ngx_http_ihanoi_pgconn_handlers_t *handlers)
{
    ngx_uint_t                 i, n;
    ngx_http_ihanoi_pgpool_t  *pool;
    ngx_http_ihanoi_pgconn_t  *pc;

    db->log = cycle->log;

    db->reach = ngx_pcalloc(cycle->pool, db->hosts.nelts
                                         * sizeof(ngx_http_ihanoi_pgreach_t));
    db->states = ngx_pcalloc(cycle->pool, (db->stmts.nelts + 1)
                                          * sizeof(ngx_http_ihanoi_pgstate_t));
    pool = ngx_pcalloc(cycle->pool, NGX_HTTP_IHANOI_PG_POOLS
                                    * sizeof(ngx_http_ihanoi_pgpool_t));

    if (db->reach == NULL || db->states == NULL || pool == NULL) {
        return NGX_ERROR;
    }

    db->probe.handlers = &ngx_http_ihanoi_pgdb_probe_handlers;
    db->probe.log = db->log;
    db->probe.pinned = &db->pinned;

    if (ngx_http_ihanoi_pgconn_init(&db->probe, cycle->pool) != NGX_OK) {
        return NGX_ERROR;
    }

    db->connect.handler = ngx_http_ihanoi_pgdb_connect_handler;
    db->connect.data = db;
    db->connect.log = db->log;
    db->connect.cancelable = 1;

    for (i = 0; i < NGX_HTTP_IHANOI_PG_POOLS; i++) {
        pool[i].db = db;
        pool[i].class = &db->classes[i];
        pool[i].down_since = ngx_current_msec;

        ngx_queue_init(&pool[i].waiting);

        pool[i].conns = ngx_pcalloc(cycle->pool,
                                    pool[i].class->connections
                                    * sizeof(ngx_http_ihanoi_pgconn_t));
        pool[i].backoff = ngx_pcalloc(cycle->pool,
                                      db->hosts.nelts
                                      * sizeof(ngx_http_ihanoi_pgbackoff_t));

        if (pool[i].conns == NULL || pool[i].backoff == NULL) {
            return NGX_ERROR;
        }

        for (n = 0; n < pool[i].class->connections; n++) {
            pc = &pool[i].conns[n];

            pc->handlers = handlers;
            pc->data = &pool[i];
            pc->log = db->log;
            pc->stmts = pool[i].class->stmts.elts;
            pc->nstmts = pool[i].class->stmts.nelts;
            pc->nprepared = db->stmts.nelts;
            pc->pinned = &db->pinned;
            pc->limit = db->limit;

            if (ngx_http_ihanoi_pgconn_init(pc, cycle->pool) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        for (n = 0; n < db->hosts.nelts; n++) {
            pool[i].backoff[n].next = ngx_current_msec;
        }
    }

    for (n = 0; n < db->hosts.nelts; n++) {
        db->reach[n].backoff.next = ngx_current_msec;
    }

    db->pools = pool;

    return NGX_OK;
}


void
ngx_http_ihanoi_pgdb_exit(ngx_http_ihanoi_pgdb_t *db)
{
    ngx_uint_t                 i, n;
    ngx_http_ihanoi_pgpool_t  *pool;

    if (db->connect.timer_set) {
        ngx_del_timer(&db->connect);
    }

    ngx_http_ihanoi_pgconn_destroy(&db->probe);

    for (i = 0; i < NGX_HTTP_IHANOI_PG_POOLS; i++) {
        pool = &db->pools[i];

        for (n = 0; n < pool->class->connections; n++) {

            if (pool->conns[n].session) {
                /* memory only: the server rolls back */
                ngx_free(pool->conns[n].session);
                pool->conns[n].session = NULL;
            }

            ngx_http_ihanoi_pgconn_destroy(&pool->conns[n]);
        }

        pool->ready = 0;

        ngx_http_ihanoi_metric_set(pool->class->metrics.connections, 0);
        ngx_http_ihanoi_metric_set(pool->class->metrics.in_use, 0);
        ngx_http_ihanoi_metric_set(pool->class->metrics.queued, 0);
        ngx_http_ihanoi_metric_set(pool->class->metrics.oldest, 0);
    }
}


void
ngx_http_ihanoi_pgdb_connect(ngx_http_ihanoi_pgdb_t *db)
{
    if (db->connect.timer_set) {
        ngx_del_timer(&db->connect);
    }

    ngx_add_timer(&db->connect, 1);
}


static void
ngx_http_ihanoi_pgdb_connect_handler(ngx_event_t *ev)
{
    ngx_uint_t                 round, i, more;
    ngx_msec_t                 wait, next;
    ngx_http_ihanoi_pgdb_t    *db;
    ngx_http_ihanoi_pgpool_t  *pool;
    ngx_http_ihanoi_pgconn_t  *pc;

    db = ev->data;
    next = NGX_TIMER_INFINITE;

    /* each pool's first connection before anybody's second */

    for (round = 0, more = 1; more; round++) {

        more = 0;

        for (i = 0; i < NGX_HTTP_IHANOI_PG_POOLS; i++) {
            pool = &db->pools[i];

            if (round >= pool->class->connections) {
                continue;
            }

            more = 1;
            pc = &pool->conns[round];

            if (pc->state != NGX_HTTP_IHANOI_PGCONN_CLOSED
                || !ngx_http_ihanoi_pgdb_wanted(pool))
            {
                continue;
            }

            wait = ngx_http_ihanoi_pgdb_start(db, pool, pc);

            next = ngx_min(next, wait);
        }
    }

    if (next != NGX_TIMER_INFINITE && !ev->timer_set) {
        ngx_add_timer(ev, ngx_max(next, 1));
    }
}


/*
 * A worker that is shutting down connects for calls that wait only: its
 * connections are in the way of the next generation's.
 */

static ngx_uint_t
ngx_http_ihanoi_pgdb_wanted(ngx_http_ihanoi_pgpool_t *pool)
{
    if (!ngx_exiting) {
        return 1;
    }

    return pool->queued > 0;
}


/*
 * Starts an attempt at the best host that may be tried now.  Returns the
 * milliseconds until another look is worth it, NGX_TIMER_INFINITE if an event
 * will call for it.
 */

static ngx_msec_t
ngx_http_ihanoi_pgdb_start(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgpool_t *pool, ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_uint_t                  i, best, rank, lowest;
    ngx_msec_t                  wait, next;
    ngx_http_ihanoi_pgreach_t  *reach;

    next = NGX_TIMER_INFINITE;
    best = db->hosts.nelts;
    lowest = (ngx_uint_t) -1;

    for (i = 0; i < db->hosts.nelts; i++) {
        reach = &db->reach[i];

        if (reach->connecting) {
            /* its end calls for the next attempt */
            continue;
        }

        wait = ngx_http_ihanoi_pgdb_pause(pool, i);

        if (wait) {
            next = ngx_min(next, wait);
            continue;
        }

        rank = ngx_http_ihanoi_pgdb_rank(pool, reach);

        if (rank < lowest) {
            lowest = rank;
            best = i;
        }
    }

    if (best == db->hosts.nelts) {
        return next;
    }

    pc->lazy = ngx_exiting ? 1 : 0;
    pc->batches = pool->class->readonly && pool->class->depth > 1;

    if (ngx_http_ihanoi_pgdb_attempt(pool, pc, best) != NGX_OK) {
        /* another host may be free */
        return 1;
    }

    return NGX_TIMER_INFINITE;
}


/* Milliseconds until the pool may try the host again. */

static ngx_msec_t
ngx_http_ihanoi_pgdb_pause(ngx_http_ihanoi_pgpool_t *pool, ngx_uint_t which)
{
    ngx_msec_int_t  all, own;

    all = (ngx_msec_int_t) (pool->db->reach[which].backoff.next
                            - ngx_current_msec);
    own = (ngx_msec_int_t) (pool->backoff[which].next - ngx_current_msec);

    all = ngx_max(all, own);

    return (ngx_msec_t) ngx_max(all, 0);
}


static ngx_int_t
ngx_http_ihanoi_pgdb_attempt(ngx_http_ihanoi_pgpool_t *pool,
    ngx_http_ihanoi_pgconn_t *pc, ngx_uint_t which)
{
    ngx_uint_t                  n;
    const char                 *keywords[NGX_HTTP_IHANOI_PG_PARAMS + 5];
    const char                 *values[NGX_HTTP_IHANOI_PG_PARAMS + 5];
    ngx_http_ihanoi_pgdb_t     *db;
    ngx_http_ihanoi_pghost_t   *host;

    db = pool->db;

    host = db->hosts.elts;
    host += which;

    for (n = 0; n < pool->class->params; n++) {
        keywords[n] = pool->class->keywords[n];
        values[n] = pool->class->values[n];
    }

    if (pool->class->passwords[which]) {
        keywords[n] = "password";
        values[n++] = pool->class->passwords[which];
    }

    keywords[n] = "host";
    values[n++] = host->host;

    if (host->hostaddr) {
        keywords[n] = "hostaddr";
        values[n++] = host->hostaddr;
    }

    keywords[n] = "port";
    values[n++] = host->port;

    keywords[n] = NULL;
    values[n] = NULL;

    pc->host = which;

    if (ngx_http_ihanoi_pgconn_connect(pc, keywords, values,
                                       db->connect_timeout)
        != NGX_OK)
    {
        ngx_http_ihanoi_pgdb_failed(pc);
        return NGX_ERROR;
    }

    db->reach[which].connecting = pc;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, db->log, 0,
                   "ihanoi database \"%V\": %s connects to %V",
                   &db->name, pool->class->name, &host->name);

    return NGX_OK;
}


/*
 * A pool that stands at its second choice does not hear that the first is there,
 * unless another one, as write does with the primary, goes on trying.
 */

void
ngx_http_ihanoi_pgdb_probe(ngx_http_ihanoi_pgdb_t *db)
{
    ngx_uint_t                  i, n;
    ngx_http_ihanoi_pgpool_t   *pool;
    ngx_http_ihanoi_pgreach_t  *reach;

    if (db->probe.state != NGX_HTTP_IHANOI_PGCONN_CLOSED) {
        return;
    }

    for (i = 0; i < NGX_HTTP_IHANOI_PG_POOLS; i++) {
        pool = &db->pools[i];

        if (pool->conns[0].state != NGX_HTTP_IHANOI_PGCONN_READY
            || !ngx_http_ihanoi_pgdb_second(&pool->conns[0]))
        {
            continue;
        }

        for (n = 0; n < db->hosts.nelts; n++) {
            reach = &db->reach[n];

            if (reach->connecting || ngx_http_ihanoi_pgdb_pause(pool, n)) {
                continue;
            }

            if (reach->known && (reach->backoff.failures == 0
                                 || reach->standby == pool->conns[0].standby))
            {
                continue;
            }

            db->probe.data = pool;
            db->probe.lazy = 1;

            (void) ngx_http_ihanoi_pgdb_attempt(pool, &db->probe, n);
            return;
        }
    }
}


static void
ngx_http_ihanoi_pgdb_probed(ngx_http_ihanoi_pgconn_t *pc)
{
    (void) ngx_http_ihanoi_pgdb_arrived(pc);

    ngx_http_ihanoi_pgconn_retire(pc);
}


static ngx_uint_t
ngx_http_ihanoi_pgdb_rank(ngx_http_ihanoi_pgpool_t *pool,
    ngx_http_ihanoi_pgreach_t *reach)
{
    if (!reach->known) {
        return 1;
    }

    if (pool->class->target == NGX_HTTP_IHANOI_PG_TARGET_STANDBY) {
        return reach->standby ? 0 : 2;
    }

    return reach->standby ? 2 : 0;
}


void
ngx_http_ihanoi_pgdb_opened(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_http_ihanoi_pgdb_t    *db;
    ngx_http_ihanoi_pgpool_t  *pool;

    pool = pc->data;
    db = pool->db;

    db->reach[pc->host].connecting = NULL;

    ngx_http_ihanoi_pgdb_connect(db);
}


ngx_int_t
ngx_http_ihanoi_pgdb_arrived(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_http_ihanoi_pgdb_t       *db;
    ngx_http_ihanoi_pghost_t     *hosts;
    ngx_http_ihanoi_pgpool_t     *pool;
    ngx_http_ihanoi_pgreach_t    *reach;
    ngx_http_ihanoi_pgbackoff_t  *b;

    pool = pc->data;
    db = pool->db;
    hosts = db->hosts.elts;
    reach = &db->reach[pc->host];
    b = &pool->backoff[pc->host];

    reach->known = 1;
    reach->standby = pc->standby;
    reach->backoff.failures = 0;
    reach->backoff.next = ngx_current_msec;

    if (ngx_http_ihanoi_pgdb_suits(pc) == NGX_DECLINED) {

        if (!b->reported) {
            b->reported = 1;
            ngx_log_error(NGX_LOG_WARN, db->log, 0,
                          "database \"%V\": server %V does not accept writes, "
                          "looking for another for %s connections",
                          &db->name, &hosts[pc->host].name,
                          pool->class->name);
        }

        ngx_http_ihanoi_pgdb_back_off(b);
        ngx_http_ihanoi_pgdb_connect(db);

        return NGX_DECLINED;
    }

    if (reach->backoff.reported || b->reported) {
        reach->backoff.reported = 0;
        b->reported = 0;
        ngx_log_error(NGX_LOG_NOTICE, db->log, 0,
                      "database \"%V\": %s connection to %V stands again",
                      &db->name, pool->class->name, &hosts[pc->host].name);
    }

    b->failures = 0;
    b->next = ngx_current_msec;

    ngx_http_ihanoi_metric_inc(pool->class->metrics.connects);

    ngx_http_ihanoi_pgdb_connect(db);

    return NGX_OK;
}


void
ngx_http_ihanoi_pgdb_departed(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_http_ihanoi_pgdb_t       *db;
    ngx_http_ihanoi_pghost_t     *hosts;
    ngx_http_ihanoi_pgpool_t     *pool;
    ngx_http_ihanoi_pgbackoff_t  *b;

    pool = pc->data;
    db = pool->db;
    hosts = db->hosts.elts;

    if (db->reach[pc->host].connecting == pc) {
        db->reach[pc->host].connecting = NULL;
    }

    switch (pc->end) {

    case NGX_HTTP_IHANOI_PGCONN_RETIRED:
        break;

    case NGX_HTTP_IHANOI_PGCONN_LOST:
        if (pc->ready_at == 0) {
            /* while its statements were prepared */
            ngx_http_ihanoi_pgdb_failed(pc);
            break;
        }

        ngx_log_error(NGX_LOG_ERR, db->log, 0,
                      "database \"%V\": %s connection to %V lost: %V",
                      &db->name, pool->class->name, &hosts[pc->host].name,
                      &pc->reason);

        ngx_http_ihanoi_metric_inc(pool->class->metrics.lost);

        /*
         * All of a server's connections break together: spread them.  One
         * that did not live is a failure to connect.
         */

        b = &pool->backoff[pc->host];

        if (ngx_current_msec - pc->ready_at
            > NGX_HTTP_IHANOI_PGDB_INTERRUPTION)
        {
            b->failures = 0;
        }

        ngx_http_ihanoi_pgdb_back_off(b);
        break;

    default:
        ngx_http_ihanoi_pgdb_failed(pc);
    }

    ngx_http_ihanoi_pgdb_connect(db);
}


static void
ngx_http_ihanoi_pgdb_failed(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_uint_t                    level;
    ngx_http_ihanoi_pgdb_t       *db;
    ngx_http_ihanoi_pghost_t     *hosts;
    ngx_http_ihanoi_pgpool_t     *pool;
    ngx_http_ihanoi_pgbackoff_t  *b;

    pool = pc->data;
    db = pool->db;
    hosts = db->hosts.elts;

    b = (pc->end == NGX_HTTP_IHANOI_PGCONN_UNREACHABLE)
        ? &db->reach[pc->host].backoff : &pool->backoff[pc->host];

    /* once a change: a server that is away would fill the log */

    level = b->reported ? NGX_LOG_DEBUG : NGX_LOG_ERR;
    b->reported = 1;

    ngx_log_error(level, db->log, 0,
                  "database \"%V\": could not connect to %V for %s: %V",
                  &db->name, &hosts[pc->host].name, pool->class->name,
                  &pc->reason);

    ngx_http_ihanoi_metric_inc(pool->class->metrics.failures);

    ngx_http_ihanoi_pgdb_back_off(b);
}


static void
ngx_http_ihanoi_pgdb_back_off(ngx_http_ihanoi_pgbackoff_t *b)
{
    ngx_msec_t  bound;

    bound = NGX_HTTP_IHANOI_PGDB_BACKOFF_MIN << ngx_min(b->failures, 7);
    bound = ngx_min(bound, NGX_HTTP_IHANOI_PGDB_BACKOFF_MAX);

    b->failures++;
    b->next = ngx_current_msec + NGX_HTTP_IHANOI_PGDB_BACKOFF_MIN / 2
              + (ngx_msec_t) ngx_random() % bound;
}


ngx_int_t
ngx_http_ihanoi_pgdb_suits(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_uint_t                  i;
    ngx_http_ihanoi_pgpool_t   *pool;
    ngx_http_ihanoi_pgreach_t  *reach;

    pool = pc->data;

    if (pool->class->target == NGX_HTTP_IHANOI_PG_TARGET_PRIMARY) {
        return (pool->class->readonly ? pc->standby : pc->readonly)
               ? NGX_DECLINED : NGX_OK;
    }

    if (!ngx_http_ihanoi_pgdb_second(pc)) {
        return NGX_OK;
    }

    /*
     * While the first answers: is it there?  A pool that it has refused hears
     * that it does not any more only by trying.
     */

    for (i = 0; i < pool->db->hosts.nelts; i++) {
        reach = &pool->db->reach[i];

        if (reach->known && reach->standby != pc->standby
            && reach->backoff.failures == 0
            && (ngx_msec_int_t) (pool->backoff[i].next - ngx_current_msec) <= 0)
        {
            return NGX_AGAIN;
        }
    }

    return NGX_OK;
}


/* It stands at a server of the kind that its pool takes for want of a better. */

static ngx_uint_t
ngx_http_ihanoi_pgdb_second(ngx_http_ihanoi_pgconn_t *pc)
{
    ngx_http_ihanoi_pgpool_t  *pool;

    pool = pc->data;

    return pool->class->target == NGX_HTTP_IHANOI_PG_TARGET_ANY
           ? pc->standby
           : pool->class->target == NGX_HTTP_IHANOI_PG_TARGET_STANDBY
             && !pc->standby;
}


ngx_uint_t
ngx_http_ihanoi_pgdb_down(ngx_http_ihanoi_pgpool_t *pool)
{
    return pool->ready == 0
           && !ngx_http_ihanoi_pgdb_hopeful(pool)
           && (ngx_msec_int_t) (ngx_current_msec - pool->down_since)
              > NGX_HTTP_IHANOI_PGDB_INTERRUPTION;
}


ngx_uint_t
ngx_http_ihanoi_pgdb_hopeful(ngx_http_ihanoi_pgpool_t *pool)
{
    ngx_uint_t  i;

    for (i = 0; i < pool->db->hosts.nelts; i++) {

        if (pool->db->reach[i].backoff.failures == 0
            && pool->backoff[i].failures == 0)
        {
            return 1;
        }
    }

    return 0;
}
