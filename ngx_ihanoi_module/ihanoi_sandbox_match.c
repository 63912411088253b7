/*
 * Copyright (C) iHaNoi contributors
 *
 * Lua's patterns, matched by counting steps: no hook runs inside of C.
 */

#include <ctype.h>
#include <string.h>

#include "ihanoi_sandbox_match.h"


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


void
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


const char *
ihanoi_match_at(ihanoi_match_t *m, const char *s)
{
    m->ncaptures = 0;
    m->depth = 0;

    return ihanoi_match_here(m, s, m->pattern + (*m->pattern == '^'));
}


const char *
ihanoi_match_here(ihanoi_match_t *m, const char *s, const char *p)
{
    if (++m->depth > IHANOI_MATCH_DEPTH) {
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

    if (m->ncaptures == IHANOI_MATCH_CAPTURES) {
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


void
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


int
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
