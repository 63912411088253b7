/*
 * Copyright (C) iHaNoi contributors
 *
 * A sandbox: one LuaJIT state for one plugin, with a limit on its memory, and
 * calls into it that can be preempted, resumed and killed.
 *
 * A library without nginx in it.  The JIT is off: hooks never fire in compiled
 * loops.  A timer signal arms a hook, the hook leaves the plugin, and whoever
 * runs the call goes on with it or drops it: no pcall(), xpcall(), coroutine or
 * recursion of the plugin survives a call that was dropped.
 *
 * What a sandbox cannot be: LuaJIT is not a security boundary against somebody
 * who means it.  It is a fault boundary and an obstacle.
 */

#ifndef _IHANOI_SANDBOX_H_INCLUDED_
#define _IHANOI_SANDBOX_H_INCLUDED_


#include <stddef.h>
#include <signal.h>

#include <lua.h>
#include <lauxlib.h>


/*
 * A call runs for so long, then others have their turn.  What it uses first is
 * one turn, with the waits in it: most calls are over by then, and never see a
 * signal.  Behind each later wait it has a short one.
 */
#define IHANOI_SANDBOX_FIRST_USEC  1000
#define IHANOI_SANDBOX_TURN_USEC   100

/* What a call has behind a wait at least, though its time is used up. */
#define IHANOI_SANDBOX_LEAST_USEC  1000

/* Coroutines that resume coroutines; also of calls that wait for each other. */
#define IHANOI_SANDBOX_DEPTH      32

/* That a coroutine or a call may give to another one at once. */
#define IHANOI_CALL_RESULTS       250


typedef struct ihanoi_sandbox_s  ihanoi_sandbox_t;
typedef struct ihanoi_call_s  ihanoi_call_t;


/* A file of the plugin: text only, never bytecode. */
typedef struct {
    const char               *name;       /* as for require(): "lib.fees" */
    const char               *text;
    size_t                    len;
} ihanoi_sandbox_file_t;


typedef struct {
    const char               *name;       /* of the plugin; must outlive it */
    size_t                    memory;     /* bytes, charges included */
    const ihanoi_sandbox_file_t  *files;  /* must outlive it */
    unsigned                  nfiles;
    void                     *data;       /* the caller's */
} ihanoi_sandbox_conf_t;


typedef enum {
    IHANOI_RUN_DONE = 0,      /* results are on the stack */
    IHANOI_RUN_WAIT,          /* a host function waits: push and go on later */
    IHANOI_RUN_SLICE,         /* had its turn: go on, with no results */
    IHANOI_RUN_ERROR,         /* raised an error */
    IHANOI_RUN_MEMORY,        /* killed: memory */
    IHANOI_RUN_CPU            /* killed: time */
} ihanoi_run_e;


/*
 * A new state with the safe libraries and nothing loaded; NULL: memory, or
 * LuaJIT does not honour what this relies on.
 */
ihanoi_sandbox_t *ihanoi_sandbox_create(const ihanoi_sandbox_conf_t *conf);

/* No call may be left. */
void ihanoi_sandbox_destroy(ihanoi_sandbox_t *sandbox);

/* The state's sandbox, of any of its coroutines; costs next to nothing. */
ihanoi_sandbox_t *ihanoi_sandbox_of(lua_State *L);

/* conf->data; the main coroutine; conf->name. */
void *ihanoi_sandbox_data(ihanoi_sandbox_t *sandbox);
lua_State *ihanoi_sandbox_state(ihanoi_sandbox_t *sandbox);
const char *ihanoi_sandbox_name(ihanoi_sandbox_t *sandbox);

/* A number for the host: which of its functions may be called now. */
void ihanoi_sandbox_set_phase(ihanoi_sandbox_t *sandbox, unsigned phase);
unsigned ihanoi_sandbox_phase(ihanoi_sandbox_t *sandbox);

/*
 * Memory held outside Lua for the plugin, in bytes, or given back.  -1 when it
 * would be too much: nothing was charged then.
 */
int ihanoi_sandbox_charge(ihanoi_sandbox_t *sandbox, long bytes);

/* Bytes that it has now, charges included; and the most that it ever had. */
size_t ihanoi_sandbox_memory(ihanoi_sandbox_t *sandbox);
size_t ihanoi_sandbox_peak(ihanoi_sandbox_t *sandbox);

/*
 * While host code runs outside a call it must not meet a heap that the plugin
 * has filled: LuaJIT would end the process.  Enter and leave nest.
 */
void ihanoi_sandbox_enter_host(ihanoi_sandbox_t *sandbox);
void ihanoi_sandbox_leave_host(ihanoi_sandbox_t *sandbox);

/* A full collection in one go, outside of calls. */
void ihanoi_sandbox_collect(ihanoi_sandbox_t *sandbox);

/*
 * For host functions that are going to charge so many bytes: a collection when
 * there is no room for them, in which others have their turns.  Does not return
 * when the call has to die.
 */
void ihanoi_sandbox_make_room(lua_State *L, size_t bytes);

/*
 * One turn of giving back what a state holds that is not used any more: to end it
 * at once takes as long as it is large.  1: next to nothing is left, destroy it.
 */
int ihanoi_sandbox_drain(ihanoi_sandbox_t *sandbox);

/*
 * From long loops of host functions in C (patterns, sort): the kill and the
 * limit reach there too.  Does not return when the call has to die.
 */
void ihanoi_sandbox_poll(lua_State *L);

/*
 * In functions that call back into Lua: LuaJIT looks at its own stack only, a
 * plugin that recurses through them would end the process.  Raises an error.
 */
void ihanoi_sandbox_check_stack(lua_State *L);


/*
 * A call: a coroutine that is run from outside, and those that it starts.
 *
 *     call = ihanoi_call_create(sandbox, 50000);
 *     lua_xmove() or push the function and its arguments on ihanoi_call_state()
 *     rc = ihanoi_call_run(call, nargs);
 *     ... IHANOI_RUN_SLICE: others first, then ihanoi_call_run() again, which
 *         goes on where it was: nargs does not matter
 *     ... IHANOI_RUN_WAIT: when there is something to give, push it and run
 *     ... else: read the results or ihanoi_call_error()
 *     ihanoi_call_destroy(call);
 *
 * While a call was preempted (IHANOI_RUN_SLICE) no other call of its sandbox
 * may run: authors count on not being interrupted between their own waits, and
 * the state is still in a hook, where no other one is called.
 */
ihanoi_call_t *ihanoi_call_create(ihanoi_sandbox_t *sandbox,
    unsigned cpu_usec);

/*
 * A call that goes on beside another one, waits on its own, and spends the
 * budget of the other.  It takes the function and n arguments from the top of
 * L, a coroutine of the sandbox that runs now; run it with n arguments.  The
 * other one is destroyed after it.
 */
ihanoi_call_t *ihanoi_call_create_beside(ihanoi_call_t *call, lua_State *L,
    int n);

/*
 * It is not run again, but destroyed later: where it was preempted another call of
 * its sandbox may run now.  Not from within its run.
 */
void ihanoi_call_drop(ihanoi_call_t *call);

/*
 * Ends it wherever it is; it is never run again, nor are the coroutines that
 * it was in.  Not from within its run.
 */
void ihanoi_call_destroy(ihanoi_call_t *call);

/* Where arguments go and results are: the coroutine that is to run next. */
lua_State *ihanoi_call_state(ihanoi_call_t *call);

ihanoi_run_e ihanoi_call_run(ihanoi_call_t *call, int nargs);

/* Why it ended, "file:line: text"; valid until ihanoi_call_destroy(). */
const char *ihanoi_call_error(ihanoi_call_t *call);

/*
 * 1: it has raised a table, which is moved to another coroutine of the sandbox,
 * where there is room.  Once, between ihanoi_sandbox_enter_host() and
 * _leave_host(): its own stack may be full.
 */
int ihanoi_call_take_error(ihanoi_call_t *call, lua_State *to);

/* Microseconds it has run for so far, with those beside it. */
unsigned ihanoi_call_usec(ihanoi_call_t *call);

void ihanoi_call_set_data(ihanoi_call_t *call, void *data);
void *ihanoi_call_data(ihanoi_call_t *call);

/*
 * The results of a call that is done for another coroutine, which has seen to
 * the room for IHANOI_CALL_RESULTS: moves and counts them, or pushes nil and
 * why there are too many.
 */
int ihanoi_call_results(ihanoi_call_t *call, lua_State *to);

/* The call that runs now in this state; NULL: none. */
ihanoi_call_t *ihanoi_call_current(lua_State *L);

/*
 * For host functions, before they begin what the call is to wait for: kills a
 * call that has used up its budget.  Nothing is killed because of what was begun
 * and is done: behind a wait a call has IHANOI_SANDBOX_LEAST_USEC at least.
 */
void ihanoi_call_may_wait(lua_State *L);

/*
 * For host functions: "return ihanoi_call_wait(L)" leaves the plugin with
 * IHANOI_RUN_WAIT; what is pushed before the next run are the results.  Raises
 * an error where Lua cannot be left (in a comparator of sort() and the like).
 */
int ihanoi_call_wait(lua_State *L);


/*
 * The timer of this process, before the first call and after fork().
 *
 *   alarm   set to 1 by the signal: who waits for events learns why it was
 *           interrupted.  May be NULL.
 *   stuck   called from the signal handler with the plugin's name when a call
 *           has not come back for stuck_msec of CPU time, although it was to be
 *           killed; it should end the process.  May be NULL.
 *
 * 0, or -1 with errno.
 */
int ihanoi_sandbox_start_timer(int signo, volatile sig_atomic_t *alarm,
    unsigned stuck_msec, void (*stuck)(const char *name));
void ihanoi_sandbox_stop_timer(void);


#endif /* _IHANOI_SANDBOX_H_INCLUDED_ */
