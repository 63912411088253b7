/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.store: what all workers share of a plugin.
 *
 * Nothing that may raise is done with the lock held: values are copied out to
 * a buffer of the process, and become Lua's afterwards.
 */

#include <string.h>
#include <time.h>

#include <lauxlib.h>

#include "ihanoi_host.h"
#include "ihanoi_host_store.h"
#include "ihanoi_lua_json.h"


/* Ten years: whoever means "for ever" leaves the time out. */
#define IHANOI_HOST_STORE_SECONDS  (10 * 366 * 86400.0)

/* A double holds each whole number below it. */
#define IHANOI_HOST_STORE_VERSIONS  9007199254740992.0


static int ihanoi_host_store_get(lua_State *L);
static int ihanoi_host_store_set(lua_State *L);
static int ihanoi_host_store_add(lua_State *L);
static int ihanoi_host_store_compare_and_set(lua_State *L);
static int ihanoi_host_store_delete(lua_State *L);
static int ihanoi_host_store_increment(lua_State *L);

static int ihanoi_host_store_write(lua_State *L, int value,
    ihanoi_store_item_t *item, ihanoi_store_how_e how);
static void ihanoi_host_store_key(lua_State *L, ihanoi_store_item_t *item);
static uint64_t ihanoi_host_store_version(lua_State *L, int index);
static int ihanoi_host_store_result(lua_State *L, ihanoi_store_rc_e rc);


/* Of the process: no other call runs before what is in it is copied to Lua. */
static char  ihanoi_host_store_buf[IHANOI_STORE_VALUE_MAX];


ihanoi_host_store_t *(*ihanoi_host_store_of)(lua_State *L);


static const ihanoi_host_function_t  ihanoi_host_store_functions[] = {

    { "store", "get", ihanoi_host_store_get, IHANOI_PHASE_CALL,
      "key string",
      "value? any\n"
      "version? number",
      "The value of a key and its version; nil when the key is not there or "
      "has expired. Tables come back as ihanoi.json.decode() makes them, a "
      "copy each time; what ihanoi.json.raw() made comes back as such, and is "
      "not read. Raises when a raw part of a table holds what decode() "
      "refuses." },

    { "store", "set", ihanoi_host_store_set, IHANOI_PHASE_CALL,
      "key string\n"
      "value any\n"
      "options? { expires?: number }",
      "version? number\n"
      "err? string",
      "Sets a key of 1 to 250 bytes, whether it is there or not, and returns "
      "its new version. A value is a string, a number, a boolean, or what "
      "ihanoi.json.encode() takes; with its encoding it may have 65536 bytes. "
      "expires: seconds from now, fractions count; without it the key stays "
      "until it is deleted or evicted. nil and the reason when the value is "
      "too long or cannot be encoded." },

    { "store", "add", ihanoi_host_store_add, IHANOI_PHASE_CALL,
      "key string\n"
      "value any\n"
      "options? { expires?: number }",
      "version? number\n"
      "err? string",
      "As set(), but nil and \"exists\" when the key is there: of several "
      "that add at the same time one succeeds." },

    { "store", "compare_and_set", ihanoi_host_store_compare_and_set,
      IHANOI_PHASE_CALL,
      "key string\n"
      "version number\n"
      "value any\n"
      "options? { expires?: number }",
      "version? number\n"
      "err? string",
      "As set(), but only while the key has this version, which get() and the "
      "functions that change it return: nil and \"changed\" when somebody was "
      "faster, nil and \"not found\" when it is not there. Versions are never "
      "used again, so a key that was deleted and made anew has changed." },

    { "store", "delete", ihanoi_host_store_delete, IHANOI_PHASE_CALL,
      "key string\n"
      "version? number",
      "done? true\n"
      "err? string",
      "Deletes a key, with a version only while it has this one. nil and "
      "\"not found\" or \"changed\"." },

    { "store", "increment", ihanoi_host_store_increment, IHANOI_PHASE_CALL,
      "key string\n"
      "by? number\n"
      "options? { first?: number, expires?: number }",
      "value? number\n"
      "err? string",
      "Adds to a number, 1 when by is not given, and returns the sum: no "
      "increment of others is lost. When the key is not there it begins as "
      "first and expires as said; without first nil and \"not found\". A key "
      "that is there keeps its time to expire. nil and \"not a number\", or "
      "\"out of range\" when the sum is infinite." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ihanoi_host_store = {
    "store",
    "Keys and values that all worker processes of this machine share, each "
    "plugin its own, as large as the operator granted. When it is full, what "
    "has expired goes first, then what was not used for longest. It is "
    "empty after a restart, after its size was changed, and after a worker "
    "process died within a change: for what can be made again, not for what "
    "must not be lost. Raises when the manifest asks for none: limits.store.",
    ihanoi_host_store_functions,
    NULL
};


static int
ihanoi_host_store_get(lua_State *L)
{
    double                value;
    const char           *err;
    ihanoi_store_rc_e     rc;
    ihanoi_store_item_t   item;
    ihanoi_host_store_t  *host;

    host = ihanoi_host_store_check(L);
    ihanoi_host_store_key(L, &item);

    host->lock(host->data);
    rc = ihanoi_store_get(host->store, ihanoi_host_store_now(), &item,
                          ihanoi_host_store_buf);
    host->unlock(host->data);

    if (rc != IHANOI_STORE_OK) {
        lua_pushnil(L);
        return 1;
    }

    switch (item.type) {

    case IHANOI_STORE_NUMBER:
        memcpy(&value, item.value, sizeof(double));
        lua_pushnumber(L, value);
        break;

    case IHANOI_STORE_BOOLEAN:
        lua_pushboolean(L, item.value[0]);
        break;

    case IHANOI_STORE_JSON:

        /* others have their turns while it is read */

        lua_pushlstring(L, item.value, item.len);

        if (ihanoi_lua_push_json(L, lua_tostring(L, -1), item.len, &err) != 0) {
            return luaL_error(L, "a value of the store cannot be read: %s",
                              err);
        }

        break;

    case IHANOI_STORE_RAW:
        ihanoi_lua_push_raw(L, item.value, item.len);
        break;

    default:
        lua_pushlstring(L, item.value, item.len);
        break;
    }

    lua_pushnumber(L, (lua_Number) item.version);

    return 2;
}


static int
ihanoi_host_store_set(lua_State *L)
{
    ihanoi_store_item_t  item;

    ihanoi_host_store_key(L, &item);

    return ihanoi_host_store_write(L, 2, &item, IHANOI_STORE_SET);
}


static int
ihanoi_host_store_add(lua_State *L)
{
    ihanoi_store_item_t  item;

    ihanoi_host_store_key(L, &item);

    return ihanoi_host_store_write(L, 2, &item, IHANOI_STORE_ADD);
}


static int
ihanoi_host_store_compare_and_set(lua_State *L)
{
    ihanoi_store_item_t  item;

    ihanoi_host_store_key(L, &item);
    item.version = ihanoi_host_store_version(L, 2);

    return ihanoi_host_store_write(L, 3, &item, IHANOI_STORE_REPLACE);
}


static int
ihanoi_host_store_delete(lua_State *L)
{
    ihanoi_store_rc_e     rc;
    ihanoi_store_item_t   item;
    ihanoi_host_store_t  *host;

    host = ihanoi_host_store_check(L);
    ihanoi_host_store_key(L, &item);

    if (!lua_isnoneornil(L, 2)) {
        item.version = ihanoi_host_store_version(L, 2);
    }

    host->lock(host->data);
    rc = ihanoi_store_delete(host->store, ihanoi_host_store_now(), &item);
    host->unlock(host->data);

    if (rc == IHANOI_STORE_OK) {
        lua_pushboolean(L, 1);
        return 1;
    }

    return ihanoi_host_store_result(L, rc);
}


static int
ihanoi_host_store_increment(lua_State *L)
{
    double                by, value, sum, *first;
    ihanoi_store_rc_e     rc;
    ihanoi_store_item_t   item;
    ihanoi_host_store_t  *host;

    static const char *const  names[] = { "first", "expires", NULL };

    host = ihanoi_host_store_check(L);
    ihanoi_host_store_key(L, &item);
    by = luaL_optnumber(L, 2, 1);
    first = NULL;

    if (ihanoi_host_options(L, 3, names)) {
        lua_getfield(L, 3, "first");

        if (!lua_isnil(L, -1)) {
            if (lua_type(L, -1) != LUA_TNUMBER) {
                luaL_argerror(L, 3, "first is a number");
            }

            value = lua_tonumber(L, -1);
            first = &value;
        }

        lua_getfield(L, 3, "expires");
        item.expires = ihanoi_host_store_until(L, -1,
                                               IHANOI_HOST_STORE_SECONDS);
    }

    host->lock(host->data);
    rc = ihanoi_store_increment(host->store, ihanoi_host_store_now(), &item,
                                by, first, &sum);
    host->unlock(host->data);

    if (rc == IHANOI_STORE_OK) {
        lua_pushnumber(L, sum);
        return 1;
    }

    return ihanoi_host_store_result(L, rc);
}


/* The value at an index, and the options behind it. */
static int
ihanoi_host_store_write(lua_State *L, int value, ihanoi_store_item_t *item,
    ihanoi_store_how_e how)
{
    char                  boolean;
    double                number;
    ihanoi_store_rc_e     rc;
    ihanoi_host_store_t  *host;

    static const char *const  names[] = { "expires", NULL };

    host = ihanoi_host_store_check(L);

    if (lua_isnoneornil(L, value)) {
        luaL_argerror(L, value, "nil is no value, delete() the key");
    }

    if (ihanoi_host_options(L, value + 1, names)) {
        lua_getfield(L, value + 1, "expires");
        item->expires = ihanoi_host_store_until(L, -1,
                                                IHANOI_HOST_STORE_SECONDS);
    }

    switch (lua_type(L, value)) {

    case LUA_TSTRING:
        item->value = lua_tolstring(L, value, &item->len);
        item->type = IHANOI_STORE_STRING;
        break;

    case LUA_TNUMBER:
        number = lua_tonumber(L, value);
        item->value = (const char *) &number;
        item->len = sizeof(double);
        item->type = IHANOI_STORE_NUMBER;
        break;

    case LUA_TBOOLEAN:
        boolean = lua_toboolean(L, value);
        item->value = &boolean;
        item->len = 1;
        item->type = IHANOI_STORE_BOOLEAN;
        break;

    default:
        item->value = ihanoi_lua_raw(L, value, &item->len);
        item->type = IHANOI_STORE_RAW;

        if (item->value) {
            break;
        }

        if (ihanoi_lua_push_encoded(L, value) != 0) {
            lua_pushnil(L);
            lua_insert(L, -2);
            return 2;
        }

        item->value = lua_tolstring(L, -1, &item->len);
        item->type = IHANOI_STORE_JSON;
        break;
    }

    host->lock(host->data);
    rc = ihanoi_store_put(host->store, ihanoi_host_store_now(), item, how);
    host->unlock(host->data);

    if (rc == IHANOI_STORE_OK) {
        lua_pushnumber(L, (lua_Number) item->version);
        return 1;
    }

    return ihanoi_host_store_result(L, rc);
}


static void
ihanoi_host_store_key(lua_State *L, ihanoi_store_item_t *item)
{
    memset(item, 0, sizeof(ihanoi_store_item_t));

    luaL_checktype(L, 1, LUA_TSTRING);
    item->key = lua_tolstring(L, 1, &item->key_len);

    if (item->key_len == 0 || item->key_len > IHANOI_STORE_KEY_MAX) {
        luaL_argerror(L, 1, "a key has 1 to 250 bytes");
    }
}


/* 0, which is no version, is for any: none but a version is let through. */
static uint64_t
ihanoi_host_store_version(lua_State *L, int index)
{
    double  version;

    version = luaL_checknumber(L, index);

    if (!(version >= 1 && version < IHANOI_HOST_STORE_VERSIONS)) {
        luaL_argerror(L, index, "no version");
    }

    return (uint64_t) version;
}


static int
ihanoi_host_store_result(lua_State *L, ihanoi_store_rc_e rc)
{
    static const char *const  names[] = {
        "ok", "not found", "exists", "changed", "full", "not a number",
        "out of range", "value too long"
    };

    return ihanoi_host_fail(L, "%s", names[rc]);
}


ihanoi_host_store_t *
ihanoi_host_store_check(lua_State *L)
{
    ihanoi_host_store_t  *host;

    host = ihanoi_host_store_of ? ihanoi_host_store_of(L) : NULL;

    if (host == NULL) {
        luaL_error(L, "the plugin's manifest asks for no store, \"limits\": "
                   "{\"store\": ...}");
    }

    return host;
}


uint64_t
ihanoi_host_store_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


uint64_t
ihanoi_host_store_until(lua_State *L, int index, double max)
{
    double  seconds;

    if (lua_isnil(L, index)) {
        return 0;
    }

    seconds = lua_type(L, index) == LUA_TNUMBER ? lua_tonumber(L, index) : 0;

    if (!(seconds > 0 && seconds <= max)) {
        luaL_error(L, "a time is a number of seconds above 0 and up to %d",
                   (int) max);
    }

    /* up: not at all is no time */
    return ihanoi_host_store_now() + (uint64_t) (seconds * 1000 + 0.999);
}
