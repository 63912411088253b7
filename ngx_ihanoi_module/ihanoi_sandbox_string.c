/*
 * Copyright (C) iHaNoi contributors
 *
 * The string functions that can take for ever, or that leak: find(), match(),
 * gmatch(), gsub() and format(), as the manual of Lua 5.1 describes them.
 *
 * No hook runs inside of C, so the matcher counts its steps and polls.  All
 * other string functions are LuaJIT's: what they do is bounded by memory.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE  /* memmem(): linear, whatever the plugin looks for */
#endif

#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "ihanoi_sandbox_state.h"


/* Steps, of some nanoseconds each, between two looks at the clock. */
#define IHANOI_STRING_STEPS     4096

/* Both as LuaJIT's. */
#define IHANOI_STRING_CAPTURES  32
#define IHANOI_STRING_DEPTH     200

/* Captures without a length. */
#define IHANOI_CAPTURE_OPEN     -1
#define IHANOI_CAPTURE_POSITION -2


typedef struct {
    const char        *start;
    ptrdiff_t          len;
} ihanoi_capture_t;


typedef struct {
    lua_State         *L;
    const char        *subject;
    const char        *end;
    const char        *pattern;
    const char        *pattern_end;
    size_t             steps;          /* since the last poll */
    unsigned           depth;
    int                ncaptures;
    ihanoi_capture_t   captures[IHANOI_STRING_CAPTURES];
} ihanoi_match_t;


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

static void ihanoi_match_init(ihanoi_match_t *m, lua_State *L, int subject,
    int pattern);
static const char *ihanoi_match_at(ihanoi_match_t *m, const char *s);
static const char *ihanoi_match_here(ihanoi_match_t *m, const char *s,
    const char *p);
static const char *ihanoi_match_items(ihanoi_match_t *m, const char *s,
    const char *p);
static const char *ihanoi_match_open(ihanoi_match_t *m, const char *s,
    const char *p);
static const char *ihanoi_match_close(ihanoi_match_t *m, const char *s,
    const char *p);
static const char *ihanoi_match_balance(ihanoi_match_t *m, const char *s,
    const char *p);
static const char *ihanoi_match_frontier(ihanoi_match_t *m, const char *s,
    const char *p);
static const char *ihanoi_match_back(ihanoi_match_t *m, const char *s,
    int digit);
static const char *ihanoi_match_longest(ihanoi_match_t *m, const char *s,
    const char *p, const char *next);
static const char *ihanoi_match_shortest(ihanoi_match_t *m, const char *s,
    const char *p, const char *next);
static const char *ihanoi_match_item_end(ihanoi_match_t *m, const char *p);
static int ihanoi_match_one(ihanoi_match_t *m, const char *s, const char *p,
    const char *next);
static int ihanoi_match_set(ihanoi_match_t *m, int c, const char *p,
    const char *last);
static int ihanoi_match_class(int c, int class);
static void ihanoi_match_push(ihanoi_match_t *m, int i, const char *s,
    const char *e);
static int ihanoi_match_push_all(ihanoi_match_t *m, const char *s,
    const char *e);


/* Called for each thing that takes time; n: how many times as long. */

static inline void
ihanoi_match_step(ihanoi_match_t *m, size_t n)
{
    m->steps += n;

    if (m->steps >= IHANOI_STRING_STEPS) {
        m->steps = 0;
        ihanoi_sandbox_poll(m->L);
    }
}


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


static void
ihanoi_match_init(ihanoi_match_t *m, lua_State *L, int subject, int pattern)
{
    size_t  len;

    m->L = L;
    m->subject = lua_tolstring(L, subject, &len);
    m->end = m->subject + len;

    /* LuaJIT's patterns end at a zero: "%z" is for one in the subject */

    m->pattern = lua_tostring(L, pattern);
    m->pattern_end = m->pattern + strlen(m->pattern);

    m->steps = 0;
    m->depth = 0;
    m->ncaptures = 0;
}


/* Where a match that starts at s ends; NULL: none does. */

static const char *
ihanoi_match_at(ihanoi_match_t *m, const char *s)
{
    m->ncaptures = 0;
    m->depth = 0;

    return ihanoi_match_here(m, s, m->pattern + (*m->pattern == '^'));
}


static const char *
ihanoi_match_here(ihanoi_match_t *m, const char *s, const char *p)
{
    if (++m->depth > IHANOI_STRING_DEPTH) {
        luaL_error(m->L, "pattern too complex");
    }

    s = ihanoi_match_items(m, s, p);

    m->depth--;

    return s;
}


static const char *
ihanoi_match_items(ihanoi_match_t *m, const char *s, const char *p)
{
    const char  *next, *e;

    while (p < m->pattern_end) {

        ihanoi_match_step(m, 1);

        switch (*p) {

        case '(':
            return ihanoi_match_open(m, s, p + 1);

        case ')':
            return ihanoi_match_close(m, s, p + 1);

        case '$':
            if (p + 1 == m->pattern_end) {
                return s == m->end ? s : NULL;
            }

            break;

        case '%':
            if (p[1] == 'b') {
                s = ihanoi_match_balance(m, s, p + 2);
                if (s == NULL) {
                    return NULL;
                }

                p += 4;
                continue;
            }

            if (p[1] == 'f') {
                p = ihanoi_match_frontier(m, s, p + 2);
                if (p == NULL) {
                    return NULL;
                }

                continue;
            }

            if (isdigit((unsigned char) p[1])) {
                s = ihanoi_match_back(m, s, p[1]);
                if (s == NULL) {
                    return NULL;
                }

                p += 2;
                continue;
            }

            break;
        }

        next = ihanoi_match_item_end(m, p);

        switch (*next) {

        case '?':
            if (ihanoi_match_one(m, s, p, next)) {
                e = ihanoi_match_here(m, s + 1, next + 1);
                if (e) {
                    return e;
                }
            }

            p = next + 1;
            continue;

        case '*':
            return ihanoi_match_longest(m, s, p, next);

        case '+':
            return ihanoi_match_one(m, s, p, next)
                   ? ihanoi_match_longest(m, s + 1, p, next) : NULL;

        case '-':
            return ihanoi_match_shortest(m, s, p, next);
        }

        if (!ihanoi_match_one(m, s, p, next)) {
            return NULL;
        }

        s++;
        p = next;
    }

    return s;
}


/* After "(". */

static const char *
ihanoi_match_open(ihanoi_match_t *m, const char *s, const char *p)
{
    const char        *e;
    ihanoi_capture_t  *capture;

    if (m->ncaptures == IHANOI_STRING_CAPTURES) {
        luaL_error(m->L, "too many captures");
    }

    capture = &m->captures[m->ncaptures++];
    capture->start = s;

    if (*p == ')') {
        capture->len = IHANOI_CAPTURE_POSITION;
        p++;

    } else {
        capture->len = IHANOI_CAPTURE_OPEN;
    }

    e = ihanoi_match_here(m, s, p);

    if (e == NULL) {
        m->ncaptures--;
    }

    return e;
}


/* After ")": of what was opened last. */

static const char *
ihanoi_match_close(ihanoi_match_t *m, const char *s, const char *p)
{
    int          i;
    const char  *e;

    for (i = m->ncaptures - 1; i >= 0; i--) {
        if (m->captures[i].len == IHANOI_CAPTURE_OPEN) {
            break;
        }
    }

    if (i < 0) {
        luaL_error(m->L, "invalid pattern capture");
        return NULL;
    }

    m->captures[i].len = s - m->captures[i].start;

    e = ihanoi_match_here(m, s, p);

    if (e == NULL) {
        m->captures[i].len = IHANOI_CAPTURE_OPEN;
    }

    return e;
}


/* "%bxy", p is at x: the end of what starts with x and is balanced. */

static const char *
ihanoi_match_balance(ihanoi_match_t *m, const char *s, const char *p)
{
    size_t  open;

    if (p[0] == '\0' || p[1] == '\0') {
        luaL_error(m->L, "unbalanced pattern");
    }

    if (s == m->end || *s != p[0]) {
        return NULL;
    }

    open = 1;

    while (++s < m->end) {

        ihanoi_match_step(m, 1);

        if (*s == p[1]) {
            if (--open == 0) {
                return s + 1;
            }

        } else if (*s == p[0]) {
            open++;
        }
    }

    return NULL;
}


/* "%f[set]", p is at the bracket: the rest of the pattern if s is one. */

static const char *
ihanoi_match_frontier(ihanoi_match_t *m, const char *s, const char *p)
{
    int          before, after;
    const char  *next;

    if (*p != '[') {
        luaL_error(m->L, "missing '[' after '%%f' in pattern");
    }

    next = ihanoi_match_item_end(m, p);

    /* the subject has zeros around it */

    before = s == m->subject ? 0 : (unsigned char) s[-1];
    after = s == m->end ? 0 : (unsigned char) *s;

    if (ihanoi_match_set(m, before, p + 1, next - 1)
        || !ihanoi_match_set(m, after, p + 1, next - 1))
    {
        return NULL;
    }

    return next;
}


static const char *
ihanoi_match_back(ihanoi_match_t *m, const char *s, int digit)
{
    int                i;
    ihanoi_capture_t  *capture;

    i = digit - '1';

    if (i < 0 || i >= m->ncaptures
        || m->captures[i].len == IHANOI_CAPTURE_OPEN)
    {
        luaL_error(m->L, "invalid capture index");
        return NULL;
    }

    capture = &m->captures[i];

    /* a position is equal to nothing */

    if (capture->len < 0 || capture->len > m->end - s) {
        return NULL;
    }

    ihanoi_match_step(m, capture->len / 16);

    return memcmp(capture->start, s, capture->len) == 0
           ? s + capture->len : NULL;
}


static const char *
ihanoi_match_longest(ihanoi_match_t *m, const char *s, const char *p,
    const char *next)
{
    const char  *last, *e;

    for (last = s; ihanoi_match_one(m, last, p, next); last++) {
        ihanoi_match_step(m, 1);
    }

    for ( ;; ) {
        e = ihanoi_match_here(m, last, next + 1);

        if (e || last == s) {
            return e;
        }

        /* what follows may be nothing, which is no step */

        ihanoi_match_step(m, 1);
        last--;
    }
}


static const char *
ihanoi_match_shortest(ihanoi_match_t *m, const char *s, const char *p,
    const char *next)
{
    const char  *e;

    for ( ;; ) {
        e = ihanoi_match_here(m, s, next + 1);

        if (e) {
            return e;
        }

        if (!ihanoi_match_one(m, s, p, next)) {
            return NULL;
        }

        ihanoi_match_step(m, 1);
        s++;
    }
}


/* The end of "x", "%x" or "[set]". */

static const char *
ihanoi_match_item_end(ihanoi_match_t *m, const char *p)
{
    const char  *set;

    if (*p == '%') {
        if (p[1] == '\0') {
            luaL_error(m->L, "malformed pattern (ends with '%%')");
        }

        return p + 2;
    }

    if (*p != '[') {
        return p + 1;
    }

    set = p++;

    if (*p == '^') {
        p++;
    }

    /* a bracket that comes first is in the set */

    do {
        if (*p == '%' && p[1]) {
            p++;
        }

        if (*p == '\0') {
            luaL_error(m->L, "malformed pattern (missing ']')");
        }

        p++;

    } while (*p != ']');

    ihanoi_match_step(m, p - set);

    return p + 1;
}


/* Does the item from p to next match the character at s? */

static int
ihanoi_match_one(ihanoi_match_t *m, const char *s, const char *p,
    const char *next)
{
    int  c;

    if (s == m->end) {
        return 0;
    }

    c = (unsigned char) *s;

    switch (*p) {

    case '.':
        return 1;

    case '%':
        return ihanoi_match_class(c, (unsigned char) p[1]);

    case '[':
        return ihanoi_match_set(m, c, p + 1, next - 1);

    default:
        return c == (unsigned char) *p;
    }
}


/* From after "[" to "]", which a range that ends in "%" may reach. */

static int
ihanoi_match_set(ihanoi_match_t *m, int c, const char *p, const char *last)
{
    int  found;

    ihanoi_match_step(m, last - p);

    found = 1;

    if (*p == '^') {
        found = 0;
        p++;
    }

    for ( /* void */ ; p < last; p++) {

        if (*p == '%') {
            p++;

            if (ihanoi_match_class(c, (unsigned char) *p)) {
                return found;
            }

        } else if (p[1] == '-' && p + 2 < last) {

            if ((unsigned char) p[0] <= c && c <= (unsigned char) p[2]) {
                return found;
            }

            p += 2;

        } else if ((unsigned char) *p == c) {
            return found;
        }
    }

    return !found;
}


static int
ihanoi_match_class(int c, int class)
{
    int  in;

    switch (class | 0x20) {

    case 'a':
        in = isalpha(c);
        break;

    case 'c':
        in = iscntrl(c);
        break;

    case 'd':
        in = isdigit(c);
        break;

    case 'g':
        in = isgraph(c);
        break;

    case 'l':
        in = islower(c);
        break;

    case 'p':
        in = ispunct(c);
        break;

    case 's':
        in = isspace(c);
        break;

    case 'u':
        in = isupper(c);
        break;

    case 'w':
        in = isalnum(c);
        break;

    case 'x':
        in = isxdigit(c);
        break;

    case 'z':
        in = c == 0;
        break;

    default:
        return c == class;
    }

    return class & 0x20 ? in != 0 : in == 0;
}


/* The capture i, or as the first one, when there are none, all of it. */

static void
ihanoi_match_push(ihanoi_match_t *m, int i, const char *s, const char *e)
{
    ihanoi_capture_t  *capture;

    if (i >= m->ncaptures) {
        if (i > 0) {
            luaL_error(m->L, "invalid capture index");
        }

        lua_pushlstring(m->L, s, e - s);
        return;
    }

    capture = &m->captures[i];

    if (capture->len == IHANOI_CAPTURE_OPEN) {
        luaL_error(m->L, "unfinished capture");
    }

    if (capture->len == IHANOI_CAPTURE_POSITION) {
        lua_pushinteger(m->L, capture->start - m->subject + 1);
        return;
    }

    lua_pushlstring(m->L, capture->start, capture->len);
}


/* All captures; when there are none the match itself, unless s is NULL. */

static int
ihanoi_match_push_all(ihanoi_match_t *m, const char *s, const char *e)
{
    int  i, n;

    n = m->ncaptures == 0 && s ? 1 : m->ncaptures;

    luaL_checkstack(m->L, n, "too many captures");

    for (i = 0; i < n; i++) {
        ihanoi_match_push(m, i, s, e);
    }

    return n;
}
