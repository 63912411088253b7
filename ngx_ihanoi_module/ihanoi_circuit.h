/*
 * Copyright (C) iHaNoi contributors
 *
 * A circuit breaker in memory that several processes share: who fails again
 * and again is left alone for a while, then tried with one call.
 *
 *   CLOSED ── failures within window, or trip ──► OPEN, for a back-off
 *     ▲                                            │  it is over: the next
 *     │ the probe succeeded                        ▼  call is the probe
 *     └────────────────────────────────────────  PROBE
 *                 it failed, was tripped, or did not come back within
 *                 conf->probe: OPEN again, for twice as long
 *
 * A library without nginx in it.  State is one word that changes by compare
 * and swap: no lock, so nobody who dies leaves one behind, and a signal
 * handler may trip a circuit.  Times are milliseconds of a monotonic clock
 * that all processes share, below 2^54, and come from the caller.
 */

#ifndef _IHANOI_CIRCUIT_H_INCLUDED_
#define _IHANOI_CIRCUIT_H_INCLUDED_


#include <stdint.h>


/* Those of plugins; tests choose others. */
#define IHANOI_CIRCUIT_FAILURES     5
#define IHANOI_CIRCUIT_WINDOW       10000
#define IHANOI_CIRCUIT_BACKOFF      1000
#define IHANOI_CIRCUIT_BACKOFF_MAX  60000
#define IHANOI_CIRCUIT_PROBE        30000

/* conf->failures at most; and twice as many places to remember them */
#define IHANOI_CIRCUIT_FAILURES_MAX  32
#define IHANOI_CIRCUIT_PLACES        64


/*
 * The same in all processes, but a reload may change it under way.  All times
 * in milliseconds, all values at least 1.
 */
typedef struct {
    unsigned                  failures;     /* so many open it ... */
    unsigned                  window;       /* ... that lie within so much */
    unsigned                  backoff;      /* the first; then it doubles */
    unsigned                  backoff_max;
    unsigned                  probe;        /* longer than any call may take */
} ihanoi_circuit_conf_t;


typedef enum {
    IHANOI_CIRCUIT_CLOSED = 0,
    IHANOI_CIRCUIT_OPEN,
    IHANOI_CIRCUIT_HALF_OPEN
} ihanoi_circuit_state_e;


/* In shared memory; zeroed is closed.  For ihanoi_circuit.c only. */
typedef struct {
    uint64_t                  word;         /* state, level, time */
    uint64_t                  seed;         /* of the jitter */
    uint64_t                  nfailures;    /* ever */
    uint64_t                  opened;       /* how many times */
    uint64_t                  at[IHANOI_CIRCUIT_PLACES];
} ihanoi_circuit_t;


/* A closed circuit.  seed: any number, another on each machine. */
void ihanoi_circuit_init(ihanoi_circuit_t *c, uint64_t seed);

/*
 * Asks for a call.
 *
 *   0    call, then leave with *ticket (0, or other than 0: it is the probe)
 *   -1   do not; *retry_after is set to the milliseconds to wait at least
 *
 * A probe that did not come back in time is counted as failed here, by whoever
 * asks next.
 */
int ihanoi_circuit_enter(ihanoi_circuit_t *c,
    const ihanoi_circuit_conf_t *conf, uint64_t now, uint64_t *ticket,
    uint64_t *retry_after);

/*
 * A call is over.  What comes back from a call that was let in before the
 * circuit opened, or from a probe that was given up, changes nothing.
 *
 *   1    the circuit has just opened
 *   0    nothing changed
 *   -1   the circuit has just closed
 */
int ihanoi_circuit_leave(ihanoi_circuit_t *c,
    const ihanoi_circuit_conf_t *conf, uint64_t now, uint64_t ticket,
    int failed);

/*
 * A call that came to nothing and says nothing: it was not begun after all, or
 * nobody waits for it any more.  If it was the probe, the next call is.
 */
void ihanoi_circuit_abandon(ihanoi_circuit_t *c, uint64_t now,
    uint64_t ticket);

/*
 * Opens it without further count.  Async-signal-safe.  1: it has just opened;
 * 0: it was open.
 */
int ihanoi_circuit_trip(ihanoi_circuit_t *c,
    const ihanoi_circuit_conf_t *conf, uint64_t now);

/* Of an open circuit whose back-off is over: half-open.  It changes nothing. */
ihanoi_circuit_state_e ihanoi_circuit_state(const ihanoi_circuit_t *c,
    uint64_t now);

/* How many times it has opened. */
uint64_t ihanoi_circuit_opened(const ihanoi_circuit_t *c);


#endif /* _IHANOI_CIRCUIT_H_INCLUDED_ */
