/*
 * Copyright (C) iHaNoi contributors
 *
 * A sandbox's state: its memory and its life.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <luajit.h>

#include "ihanoi_asan.h"
#include "ihanoi_sandbox_state.h"


/* One big value may be made before the collector has had its turn. */
#define IHANOI_SANDBOX_SLACK(limit)  ((limit) / 4 + 256 * 1024)

/*
 * Of the collector, for ihanoi_sandbox_drain(): one may be under way, and what is to
 * be finalized keeps the globals, and what they have, for another one.
 */
#define IHANOI_SANDBOX_DRAIN_CYCLES  3


/* Pieces of up to so many bytes are kept, rounded up to steps; so much of them. */
#define IHANOI_SANDBOX_PIECE  512
#define IHANOI_SANDBOX_STEP   16

#ifdef IHANOI_ASAN
#define IHANOI_SANDBOX_KEPT   0    /* it looks for what is used afterwards */
#else
#define IHANOI_SANDBOX_KEPT   (256 * 1024)
#endif

#define ihanoi_sandbox_steps(size)                                            \
    (((size) + IHANOI_SANDBOX_STEP - 1) / IHANOI_SANDBOX_STEP)


/* x86's, and ARM's with pages of 4 KB; larger pieces are made of them. */
#define IHANOI_SANDBOX_HUGE   ((size_t) 2 * 1024 * 1024)


/* What Lua is done with, for the next one: of all sandboxes, by size. */
static struct {
    void   *first[ihanoi_sandbox_steps(IHANOI_SANDBOX_PIECE) + 1];
    size_t  size;
} ihanoi_sandbox_kept;


static void *ihanoi_sandbox_alloc(void *data, void *p, size_t old,
    size_t size);
static void *ihanoi_sandbox_resize(void *p, size_t old, size_t size);
static void *ihanoi_sandbox_take(size_t size);
static void *ihanoi_sandbox_big(size_t size);
static void ihanoi_sandbox_give(void *p, size_t size);
static int ihanoi_sandbox_panic(lua_State *L);
static void ihanoi_sandbox_forget(lua_State *L);


ihanoi_sandbox_t *
ihanoi_sandbox_create(const ihanoi_sandbox_conf_t *conf)
{
    int                rc;
    lua_State         *L;
    ihanoi_sandbox_t  *sandbox;

    sandbox = calloc(1, sizeof(ihanoi_sandbox_t));
    if (sandbox == NULL) {
        return NULL;
    }

    sandbox->conf = *conf;
    sandbox->limit = conf->memory;
    sandbox->hard = conf->memory + IHANOI_SANDBOX_SLACK(conf->memory);
    sandbox->host = 1;

    L = lua_newstate(ihanoi_sandbox_alloc, sandbox);
    if (L == NULL) {
        free(sandbox);
        return NULL;
    }

    sandbox->L = L;
    lua_atpanic(L, ihanoi_sandbox_panic);

    rc = lua_cpcall(L, ihanoi_sandbox_open, NULL);

    if (rc != 0 || !luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE|LUAJIT_MODE_OFF)) {
        ihanoi_sandbox_destroy(sandbox);
        return NULL;
    }

    lua_settop(L, 0);
    sandbox->host = 0;

    return sandbox;
}


void
ihanoi_sandbox_destroy(ihanoi_sandbox_t *sandbox)
{
    if (sandbox == NULL) {
        return;
    }

    sandbox->host++;
    lua_close(sandbox->L);
    free(sandbox);
}


/*
 * Crossing the limit only asks for a look: LuaJIT cannot collect from within an
 * allocation.  The hook, at the next instruction, can.
 */

static void *
ihanoi_sandbox_alloc(void *data, void *p, size_t old, size_t size)
{
    ihanoi_sandbox_t  *sandbox = data;

    void    *q;
    size_t   used;

    if (size == 0) {
        if (p) {
            ihanoi_sandbox_give(p, old);
            sandbox->used -= old;
        }

        return NULL;
    }

    used = sandbox->used - (p ? old : 0) + size;

    if (used > sandbox->limit && sandbox->host == 0
        && size > (p ? old : 0))
    {
        if (used > sandbox->hard) {
            return NULL;
        }

        if (!sandbox->collect && sandbox->call) {
            sandbox->collect = 1;
            ihanoi_sandbox_arm(sandbox);
        }
    }

    q = p ? ihanoi_sandbox_resize(p, old, size) : ihanoi_sandbox_take(size);
    if (q == NULL) {
        return NULL;
    }

    sandbox->used = used;

    if (used > sandbox->peak) {
        sandbox->peak = used;
    }

    return q;
}


static void *
ihanoi_sandbox_resize(void *p, size_t old, size_t size)
{
    void  *q;

    if (old > IHANOI_SANDBOX_PIECE && size > IHANOI_SANDBOX_PIECE
        && (size <= old || size < IHANOI_SANDBOX_HUGE))
    {
        return realloc(p, size);
    }

    /* what is larger has no more than was asked for */

    if (size <= IHANOI_SANDBOX_PIECE
        && ihanoi_sandbox_steps(old) == ihanoi_sandbox_steps(size))
    {
        return p;
    }

    q = ihanoi_sandbox_take(size);
    if (q == NULL) {

        /* Lua counts on it that nothing fails which becomes smaller */

        return size < old ? p : NULL;
    }

    memcpy(q, p, old < size ? old : size);
    ihanoi_sandbox_give(p, old);

    return q;
}


/*
 * A request makes dozens of small values, which a collection gives back many at
 * a time: more than malloc() keeps at hand.
 */

static void *
ihanoi_sandbox_take(size_t size)
{
    void    *p;
    size_t   n;

    if (size >= IHANOI_SANDBOX_HUGE) {
        return ihanoi_sandbox_big(size);
    }

    n = ihanoi_sandbox_steps(size);

    if (size > IHANOI_SANDBOX_PIECE || ihanoi_sandbox_kept.first[n] == NULL) {
        return malloc(n * IHANOI_SANDBOX_STEP);
    }

    p = ihanoi_sandbox_kept.first[n];
    ihanoi_sandbox_kept.first[n] = *(void **) p;
    __builtin_prefetch(ihanoi_sandbox_kept.first[n], 1);
    ihanoi_sandbox_kept.size -= n * IHANOI_SANDBOX_STEP;

    return p;
}


/*
 * The first touch of 16 MB in pages of 4 KB takes 5 ms, and nothing can interrupt
 * it; in huge pages it is 0.7.
 */

static void *
ihanoi_sandbox_big(size_t size)
{
    char    *p;
    size_t   before;

    p = malloc(size);
    if (p == NULL) {
        return NULL;
    }

    before = IHANOI_SANDBOX_HUGE - (uintptr_t) p % IHANOI_SANDBOX_HUGE;

    if (size >= before + IHANOI_SANDBOX_HUGE) {

        /* an error: the kernel has none */

        (void) madvise(p + before,
                       (size - before) / IHANOI_SANDBOX_HUGE
                       * IHANOI_SANDBOX_HUGE,
                       MADV_HUGEPAGE);
    }

    return p;
}


static void
ihanoi_sandbox_give(void *p, size_t size)
{
    size_t  n;

    n = ihanoi_sandbox_steps(size);

    if (size > IHANOI_SANDBOX_PIECE
        || ihanoi_sandbox_kept.size + n * IHANOI_SANDBOX_STEP
           > IHANOI_SANDBOX_KEPT)
    {
        free(p);
        return;
    }

    *(void **) p = ihanoi_sandbox_kept.first[n];
    ihanoi_sandbox_kept.first[n] = p;
    ihanoi_sandbox_kept.size += n * IHANOI_SANDBOX_STEP;
}


/* Memory of the machine, not of the plugin: nothing of this process is sure. */

static int
ihanoi_sandbox_panic(lua_State *L)
{
    abort();
}


int
ihanoi_sandbox_charge(ihanoi_sandbox_t *sandbox, long bytes)
{
    if (bytes > 0 && sandbox->used + bytes > sandbox->limit) {

        /* what is garbage counts until it was collected */

        if (sandbox->call == NULL) {
            ihanoi_sandbox_collect(sandbox);
        }

        if (sandbox->used + bytes > sandbox->limit) {
            return -1;
        }
    }

    sandbox->used += bytes;

    if (sandbox->used > sandbox->peak) {
        sandbox->peak = sandbox->used;
    }

    return 0;
}


void
ihanoi_sandbox_collect(ihanoi_sandbox_t *sandbox)
{
    sandbox->host++;
    lua_gc(sandbox->L, LUA_GCCOLLECT, 0);
    sandbox->host--;

    sandbox->collect = 0;
}


int
ihanoi_sandbox_drain(ihanoi_sandbox_t *sandbox)
{
    uint64_t    begin;
    lua_State  *L;

    L = sandbox->L;
    begin = ihanoi_sandbox_now(CLOCK_MONOTONIC);

    sandbox->host++;

    if (!sandbox->draining) {
        sandbox->draining = 1;
        ihanoi_sandbox_forget(L);
    }

    while (sandbox->cycles < IHANOI_SANDBOX_DRAIN_CYCLES
           && ihanoi_sandbox_now(CLOCK_MONOTONIC) - begin
              < IHANOI_SANDBOX_TURN_USEC * 1000)
    {
        sandbox->cycles += lua_gc(L, LUA_GCSTEP, 0);
    }

    sandbox->host--;

    return sandbox->cycles == IHANOI_SANDBOX_DRAIN_CYCLES;
}


/*
 * Everything that can be reached is garbage from now on.  Functions of C know the
 * globals, and all strings those of theirs.
 */

static void
ihanoi_sandbox_forget(lua_State *L)
{
    lua_settop(L, 0);

    lua_newtable(L);
    lua_replace(L, LUA_GLOBALSINDEX);

    lua_pushliteral(L, "");
    lua_pushnil(L);
    (void) lua_setmetatable(L, -2);
    lua_pop(L, 1);

    lua_pushnil(L);

    while (lua_next(L, LUA_REGISTRYINDEX)) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_pushnil(L);
        lua_rawset(L, LUA_REGISTRYINDEX);
    }
}


ihanoi_sandbox_t *
ihanoi_sandbox_of(lua_State *L)
{
    void  *data;

    (void) lua_getallocf(L, &data);

    return data;
}


void *
ihanoi_sandbox_data(ihanoi_sandbox_t *sandbox)
{
    return sandbox->conf.data;
}


lua_State *
ihanoi_sandbox_state(ihanoi_sandbox_t *sandbox)
{
    return sandbox->L;
}


const char *
ihanoi_sandbox_name(ihanoi_sandbox_t *sandbox)
{
    return sandbox->conf.name;
}


void
ihanoi_sandbox_set_phase(ihanoi_sandbox_t *sandbox, unsigned phase)
{
    sandbox->phase = phase;
}


unsigned
ihanoi_sandbox_phase(ihanoi_sandbox_t *sandbox)
{
    return sandbox->phase;
}


size_t
ihanoi_sandbox_memory(ihanoi_sandbox_t *sandbox)
{
    return sandbox->used;
}


size_t
ihanoi_sandbox_peak(ihanoi_sandbox_t *sandbox)
{
    return sandbox->peak;
}


void
ihanoi_sandbox_enter_host(ihanoi_sandbox_t *sandbox)
{
    sandbox->host++;
}


void
ihanoi_sandbox_leave_host(ihanoi_sandbox_t *sandbox)
{
    sandbox->host--;
}
