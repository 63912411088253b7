/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.interface.call(): a function of another plugin, through an interface.
 *
 * The other one's function is a run of its own: its state, its limits, its
 * circuit, its concurrency.  It begins from an event, because one state's Lua
 * cannot run inside another's.  Argument and result go over as JSON text, so
 * that no value is shared.  Who is calling comes from the run, not from a
 * plugin.
 */

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_run.h"
#include "ngx_http_ihanoi_host.h"
#include "ihanoi_lua_json.h"


/* Of the task that calls, until its result was taken or its end. */
typedef struct {
    ngx_http_ihanoi_run_cleanup_t    cleanup;
    ngx_http_ihanoi_task_t          *task;
    ngx_event_t                      begin;     /* posted: begin the run */
    ngx_http_ihanoi_plugin_t        *plugin;
    ngx_uint_t                       function;  /* of plugin->functions */
    const ihanoi_schema_t           *schema;    /* of the result; or NULL */
    ngx_http_ihanoi_run_t           *run;       /* of the other; or NULL */
    char                            *argument;  /* charged, as the result */
    size_t                           argument_len;
    char                            *result;
    size_t                           result_len;
    u_char                           code[NGX_HTTP_IHANOI_CALL_CODE];
    size_t                           code_len;  /* 0: it has a result */
} ngx_http_ihanoi_host_call_t;


static int ngx_http_ihanoi_host_call(lua_State *L);
static int ngx_http_ihanoi_host_caller(lua_State *L);
static int ngx_http_ihanoi_host_call_open(lua_State *L);
static int ngx_http_ihanoi_host_call_take(lua_State *L);
static ngx_http_ihanoi_interface_t *ngx_http_ihanoi_host_call_find(
    lua_State *L, ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t *n);
static void ngx_http_ihanoi_host_call_begin(ngx_event_t *ev);
static const char *ngx_http_ihanoi_host_call_create(
    ngx_http_ihanoi_host_call_t *call);
static void ngx_http_ihanoi_host_call_done(ngx_http_ihanoi_run_t *run,
    void *data);
static void ngx_http_ihanoi_host_call_fail(ngx_http_ihanoi_host_call_t *call,
    const char *code, size_t len);
static void ngx_http_ihanoi_host_call_cancel(void *data);
static void ngx_http_ihanoi_host_call_clean_up(void *data);


static const char  ngx_http_ihanoi_host_call_around[] =
    "local interface, take = ...\n"
    "local call = interface.call\n"
    "function interface.call(...) return take(call(...)) end\n";


static const ihanoi_host_function_t  ngx_http_ihanoi_host_interface_functions[] =
{
    { "interface", "call", ngx_http_ihanoi_host_call, IHANOI_PHASE_CALL,
      "plugin string\n"
      "interface string\n"
      "name string\n"
      "argument? any",
      "result? any\n"
      "err? string",
      "Calls a function of another plugin's interface, which the manifest "
      "uses and the operator has granted, and waits for what it returns. "
      "Argument and result are what ihanoi.json.encode() takes, copies, of at "
      "most 262144 bytes of JSON. The other plugin sees the same caller of the "
      "same request; its own limits hold, and this call's deadline. When it "
      "returns nil and a text, that is what is returned here; of an error of "
      "ihanoi.db it is the code. Otherwise nil and \"failed\" (it raised an error or returned what it may not), "
      "\"limit\" (killed for memory or processor time), \"timeout\", \"busy\" "
      "(too many of its calls, or it is being loaded), \"unavailable\" (its "
      "circuit is open, or it does not load), \"too large\", \"too deep\" "
      "(plugins that call plugins: four at most). Raises for an interface or a function that the manifest "
      "does not use, and an argument that cannot be encoded." },

    { "interface", "caller", ngx_http_ihanoi_host_caller,
      IHANOI_PHASE_INTERFACE, "",
      "plugin string",
      "The name of the plugin that calls this function. Only the gateway says "
      "it." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ngx_http_ihanoi_host_interface = {
    "interface",
    "Functions of other plugins, and for them. A function that is offered gets "
    "the argument and returns a result, or nil and a text that says why there "
    "is none.",
    ngx_http_ihanoi_host_interface_functions,
    ngx_http_ihanoi_host_call_open
};


static int
ngx_http_ihanoi_host_call_open(lua_State *L)
{
    ihanoi_host_push_around(L, ngx_http_ihanoi_host_call_around);

    lua_pushvalue(L, -2);
    lua_pushcfunction(L, ngx_http_ihanoi_host_call_take);
    lua_call(L, 2, 0);

    return 0;
}


static int
ngx_http_ihanoi_host_caller(lua_State *L)
{
    ngx_str_t  *name;

    name = &ngx_http_ihanoi_run_of(L)->caller->name;
    lua_pushlstring(L, (char *) name->data, name->len);

    return 1;
}


static int
ngx_http_ihanoi_host_call(lua_State *L)
{
    char                         *text;
    char                          where[128];
    size_t                        len;
    ngx_uint_t                    n;
    const char                   *why;
    ngx_http_ihanoi_run_t        *run;
    ngx_http_ihanoi_interface_t  *interface;
    ngx_http_ihanoi_host_call_t  *call;

    n = 0;
    run = ngx_http_ihanoi_run_may_wait(L);
    interface = ngx_http_ihanoi_host_call_find(L, run->state->plugin, &n);

    lua_settop(L, 4);

    if (lua_isnil(L, 4)) {
        ihanoi_lua_push_null(L);
        lua_replace(L, 4);
    }

    if (run->depth == NGX_HTTP_IHANOI_CALL_DEPTH) {
        return ihanoi_host_fail(L, "too deep");
    }

    if (ihanoi_lua_encode_json(L, 4, &text, &len) != 0) {
        return luaL_error(L, "the argument cannot be sent: %s",
                          lua_tostring(L, -1));
    }

    why = ihanoi_manifest_interface_check(interface->offer->arguments[n], text,
                                          len, where, sizeof(where));
    if (why) {
        free(text);
        return luaL_error(L, "the argument is not what \"%s.%s\" takes at "
                          "\"%s\": %s", lua_tostring(L, 1),
                          lua_tostring(L, 2), where, why);
    }

    /* nothing below raises an error */

    call = ngx_calloc(sizeof(ngx_http_ihanoi_host_call_t), run->log);

    if (call == NULL || len > NGX_HTTP_IHANOI_CALL_SIZE
        || ihanoi_sandbox_charge(run->state->sandbox, (long) len) != 0)
    {
        free(text);

        if (call) {
            ngx_free(call);
        }

        return ihanoi_host_fail(L, "too large");
    }

    call->task = run->current;
    call->plugin = interface->plugin;
    call->function = interface->function + n;
    call->schema = interface->offer->results[n];
    call->argument = text;
    call->argument_len = len;
    call->cleanup.handler = ngx_http_ihanoi_host_call_clean_up;
    call->cleanup.data = call;

    ngx_http_ihanoi_run_cleanup_add(run, &call->cleanup);

    call->begin.handler = ngx_http_ihanoi_host_call_begin;
    call->begin.data = call;
    call->begin.log = run->log;

    ngx_post_event(&call->begin, &ngx_posted_events);

    return ngx_http_ihanoi_run_wait(L, run, ngx_http_ihanoi_host_call_cancel,
                                    call);
}


/* (plugin, interface, function): *n is the function's number in it. */

static ngx_http_ihanoi_interface_t *
ngx_http_ihanoi_host_call_find(lua_State *L, ngx_http_ihanoi_plugin_t *plugin,
    ngx_uint_t *n)
{
    unsigned                   i, k;
    const char                *of, *name, *function;
    const ihanoi_interface_t  *use, *offer;

    of = luaL_checkstring(L, 1);
    name = luaL_checkstring(L, 2);
    function = luaL_checkstring(L, 3);

    for (i = 0; i < plugin->manifest->nuses; i++) {
        use = &plugin->manifest->uses[i];

        if (ngx_strcmp(use->plugin, of) != 0
            || ngx_strcmp(use->name, name) != 0)
        {
            continue;
        }

        offer = plugin->interfaces[i].offer;

        for (k = 0; k < offer->functions.n; k++) {
            if (ngx_strcmp(offer->functions.names[k], function) == 0) {
                *n = k;
                return &plugin->interfaces[i];
            }
        }

        (void) luaL_error(L, "the interface \"%s.%s\" has no function \"%s\"",
                          of, name, function);
    }

    (void) luaL_error(L, "the manifest does not use the interface \"%s.%s\"",
                      of, name);

    return NULL;
}


/* From the event loop: loading a state runs Lua, and so does the run. */

static void
ngx_http_ihanoi_host_call_begin(ngx_event_t *ev)
{
    const char                   *code;
    ngx_http_ihanoi_host_call_t  *call;

    call = ev->data;

    code = ngx_http_ihanoi_host_call_create(call);

    if (code) {
        ngx_http_ihanoi_host_call_fail(call, code, ngx_strlen(code));
        ngx_http_ihanoi_run_resume(call->task, 0);
        return;
    }

    if (ngx_http_ihanoi_run_go(call->run, call->plugin->operations.nelts
                                          + call->function,
                               ngx_http_ihanoi_host_call_done, call)
        == NGX_OK)
    {
        ngx_http_ihanoi_host_call_done(call->run, call);
    }
}


/* NULL: call->run is there; or why it cannot begin. */

static const char *
ngx_http_ihanoi_host_call_create(ngx_http_ihanoi_host_call_t *call)
{
    uint64_t                        ticket;
    ngx_uint_t                      retry;
    ngx_http_ihanoi_run_t          *run, *caller;
    ngx_http_ihanoi_plugin_t       *plugin;
    ngx_http_ihanoi_run_outcome_e   outcome;

    plugin = call->plugin;
    caller = call->task->run;

    if (ngx_http_ihanoi_plugin_enter(plugin, &ticket, &retry) != NGX_OK) {
        ngx_http_ihanoi_metric_inc(plugin->calls[NGX_HTTP_IHANOI_RUN_CLOSED]);
        return "unavailable";
    }

    run = ngx_http_ihanoi_run_create(plugin,
                                     ngx_min(plugin->timeout,
                                             ngx_http_ihanoi_run_left(caller)),
                                     plugin->cpu, ticket, caller->log,
                                     &outcome);
    if (run == NULL) {
        ngx_http_ihanoi_metric_inc(plugin->calls[outcome]);
        return outcome == NGX_HTTP_IHANOI_RUN_ERROR ? "unavailable" : "busy";
    }

    run->phase = IHANOI_PHASE_INTERFACE;
    run->request = caller->request;
    run->ctx = caller->ctx;
    run->body.data = (u_char *) call->argument;
    run->body.len = call->argument_len;
    run->caller = caller->state->plugin;
    run->depth = caller->depth + 1;
    run->schema = call->schema;

    call->run = run;

    return NULL;
}


static void
ngx_http_ihanoi_host_call_done(ngx_http_ihanoi_run_t *run, void *data)
{
    ngx_http_ihanoi_host_call_t *call = data;

    ihanoi_sandbox_t          *sandbox;
    ngx_http_ihanoi_answer_t  *answer;
    ngx_http_ihanoi_plugin_t  *plugin;

    plugin = call->plugin;
    sandbox = call->task->run->state->sandbox;

    call->run = NULL;

    ngx_http_ihanoi_circuit_leave(plugin->circuit, run->ticket,
                                  run->outcome != NGX_HTTP_IHANOI_RUN_OK);
    ngx_http_ihanoi_metric_inc(plugin->calls[run->outcome]);

    answer = &run->answer;

    switch (run->outcome) {

    case NGX_HTTP_IHANOI_RUN_OK:

        if (answer->problem.len) {
            ngx_http_ihanoi_host_call_fail(call, (char *) answer->problem.data,
                                           answer->problem.len);

        } else if (ihanoi_sandbox_charge(sandbox, (long) answer->len) != 0) {
            ngx_http_ihanoi_host_call_fail(call, "too large",
                                           sizeof("too large") - 1);

        } else {
            call->result = answer->text;
            call->result_len = answer->len;
            answer->text = NULL;
        }

        break;

    case NGX_HTTP_IHANOI_RUN_TIMEOUT:
        ngx_http_ihanoi_host_call_fail(call, "timeout", sizeof("timeout") - 1);
        break;

    case NGX_HTTP_IHANOI_RUN_MEMORY:
    case NGX_HTTP_IHANOI_RUN_CPU:
        ngx_http_ihanoi_host_call_fail(call, "limit", sizeof("limit") - 1);
        break;

    default:
        ngx_http_ihanoi_host_call_fail(call, "failed", sizeof("failed") - 1);
    }

    ngx_http_ihanoi_run_destroy(run);

    ngx_http_ihanoi_run_resume(call->task, 0);
}


static void
ngx_http_ihanoi_host_call_fail(ngx_http_ihanoi_host_call_t *call,
    const char *code, size_t len)
{
    call->code_len = ngx_min(len, sizeof(call->code));
    ngx_memcpy(call->code, code, call->code_len);
}


/* Behind call(): what it returned when it did not wait, or the result. */

static int
ngx_http_ihanoi_host_call_take(lua_State *L)
{
    int                           n;
    const char                   *err;
    ngx_http_ihanoi_host_call_t  *call;

    n = lua_gettop(L);

    if (n) {
        return n;
    }

    call = ngx_http_ihanoi_run_cleanup_find(ngx_http_ihanoi_run_of(L),
                                          ngx_http_ihanoi_host_call_clean_up);

    n = 1;

    if (call->code_len) {
        lua_pushnil(L);
        lua_pushlstring(L, (char *) call->code, call->code_len);
        n = 2;

    } else if (call->result_len == 4
               && ngx_strncmp(call->result, "null", 4) == 0)
    {
        lua_pushnil(L);

    } else if (ihanoi_lua_push_json(L, call->result, call->result_len, &err)
               != 0)
    {
        n = ihanoi_host_fail(L, "failed");
    }

    ngx_http_ihanoi_run_cleanup_remove(call->task, &call->cleanup);
    ngx_http_ihanoi_host_call_clean_up(call);

    return n;
}


/* The caller ends first: so does what it has called. */

static void
ngx_http_ihanoi_host_call_cancel(void *data)
{
    ngx_http_ihanoi_host_call_t *call = data;

    if (call->begin.posted) {
        ngx_delete_posted_event(&call->begin);
    }

    if (call->run) {
        ngx_http_ihanoi_plugin_drop(call->run);
        call->run = NULL;
    }
}


static void
ngx_http_ihanoi_host_call_clean_up(void *data)
{
    ngx_http_ihanoi_host_call_t *call = data;

    ngx_http_ihanoi_host_call_cancel(call);

    (void) ihanoi_sandbox_charge(call->task->run->state->sandbox,
                                 -(long) (call->argument_len
                                          + call->result_len));
    free(call->argument);
    free(call->result);
    ngx_free(call);
}
