/*
 * Copyright (C) iHaNoi contributors
 *
 * Circuits: when they open, who may probe, when they close, and that all of it
 * holds among processes, some of which die.
 */

#define _GNU_SOURCE

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "ihanoi_circuit.h"


#define PROCESSES  4


static ihanoi_circuit_conf_t  conf = { 5, 10000, 1000, 8000, 3000 };

static ihanoi_circuit_t  circuit;
static uint64_t          ticket, retry;


static int
enter(uint64_t now)
{
    return ihanoi_circuit_enter(&circuit, &conf, now, &ticket, &retry);
}


static int
leave(uint64_t now, uint64_t of, int failed)
{
    return ihanoi_circuit_leave(&circuit, &conf, now, of, failed);
}


static void
start(void)
{
    ihanoi_circuit_init(&circuit, 42);
}


/* From now on; the back-off that it said. */
static uint64_t
opened_at(uint64_t now)
{
    (void) ihanoi_circuit_trip(&circuit, &conf, now);

    return enter(now) == -1 ? retry : 0;
}


static void
test_opens(void)
{
    int       rc;
    unsigned  i;

    start();

    for (i = 0; i < 4; i++) {
        ok(enter(1000 + i) == 0 && ticket == 0
           && leave(1000 + i, ticket, 1) == 0, "failure %u: still closed", i);
    }

    is_int(leave(1010, 0, 0), 0, "a success changes nothing");
    is_int(leave(1020, 0, 1), 1, "the fifth failure opens");
    is_int(ihanoi_circuit_opened(&circuit), 1, "counted");
    is_int(leave(1021, 0, 1), 0, "what was let in before opens nothing");

    is_int(enter(1020), -1, "nobody is let in");
    ok(retry >= 1000 && retry <= 1250, "for the first back-off: %u",
       (unsigned) retry);
    is_int(ihanoi_circuit_state(&circuit, 1020), IHANOI_CIRCUIT_OPEN, "open");

    start();

    for (i = 0, rc = 0; i < 40; i++) {
        rc |= leave(i * 2501, 0, 1);
    }

    is_int(rc, 0, "five failures in a little more than the window: closed");

    start();

    for (i = 0, rc = 0; i < 5; i++) {
        rc = leave(i * 2500, 0, 1);
    }

    is_int(rc, 1, "five failures in the window open, from the time 0 on");

    start();
    conf.failures = 1;
    is_int(leave(1, 0, 1), 1, "one failure may be enough");
    conf.failures = 5;
}


static void
test_probe(void)
{
    unsigned  i;
    uint64_t  probe, until;

    start();

    for (i = 0; i < 5; i++) {
        (void) leave(1000, 0, 1);
    }

    until = 1000 + opened_at(1000);

    is_int(enter(until - 1), -1, "not before the back-off is over");
    is_int(retry, 1, "which is in one millisecond");
    is_int(ihanoi_circuit_state(&circuit, until), IHANOI_CIRCUIT_HALF_OPEN,
           "then it is half-open");

    ok(enter(until) == 0 && ticket != 0, "a probe is let in");
    probe = ticket;
    is_int(enter(until), -1, "but one at a time");
    is_int(retry, 3000, "others hear when the probe would be given up");
    is_int(leave(until, 0, 1), 0, "a late failure does not end the probe");

    is_int(leave(until + 5, probe, 0), -1, "its success closes");
    is_int(ihanoi_circuit_state(&circuit, until), IHANOI_CIRCUIT_CLOSED,
           "closed");
    is_int(leave(until + 6, probe, 1), 0, "its end counts once");

    for (i = 0; i < 4; i++) {
        ok(leave(until + 10, 0, 1) == 0, "failures of before are forgotten");
    }

    /* again soon: what the back-off had come to is remembered */

    is_int(leave(until + 10, 0, 1), 1, "open again");
    ok(enter(until + 10) == -1 && retry >= 2000 && retry <= 2500,
       "for twice as long: %u", (unsigned) retry);

    start();
    until = 1000 + opened_at(1000);
    (void) enter(until);
    (void) leave(until, ticket, 0);
    ok(opened_at(until + 9000) <= 1250, "long after that, for the first");
}


static void
test_doubles(void)
{
    unsigned  i;
    uint64_t  now, least;

    start();
    now = 1000;
    (void) ihanoi_circuit_trip(&circuit, &conf, now);

    for (i = 0, least = 1000; i < 70; i++) {
        if (enter(now) != -1 || retry < least || retry > least + least / 4) {
            break;
        }

        now += retry;

        if (enter(now) != 0 || leave(now, ticket, 1) != 1) {
            break;
        }

        least = least < 8000 ? least * 2 : 8000;
    }

    is_int(i, 70, "each failed probe doubles the back-off, to the maximum");
    is_int(ihanoi_circuit_opened(&circuit), 71, "each opening is counted");

    start();
    now = opened_at(1000);
    circuit.seed = 4711;
    circuit.word = 0;
    ok(opened_at(1000) != now, "another machine waits for another time");
}


static void
test_lost_probe(void)
{
    uint64_t  until, lost;

    start();
    until = 1000 + opened_at(1000);

    (void) enter(until);
    lost = ticket;

    is_int(enter(until + 2999), -1, "a probe that does not come back");
    is_int(enter(until + 3000), -1, "is given up, and counts as failed");
    ok(retry >= 2000 && retry <= 2500, "the back-off has doubled: %u",
       (unsigned) retry);

    until += 3000 + retry;
    ok(enter(until) == 0 && ticket != 0 && ticket != lost, "another probe");
    is_int(leave(until, lost, 0), 0, "the lost one comes back: too late");
    is_int(leave(until, ticket, 0), -1, "the other closes");
}


static void
test_abandon(void)
{
    uint64_t  until, probe;

    start();
    ihanoi_circuit_abandon(&circuit, 1000, 0);
    is_int(ihanoi_circuit_state(&circuit, 1000), IHANOI_CIRCUIT_CLOSED,
           "a call that was abandoned");

    until = 1000 + opened_at(1000);
    (void) enter(until);
    probe = ticket;
    ihanoi_circuit_abandon(&circuit, until + 5, probe);
    ok(enter(until + 5) == 0 && ticket != 0 && ticket != probe,
       "after a probe that was abandoned the next call is the probe");

    ihanoi_circuit_abandon(&circuit, until + 6, probe);
    probe = ticket;
    is_int(enter(until + 6), -1, "one is abandoned once");
    is_int(leave(until + 6, probe, 1), 1, "the probe fails");
    ok(enter(until + 6) == -1 && retry >= 2000 && retry <= 2500,
       "which alone doubles the back-off: %u", (unsigned) retry);
}


static void
test_trip(void)
{
    uint64_t  until, probe;

    start();
    is_int(ihanoi_circuit_trip(&circuit, &conf, 1000), 1, "tripped");
    is_int(ihanoi_circuit_trip(&circuit, &conf, 1001), 0, "once");
    is_int(enter(1001), -1, "open");

    until = 1001 + retry;
    (void) enter(until);
    probe = ticket;
    is_int(ihanoi_circuit_trip(&circuit, &conf, until + 1), 1,
           "during a probe too");
    is_int(leave(until + 2, probe, 0), 0, "which then closes nothing");
    ok(enter(until + 2) == -1 && retry > 1900, "and it counts as failed");
}


typedef struct {
    ihanoi_circuit_t          circuit;
    uint64_t                  now;         /* a clock that all share */
    uint64_t                  inside;      /* probes under way */
    uint64_t                  probes;
    uint64_t                  together;    /* probes seen beside another */
    uint64_t                  opened;
    uint64_t                  closed;
    uint64_t                  go;
} shared_t;


#define add(p, n)  __atomic_add_fetch(p, n, __ATOMIC_SEQ_CST)
#define load(p)    __atomic_load_n(p, __ATOMIC_SEQ_CST)


static void
process(shared_t *s, unsigned n)
{
    int       rc;
    unsigned  i;
    uint64_t  now, of, wait;

    while (load(&s->go) == 0) { /* all at once */ }

    for (i = 0; i < 100000; i++) {
        now = add(&s->now, 1);

        if (ihanoi_circuit_enter(&s->circuit, &conf, now, &of, &wait) != 0) {
            continue;
        }

        if (of) {
            add(&s->probes, 1);

            if (add(&s->inside, 1) > 1) {
                add(&s->together, 1);
            }

            if (i % 8 == 0) {
                sched_yield();
            }

            add(&s->inside, -1);
        }

        rc = ihanoi_circuit_leave(&s->circuit, &conf, now, of,
                                  (i * 7 + n) % 3 != 0);

        add(&s->opened, rc == 1);
        add(&s->closed, rc == -1);

        if (i % 1000 == 999) {
            add(&s->opened, ihanoi_circuit_trip(&s->circuit, &conf, now));
        }
    }

    _exit(0);
}


static pid_t
child(shared_t *s, unsigned n)
{
    pid_t  pid;

    pid = fork();
    if (pid == 0) {
        process(s, n);
    }

    return pid;
}


static void
test_processes(void)
{
    pid_t      pids[PROCESSES];
    int        status;
    unsigned   i, bad;
    shared_t  *s;

    s = mmap(NULL, sizeof(shared_t), PROT_READ|PROT_WRITE,
             MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    ihanoi_circuit_init(&s->circuit, 1);

    /* no probe is given up meanwhile: then two would be right */
    conf = (ihanoi_circuit_conf_t) { 5, 100, 3, 50, 1000000 };

    for (i = 0; i < PROCESSES; i++) {
        pids[i] = child(s, i);
    }

    add(&s->go, 1);

    for (i = 0, bad = 0; i < PROCESSES; i++) {
        waitpid(pids[i], &status, 0);
        bad += status != 0;
    }

    is_int(bad, 0, "processes ended well");
    ok(load(&s->probes) > 100, "%u probes", (unsigned) load(&s->probes));
    is_int(load(&s->together), 0, "never two at a time");
    ok(load(&s->closed) > 10, "closed %u times", (unsigned) load(&s->closed));
    is_int(ihanoi_circuit_opened(&s->circuit), load(&s->opened),
           "each opening was told to one process");

    /* killed anywhere, with the probe or without: others go on */

    conf.probe = 100;

    for (i = 0; i < 20; i++) {
        pids[0] = child(s, i);
        usleep(500 + i * 100);
        kill(pids[0], SIGKILL);
        waitpid(pids[0], &status, 0);
    }

    add(&s->now, 1000000);
    i = load(&s->closed);
    waitpid(child(s, 0), &status, 0);
    ok(load(&s->closed) > i, "after processes were killed others go on");

    munmap(s, sizeof(shared_t));
}


int
main(void)
{
    test_opens();
    test_probe();
    test_doubles();
    test_lost_probe();
    test_abandon();
    test_trip();
    test_processes();

    return done_testing();
}
