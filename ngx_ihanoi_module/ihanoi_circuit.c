/*
 * Copyright (C) iHaNoi contributors
 *
 * A circuit breaker in memory that several processes share.
 *
 * The word: state in the two lowest bits, the level in the next eight, a time
 * above them.
 *
 *   CLOSED   level: what it was opened for last; until the time it is
 *            remembered, so that what fails again soon is left alone for
 *            longer at once
 *   OPEN     level: which back-off this is, from 0; the time it ends
 *   PROBE    level: as it was; the time at which the probe is given up
 *
 * A ticket is the word of the probe: while it still stands, the probe is ours.
 */

#include <string.h>

#include "ihanoi_circuit.h"


#define IHANOI_CIRCUIT_STATE   0x03
#define IHANOI_CIRCUIT_SHIFT   10
#define IHANOI_CIRCUIT_LEVELS  31       /* a back-off is at most 2^31 firsts */

#define ihanoi_circuit_word(state, level, until)                              \
    ((uint64_t) (state) | (uint64_t) (level) << 2                             \
     | (uint64_t) (until) << IHANOI_CIRCUIT_SHIFT)

#define ihanoi_circuit_level(word)   ((unsigned) ((word) >> 2 & 0xff))
#define ihanoi_circuit_until(word)   ((word) >> IHANOI_CIRCUIT_SHIFT)

#define ihanoi_circuit_load(p)       __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define ihanoi_circuit_store(p, v)   __atomic_store_n(p, v, __ATOMIC_RELEASE)


static int ihanoi_circuit_fail(ihanoi_circuit_t *c,
    const ihanoi_circuit_conf_t *conf, uint64_t now);
static int ihanoi_circuit_swap(ihanoi_circuit_t *c, uint64_t from,
    uint64_t to);
static int ihanoi_circuit_open(ihanoi_circuit_t *c,
    const ihanoi_circuit_conf_t *conf, uint64_t now, uint64_t word);
static uint64_t ihanoi_circuit_mix(uint64_t x);


void
ihanoi_circuit_init(ihanoi_circuit_t *c, uint64_t seed)
{
    memset(c, 0, sizeof(ihanoi_circuit_t));
    c->seed = seed;
}


int
ihanoi_circuit_enter(ihanoi_circuit_t *c, const ihanoi_circuit_conf_t *conf,
    uint64_t now, uint64_t *ticket, uint64_t *retry_after)
{
    uint64_t  word, probe;

    *ticket = 0;

    for ( ;; ) {
        word = ihanoi_circuit_load(&c->word);

        if ((word & IHANOI_CIRCUIT_STATE) == IHANOI_CIRCUIT_CLOSED) {
            return 0;
        }

        if (now < ihanoi_circuit_until(word)) {
            *retry_after = ihanoi_circuit_until(word) - now;
            return -1;
        }

        if ((word & IHANOI_CIRCUIT_STATE) == IHANOI_CIRCUIT_HALF_OPEN) {
            /* who had the probe has died, perhaps of it */
            (void) ihanoi_circuit_open(c, conf, now, word);
            continue;
        }

        probe = ihanoi_circuit_word(IHANOI_CIRCUIT_HALF_OPEN,
                                    ihanoi_circuit_level(word),
                                    now + conf->probe);

        if (ihanoi_circuit_swap(c, word, probe)) {
            *ticket = probe;
            return 0;
        }
    }
}


int
ihanoi_circuit_leave(ihanoi_circuit_t *c, const ihanoi_circuit_conf_t *conf,
    uint64_t now, uint64_t ticket, int failed)
{
    unsigned  i;
    uint64_t  closed;

    if (ticket == 0) {
        return failed ? ihanoi_circuit_fail(c, conf, now) : 0;
    }

    if (ihanoi_circuit_load(&c->word) != ticket) {
        return 0;
    }

    if (failed) {
        return ihanoi_circuit_open(c, conf, now, ticket);
    }

    /* nobody counts while it is not closed: what is there is of before */

    for (i = 0; i < IHANOI_CIRCUIT_PLACES; i++) {
        ihanoi_circuit_store(&c->at[i], 0);
    }

    closed = ihanoi_circuit_word(IHANOI_CIRCUIT_CLOSED,
                                 ihanoi_circuit_level(ticket) + 1,
                                 now + conf->backoff_max);

    return ihanoi_circuit_swap(c, ticket, closed) ? -1 : 0;
}


void
ihanoi_circuit_abandon(ihanoi_circuit_t *c, uint64_t now, uint64_t ticket)
{
    if (ticket) {
        (void) ihanoi_circuit_swap(c, ticket,
                                   ihanoi_circuit_word(IHANOI_CIRCUIT_OPEN,
                                               ihanoi_circuit_level(ticket),
                                               now));
    }
}


int
ihanoi_circuit_trip(ihanoi_circuit_t *c, const ihanoi_circuit_conf_t *conf,
    uint64_t now)
{
    uint64_t  word;

    for ( ;; ) {
        word = ihanoi_circuit_load(&c->word);

        if ((word & IHANOI_CIRCUIT_STATE) == IHANOI_CIRCUIT_OPEN
            && now < ihanoi_circuit_until(word))
        {
            return 0;
        }

        if (ihanoi_circuit_open(c, conf, now, word)) {
            return 1;
        }
    }
}


ihanoi_circuit_state_e
ihanoi_circuit_state(const ihanoi_circuit_t *c, uint64_t now)
{
    uint64_t  word;

    word = ihanoi_circuit_load(&c->word);

    if ((word & IHANOI_CIRCUIT_STATE) == IHANOI_CIRCUIT_OPEN
        && now >= ihanoi_circuit_until(word))
    {
        return IHANOI_CIRCUIT_HALF_OPEN;
    }

    return word & IHANOI_CIRCUIT_STATE;
}


uint64_t
ihanoi_circuit_opened(const ihanoi_circuit_t *c)
{
    return ihanoi_circuit_load(&c->opened);
}


/*
 * The times of failures are a ring.  It has more places than are looked at, so
 * that who looks back does not see what others write meanwhile.  A process
 * that was interrupted before it wrote its own may hide one failure: then the
 * next one opens.
 */
static int
ihanoi_circuit_fail(ihanoi_circuit_t *c, const ihanoi_circuit_conf_t *conf,
    uint64_t now)
{
    uint64_t  word, i, n, first;

    word = ihanoi_circuit_load(&c->word);

    if ((word & IHANOI_CIRCUIT_STATE) != IHANOI_CIRCUIT_CLOSED) {
        return 0;
    }

    n = conf->failures < 1 ? 1 : conf->failures;
    n = n < IHANOI_CIRCUIT_FAILURES_MAX ? n : IHANOI_CIRCUIT_FAILURES_MAX;

    /* 0 is for a place in which no failure is */

    i = __atomic_fetch_add(&c->nfailures, 1, __ATOMIC_ACQ_REL);
    ihanoi_circuit_store(&c->at[i % IHANOI_CIRCUIT_PLACES], now + 1);

    if (i + 1 < n) {
        return 0;
    }

    first = ihanoi_circuit_load(&c->at[(i + 1 - n) % IHANOI_CIRCUIT_PLACES]);

    if (first == 0 || first + conf->window < now + 1) {
        return 0;
    }

    return ihanoi_circuit_open(c, conf, now, word);
}


static int
ihanoi_circuit_swap(ihanoi_circuit_t *c, uint64_t from, uint64_t to)
{
    return __atomic_compare_exchange_n(&c->word, &from, to, 0,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}


/*
 * 1: opened by us.  The back-off is longer by up to a quarter, so that many
 * gateways which lost the same thing do not all come back to it at once.
 */
static int
ihanoi_circuit_open(ihanoi_circuit_t *c, const ihanoi_circuit_conf_t *conf,
    uint64_t now, uint64_t word)
{
    unsigned  level, n;
    uint64_t  backoff;

    switch (word & IHANOI_CIRCUIT_STATE) {

    case IHANOI_CIRCUIT_CLOSED:
        level = now < ihanoi_circuit_until(word) ? ihanoi_circuit_level(word)
                                                 : 0;
        break;

    case IHANOI_CIRCUIT_HALF_OPEN:
        level = ihanoi_circuit_level(word) + 1;
        break;

    default:
        level = ihanoi_circuit_level(word);
        break;
    }

    level = level < IHANOI_CIRCUIT_LEVELS ? level : IHANOI_CIRCUIT_LEVELS;

    backoff = conf->backoff;

    for (n = 0; n < level && backoff < conf->backoff_max; n++) {
        backoff *= 2;
    }

    backoff = backoff < conf->backoff_max ? backoff : conf->backoff_max;

    backoff += ihanoi_circuit_mix(c->seed + word + now) % (backoff / 4 + 1);

    if (!ihanoi_circuit_swap(c, word,
                             ihanoi_circuit_word(IHANOI_CIRCUIT_OPEN, level,
                                                 now + backoff)))
    {
        return 0;
    }

    __atomic_fetch_add(&c->opened, 1, __ATOMIC_RELAXED);

    return 1;
}


/* The finalizer of MurmurHash3: every bit of x changes half of the others. */
static uint64_t
ihanoi_circuit_mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ULL;
    x ^= x >> 33;

    return x;
}
