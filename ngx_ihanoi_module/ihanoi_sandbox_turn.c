/*
 * Copyright (C) iHaNoi contributors
 *
 * Turns of calls: who has computed for long lets others go on, or is killed.
 *
 * A one-shot timer is set when a call begins, unless an earlier one's still
 * runs.  When a call has had its turn the signal handler arms a hook for the
 * next instruction of its state.  The handler arms it again, turn after turn,
 * until the call is left: near the limit of its stack LuaJIT throws before it
 * enters a hook, and unwinds with every signal a little.
 *
 * A turn is time on the wall: the kernel's clocks of CPU time are looked at four
 * times as seldom.  What a call may use, and is killed for, is CPU time.
 */

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "ihanoi_sandbox_state.h"


#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id  _sigev_un._tid
#endif


typedef struct {
    timer_t                            id;
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


static void ihanoi_sandbox_set_timer(uint64_t nsec);
static void ihanoi_sandbox_signal(int signo);
static void ihanoi_sandbox_disarm(ihanoi_sandbox_t *sandbox);
static void ihanoi_sandbox_hook(lua_State *L, lua_Debug *ar);
static void ihanoi_sandbox_look(ihanoi_sandbox_t *sandbox, lua_State *L);
static void ihanoi_sandbox_turn(ihanoi_sandbox_t *sandbox);
static void ihanoi_sandbox_collect_cycles(ihanoi_sandbox_t *sandbox,
    lua_State *L, size_t room);
static void ihanoi_sandbox_die(ihanoi_sandbox_t *sandbox, lua_State *L);
static unsigned ihanoi_sandbox_run_usec(void);


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


void
ihanoi_sandbox_begin_turn(ihanoi_call_t *call)
{
    unsigned                 used;
    ihanoi_sandbox_timer_t  *timer;

    timer = &ihanoi_sandbox_timer;
    used = call->account->usec;

    if (call->state != IHANOI_RUN_SLICE) {

        /* what it waited for may be done for good: to say so is its right */

        call->least_usec = used + IHANOI_SANDBOX_LEAST_USEC;
    }

    call->sandbox->preempt = 0;

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

    timer->running = call->sandbox;

    if (!timer->set) {
        ihanoi_sandbox_set_timer(timer->turn);
    }
}


void
ihanoi_sandbox_end_turn(ihanoi_call_t *call)
{
    ihanoi_sandbox_timer.running = NULL;

    /* an armed hook must meet neither the next call nor host code */

    ihanoi_sandbox_disarm(call->sandbox);

    call->account->usec += ihanoi_sandbox_run_usec();
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


uint64_t
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
}


/* Has the running call to die?  If not: its turn may be over. */

static void
ihanoi_sandbox_look(ihanoi_sandbox_t *sandbox, lua_State *L)
{
    if (sandbox->collect) {
        ihanoi_sandbox_collect_cycles(sandbox, L, 0);

        if (sandbox->used > sandbox->limit
            && sandbox->call->killed == IHANOI_RUN_DONE)
        {
            sandbox->call->killed = IHANOI_RUN_MEMORY;
        }
    }

    if (sandbox->preempt) {
        ihanoi_sandbox_turn(sandbox);
    }
}


/*
 * The end of a turn; the call goes on in its next one, unless it has to die.  One
 * that is thrown out of thousands of pcall()s has turns for that as well, but when
 * it is dropped.
 */

static void
ihanoi_sandbox_turn(ihanoi_sandbox_t *sandbox)
{
    unsigned        usec;
    ihanoi_call_t  *call;

    call = sandbox->call;

    if (call->dropped) {
        return;
    }

    if (call->killed == IHANOI_RUN_DONE) {
        usec = call->account->usec + ihanoi_sandbox_run_usec();

        if (usec > call->account->cpu_usec && usec > call->least_usec) {
            call->killed = IHANOI_RUN_CPU;
            return;
        }
    }

    call->state = IHANOI_RUN_SLICE;
    ihanoi_fiber_leave(call->fiber);
}


/*
 * What is garbage when it begins is gone when it ends: the cycle that is under
 * way may have passed some of it.
 */

static void
ihanoi_sandbox_collect_cycles(ihanoi_sandbox_t *sandbox, lua_State *L,
    size_t room)
{
    unsigned  cycles;

    cycles = 0;

    do {
        sandbox->host++;
        cycles += lua_gc(L, LUA_GCSTEP, 0);
        sandbox->host--;

        if (sandbox->preempt && sandbox->call) {
            ihanoi_sandbox_turn(sandbox);

            if (sandbox->call->killed != IHANOI_RUN_DONE) {
                break;
            }
        }

    } while (cycles == 0
             || (cycles == 1 && sandbox->used + room > sandbox->limit));

    sandbox->collect = 0;
}


void
ihanoi_sandbox_make_room(lua_State *L, size_t bytes)
{
    ihanoi_sandbox_t  *sandbox;

    sandbox = ihanoi_sandbox_of(L);

    if (sandbox->used + bytes <= sandbox->limit) {
        return;
    }

    ihanoi_sandbox_collect_cycles(sandbox, L, bytes);

    if (sandbox->call) {
        ihanoi_sandbox_die(sandbox, L);
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


/*
 * Out of a function of C; the hook then meets whoever has caught the error.  It is
 * the one error that LuaJIT shows to no handler of xpcall(): that would run inside
 * the hook, where no hook gets it out again, or be a host function.
 */

static void
ihanoi_sandbox_die(ihanoi_sandbox_t *sandbox, lua_State *L)
{
    if (sandbox->call->killed != IHANOI_RUN_DONE) {
        ihanoi_sandbox_arm(sandbox);
        (void) lua_newuserdata(L, sandbox->hard);    /* not enough memory */
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
