/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.store and ihanoi.lock, as a plugin sees them.
 */

#include <errno.h>
#include <math.h>
#include <time.h>
#include <unistd.h>

#include "host_fixture.h"
#include "ihanoi_host_store.h"


#define MB  (1024 * 1024)


static int  locked;       /* now */
static int  broken;       /* locked twice, or unlocked */

static ihanoi_host_store_t   host;
static ihanoi_host_store_t  *granted;


/* The timer of the calls may still run, and interrupts a sleep. */

static void
nap(unsigned msec)
{
    struct timespec  left = { 0, msec * 1000000L };

    while (nanosleep(&left, &left) == -1 && errno == EINTR) { /* void */ }
}


static void
lock(void *data)
{
    broken |= locked++ != 0 || data != &host;
}


static void
unlock(void *data)
{
    broken |= --locked != 0;
}


static ihanoi_host_store_t *
store_of(lua_State *L)
{
    return granted;
}


static void
grant(size_t size)
{
    void  *block;

    free(host.store);
    block = aligned_alloc(16, size);
    host.store = ihanoi_store_create(block, size,
                                     (unsigned char *) "0123456789abcdef",
                                     1790000000000000);
    host.lock = lock;
    host.unlock = unlock;
    host.data = &host;
    granted = &host;
}


static void
without(void)
{
    says("ihanoi.store.get('a')",
         "t:1: the plugin's manifest asks for no store, \"limits\": {\"store\": ...}");
    says("ihanoi.lock.acquire('a', 1)",
         "t:1: the plugin's manifest asks for no store, \"limits\": {\"store\": ...}");

    ihanoi_host_store_of = store_of;
    says("ihanoi.store.set('a', 1)",
         "t:1: the plugin's manifest asks for no store, \"limits\": {\"store\": ...}");
}


static void
values(void)
{
    says("local s = ihanoi.store local n = select('#', s.get('a'))\n"
         "return n .. tostring(s.get('a'))", "1nil");

    /* what comes back is what was given, with its version */

    says("local s = ihanoi.store\n"
         "for _, v in ipairs({ 'text', '', '12', 'a\\0b', 12, -0.5, 1e300,\n"
         "                     2^53, true, false, ('x'):rep(65536) }) do\n"
         "    local version, err = s.set('a', v)\n"
         "    local got, got_version = s.get('a')\n"
         "    if got ~= v or got_version ~= version or err then\n"
         "        return tostring(v) .. tostring(got) .. tostring(version)\n"
         "    end\n"
         "end return 'all'", "all");
    says("ihanoi.store.set('a', 1/0) return (ihanoi.store.get('a'))", "inf");
    says("ihanoi.store.set('a', { x = { 1, 'two', ihanoi.json.null } })\n"
         "local got = ihanoi.store.get('a')\n"
         "got.x[1] = 7\n"
         "return ihanoi.json.encode(ihanoi.store.get('a'))",
         "{\"x\":[1,\"two\",null]}");
    says("ihanoi.store.set('a', ihanoi.json.null)\n"
         "return tostring(ihanoi.store.get('a') == ihanoi.json.null)",
         "true");
    says("ihanoi.store.set('a', ihanoi.json.raw('[12345678901234567]'))\n"
         "return tostring((ihanoi.store.get('a')))", "[12345678901234567]");
    says("ihanoi.store.set('a', { ihanoi.json.raw('12345678901234567') })\n"
         "return pcall(ihanoi.store.get, 'a')",
         "a value of the store cannot be read: integer beyond 2^53, "
         "which a number cannot hold exactly");
    says("ihanoi.store.set('a', nil)",
         "t:1: bad argument #2 to 'set' (nil is no value, delete() the key)");

    says("return select(2, ihanoi.store.set('a', error))", "$ is a function");
    says("return select(2, ihanoi.store.set('a', { error }))",
         "$[1] is a function");
    says("return select(2, ihanoi.store.set('a', ('x'):rep(65537)))",
         "value too long");
    says("return select(2, ihanoi.store.set('a', { ('x'):rep(65536) }))",
         "value too long");
    says("ihanoi.store.set('', 1)",
         "t:1: bad argument #1 to 'set' (a key has 1 to 250 bytes)");
    says("ihanoi.store.set(('k'):rep(251), 1)",
         "t:1: bad argument #1 to 'set' (a key has 1 to 250 bytes)");
    says("ihanoi.store.set(1, 1)",
         "t:1: bad argument #1 to 'set' (string expected, got number)");
    says("return ihanoi.store.set(('k'):rep(250), 1) and 'ok'", "ok");
    says("ihanoi.store.set('a', 1, { expire = 1 })",
         "t:1: bad argument #3 to 'set' (unknown option \"expire\")");
    says("ihanoi.store.set('a', 1, { expires = 0 })",
         "t:1: a time is a number of seconds above 0 and up to 316224000");
    says("ihanoi.store.set('a', 1, { expires = '1' })",
         "t:1: a time is a number of seconds above 0 and up to 316224000");
    says("ihanoi.store.set('a', 1, { expires = 0/0 })",
         "t:1: a time is a number of seconds above 0 and up to 316224000");

    /* C calls Lua for an option, and Lua C, and so on */

    says("local function f()\n"
         "  return ihanoi.store.set('a', 1, setmetatable({}, {__index = f}))\n"
         "end return select(2, pcall(f)):match('%a+ stack overflow')",
         "C stack overflow");
}


static void
changes(void)
{
    says("local s = ihanoi.store s.delete('a')\n"
         "local v = s.add('a', 1)\n"
         "local none, err = s.add('a', 2)\n"
         "return tostring(none) .. err .. s.get('a')", "nilexists1");
    says("local s = ihanoi.store\n"
         "local _, v = s.get('a')\n"
         "local v2 = s.compare_and_set('a', v, 'two')\n"
         "local none, err = s.compare_and_set('a', v, 'three')\n"
         "return s.get('a') .. tostring(v2 > v) .. tostring(none) .. err",
         "twotruenilchanged");
    says("return select(2, ihanoi.store.compare_and_set('none', 1, 1))",
         "not found");
    says("ihanoi.store.compare_and_set('a', 0, 1)",
         "t:1: bad argument #2 to 'compare_and_set' (no version)");
    says("local s = ihanoi.store local _, v = s.get('a')\n"
         "local _, err = s.delete('a', v - 1)\n"
         "return err .. tostring(s.delete('a', v))\n"
         "    .. tostring(s.get('a')) .. select(2, s.delete('a'))",
         "changedtruenilnot found");

    says("return select(2, ihanoi.store.increment('n'))", "not found");
    says("local s = ihanoi.store\n"
         "return s.increment('n', 1, { first = 0 }) .. s.increment('n')\n"
         "    .. s.increment('n', -0.5) .. s.get('n')", "121.51.5");
    says("return select(2, ihanoi.store.increment('n', 1/0))",
         "out of range");
    says("ihanoi.store.set('s', '1')\n"
         "return select(2, ihanoi.store.increment('s'))", "not a number");
    says("ihanoi.store.increment('n', 1, { first = '0' })",
         "t:1: bad argument #3 to 'increment' (first is a number)");

    says("local s = ihanoi.store s.set('e', 1, { expires = 0.02 })\n"
         "s.increment('f', 1, { first = 0, expires = 0.02 })\n"
         "return s.get('e') .. s.get('f')", "11");
    nap(25);
    says("return tostring(ihanoi.store.get('e'))\n"
         "    .. tostring(ihanoi.store.get('f'))", "nilnil");
}


static void
locks(void)
{
    says("local l = ihanoi.lock\n"
         "local token = l.acquire('a', 10)\n"
         "local none, err = l.acquire('a', 10)\n"
         "local _, other = l.release('a', token + 1)\n"
         "return tostring(none) .. err .. other\n"
         "    .. tostring(l.release('a', token))\n"
         "    .. select(2, l.release('a', token))",
         "nilheldnot heldtruenot held");
    says("token = ihanoi.lock.acquire('a', 0.02) return 'ok'", "ok");
    nap(25);
    says("local l = ihanoi.lock\n"
         "local again = l.acquire('a', 10)\n"
         "local _, err = l.release('a', token)\n"
         "return err .. tostring(l.release('a', again))", "not heldtrue");
    says("ihanoi.lock.acquire('a')",
         "t:1: bad argument #2 to 'acquire' (number expected, got no value)");
    says("ihanoi.lock.acquire('a', 3601)",
         "t:1: a time is a number of seconds above 0 and up to 3600");
    says("ihanoi.lock.acquire('', 1)",
         "t:1: bad argument #1 to 'acquire' (a name has 1 to 250 bytes)");
    says("ihanoi.lock.release('a', 0/0)",
         "t:1: bad argument #2 to 'release' (no token)");
    says("local i = 0\n"
         "while ihanoi.lock.acquire('l' .. i, 10) do i = i + 1 end\n"
         "return tostring(i > 200) .. select(2, ihanoi.lock.acquire('x', 1))",
         "truefull");
}


/* Out of memory where Lua makes the value: the lock was given back before. */
static void
memory(void)
{
    ihanoi_run_e  rc;

    start(1 * MB);

    says("return ihanoi.store.set('big', ('x'):rep(65536)) and 'ok'", "ok");
    rc = run_for("local kept = {}\n"
                 "for i = 1, 100 do kept[i] = ihanoi.store.get('big') .. i "
                 "end", 5000000);
    is_int(rc, IHANOI_RUN_MEMORY, "a plugin that keeps too much is killed");
    end();
}


/* A call whose turn ends in the middle of a value; others have theirs then. */
static void
turns(void)
{
    ihanoi_run_e       rc;
    ihanoi_call_t     *mine;
    ihanoi_sandbox_t  *plugin;

    static const char  text[] =
        "local s = ihanoi.store\n"
        "for i = 1, 200 do\n"
        "  local v = s.get('ones')\n"
        "  if #v ~= 30000 or v[30000] ~= 1 then return 'of another' end\n"
        "end return 'its own'";

    grant(1 * MB);
    start(64 * MB);

    says("for name, value in pairs({ ones = 1, twos = 2 }) do\n"
         "  local all = {}\n"
         "  for i = 1, 30000 do all[i] = value end\n"
         "  assert(ihanoi.store.set(name, all))\n"
         "end return 'set'", "set");

    plugin = sandbox;
    mine = ihanoi_call_create(plugin, 5000000);
    (void) luaL_loadbufferx(ihanoi_call_state(mine), text, strlen(text), "=t",
                            "t");

    sandbox = NULL;
    start(64 * MB);

    while ((rc = ihanoi_call_run(mine, 0)) == IHANOI_RUN_SLICE) {
        (void) said("return #ihanoi.store.get('twos')");
    }

    is_int(rc, IHANOI_RUN_DONE, "a call that others have their turns beside");
    is_str(lua_tostring(ihanoi_call_state(mine), -1), "its own",
           "reads its values whole");

    ihanoi_call_destroy(mine);
    ihanoi_sandbox_destroy(plugin);
}


static void
phases(void)
{
    ihanoi_sandbox_set_phase(sandbox, IHANOI_PHASE_LOAD);
    says("ihanoi.store.get('a')",
         "t:1: ihanoi.store.get() cannot be called while the plugin is "
         "loaded");
    says("ihanoi.lock.acquire('a', 1)",
         "t:1: ihanoi.lock.acquire() cannot be called while the plugin is "
         "loaded");
}


int
main(void)
{
    (void) ihanoi_sandbox_start_timer(SIGRTMIN, NULL, 20000, stuck);

    start(64 * MB);

    without();
    grant(256 * 1024);
    values();
    changes();
    locks();
    memory();
    turns();
    phases();

    ok(!broken && !locked, "the lock was taken and given back in turn");

    end();
    ihanoi_sandbox_destroy(sandbox);
    ihanoi_sandbox_stop_timer();
    free(host.store);

    return done_testing();
}
