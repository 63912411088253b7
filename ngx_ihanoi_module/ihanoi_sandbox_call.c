/*
 * Copyright (C) iHaNoi contributors
 *
 * Calls into a sandbox: from their start to their end, with the plugin's own
 * coroutines.
 *
 * A call runs on a C stack of its own, a fiber, and is left there when its turn
 * is over: in the hook, in a callback of sort(), in a pattern or in a collection.
 * What it waits for it leaves by a yield, without the fiber.  A call that is
 * killed is yielded from as well and never resumed; in a callback of C it is
 * first thrown out of that.
 *
 * The plugin's coroutines are resumed here as well, by a list of who resumed
 * whom, so that a host function can wait in any of them.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ihanoi_sandbox_state.h"


/* Of C, for functions that call back into Lua, inside each other. */
#define IHANOI_SANDBOX_STACK  (1024 * 1024)


static void ihanoi_call_begin(ihanoi_call_t *call);
static void ihanoi_call_end(ihanoi_call_t *call);
static void ihanoi_call_enter(ihanoi_call_t *call);
static void ihanoi_call_inside(void *data);
static ihanoi_run_e ihanoi_call_step(ihanoi_call_t *call, int nargs);
static void ihanoi_sandbox_check_depth(lua_State *L, int handler);
static void ihanoi_call_place(ihanoi_call_t *call, lua_State *L);
static void ihanoi_call_tell(ihanoi_call_t *call, lua_State *L);
static void ihanoi_call_say(ihanoi_call_t *call, const char *place,
    const char *message);
static void ihanoi_call_line(lua_State *L, char *place);
static int ihanoi_call_back(ihanoi_call_t *call, lua_State *from, int ok,
    int n);


ihanoi_call_t *
ihanoi_call_create(ihanoi_sandbox_t *sandbox, unsigned cpu_usec)
{
    ihanoi_call_t  *call;

    call = calloc(1, sizeof(ihanoi_call_t));
    if (call == NULL) {
        return NULL;
    }

    call->sandbox = sandbox;
    call->account = call;
    call->number = ++sandbox->ncalls;
    call->cpu_usec = cpu_usec;

    sandbox->host++;
    ihanoi_call_begin(call);
    sandbox->host--;

    call->depth = 1;

    LIST_INSERT_HEAD(&sandbox->calls, call, link);

    return call;
}


ihanoi_call_t *
ihanoi_call_create_beside(ihanoi_call_t *call, lua_State *L, int n)
{
    ihanoi_call_t     *beside;
    ihanoi_sandbox_t  *sandbox;

    sandbox = call->sandbox;

    beside = calloc(1, sizeof(ihanoi_call_t));
    if (beside == NULL) {
        return NULL;
    }

    beside->sandbox = sandbox;
    beside->account = call->account;
    beside->number = ++sandbox->ncalls;
    beside->depth = 1;

    /* an error here would lose it: what is too much is found by the hook */

    sandbox->host++;

    ihanoi_call_begin(beside);

    (void) lua_checkstack(beside->stack[0], n + 1);
    lua_xmove(L, beside->stack[0], n + 1);

    sandbox->host--;

    LIST_INSERT_HEAD(&sandbox->calls, beside, link);

    return beside;
}


void
ihanoi_call_drop(ihanoi_call_t *call)
{
    if (call->fiber) {

        /* left in the middle: the hook or the poll that it comes back to ends it */

        call->killed = IHANOI_RUN_CPU;
        call->dropped = 1;

        (void) ihanoi_call_run(call, 0);
    }
}


void
ihanoi_call_destroy(ihanoi_call_t *call)
{
    unsigned           i;
    ihanoi_sandbox_t  *sandbox;

    sandbox = call->sandbox;

    ihanoi_call_drop(call);

    LIST_REMOVE(call, link);

    sandbox->host++;

    for (i = 1; i < call->depth; i++) {

        /* the first argument of coroutine.resume(), which has left room */

        lua_pushvalue(call->stack[i - 1], 1);
        lua_xmove(call->stack[i - 1], sandbox->L, 1);
        ihanoi_sandbox_bury(sandbox->L);
    }

    ihanoi_call_end(call);
    sandbox->host--;

    free(call->text);
    free(call);
}


/* On a coroutine that another call is done with, or a new one. */

static void
ihanoi_call_begin(ihanoi_call_t *call)
{
    ihanoi_sandbox_t         *sandbox;
    ihanoi_sandbox_thread_t  *thread;

    sandbox = call->sandbox;

    if (sandbox->nthreads) {
        thread = &sandbox->threads[--sandbox->nthreads];

        call->stack[0] = thread->L;
        call->ref = thread->ref;
        return;
    }

    call->stack[0] = lua_newthread(sandbox->L);
    call->ref = luaL_ref(sandbox->L, LUA_REGISTRYINDEX);
}


/* The plugin never sees it: coroutine.running() is nil there. */

static void
ihanoi_call_end(ihanoi_call_t *call)
{
    ihanoi_sandbox_t         *sandbox;
    ihanoi_sandbox_thread_t  *thread;

    sandbox = call->sandbox;

    if (call->state != IHANOI_RUN_DONE
        || sandbox->nthreads == IHANOI_SANDBOX_THREADS)
    {
        luaL_unref(sandbox->L, LUA_REGISTRYINDEX, call->ref);
        return;
    }

    lua_settop(call->stack[0], 0);

    thread = &sandbox->threads[sandbox->nthreads++];

    thread->L = call->stack[0];
    thread->ref = call->ref;
}


lua_State *
ihanoi_call_state(ihanoi_call_t *call)
{
    return call->stack[call->depth - 1];
}


ihanoi_run_e
ihanoi_call_run(ihanoi_call_t *call, int nargs)
{
    call->nargs = nargs;
    call->sandbox->call = call;

    ihanoi_sandbox_begin_turn(call);
    ihanoi_call_enter(call);
    ihanoi_sandbox_end_turn(call);

    call->sandbox->call = NULL;

    return call->state;
}


/* Until it has ended, waits, or has had its turn. */

static void
ihanoi_call_enter(ihanoi_call_t *call)
{
    if (call->fiber == NULL) {
        call->fiber = ihanoi_fiber_get();

        if (call->fiber == NULL) {
            call->killed = IHANOI_RUN_MEMORY;
            call->state = IHANOI_RUN_MEMORY;
            return;
        }
    }

    if (ihanoi_fiber_enter(call->fiber, ihanoi_call_inside, call)
        == IHANOI_FIBER_DONE)
    {
        ihanoi_fiber_put(call->fiber);
        call->fiber = NULL;
    }
}


static void
ihanoi_call_inside(void *data)
{
    ihanoi_call_t     *call = data;

    ihanoi_sandbox_t  *sandbox;

    sandbox = call->sandbox;
    sandbox->stack = __builtin_frame_address(0);

    if (sandbox->used > sandbox->limit) {

        /* filled by the host, meanwhile or before */

        sandbox->collect = 1;
        ihanoi_sandbox_arm(sandbox);
    }

    call->state = ihanoi_call_step(call, call->nargs);
}


/* Resumes coroutine after coroutine until somebody outside has to act. */

static ihanoi_run_e
ihanoi_call_step(ihanoi_call_t *call, int nargs)
{
    int                rc;
    lua_State         *L, *to;
    ihanoi_sandbox_t  *sandbox;

    sandbox = call->sandbox;

    for ( ;; ) {
        L = call->stack[call->depth - 1];

        sandbox->op = IHANOI_SANDBOX_NONE;
        rc = lua_resume(L, nargs);

        if (call->killed != IHANOI_RUN_DONE) {

            /* by the hook, or by an error where it could not yield */

            call->failed = L;
            return call->killed;
        }

        if (rc == LUA_YIELD) {

            switch (sandbox->op) {

            case IHANOI_SANDBOX_WAIT:
                return IHANOI_RUN_WAIT;

            case IHANOI_SANDBOX_RESUME:

                /* it stays where it was an argument: nobody else keeps it */

                nargs = lua_gettop(L) - 1;
                to = lua_tothread(L, 1);
                lua_xmove(L, to, nargs);
                call->stack[call->depth++] = to;
                continue;

            default: /* IHANOI_SANDBOX_YIELD */
                nargs = ihanoi_call_back(call, L, 1, lua_gettop(L));
                continue;
            }
        }

        if (rc == 0) {
            if (call->depth == 1) {
                return IHANOI_RUN_DONE;
            }

            nargs = ihanoi_call_back(call, L, 1, lua_gettop(L));
            continue;
        }

        if (call->depth == 1) {
            ihanoi_call_place(call, L);
            call->failed = L;
            return rc == LUA_ERRMEM ? IHANOI_RUN_MEMORY : IHANOI_RUN_ERROR;
        }

        nargs = ihanoi_call_back(call, L, 0, 1);
    }
}


/*
 * Some of the host's functions are Lua themselves.  What they were given wrong
 * is told with the line that gave it, and not with theirs: "host:21: ...".
 */

static void
ihanoi_call_place(ihanoi_call_t *call, lua_State *L)
{
    char         place[IHANOI_CALL_PLACE];
    const char  *text;

    if (lua_type(L, -1) != LUA_TSTRING) {
        ihanoi_call_tell(call, L);
        return;
    }

    text = lua_tostring(L, -1);

    if (strncmp(text, "host:", 5) == 0 && (text = strstr(text, ": "))) {
        ihanoi_call_line(L, place);
        ihanoi_call_say(call, place, text + 2);
    }
}


/*
 * Of an error that is no string: the "message" of a table, or what it is.  No code of
 * the plugin's is asked for it, and its stack may be full.
 */

static void
ihanoi_call_tell(ihanoi_call_t *call, lua_State *L)
{
    char        what[64];
    lua_State  *own;

    own = call->sandbox->L;

    if (lua_topointer(L, -1) == NULL || lua_topointer(L, -1) != call->raised) {
        ihanoi_call_line(L, call->place);
    }

    (void) snprintf(what, sizeof(what), "an error that is not a string (a %s value)",
                    luaL_typename(L, -1));

    if (lua_type(L, -1) != LUA_TTABLE) {
        ihanoi_call_say(call, call->place, what);
        return;
    }

    call->sandbox->host++;
    (void) lua_checkstack(own, 2);

    lua_xmove(L, own, 1);
    lua_pushliteral(own, "message");
    lua_rawget(own, -2);

    ihanoi_call_say(call, call->place, lua_type(own, -1) == LUA_TSTRING
                                       ? lua_tostring(own, -1) : what);
    lua_pop(own, 1);
    lua_xmove(own, L, 1);

    call->sandbox->host--;
}


static void
ihanoi_call_say(ihanoi_call_t *call, const char *place, const char *message)
{
    size_t  len;

    len = strlen(place) + strlen(message) + 1;

    call->text = malloc(len);

    if (call->text) {
        (void) snprintf(call->text, len, "%s%s", place, message);
    }
}


/*
 * The innermost line of the plugin's that runs.  Of "return error({})" there is
 * none: a line that called last is none any more.
 */

static void
ihanoi_call_line(lua_State *L, char *place)
{
    int        level;
    lua_Debug  ar;

    place[0] = '\0';

    for (level = 0; lua_getstack(L, level, &ar); level++) {
        (void) lua_getinfo(L, "Sl", &ar);

        if (ar.currentline > 0 && strcmp(ar.source, "=host") != 0
            && strcmp(ar.source, "=sandbox") != 0)
        {
            (void) snprintf(place, IHANOI_CALL_PLACE, "%s:%d: ", ar.short_src,
                            ar.currentline);
            return;
        }
    }
}


int
ihanoi_sandbox_raised(lua_State *L)
{
    const void     *raised;
    ihanoi_call_t  *call;

    call = ihanoi_sandbox_of(L)->call;
    raised = lua_topointer(L, 1);

    if (call && raised && raised != call->raised
        && lua_type(L, 1) != LUA_TSTRING)
    {
        call->raised = raised;
        ihanoi_call_line(L, call->place);
    }

    lua_settop(L, 1);

    return 1;
}


/* A coroutine yielded, returned or failed: n values for who resumed it. */

static int
ihanoi_call_back(ihanoi_call_t *call, lua_State *from, int ok, int n)
{
    lua_State  *to;

    call->depth--;
    to = call->stack[call->depth - 1];

    /* nothing here is protected: coroutine.resume() has seen to the room */

    call->sandbox->host++;

    if (n > IHANOI_CALL_RESULTS) {
        lua_pop(from, n);
        lua_pushboolean(to, 0);
        lua_pushliteral(to, "too many results of a coroutine");
        n = 1;

    } else {
        (void) lua_checkstack(to, n + 1);
        lua_pushboolean(to, ok);
        lua_xmove(from, to, n);
    }

    call->sandbox->host--;

    return n + 1;
}


/*
 * The error of a stack that is full leaves a fourth more to the handlers of xpcall()
 * that hear of it; what goes on there gets the error that no handler is shown.
 */

static void
ihanoi_sandbox_check_depth(lua_State *L, int handler)
{
    char              *here;
    ihanoi_sandbox_t  *sandbox;

    sandbox = ihanoi_sandbox_of(L);
    here = __builtin_frame_address(0);

    if (sandbox->call == NULL) {
        return;
    }

    if (sandbox->stack - here > IHANOI_SANDBOX_STACK + IHANOI_SANDBOX_STACK / 4) {
        (void) lua_newuserdata(L, sandbox->hard);    /* not enough memory */
    }

    if (!handler && sandbox->stack - here > IHANOI_SANDBOX_STACK) {
        (void) luaL_error(L, "C stack overflow");
    }
}


void
ihanoi_sandbox_check_stack(lua_State *L)
{
    ihanoi_sandbox_check_depth(L, 0);
}


int
ihanoi_sandbox_check_handler(lua_State *L)
{
    ihanoi_sandbox_check_depth(L, 1);

    return 0;
}


int
ihanoi_call_wait(lua_State *L)
{
    ihanoi_sandbox_t  *sandbox;

    sandbox = ihanoi_sandbox_of(L);

    if (!lua_isyieldable(L)) {
        return luaL_error(L, "waiting is not possible in a callback of "
                             "sort(), gsub() and the like");
    }

    sandbox->op = IHANOI_SANDBOX_WAIT;

    return lua_yield(L, 0);
}


int
ihanoi_call_results(ihanoi_call_t *call, lua_State *to)
{
    int         n;
    lua_State  *from;

    from = call->stack[0];
    n = lua_gettop(from);

    call->sandbox->host++;

    if (n > IHANOI_CALL_RESULTS) {
        lua_pushnil(to);
        lua_pushliteral(to, "too many results");
        n = 2;

    } else {
        (void) lua_checkstack(to, n);
        lua_xmove(from, to, n);
    }

    call->sandbox->host--;

    return n;
}


ihanoi_call_t *
ihanoi_call_current(lua_State *L)
{
    return ihanoi_sandbox_of(L)->call;
}


const char *
ihanoi_call_error(ihanoi_call_t *call)
{
    switch (call->state) {

    case IHANOI_RUN_MEMORY:
        return "memory limit reached";

    case IHANOI_RUN_CPU:
        return "CPU budget used up";

    case IHANOI_RUN_ERROR:
        break;

    default:
        return "";
    }

    if (call->text) {
        return call->text;
    }

    if (call->failed == NULL || lua_type(call->failed, -1) != LUA_TSTRING) {
        return "an error that is not a string";
    }

    return lua_tostring(call->failed, -1);
}


int
ihanoi_call_take_error(ihanoi_call_t *call, lua_State *to)
{
    if (call->state != IHANOI_RUN_ERROR || call->failed == NULL
        || lua_type(call->failed, -1) != LUA_TTABLE)
    {
        return 0;
    }

    lua_xmove(call->failed, to, 1);
    call->failed = NULL;

    return 1;
}


unsigned
ihanoi_call_usec(ihanoi_call_t *call)
{
    return call->account->usec;
}


void
ihanoi_call_set_data(ihanoi_call_t *call, void *data)
{
    call->data = data;
}


void *
ihanoi_call_data(ihanoi_call_t *call)
{
    return call->data;
}
