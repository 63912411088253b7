/*
 * Copyright (C) iHaNoi contributors
 *
 * A plugin's Lua in one worker: loading handler.lua, and what becomes of it
 * when a call was killed in the middle.
 */

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_host.h"
#include "ihanoi_host.h"


/* Loading reads files and fills tables; a plugin that computes does it later. */
#define NGX_HTTP_IHANOI_PLUGIN_LOAD_USEC  1000000

/* So long of it a call waits for that finds no state. */
#define NGX_HTTP_IHANOI_PLUGIN_LOAD_FIRST_USEC  5000


static ngx_http_ihanoi_plugin_state_t *ngx_http_ihanoi_plugin_state_begin(
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t level, ngx_log_t *log);
static ngx_int_t ngx_http_ihanoi_plugin_state_load(
    ngx_http_ihanoi_plugin_state_t *state, ngx_uint_t level, ngx_log_t *log);
static ngx_int_t ngx_http_ihanoi_plugin_state_handlers(
    ngx_http_ihanoi_plugin_state_t *state, lua_State *L, ngx_uint_t level,
    ngx_log_t *log);
static ngx_int_t ngx_http_ihanoi_plugin_state_handler(
    ngx_http_ihanoi_plugin_state_t *state, lua_State *L, ngx_uint_t i,
    const ngx_http_ihanoi_function_t *function, lua_CFunction input,
    lua_CFunction finish);
static int ngx_http_ihanoi_plugin_state_open(lua_State *L);
static void ngx_http_ihanoi_plugin_state_turn(ngx_event_t *ev);
static void ngx_http_ihanoi_plugin_state_drain(ngx_event_t *ev);


/* Released ones that still hold memory; more than that are not waited for. */
#define NGX_HTTP_IHANOI_PLUGIN_DRAINED  8

static ngx_queue_t  ngx_http_ihanoi_plugin_drained = {
    &ngx_http_ihanoi_plugin_drained, &ngx_http_ihanoi_plugin_drained
};

static ngx_uint_t   ngx_http_ihanoi_plugin_ndrained;


/* What is called for an operation or a job; made once for each. */
static const char  ngx_http_ihanoi_plugin_around[] =
    "local input, handler, finish = ...\n"
    "return function() return finish(handler(input())) end";


ngx_http_ihanoi_plugin_state_t *
ngx_http_ihanoi_plugin_state_create(ngx_http_ihanoi_plugin_t *plugin,
    ngx_uint_t level, ngx_log_t *log)
{
    ngx_int_t                        rc;
    ngx_http_ihanoi_plugin_state_t  *state;

    state = ngx_http_ihanoi_plugin_state_begin(plugin, level, log);

    if (state == NULL) {
        return NULL;
    }

    do {
        rc = ngx_http_ihanoi_plugin_state_load(state, level, log);
    } while (rc == NGX_AGAIN);

    if (rc != NGX_OK) {
        return NULL;
    }

    /* what the parser left; most plugins are idle most of the time */

    ihanoi_sandbox_collect(state->sandbox);

    return state;
}


/* A new one, with handler.lua to be run: ngx_http_ihanoi_plugin_state_load(). */

static ngx_http_ihanoi_plugin_state_t *
ngx_http_ihanoi_plugin_state_begin(ngx_http_ihanoi_plugin_t *plugin,
    ngx_uint_t level, ngx_log_t *log)
{
    lua_State                       *L;
    ihanoi_sandbox_conf_t            conf;
    ngx_http_ihanoi_plugin_state_t  *state;

    state = ngx_calloc(sizeof(ngx_http_ihanoi_plugin_state_t), log);
    if (state == NULL) {
        return NULL;
    }

    state->plugin = plugin;
    ngx_queue_init(&state->ready);
    ngx_queue_init(&state->flights);

    ngx_memzero(&conf, sizeof(ihanoi_sandbox_conf_t));

    conf.name = (char *) plugin->name.data;
    conf.memory = plugin->memory;
    conf.files = plugin->manifest->files.lua;
    conf.nfiles = plugin->manifest->files.nlua;
    conf.data = state;

    state->sandbox = ihanoi_sandbox_create(&conf);
    state->handlers = ngx_calloc((plugin->operations.nelts
                                  + plugin->functions.nelts + 1)
                                 * sizeof(int), log);

    if (state->sandbox == NULL || state->handlers == NULL) {
        goto failed;
    }

    ihanoi_sandbox_enter_host(state->sandbox);

    L = ihanoi_sandbox_state(state->sandbox);

    if (lua_cpcall(L, ngx_http_ihanoi_plugin_state_open, NULL) != 0) {
        ngx_log_error(level, log, 0, "plugin \"%V\" could not be prepared: %s",
                      &plugin->name, lua_tostring(L, -1));
        ihanoi_sandbox_leave_host(state->sandbox);
        ngx_http_ihanoi_plugin_state_destroy(state);
        return NULL;
    }

    state->load = ihanoi_call_create(state->sandbox,
                                     NGX_HTTP_IHANOI_PLUGIN_LOAD_USEC);

    if (state->load) {
        L = ihanoi_call_state(state->load);

        lua_getglobal(L, "require");
        lua_pushliteral(L, "handler");
    }

    ihanoi_sandbox_leave_host(state->sandbox);

    if (state->load) {
        return state;
    }

failed:

    ngx_log_error(level, log, 0, "plugin \"%V\" has no memory to start",
                  &plugin->name);

    ngx_http_ihanoi_plugin_state_destroy(state);

    return NULL;
}


void
ngx_http_ihanoi_plugin_state_destroy(ngx_http_ihanoi_plugin_state_t *state)
{
    if (state->turn.posted) {
        ngx_delete_posted_event(&state->turn);
    }

    if (state->load) {
        ihanoi_call_destroy(state->load);
    }

    ihanoi_sandbox_destroy(state->sandbox);

    if (state->handlers) {
        ngx_free(state->handlers);
    }

    ngx_free(state);
}


/*
 * To end a state with a full memory takes tens of milliseconds: in turns, so that
 * a plugin that is killed again and again holds up nobody.  Each state has its
 * own, as who fills the next one has: one for all of them falls behind two plugins.
 */

void
ngx_http_ihanoi_plugin_state_release(ngx_http_ihanoi_plugin_state_t *state)
{
    ngx_queue_insert_tail(&ngx_http_ihanoi_plugin_drained, &state->queue);
    ngx_http_ihanoi_plugin_ndrained++;

    state->turn.handler = ngx_http_ihanoi_plugin_state_drain;
    state->turn.data = state;
    state->turn.log = ngx_cycle->log;

    ngx_http_ihanoi_turn_post(&state->turn);
}


static void
ngx_http_ihanoi_plugin_state_drain(ngx_event_t *ev)
{
    ngx_http_ihanoi_plugin_state_t  *state;

    state = ev->data;

    if (!ihanoi_sandbox_drain(state->sandbox)) {
        ngx_http_ihanoi_turn_post(ev);

        if (ngx_http_ihanoi_plugin_ndrained <= NGX_HTTP_IHANOI_PLUGIN_DRAINED) {
            return;
        }

        /* the one that has the least left */

        state = ngx_queue_data(ngx_queue_head(&ngx_http_ihanoi_plugin_drained),
                               ngx_http_ihanoi_plugin_state_t, queue);
    }

    ngx_queue_remove(&state->queue);
    ngx_http_ihanoi_plugin_ndrained--;

    ngx_http_ihanoi_plugin_state_destroy(state);
}


void
ngx_http_ihanoi_plugin_state_exit(void)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&ngx_http_ihanoi_plugin_drained)) {
        q = ngx_queue_head(&ngx_http_ihanoi_plugin_drained);
        ngx_queue_remove(q);

        ngx_http_ihanoi_plugin_state_destroy(
            ngx_queue_data(q, ngx_http_ihanoi_plugin_state_t, queue));
    }
}


/*
 * One turn of handler.lua, as of any other call: limited, and with nobody to wait
 * for.  NGX_OK: the state is ready; NGX_AGAIN: another turn; NGX_ERROR: what is
 * wrong has been logged, and the state is gone.
 */

static ngx_int_t
ngx_http_ihanoi_plugin_state_load(ngx_http_ihanoi_plugin_state_t *state,
    ngx_uint_t level, ngx_log_t *log)
{
    size_t                     len;
    u_char                     line[NGX_HTTP_IHANOI_PLUGIN_TEXT];
    ngx_int_t                  rc;
    const char                *error;
    ihanoi_run_e               run;
    ngx_http_ihanoi_plugin_t  *plugin;

    plugin = state->plugin;

    ihanoi_sandbox_set_phase(state->sandbox, IHANOI_PHASE_LOAD);

    run = ihanoi_call_run(state->load, 1);

    rc = NGX_ERROR;

    switch (run) {

    case IHANOI_RUN_SLICE:
        return NGX_AGAIN;

    case IHANOI_RUN_DONE:
        rc = ngx_http_ihanoi_plugin_state_handlers(state,
                                                ihanoi_call_state(state->load),
                                                level, log);
        break;

    case IHANOI_RUN_WAIT:
        ngx_log_error(level, log, 0,
                      "plugin \"%V\" waits for something while it is loaded",
                      &plugin->name);
        break;

    default:
        error = ihanoi_call_error(state->load);
        len = ngx_http_ihanoi_plugin_text(line, error, ngx_strlen(error));

        ngx_log_error(level, log, 0, "plugin \"%V\" could not be loaded: %*s",
                      &plugin->name, len, line);
    }

    if (rc != NGX_OK) {
        ngx_http_ihanoi_plugin_state_destroy(state);
        return NGX_ERROR;
    }

    ihanoi_call_destroy(state->load);
    state->load = NULL;

    return NGX_OK;
}


static int
ngx_http_ihanoi_plugin_state_open(lua_State *L)
{
    return ihanoi_host_open(L, ngx_http_ihanoi_host_nouns);
}


/* What handler.lua returned has each function that something else names. */

static ngx_int_t
ngx_http_ihanoi_plugin_state_handlers(ngx_http_ihanoi_plugin_state_t *state,
    lua_State *L, ngx_uint_t level, ngx_log_t *log)
{
    ngx_int_t                      rc;
    ngx_uint_t                     i, n;
    ngx_http_ihanoi_plugin_t      *plugin;
    ngx_http_ihanoi_function_t    *function, operation;
    ngx_http_ihanoi_operation_t  **operations;

    plugin = state->plugin;
    operations = plugin->operations.elts;
    function = NULL;
    n = plugin->operations.nelts;

    if (lua_type(L, -1) != LUA_TTABLE) {
        ngx_log_error(level, log, 0,
                      "plugin \"%V\": handler.lua must return a table of "
                      "functions", &plugin->name);
        return NGX_ERROR;
    }

    rc = NGX_OK;

    ihanoi_sandbox_enter_host(state->sandbox);

    for (i = 0; i < n && rc == NGX_OK; i++) {

        operation.name = operations[i]->function;
        operation.what = "the operation";
        operation.by = operations[i]->contract->id.data;

        rc = ngx_http_ihanoi_plugin_state_handler(state, L, i, &operation,
                                                 ngx_http_ihanoi_plugin_input,
                                                 ngx_http_ihanoi_plugin_finish);
        if (rc == NGX_DECLINED) {
            function = &operation;
        }
    }

    for (i = 0; i < plugin->functions.nelts && rc == NGX_OK; i++) {

        function = (ngx_http_ihanoi_function_t *) plugin->functions.elts + i;

        rc = ngx_http_ihanoi_plugin_state_handler(state, L, n + i, function,
                                              ngx_http_ihanoi_plugin_argument,
                                              function->finish
                                              ? function->finish
                                              : ngx_http_ihanoi_plugin_result);
    }

    ihanoi_sandbox_leave_host(state->sandbox);

    if (rc == NGX_DECLINED) {
        ngx_log_error(level, log, 0,
                      "plugin \"%V\": handler.lua has no function \"%s\", "
                      "which %s \"%s\" names", &plugin->name, function->name,
                      function->what, function->by);
    }

    return rc == NGX_OK ? NGX_OK : NGX_ERROR;
}


/* NGX_DECLINED: there is no such function. */

static ngx_int_t
ngx_http_ihanoi_plugin_state_handler(ngx_http_ihanoi_plugin_state_t *state,
    lua_State *L, ngx_uint_t i, const ngx_http_ihanoi_function_t *function,
    lua_CFunction input, lua_CFunction finish)
{
    lua_pushstring(L, function->name);
    lua_rawget(L, -2);

    if (lua_type(L, -1) != LUA_TFUNCTION) {
        return NGX_DECLINED;
    }

    if (luaL_loadbufferx(L, ngx_http_ihanoi_plugin_around,
                         sizeof(ngx_http_ihanoi_plugin_around) - 1,
                         "=host", "t")
        != 0)
    {
        return NGX_ERROR;
    }

    lua_pushcfunction(L, input);
    lua_pushvalue(L, -3);
    lua_pushcfunction(L, finish);
    lua_call(L, 3, 1);

    state->handlers[i] = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pop(L, 1);

    return NGX_OK;
}


/*
 * What takes longer goes on in turns: a plugin that is killed again and again and
 * computes while it is loaded holds up nobody but its own callers.
 */

ngx_http_ihanoi_plugin_state_t *
ngx_http_ihanoi_plugin_state_get(ngx_http_ihanoi_plugin_t *plugin,
    uint64_t *ticket, ngx_log_t *log, ngx_http_ihanoi_run_outcome_e *outcome)
{
    ngx_int_t                        rc;
    ngx_http_ihanoi_plugin_state_t  *state;

    if (plugin->state) {
        return plugin->state;
    }

    if (plugin->loading) {
        *outcome = NGX_HTTP_IHANOI_RUN_BUSY;
        return NULL;
    }

    *outcome = NGX_HTTP_IHANOI_RUN_ERROR;

    state = ngx_http_ihanoi_plugin_state_begin(plugin, NGX_LOG_ERR, log);

    if (state == NULL) {
        return NULL;
    }

    do {
        rc = ngx_http_ihanoi_plugin_state_load(state, NGX_LOG_ERR, log);
    } while (rc == NGX_AGAIN
             && ihanoi_call_usec(state->load)
                < NGX_HTTP_IHANOI_PLUGIN_LOAD_FIRST_USEC);

    switch (rc) {

    case NGX_OK:
        plugin->state = state;
        return state;

    case NGX_AGAIN:
        plugin->loading = state;
        state->ticket = *ticket;
        *ticket = 0;

        state->turn.handler = ngx_http_ihanoi_plugin_state_turn;
        state->turn.data = state;
        state->turn.log = ngx_cycle->log;

        ngx_http_ihanoi_turn_post(&state->turn);

        *outcome = NGX_HTTP_IHANOI_RUN_BUSY;
        return NULL;

    default:
        return NULL;
    }
}


static void
ngx_http_ihanoi_plugin_state_turn(ngx_event_t *ev)
{
    uint64_t                         ticket;
    ngx_http_ihanoi_plugin_t        *plugin;
    ngx_http_ihanoi_plugin_state_t  *state;

    state = ev->data;
    plugin = state->plugin;
    ticket = state->ticket;

    switch (ngx_http_ihanoi_plugin_state_load(state, NGX_LOG_ERR, ev->log)) {

    case NGX_AGAIN:
        ngx_http_ihanoi_turn_post(ev);
        return;

    case NGX_OK:
        plugin->state = state;
        ngx_http_ihanoi_circuit_abandon(plugin->circuit, ticket);
        break;

    default:

        /* no call failed: those that came meanwhile were told to come again */

        ngx_http_ihanoi_circuit_leave(plugin->circuit, ticket, 1);
    }

    plugin->loading = NULL;
}


void
ngx_http_ihanoi_plugin_state_retire(ngx_http_ihanoi_plugin_state_t *state)
{
    if (state->stale) {
        return;
    }

    state->stale = 1;

    if (state->plugin->state == state) {
        state->plugin->state = NULL;
    }
}


size_t
ngx_http_ihanoi_plugin_text(u_char *line, const char *text, size_t len)
{
    u_char    *p, *next, *last;
    uint32_t   c;

    len = ngx_min(len, NGX_HTTP_IHANOI_PLUGIN_TEXT);
    last = ngx_cpymem(line, text, len);

    for (p = line; p < last; p = next) {
        next = p + 1;

        if (*p < 0x20 || *p == 0x7f) {
            *p = ' ';

        } else if (*p >= 0x80) {
            next = p;
            c = ngx_utf8_decode(&next, last - p);

            if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
                *p = '?';
                next = p + 1;
            }
        }
    }

    return len;
}


ngx_http_ihanoi_plugin_state_t *
ngx_http_ihanoi_plugin_state_of(lua_State *L)
{
    return ihanoi_sandbox_data(ihanoi_sandbox_of(L));
}


ihanoi_host_store_t *
ngx_http_ihanoi_plugin_store(lua_State *L)
{
    return ngx_http_ihanoi_plugin_state_of(L)->plugin->store;
}
