/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.run: waiting, and tasks of a run that wait at the same time.
 */

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_run.h"
#include "ngx_http_ihanoi_host.h"


/* The metatable of handles, in the registry. */
#define NGX_HTTP_IHANOI_HOST_TASK  "ihanoi.Task"


typedef struct {
    ngx_event_t              event;
    ngx_http_ihanoi_task_t  *task;
} ngx_http_ihanoi_host_sleep_t;


/* What a plugin has of a task: numbers, which nothing can be made of. */
typedef struct {
    uint64_t    serial;      /* of its run */
    ngx_uint_t  number;      /* in it */
} ngx_http_ihanoi_host_task_t;


static int ngx_http_ihanoi_host_run_open(lua_State *L);
static int ngx_http_ihanoi_host_sleep(lua_State *L);
static int ngx_http_ihanoi_host_spawn(lua_State *L);
static int ngx_http_ihanoi_host_wait(lua_State *L);
static ngx_http_ihanoi_task_t *ngx_http_ihanoi_host_task(lua_State *L,
    ngx_http_ihanoi_run_t *run);
static void ngx_http_ihanoi_host_wait_cancel(void *data);
static void ngx_http_ihanoi_host_wait_expired(ngx_event_t *ev);


static const ihanoi_host_function_t  ngx_http_ihanoi_host_run_functions[] = {

    { "run", "sleep", ngx_http_ihanoi_host_sleep,
      IHANOI_PHASE_CALL, "seconds number", "",
      "Waits so many seconds, fractions count, and lets others go on. The "
      "deadline ends it too. Raises outside 0 to 86400." },

    { "run", "spawn", ngx_http_ihanoi_host_spawn,
      IHANOI_PHASE_CALL, "body fun(...): ...any\n... any",
      "task? ihanoi.Task\nerr? string",
      "Begins a task of this run, which calls body with the arguments: it has "
      "its first turn when the one that runs now waits, and then goes on "
      "whenever what it waits for is there and the others wait. Memory, "
      "processor time and deadline are the run's. Tasks that have not ended "
      "when the handler returns are dropped. nil and \"too many tasks\" when 8 "
      "have not ended, or the run has spawned 32." },

    { "run", "wait", ngx_http_ihanoi_host_wait,
      IHANOI_PHASE_CALL, "task ihanoi.Task\nseconds? number",
      "... any",
      "Waits for the end of a task and gives what its function returned, once; "
      "nil and the error with its file and line when it raised one; nil and "
      "\"timeout\" when it has not ended in so many seconds: it goes on, and "
      "can be waited for again. Raises for a task of another run, one that was "
      "waited for already, and where tasks would wait for each other." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ngx_http_ihanoi_host_run = {
    "run", "The run of a handler: waiting, and tasks that wait at the same "
    "time.",
    ngx_http_ihanoi_host_run_functions, ngx_http_ihanoi_host_run_open
};


static int
ngx_http_ihanoi_host_run_open(lua_State *L)
{
    (void) luaL_newmetatable(L, NGX_HTTP_IHANOI_HOST_TASK);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);

    return 0;
}


static void
ngx_http_ihanoi_host_awake(ngx_event_t *ev)
{
    ngx_http_ihanoi_task_t        *task;
    ngx_http_ihanoi_host_sleep_t  *sleep;

    sleep = ev->data;
    task = sleep->task;

    ngx_free(sleep);
    ngx_http_ihanoi_run_resume(task, 0);
}


static void
ngx_http_ihanoi_host_sleep_cancel(void *data)
{
    ngx_http_ihanoi_host_sleep_t *sleep = data;

    ngx_del_timer(&sleep->event);
    ngx_free(sleep);
}


static int
ngx_http_ihanoi_host_sleep(lua_State *L)
{
    lua_Number                     seconds;
    ngx_http_ihanoi_run_t         *run;
    ngx_http_ihanoi_host_sleep_t  *sleep;

    seconds = luaL_checknumber(L, 1);
    luaL_argcheck(L, seconds >= 0 && seconds < 86400, 1,
                  "must be from 0 to 86400");

    run = ngx_http_ihanoi_run_may_wait(L);

    sleep = ngx_calloc(sizeof(ngx_http_ihanoi_host_sleep_t), run->log);
    if (sleep == NULL) {
        return luaL_error(L, "not enough memory");
    }

    sleep->task = run->current;
    sleep->event.handler = ngx_http_ihanoi_host_awake;
    sleep->event.data = sleep;
    sleep->event.log = run->log;

    ngx_add_timer(&sleep->event, (ngx_msec_t) (seconds * 1000));

    return ngx_http_ihanoi_run_wait(L, run, ngx_http_ihanoi_host_sleep_cancel,
                                    sleep);
}


static int
ngx_http_ihanoi_host_spawn(lua_State *L)
{
    int                           n;
    ngx_http_ihanoi_run_t        *run;
    ngx_http_ihanoi_host_task_t  *handle;

    luaL_checktype(L, 1, LUA_TFUNCTION);
    n = lua_gettop(L) - 1;
    luaL_argcheck(L, n <= IHANOI_CALL_RESULTS, 1, "has too many arguments");

    run = ngx_http_ihanoi_run_of(L);

    /* all that may raise an error comes before the task */

    handle = lua_newuserdata(L, sizeof(ngx_http_ihanoi_host_task_t));
    luaL_getmetatable(L, NGX_HTTP_IHANOI_HOST_TASK);
    lua_setmetatable(L, -2);
    lua_insert(L, 1);

    handle->serial = run->serial;
    handle->number = run->ntasks;

    if (ngx_http_ihanoi_run_spawn(L, n) == NULL) {
        return ihanoi_host_fail(L, "too many tasks");
    }

    return 1;
}


static int
ngx_http_ihanoi_host_wait(lua_State *L)
{
    lua_Number               seconds;
    ngx_http_ihanoi_run_t   *run;
    ngx_http_ihanoi_task_t  *task, *current, *other;

    run = ngx_http_ihanoi_run_may_wait(L);
    task = ngx_http_ihanoi_host_task(L, run);
    seconds = luaL_optnumber(L, 2, -1);

    luaL_argcheck(L, lua_isnoneornil(L, 2)
                     || (seconds >= 0 && seconds < 86400), 2,
                  "must be from 0 to 86400");

    current = run->current;

    luaL_checkstack(L, IHANOI_CALL_RESULTS + 2, "results of a task");

    if (task->ended) {
        return ngx_http_ihanoi_run_take(task, L);
    }

    if (task->waiter) {
        return luaL_error(L, "another task waits for this one already");
    }

    for (other = task; other; other = other->waits_for) {
        if (other == current) {
            return luaL_error(L, "tasks would wait for each other");
        }
    }

    task->waiter = current;
    current->waits_for = task;

    if (seconds >= 0) {
        current->patience.handler = ngx_http_ihanoi_host_wait_expired;
        current->patience.data = current;
        current->patience.log = run->log;

        ngx_add_timer(&current->patience, (ngx_msec_t) (seconds * 1000));
    }

    return ngx_http_ihanoi_run_wait(L, run, ngx_http_ihanoi_host_wait_cancel,
                                    current);
}


/* The handle at 1, of this run's. */

static ngx_http_ihanoi_task_t *
ngx_http_ihanoi_host_task(lua_State *L, ngx_http_ihanoi_run_t *run)
{
    ngx_http_ihanoi_task_t       *task;
    ngx_http_ihanoi_host_task_t  *handle;

    handle = luaL_checkudata(L, 1, NGX_HTTP_IHANOI_HOST_TASK);

    if (handle->serial != run->serial) {
        (void) luaL_error(L, "the task is of another run");
    }

    task = run->tasks[handle->number];

    if (task->call == NULL) {
        (void) luaL_error(L, "the task was waited for already");
    }

    return task;
}


static void
ngx_http_ihanoi_host_wait_cancel(void *data)
{
    ngx_http_ihanoi_task_t *current = data;

    if (current->patience.timer_set) {
        ngx_del_timer(&current->patience);
    }

    current->waits_for->waiter = NULL;
    current->waits_for = NULL;
}


static void
ngx_http_ihanoi_host_wait_expired(ngx_event_t *ev)
{
    int                      n;
    ihanoi_sandbox_t        *sandbox;
    ngx_http_ihanoi_task_t  *current;

    current = ev->data;
    sandbox = current->run->state->sandbox;

    ngx_http_ihanoi_host_wait_cancel(current);

    ihanoi_sandbox_enter_host(sandbox);
    n = ihanoi_host_fail(ihanoi_call_state(current->call), "timeout");
    ihanoi_sandbox_leave_host(sandbox);

    ngx_http_ihanoi_run_resume(current, n);
}
