/*
 * Copyright (C) iHaNoi contributors
 *
 * The inside of a sandbox, for its own files only.
 */

#ifndef _IHANOI_SANDBOX_STATE_H_INCLUDED_
#define _IHANOI_SANDBOX_STATE_H_INCLUDED_


#include <stdint.h>
#include <sys/queue.h>
#include <time.h>

#include "ihanoi_fiber.h"
#include "ihanoi_sandbox.h"


/* What the coroutine that has just yielded wants. */
typedef enum {
    IHANOI_SANDBOX_NONE = 0,
    IHANOI_SANDBOX_WAIT,       /* a host function waits */
    IHANOI_SANDBOX_RESUME,     /* coroutine.resume(co, ...) */
    IHANOI_SANDBOX_YIELD,      /* coroutine.yield(...) */
    IHANOI_SANDBOX_KILL        /* from the hook: has to die */
} ihanoi_sandbox_op_e;


/* Coroutines of calls that have ended well, for the next ones. */
#define IHANOI_SANDBOX_THREADS  16

typedef struct {
    lua_State                *L;
    int                       ref;         /* keeps it */
} ihanoi_sandbox_thread_t;


struct ihanoi_sandbox_s {
    ihanoi_sandbox_conf_t     conf;
    lua_State                *L;           /* the main coroutine: never run */
    ihanoi_call_t            *call;        /* that runs now */
    LIST_HEAD(, ihanoi_call_s)  calls;     /* all there are */
    uint64_t                  ncalls;      /* there have been */
    ihanoi_sandbox_op_e       op;

    ihanoi_sandbox_thread_t   threads[IHANOI_SANDBOX_THREADS];
    unsigned                  nthreads;

    size_t                    used;        /* Lua's and charges */
    size_t                    peak;
    size_t                    limit;       /* soft: collect, then kill */
    size_t                    hard;        /* no more than that, ever */
    unsigned                  phase;       /* the host's */
    unsigned                  host;        /* depth of host code: no limit */
    char                     *stack;       /* C's, where the run began */

    unsigned                  draining;
    unsigned                  cycles;      /* of the collector, since then */

    volatile sig_atomic_t     collect;     /* over the limit: look in the hook */
    volatile sig_atomic_t     preempt;     /* its turn is over */
    volatile sig_atomic_t     disarming;   /* the handler must not arm */
};


/* "file:line: " */
#define IHANOI_CALL_PLACE  (LUA_IDSIZE + 16)


struct ihanoi_call_s {
    ihanoi_sandbox_t         *sandbox;
    LIST_ENTRY(ihanoi_call_s)  link;       /* of the sandbox */
    ihanoi_call_t            *account;     /* whose budget it spends */
    uint64_t                  number;
    int                       ref;         /* keeps stack[0] */
    ihanoi_fiber_t           *fiber;       /* NULL: it is on none */
    int                       nargs;       /* of this run */
    lua_State                *stack[IHANOI_SANDBOX_DEPTH];
    unsigned                  depth;
    unsigned                  usec;
    unsigned                  cpu_usec;    /* the most */
    unsigned                  least_usec;  /* but as much behind its wait */
    ihanoi_run_e              killed;      /* IHANOI_RUN_DONE: it is not */
    ihanoi_run_e              state;       /* what its last run said */
    lua_State                *failed;      /* where the error is */
    char                     *text;        /* of it, when it is not its own */
    const void               *raised;      /* last, and caught on the way */
    char                      place[IHANOI_CALL_PLACE];  /* of that */
    void                     *data;
    unsigned                  dropped:1;
};


/* turn: around what a call computes, until it is left. */
void ihanoi_sandbox_begin_turn(ihanoi_call_t *call);
void ihanoi_sandbox_end_turn(ihanoi_call_t *call);
uint64_t ihanoi_sandbox_now(clockid_t clock);

/* The hook at the next instruction; safe in a signal handler. */
void ihanoi_sandbox_arm(ihanoi_sandbox_t *sandbox);

/* Fills a new state with what plugins may use; in a protected call. */
int ihanoi_sandbox_open(lua_State *L);

/*
 * No coroutine may resume one of these again: its call was dropped while it
 * ran.  The coroutine is at the top of L, and is popped.
 */
void ihanoi_sandbox_bury(lua_State *L);

/* The libraries of ours: each leaves its functions in the globals. */
void ihanoi_sandbox_open_coroutine(lua_State *L);
void ihanoi_sandbox_open_string(lua_State *L);
void ihanoi_sandbox_open_table(lua_State *L);

/* In front of a handler of xpcall(): whether there is stack for it; or raises. */
int ihanoi_sandbox_check_handler(lua_State *L);

/*
 * A handler of xpcall(): what is caught and raised again is told with the line that
 * raised it first, though it is no string.
 */
int ihanoi_sandbox_raised(lua_State *L);

/* Pushes what tostring() says of the value there. */
void ihanoi_sandbox_push_text(lua_State *L, int index);


#endif /* _IHANOI_SANDBOX_STATE_H_INCLUDED_ */
