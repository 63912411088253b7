/*
 * Copyright (C) iHaNoi contributors
 *
 * Calls into a sandbox: turns, kills, and coroutines of the plugin's own.
 *
 * A one-shot timer is set when a call begins, unless an earlier one's still
 * runs.  When a call has had its turn the signal handler arms a hook for the
 * next instruction of its state; the hook yields from wherever the plugin is.
 * The handler arms it again, turn after turn, until control is back here: near
 * the limit of its stack LuaJIT throws before it enters a hook, and unwinds with
 * every signal a little.
 *
 * A turn is time on the wall: the kernel's clocks of CPU time are looked at four
 * times as seldom.  What a call may use, and is killed for, is CPU time.
 *
 * The plugin's coroutines are resumed here as well, by a list of who resumed
 * whom, so that a turn can end and a host function can wait in any of them.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "ihanoi_sandbox_state.h"


/* Of C, for functions that call back into Lua, inside each other. */
#define IHANOI_SANDBOX_STACK  (1024 * 1024)

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id  _sigev_un._tid
#endif


typedef struct {
    timer_t                            id;
    int                                signo;
    unsigned                           created;
    uint64_t                           stuck_nsec;
    volatile sig_atomic_t             *alarm;
    void                             (*stuck)(const char *name);

    /* between the handler and the run */
    ihanoi_sandbox_t        *volatile  running;
    volatile uint64_t                  begin;      /* of this run */
    volatile uint64_t                  turn;
    volatile sig_atomic_t              over;       /* its turn */
    volatile sig_atomic_t              exact;      /* cpu is of its begin */
    volatile uint64_t                  cpu;        /* CPU time then, or when over */
    volatile sig_atomic_t              set;
} ihanoi_sandbox_timer_t;


static ihanoi_run_e ihanoi_call_step(ihanoi_call_t *call, int nargs);
static void ihanoi_call_place(ihanoi_call_t *call, lua_State *L);
static int ihanoi_call_back(ihanoi_call_t *call, lua_State *from, int ok,
    int n);
static void ihanoi_sandbox_set_timer(uint64_t nsec);
static void ihanoi_sandbox_signal(int signo);
static void ihanoi_sandbox_disarm(ihanoi_sandbox_t *sandbox);
static void ihanoi_sandbox_hook(lua_State *L, lua_Debug *ar);
static void ihanoi_sandbox_look(ihanoi_sandbox_t *sandbox, lua_State *L);
static void ihanoi_sandbox_die(ihanoi_sandbox_t *sandbox, lua_State *L);
static unsigned ihanoi_sandbox_run_usec(void);
static uint64_t ihanoi_sandbox_now(clockid_t clock);


static ihanoi_sandbox_timer_t  ihanoi_sandbox_timer;


int
ihanoi_sandbox_start_timer(int signo, volatile sig_atomic_t *alarm,
    unsigned stuck_msec, void (*stuck)(const char *name))
{
    struct sigevent          event;
    struct sigaction         action;
    ihanoi_sandbox_timer_t  *timer;

    timer = &ihanoi_sandbox_timer;

    ihanoi_sandbox_stop_timer();

    timer->signo = signo;
    timer->alarm = alarm;
    timer->stuck = stuck;
    timer->stuck_nsec = (uint64_t) stuck_msec * 1000000;

    memset(&action, 0, sizeof(struct sigaction));
    action.sa_handler = ihanoi_sandbox_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);

    if (sigaction(signo, &action, NULL) == -1) {
        return -1;
    }

    memset(&event, 0, sizeof(struct sigevent));
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = signo;
    event.sigev_notify_thread_id = syscall(SYS_gettid);

    if (timer_create(CLOCK_MONOTONIC, &event, &timer->id) == -1) {
        return -1;
    }

    timer->created = 1;
    timer->set = 0;

    return 0;
}


/* Also from the signal handler. */

static void
ihanoi_sandbox_set_timer(uint64_t nsec)
{
    struct itimerspec  spec;

    memset(&spec, 0, sizeof(struct itimerspec));
    spec.it_value.tv_nsec = nsec;

    ihanoi_sandbox_timer.set = 1;
    (void) timer_settime(ihanoi_sandbox_timer.id, 0, &spec, NULL);
}


void
ihanoi_sandbox_stop_timer(void)
{
    if (ihanoi_sandbox_timer.created) {
        (void) timer_delete(ihanoi_sandbox_timer.id);
        ihanoi_sandbox_timer.created = 0;
    }
}


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
    call->stack[0] = lua_newthread(sandbox->L);
    call->ref = luaL_ref(sandbox->L, LUA_REGISTRYINDEX);
    sandbox->host--;

    call->depth = 1;

    call->next = sandbox->calls;
    sandbox->calls = call;

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

    beside->stack[0] = lua_newthread(L);
    beside->ref = luaL_ref(L, LUA_REGISTRYINDEX);

    (void) lua_checkstack(beside->stack[0], n + 1);
    lua_xmove(L, beside->stack[0], n + 1);

    sandbox->host--;

    beside->next = sandbox->calls;
    sandbox->calls = beside;

    return beside;
}


void
ihanoi_call_destroy(ihanoi_call_t *call)
{
    unsigned            i;
    ihanoi_call_t     **p;
    ihanoi_sandbox_t   *sandbox;

    sandbox = call->sandbox;

    for (p = &sandbox->calls; *p != call; p = &(*p)->next) { /* void */ }
    *p = call->next;

    sandbox->host++;

    for (i = 1; i < call->depth; i++) {

        /* the first argument of coroutine.resume(), which has left room */

        lua_pushvalue(call->stack[i - 1], 1);
        lua_xmove(call->stack[i - 1], sandbox->L, 1);
        ihanoi_sandbox_bury(sandbox->L);
    }

    luaL_unref(sandbox->L, LUA_REGISTRYINDEX, call->ref);
    sandbox->host--;

    /* what a state without memory holds is given back by a collection only */

    if (sandbox->used > sandbox->limit
        || (call->state == IHANOI_RUN_MEMORY || call->state == IHANOI_RUN_CPU))
    {
        ihanoi_sandbox_collect(sandbox);
    }

    free(call);
}


lua_State *
ihanoi_call_state(ihanoi_call_t *call)
{
    return call->stack[call->depth - 1];
}


ihanoi_run_e
ihanoi_call_run(ihanoi_call_t *call, int nargs)
{
    unsigned                 used;
    ihanoi_sandbox_t        *sandbox;
    ihanoi_sandbox_timer_t  *timer;

    timer = &ihanoi_sandbox_timer;
    sandbox = call->sandbox;

    used = call->account->usec;

    if (call->state != IHANOI_RUN_SLICE) {

        /* what it waited for may be done for good: to say so is its right */

        call->least_usec = used + IHANOI_SANDBOX_FIRST_USEC;
    }

    sandbox->call = call;
    sandbox->preempt = 0;
    sandbox->collect = 0;
    sandbox->stack = __builtin_frame_address(0);

    timer->begin = ihanoi_sandbox_now(CLOCK_MONOTONIC);
    timer->turn = IHANOI_SANDBOX_TURN_USEC * 1000;
    timer->over = 0;
    timer->exact = 0;

    if (call->state == IHANOI_RUN_SLICE) {
        timer->exact = 1;
        timer->cpu = ihanoi_sandbox_now(CLOCK_THREAD_CPUTIME_ID);

    } else if (used + IHANOI_SANDBOX_TURN_USEC < IHANOI_SANDBOX_FIRST_USEC) {
        timer->turn = (IHANOI_SANDBOX_FIRST_USEC - used) * 1000;
    }

    timer->running = sandbox;

    if (!timer->set) {
        ihanoi_sandbox_set_timer(timer->turn);
    }

    call->state = ihanoi_call_step(call, nargs);

    timer->running = NULL;

    /* an armed hook must meet neither the next call nor host code */

    ihanoi_sandbox_disarm(sandbox);

    call->account->usec += ihanoi_sandbox_run_usec();
    sandbox->call = NULL;

    return call->state;
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

            case IHANOI_SANDBOX_SLICE:
                return IHANOI_RUN_SLICE;

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
    int          level;
    lua_Debug    ar;
    const char  *text;

    if (lua_type(L, -1) != LUA_TSTRING) {
        return;
    }

    text = lua_tostring(L, -1);

    if (strncmp(text, "host:", 5) != 0 || (text = strstr(text, ": ")) == NULL) {
        return;
    }

    for (level = 0; lua_getstack(L, level, &ar); level++) {
        (void) lua_getinfo(L, "Sl", &ar);

        if (ar.currentline > 0 && strcmp(ar.source, "=host") != 0) {
            call->sandbox->host++;
            (void) lua_checkstack(L, 1);
            (void) lua_pushfstring(L, "%s:%d%s", ar.short_src, ar.currentline,
                                   text);
            call->sandbox->host--;
            return;
        }
    }
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
 * What this run has had: CPU time, exact, or since its turn was over and half of
 * the turn; before that time on the wall.
 */

static unsigned
ihanoi_sandbox_run_usec(void)
{
    uint64_t                 usec, most;
    ihanoi_sandbox_timer_t  *timer;

    timer = &ihanoi_sandbox_timer;

    if (timer->over || timer->exact) {
        return (ihanoi_sandbox_now(CLOCK_THREAD_CPUTIME_ID) - timer->cpu) / 1000
               + (timer->exact ? 0 : timer->turn / 2000);
    }

    /* the clock on the wall is cheap, and runs on when others have the
       processor: no more than a turn of it can be the call's */

    usec = (ihanoi_sandbox_now(CLOCK_MONOTONIC) - timer->begin) / 1000;
    most = timer->turn / 1000;

    return usec < most ? usec : most;
}


static uint64_t
ihanoi_sandbox_now(clockid_t clock)
{
    struct timespec  ts;

    (void) clock_gettime(clock, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


/* The signal: may interrupt anything, so it only notes and arms. */

static void
ihanoi_sandbox_signal(int signo)
{
    int                      error;
    uint64_t                 now, next;
    ihanoi_sandbox_t        *sandbox;
    ihanoi_sandbox_timer_t  *timer;

    timer = &ihanoi_sandbox_timer;
    error = errno;

    timer->set = 0;

    if (timer->alarm) {
        *timer->alarm = 1;
    }

    sandbox = timer->running;

    if (sandbox) {
        next = timer->turn;
        now = ihanoi_sandbox_now(CLOCK_MONOTONIC) - timer->begin;

        if (now < next) {

            /* it was set for an earlier run */

            next -= now;

        } else {
            now = ihanoi_sandbox_now(CLOCK_THREAD_CPUTIME_ID);

            if (!timer->over && !timer->exact) {
                timer->cpu = now;
            }

            timer->over = 1;

            sandbox->preempt = 1;

            if (!sandbox->disarming) {
                ihanoi_sandbox_arm(sandbox);
            }

            if (timer->stuck && now - timer->cpu > timer->stuck_nsec) {
                timer->stuck(sandbox->conf.name);
            }
        }

        ihanoi_sandbox_set_timer(next);
    }

    errno = error;
}


void
ihanoi_sandbox_arm(ihanoi_sandbox_t *sandbox)
{
    lua_sethook(sandbox->L, ihanoi_sandbox_hook, LUA_MASKCOUNT, 1);
}


/*
 * LuaJIT notes first how instructions are dispatched, then copies the tables:
 * a handler that armed in between would leave a note that says hooked over
 * tables that are not, and no later one would change anything.  Who disarms
 * looks at preempt next.
 */

static void
ihanoi_sandbox_disarm(ihanoi_sandbox_t *sandbox)
{
    sandbox->disarming = 1;
    lua_sethook(sandbox->L, NULL, 0, 0);
    sandbox->disarming = 0;
}


/* Runs in the plugin's place, between two of its instructions. */

static void
ihanoi_sandbox_hook(lua_State *L, lua_Debug *ar)
{
    ihanoi_sandbox_t  *sandbox;

    sandbox = ihanoi_sandbox_of(L);

    ihanoi_sandbox_disarm(sandbox);

    if (sandbox->call == NULL) {
        return;
    }

    ihanoi_sandbox_look(sandbox, L);

    if (sandbox->call->killed != IHANOI_RUN_DONE) {

        if (lua_isyieldable(L)) {
            sandbox->op = IHANOI_SANDBOX_KILL;
            (void) lua_yield(L, 0);
            return;
        }

        /* in a callback of C: out of it first, then again */

        ihanoi_sandbox_die(sandbox, L);
    }

    if (sandbox->preempt && lua_isyieldable(L)) {
        sandbox->preempt = 0;
        sandbox->op = IHANOI_SANDBOX_SLICE;
        (void) lua_yield(L, 0);
    }
}


/* Has the running call to die? */

static void
ihanoi_sandbox_look(ihanoi_sandbox_t *sandbox, lua_State *L)
{
    unsigned        usec;
    ihanoi_call_t  *call;

    call = sandbox->call;

    if (sandbox->collect) {
        sandbox->host++;
        lua_gc(L, LUA_GCCOLLECT, 0);
        sandbox->host--;

        sandbox->collect = 0;

        if (sandbox->used > sandbox->limit) {
            call->killed = IHANOI_RUN_MEMORY;
        }
    }

    if (sandbox->preempt) {
        usec = call->account->usec + ihanoi_sandbox_run_usec();

        if (usec > call->account->cpu_usec && usec > call->least_usec) {
            call->killed = IHANOI_RUN_CPU;
        }
    }
}


void
ihanoi_sandbox_poll(lua_State *L)
{
    ihanoi_sandbox_t  *sandbox;

    sandbox = ihanoi_sandbox_of(L);

    if ((sandbox->preempt || sandbox->collect) && sandbox->call) {
        ihanoi_sandbox_look(sandbox, L);
        ihanoi_sandbox_die(sandbox, L);
    }
}


/* Out of a function of C; the hook then meets whoever has caught the error. */

static void
ihanoi_sandbox_die(ihanoi_sandbox_t *sandbox, lua_State *L)
{
    if (sandbox->call->killed != IHANOI_RUN_DONE) {
        ihanoi_sandbox_arm(sandbox);
        (void) luaL_error(L, "killed");
    }
}


void
ihanoi_sandbox_check_stack(lua_State *L)
{
    char              *here;
    ihanoi_sandbox_t  *sandbox;

    sandbox = ihanoi_sandbox_of(L);
    here = __builtin_frame_address(0);

    if (sandbox->call && sandbox->stack - here > IHANOI_SANDBOX_STACK) {
        (void) luaL_error(L, "C stack overflow");
    }
}


void
ihanoi_call_may_wait(lua_State *L)
{
    ihanoi_call_t     *call;
    ihanoi_sandbox_t  *sandbox;

    sandbox = ihanoi_sandbox_of(L);
    call = sandbox->call;

    if (call->account->usec + ihanoi_sandbox_run_usec()
        > call->account->cpu_usec)
    {
        call->killed = IHANOI_RUN_CPU;
    }

    ihanoi_sandbox_die(sandbox, L);
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

    if (lua_type(call->failed, -1) != LUA_TSTRING) {
        return "an error that is not a string";
    }

    return lua_tostring(call->failed, -1);
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
