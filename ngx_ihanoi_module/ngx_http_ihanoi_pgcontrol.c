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
#include "ngx_http_ihanoi_pgcontrol.h"


#define NGX_HTTP_IHANOI_PGCONTROL_TICK      1000

/* the catalogue is asked again; sooner while something is missing */
#define NGX_HTTP_IHANOI_PGCONTROL_CHECK     60000
#define NGX_HTTP_IHANOI_PGCONTROL_RECHECK   5000

/* beyond the longest timeout: then its backend is asked about */
#define NGX_HTTP_IHANOI_PGCONTROL_GRACE     5000

/* and then, if nobody could tell, the connection is given up */
#define NGX_HTTP_IHANOI_PGCONTROL_PATIENCE  60000

/* idle connections of a worker that is shutting down */
#define NGX_HTTP_IHANOI_PGCONTROL_LINGER    5000


typedef struct {
    ngx_http_ihanoi_pgdb_t      *db;
    ngx_http_ihanoi_pgtask_t    *task;
    ngx_http_ihanoi_pgstmt_t    *stmt;
    ngx_event_t                  event;
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
    ngx_http_ihanoi_pgstmt_t    *catalogue;
    ngx_http_ihanoi_pgstmt_t    *budget;
    ngx_http_ihanoi_pgstmt_t    *cancel;
    ngx_http_ihanoi_pgstmt_t    *terminate;
    ngx_array_t                  tasks;      /* of pgcontrol_task_t */
    const char                  *wanted[1];  /* JSON: functions to look for */

    ngx_event_t                  tick;
    ngx_uint_t                   generation; /* of the connection last seen */
    ngx_msec_t                   next;       /* check of the catalogue */
    ngx_msec_t                   quitting;   /* since, 0: not */
    unsigned                     checking:1;
    unsigned                     checked:1;
    unsigned                     counted:1;  /* max_connections was asked */
    unsigned                     powerless:1; /* cannot signal: it is logged */
};


static ngx_http_ihanoi_pgstmt_t *ngx_http_ihanoi_pgcontrol_statement(
    ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db, const char *sql,
    ngx_uint_t nparams, const char *operation);
static ngx_int_t ngx_http_ihanoi_pgcontrol_compose(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db);
static u_char *ngx_http_ihanoi_pgcontrol_json(u_char *p, ngx_str_t *s);
static u_char *ngx_http_ihanoi_pgcontrol_json_array(u_char *p,
    ngx_array_t *a);
static void ngx_http_ihanoi_pgcontrol_attention(ngx_event_t *ev);
static void ngx_http_ihanoi_pgcontrol_tick(ngx_event_t *ev);
static void ngx_http_ihanoi_pgcontrol_look(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgpool_t *pool);
static void ngx_http_ihanoi_pgcontrol_stuck(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgpool_t *pool, ngx_http_ihanoi_pgconn_t *pc);
static void ngx_http_ihanoi_pgcontrol_heal(ngx_http_ihanoi_pgdb_t *db);
static void ngx_http_ihanoi_pgcontrol_signal(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgconn_t *pc, ngx_uint_t terminate);
static void ngx_http_ihanoi_pgcontrol_signalled(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec);
static void ngx_http_ihanoi_pgcontrol_check(ngx_http_ihanoi_pgdb_t *db);
static void ngx_http_ihanoi_pgcontrol_check_done(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec);
static void ngx_http_ihanoi_pgcontrol_count(ngx_http_ihanoi_pgdb_t *db);
static void ngx_http_ihanoi_pgcontrol_count_done(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec);
static void ngx_http_ihanoi_pgcontrol_task(ngx_event_t *ev);
static void ngx_http_ihanoi_pgcontrol_task_done(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec);
static void ngx_http_ihanoi_pgcontrol_task_again(
    ngx_http_ihanoi_pgcontrol_task_t *t);


/*
 * $1 is [{"i": index, "f": function, "n": [names], "t": [types]}, ...].  The
 * answer has a row for each function that cannot be called like that: index
 * and what is wrong.  The first schema of search_path that has the function
 * counts, as it does for a call.
 */

static const char  ngx_http_ihanoi_pgcontrol_catalogue_sql[] =
    "select w.i, case when p.oid is null "
    "then format('function %s(%s) does not exist', w.f, "
        "(select string_agg(concat_ws(' ', g.name, g.type), ', ' "
         "order by g.ord) from unnest(w.n, w.t) "
         "with ordinality g(name, type, ord))) "
    "else format('function %s %s', w.f, d.faults) end "
    "from (select (e->>'i')::int as i, e->>'f' as f, "
        "array(select jsonb_array_elements_text(e->'n')) as n, "
        "array(select jsonb_array_elements_text(e->'t')) as t "
        "from jsonb_array_elements($1::jsonb) e) w "
    "left join lateral (select p.* from pg_catalog.pg_proc p "
        "join pg_catalog.pg_namespace s on s.oid = p.pronamespace "
        "where p.proname = w.f and s.nspname = any (current_schemas(false)) "
        "order by array_position(current_schemas(false), s.nspname), "
        "(p.proargnames @> w.n) desc nulls last limit 1) p on true "
    "left join lateral (with args as ("
        "select a.name, a.type, row_number() over (order by a.ord) as ord "
        "from unnest(p.proargnames, p.proargmodes, "
            "coalesce(p.proallargtypes, p.proargtypes::oid[])) "
            "with ordinality a(name, mode, type, ord) "
        "where coalesce(a.mode, 'i') in ('i', 'b', 'v')) "
        "select string_agg(f.fault, '; ') as faults from ("
        "select case when a.name is null "
            "then format('has no argument \"%s\"', g.name) "
            "when a.type is distinct from to_regtype(g.type)::oid "
            "then format('has argument \"%s\" of type %s, the contract "
                "has %s', g.name, format_type(a.type, null), g.type) end "
            "as fault from unnest(w.n, w.t) g(name, type) "
            "left join args a on a.name = g.name "
        "union all select format('needs argument \"%s\", which the contract "
            "does not have', a.name) from args a "
            "where a.ord <= p.pronargs - p.pronargdefaults "
            "and a.name <> all (w.n)) f) d on p.oid is not null "
    "where p.oid is null or d.faults is not null "
    "order by w.i";

static const char  ngx_http_ihanoi_pgcontrol_budget_sql[] =
    "select current_setting('max_connections')::int "
    "- current_setting('superuser_reserved_connections')::int";

static const char  ngx_http_ihanoi_pgcontrol_cancel_sql[] =
    "select pg_catalog.pg_cancel_backend($1::int)";

/*
 * A backend that waits for a standby has committed already: ending its wait
 * would show a row that a failover may take away again.  Without the right to
 * see what it waits for it is left alone.
 */

static const char  ngx_http_ihanoi_pgcontrol_terminate_sql[] =
    "select coalesce(a.wait_event, '') = 'SyncRep', "
    "case when a.wait_event is distinct from 'SyncRep' "
    "then pg_catalog.pg_terminate_backend(a.pid) end "
    "from pg_catalog.pg_stat_activity a where a.pid = $1::int "
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

    if (ngx_http_ihanoi_pgcontrol_compose(cf, db) != NGX_OK) {
        return NGX_ERROR;
    }

    control->catalogue = ngx_http_ihanoi_pgcontrol_statement(cf, db,
                             ngx_http_ihanoi_pgcontrol_catalogue_sql, 1,
                             "check of the catalogue");
    control->budget = ngx_http_ihanoi_pgcontrol_statement(cf, db,
                             ngx_http_ihanoi_pgcontrol_budget_sql, 0,
                             "check of max_connections");
    control->cancel = ngx_http_ihanoi_pgcontrol_statement(cf, db,
                             ngx_http_ihanoi_pgcontrol_cancel_sql, 1,
                             "cancel of a backend");
    control->terminate = ngx_http_ihanoi_pgcontrol_statement(cf, db,
                             ngx_http_ihanoi_pgcontrol_terminate_sql, 1,
                             "end of a backend");

    if (control->catalogue == NULL || control->budget == NULL
        || control->cancel == NULL || control->terminate == NULL)
    {
        return NGX_ERROR;
    }

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
        t->stmt = ngx_http_ihanoi_pgcontrol_statement(cf, db,
                                         (char *) task[i].sql.data,
                                         task[i].parameter ? 1 : 0,
                                         (char *) task[i].sql.data);
        if (t->stmt == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_http_ihanoi_pgstmt_t *
ngx_http_ihanoi_pgcontrol_statement(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, const char *sql, ngx_uint_t nparams,
    const char *operation)
{
    ngx_http_ihanoi_pgstmt_t  stmt;

    ngx_memzero(&stmt, sizeof(ngx_http_ihanoi_pgstmt_t));

    stmt.sql.data = (u_char *) sql;
    stmt.sql.len = ngx_strlen(sql);
    stmt.nparams = nparams;
    stmt.class = NGX_HTTP_IHANOI_PG_CONTROL;
    stmt.operation.data = (u_char *) operation;
    stmt.operation.len = ngx_strlen(operation);

    return ngx_http_ihanoi_pg_statement(cf, db, &stmt);
}


static ngx_int_t
ngx_http_ihanoi_pgcontrol_compose(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db)
{
    size_t                      size;
    u_char                     *p, *start;
    ngx_str_t                  *s;
    ngx_uint_t                  i, n;
    ngx_array_t                *a[2];
    ngx_http_ihanoi_pgstmt_t  **stmts;

    stmts = db->stmts.elts;
    size = sizeof("[]");

    for (i = 0; i < db->stmts.nelts; i++) {

        /* each byte could need six as \u00xx */

        size += sizeof(",{\"i\":,\"f\":\"\",\"n\":[],\"t\":[]}")
                + NGX_INT_T_LEN + 6 * stmts[i]->function.len;

        a[0] = stmts[i]->argnames;
        a[1] = stmts[i]->argtypes;

        for (n = 0; n < 2; n++) {

            if (a[n] == NULL) {
                continue;
            }

            for (s = a[n]->elts;
                 s < (ngx_str_t *) a[n]->elts + a[n]->nelts;
                 s++)
            {
                size += sizeof(",\"\"") + 6 * s->len;
            }
        }
    }

    start = ngx_pnalloc(cf->pool, size);
    if (start == NULL) {
        return NGX_ERROR;
    }

    p = start;
    *p++ = '[';

    for (i = 0; i < db->stmts.nelts; i++) {

        if (stmts[i]->function.len == 0) {
            continue;
        }

        if (p[-1] != '[') {
            *p++ = ',';
        }

        p = ngx_sprintf(p, "{\"i\":%ui,\"f\":", i);
        p = ngx_http_ihanoi_pgcontrol_json(p, &stmts[i]->function);
        p = ngx_cpymem(p, ",\"n\":", 5);
        p = ngx_http_ihanoi_pgcontrol_json_array(p, stmts[i]->argnames);
        p = ngx_cpymem(p, ",\"t\":", 5);
        p = ngx_http_ihanoi_pgcontrol_json_array(p, stmts[i]->argtypes);
        *p++ = '}';
    }

    *p++ = ']';
    *p = '\0';

    db->control->wanted[0] = (char *) start;

    return NGX_OK;
}


static u_char *
ngx_http_ihanoi_pgcontrol_json(u_char *p, ngx_str_t *s)
{
    *p++ = '"';
    p = (u_char *) ngx_escape_json(p, s->data, s->len);
    *p++ = '"';

    return p;
}


static u_char *
ngx_http_ihanoi_pgcontrol_json_array(u_char *p, ngx_array_t *a)
{
    ngx_str_t   *s;
    ngx_uint_t   i;

    *p++ = '[';

    if (a) {
        s = a->elts;

        for (i = 0; i < a->nelts; i++) {

            if (i) {
                *p++ = ',';
            }

            p = ngx_http_ihanoi_pgcontrol_json(p, &s[i]);
        }
    }

    *p++ = ']';

    return p;
}


ngx_int_t
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

    return NGX_OK;
}


void
ngx_http_ihanoi_pgcontrol_exit(ngx_http_ihanoi_pgdb_t *db)
{
    ngx_uint_t                         i;
    ngx_http_ihanoi_pgcontrol_task_t  *t;

    if (db->control == NULL) {
        return;
    }

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
}


ngx_uint_t
ngx_http_ihanoi_pgcontrol_checked(ngx_http_ihanoi_pgdb_t *db)
{
    return db->control && db->control->checked;
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

        ngx_http_ihanoi_pgcontrol_check(db);
        ngx_http_ihanoi_pgcontrol_count(db);

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

        if ((ngx_msec_int_t) (ngx_current_msec - control->next) >= 0) {
            ngx_http_ihanoi_pgcontrol_check(db);
        }

        ngx_http_ihanoi_pgcontrol_heal(db);
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


/* What could not be prepared although the catalogue has it: once more. */

static void
ngx_http_ihanoi_pgcontrol_heal(ngx_http_ihanoi_pgdb_t *db)
{
    ngx_uint_t                  i, n;
    ngx_http_ihanoi_pgpool_t   *pool;
    ngx_http_ihanoi_pgconn_t   *pc;
    ngx_http_ihanoi_pgstmt_t  **stmts;
    ngx_http_ihanoi_pgstate_t  *state;

    stmts = db->stmts.elts;

    for (i = 0; i < db->stmts.nelts; i++) {
        state = &db->states[i];

        if (!state->missing || state->blamed
            || (ngx_msec_int_t) (ngx_current_msec - state->retry) < 0)
        {
            continue;
        }

        pool = &db->pools[stmts[i]->class];

        for (n = 0; n < pool->class->connections; n++) {
            pc = &pool->conns[n];

            if (pc->state == NGX_HTTP_IHANOI_PGCONN_READY
                && pc->in_flight == 0)
            {
                ngx_http_ihanoi_pgconn_try(pc, stmts[i]);
                break;
            }
        }
    }
}


static void
ngx_http_ihanoi_pgcontrol_signal(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgconn_t *pc, ngx_uint_t terminate)
{
    ngx_http_ihanoi_pg_outcome_e         outcome;
    ngx_http_ihanoi_pgcontrol_t         *control;
    ngx_http_ihanoi_pgcontrol_signal_t  *sig;

    control = db->control;

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

    ngx_http_ihanoi_pgpool_dispatch(pool);
}


static void
ngx_http_ihanoi_pgcontrol_check(ngx_http_ihanoi_pgdb_t *db)
{
    ngx_http_ihanoi_pg_outcome_e  outcome;
    ngx_http_ihanoi_pgcontrol_t  *control;

    control = db->control;

    if (control->checking) {
        return;
    }

    control->next = ngx_current_msec + NGX_HTTP_IHANOI_PGCONTROL_RECHECK;

    if (ngx_http_ihanoi_pgcall_submit(db, control->catalogue,
                                      control->wanted, 0,
                                      ngx_http_ihanoi_pgcontrol_check_done,
                                      db, db->log, &outcome)
        != NULL)
    {
        control->checking = 1;
    }
}


static void
ngx_http_ihanoi_pgcontrol_check_done(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec)
{
    u_char                       *p;
    u_char                        buf[1024];
    ngx_int_t                     index;
    ngx_str_t                     value, sentence;
    ngx_uint_t                    i, row, rows, missing;
    ngx_http_ihanoi_pgdb_t       *db;
    ngx_http_ihanoi_pgstmt_t    **stmts;
    ngx_http_ihanoi_pgcontrol_t  *control;

    db = data;
    control = db->control;
    control->checking = 0;

    if (outcome != NGX_HTTP_IHANOI_PG_OK) {

        if (outcome == NGX_HTTP_IHANOI_PG_SQLERROR) {
            value = ngx_http_ihanoi_pgresult_sqlstate(res);
            sentence = ngx_http_ihanoi_pgresult_loggable(res);
            ngx_log_error(NGX_LOG_ERR, db->log, 0,
                          "database \"%V\": the catalogue could not be "
                          "checked: %V (SQLSTATE %V)",
                          &db->name, &sentence, &value);
            ngx_http_ihanoi_pgresult_free(res);
        }

        return;
    }

    control->checked = 1;
    missing = 0;

    stmts = db->stmts.elts;
    rows = ngx_http_ihanoi_pgresult_rows(res);
    row = 0;

    for (i = 0; i < db->stmts.nelts; i++) {

        if (row < rows) {
            value = ngx_http_ihanoi_pgresult_value(res, row, 0);
            index = ngx_atoi(value.data, value.len);

            if (index == (ngx_int_t) i) {
                value = ngx_http_ihanoi_pgresult_value(res, row, 1);

                p = ngx_snprintf(buf, sizeof(buf), "operation \"%V\": %V",
                                 &stmts[i]->operation, &value);

                sentence.data = buf;
                sentence.len = p - buf;

                ngx_http_ihanoi_pgdb_mark(db, stmts[i], &sentence, 1);

                missing = 1;
                row++;
                continue;
            }
        }

        ngx_http_ihanoi_pgdb_mark(db, stmts[i], NULL, 1);

        if (db->states[i].missing) {
            missing = 1;
        }
    }

    ngx_http_ihanoi_pgresult_free(res);

    control->next = ngx_current_msec
                    + (missing ? NGX_HTTP_IHANOI_PGCONTROL_RECHECK
                               : NGX_HTTP_IHANOI_PGCONTROL_CHECK);
}


/* Once a worker's life: does the server have room for two generations? */

static void
ngx_http_ihanoi_pgcontrol_count(ngx_http_ihanoi_pgdb_t *db)
{
    ngx_http_ihanoi_pg_outcome_e  outcome;

    if (db->control->counted || ngx_worker != 0) {
        return;
    }

    if (ngx_http_ihanoi_pgcall_submit(db, db->control->budget, NULL, 0,
                                      ngx_http_ihanoi_pgcontrol_count_done,
                                      db, db->log, &outcome)
        != NULL)
    {
        db->control->counted = 1;
    }
}


static void
ngx_http_ihanoi_pgcontrol_count_done(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec)
{
    ngx_int_t                have;
    ngx_str_t                value;
    ngx_uint_t               i, each, need, level;
    ngx_core_conf_t         *ccf;
    ngx_http_ihanoi_pgdb_t  *db;

    db = data;

    if (outcome != NGX_HTTP_IHANOI_PG_OK) {

        db->control->counted = 0;

        if (res) {
            ngx_http_ihanoi_pgresult_free(res);
        }

        return;
    }

    value = ngx_http_ihanoi_pgresult_value(res, 0, 0);
    have = ngx_atoi(value.data, value.len);

    ngx_http_ihanoi_pgresult_free(res);

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    for (i = 0, each = 0; i < NGX_HTTP_IHANOI_PG_POOLS; i++) {
        each += db->classes[i].connections;
    }

    need = each * ngx_max((ngx_uint_t) ccf->worker_processes, 1);

    if (have == NGX_ERROR || (ngx_uint_t) have >= 2 * need) {
        return;
    }

    level = ((ngx_uint_t) have < need) ? NGX_LOG_CRIT : NGX_LOG_WARN;

    ngx_log_error(level, db->log, 0,
                  "database \"%V\" has room for %i connections, workers "
                  "need %ui and twice that while they are reloaded: raise "
                  "max_connections or lower \"connections\"",
                  &db->name, have, need);
}


static void
ngx_http_ihanoi_pgcontrol_task(ngx_event_t *ev)
{
    ngx_uint_t                         wait;
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

    wait = t->db->pools[NGX_HTTP_IHANOI_PG_CONTROL].ready;

    ngx_http_ihanoi_pgcontrol_task_again(t);

    /* before the first connection there is nothing to tell */

    if (wait || t->db->control->generation) {
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

    t->task->handler(t->task->data, outcome, res, usec);
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
