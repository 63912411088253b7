/*
 * Copyright (C) iHaNoi contributors
 *
 * Programs of two plugins, made of the input, in two sandboxes that take turns
 * under a storm of signals, with drops in the middle and events from outside.
 *
 * Whatever they do: nothing crashes or hangs, nothing of a call runs behind its
 * drop, a kill comes in time, the state goes on after it, and gives all back.
 * A program that is not killed says the same in the storm as alone and in
 * quiet.  "SANDBOX_TEXT=1 build/fuzz/sandbox FILE" shows the programs.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "expect.h"
#include "ihanoi_host.h"
#include "ihanoi_host_store.h"
#include "ihanoi_lua_json.h"
#include "ihanoi_sandbox.h"
#include "programs.h"


#define MB      (1024 * 1024)

#define SAID    8192           /* by it */
#define STORE   (256 * 1024)
#define BESIDE  4              /* calls beside a call */
#define QUEUE   256
#define SIGNAL  (SIGRTMIN + 3)

/* CPU time, for what C does in one piece; sanitizers make that long. */
#define SLACK   500000


/* A call, and what it waits for. */
typedef struct {
    ihanoi_call_t     *call;
    int                nargs;
    unsigned           waits;          /* so far */
    int                waiting;        /* for an answer */
} task_t;


typedef struct {
    ihanoi_sandbox_t     *sandbox;
    ihanoi_host_store_t   store;
    void                 *block;       /* of the store */
    task_t                tasks[1 + BESIDE];
    unsigned              ntasks;
    unsigned              queue[QUEUE];   /* of tasks that may go on */
    unsigned              first, last;
    int                   running;     /* preempted: it has to go on; or -1 */
    unsigned              budget;
    unsigned              turns;
    unsigned              drop;        /* at that turn; 0: never */
    int                   ended;
    ihanoi_run_e          rc;
    char                  said[SAID];
} program_t;


static program_t  *current;
static int         dropping;
static timer_t     storm;


#define FILE_OF(name, text)  { name, text, sizeof(text) - 1 }

/* What is required: one that waits, of another, of itself, one that fails. */
static const ihanoi_sandbox_file_t  files[] = {
    FILE_OF("lib.a", "local x = 1\n"
            "for i = 1, 3000 do x = (x * 31 + i) % 1000003 end\n"
            "local ok, w = pcall(wait)\n"
            "return { x = x, w = ok and w or 'none' }"),
    FILE_OF("lib.b", "return { a = require('lib.a').x }"),
    FILE_OF("lib.c", "return require('lib.c')"),
    FILE_OF("lib.d", "error('d')")
};


/* What a program finds beside "ihanoi". */

static int
host_say(lua_State *L)
{
    int          i;
    size_t       used;
    const char  *s;

    expect(!dropping, "a call that was dropped goes on");

    for (i = 1; i <= lua_gettop(L); i++) {

        /* as tostring(), but nothing of the program's is called */

        s = lua_type(L, i) == LUA_TNUMBER || lua_type(L, i) == LUA_TSTRING
            ? lua_tostring(L, i)
            : lua_isboolean(L, i) ? (lua_toboolean(L, i) ? "true" : "false")
                                  : luaL_typename(L, i);

        used = strlen(current->said);
        snprintf(current->said + used, SAID - used, "%.60s,", s);
    }

    return 0;
}


static int
host_wait(lua_State *L)
{
    expect(!dropping, "a call that was dropped waits");
    ihanoi_call_may_wait(L);

    return ihanoi_call_wait(L);
}


static int
host_collect(lua_State *L)
{
    ihanoi_sandbox_make_room(L, (size_t) luaL_checknumber(L, 1));
    expect(!dropping, "a call that was dropped has collected");

    return 0;
}


static void
ready(program_t *program, unsigned task)
{
    program->queue[program->last++ % QUEUE] = task;
}


static int
host_spawn(lua_State *L)
{
    task_t  *task;

    expect(!dropping, "a call that was dropped begins another");
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);

    if (current->ntasks == 1 + BESIDE) {
        return 0;
    }

    task = &current->tasks[current->ntasks];
    memset(task, 0, sizeof(task_t));

    task->call = ihanoi_call_create_beside(current->tasks[0].call, L, 0);
    expect(task->call != NULL, "no memory");

    ready(current, current->ntasks++);

    return 0;
}


static void
store_lock(void *data)
{
}


static ihanoi_host_store_t *
store_of(lua_State *L)
{
    return &current->store;
}


static double
time_now(void)
{
    return 1790000000;
}


static int
open_host(lua_State *L)
{
    lua_register(L, "say", host_say);
    lua_register(L, "wait", host_wait);
    lua_register(L, "collect", host_collect);
    lua_register(L, "spawn", host_spawn);

    return ihanoi_host_open(L, ihanoi_host_nouns);
}


static void
stuck(const char *name)
{
    static const char  text[] = "a kill is lost\n";

    (void) !write(STDERR_FILENO, text, sizeof(text) - 1);
    abort();
}


static void
set_storm(long nsec)
{
    struct itimerspec  every;

    memset(&every, 0, sizeof(every));
    every.it_value.tv_nsec = every.it_interval.tv_nsec = nsec;

    (void) timer_settime(storm, 0, &every, NULL);
}


static void
start(program_t *program, const char *text, unsigned budget, unsigned drop)
{
    int                    rc;
    lua_State             *L;
    ihanoi_sandbox_conf_t  conf;

    memset(program, 0, sizeof(program_t));
    memset(&conf, 0, sizeof(conf));

    program->block = aligned_alloc(16, STORE);
    program->store.store = ihanoi_store_create(program->block, STORE,
                                         (unsigned char *) "0123456789abcdef",
                                         1790000000000000);
    program->store.lock = store_lock;
    program->store.unlock = store_lock;

    conf.name = "p";
    conf.memory = 6 * MB;
    conf.files = files;
    conf.nfiles = sizeof(files) / sizeof(files[0]);

    program->budget = budget;
    program->drop = drop;
    program->running = -1;
    program->sandbox = ihanoi_sandbox_create(&conf);
    expect(program->sandbox != NULL, "no sandbox");

    L = ihanoi_sandbox_state(program->sandbox);

    ihanoi_sandbox_enter_host(program->sandbox);
    rc = lua_cpcall(L, open_host, NULL);
    ihanoi_sandbox_leave_host(program->sandbox);
    expect(rc == 0, "no host");
    ihanoi_sandbox_set_phase(program->sandbox, IHANOI_PHASE_REQUEST);

    program->tasks[0].call = ihanoi_call_create(program->sandbox, budget);
    program->ntasks = 1;

    L = ihanoi_call_state(program->tasks[0].call);

    ihanoi_sandbox_enter_host(program->sandbox);
    rc = luaL_loadbufferx(L, text, strlen(text), "=p", "t");
    ihanoi_sandbox_leave_host(program->sandbox);

    if (rc != 0) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        expect(0, "not a program");
    }

    ready(program, 0);
}


/* The end of all its calls; the first one is destroyed last. */

static void
finish(program_t *program, ihanoi_run_e rc)
{
    unsigned  i;

    program->rc = rc;
    program->ended = 1;

    current = program;
    dropping = 1;

    for (i = program->ntasks; i; i--) {
        if (program->tasks[i - 1].call) {
            ihanoi_call_destroy(program->tasks[i - 1].call);
        }
    }

    dropping = 0;
}


/* What a task waits for is there, whoever has the turn now. */

static void
answer(program_t *program, task_t *task)
{
    lua_State   *L;
    const char  *err;

    static const char  json[] = "[1, {\"a\": [2, \"x\"]}]";

    L = ihanoi_call_state(task->call);

    ihanoi_sandbox_enter_host(program->sandbox);

    if (++task->waits % 3 == 0) {
        (void) ihanoi_lua_push_json(L, json, sizeof(json) - 1, &err);

    } else {
        (void) lua_pushfstring(L, "answer %d", (int) task->waits);
    }

    ihanoi_sandbox_leave_host(program->sandbox);

    task->waiting = 0;
    task->nargs = 1;
}


/* One turn of one of its calls. */

static void
turn(program_t *program, int stormy)
{
    unsigned       i, n;
    size_t         used;
    task_t        *task;
    ihanoi_run_e   rc;

    current = program;

    if (program->running >= 0) {
        n = (unsigned) program->running;

    } else if (program->first == program->last) {
        finish(program, IHANOI_RUN_WAIT);
        return;

    } else {
        n = program->queue[program->first++ % QUEUE];
    }

    task = &program->tasks[n];

    if (task->waiting) {
        answer(program, task);
    }

    rc = ihanoi_call_run(task->call, task->nargs);

    task->nargs = 0;
    program->running = -1;
    program->turns++;

    switch (rc) {

    case IHANOI_RUN_SLICE:
        program->running = (int) n;

        if (program->turns == program->drop) {
            finish(program, rc);
            return;
        }

        for (i = 0; stormy && i < program->ntasks; i++) {

            if (program->tasks[i].waiting) {
                answer(program, &program->tasks[i]);
                break;
            }
        }

        return;

    case IHANOI_RUN_WAIT:
        task->waiting = 1;
        ready(program, n);

        if (task->waits > 40) {
            finish(program, rc);
        }

        return;

    case IHANOI_RUN_MEMORY:
    case IHANOI_RUN_CPU:
        expect(ihanoi_call_usec(task->call) < program->budget + SLACK,
               "a kill is late");
        finish(program, rc);
        return;

    default:
        break;
    }

    used = strlen(program->said);
    snprintf(program->said + used, SAID - used, "%u:%d:%.100s;", n, (int) rc,
             ihanoi_call_error(task->call));

    if (n == 0) {
        finish(program, rc);
        return;
    }

    ihanoi_call_destroy(task->call);
    task->call = NULL;
}


/* The state goes on, whatever became of its call, and gives back all it has. */

static void
end(program_t *program, choices_t *c)
{
    ihanoi_run_e     rc;
    ihanoi_call_t   *call;

    current = program;

    call = ihanoi_call_create(program->sandbox, 2000);
    (void) luaL_loadstring(ihanoi_call_state(call),
                           "pcall(table.sort, { 2, 1 }, function()"
                           " while true do end end)");

    do {
        rc = ihanoi_call_run(call, 0);
    } while (rc == IHANOI_RUN_SLICE);

    expect(rc == IHANOI_RUN_CPU || rc == IHANOI_RUN_MEMORY,
           "a state that had a call kills no other one");
    expect(ihanoi_call_usec(call) < 2000 + SLACK, "a kill is late");
    ihanoi_call_destroy(call);

    if (pick(c, 4)) {
        while (!ihanoi_sandbox_drain(program->sandbox)) {
            if (pick(c, 64) == 0) {
                break;
            }
        }

    } else {
        while (!ihanoi_sandbox_drain(program->sandbox)) { /* void */ }

        expect(ihanoi_sandbox_memory(program->sandbox) < 2 * MB,
               "a state that was drained holds something");
    }

    ihanoi_sandbox_destroy(program->sandbox);
    free(program->block);
}


/* Nobody has killed or dropped it. */

static int
is_whole(program_t *program)
{
    return program->rc == IHANOI_RUN_DONE || program->rc == IHANOI_RUN_ERROR;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int              i, exact[2], stormy;
    size_t           k;
    choices_t        choices;
    unsigned         budget;
    struct sigevent  event;

    static int        begun;
    static char       texts[2][TEXT];
    static program_t  quiet[2], loud[2];

    if (!begun) {
        expect(ihanoi_sandbox_start_timer(SIGNAL, NULL, 10000, stuck) == 0,
               "no timer");

        memset(&event, 0, sizeof(event));
        event.sigev_notify = SIGEV_THREAD_ID;
        event.sigev_signo = SIGNAL;
        event._sigev_un._tid = (int) syscall(SYS_gettid);
        expect(timer_create(CLOCK_MONOTONIC, &event, &storm) == 0, "no timer");

        ihanoi_host_store_of = store_of;
        ihanoi_host_time_now = time_now;
        begun = 1;
    }

    memset(&choices, 0, sizeof(choices));
    choices.data = data;
    choices.size = size;
    choices.seed = 14695981039346656037u;

    for (k = 0; k < size; k++) {
        choices.seed = (choices.seed ^ data[k]) * 1099511628211u;
    }

    for (i = 0; i < 2; i++) {
        exact[i] = make(&choices, texts[i]);
    }

    if (getenv("SANDBOX_TEXT")) {
        fprintf(stderr, "%s\n----\n%s\n", texts[0], texts[1]);
    }

    /* alone */

    for (i = 0; i < 2; i++) {
        start(&quiet[i], texts[i], 20000, 0);

        while (!quiet[i].ended) {
            turn(&quiet[i], 0);
        }

        end(&quiet[i], &choices);
    }

    /* both, turn by turn, in the storm */

    for (i = 0; i < 2; i++) {
        budget = pick(&choices, 3) ? 40000 : 1u << pick(&choices, 15);
        start(&loud[i], texts[i], budget,
              pick(&choices, 4) ? 0 : 1 + pick(&choices, 20));
    }

    stormy = pick(&choices, 4);
    set_storm(stormy ? 20000 << stormy : 0);

    while (!loud[0].ended || !loud[1].ended) {
        i = (int) pick(&choices, 2);
        turn(&loud[loud[i].ended ? 1 - i : i], 1);
    }

    for (i = 0; i < 2; i++) {
        end(&loud[i], &choices);
    }

    set_storm(0);

    for (i = 0; i < 2; i++) {

        if (exact[i] && is_whole(&quiet[i]) && is_whole(&loud[i])
            && strcmp(quiet[i].said, loud[i].said) != 0)
        {
            fprintf(stderr, "alone:        %s\nin the storm: %s\n",
                    quiet[i].said, loud[i].said);
            expect(0, "a program says something else in the storm");
        }
    }

    return 0;
}
