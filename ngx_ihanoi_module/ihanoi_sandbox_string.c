/*
 * Copyright (C) iHaNoi contributors
 *
 * The string functions that can take for ever, or that leak: find(), match(),
 * gmatch(), gsub() and format(), as the manual of Lua 5.1 describes them.
 *
 * All other string functions are LuaJIT's: what they do is bounded by memory.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE  /* memmem(): linear, whatever the plugin looks for */
#endif

#include <ctype.h>
#include <string.h>

#include "ihanoi_sandbox_match.h"
#include "ihanoi_sandbox_state.h"


static int ihanoi_string_find(lua_State *L);
static int ihanoi_string_match(lua_State *L);
static int ihanoi_string_search(lua_State *L, int find);
static int ihanoi_string_is_plain(const char *p, size_t len);
static int ihanoi_string_gmatch(lua_State *L);
static int ihanoi_string_gmatch_next(lua_State *L);
static int ihanoi_string_gsub(lua_State *L);
static void ihanoi_string_replace(ihanoi_match_t *m, luaL_Buffer *b,
    const char *s, const char *e);
static void ihanoi_string_expand(ihanoi_match_t *m, luaL_Buffer *b,
    const char *s, const char *e);
static int ihanoi_string_format(lua_State *L);


/* Into LuaJIT's table: it is also what the methods of strings are found in. */

void
ihanoi_sandbox_open_string(lua_State *L)
{
    lua_getglobal(L, "string");

    lua_pushcfunction(L, ihanoi_string_find);
    lua_setfield(L, -2, "find");

    lua_pushcfunction(L, ihanoi_string_match);
    lua_setfield(L, -2, "match");

    lua_pushcfunction(L, ihanoi_string_gmatch);
    lua_setfield(L, -2, "gmatch");

    lua_pushcfunction(L, ihanoi_string_gsub);
    lua_setfield(L, -2, "gsub");

    lua_getfield(L, -1, "format");
    lua_pushcclosure(L, ihanoi_string_format, 1);
    lua_setfield(L, -2, "format");

    lua_pop(L, 1);
}


static int
ihanoi_string_find(lua_State *L)
{
    return ihanoi_string_search(L, 1);
}


static int
ihanoi_string_match(lua_State *L)
{
    return ihanoi_string_search(L, 0);
}


static int
ihanoi_string_search(lua_State *L, int find)
{
    size_t           len, plen;
    lua_Integer      init;
    const char      *s, *p, *e;
    ihanoi_match_t   m;

    s = luaL_checklstring(L, 1, &len);
    p = luaL_checklstring(L, 2, &plen);
    init = luaL_optinteger(L, 3, 1);

    if (init < 0) {
        init += len;

    } else if (init > 0) {
        init--;
    }

    if (init < 0) {
        init = 0;
    }

    /* the end of the subject is as far as it goes */

    if ((size_t) init > len) {
        init = len;
    }

    if (find
        && (lua_toboolean(L, 4) || ihanoi_string_is_plain(p, plen)))
    {
        e = plen ? memmem(s + init, len - init, p, plen) : s + init;

        if (e == NULL) {
            lua_pushnil(L);
            return 1;
        }

        lua_pushinteger(L, e - s + 1);
        lua_pushinteger(L, e - s + plen);
        return 2;
    }

    ihanoi_match_init(&m, L, 1, 2);
    s += init;

    do {
        e = ihanoi_match_at(&m, s);

        if (e) {
            if (!find) {
                return ihanoi_match_push_all(&m, s, e);
            }

            lua_pushinteger(L, s - m.subject + 1);
            lua_pushinteger(L, e - m.subject);

            return ihanoi_match_push_all(&m, NULL, NULL) + 2;
        }

    } while (s++ < m.end && *p != '^');

    lua_pushnil(L);

    return 1;
}


static int
ihanoi_string_is_plain(const char *p, size_t len)
{
    const char  *end;

    for (end = p + len; p < end; p++) {
        if (*p && strchr("^$*+?.([%-", *p)) {
            return 0;
        }
    }

    return 1;
}


static int
ihanoi_string_gmatch(lua_State *L)
{
    luaL_checkstring(L, 1);
    luaL_checkstring(L, 2);

    lua_settop(L, 2);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, ihanoi_string_gmatch_next, 3);

    return 1;
}


static int
ihanoi_string_gmatch_next(lua_State *L)
{
    const char      *s, *e;
    ihanoi_match_t   m;

    ihanoi_match_init(&m, L, lua_upvalueindex(1), lua_upvalueindex(2));

    for (s = m.subject + lua_tointeger(L, lua_upvalueindex(3));
         s <= m.end;
         s++)
    {
        m.ncaptures = 0;
        m.depth = 0;

        /* no anchors here: "^" is itself */

        e = ihanoi_match_here(&m, s, m.pattern);

        if (e) {

            /* the next one is elsewhere, even if this one is empty */

            lua_pushinteger(L, e - m.subject + (e == s));
            lua_replace(L, lua_upvalueindex(3));

            return ihanoi_match_push_all(&m, s, e);
        }
    }

    return 0;
}


static int
ihanoi_string_gsub(lua_State *L)
{
    int              type, anchored;
    size_t           len;
    const char      *s, *e;
    luaL_Buffer      b;
    lua_Integer      n, max;
    ihanoi_match_t   m;

    ihanoi_sandbox_check_stack(L);

    (void) luaL_checklstring(L, 1, &len);
    anchored = *luaL_checkstring(L, 2) == '^';
    type = lua_type(L, 3);

    luaL_argcheck(L, type == LUA_TNUMBER || type == LUA_TSTRING
                     || type == LUA_TTABLE || type == LUA_TFUNCTION, 3,
                  "string/function/table expected");

    max = luaL_optinteger(L, 4, len + 1);

    ihanoi_match_init(&m, L, 1, 2);
    luaL_buffinit(L, &b);

    s = m.subject;
    n = 0;

    while (n < max) {

        /* an empty pattern has no steps of its own */

        ihanoi_match_step(&m, 1);

        e = ihanoi_match_at(&m, s);

        if (e) {
            n++;
            ihanoi_string_replace(&m, &b, s, e);
        }

        if (e && e > s) {
            s = e;

        } else if (s < m.end) {
            luaL_addchar(&b, *s++);

        } else {
            break;
        }

        if (anchored) {
            break;
        }
    }

    luaL_addlstring(&b, s, m.end - s);
    luaL_pushresult(&b);
    lua_pushinteger(L, n);

    return 2;
}


/* Adds what stands for a match from s to e. */

static void
ihanoi_string_replace(ihanoi_match_t *m, luaL_Buffer *b, const char *s,
    const char *e)
{
    int         n;
    lua_State  *L;

    L = m->L;

    switch (lua_type(L, 3)) {

    case LUA_TFUNCTION:
        lua_pushvalue(L, 3);
        n = ihanoi_match_push_all(m, s, e);
        lua_call(L, n, 1);
        break;

    case LUA_TTABLE:
        ihanoi_match_push(m, 0, s, e);
        lua_gettable(L, 3);
        break;

    default:
        ihanoi_string_expand(m, b, s, e);
        return;
    }

    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        lua_pushlstring(L, s, e - s);

    } else if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid replacement value (a %s)",
                   luaL_typename(L, -1));
    }

    luaL_addvalue(b);
}


/* Adds the replacement string with its %0 to %9. */

static void
ihanoi_string_expand(ihanoi_match_t *m, luaL_Buffer *b, const char *s,
    const char *e)
{
    size_t       len;
    const char  *r, *end;

    r = lua_tolstring(m->L, 3, &len);

    for (end = r + len; r < end; r++) {
        ihanoi_match_step(m, 1);

        if (*r != '%') {
            luaL_addchar(b, *r);
            continue;
        }

        /* at the end this is the zero that ends every string, as LuaJIT's */

        r++;

        if (!isdigit((unsigned char) *r)) {
            luaL_addchar(b, *r);

        } else if (*r == '0') {
            luaL_addlstring(b, s, e - s);

        } else {
            ihanoi_match_push(m, *r - '1', s, e);
            luaL_addvalue(b);
        }
    }
}


/*
 * LuaJIT's format(), but with texts of ours for what is not a string: its own
 * have addresses.  All that it could refuse is refused here: its errors would
 * know neither the function's name nor the place.
 */

static int
ihanoi_string_format(lua_State *L)
{
    int          arg, top, n;
    size_t       len;
    const char  *f, *end, *spec;

    ihanoi_sandbox_check_stack(L);

    f = luaL_checklstring(L, 1, &len);
    top = lua_gettop(L);
    arg = 1;

    for (end = f + len; f < end; f++) {
        if (*f != '%') {
            continue;
        }

        spec = ++f;

        if (f < end && *f == '%') {
            continue;
        }

        /* here and below: a string ends with a zero */

        while (*f && strchr("-+ #0", *f)) {
            f++;
        }

        for (n = 0; n < 2 && isdigit((unsigned char) *f); n++) {
            f++;
        }

        if (*f == '.') {
            f++;

            for (n = 0; n < 2 && isdigit((unsigned char) *f); n++) {
                f++;
            }
        }

        arg++;

        switch (f < end ? *f : '\0') {

        case 's':
        case 'q':
            luaL_checkany(L, arg);

            if (lua_type(L, arg) != LUA_TSTRING) {
                ihanoi_sandbox_push_text(L, arg);
                lua_replace(L, arg);
            }

            break;

        case 'a': case 'A': case 'c': case 'd': case 'e': case 'E': case 'f':
        case 'F': case 'g': case 'G': case 'i': case 'o': case 'u': case 'x':
        case 'X':
            luaL_checkany(L, arg);
            (void) luaL_checknumber(L, arg);
            break;

        default:
            lua_pushlstring(L, spec, (f < end ? f + 1 : end) - spec);
            return luaL_error(L, "invalid option '%%%s' to 'format'",
                              lua_tostring(L, -1));
        }

        if ((arg & 63) == 0) {
            ihanoi_sandbox_poll(L);
        }
    }

    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, top, 1);

    return 1;
}
