/*
 * Copyright (C) iHaNoi contributors
 *
 * Turns of a plugin's calls: that others have theirs whatever it does, and that
 * nothing keeps it alive when it has to die, nor its memory.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "tap.h"
#include "sandbox_fixture.h"
#include "ihanoi_lua_box.h"


#define MB  (1024 * 1024)


static ihanoi_sandbox_file_t  files[] = {
    { "lib.fees", "count = (count or 0) + 1\n"
                  "return { of = function(n) return n * 2 end }", 0 },
};


static int
host_may_wait(lua_State *L)
{
    ihanoi_call_may_wait(L);
    return 0;
}


/* How often the collection was survived. */
static unsigned  collected;


static int
host_collect(lua_State *L)
{
    ihanoi_sandbox_make_room(L, 64 * MB);
    collected++;

    return 0;
}


static int
host_box(lua_State *L)
{
    (void) ihanoi_lua_box_create(L);

    return 1;
}


static void
start(size_t memory)
{
    sandbox_of(memory, files, sizeof(files) / sizeof(files[0]));
    give("wait", host_wait);
    give("may_wait", host_may_wait);
    give("collect", host_collect);
    give("box", host_box);
}


/* Whatever it tries, it is dead soon after its 20 ms. */
static const char  *immortals[] = {
    "while true do end",
    "for i = 1, math.huge do end",
    "local function f() return f() end f()",
    "local t = {} while true do t[1] = (t[1] or 0) + 1 end",
    "while true do pcall(error) end",
    "local function f() while true do end end while true do pcall(f) end",
    "local function f() while true do end end\n"
    "while true do xpcall(f, f) end",
    "local function f() while true do end end\n"
    "while true do coroutine.resume(coroutine.create(f)) end",
    "local function f() while true do end end\n"
    "while true do pcall(coroutine.wrap(f)) end",
    "local function f() while true do end end\n"
    "while true do pcall(table.sort, {1, 2, 3}, f) end",
    "local function f() while true do end end\n"
    "while true do pcall(string.gsub, 'aaa', 'a', f) end",
    "local function f() pcall(f) while true do end end\n"
    "while true do f() end",
    "local function f() pcall(f) while true do end end\n"
    "while true do xpcall(f, f) end",
    "local m = {} m.__index = function(t, k) return t[k + 1] end\n"
    "while true do pcall(function() return setmetatable({}, m)[1] end) end",
    "local m = setmetatable({}, {__tostring = function() while true do end end})\n"
    "while true do pcall(tostring, m) end",
    "local co = coroutine.wrap(function() while true do coroutine.yield() end end)\n"
    "while true do co() end",
    "local t = {} for i = 1, 1e5 do t[i] = i end\n"
    "while true do for k, v in pairs(t) do end end",
    "while true do local s = ('x'):rep(1000) end",
    "while true do pcall(string.rep, 'x', 1e9) end",
    "while true do require('lib.fees') end",
    "table.insert({}, -2^31, 1)",
    "local t = {} for i = 1, 1e5 do t[i] = i end\n"
    "while true do table.insert(t, 1, 0) t[#t] = nil end",
};


static void
test_immortals(void)
{
    size_t        i;
    double        begin, took;
    ihanoi_run_e  rc;

    for (i = 0; i < sizeof(immortals) / sizeof(immortals[0]); i++) {
        begin = now();
        rc = run_for(immortals[i], 20000);
        took = now() - begin;

        is_int(rc, IHANOI_RUN_CPU, "killed: %s", immortals[i]);
        ok(ihanoi_call_usec(call) < 200000 && took < 20,
           "in time: %u us, %.3f s", ihanoi_call_usec(call), took);
        end();

        is_str(said("return 1 + 1"), "2", "others go on");
    }
}


/* Its turns are never over, but its budget is, little by little. */

static void
test_waits(void)
{
    int           n;
    ihanoi_run_e  rc;

    rc = run_for("while true do for i = 1, 2000 do end may_wait() wait() end",
                 4000);

    for (n = 0; rc == IHANOI_RUN_WAIT && n < 3000; n++) {
        rc = go_on(0);
    }

    is_int(rc, IHANOI_RUN_CPU, "killed between its waits, after %d", n);
    is_str(ihanoi_call_error(call), "CPU budget used up", "and says why");
    ok(ihanoi_call_usec(call) < 5000, "in time: %u us",
       ihanoi_call_usec(call));
    end();

    is_int(run_for("while true do pcall(function()\n"
                   "for i = 1, 2000 do end may_wait() asked = 1 end) end",
                   4000),
           IHANOI_RUN_CPU, "an error that is caught keeps nobody alive");
    end();

    /* what it waited for may be something that cannot be undone */

    is_int(run_for("for i = 1, 20000 do end wait()\n"
                   "for i = 1, 20000 do end return 1", 1),
           IHANOI_RUN_WAIT, "with nothing left it waits");
    is_int(go_on(0), IHANOI_RUN_DONE, "and is not killed when it goes on");
    end();

    is_int(run_for("wait() while true do end", 1), IHANOI_RUN_WAIT, "it waits");
    is_int(go_on(0), IHANOI_RUN_CPU, "and is killed when that is all it does");
    ok(ihanoi_call_usec(call) < 10000, "in time: %u us",
       ihanoi_call_usec(call));
    end();

    is_str(said("return 1 + 1"), "2", "others go on");
}


static void
test_slices(void)
{
    static const char  sum[] =
        "local function step(n) local x = 0\n"
        "  for i = 1, n do x = (x * 31 + i) % 1000003 end return x end\n"
        "local t = {}\n"
        "for i = 1, 200 do\n"
        "  local co = coroutine.wrap(function(a)\n"
        "    local _, x = pcall(step, 20000 + a) coroutine.yield(x) end)\n"
        "  t[i] = co(i)\n"
        "  t[i] = t[i] .. ('b'):rep(i):gsub('b', function(c)\n"
        "    return #c + i end)\n"
        "end\n"
        "return table.concat(t, ' ')";
    char        *first;
    int          i, same = 1;
    unsigned     most = 0;

    run_for(sum, 10000000);
    first = strdup(lua_tostring(ihanoi_call_state(call), -1));
    end();

    for (i = 0; i < 5; i++) {
        run_for(sum, 10000000);
        most = slices > most ? slices : most;
        same = same && strcmp(first, lua_tostring(ihanoi_call_state(call), -1))
                       == 0;
        end();
    }

    ok(most > 2, "a long call has many turns: %u", most);
    ok(same, "and comes to the same result");
    free(first);
}


/* In C, where no hook runs, or called from there. */
static const char  *nested[] = {
    "pcall(table.sort, {3, 2, 1}, function() while true do end end)",
    "string.gsub('aaa', 'a', function() while true do end end)",
    "string.gsub('a', 'a', function()\n"
    "  pcall(table.sort, {2, 1}, function() while true do end end) end)",
    "local m = {__lt = function() while true do end end}\n"
    "table.sort({setmetatable({}, m), setmetatable({}, m)})",
    "tostring(setmetatable({}, {__tostring = function() while true do end end}))",
    "coroutine.wrap(function()\n"
    "  ('a'):gsub('a', function() while true do end end) end)()",
    "local s = ('a'):rep(20000) while true do s:find('.-b') end",
    "local t = {} for i = 1, 1e5 do t[i] = -i end\n"
    "while true do table.concat(t, ', ') end",
    "while true do pcall(table.insert, {}, -1e9, 1) end",
    "local function f() while true do end end\n"
    "table.sort({3, 2, 1}, function() xpcall(f, f) end)",
    "local function f() while true do end end\n"
    "('a'):gsub('a', function() xpcall(function() f() end, f) end)",
    "local s = ('a'):rep(20000)\n"
    "local function f() s:find('.-b') end\n"
    "while true do xpcall(f, function() while true do f() end end) end",
};


static void
drop(const char *text)
{
    int           i, turns;
    ihanoi_run_e  rc = IHANOI_RUN_ERROR;

    for (turns = 1; turns < 4; turns++) {
        call = ihanoi_call_create(sandbox, 10000000);
        (void) luaL_loadstring(ihanoi_call_state(call), text);

        for (i = 0; i < turns; i++) {
            rc = ihanoi_call_run(call, 0);
        }

        end();
    }

    is_int(rc, IHANOI_RUN_SLICE, "dropped in the middle: %s", text);
    is_str(said("return 1 + 1"), "2", "others go on");
}


/* In a callback an error at a time, and each of these is caught. */

static void
test_thrown(void)
{
    unsigned      turns;
    ihanoi_run_e  rc;

    end();
    call = ihanoi_call_create(sandbox, 20000);
    (void) luaL_loadstring(ihanoi_call_state(call),
                           "local function f() pcall(f) while true do end end\n"
                           "table.sort({2, 1}, f)");

    for (turns = 0;
         (rc = ihanoi_call_run(call, 0)) == IHANOI_RUN_SLICE;
         turns += ihanoi_call_usec(call) > 20000)
    {
        /* void */
    }

    is_int(rc, IHANOI_RUN_CPU, "killed under thousands of pcall()s");
    ok(turns > 8, "others have turns while it is thrown out: %u", turns);
    end();
}


/* Others have their turns wherever it is, and there it may be dropped. */

static void
test_nested(void)
{
    size_t  i;

    for (i = 0; i < sizeof(nested) / sizeof(nested[0]); i++) {
        is_int(run_for(nested[i], 20000), IHANOI_RUN_CPU, "killed: %s",
               nested[i]);
        ok(slices > 8, "after %u turns", slices);
        end();

        drop(nested[i]);
    }

    for (i = 0; i < sizeof(immortals) / sizeof(immortals[0]); i++) {
        drop(immortals[i]);
    }
}


/*
 * As when the kernel gives the processor back after a whole turn: the next
 * signal comes while the hook of the last one is being taken away.
 */

static void
test_storm(void)
{
    int                 i, killed;
    timer_t             id;
    struct sigevent     event;
    struct itimerspec   every;

    (void) ihanoi_sandbox_start_timer(SIGRTMIN + 3, NULL, 2000, stuck);

    memset(&event, 0, sizeof(event));
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGRTMIN + 3;
    event._sigev_un._tid = syscall(SYS_gettid);

    memset(&every, 0, sizeof(every));
    every.it_value.tv_nsec = every.it_interval.tv_nsec = 20000;

    (void) timer_create(CLOCK_MONOTONIC, &event, &id);
    (void) timer_settime(id, 0, &every, NULL);

    for (i = 0, killed = 0; i < 100; i++) {
        killed += (run_for("while true do\n"
                           "  pcall(string.gsub, 'a', 'a', function()\n"
                           "    while true do end end) end", 3000)
                   == IHANOI_RUN_CPU);
        end();
    }

    (void) timer_delete(id);

    is_int(killed, 100, "no kill is lost when signals come thick and fast");
}


static void
test_memory(void)
{
    size_t  before;

    end();
    start(4 * MB);
    before = ihanoi_sandbox_memory(sandbox);
    ok(before < 64 * 1024, "a new one takes little: %zu", before);

    is_int(run_for("local t = {} for i = 1, 1e9 do t[i] = {i} end", 5000000),
           IHANOI_RUN_MEMORY, "a leak is killed");
    end();
    is_int(run_for("local s = 'x' while true do s = s .. s end", 5000000),
           IHANOI_RUN_MEMORY, "so is a value that is too big");
    end();
    is_str(said("return select(2, pcall(string.rep, 'x', 1e8))"),
           "not enough memory", "it may be caught before that");
    is_int(run_for("local t = {}\n"
                   "while true do pcall(function()\n"
                   "  for i = 1, 1e9 do t[#t + 1] = ('x'):rep(i % 999) end\n"
                   "end) end", 5000000), IHANOI_RUN_MEMORY,
           "under pcall() too");
    end();
    is_int(run_for("local s = '' for i = 1, 20000 do\n"
                   "  s = s:sub(-200000) .. ('y'):rep(100) end\n"
                   "return #s", 20000000), IHANOI_RUN_DONE,
           "garbage is not a leak");
    end();
    is_int(run_for("keep = ('z'):rep(1e6)", 1000000), IHANOI_RUN_DONE,
           "what it keeps");
    end();
    is_int(ihanoi_sandbox_charge(sandbox, 7 * MB / 2), -1,
           "counts against what the host holds for it");
    is_int(run_for("keep = nil", 1000000), IHANOI_RUN_DONE, "given up");
    end();
    is_int(ihanoi_sandbox_charge(sandbox, 7 * MB / 2), 0, "it is free again");
    is_int(run_for("local t = {} for i = 1, 1e9 do t[i] = {i} end", 5000000),
           IHANOI_RUN_MEMORY, "with that, the limit is nearer");
    end();
    ihanoi_sandbox_charge(sandbox, -7 * MB / 2);
    ihanoi_sandbox_collect(sandbox);
    ok(ihanoi_sandbox_memory(sandbox) < 2 * before, "nothing is left: %zu",
       ihanoi_sandbox_memory(sandbox));
    is_str(said("return 'alive'"), "alive", "and the state is usable");
}


/* A heap that is full is collected, and given back, turn by turn. */

static void
test_collection(void)
{
    unsigned  turns;

    start(64 * MB);

    is_int(run_for("t = {} for i = 1, 5e5 do t[i] = {} end\n"
                   "wait() collect() wait()", 60000000), IHANOI_RUN_WAIT,
           "half a million tables");
    slices = 0;

    while (ihanoi_call_run(call, 0) == IHANOI_RUN_SLICE) {
        slices++;
    }

    ok(slices > 8, "a collection has its turns: %u", slices);

    is_int(run_for("wait() t = nil collect() wait()", 60000000),
           IHANOI_RUN_WAIT, "another call");
    collected = 0;
    (void) ihanoi_call_run(call, 0);
    end();
    ok(ihanoi_sandbox_memory(sandbox) > 16 * MB, "is dropped in one");
    is_int((int) collected, 0, "and does nothing more");

    ihanoi_sandbox_collect(sandbox);
    ok(ihanoi_sandbox_memory(sandbox) < MB, "another one ends it");

    is_int(run_for("t = { box() } for i = 1, 5e5 do t[i] = t[i] or {} end",
                   60000000),
           IHANOI_RUN_DONE, "again half a million");
    end();

    for (turns = 1; !ihanoi_sandbox_drain(sandbox); turns++) { /* void */ }

    ok(turns > 8, "a state that goes is drained in turns: %u", turns);
    ok(ihanoi_sandbox_memory(sandbox) < MB, "of all it has: %zu",
       ihanoi_sandbox_memory(sandbox));
}


/* The first touch of a big value is in pages of 2 MB, not in thousands of 4 KB. */

static void
test_huge(void)
{
    int    found;
    char   line[512];
    FILE  *maps;

    if (access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) != 0) {
        ok(1, "a big value is of huge pages # SKIP the kernel has none");
        return;
    }

    start(64 * MB);
    is_int(run_for("big = {} for i = 1, 1e6 do big[i] = i end", 60000000),
           IHANOI_RUN_DONE, "a million numbers");

    found = 0;
    maps = fopen("/proc/self/smaps", "r");

    while (maps && fgets(line, sizeof(line), maps)) {
        found |= strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " hg");
    }

    if (maps) {
        fclose(maps);
    }

    ok(found, "a big value is of huge pages");
}


int
main(void)
{
    if (ihanoi_sandbox_start_timer(SIGRTMIN + 3, NULL, 10000, stuck) != 0) {
        return 1;
    }

    start(64 * MB);

    test_immortals();
    test_waits();
    test_slices();
    test_nested();
    test_thrown();
    test_storm();
    test_memory();
    test_collection();
    test_huge();

    end();
    ihanoi_sandbox_destroy(sandbox);
    ihanoi_sandbox_stop_timer();

    return done_testing();
}
