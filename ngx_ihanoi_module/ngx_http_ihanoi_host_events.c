/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.events: a plugin tells others what has happened.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <lauxlib.h>

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_run.h"
#include "ngx_http_ihanoi_host.h"
#include "ihanoi_format.h"
#include "ihanoi_lua_json.h"


#define NGX_HTTP_IHANOI_HOST_EVENT_SIZE    65536
#define NGX_HTTP_IHANOI_HOST_EVENT_UUID    36
#define NGX_HTTP_IHANOI_HOST_EVENT_VALUES  4


/* Of a task that waits until its event is in the outbox. */
typedef struct {
    ngx_http_ihanoi_task_t     *task;
    ngx_http_ihanoi_pgcall_t   *call;
    char                       *payload;       /* from malloc() */
    const char                 *values[NGX_HTTP_IHANOI_HOST_EVENT_VALUES];
    u_char                      key[NGX_HTTP_IHANOI_HOST_EVENT_UUID + 1];
} ngx_http_ihanoi_host_event_t;


static int ngx_http_ihanoi_host_publish(lua_State *L);
static const char *ngx_http_ihanoi_host_event_declared(
    ngx_http_ihanoi_plugin_t *plugin, const char *event);
static char *ngx_http_ihanoi_host_event_payload(lua_State *L, int index,
    size_t *len);
static void ngx_http_ihanoi_host_published(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec);
static const char *ngx_http_ihanoi_host_event_why(
    ngx_http_ihanoi_pg_outcome_e outcome);
static void ngx_http_ihanoi_host_event_cancel(void *data);
static void ngx_http_ihanoi_host_event_free(ngx_http_ihanoi_host_event_t *ev);


static const ihanoi_host_function_t  ngx_http_ihanoi_host_events_functions[] = {

    { "events", "publish", ngx_http_ihanoi_host_publish,
      IHANOI_PHASE_CALL,
      "event string\nkey string\npayload? table",
      "id? integer\nerr? string",
      "Tells those who have subscribed: event is one of the manifest's "
      "events.publishes, key the UUID of what it is about, within which events "
      "keep their order, payload at most 65536 bytes of JSON without personal "
      "data. It is there for good when this returns, whatever becomes of the "
      "call; a transaction of ihanoi.db that should decide calls the SQL "
      "function ihanoi_host.publish(event, key, payload) instead. nil and "
      "\"key\" (no UUID), \"too-large\", \"value\" (what jsonb cannot hold), "
      "\"busy\", \"unavailable\" or \"unknown\": then it may be there or not. "
      "Raises for an event that the manifest does not have." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ngx_http_ihanoi_host_events = {
    "events",
    "What has happened, for other plugins and for the city. Events of others "
    "come to functions that the manifest names.",
    ngx_http_ihanoi_host_events_functions,
    NULL
};


static int
ngx_http_ihanoi_host_publish(lua_State *L)
{
    char                          *payload;
    size_t                         size;
    const char                    *event, *key;
    ngx_http_ihanoi_run_t         *run;
    ngx_http_ihanoi_plugin_t      *plugin;
    ngx_http_ihanoi_host_event_t  *ev;
    ngx_http_ihanoi_pg_outcome_e   outcome;

    run = ngx_http_ihanoi_run_may_wait(L);
    plugin = ngx_http_ihanoi_plugin_state_of(L)->plugin;

    event = ngx_http_ihanoi_host_event_declared(plugin,
                                                luaL_checkstring(L, 1));
    luaL_argcheck(L, event != NULL, 1,
                  "the manifest does not publish this event");

    key = luaL_checklstring(L, 2, &size);

    if (!ihanoi_format_find("uuid")->check(key, size)) {
        return ihanoi_host_fail(L, "key");
    }

    payload = ngx_http_ihanoi_host_event_payload(L, 3, &size);

    if (payload == NULL) {
        return ihanoi_host_fail(L, "too-large");
    }

    ev = ngx_calloc(sizeof(ngx_http_ihanoi_host_event_t), run->log);

    if (ev == NULL) {
        free(payload);
        return luaL_error(L, "not enough memory");
    }

    ev->task = run->current;
    ev->payload = payload;

    ngx_memcpy(ev->key, key, NGX_HTTP_IHANOI_HOST_EVENT_UUID);

    ev->values[0] = (char *) plugin->name.data;
    ev->values[1] = event;
    ev->values[2] = (char *) ev->key;
    ev->values[3] = payload;

    ev->call = ngx_http_ihanoi_pgcall_submit(plugin->publish_db,
                                        plugin->publish, ev->values,
                                        ngx_http_ihanoi_run_left(run),
                                        ngx_http_ihanoi_host_published, ev,
                                        run->log, &outcome);
    if (ev->call == NULL) {
        ngx_http_ihanoi_host_event_free(ev);
        return ihanoi_host_fail(L, "%s",
                                ngx_http_ihanoi_host_event_why(outcome));
    }

    return ngx_http_ihanoi_run_wait(L, run, ngx_http_ihanoi_host_event_cancel,
                                    ev);
}


/* The manifest's own text, which does not go away; NULL: it has none. */

static const char *
ngx_http_ihanoi_host_event_declared(ngx_http_ihanoi_plugin_t *plugin,
    const char *event)
{
    ngx_uint_t             i;
    const ihanoi_names_t  *publishes;

    publishes = &plugin->manifest->publishes;

    for (i = 0; i < publishes->n; i++) {
        if (ngx_strcmp(publishes->names[i], event) == 0) {
            return publishes->names[i];
        }
    }

    return NULL;
}


/* A JSON text from malloc(), NUL-terminated; NULL: it is too large. */

static char *
ngx_http_ihanoi_host_event_payload(lua_State *L, int index, size_t *len)
{
    char  *text;

    if (lua_isnoneornil(L, index)) {
        lua_settop(L, index - 1);
        lua_newtable(L);
    }

    luaL_checktype(L, index, LUA_TTABLE);

    if (ihanoi_lua_encode_json(L, index, &text, len) != 0) {
        (void) luaL_argerror(L, index, lua_tostring(L, -1));
    }

    if (*len > NGX_HTTP_IHANOI_HOST_EVENT_SIZE) {
        free(text);
        return NULL;
    }

    return text;
}


static void
ngx_http_ihanoi_host_published(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec)
{
    ngx_http_ihanoi_host_event_t *ev = data;

    int                              n;
    ngx_str_t                        id;
    lua_State                       *L;
    ngx_http_ihanoi_task_t          *task;
    ngx_http_ihanoi_plugin_state_t  *state;

    task = ev->task;
    state = task->run->state;
    L = ihanoi_call_state(task->call);

    ihanoi_sandbox_enter_host(state->sandbox);

    if (outcome == NGX_HTTP_IHANOI_PG_OK) {
        id = ngx_http_ihanoi_pgresult_value(res, 0, 0);
        lua_pushnumber(L, strtod((char *) id.data, NULL));
        n = 1;

    } else {
        lua_pushnil(L);
        lua_pushstring(L, ngx_http_ihanoi_host_event_why(outcome));
        n = 2;
    }

    ihanoi_sandbox_leave_host(state->sandbox);

    if (res) {
        ngx_http_ihanoi_pgresult_free(res);
    }

    ngx_http_ihanoi_host_event_free(ev);

    ngx_http_ihanoi_run_resume(task, n);
}


static const char *
ngx_http_ihanoi_host_event_why(ngx_http_ihanoi_pg_outcome_e outcome)
{
    switch (outcome) {

    case NGX_HTTP_IHANOI_PG_SQLERROR:
        return "value";

    case NGX_HTTP_IHANOI_PG_BUSY:
        return "busy";

    case NGX_HTTP_IHANOI_PG_TIMEOUT:
    case NGX_HTTP_IHANOI_PG_UNKNOWN:
        return "unknown";

    default:
        return "unavailable";
    }
}


/* It may have been sent: the event may be there. */

static void
ngx_http_ihanoi_host_event_cancel(void *data)
{
    ngx_http_ihanoi_host_event_t *ev = data;

    ngx_http_ihanoi_pgcall_abandon(ev->call);
    ngx_http_ihanoi_host_event_free(ev);
}


static void
ngx_http_ihanoi_host_event_free(ngx_http_ihanoi_host_event_t *ev)
{
    free(ev->payload);
    ngx_free(ev);
}
