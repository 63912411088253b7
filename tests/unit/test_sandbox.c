/*
 * Copyright (C) iHaNoi contributors
 *
 * Sandboxes: what a plugin finds, what it cannot do, and that nothing it does
 * keeps it alive when it has to die.
 */

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "tap.h"
#include "sandbox_fixture.h"
#include "ihanoi_lua_box.h"


#define MB  (1024 * 1024)


static ihanoi_sandbox_file_t  files[] = {
    { "handler", "local fees = require('lib.fees')\n"
                 "return { pay = function(n) return fees.of(n) end }", 0 },
    { "lib.fees", "count = (count or 0) + 1\n"
                  "return { of = function(n) return n * 2 end }", 0 },
    { "lib.self", "local self = require('lib.self')", 0 },
    { "lib.raises", "error('no rates')", 0 },
    { "lib.waits", "local n = (tries or 0) + 1 tries = n wait() return n", 0 },
    { "lib.wrong", "local x =\n=", 0 },
    { "lib.binary", "\033LJ\002", 0 },
};


static int
host_wait(lua_State *L)
{
    return ihanoi_call_wait(L);
}


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
    ihanoi_sandbox_collect_in_turns(L, 64 * MB);
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
    size_t                 i;
    ihanoi_sandbox_conf_t  conf;

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        files[i].len = strlen(files[i].text);
    }

    memset(&conf, 0, sizeof(conf));
    conf.name = "test";
    conf.memory = memory;
    conf.files = files;
    conf.nfiles = sizeof(files) / sizeof(files[0]);

    sandbox = ihanoi_sandbox_create(&conf);

    lua_pushcfunction(ihanoi_sandbox_state(sandbox), host_wait);
    lua_setglobal(ihanoi_sandbox_state(sandbox), "wait");
    lua_pushcfunction(ihanoi_sandbox_state(sandbox), host_may_wait);
    lua_setglobal(ihanoi_sandbox_state(sandbox), "may_wait");
    lua_pushcfunction(ihanoi_sandbox_state(sandbox), host_collect);
    lua_setglobal(ihanoi_sandbox_state(sandbox), "collect");
    lua_pushcfunction(ihanoi_sandbox_state(sandbox), host_box);
    lua_setglobal(ihanoi_sandbox_state(sandbox), "box");
}


static ihanoi_run_e
go_on(int nargs)
{
    ihanoi_run_e  rc;

    while ((rc = ihanoi_call_run(call, nargs)) == IHANOI_RUN_SLICE) {
        nargs = 0;
    }

    return rc;
}


static void
test_globals(void)
{
    size_t       i;
    char         text[128];

    static const char *const  gone[] = {
        "io", "os", "debug", "ffi", "jit", "package", "module", "load",
        "loadstring", "loadfile", "dofile", "collectgarbage", "gcinfo",
        "newproxy", "getfenv", "setfenv", "print", "string.dump",
        "math.randomseed", "table.foreach", "coroutine.isyieldable"
    };

    for (i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
        snprintf(text, sizeof(text), "return type(%s)", gone[i]);
        is_str(said(text), "nil", "%s is not there", gone[i]);
    }

    is_str(said("return tostring({})"), "table", "no address of a table");
    is_str(said("return tostring(tostring)"), "function", "nor of a function");
    is_str(said("return tostring(nil) .. tostring(1.5) .. tostring(true)"),
           "nil1.5true", "tostring() else as ever");
    is_str(said("return tostring(setmetatable({}, "
                "{__tostring = function() return 'me' end}))"), "me",
           "with __tostring");
    is_str(said("return tostring(getmetatable(''))"), "false",
           "the metatable of strings cannot be had");
    is_str(said("return require('handler').pay(21)"), "42",
           "require() finds the plugin's files");
    is_str(said("require('lib.fees') return count"), "1", "and runs them once");
    is_str(said("local os = require('os')"),
           "t:1: the plugin has no file for \"os\"", "and nothing else");
    is_str(said("return require('lib.self')"),
           "test/lib.self.lua:1: \"lib.self\" requires itself",
           "nor a file in itself");
    is_str(said("return require('lib.raises')"),
           "test/lib.raises.lua:1: no rates", "an error is said");
    is_str(said("return require('lib.raises')"),
           "test/lib.raises.lua:1: no rates", "each time");
    is_str(said("return require('lib.wrong')"),
           "test/lib.wrong.lua:2: unexpected symbol near '='",
           "a mistake is said with its place");
    is_str(said("return require('lib.binary')"),
           "attempt to load chunk with wrong mode", "bytecode is refused");
}


static void
test_loading(void)
{
    ihanoi_call_t  *first;

    is_int(run_for("return require('lib.waits')", 1000000), IHANOI_RUN_WAIT,
           "a file waits while it is loaded");
    end();

    is_int(run_for("return require('lib.waits')", 1000000), IHANOI_RUN_WAIT,
           "dropped then, it is loaded by the next call");
    first = call;
    call = NULL;

    is_int(run_for("return require('lib.waits')", 1000000), IHANOI_RUN_WAIT,
           "and by another one beside it");
    is_int(go_on(0), IHANOI_RUN_DONE, "which is done first");
    is_int((int) lua_tointeger(ihanoi_call_state(call), -1), 3, "its value");
    end();

    call = first;
    is_int(go_on(0), IHANOI_RUN_DONE, "then the other one");
    is_int((int) lua_tointeger(ihanoi_call_state(call), -1), 3,
           "has the same value");
    end();

    is_str(said("return require('lib.waits')"), "3", "as all that follow");
}


/* One that waited would go on with what it is resumed with as the result. */

static void
test_dropped(void)
{
    lua_State      *L;
    ihanoi_call_t  *first, *beside;

    is_int(run_for("yields = coroutine.create(function(a)\n"
                   " return a + coroutine.yield(a) end)\n"
                   "coroutine.resume(yields, 1)\n"
                   "inner = coroutine.create(function() got = wait() end)\n"
                   "outer = coroutine.create(function()\n"
                   " return coroutine.resume(inner) end)\n"
                   "coroutine.resume(outer)", 1000000), IHANOI_RUN_WAIT,
           "a call waits in its coroutines");

    end();

    is_str(said("return coroutine.status(inner) .. coroutine.status(outer)"),
           "deaddead", "they are dead when it is dropped");
    is_str(said("return select(2, coroutine.resume(inner, 'forged'))"),
           "cannot resume dead coroutine", "and cannot be resumed");
    is_str(said("return tostring(got)"), "nil", "nothing went on");
    is_str(said("return select(2, coroutine.resume(yields, 2))"), "3",
           "one that had yielded goes on in another call");

    /* calls beside each other: one account, each its own wait */

    is_int(run_for("f = function(a, b) local c = wait() return a, b, c end\n"
                   "wait()", 20000), IHANOI_RUN_WAIT, "a call");

    first = call;
    L = ihanoi_call_state(first);

    lua_getglobal(L, "f");
    lua_pushinteger(L, 1);
    lua_pushinteger(L, 2);
    beside = ihanoi_call_create_beside(first, L, 2);

    is_int(lua_gettop(L), 0, "has given its arguments to one beside it");
    is_int(ihanoi_call_run(beside, 2), IHANOI_RUN_WAIT, "which waits");
    lua_pushinteger(ihanoi_call_state(beside), 3);
    is_int(ihanoi_call_run(beside, 1), IHANOI_RUN_DONE, "is done first");
    is_int(ihanoi_call_results(beside, L), 3, "its results are counted");
    is_int((int) lua_tointeger(L, -1), 3, "and moved");
    lua_settop(L, 0);
    ihanoi_call_destroy(beside);

    if (luaL_loadstring(L, "while true do end") != 0) {
        printf("Bail out! no loop\n");
        return;
    }

    beside = ihanoi_call_create_beside(first, L, 0);
    is_int(ihanoi_call_run(beside, 0), IHANOI_RUN_SLICE, "one has its turns");

    while (ihanoi_call_run(beside, 0) == IHANOI_RUN_SLICE) { /* void */ }

    is_str(ihanoi_call_error(beside), "CPU budget used up",
           "until the budget is used up");
    ok(ihanoi_call_usec(first) > 15000, "which is that of both");

    ihanoi_call_destroy(beside);
    end();
}


static void
test_errors(void)
{
    is_int(run_for("local x = nil\nreturn x.y", 1000000), IHANOI_RUN_ERROR,
           "an error");
    is_str(ihanoi_call_error(call),
           "t:2: attempt to index local 'x' (a nil value)", "says where");
    is_str(said("error({})"), "an error that is not a string",
           "an error that is a table");
    is_str(said("return select(2, pcall(error, 'mine', 0))"), "mine",
           "pcall() catches what is the plugin's own");
}


static void
test_coroutines(void)
{
    lua_State  *L;

    is_str(said("local co = coroutine.create(function(a, b)\n"
                "  local c = coroutine.yield(a + b)\n"
                "  return c * 2 end)\n"
                "local _, x = coroutine.resume(co, 1, 2)\n"
                "local _, y = coroutine.resume(co, x)\n"
                "return x .. ' ' .. y .. ' ' .. coroutine.status(co)\n"
                "  .. ' ' .. tostring(select(2, coroutine.resume(co)))"),
           "3 6 dead cannot resume dead coroutine", "coroutines");
    is_str(said("local t = {}\n"
                "for x in coroutine.wrap(function()\n"
                "  for i = 1, 3 do coroutine.yield(i) end end) do\n"
                "  t[#t + 1] = x end return table.concat(t, ',')"), "1,2,3",
           "as iterators");
    is_str(said("local f = coroutine.wrap(function() error('in', 0) end)\n"
                "return select(2, pcall(f))"), "in", "their errors");
    is_str(said("local co co = coroutine.create(function()\n"
                "  return coroutine.status(co)\n"
                "    .. tostring(coroutine.running() == co)\n"
                "    .. tostring(coroutine.resume(co)) end)\n"
                "return select(2, coroutine.resume(co))\n"
                "  .. tostring(coroutine.running())"),
           "runningtruefalsenil", "running()");
    is_str(said("local function f(n) if n == 0 then return 'deep' end\n"
                "  return coroutine.wrap(f)(n - 1) end return f(30)"), "deep",
           "30 in each other");
    ok(strstr(said("local function f() return coroutine.wrap(f)() end "
                   "return f()"), "too many coroutines") != NULL,
       "not for ever");
    ok(strstr(said("return coroutine.yield(1)"), "outside a coroutine") != NULL,
       "nor outside");
    ok(strstr(said("table.sort({3, 2, 1}, coroutine.wrap(function() end))"),
              "in a callback") != NULL, "nor in a callback of C");

    /* what one returns meets a stack that is full, at some depth of f() */

    is_str(said("local co = coroutine.create(function() while true do\n"
                "  coroutine.yield(unpack({}, 1, 250)) end end)\n"
                "local function f() coroutine.resume(co) return 1 + f() end\n"
                "return tostring(pcall(f))"), "false",
           "results meet a full stack");
    is_str(said("local co = coroutine.create(function()\n"
                "  coroutine.yield(unpack({}, 1, 251)) return 'on' end)\n"
                "local ok, e = coroutine.resume(co)\n"
                "return tostring(ok) .. e .. select(2, coroutine.resume(co))"),
           "falsetoo many results of a coroutineon", "there are not too many");
    is_str(said("local co = coroutine.wrap(function(...)\n"
                "  return select('#', coroutine.yield(...)) end)\n"
                "return select('#', co(unpack({}, 1, 250)))\n"
                "  .. ' ' .. co(unpack({}, 1, 7000))"), "250 7000",
           "but enough");

    /* a host function may wait in any of them, under pcall() too */

    is_int(run_for("local co = coroutine.wrap(function(a)\n"
                   "  local ok, x = pcall(function() return wait() + a end)\n"
                   "  return x end)\n"
                   "return co(5) + wait()", 1000000), IHANOI_RUN_WAIT,
           "a coroutine waits for the host");
    lua_pushinteger(ihanoi_call_state(call), 10);
    is_int(go_on(1), IHANOI_RUN_WAIT, "gets it, and the call waits again");
    lua_pushinteger(ihanoi_call_state(call), 100);
    is_int(go_on(1), IHANOI_RUN_DONE, "and ends");
    is_int(lua_tointeger(ihanoi_call_state(call), -1), 115, "with the sum");
    end();

    /* what waits in one call is not to be had in another */

    is_int(run_for("co = coroutine.create(function() return wait() end)\n"
                   "return select(2, coroutine.resume(co))", 1000000),
           IHANOI_RUN_WAIT, "one waits");
    {
        ihanoi_call_t  *first = call;

        call = NULL;
        is_str(said("return tostring(coroutine.resume(co))"), "false",
               "another call cannot resume it");
        call = first;
        L = ihanoi_call_state(call);
        lua_pushliteral(L, "given");
        is_int(go_on(1), IHANOI_RUN_DONE, "it goes on");
        is_str(lua_tostring(ihanoi_call_state(call), -1), "given", "unharmed");
        end();
    }
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


/* More calls at a time than coroutines are kept for, well ended and not. */

static void
test_reused(void)
{
    unsigned        i, round, wrong;
    lua_State      *L;
    ihanoi_run_e    rc, expected;
    ihanoi_call_t  *calls[40];

    static const char *const  texts[] = {
        "local n = select('#', ...) wait() "
        "return n, coroutine.running(), {}, ('x'):rep(1000)",
        "local n = select('#', ...) error(n)",
        "local function f(n) return n == 0 and 0 or 1 + f(n - 1) end "
        "return select('#', ...), f(200)",
    };

    wrong = 0;

    for (round = 0; round < 3; round++) {
        for (i = 0; i < 40; i++) {
            calls[i] = ihanoi_call_create(sandbox, 5000000);
            L = ihanoi_call_state(calls[i]);

            wrong += lua_gettop(L) != 0 || lua_status(L) != 0;
            (void) luaL_loadstring(L, texts[(i + round) % 3]);
        }

        for (i = 0; i < 40; i++) {
            call = calls[i];
            rc = go_on(0);

            /* every other one is dropped while it waits */

            if (rc == IHANOI_RUN_WAIT && i % 2) {
                rc = go_on(0);
            }

            expected = (i + round) % 3 == 1 ? IHANOI_RUN_ERROR
                       : (i + round) % 3 == 0 && i % 2 == 0 ? IHANOI_RUN_WAIT
                       : IHANOI_RUN_DONE;

            wrong += rc != expected;

            if (rc == IHANOI_RUN_DONE) {
                L = ihanoi_call_state(calls[i]);
                wrong += lua_tointeger(L, 1) != 0
                         || ((i + round) % 3 == 0 && !lua_isnil(L, 2));
            }
        }

        for (i = 0; i < 40; i++) {
            ihanoi_call_destroy(calls[i]);
        }

        call = NULL;
    }

    is_int(wrong, 0, "a call finds nothing of those that have ended");
}


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


static void
stuck(const char *name)
{
    printf("Bail out! a kill is lost: \"%s\" does not come back\n", name);
    (void) fflush(stdout);
    _exit(1);
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
    ihanoi_sandbox_destroy(sandbox);
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

    ihanoi_sandbox_destroy(sandbox);
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


int
main(void)
{
    if (ihanoi_sandbox_start_timer(SIGRTMIN + 3, NULL, 10000, stuck) != 0) {
        return 1;
    }

    start(64 * MB);
    ok(sandbox != NULL, "a sandbox");

    test_globals();
    test_loading();
    test_dropped();
    test_errors();
    test_coroutines();
    test_reused();
    test_immortals();
    test_waits();
    test_slices();
    test_nested();
    test_thrown();
    test_storm();
    test_memory();
    test_collection();

    end();
    ihanoi_sandbox_destroy(sandbox);
    ihanoi_sandbox_stop_timer();

    return done_testing();
}
