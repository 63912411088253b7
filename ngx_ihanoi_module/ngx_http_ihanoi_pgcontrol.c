/*
 * Copyright (C) iHaNoi contributors
 *
 * The control connection: it knows about the other connections' backends what
 * they cannot say themselves, and runs what belongs to nobody's request.
 *
 * Everything is an ordinary call of an ordinary pool of one connection, so
 * nothing here blocks and all of it has deadlines.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgconn.h"
#include "ngx_http_ihanoi_pgdb.h"
#include "ngx_http_ihanoi_pgpool.h"
#include "ngx_http_ihanoi_pgsession.h"
#include "ngx_http_ihanoi_pgcatalogue.h"
#include "ngx_http_ihanoi_pgrole.h"
#include "ngx_http_ihanoi_pgroom.h"
#include "ngx_http_ihanoi_pgcontrol.h"


#define NGX_HTTP_IHANOI_PGCONTROL_TICK      1000

/* beyond the longest timeout: then its backend is asked about */
#define NGX_HTTP_IHANOI_PGCONTROL_GRACE     5000

/* and then, if nobody could tell, the connection is given up */
#define NGX_HTTP_IHANOI_PGCONTROL_PATIENCE  60000

/* idle connections of a worker that is shutting down */
#define NGX_HTTP_IHANOI_PGCONTROL_LINGER    5000

/* the trouble of a task is logged once in so many milliseconds */
#define NGX_HTTP_IHANOI_PGCONTROL_QUIET     60000

#define NGX_HTTP_IHANOI_PGCONTROL_NAME      64


typedef struct {
    ngx_http_ihanoi_pgdb_t      *db;
    ngx_http_ihanoi_pgtask_t    *task;
    ngx_http_ihanoi_pgstmt_t    *stmt;
    ngx_event_t                  event;
    ngx_msec_t                   quiet;     /* until then */
    const char                  *values[1];
} ngx_http_ihanoi_pgcontrol_task_t;


/* A signal on its way to the backend of a connection. */
typedef struct {
    ngx_http_ihanoi_pgconn_t    *pc;
    ngx_uint_t                   generation;
    const char                  *values[1];
    u_char                       pid[NGX_INT_T_LEN + 1];
    unsigned                     terminate:1;
} ngx_http_ihanoi_pgcontrol_signal_t;


struct ngx_http_ihanoi_pgcontrol_s {
    ngx_http_ihanoi_pgstmt_t    *cancel;
    ngx_http_ihanoi_pgstmt_t    *terminate;
    ngx_array_t                  tasks;      /* of pgcontrol_task_t */

    ngx_event_t                  tick;
    ngx_uint_t                   generation; /* of the connection last seen */
    ngx_msec_t                   quitting;   /* since, 0: not */
    unsigned                     powerless:1; /* cannot signal: it is logged */
};


static void ngx_http_ihanoi_pgcontrol_attention(ngx_event_t *ev);
static void ngx_http_ihanoi_pgcontrol_tick(ngx_event_t *ev);
static void ngx_http_ihanoi_pgcontrol_look(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgpool_t *pool);
static void ngx_http_ihanoi_pgcontrol_stuck(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgpool_t *pool, ngx_http_ihanoi_pgconn_t *pc);
static void ngx_http_ihanoi_pgcontrol_signal(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgconn_t *pc, ngx_uint_t terminate);
static void ngx_http_ihanoi_pgcontrol_signalled(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec);
static void ngx_http_ihanoi_pgcontrol_task(ngx_event_t *ev);
static void ngx_http_ihanoi_pgcontrol_task_done(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec);
static void ngx_http_ihanoi_pgcontrol_task_refused(
    ngx_http_ihanoi_pgcontrol_task_t *t, ngx_http_ihanoi_pgresult_t *res);
static void ngx_http_ihanoi_pgcontrol_task_again(
    ngx_http_ihanoi_pgcontrol_task_t *t);


static const char  ngx_http_ihanoi_pgcontrol_cancel_sql[] =
    "select pg_catalog.pg_cancel_backend($1::int)";

/*
 * A backend that waits for a standby has committed already: ending its wait
 * would show a row that a failover may take away again.  One that is idle has
 * ended its call since it was asked about: this may have waited for a task.
 * Without the right to see what it waits for it is left alone.
 */

static const char  ngx_http_ihanoi_pgcontrol_terminate_sql[] =
    "select coalesce(a.wait_event, '') = 'SyncRep', "
    "case when a.wait_event is distinct from 'SyncRep' "
    "then pg_catalog.pg_terminate_backend(a.pid) end "
    "from pg_catalog.pg_stat_activity a where a.pid = $1::int "
    "and a.state is distinct from 'idle' "
    "and (pg_catalog.pg_has_role(a.usesysid, 'usage') "
    "or pg_catalog.pg_has_role('pg_read_all_stats', 'usage'))";


ngx_int_t
ngx_http_ihanoi_pgcontrol_configure(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db)
{
    ngx_uint_t                         i;
    ngx_http_ihanoi_pgtask_t          *task;
    ngx_http_ihanoi_pgcontrol_t       *control;
    ngx_http_ihanoi_pgcontrol_task_t  *t;

    control = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_pgcontrol_t));
    if (control == NULL) {
        return NGX_ERROR;
    }

    db->control = control;

    if (ngx_http_ihanoi_pgcatalogue_configure(cf, db) != NGX_OK
        || ngx_http_ihanoi_pgrole_configure(cf, db) != NGX_OK
        || ngx_http_ihanoi_pgroom_configure(cf, db) != NGX_OK)
    {
        return NGX_ERROR;
    }

    control->cancel = ngx_http_ihanoi_pg_control_statement(cf, db,
                             ngx_http_ihanoi_pgcontrol_cancel_sql, 1,
                             "cancel of a backend");
    control->terminate = ngx_http_ihanoi_pg_control_statement(cf, db,
                             ngx_http_ihanoi_pgcontrol_terminate_sql, 1,
                             "end of a backend");

    if (control->cancel == NULL || control->terminate == NULL) {
        return NGX_ERROR;
    }

    control->cancel->prompt = 1;
    control->terminate->prompt = 1;

    if (ngx_array_init(&control->tasks, cf->pool,
                       ngx_max(db->tasks.nelts, 1),
                       sizeof(ngx_http_ihanoi_pgcontrol_task_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    task = db->tasks.elts;

    for (i = 0; i < db->tasks.nelts; i++) {

        t = ngx_array_push(&control->tasks);
        if (t == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(t, sizeof(ngx_http_ihanoi_pgcontrol_task_t));

        t->db = db;
        t->task = &task[i];
        t->stmt = ngx_http_ihanoi_pg_control_statement(cf, db,
                                         task[i].sql,
                                         task[i].parameter ? 1 : 0,
                                         task[i].sql);
        if (t->stmt == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_http_ihanoi_pgcontrol_init(ngx_http_ihanoi_pgdb_t *db,
    ngx_cycle_t *cycle)
{
    ngx_uint_t                         i;
    ngx_http_ihanoi_pgcontrol_t       *control;
    ngx_http_ihanoi_pgcontrol_task_t  *t;

    control = db->control;

    db->attention.handler = ngx_http_ihanoi_pgcontrol_attention;
    db->attention.data = db;
    db->attention.log = cycle->log;

    /* none of them may keep a worker from exiting */

    control->tick.handler = ngx_http_ihanoi_pgcontrol_tick;
    control->tick.data = db;
    control->tick.log = cycle->log;
    control->tick.cancelable = 1;

    ngx_add_timer(&control->tick, NGX_HTTP_IHANOI_PGCONTROL_TICK);

    t = control->tasks.elts;

    for (i = 0; i < control->tasks.nelts; i++) {
        t[i].event.handler = ngx_http_ihanoi_pgcontrol_task;
        t[i].event.data = &t[i];
        t[i].event.log = cycle->log;
        t[i].event.cancelable = 1;

        if (!t[i].task->first_worker_only || ngx_worker == 0) {
            ngx_add_timer(&t[i].event, t[i].task->interval);
        }
    }
}


void
ngx_http_ihanoi_pgcontrol_exit(ngx_http_ihanoi_pgdb_t *db)
{
    ngx_uint_t                         i;
    ngx_http_ihanoi_pgcontrol_task_t  *t;

    if (db->control->tick.timer_set) {
        ngx_del_timer(&db->control->tick);
    }

    if (db->attention.posted) {
        ngx_delete_posted_event(&db->attention);
    }

    t = db->control->tasks.elts;

    for (i = 0; i < db->control->tasks.nelts; i++) {
        if (t[i].event.timer_set) {
            ngx_del_timer(&t[i].event);
        }
    }

    ngx_http_ihanoi_pgrole_exit(db);
}


/* Posted when the control connection stands, or a backend is to be told. */

static void
ngx_http_ihanoi_pgcontrol_attention(ngx_event_t *ev)
{
    ngx_uint_t                         i, n;
    ngx_http_ihanoi_pgdb_t            *db;
    ngx_http_ihanoi_pgpool_t          *pool;
    ngx_http_ihanoi_pgconn_t          *pc;
    ngx_http_ihanoi_pgcontrol_t       *control;
    ngx_http_ihanoi_pgcontrol_task_t  *t;

    db = ev->data;
    control = db->control;
    pool = &db->pools[NGX_HTTP_IHANOI_PG_CONTROL];

    if (pool->ready == 0) {
        return;
    }

    if (control->generation != pool->conns[0].generation) {
        control->generation = pool->conns[0].generation;

        ngx_http_ihanoi_pgcatalogue_check(db);
        ngx_http_ihanoi_pgrole_check(db);
        ngx_http_ihanoi_pgroom_check(db);

        t = control->tasks.elts;

        for (i = 0; i < control->tasks.nelts; i++) {
            if (t[i].event.timer_set) {
                ngx_del_timer(&t[i].event);
                ngx_add_timer(&t[i].event, 1);
            }
        }
    }

    for (i = 0; i < NGX_HTTP_IHANOI_PG_CLASSES; i++) {
        pool = &db->pools[i];

        for (n = 0; n < pool->class->connections; n++) {
            pc = &pool->conns[n];

            if (pc->unwanted && !pc->signalled
                && pc->state == NGX_HTTP_IHANOI_PGCONN_READY)
            {
                ngx_http_ihanoi_pgcontrol_signal(db, pc, 0);
            }
        }
    }
}


static void
ngx_http_ihanoi_pgcontrol_tick(ngx_event_t *ev)
{
    ngx_uint_t                    i;
    ngx_http_ihanoi_pgdb_t       *db;
    ngx_http_ihanoi_pgcontrol_t  *control;

    db = ev->data;
    control = db->control;

    if (ngx_exiting && control->quitting == 0) {
        control->quitting = ngx_current_msec ? ngx_current_msec : 1;
    }

    for (i = 0; i < NGX_HTTP_IHANOI_PG_POOLS; i++) {
        ngx_http_ihanoi_pgcontrol_look(db, &db->pools[i]);
        ngx_http_ihanoi_pgpool_measure(&db->pools[i]);
    }

    if (!ngx_exiting) {

        ngx_http_ihanoi_pgdb_probe(db);
        ngx_http_ihanoi_pgcatalogue_look(db);
        ngx_http_ihanoi_pgrole_look(db);
        ngx_http_ihanoi_pgcontrol_attention(&db->attention);
    }

    ngx_add_timer(ev, NGX_HTTP_IHANOI_PGCONTROL_TICK);
}


/* At most one connection of a pool is sent away at a time. */

static void
ngx_http_ihanoi_pgcontrol_look(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgpool_t *pool)
{
    uint64_t                      waiting;
    ngx_uint_t                    i, leaving;
    ngx_http_ihanoi_pgconn_t     *pc;
    ngx_http_ihanoi_pgcontrol_t  *control;

    control = db->control;
    leaving = 0;

    for (i = 0; i < pool->class->connections; i++) {
        pc = &pool->conns[i];

        if (pc->state != NGX_HTTP_IHANOI_PGCONN_READY || pc->leaving) {
            leaving = 1;
        }
    }

    for (i = 0; i < pool->class->connections; i++) {
        pc = &pool->conns[i];

        if (pc->state != NGX_HTTP_IHANOI_PGCONN_READY) {
            continue;
        }

        waiting = ngx_http_ihanoi_pgconn_waiting(pc) / 1000;

        if (waiting > pool->class->longest
                      + NGX_HTTP_IHANOI_PGCONTROL_GRACE)
        {
            ngx_http_ihanoi_pgcontrol_stuck(db, pool, pc);
            continue;
        }

        if (pc->session) {
            /* in the middle of a transaction */
            continue;
        }

        if (control->quitting) {

            if (ngx_current_msec - control->quitting
                > NGX_HTTP_IHANOI_PGCONTROL_LINGER
                && pc->in_flight == 0 && pool->queued == 0)
            {
                ngx_http_ihanoi_pgconn_retire(pc);
            }

            continue;
        }

        if (leaving) {
            continue;
        }

        if ((ngx_msec_int_t) (ngx_current_msec - pc->retire_at) >= 0
            || ngx_http_ihanoi_pgdb_suits(pc) == NGX_AGAIN)
        {
            leaving = 1;
            ngx_http_ihanoi_pgconn_retire(pc);
        }
    }
}


/*
 * The server should have ended this call itself long ago.  Either it cannot
 * (the commit waits for a standby: such a connection is simply kept out of
 * use, so that their number stays bounded), or it is not well.
 */

static void
ngx_http_ihanoi_pgcontrol_stuck(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgpool_t *pool, ngx_http_ihanoi_pgconn_t *pc)
{
    uint64_t  waiting;

    if (pool == &db->pools[NGX_HTTP_IHANOI_PG_CONTROL]) {
        ngx_http_ihanoi_pgconn_break(pc, "server does not answer");
        return;
    }

    waiting = ngx_http_ihanoi_pgconn_waiting(pc) / 1000;

    if (!pc->replicating
        && waiting > pool->class->longest + NGX_HTTP_IHANOI_PGCONTROL_PATIENCE)
    {
        ngx_http_ihanoi_pgconn_break(pc, "server does not answer");
        return;
    }

    if (!pc->signalled) {
        ngx_http_ihanoi_pgcontrol_signal(db, pc, 1);
    }
}


/*
 * A backend is a number of its own server's: on another one the signal would
 * hit somebody else.  A call that nobody waits for ends there with its
 * connection (client_connection_check_interval).
 */

static void
ngx_http_ihanoi_pgcontrol_signal(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgconn_t *pc, ngx_uint_t terminate)
{
    ngx_http_ihanoi_pg_outcome_e         outcome;
    ngx_http_ihanoi_pgcontrol_t         *control;
    ngx_http_ihanoi_pgcontrol_signal_t  *sig;

    control = db->control;

    if (pc->host != db->pools[NGX_HTTP_IHANOI_PG_CONTROL].conns[0].host) {

        if (!terminate) {
            ngx_http_ihanoi_pgconn_drop(pc);
        }

        return;
    }

    sig = ngx_calloc(sizeof(ngx_http_ihanoi_pgcontrol_signal_t), db->log);
    if (sig == NULL) {
        return;
    }

    sig->pc = pc;
    sig->generation = pc->generation;
    sig->terminate = terminate ? 1 : 0;
    sig->values[0] = (char *) sig->pid;

    ngx_memcpy(sig->pid, pc->pid_text, sizeof(sig->pid));

    if (ngx_http_ihanoi_pgcall_submit(db, terminate ? control->terminate
                                                    : control->cancel,
                                      sig->values, 0,
                                      ngx_http_ihanoi_pgcontrol_signalled,
                                      sig, db->log, &outcome)
        == NULL)
    {
        /* the next tick tries again */
        ngx_free(sig);
        return;
    }

    /* until it has arrived it could hit the connection's next call */
    pc->signalled = 1;
}


static void
ngx_http_ihanoi_pgcontrol_signalled(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec)
{
    ngx_str_t                            value;
    ngx_uint_t                           mine;
    ngx_http_ihanoi_pgdb_t              *db;
    ngx_http_ihanoi_pgpool_t            *pool;
    ngx_http_ihanoi_pgconn_t            *pc;
    ngx_http_ihanoi_pgcontrol_signal_t  *sig;

    sig = data;
    pc = sig->pc;
    pool = pc->data;
    db = pool->db;

    mine = (pc->generation == sig->generation && pc->pg != NULL);

    pc->signalled = 0;

    if (outcome == NGX_HTTP_IHANOI_PG_SQLERROR && !db->control->powerless) {
        db->control->powerless = 1;
        value = ngx_http_ihanoi_pgresult_loggable(res);
        ngx_log_error(NGX_LOG_WARN, db->log, 0,
                      "database \"%V\": role \"%V\" could not signal a "
                      "backend, is it a member of pg_signal_backend? %V",
                      &db->name, &db->control_user, &value);
    }

    if (outcome == NGX_HTTP_IHANOI_PG_OK && sig->terminate && mine
        && ngx_http_ihanoi_pgresult_rows(res))
    {
        value = ngx_http_ihanoi_pgresult_value(res, 0, 0);
        pc->replicating = (value.len && value.data[0] == 't');

        if (!pc->replicating) {
            ngx_log_error(NGX_LOG_ERR, db->log, 0,
                          "database \"%V\": %s call without an end, its "
                          "backend %s was terminated",
                          &db->name, pool->class->name, sig->pid);
        }
    }

    ngx_free(sig);

    if (res) {
        ngx_http_ihanoi_pgresult_free(res);
    }

    if (pc->session) {
        ngx_http_ihanoi_pgsession_settle(pc->session);
    }

    ngx_http_ihanoi_pgpool_dispatch(pool);
}


static void
ngx_http_ihanoi_pgcontrol_task(ngx_event_t *ev)
{
    ngx_http_ihanoi_pg_outcome_e       outcome;
    ngx_http_ihanoi_pgcontrol_task_t  *t;

    t = ev->data;

    if (ngx_exiting) {
        return;
    }

    if (t->task->parameter) {
        t->values[0] = t->task->parameter(t->task->data);
    }

    if (ngx_http_ihanoi_pgcall_submit(t->db, t->stmt, t->values, 0,
                                      ngx_http_ihanoi_pgcontrol_task_done,
                                      t, t->db->log, &outcome)
        != NULL)
    {
        return;
    }

    ngx_http_ihanoi_pgcontrol_task_again(t);

    /* before the first connection there is nothing to tell */

    if (t->db->control->generation) {
        t->task->handler(t->task->data, outcome, NULL, 0);
    }
}


static void
ngx_http_ihanoi_pgcontrol_task_done(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec)
{
    ngx_http_ihanoi_pgcontrol_task_t  *t;

    t = data;

    ngx_http_ihanoi_pgcontrol_task_again(t);

    if (outcome == NGX_HTTP_IHANOI_PG_SQLERROR) {
        ngx_http_ihanoi_pgcontrol_task_refused(t, res);
        res = NULL;
    }

    t->task->handler(t->task->data, outcome, res, usec);
}


/* The pool tells of connections; a server that refuses is the task's. */

static void
ngx_http_ihanoi_pgcontrol_task_refused(ngx_http_ihanoi_pgcontrol_task_t *t,
    ngx_http_ihanoi_pgresult_t *res)
{
    ngx_str_t  sqlstate, message;

    if ((ngx_msec_int_t) (ngx_current_msec - t->quiet) >= 0) {
        t->quiet = ngx_current_msec + NGX_HTTP_IHANOI_PGCONTROL_QUIET;
        sqlstate = ngx_http_ihanoi_pgresult_sqlstate(res);
        message = ngx_http_ihanoi_pgresult_loggable(res);
        ngx_log_error(NGX_LOG_ERR, t->db->log, 0,
                      "database \"%V\": %s: %V (SQLSTATE %V)",
                      &t->db->name, t->task->trouble, &message, &sqlstate);
    }

    ngx_http_ihanoi_pgresult_free(res);
}


static void
ngx_http_ihanoi_pgcontrol_task_again(ngx_http_ihanoi_pgcontrol_task_t *t)
{
    ngx_msec_t  interval;

    interval = t->task->interval;

    /* up to a tenth more: workers and machines drift apart */

    if (interval >= 10) {
        interval += (ngx_msec_t) ngx_random() % (interval / 10);
    }

    ngx_add_timer(&t->event, interval);
}


const char *
ngx_http_ihanoi_pg_holder(void)
{
    u_char         *p;
    ngx_pid_t       master;
    static u_char   holder[NGX_HTTP_IHANOI_PGCONTROL_NAME + NGX_INT_T_LEN + 2];

    master = (ngx_process == NGX_PROCESS_WORKER) ? ngx_parent : ngx_pid;

    p = ngx_cpymem(holder, ngx_cycle->hostname.data,
                   ngx_min(ngx_cycle->hostname.len,
                           NGX_HTTP_IHANOI_PGCONTROL_NAME));
    ngx_sprintf(p, ":%P%Z", master);

    return (const char *) holder;
}
