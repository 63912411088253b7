/*
 * Copyright (C) iHaNoi contributors
 *
 * table.sort(), concat() and insert(): no hook runs inside of C, so these
 * poll.  The other functions on tables are LuaJIT's.
 */

#include <limits.h>
#include <string.h>

#include "ihanoi_sandbox_state.h"


/* Elements between two looks at the clock. */
#define IHANOI_TABLE_STEPS  512


/* On the stack of sort(). */
#define IHANOI_SORT_TABLE   1
#define IHANOI_SORT_LESS    2
#define IHANOI_SORT_FROM    3
#define IHANOI_SORT_TO      4


static int ihanoi_table_sort(lua_State *L);
static void ihanoi_table_merge(lua_State *L, int from, int to, size_t left,
    size_t right, size_t end);
static int ihanoi_table_less(lua_State *L);
static int ihanoi_table_concat(lua_State *L);
static int ihanoi_table_insert(lua_State *L);


void
ihanoi_sandbox_open_table(lua_State *L)
{
    lua_getglobal(L, "table");

    lua_pushcfunction(L, ihanoi_table_sort);
    lua_setfield(L, -2, "sort");

    lua_pushcfunction(L, ihanoi_table_concat);
    lua_setfield(L, -2, "concat");

    lua_pushcfunction(L, ihanoi_table_insert);
    lua_setfield(L, -2, "insert");

    lua_pop(L, 1);
}


/*
 * Merges runs of 1, 2, 4, ... elements: n log n comparisons whatever the
 * comparator says, so an inconsistent one gives some order, and no error.  It
 * works on copies, which a comparator cannot reach; the table is written to
 * once all is done.
 */

static int
ihanoi_table_sort(lua_State *L)
{
    int     from, to;
    size_t  i, n, width, right, end;

    ihanoi_sandbox_check_stack(L);

    luaL_checktype(L, 1, LUA_TTABLE);

    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TFUNCTION);
    }

    lua_settop(L, 2);

    n = lua_objlen(L, 1);

    if (n < 2) {
        return 0;
    }

    /* far more than any limit on memory; indexes are int below */

    if (n >= INT_MAX / 4) {
        return luaL_error(L, "not enough memory");
    }

    /* to get and to clear that much memory takes long, too */

    lua_createtable(L, n, 0);
    ihanoi_sandbox_poll(L);
    lua_createtable(L, n, 0);
    ihanoi_sandbox_poll(L);

    for (i = 1; i <= n; i++) {
        lua_rawgeti(L, IHANOI_SORT_TABLE, i);
        lua_rawseti(L, IHANOI_SORT_FROM, i);

        if (i % IHANOI_TABLE_STEPS == 0) {
            ihanoi_sandbox_poll(L);
        }
    }

    from = IHANOI_SORT_FROM;
    to = IHANOI_SORT_TO;

    for (width = 1; width < n; width *= 2) {

        for (i = 1; i <= n; i += 2 * width) {
            right = i + width < n + 1 ? i + width : n + 1;
            end = i + 2 * width < n + 1 ? i + 2 * width : n + 1;

            ihanoi_table_merge(L, from, to, i, right, end);
        }

        from = to;
        to = IHANOI_SORT_FROM + IHANOI_SORT_TO - from;
    }

    for (i = 1; i <= n; i++) {
        lua_rawgeti(L, from, i);
        lua_rawseti(L, IHANOI_SORT_TABLE, i);

        if (i % IHANOI_TABLE_STEPS == 0) {
            ihanoi_sandbox_poll(L);
        }
    }

    return 0;
}


/* Two runs, [left, right) and [right, end), to one at the same place. */

static void
ihanoi_table_merge(lua_State *L, int from, int to, size_t left, size_t right,
    size_t end)
{
    size_t  i, middle;

    middle = right;

    lua_rawgeti(L, from, left);
    lua_rawgeti(L, from, right);

    for (i = left; left < middle && right < end; i++) {

        if (i % IHANOI_TABLE_STEPS == 0) {
            ihanoi_sandbox_poll(L);
        }

        if (ihanoi_table_less(L)) {
            lua_rawseti(L, to, i);
            lua_rawgeti(L, from, ++right);

        } else {
            lua_pushvalue(L, -2);
            lua_rawseti(L, to, i);
            lua_rawgeti(L, from, ++left);
            lua_replace(L, -3);
        }
    }

    lua_pop(L, 2);

    /* of one of them something is left */

    for ( /* void */ ; i < end; i++) {
        lua_rawgeti(L, from, left < middle ? left++ : right++);
        lua_rawseti(L, to, i);

        if (i % IHANOI_TABLE_STEPS == 0) {
            ihanoi_sandbox_poll(L);
        }
    }
}


/* Has the right one, on the top, to come before the left one, below it? */

static int
ihanoi_table_less(lua_State *L)
{
    int  less;

    if (lua_isnil(L, IHANOI_SORT_LESS)) {
        return lua_lessthan(L, -1, -2);
    }

    lua_pushvalue(L, IHANOI_SORT_LESS);
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -4);
    lua_call(L, 2, 1);

    less = lua_toboolean(L, -1);
    lua_pop(L, 1);

    return less;
}


/* Looks at all, then copies into one block of the right size. */

static int
ihanoi_table_concat(lua_State *L)
{
    char        *block, *p;
    size_t       len, slen, total;
    const char  *s, *separator;
    lua_Integer  i, first, last;

    luaL_checktype(L, 1, LUA_TTABLE);
    separator = luaL_optlstring(L, 2, "", &slen);
    first = luaL_optinteger(L, 3, 1);
    last = lua_isnoneornil(L, 4) ? (lua_Integer) lua_objlen(L, 1)
                                 : luaL_checkinteger(L, 4);

    /* beyond an int there are no elements: it ends at one that is nil */

    first = first < INT_MIN ? INT_MIN : first > INT_MAX ? INT_MAX : first;
    last = last < INT_MIN ? INT_MIN : last > INT_MAX ? INT_MAX : last;

    total = 0;

    for (i = first; i <= last; i++) {
        lua_rawgeti(L, 1, i);

        if (!lua_isstring(L, -1)) {
            return luaL_error(L, "invalid value (%s) at index %d in table for "
                              "'concat'", luaL_typename(L, -1), (int) i);
        }

        (void) lua_tolstring(L, -1, &len);
        lua_pop(L, 1);

        total += len + (i < last ? slen : 0);

        if (total > INT_MAX) {
            return luaL_error(L, "not enough memory");
        }

        if (i % IHANOI_TABLE_STEPS == 0) {
            ihanoi_sandbox_poll(L);
        }
    }

    if (total == 0) {
        lua_pushliteral(L, "");
        return 1;
    }

    block = lua_newuserdata(L, total);
    p = block;

    /* nobody could change the table: none of this calls the plugin */

    for (i = first; i <= last; i++) {
        lua_rawgeti(L, 1, i);
        s = lua_tolstring(L, -1, &len);
        memcpy(p, s, len);
        p += len;
        lua_pop(L, 1);

        if (i < last) {
            memcpy(p, separator, slen);
            p += slen;
        }

        if (i % IHANOI_TABLE_STEPS == 0) {
            ihanoi_sandbox_poll(L);
        }
    }

    lua_pushlstring(L, block, total);

    return 1;
}


/*
 * LuaJIT's moves what is between a position and the end, one after the other:
 * table.insert({}, -2^31, x) takes minutes.
 */

static int
ihanoi_table_insert(lua_State *L)
{
    lua_Integer  i, place, end;

    luaL_checktype(L, 1, LUA_TTABLE);

    end = (lua_Integer) lua_objlen(L, 1) + 1;

    switch (lua_gettop(L)) {

    case 2:
        place = end;
        break;

    case 3:
        place = luaL_checkint(L, 2);
        break;

    default:
        return luaL_error(L, "wrong number of arguments to 'insert'");
    }

    for (i = end; i > place; i--) {
        lua_rawgeti(L, 1, (int) (i - 1));
        lua_rawseti(L, 1, (int) i);

        if (i % IHANOI_TABLE_STEPS == 0) {
            ihanoi_sandbox_poll(L);
        }
    }

    lua_rawseti(L, 1, (int) place);

    return 0;
}
