/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.lock: one at a time among the workers of this machine.
 *
 * A lock is an entry of the plugin's store that is never evicted; its version
 * is the token.
 */

#include <string.h>

#include <lauxlib.h>

#include "ihanoi_host.h"
#include "ihanoi_host_store.h"


/* An hour: who dies with a lock must not keep others away for a day. */
#define IHANOI_HOST_LOCK_SECONDS  3600


static int ihanoi_host_lock_acquire(lua_State *L);
static int ihanoi_host_lock_release(lua_State *L);
static void ihanoi_host_lock_name(lua_State *L, ihanoi_store_item_t *item);


static const ihanoi_host_function_t  ihanoi_host_lock_functions[] = {

    { "lock", "acquire", ihanoi_host_lock_acquire, IHANOI_PHASE_CALL,
      "name string\n"
      "seconds number",
      "token? number\n"
      "err? string",
      "Takes the lock of a name of 1 to 250 bytes, for at most so many "
      "seconds (up to 3600), and does not wait: nil and \"held\" when "
      "another has it, nil and \"full\" when locks already take a fourth of "
      "the store. Choose the seconds longer than the call may take: a lock "
      "that expires under its holder protects nothing." },

    { "lock", "release", ihanoi_host_lock_release, IHANOI_PHASE_CALL,
      "name string\n"
      "token number",
      "done? true\n"
      "err? string",
      "Gives a lock back. nil and \"not held\" when it has expired "
      "meanwhile, whether or not another has it now: what was done under it "
      "may have been done twice." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ihanoi_host_lock = {
    "lock",
    "Locks among all calls of the plugin on this machine, kept in its store "
    "and lost with it; gateways on other machines do not see them. They save "
    "doing work twice; what must never happen twice is for the database to "
    "prevent. A call that ends, however it ends, does not release its locks.",
    ihanoi_host_lock_functions,
    NULL
};


static int
ihanoi_host_lock_acquire(lua_State *L)
{
    ihanoi_store_rc_e     rc;
    ihanoi_store_item_t   item;
    ihanoi_host_store_t  *host;

    host = ihanoi_host_store_check(L);
    ihanoi_host_lock_name(L, &item);

    luaL_checktype(L, 2, LUA_TNUMBER);
    item.expires = ihanoi_host_store_until(L, 2, IHANOI_HOST_LOCK_SECONDS);

    host->lock(host->data);
    rc = ihanoi_store_put(host->store, ihanoi_host_store_now(), &item,
                          IHANOI_STORE_ADD);
    host->unlock(host->data);

    switch (rc) {

    case IHANOI_STORE_OK:
        lua_pushnumber(L, (lua_Number) item.version);
        return 1;

    case IHANOI_STORE_EXISTS:
        return ihanoi_host_fail(L, "held");

    default:
        return ihanoi_host_fail(L, "full");
    }
}


static int
ihanoi_host_lock_release(lua_State *L)
{
    double                token;
    ihanoi_store_rc_e     rc;
    ihanoi_store_item_t   item;
    ihanoi_host_store_t  *host;

    host = ihanoi_host_store_check(L);
    ihanoi_host_lock_name(L, &item);

    token = luaL_checknumber(L, 2);

    if (!(token >= 1 && token < 9007199254740992.0)) {
        luaL_argerror(L, 2, "no token");
    }

    item.version = (uint64_t) token;

    host->lock(host->data);
    rc = ihanoi_store_delete(host->store, ihanoi_host_store_now(), &item);
    host->unlock(host->data);

    if (rc != IHANOI_STORE_OK) {
        return ihanoi_host_fail(L, "not held");
    }

    lua_pushboolean(L, 1);

    return 1;
}


static void
ihanoi_host_lock_name(lua_State *L, ihanoi_store_item_t *item)
{
    memset(item, 0, sizeof(ihanoi_store_item_t));

    luaL_checktype(L, 1, LUA_TSTRING);
    item->key = lua_tolstring(L, 1, &item->key_len);
    item->lock = 1;
    item->value = "";

    if (item->key_len == 0 || item->key_len > IHANOI_STORE_KEY_MAX) {
        luaL_argerror(L, 1, "a name has 1 to 250 bytes");
    }
}
