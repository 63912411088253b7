/*
 * Copyright (C) iHaNoi contributors
 *
 * Runs: turns, waits, deadlines and ends of calls into plugins.
 *
 * A task that has had its turn keeps the run lock of its state: no other task
 * of the plugin in this worker, of its own run or of another one, goes on before
 * it waits or ends, because authors count on not being interrupted between their
 * own waits.  Everybody else in the event loop has a turn.
 */

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_run.h"
#include "ngx_http_ihanoi_host_rows.h"
#include "ihanoi_host.h"


/* Processor time that a run has before it comes behind everybody else. */
#define NGX_HTTP_IHANOI_RUN_SHORT_USEC  2000


static ngx_http_ihanoi_run_t *ngx_http_ihanoi_run_of_state(
    ngx_http_ihanoi_plugin_state_t *state, ngx_msec_t timeout, ngx_msec_t cpu,
    ngx_log_t *log, ngx_http_ihanoi_run_outcome_e *outcome);
static void ngx_http_ihanoi_run_task(ngx_http_ihanoi_run_t *run,
    ngx_http_ihanoi_task_t *task);
static ngx_int_t ngx_http_ihanoi_run_step(ngx_http_ihanoi_task_t *task);
static ngx_int_t ngx_http_ihanoi_run_task_done(ngx_http_ihanoi_task_t *task,
    ngx_uint_t failed);
static const char *ngx_http_ihanoi_run_error(ngx_http_ihanoi_task_t *task);
static void ngx_http_ihanoi_run_end(ngx_http_ihanoi_run_t *run,
    ngx_http_ihanoi_run_outcome_e outcome, const char *error);
static void ngx_http_ihanoi_run_log(ngx_http_ihanoi_run_t *run,
    const char *what, const char *error);
static void ngx_http_ihanoi_run_stop(ngx_http_ihanoi_run_t *run);
static void ngx_http_ihanoi_run_task_stop(ngx_http_ihanoi_task_t *task);
static void ngx_http_ihanoi_run_unlock(ngx_http_ihanoi_task_t *task);
static void ngx_http_ihanoi_run_turn(ngx_event_t *ev);
static void ngx_http_ihanoi_run_expired(ngx_event_t *ev);


/* Of this worker's runs: a handle of one is good for no other. */
static uint64_t  ngx_http_ihanoi_run_serial;

/* Tasks that have had their turn and want another one: one of a state at most. */
static ngx_queue_t  ngx_http_ihanoi_run_preempted = {
    &ngx_http_ihanoi_run_preempted, &ngx_http_ihanoi_run_preempted
};


ngx_http_ihanoi_run_t *
ngx_http_ihanoi_run_create(ngx_http_ihanoi_plugin_t *plugin,
    ngx_msec_t timeout, ngx_msec_t cpu, uint64_t ticket, ngx_log_t *log,
    ngx_http_ihanoi_run_outcome_e *outcome)
{
    ngx_http_ihanoi_run_t           *run;
    ngx_http_ihanoi_plugin_state_t  *state;

    state = ngx_http_ihanoi_plugin_state_get(plugin, &ticket, log, outcome);

    if (state) {
        run = ngx_http_ihanoi_run_of_state(state, timeout, cpu, log, outcome);

        if (run) {
            run->ticket = ticket;
            return run;
        }
    }

    if (*outcome == NGX_HTTP_IHANOI_RUN_ERROR) {
        ngx_http_ihanoi_circuit_leave(plugin->circuit, ticket, 1);

    } else {
        ngx_http_ihanoi_circuit_abandon(plugin->circuit, ticket);
    }

    return NULL;
}


static ngx_http_ihanoi_run_t *
ngx_http_ihanoi_run_of_state(ngx_http_ihanoi_plugin_state_t *state,
    ngx_msec_t timeout, ngx_msec_t cpu, ngx_log_t *log,
    ngx_http_ihanoi_run_outcome_e *outcome)
{
    ngx_http_ihanoi_run_t     *run;
    ngx_http_ihanoi_plugin_t  *plugin;

    plugin = state->plugin;

    if (plugin->runs >= (ngx_uint_t) plugin->concurrency) {
        *outcome = NGX_HTTP_IHANOI_RUN_BUSY;
        return NULL;
    }

    *outcome = NGX_HTTP_IHANOI_RUN_MEMORY;

    run = ngx_calloc(sizeof(ngx_http_ihanoi_run_t), log);
    if (run == NULL) {
        return NULL;
    }

    run->main.call = ihanoi_call_create(state->sandbox, (unsigned) cpu * 1000);
    if (run->main.call == NULL) {
        ngx_free(run);
        return NULL;
    }

    run->state = state;
    run->log = log;
    run->start = ngx_http_ihanoi_usec();
    run->timeout = timeout;
    run->deadline = ngx_current_msec + timeout;
    run->phase = IHANOI_PHASE_REQUEST;
    run->serial = ++ngx_http_ihanoi_run_serial;
    run->current = &run->main;

    ngx_http_ihanoi_run_task(run, &run->main);

    run->timer.handler = ngx_http_ihanoi_run_expired;
    run->timer.data = run;
    run->timer.log = log;

    state->runs++;
    plugin->runs++;
    ngx_http_ihanoi_metric_set(plugin->active, plugin->runs);

    return run;
}


static void
ngx_http_ihanoi_run_task(ngx_http_ihanoi_run_t *run,
    ngx_http_ihanoi_task_t *task)
{
    task->run = run;

    task->turn.handler = ngx_http_ihanoi_run_turn;
    task->turn.data = task;
    task->turn.log = run->log;

    ihanoi_call_set_data(task->call, run);
}


ngx_int_t
ngx_http_ihanoi_run_go(ngx_http_ihanoi_run_t *run, ngx_uint_t handler,
    ngx_http_ihanoi_run_done_pt done, void *data)
{
    ngx_http_ihanoi_plugin_state_t  *state;

    state = run->state;

    ihanoi_sandbox_enter_host(state->sandbox);
    lua_rawgeti(ihanoi_call_state(run->main.call), LUA_REGISTRYINDEX,
                state->handlers[handler]);
    ihanoi_sandbox_leave_host(state->sandbox);

    if (ngx_http_ihanoi_run_step(&run->main) == NGX_OK) {
        return NGX_OK;
    }

    run->done = done;
    run->data = data;

    ngx_add_timer(&run->timer, ngx_http_ihanoi_run_left(run));

    return NGX_AGAIN;
}


/* NGX_OK: the run has ended. */

static ngx_int_t
ngx_http_ihanoi_run_step(ngx_http_ihanoi_task_t *task)
{
    ihanoi_run_e                     rc;
    ngx_http_ihanoi_run_t           *run;
    ngx_http_ihanoi_plugin_state_t  *state;

    run = task->run;
    state = run->state;

    if (state->preempted && state->preempted != task) {
        task->ready = 1;
        ngx_queue_insert_tail(&state->ready, &task->queue);
        return NGX_AGAIN;
    }

    /* calls and jobs take turns in one state */

    ihanoi_sandbox_set_phase(state->sandbox, run->phase);
    run->current = task;

    rc = ihanoi_call_run(task->call, task->nargs);

    task->nargs = 0;

    if (rc == IHANOI_RUN_SLICE) {

        if (state->preempted == NULL) {
            state->preempted = task;
            ngx_queue_insert_tail(&ngx_http_ihanoi_run_preempted, &task->queue);
        }

        if (ihanoi_call_usec(task->call) < NGX_HTTP_IHANOI_RUN_SHORT_USEC) {

            /* sockets first: the next turn of the event loop */

            ngx_post_event(&task->turn, &ngx_posted_next_events);

        } else {
            ngx_http_ihanoi_turn_post(&task->turn);
        }

        return NGX_AGAIN;
    }

    if (state->preempted == task) {
        ngx_http_ihanoi_run_unlock(task);

        /* its client may have gone meanwhile */

        ngx_post_event(run->request->connection->read, &ngx_posted_events);
    }

    switch (rc) {

    case IHANOI_RUN_WAIT:
        return NGX_AGAIN;

    case IHANOI_RUN_DONE:
        if (task != &run->main) {
            return ngx_http_ihanoi_run_task_done(task, 0);
        }

        ngx_http_ihanoi_run_end(run, NGX_HTTP_IHANOI_RUN_OK, NULL);
        return NGX_OK;

    case IHANOI_RUN_MEMORY:
        ngx_http_ihanoi_run_end(run, NGX_HTTP_IHANOI_RUN_MEMORY,
                                ihanoi_call_error(task->call));
        return NGX_OK;

    case IHANOI_RUN_CPU:
        ngx_http_ihanoi_run_end(run, NGX_HTTP_IHANOI_RUN_CPU,
                                ihanoi_call_error(task->call));
        return NGX_OK;

    default: /* IHANOI_RUN_ERROR */
        if (task != &run->main) {
            return ngx_http_ihanoi_run_task_done(task, 1);
        }

        ngx_http_ihanoi_run_end(run, run->answer.wrong
                                     ? NGX_HTTP_IHANOI_RUN_REPLY
                                     : NGX_HTTP_IHANOI_RUN_ERROR,
                                ngx_http_ihanoi_run_error(task));
        return NGX_OK;
    }
}


/*
 * What a task has raised.  Of an error of the database, a table, it is what a log
 * may say of it; raised by a job or an event it is one of its database's, as where
 * it is returned.
 */

static const char *
ngx_http_ihanoi_run_error(ngx_http_ihanoi_task_t *task)
{
    int                            top;
    size_t                         len;
    lua_State                     *L;
    u_char                        *text;
    const char                    *why;
    ngx_http_ihanoi_run_t         *run;
    ngx_http_ihanoi_host_error_t   err;

    run = task->run;
    L = ihanoi_sandbox_state(run->state->sandbox);
    text = NULL;

    ihanoi_sandbox_enter_host(run->state->sandbox);

    if (ihanoi_call_take_error(task->call, L)) {
        top = lua_gettop(L);

        if (ngx_http_ihanoi_host_get_error(L, top, &err)) {

            if (task == &run->main) {
                run->answer.away = ngx_http_ihanoi_host_error_away(&err);
            }

            ngx_http_ihanoi_host_push_reason(L, top);

            why = lua_tolstring(L, -1, &len);
            text = ngx_pnalloc(run->request->pool, len + 1);

            /* its own text may have somebody's data in it */

            if (text) {
                *ngx_cpymem(text, why, len) = '\0';

            } else {
                text = (u_char *) "an error of the database";
            }
        }

        lua_settop(L, top - 1);
    }

    ihanoi_sandbox_leave_host(run->state->sandbox);

    return text ? (char *) text : ihanoi_call_error(task->call);
}


/* A task that was spawned is over; the run goes on. */

static ngx_int_t
ngx_http_ihanoi_run_task_done(ngx_http_ihanoi_task_t *task, ngx_uint_t failed)
{
    int                      n;
    ngx_http_ihanoi_task_t  *waiter;

    task->failed = failed;
    task->run->nalive--;

    ngx_http_ihanoi_run_task_stop(task);

    waiter = task->waiter;

    if (waiter) {
        n = ngx_http_ihanoi_run_take(task, ihanoi_call_state(waiter->call));
        ngx_http_ihanoi_run_resume(waiter, n);
    }

    return NGX_AGAIN;
}


int
ngx_http_ihanoi_run_take(ngx_http_ihanoi_task_t *task, lua_State *to)
{
    int                n;
    ihanoi_sandbox_t  *sandbox;

    sandbox = task->run->state->sandbox;

    if (task->waiter) {
        task->waiter->waits_for = NULL;

        if (task->waiter->patience.timer_set) {
            ngx_del_timer(&task->waiter->patience);
        }

        task->waiter = NULL;
    }

    if (task->failed) {
        ihanoi_sandbox_enter_host(sandbox);
        lua_pushnil(to);
        lua_pushstring(to, ngx_http_ihanoi_run_error(task));
        ihanoi_sandbox_leave_host(sandbox);
        n = 2;

    } else {
        n = ihanoi_call_results(task->call, to);
    }

    ihanoi_call_destroy(task->call);
    task->call = NULL;

    return n;
}


ngx_http_ihanoi_task_t *
ngx_http_ihanoi_run_spawn(lua_State *L, int n)
{
    ngx_http_ihanoi_run_t   *run;
    ngx_http_ihanoi_task_t  *task;

    run = ngx_http_ihanoi_run_of(L);

    if (run->nalive == NGX_HTTP_IHANOI_TASKS_ALIVE
        || run->ntasks == NGX_HTTP_IHANOI_TASKS)
    {
        return NULL;
    }

    task = ngx_calloc(sizeof(ngx_http_ihanoi_task_t), run->log);
    if (task == NULL) {
        return NULL;
    }

    task->call = ihanoi_call_create_beside(run->main.call, L, n);
    if (task->call == NULL) {
        ngx_free(task);
        return NULL;
    }

    ngx_http_ihanoi_run_task(run, task);

    task->nargs = n;

    run->tasks[run->ntasks++] = task;
    run->nalive++;

    ngx_post_event(&task->turn, &ngx_posted_events);

    return task;
}


/* Its Lua is over; the results stay until ngx_http_ihanoi_run_destroy(). */

static void
ngx_http_ihanoi_run_end(ngx_http_ihanoi_run_t *run,
    ngx_http_ihanoi_run_outcome_e outcome, const char *error)
{
    ngx_http_ihanoi_plugin_t        *plugin;
    ngx_http_ihanoi_plugin_state_t  *state;

    state = run->state;
    plugin = state->plugin;

    run->outcome = outcome;
    run->error = error;

    ngx_http_ihanoi_run_stop(run);

    switch (outcome) {

    case NGX_HTTP_IHANOI_RUN_OK:
        break;

    case NGX_HTTP_IHANOI_RUN_TIMEOUT:
        ngx_log_error(NGX_LOG_ERR, run->log, 0,
                      "plugin \"%V\" %s: no answer in %Mms", &plugin->name,
                      plugin->manifest->version, run->timeout);
        break;

    default:
        ngx_http_ihanoi_run_log(run, "", error);
    }

    /* cut short anywhere, it may have left anything behind */

    if (outcome == NGX_HTTP_IHANOI_RUN_MEMORY
        || outcome == NGX_HTTP_IHANOI_RUN_CPU)
    {
        ngx_http_ihanoi_plugin_state_retire(state);
    }
}


static void
ngx_http_ihanoi_run_log(ngx_http_ihanoi_run_t *run, const char *what,
    const char *error)
{
    size_t                     len;
    u_char                     line[NGX_HTTP_IHANOI_PLUGIN_TEXT];
    ngx_http_ihanoi_plugin_t  *plugin;

    plugin = run->state->plugin;
    len = ngx_http_ihanoi_plugin_text(line, error, ngx_strlen(error));

    ngx_log_error(NGX_LOG_ERR, run->log, 0, "plugin \"%V\" %s: %s%*s",
                  &plugin->name, plugin->manifest->version, what, len, line);
}


/* Nothing comes to it any more: no turn, no deadline, nothing it waits for. */

static void
ngx_http_ihanoi_run_stop(ngx_http_ihanoi_run_t *run)
{
    ngx_uint_t               i;
    ngx_http_ihanoi_task_t  *task;

    run->ended = 1;

    if (run->timer.timer_set) {
        ngx_del_timer(&run->timer);
    }

    task = run->state->preempted;

    if (task && task->run == run) {

        /* between any two instructions: as when it is killed */

        ngx_http_ihanoi_plugin_state_retire(run->state);

        ihanoi_call_drop(task->call);
        ngx_http_ihanoi_run_unlock(task);
    }

    for (i = 0; i < run->ntasks; i++) {
        task = run->tasks[i];

        ngx_http_ihanoi_run_task_stop(task);

        if (task->failed && task->call) {
            ngx_http_ihanoi_run_log(run, "a task that nobody waited for: ",
                                    ngx_http_ihanoi_run_error(task));
        }
    }

    ngx_http_ihanoi_run_task_stop(&run->main);
}


static void
ngx_http_ihanoi_run_task_stop(ngx_http_ihanoi_task_t *task)
{
    ngx_http_ihanoi_run_cleanup_t  *cleanup;

    task->ended = 1;

    if (task->turn.posted) {
        ngx_delete_posted_event(&task->turn);
    }

    if (task->ready) {
        task->ready = 0;
        ngx_queue_remove(&task->queue);
    }

    if (task->waiting) {
        task->waiting = 0;

        if (task->cancel) {
            task->cancel(task->wait);
        }
    }

    while (task->cleanups) {
        cleanup = task->cleanups;
        task->cleanups = cleanup->next;

        cleanup->handler(cleanup->data);
    }
}


/* Others of the plugin may go on, one after the other. */

static void
ngx_http_ihanoi_run_unlock(ngx_http_ihanoi_task_t *task)
{
    ngx_queue_t                     *q;
    ngx_http_ihanoi_task_t          *next;
    ngx_http_ihanoi_plugin_state_t  *state;

    state = task->run->state;

    state->preempted = NULL;
    ngx_queue_remove(&task->queue);

    while (!ngx_queue_empty(&state->ready)) {
        q = ngx_queue_head(&state->ready);
        next = ngx_queue_data(q, ngx_http_ihanoi_task_t, queue);

        ngx_queue_remove(q);
        next->ready = 0;

        ngx_post_event(&next->turn, &ngx_posted_events);
    }
}


void
ngx_http_ihanoi_run_destroy(ngx_http_ihanoi_run_t *run)
{
    ngx_uint_t                       i, usec;
    ngx_http_ihanoi_plugin_t        *plugin;
    ngx_http_ihanoi_plugin_state_t  *state;

    state = run->state;
    plugin = state->plugin;

    if (!run->ended) {

        /* abandoned: whoever began it does not want to know */

        ngx_http_ihanoi_run_stop(run);
    }

    usec = ihanoi_call_usec(run->main.call);

    for (i = 0; i < run->ntasks; i++) {
        if (run->tasks[i]->call) {
            ihanoi_call_destroy(run->tasks[i]->call);
        }

        ngx_free(run->tasks[i]);
    }

    ihanoi_call_destroy(run->main.call);

    (void) ihanoi_sandbox_charge(state->sandbox, -(long) run->kept);

    ngx_http_ihanoi_metric_addn(plugin->cpu_usec, usec);
    ngx_http_ihanoi_metric_observe(plugin->duration,
                        (ngx_uint_t) (ngx_http_ihanoi_usec() - run->start));

    free(run->answer.text);
    json_decref(run->answer.members);

    state->runs--;
    plugin->runs--;
    ngx_http_ihanoi_metric_set(plugin->active, plugin->runs);

    /* a state that is killed for its memory takes its own peak with it */

    plugin->peak = ngx_max(plugin->peak, ihanoi_sandbox_peak(state->sandbox));

    if (state->stale && state->runs == 0) {
        ngx_http_ihanoi_plugin_state_release(state);
    }

    state = plugin->state;

    ngx_http_ihanoi_metric_set(plugin->memory_now,
                               state ? ihanoi_sandbox_memory(state->sandbox)
                                     : 0);
    ngx_http_ihanoi_metric_set(plugin->memory_peak, plugin->peak);

    ngx_free(run);
}


static void
ngx_http_ihanoi_run_turn(ngx_event_t *ev)
{
    ngx_http_ihanoi_run_t   *run;
    ngx_http_ihanoi_task_t  *task;

    task = ev->data;
    run = task->run;

    if (ngx_http_ihanoi_run_step(task) == NGX_OK) {
        run->done(run, run->data);
    }
}


static void
ngx_http_ihanoi_run_expired(ngx_event_t *ev)
{
    ngx_http_ihanoi_run_t  *run;

    run = ev->data;

    ngx_http_ihanoi_run_end(run, NGX_HTTP_IHANOI_RUN_TIMEOUT, NULL);

    run->done(run, run->data);
}


void
ngx_http_ihanoi_run_reading(ngx_http_request_t *r)
{
    ngx_queue_t             *q;
    ngx_http_ihanoi_task_t  *task;

    for (q = ngx_queue_head(&ngx_http_ihanoi_run_preempted);
         q != ngx_queue_sentinel(&ngx_http_ihanoi_run_preempted);
         q = ngx_queue_next(q))
    {
        task = ngx_queue_data(q, ngx_http_ihanoi_task_t, queue);

        if (task->run->request == r) {
            return;
        }
    }

    ngx_http_test_reading(r);
}


ngx_http_ihanoi_run_t *
ngx_http_ihanoi_run_of(lua_State *L)
{
    ihanoi_call_t  *call;

    call = ihanoi_call_current(L);

    return call ? ihanoi_call_data(call) : NULL;
}


ngx_http_ihanoi_run_t *
ngx_http_ihanoi_run_may_wait(lua_State *L)
{
    ngx_http_ihanoi_run_t  *run;

    run = ngx_http_ihanoi_run_of(L);

    if (run == NULL || !lua_isyieldable(L)) {
        (void) luaL_error(L, "waiting is not possible here");
    }

    ihanoi_call_may_wait(L);

    return run;
}


int
ngx_http_ihanoi_run_wait(lua_State *L, ngx_http_ihanoi_run_t *run,
    ngx_http_ihanoi_run_cancel_pt cancel, void *data)
{
    ngx_http_ihanoi_task_t  *task;

    task = run->current;

    task->waiting = 1;
    task->cancel = cancel;
    task->wait = data;

    return ihanoi_call_wait(L);
}


void
ngx_http_ihanoi_run_resume(ngx_http_ihanoi_task_t *task, int nresults)
{
    task->waiting = 0;
    task->nargs = nresults;

    ngx_post_event(&task->turn, &ngx_posted_events);
}


ngx_msec_t
ngx_http_ihanoi_run_left(ngx_http_ihanoi_run_t *run)
{
    ngx_msec_int_t  left;

    left = (ngx_msec_int_t) (run->deadline - ngx_current_msec);

    return (ngx_msec_t) ngx_max(left, 1);
}


ngx_uint_t
ngx_http_ihanoi_run_late(ngx_http_ihanoi_run_t *run)
{
    return (ngx_msec_int_t) (run->deadline - ngx_current_msec) <= 0;
}


void
ngx_http_ihanoi_run_cleanup_add(ngx_http_ihanoi_run_t *run,
    ngx_http_ihanoi_run_cleanup_t *cleanup)
{
    cleanup->next = run->current->cleanups;
    run->current->cleanups = cleanup;
}


void
ngx_http_ihanoi_run_cleanup_remove(ngx_http_ihanoi_task_t *task,
    ngx_http_ihanoi_run_cleanup_t *cleanup)
{
    ngx_http_ihanoi_run_cleanup_t  **p;

    for (p = &task->cleanups; *p; p = &(*p)->next) {
        if (*p == cleanup) {
            *p = cleanup->next;
            return;
        }
    }
}


void *
ngx_http_ihanoi_run_cleanup_find(ngx_http_ihanoi_run_t *run,
    void (*handler)(void *data))
{
    ngx_http_ihanoi_run_cleanup_t  *cleanup;

    for (cleanup = run->current->cleanups; cleanup; cleanup = cleanup->next) {
        if (cleanup->handler == handler) {
            return cleanup->data;
        }
    }

    return NULL;
}
