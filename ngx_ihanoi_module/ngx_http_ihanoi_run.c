/*
 * Copyright (C) iHaNoi contributors
 *
 * Runs: turns, waits, deadlines and ends of calls into plugins.
 *
 * A run that has had its turn keeps the run lock of its state: no other run of
 * the plugin in this worker goes on before it waits or ends, because authors
 * count on not being interrupted between their own waits.  Everybody else in
 * the event loop has a turn.
 */

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_run.h"
#include "ihanoi_host.h"


static ngx_int_t ngx_http_ihanoi_run_step(ngx_http_ihanoi_run_t *run);
static void ngx_http_ihanoi_run_end(ngx_http_ihanoi_run_t *run,
    ngx_http_ihanoi_run_outcome_e outcome);
static void ngx_http_ihanoi_run_stop(ngx_http_ihanoi_run_t *run);
static void ngx_http_ihanoi_run_unlock(ngx_http_ihanoi_run_t *run);
static void ngx_http_ihanoi_run_turn(ngx_event_t *ev);
static void ngx_http_ihanoi_run_expired(ngx_event_t *ev);


ngx_http_ihanoi_run_t *
ngx_http_ihanoi_run_create(ngx_http_ihanoi_plugin_state_t *state,
    ngx_msec_t timeout, ngx_log_t *log, ngx_http_ihanoi_run_outcome_e *outcome)
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

    run->call = ihanoi_call_create(state->sandbox,
                                   (unsigned) plugin->cpu * 1000);
    if (run->call == NULL) {
        ngx_free(run);
        return NULL;
    }

    ihanoi_call_set_data(run->call, run);

    run->state = state;
    run->log = log;
    run->start = ngx_http_ihanoi_usec();
    run->timeout = timeout;
    run->deadline = ngx_current_msec + timeout;
    run->phase = IHANOI_PHASE_REQUEST;

    run->turn.handler = ngx_http_ihanoi_run_turn;
    run->turn.data = run;
    run->turn.log = log;

    run->timer.handler = ngx_http_ihanoi_run_expired;
    run->timer.data = run;
    run->timer.log = log;

    state->runs++;
    plugin->runs++;
    ngx_http_ihanoi_metric_set(plugin->active, plugin->runs);

    return run;
}


ngx_int_t
ngx_http_ihanoi_run_go(ngx_http_ihanoi_run_t *run, int nargs,
    ngx_http_ihanoi_run_done_pt done, void *data)
{
    run->nargs = nargs;

    if (ngx_http_ihanoi_run_step(run) == NGX_OK) {
        return NGX_OK;
    }

    run->done = done;
    run->data = data;

    ngx_add_timer(&run->timer, ngx_http_ihanoi_run_left(run));

    return NGX_AGAIN;
}


/* NGX_OK: it ended. */

static ngx_int_t
ngx_http_ihanoi_run_step(ngx_http_ihanoi_run_t *run)
{
    ihanoi_run_e                     rc;
    ngx_http_ihanoi_plugin_state_t  *state;

    state = run->state;

    if (state->preempted && state->preempted != run) {
        run->ready = 1;
        ngx_queue_insert_tail(&state->ready, &run->queue);
        return NGX_AGAIN;
    }

    /* calls and jobs take turns in one state */

    ihanoi_sandbox_set_phase(state->sandbox, run->phase);

    run->inside = 1;
    rc = ihanoi_call_run(run->call, run->nargs);
    run->inside = 0;

    run->nargs = 0;

    switch (rc) {

    case IHANOI_RUN_SLICE:
        state->preempted = run;

        /* sockets first: the next turn of the event loop */

        ngx_post_event(&run->turn, &ngx_posted_next_events);
        return NGX_AGAIN;

    case IHANOI_RUN_WAIT:
        ngx_http_ihanoi_run_unlock(run);
        return NGX_AGAIN;

    case IHANOI_RUN_DONE:
        ngx_http_ihanoi_run_end(run, NGX_HTTP_IHANOI_RUN_OK);
        return NGX_OK;

    case IHANOI_RUN_MEMORY:
        ngx_http_ihanoi_run_end(run, NGX_HTTP_IHANOI_RUN_MEMORY);
        return NGX_OK;

    case IHANOI_RUN_CPU:
        ngx_http_ihanoi_run_end(run, NGX_HTTP_IHANOI_RUN_CPU);
        return NGX_OK;

    default: /* IHANOI_RUN_ERROR */
        ngx_http_ihanoi_run_end(run, run->answer.wrong
                                     ? NGX_HTTP_IHANOI_RUN_REPLY
                                     : NGX_HTTP_IHANOI_RUN_ERROR);
        return NGX_OK;
    }
}


/* Its Lua is over; the results stay until ngx_http_ihanoi_run_destroy(). */

static void
ngx_http_ihanoi_run_end(ngx_http_ihanoi_run_t *run,
    ngx_http_ihanoi_run_outcome_e outcome)
{
    size_t                           len;
    u_char                           line[NGX_HTTP_IHANOI_PLUGIN_TEXT];
    const char                      *error;
    ngx_http_ihanoi_plugin_t        *plugin;
    ngx_http_ihanoi_plugin_state_t  *state;

    state = run->state;
    plugin = state->plugin;

    run->outcome = outcome;

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
        error = ihanoi_call_error(run->call);
        len = ngx_http_ihanoi_plugin_text(line, error, ngx_strlen(error));

        ngx_log_error(NGX_LOG_ERR, run->log, 0, "plugin \"%V\" %s: %*s",
                      &plugin->name, plugin->manifest->version, len, line);
    }

    /* cut short anywhere, it may have left anything behind */

    if (outcome == NGX_HTTP_IHANOI_RUN_MEMORY
        || outcome == NGX_HTTP_IHANOI_RUN_CPU)
    {
        ngx_http_ihanoi_plugin_state_retire(state);
    }

    ngx_http_ihanoi_run_unlock(run);
}


/* Nothing comes to it any more: no turn, no deadline, nothing it waits for. */

static void
ngx_http_ihanoi_run_stop(ngx_http_ihanoi_run_t *run)
{
    ngx_http_ihanoi_run_cleanup_t  *cleanup;

    run->ended = 1;

    if (run->timer.timer_set) {
        ngx_del_timer(&run->timer);
    }

    if (run->turn.posted) {
        ngx_delete_posted_event(&run->turn);
    }

    if (run->waiting) {
        run->waiting = 0;

        if (run->cancel) {
            run->cancel(run->wait);
        }
    }

    while (run->cleanups) {
        cleanup = run->cleanups;
        run->cleanups = cleanup->next;

        cleanup->handler(cleanup->data);
    }
}


/* Others of the plugin may go on, one after the other. */

static void
ngx_http_ihanoi_run_unlock(ngx_http_ihanoi_run_t *run)
{
    ngx_queue_t                     *q;
    ngx_http_ihanoi_run_t           *next;
    ngx_http_ihanoi_plugin_state_t  *state;

    state = run->state;

    if (run->ready) {
        run->ready = 0;
        ngx_queue_remove(&run->queue);
    }

    if (state->preempted != run) {
        return;
    }

    state->preempted = NULL;

    while (!ngx_queue_empty(&state->ready)) {
        q = ngx_queue_head(&state->ready);
        next = ngx_queue_data(q, ngx_http_ihanoi_run_t, queue);

        ngx_queue_remove(q);
        next->ready = 0;

        ngx_post_event(&next->turn, &ngx_posted_events);
    }
}


void
ngx_http_ihanoi_run_destroy(ngx_http_ihanoi_run_t *run)
{
    size_t                           memory;
    ngx_uint_t                       usec;
    ngx_http_ihanoi_plugin_t        *plugin;
    ngx_http_ihanoi_plugin_state_t  *state;

    state = run->state;
    plugin = state->plugin;

    if (!run->ended) {

        /* abandoned: whoever began it does not want to know */

        ngx_http_ihanoi_run_stop(run);
        ngx_http_ihanoi_run_unlock(run);
    }

    usec = ihanoi_call_usec(run->call);

    ihanoi_call_destroy(run->call);

    memory = ihanoi_sandbox_memory(state->sandbox);

    ngx_http_ihanoi_metric_addn(plugin->cpu_usec, usec);
    ngx_http_ihanoi_metric_observe(plugin->duration,
                        (ngx_uint_t) (ngx_http_ihanoi_usec() - run->start));

    free(run->answer.text);
    json_decref(run->answer.members);

    state->runs--;
    plugin->runs--;
    ngx_http_ihanoi_metric_set(plugin->active, plugin->runs);

    if (!state->stale) {
        ngx_http_ihanoi_metric_set(plugin->memory_now, memory);
        ngx_http_ihanoi_metric_set(plugin->memory_peak,
                                   ihanoi_sandbox_peak(state->sandbox));

    } else if (state->runs == 0) {
        ngx_http_ihanoi_plugin_state_destroy(state);
    }

    ngx_free(run);
}


static void
ngx_http_ihanoi_run_turn(ngx_event_t *ev)
{
    ngx_http_ihanoi_run_t  *run;

    run = ev->data;

    if (ngx_http_ihanoi_run_step(run) == NGX_OK) {
        run->done(run, run->data);
    }
}


static void
ngx_http_ihanoi_run_expired(ngx_event_t *ev)
{
    ngx_http_ihanoi_run_t  *run;

    run = ev->data;

    ngx_http_ihanoi_run_end(run, NGX_HTTP_IHANOI_RUN_TIMEOUT);

    run->done(run, run->data);
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

    return run;
}


int
ngx_http_ihanoi_run_wait(lua_State *L, ngx_http_ihanoi_run_t *run,
    ngx_http_ihanoi_run_cancel_pt cancel, void *data)
{
    run->waiting = 1;
    run->cancel = cancel;
    run->wait = data;

    return ihanoi_call_wait(L);
}


void
ngx_http_ihanoi_run_resume(ngx_http_ihanoi_run_t *run, int nresults)
{
    run->waiting = 0;
    run->nargs = nresults;

    ngx_post_event(&run->turn, &ngx_posted_events);
}


ngx_msec_t
ngx_http_ihanoi_run_left(ngx_http_ihanoi_run_t *run)
{
    ngx_msec_int_t  left;

    left = (ngx_msec_int_t) (run->deadline - ngx_current_msec);

    return (ngx_msec_t) ngx_max(left, 1);
}


void
ngx_http_ihanoi_run_cleanup_add(ngx_http_ihanoi_run_t *run,
    ngx_http_ihanoi_run_cleanup_t *cleanup)
{
    cleanup->next = run->cleanups;
    run->cleanups = cleanup;
}


void *
ngx_http_ihanoi_run_cleanup_find(ngx_http_ihanoi_run_t *run,
    void (*handler)(void *data))
{
    ngx_http_ihanoi_run_cleanup_t  *cleanup;

    for (cleanup = run->cleanups; cleanup; cleanup = cleanup->next) {
        if (cleanup->handler == handler) {
            return cleanup->data;
        }
    }

    return NULL;
}
