/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.cache: a value from the plugin's store, or computed by one call while
 * the others wait for it.
 *
 * A flight is a key that is being computed in this worker.  Its owner also
 * holds a lock in the store, so that other workers wait too; they look again
 * and again, nobody tells them.  What becomes of it:
 *
 *     computed        the waiters find it in the store
 *     nil, err        the waiters have the same error
 *     error, kill     the waiters begin anew: one of them is the next owner
 */

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_run.h"
#include "ngx_http_ihanoi_host.h"
#include "ihanoi_host_store.h"


/*
 * In the store a key has a mark in front, so that it is none of ihanoi.store
 * or ihanoi.lock: "\0v" a value, "\0e" an error, "\0c" the lock.
 */
#define NGX_HTTP_IHANOI_CACHE_KEY      (IHANOI_STORE_KEY_MAX - 2)
#define NGX_HTTP_IHANOI_CACHE_LOCK     "\0c"

#define NGX_HTTP_IHANOI_CACHE_SECONDS  (366 * 86400.0)

/* Beyond its owner's deadline: what it has computed has yet to be kept. */
#define NGX_HTTP_IHANOI_CACHE_LEASE    1000


typedef struct ngx_http_ihanoi_flight_s  ngx_http_ihanoi_flight_t;

/* Of the task that computes, until leave() or its end. */
struct ngx_http_ihanoi_flight_s {
    ngx_queue_t                      queue;      /* of state->flights */
    ngx_http_ihanoi_run_cleanup_t    cleanup;
    ngx_http_ihanoi_task_t          *task;
    ngx_queue_t                      waiters;
    ihanoi_host_store_t             *store;
    uint64_t                         token;      /* of the lock; 0: none */
    size_t                           len;        /* of the name */
    char                             name[IHANOI_STORE_KEY_MAX];
};


/* Of a task that waits for a flight. */
typedef struct {
    ngx_queue_t                      queue;
    ngx_http_ihanoi_task_t          *task;
} ngx_http_ihanoi_flight_wait_t;


static int ngx_http_ihanoi_host_cache_open(lua_State *L);
static int ngx_http_ihanoi_host_cache_get(lua_State *L);
static int ngx_http_ihanoi_host_cache_delete(lua_State *L);
static int ngx_http_ihanoi_host_cache_enter(lua_State *L);
static int ngx_http_ihanoi_host_cache_lock(lua_State *L);
static int ngx_http_ihanoi_host_cache_leave(lua_State *L);
static ngx_http_ihanoi_flight_t *ngx_http_ihanoi_flight_own(lua_State *L);
static ngx_http_ihanoi_flight_t *ngx_http_ihanoi_flight_find(
    ngx_http_ihanoi_plugin_state_t *state, const char *key, size_t len);
static int ngx_http_ihanoi_flight_wait(lua_State *L,
    ngx_http_ihanoi_run_t *run, ngx_http_ihanoi_flight_t *flight);
static void ngx_http_ihanoi_flight_cancel(void *data);
static void ngx_http_ihanoi_flight_clean_up(void *data);
static void ngx_http_ihanoi_flight_end(ngx_http_ihanoi_flight_t *flight,
    lua_State *L, int err);
static int ngx_http_ihanoi_flight_lock(ngx_http_ihanoi_flight_t *flight);


/*
 * enter() is true when it is ours to compute, false when another worker does,
 * nothing when another call did (look again), nil and its error when that
 * failed.
 */

static const char  ngx_http_ihanoi_host_cache_around[] =
    "local cache, store, enter, lock, leave, sleep, pcall, error, select = ...\n"
    "local get, delete = cache.get, cache.delete\n"
    "local read, set, drop = store.get, store.set, store.delete\n"
    "local function kept(key)\n"
    "    local value = read('\\0v' .. key)\n"
    "    if value ~= nil then return true, value end\n"
    "    local err = read('\\0e' .. key)\n"
    "    if err ~= nil then return true, nil, err or nil end\n"
    "end\n"
    "local function computed(key, seconds, errors, ok, value, err)\n"
    "    if not ok then leave(key) error(value, 0) end\n"
    "    if value == nil then\n"
    "        if errors then\n"
    "            set('\\0e' .. key, err or false, { expires = errors })\n"
    "        end\n"
    "        leave(key, true, err)\n"
    "        return nil, err\n"
    "    end\n"
    "    local done, why = set('\\0v' .. key, value, { expires = seconds })\n"
    "    if errors then drop('\\0e' .. key) end\n"
    "    leave(key)\n"
    "    if not done then return value, why end\n"
    "    return value\n"
    "end\n"
    "local function entered(key, ...)\n"
    "    return select('#', ...), ...\n"
    "end\n"
    "function cache.get(key, seconds, compute, options)\n"
    "    local errors = get(key, seconds, compute, options)\n"
    "    while true do\n"
    "        local hit, value, err = kept(key)\n"
    "        if hit then return value, err end\n"
    "        local n, mine, why = entered(key, enter(key))\n"
    "        if n == 2 then return nil, why end\n"
    "        if n == 1 then\n"
    "            while not mine do\n"
    "                sleep(0.02)\n"
    "                mine = lock(key)\n"
    "            end\n"
    "            hit, value, err = kept(key)\n"
    "            if hit then leave(key) return value, err end\n"
    "            return computed(key, seconds, errors, pcall(compute, key))\n"
    "        end\n"
    "    end\n"
    "end\n"
    "function cache.delete(key)\n"
    "    delete(key)\n"
    "    drop('\\0v' .. key)\n"
    "    drop('\\0e' .. key)\n"
    "end\n";


static const ihanoi_host_function_t  ngx_http_ihanoi_host_cache_functions[] = {

    { "cache", "get", ngx_http_ihanoi_host_cache_get, IHANOI_PHASE_CALL,
      "key string\n"
      "seconds number\n"
      "compute fun(key: string): any, any\n"
      "options? { errors?: number }",
      "value? any\n"
      "err? any",
      "The value that is kept for a key of 1 to 248 bytes; or what compute "
      "returns, which is then kept for so many seconds. While one call "
      "computes, the others that want the key wait for it, in all workers of "
      "this machine, each until its own deadline; when it is killed or raises "
      "an error, one of them computes. When compute returns nil and an error, "
      "those of its worker that wait have it too, and it is forgotten, or "
      "kept for options.errors seconds. A value that the store cannot keep is "
      "returned with the reason as a second result. Raises where compute, "
      "while it runs, asks for its own key." },

    { "cache", "delete", ngx_http_ihanoi_host_cache_delete, IHANOI_PHASE_CALL,
      "key string",
      "",
      "Forgets what is kept for a key. What is being computed is kept when it "
      "is there." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ngx_http_ihanoi_host_cache = {
    "cache",
    "Values that are computed once and kept for a time, in the plugin's store "
    "and as ihanoi.store keeps them: evicted when it is full, gone after a "
    "restart. Raises when the manifest asks for no store: limits.store.",
    ngx_http_ihanoi_host_cache_functions,
    ngx_http_ihanoi_host_cache_open
};


/* Behind "store" and "run" in the list of nouns. */

static int
ngx_http_ihanoi_host_cache_open(lua_State *L)
{
    int  nouns;

    nouns = lua_gettop(L) - 1;

    ihanoi_host_push_around(L, ngx_http_ihanoi_host_cache_around);

    lua_pushvalue(L, nouns + 1);
    lua_getfield(L, nouns, "store");
    lua_pushcfunction(L, ngx_http_ihanoi_host_cache_enter);
    lua_pushcfunction(L, ngx_http_ihanoi_host_cache_lock);
    lua_pushcfunction(L, ngx_http_ihanoi_host_cache_leave);
    lua_getfield(L, nouns, "run");
    lua_getfield(L, -1, "sleep");
    lua_remove(L, -2);
    lua_getglobal(L, "pcall");
    lua_getglobal(L, "error");
    lua_getglobal(L, "select");
    lua_call(L, 9, 0);

    return 0;
}


/* Checks what get() was given; for how long errors are kept, or nil. */

static int
ngx_http_ihanoi_host_cache_get(lua_State *L)
{
    size_t                     len;
    lua_Number                 seconds;

    static const char *const  names[] = { "errors", NULL };

    (void) ihanoi_host_store_check(L);
    (void) ngx_http_ihanoi_run_may_wait(L);

    luaL_checktype(L, 1, LUA_TSTRING);
    (void) lua_tolstring(L, 1, &len);
    luaL_argcheck(L, len > 0 && len <= NGX_HTTP_IHANOI_CACHE_KEY, 1,
                  "a key has 1 to 248 bytes");

    seconds = luaL_checknumber(L, 2);
    luaL_argcheck(L, seconds > 0 && seconds <= NGX_HTTP_IHANOI_CACHE_SECONDS,
                  2, "must be above 0 and at most a year");

    luaL_checktype(L, 3, LUA_TFUNCTION);

    if (!ihanoi_host_options(L, 4, names)) {
        return 0;
    }

    lua_getfield(L, 4, "errors");

    if (!lua_isnil(L, -1)) {
        seconds = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
        luaL_argcheck(L, seconds > 0
                         && seconds <= NGX_HTTP_IHANOI_CACHE_SECONDS,
                      4, "errors must be above 0 and at most a year");
    }

    return 1;
}


static int
ngx_http_ihanoi_host_cache_delete(lua_State *L)
{
    size_t  len;

    (void) ihanoi_host_store_check(L);

    luaL_checktype(L, 1, LUA_TSTRING);
    (void) lua_tolstring(L, 1, &len);
    luaL_argcheck(L, len > 0 && len <= NGX_HTTP_IHANOI_CACHE_KEY, 1,
                  "a key has 1 to 248 bytes");

    return 0;
}


static int
ngx_http_ihanoi_host_cache_enter(lua_State *L)
{
    size_t                           len;
    const char                      *key;
    ngx_http_ihanoi_run_t           *run;
    ngx_http_ihanoi_flight_t        *flight;
    ngx_http_ihanoi_plugin_state_t  *state;

    key = lua_tolstring(L, 1, &len);

    run = ngx_http_ihanoi_run_of(L);
    state = run->state;

    flight = ngx_http_ihanoi_flight_find(state, key, len);

    if (flight) {
        if (flight->task == run->current) {
            return luaL_error(L, "the cache's \"%s\" asks for itself", key);
        }

        return ngx_http_ihanoi_flight_wait(L, run, flight);
    }

    flight = ngx_calloc(sizeof(ngx_http_ihanoi_flight_t), run->log);
    if (flight == NULL) {
        return luaL_error(L, "not enough memory");
    }

    flight->task = run->current;
    flight->store = ihanoi_host_store_check(L);
    flight->len = len + 2;
    ngx_memcpy(flight->name, NGX_HTTP_IHANOI_CACHE_LOCK, 2);
    ngx_memcpy(flight->name + 2, key, len);

    ngx_queue_init(&flight->waiters);
    ngx_queue_insert_tail(&state->flights, &flight->queue);

    flight->cleanup.handler = ngx_http_ihanoi_flight_clean_up;
    flight->cleanup.data = flight;
    ngx_http_ihanoi_run_cleanup_add(run, &flight->cleanup);

    lua_pushboolean(L, ngx_http_ihanoi_flight_lock(flight));

    return 1;
}


/* Once more, by the owner: whether no other worker computes any more. */

static int
ngx_http_ihanoi_host_cache_lock(lua_State *L)
{
    ngx_http_ihanoi_flight_t  *flight;

    flight = ngx_http_ihanoi_flight_own(L);

    lua_pushboolean(L, flight == NULL || ngx_http_ihanoi_flight_lock(flight));

    return 1;
}


/* (key, failed?, err?) */

static int
ngx_http_ihanoi_host_cache_leave(lua_State *L)
{
    ngx_http_ihanoi_flight_t  *flight;

    lua_settop(L, 3);

    flight = ngx_http_ihanoi_flight_own(L);

    if (flight) {
        ngx_http_ihanoi_run_cleanup_remove(flight->task, &flight->cleanup);
        ngx_http_ihanoi_flight_end(flight, L, lua_toboolean(L, 2) ? 3 : 0);
    }

    return 0;
}


/*
 * The current task's flight with the key at 1.  NULL: it is another task's, or
 * has ended with that: a coroutine that yields in compute may go on in any.
 */

static ngx_http_ihanoi_flight_t *
ngx_http_ihanoi_flight_own(lua_State *L)
{
    size_t                     len;
    const char                *key;
    ngx_http_ihanoi_run_t     *run;
    ngx_http_ihanoi_flight_t  *flight;

    key = lua_tolstring(L, 1, &len);
    run = ngx_http_ihanoi_run_of(L);

    flight = ngx_http_ihanoi_flight_find(run->state, key, len);

    return flight && flight->task == run->current ? flight : NULL;
}


static ngx_http_ihanoi_flight_t *
ngx_http_ihanoi_flight_find(ngx_http_ihanoi_plugin_state_t *state,
    const char *key, size_t len)
{
    ngx_queue_t               *q;
    ngx_http_ihanoi_flight_t  *flight;

    for (q = ngx_queue_head(&state->flights);
         q != ngx_queue_sentinel(&state->flights);
         q = ngx_queue_next(q))
    {
        flight = ngx_queue_data(q, ngx_http_ihanoi_flight_t, queue);

        if (flight->len == len + 2
            && ngx_memcmp(flight->name + 2, key, len) == 0)
        {
            return flight;
        }
    }

    return NULL;
}


static int
ngx_http_ihanoi_flight_wait(lua_State *L, ngx_http_ihanoi_run_t *run,
    ngx_http_ihanoi_flight_t *flight)
{
    ngx_http_ihanoi_flight_wait_t  *wait;

    wait = ngx_calloc(sizeof(ngx_http_ihanoi_flight_wait_t), run->log);
    if (wait == NULL) {
        return luaL_error(L, "not enough memory");
    }

    wait->task = run->current;
    ngx_queue_insert_tail(&flight->waiters, &wait->queue);

    return ngx_http_ihanoi_run_wait(L, run, ngx_http_ihanoi_flight_cancel,
                                    wait);
}


static void
ngx_http_ihanoi_flight_cancel(void *data)
{
    ngx_http_ihanoi_flight_wait_t *wait = data;

    ngx_queue_remove(&wait->queue);
    ngx_free(wait);
}


/* Its task is over, however that came. */

static void
ngx_http_ihanoi_flight_clean_up(void *data)
{
    ngx_http_ihanoi_flight_end(data, NULL, 0);
}


/*
 * Wakes those that wait, with nil and the error at err of L unless that is 0,
 * and frees it.
 */

static void
ngx_http_ihanoi_flight_end(ngx_http_ihanoi_flight_t *flight, lua_State *L,
    int err)
{
    int                             n;
    lua_State                      *to;
    ngx_queue_t                    *q;
    ihanoi_sandbox_t               *sandbox;
    ihanoi_store_item_t             item;
    ngx_http_ihanoi_task_t         *task;
    ngx_http_ihanoi_flight_wait_t  *wait;

    ngx_queue_remove(&flight->queue);

    if (flight->token) {
        ngx_memzero(&item, sizeof(ihanoi_store_item_t));

        item.key = flight->name;
        item.key_len = flight->len;
        item.lock = 1;
        item.version = flight->token;

        flight->store->lock(flight->store->data);
        (void) ihanoi_store_delete(flight->store->store,
                                   ihanoi_host_store_now(), &item);
        flight->store->unlock(flight->store->data);
    }

    sandbox = flight->task->run->state->sandbox;

    while (!ngx_queue_empty(&flight->waiters)) {
        q = ngx_queue_head(&flight->waiters);
        wait = ngx_queue_data(q, ngx_http_ihanoi_flight_wait_t, queue);
        task = wait->task;

        ngx_http_ihanoi_flight_cancel(wait);

        n = 0;

        if (err) {
            to = ihanoi_call_state(task->call);

            ihanoi_sandbox_enter_host(sandbox);
            lua_pushnil(to);
            lua_pushvalue(L, err);
            lua_xmove(L, to, 1);
            ihanoi_sandbox_leave_host(sandbox);

            n = 2;
        }

        ngx_http_ihanoi_run_resume(task, n);
    }

    ngx_free(flight);
}


/*
 * 1: no other worker computes it, or the store has no room for another lock:
 * then it may be computed twice.
 */

static int
ngx_http_ihanoi_flight_lock(ngx_http_ihanoi_flight_t *flight)
{
    uint64_t             now;
    ihanoi_store_rc_e    rc;
    ihanoi_store_item_t  item;

    ngx_memzero(&item, sizeof(ihanoi_store_item_t));

    now = ihanoi_host_store_now();

    item.key = flight->name;
    item.key_len = flight->len;
    item.lock = 1;
    item.value = "";
    item.expires = now + ngx_http_ihanoi_run_left(flight->task->run)
                   + NGX_HTTP_IHANOI_CACHE_LEASE;

    flight->store->lock(flight->store->data);
    rc = ihanoi_store_put(flight->store->store, now, &item,
                          IHANOI_STORE_ADD);
    flight->store->unlock(flight->store->data);

    if (rc == IHANOI_STORE_OK) {
        flight->token = item.version;
    }

    return rc != IHANOI_STORE_EXISTS;
}
