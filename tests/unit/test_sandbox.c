/*
 * Copyright (C) iHaNoi contributors
 *
 * Sandboxes: what a plugin finds in one, and what calls in it are to each other.
 */

#include <malloc.h>
#include <signal.h>

#include "tap.h"
#include "sandbox_fixture.h"


static ihanoi_sandbox_file_t  files[] = {
    { "handler", "local fees = require('lib.fees')\n"
                 "return { pay = function(n) return fees.of(n) end }", 0 },
    { "lib.fees", "count = (count or 0) + 1\n"
                  "return { of = function(n) return n * 2 end }", 0 },
    { "lib.self", "local self = require('lib.self')", 0 },
    { "lib.raises", "error('no rates')", 0 },
    { "lib.table", "local x\nerror({ message = 'no table' })", 0 },
    { "lib.loads", "local x\n\nrequire('lib.table')", 0 },
    { "lib.waits", "local n = (tries or 0) + 1 tries = n wait() return n", 0 },
    { "lib.wrong", "local x =\n=", 0 },
    { "lib.binary", "\033LJ\002", 0 },
};


static void
start(void)
{
    sandbox_of(64 * 1024 * 1024, files, sizeof(files) / sizeof(files[0]));
    give("wait", host_wait);
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


/* Raised on a stack that has room for nothing more: LuaJIT would abort. */

static void
full_stack(void)
{
    int          n;
    char         code[64];
    const char  *text;

    is_str(said("function f(n) if n == 0 then error({ message = 'full' }) end\n"
                "  return 1 + f(n - 1) end\n"
                "local function fits(n)\n"
                "  return type(select(2, pcall(f, n))) == 'table' end\n"
                "most = 0\n"
                "for _, step in ipairs({ 10000, 1000, 100, 10, 1 }) do\n"
                "  while fits(most + step) do most = most + step end end\n"
                "return most > 1000 and 'deep'"), "deep", "a stack is filled");

    text = NULL;

    for (n = -8; n < 16; n++) {
        (void) snprintf(code, sizeof(code), "return 1 + f(most - %d)", n);
        text = said(code);
    }

    is_str(text, "t:1: full", "and what is raised at its end is told");
}


static void
test_errors(void)
{
    is_int(run_for("local x = nil\nreturn x.y", 1000000), IHANOI_RUN_ERROR,
           "an error");
    is_str(ihanoi_call_error(call),
           "t:2: attempt to index local 'x' (a nil value)", "says where");
    is_str(said("error({})"), "t:1: an error that is not a string (a table value)",
           "an error that is a table says so, and where");
    is_str(said("local function f()\nerror({ code = 7, message = 'no rates' })\nend\n"
                "f() return 1"),
           "t:2: no rates", "its message, when it has one");
    is_str(said("error(setmetatable({}, { __index = function() return 'x' end,\n"
                "__tostring = function() while true do end end }))"),
           "t:1: an error that is not a string (a table value)",
           "of its own, nothing is called for it");
    is_str(said("error({ message = {} })"),
           "t:1: an error that is not a string (a table value)", "and a text");
    is_str(said("error(nil)"), "t:1: an error that is not a string (a nil value)",
           "nil");
    is_str(said("error(print)"), "t:1: an error that is not a string (a nil value)",
           "what is not there");
    is_str(said("return error({ message = 'last' })"), "last",
           "without a line when that called last");
    is_str(said("require('lib.table')"), "test/lib.table.lua:2: no table",
           "in a file that is loaded");
    is_str(said("require('lib.loads')"), "test/lib.table.lua:2: no table",
           "by another one");
    is_str(said("local _, err = pcall(require, 'lib.table')\nerror({ message = 'new' })"),
           "t:2: new", "and of a new one its own line");
    full_stack();
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


/* A large value that grows by little has what it grew by. */

static void
test_large(void)
{
    void       *ud, *p;
    size_t      size;
    lua_Alloc   alloc;

    /* not mapped, or the rest of its page hides it */
    (void) mallopt(M_MMAP_THRESHOLD, 64 * 1024 * 1024);

    alloc = lua_getallocf(ihanoi_sandbox_state(sandbox), &ud);
    size = 2 * 1024 * 1024 + 8;

    p = alloc(ud, NULL, 0, size);
    p = alloc(ud, p, size, size + 8);

    ok(p && malloc_usable_size(p) >= size + 8, "a large value grows by 8 bytes");

    (void) alloc(ud, p, size + 8, 0);
}


int
main(void)
{
    if (ihanoi_sandbox_start_timer(SIGRTMIN + 3, NULL, 10000, stuck) != 0) {
        return 1;
    }

    start();
    ok(sandbox != NULL, "a sandbox");

    test_globals();
    test_loading();
    test_dropped();
    test_errors();
    test_coroutines();
    test_reused();
    test_large();

    end();
    ihanoi_sandbox_destroy(sandbox);
    ihanoi_sandbox_stop_timer();

    return done_testing();
}
