/*
 * Copyright (C) iHaNoi contributors
 *
 * JSON text to Lua values, in one pass.
 *
 * What an object or array holds waits on the Lua stack until it is all there, so
 * that its table is made with room for it.
 */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "ihanoi_json_scan.h"
#include "ihanoi_lua_json.h"
#include "ihanoi_sandbox.h"


/* Values, escapes, or 64 bytes of text, between two looks at the clock. */
#define IHANOI_DECODE_STEPS  512

/* Members or elements that wait on the stack for their table. */
#define IHANOI_DECODE_WAITING  32

/* One bit for each name that stood in an object; others may have the same. */
#define IHANOI_DECODE_NAMES  256

/* 2^53: a double does not hold each integer beyond it. */
#define IHANOI_DECODE_LAST  "9007199254740992"


typedef struct {
    ihanoi_json_scan_t        scan;
    lua_State                *L;
    int                       null;       /* where they are on the stack */
    int                       array;
    unsigned                  steps;
    int                       exact;      /* large integers are their text */
} ihanoi_decode_t;


static int ihanoi_lua_decode(lua_State *L, const char *data, size_t len,
    int utf8, int exact, ihanoi_json_error_t *err);
static int ihanoi_decode_value(ihanoi_decode_t *d);
static int ihanoi_decode_begin(ihanoi_decode_t *d, char close);
static int ihanoi_decode_object(ihanoi_decode_t *d);
static int ihanoi_decode_name(ihanoi_decode_t *d, int base, uint64_t *names);
static int ihanoi_decode_seen(uint64_t *names, const char *name, size_t len);
static int ihanoi_decode_twice(lua_State *L, int base);
static void ihanoi_decode_members(lua_State *L, int base, int n);
static int ihanoi_decode_array(ihanoi_decode_t *d);
static void ihanoi_decode_elements(lua_State *L, int base, int n, int last);
static int ihanoi_decode_string(ihanoi_decode_t *d);
static void ihanoi_decode_escaped(ihanoi_decode_t *d, const char *start,
    const char *end);
static size_t ihanoi_decode_unicode(const char *p, unsigned *code);
static char *ihanoi_decode_utf8(char *out, unsigned code);
static int ihanoi_decode_number(ihanoi_decode_t *d);
static void ihanoi_decode_step(ihanoi_decode_t *d, size_t n);
static void ihanoi_decode_poll(void *ctx);


int
ihanoi_lua_push_json(lua_State *L, const char *data, size_t len,
    const char **err)
{
    ihanoi_json_error_t  error;

    if (ihanoi_lua_decode(L, data, len, 1, 0, &error) != 0) {
        *err = error.reason;
        return -1;
    }

    return 0;
}


int
ihanoi_lua_push_exact(lua_State *L, const char *data, size_t len,
    const char **err)
{
    ihanoi_json_error_t  error;

    if (ihanoi_lua_decode(L, data, len, 0, 1, &error) != 0) {
        *err = error.reason;
        return -1;
    }

    return 0;
}


int
ihanoi_lua_read_json(lua_State *L, const char *data, size_t len,
    ihanoi_json_error_t *err)
{
    return ihanoi_lua_decode(L, data, len, 0, 0, err);
}


static int
ihanoi_lua_decode(lua_State *L, const char *data, size_t len, int utf8,
    int exact, ihanoi_json_error_t *err)
{
    int                    rc, top;
    ihanoi_decode_t        d;
    ihanoi_json_options_t  options;

    options.depth = IHANOI_LUA_JSON_DEPTH;
    options.numbers = exact ? IHANOI_JSON_ANY : IHANOI_JSON_DOUBLE;
    options.utf8 = utf8;
    options.poll = ihanoi_decode_poll;
    options.ctx = L;

    luaL_checkstack(L, 8, NULL);

    top = lua_gettop(L);

    ihanoi_lua_json_open(L);

    d.L = L;
    d.null = top + 1;
    d.array = top + 2;
    d.steps = 0;
    d.exact = exact;

    rc = ihanoi_json_scan_begin(&d.scan, data, len, &options);

    if (rc == IHANOI_OK) {
        rc = ihanoi_decode_value(&d);
    }

    if (rc == IHANOI_OK) {
        rc = ihanoi_json_scan_end(&d.scan);
    }

    if (rc != IHANOI_OK) {
        lua_settop(L, top);

        err->offset = (size_t) (d.scan.p - data);
        err->reason = d.scan.reason;

        return -1;
    }

    lua_replace(L, top + 1);
    lua_settop(L, top + 1);

    return 0;
}


/* Pushes it: IHANOI_OK, or IHANOI_INVALID with anything pushed, as those below. */

static int
ihanoi_decode_value(ihanoi_decode_t *d)
{
    ihanoi_json_scan_t  *s;

    s = &d->scan;

    if (s->p == s->end) {
        return ihanoi_json_refuse(s, "the text ends too early");
    }

    ihanoi_decode_step(d, 1);

    switch (*s->p) {

    case '{':
        return ihanoi_decode_object(d);

    case '[':
        return ihanoi_decode_array(d);

    case '"':
        return ihanoi_decode_string(d);

    case 't':
        lua_pushboolean(d->L, 1);
        return ihanoi_json_scan_word(s, "true", 4);

    case 'f':
        lua_pushboolean(d->L, 0);
        return ihanoi_json_scan_word(s, "false", 5);

    case 'n':
        lua_pushvalue(d->L, d->null);
        return ihanoi_json_scan_word(s, "null", 4);

    default:
        return ihanoi_decode_number(d);
    }
}


/* Of an object or array: nil where its table will be, below what waits for it. */

static int
ihanoi_decode_begin(ihanoi_decode_t *d, char close)
{
    if (ihanoi_json_scan_open(&d->scan, close) != IHANOI_OK) {
        return IHANOI_INVALID;
    }

    luaL_checkstack(d->L, 2 * IHANOI_DECODE_WAITING + 6, NULL);
    lua_pushnil(d->L);

    return IHANOI_OK;
}


static int
ihanoi_decode_object(ihanoi_decode_t *d)
{
    int       base, n;
    uint64_t  names[IHANOI_DECODE_NAMES / 64];

    n = 0;
    base = lua_gettop(d->L) + 1;
    memset(names, 0, sizeof(names));

    if (ihanoi_decode_begin(d, '}') != IHANOI_OK) {
        return IHANOI_INVALID;
    }

    while (d->scan.more) {

        if (n == IHANOI_DECODE_WAITING) {
            ihanoi_decode_members(d->L, base, n);
            n = 0;
        }

        if (ihanoi_decode_name(d, base, names) != IHANOI_OK
            || ihanoi_decode_value(d) != IHANOI_OK
            || ihanoi_json_scan_next(&d->scan, '}') != IHANOI_OK)
        {
            return IHANOI_INVALID;
        }

        n++;
    }

    ihanoi_decode_members(d->L, base, n);

    return IHANOI_OK;
}


/* With the colon. */

static int
ihanoi_decode_name(ihanoi_decode_t *d, int base, uint64_t *names)
{
    const char          *name;
    ihanoi_json_scan_t  *s;

    s = &d->scan;
    name = s->p;

    if (s->p == s->end || *s->p != '"') {
        return ihanoi_json_refuse(s, "a member's name is expected");
    }

    if (ihanoi_decode_string(d) != IHANOI_OK) {
        return IHANOI_INVALID;
    }

    if (s->escaped) {

        /* it may be any: so may those to come */

        memset(names, 0xff, IHANOI_DECODE_NAMES / 8);
    }

    if (ihanoi_decode_seen(names, name + 1, (size_t) (s->p - name - 2))
        && ihanoi_decode_twice(d->L, base))
    {
        s->p = name;
        return ihanoi_json_refuse(s, "a member stands twice in one object");
    }

    return ihanoi_json_scan_colon(s);
}


/* Whether its bit was set, which is now. */

static int
ihanoi_decode_seen(uint64_t *names, const char *name, size_t len)
{
    int        seen;
    unsigned   i;
    uint64_t  *word, bit;

    i = (unsigned) len;

    if (len) {
        i += 5 * (unsigned char) name[0] + 11 * (unsigned char) name[len / 2]
             + 23 * (unsigned char) name[len - 1];
    }

    i %= IHANOI_DECODE_NAMES;

    word = &names[i / 64];
    bit = (uint64_t) 1 << i % 64;

    seen = (*word & bit) != 0;
    *word |= bit;

    return seen;
}


/* The name on the top: it waits already, or is in the table. */

static int
ihanoi_decode_twice(lua_State *L, int base)
{
    int  i, found;

    for (i = lua_gettop(L) - 2; i > base; i -= 2) {
        if (lua_rawequal(L, i, -1)) {
            return 1;
        }
    }

    if (lua_isnil(L, base)) {
        return 0;
    }

    lua_pushvalue(L, -1);
    lua_rawget(L, base);

    found = !lua_isnil(L, -1);
    lua_pop(L, 1);

    return found;
}


static void
ihanoi_decode_members(lua_State *L, int base, int n)
{
    if (lua_isnil(L, base)) {
        lua_createtable(L, 0, n);
        lua_replace(L, base);
    }

    for ( /* void */ ; n; n--) {
        lua_rawset(L, base);
    }
}


static int
ihanoi_decode_array(ihanoi_decode_t *d)
{
    int  base, n, last;

    n = 0;
    last = 0;
    base = lua_gettop(d->L) + 1;

    if (ihanoi_decode_begin(d, ']') != IHANOI_OK) {
        return IHANOI_INVALID;
    }

    while (d->scan.more) {

        if (n == IHANOI_DECODE_WAITING) {
            ihanoi_decode_elements(d->L, base, n, last);
            n = 0;
        }

        if (ihanoi_decode_value(d) != IHANOI_OK
            || ihanoi_json_scan_next(&d->scan, ']') != IHANOI_OK)
        {
            return IHANOI_INVALID;
        }

        n++;
        last++;
    }

    ihanoi_decode_elements(d->L, base, n, last);

    lua_pushvalue(d->L, d->array);
    lua_setmetatable(d->L, base);

    return IHANOI_OK;
}


/* Those that wait, the last one as that index. */

static void
ihanoi_decode_elements(lua_State *L, int base, int n, int last)
{
    if (lua_isnil(L, base)) {
        lua_createtable(L, n, 0);
        lua_replace(L, base);
    }

    for ( /* void */ ; n; n--, last--) {
        lua_rawseti(L, base, last);
    }
}


static int
ihanoi_decode_string(ihanoi_decode_t *d)
{
    size_t       len;
    const char  *start;

    start = d->scan.p + 1;

    if (ihanoi_json_scan_string(&d->scan) != IHANOI_OK) {
        return IHANOI_INVALID;
    }

    len = (size_t) (d->scan.p - start) - 1;

    if (d->scan.escaped) {
        ihanoi_decode_escaped(d, start, start + len);

    } else {
        lua_pushlstring(d->L, start, len);
    }

    ihanoi_decode_step(d, len / 64);

    return IHANOI_OK;
}


/* An escape is never shorter than what it stands for. */

static void
ihanoi_decode_escaped(ihanoi_decode_t *d, const char *start, const char *end)
{
    char         small[512], *buf, *out;
    unsigned     code;
    const char  *p;

    static const char  from[] = "\"\\/bfnrt";
    static const char  to[] = "\"\\/\b\f\n\r\t";

    p = d->scan.escaped;

    buf = (size_t) (end - start) <= sizeof(small)
          ? small : lua_newuserdata(d->L, (size_t) (end - start));

    memcpy(buf, start, (size_t) (p - start));
    out = buf + (p - start);

    while (p < end) {

        if (*p != '\\') {
            *out++ = *p++;
            continue;
        }

        ihanoi_decode_step(d, 1);

        if (p[1] != 'u') {
            *out++ = to[strchr(from, p[1]) - from];
            p += 2;
            continue;
        }

        p += ihanoi_decode_unicode(p, &code);
        out = ihanoi_decode_utf8(out, code);
    }

    lua_pushlstring(d->L, buf, (size_t) (out - buf));

    if (buf != small) {
        lua_remove(d->L, -2);
    }
}


/* One escape, or the two of a pair; returns their length. */

static size_t
ihanoi_decode_unicode(const char *p, unsigned *code)
{
    char      c;
    size_t    i, k, n;
    unsigned  unit[2];

    n = 1;

    for (k = 0; k < n; k++) {
        unit[k] = 0;

        for (i = 2; i < 6; i++) {
            c = p[k * 6 + i];
            unit[k] = unit[k] * 16
                      + (unsigned) (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
        }

        if (k == 0 && unit[0] >= 0xd800 && unit[0] <= 0xdbff) {
            n = 2;
        }
    }

    *code = n == 1 ? unit[0]
            : 0x10000 + ((unit[0] - 0xd800) << 10) + (unit[1] - 0xdc00);

    return n * 6;
}


static char *
ihanoi_decode_utf8(char *out, unsigned code)
{
    if (code < 0x80) {
        *out++ = (char) code;

    } else if (code < 0x800) {
        *out++ = (char) (0xc0 | code >> 6);
        *out++ = (char) (0x80 | (code & 0x3f));

    } else if (code < 0x10000) {
        *out++ = (char) (0xe0 | code >> 12);
        *out++ = (char) (0x80 | (code >> 6 & 0x3f));
        *out++ = (char) (0x80 | (code & 0x3f));

    } else {
        *out++ = (char) (0xf0 | code >> 18);
        *out++ = (char) (0x80 | (code >> 12 & 0x3f));
        *out++ = (char) (0x80 | (code >> 6 & 0x3f));
        *out++ = (char) (0x80 | (code & 0x3f));
    }

    return out;
}


static int
ihanoi_decode_number(ihanoi_decode_t *d)
{
    char         text[IHANOI_JSON_NUMBER_LEN + 1];
    size_t       n;
    double       value, scale;
    const char  *p, *first, *end;

    first = d->scan.p;

    if (ihanoi_json_scan_number(&d->scan) != IHANOI_OK) {
        return IHANOI_INVALID;
    }

    end = d->scan.p;
    p = first + (*first == '-');

    for (value = 0; p < end && *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (*p - '0');
    }

    if (p == end) {

        n = (size_t) (end - first) - (*first == '-');

        if (d->exact && (n > sizeof(IHANOI_DECODE_LAST) - 1
                         || (n == sizeof(IHANOI_DECODE_LAST) - 1
                             && memcmp(end - n, IHANOI_DECODE_LAST, n) > 0)))
        {
            lua_pushlstring(d->L, first, (size_t) (end - first));

        } else {
            lua_pushnumber(d->L, *first == '-' ? 0 - value : value);
        }

        return IHANOI_OK;
    }

    if (*p == '.') {
        scale = 1;

        for (p++; p < end && *p >= '0' && *p <= '9'; p++) {
            value = value * 10 + (*p - '0');
            scale *= 10;
        }

        if (p == end && end - first <= IHANOI_JSON_DIGITS) {

            /* doubles hold both exactly: the division rounds as strtod() */

            value /= scale;

            lua_pushnumber(d->L, *first == '-' ? -value : value);
            return IHANOI_OK;
        }
    }

    n = (size_t) (end - first);

    memcpy(text, first, n);
    text[n] = '\0';

    value = strtod(text, NULL);

    if (!isfinite(value)) {
        d->scan.p = first;
        return ihanoi_json_refuse(&d->scan, "number out of range");
    }

    lua_pushnumber(d->L, value);

    return IHANOI_OK;
}


static void
ihanoi_decode_step(ihanoi_decode_t *d, size_t n)
{
    d->steps += n;

    if (d->steps >= IHANOI_DECODE_STEPS) {
        d->steps = 0;
        ihanoi_sandbox_poll(d->L);
    }
}


static void
ihanoi_decode_poll(void *ctx)
{
    ihanoi_sandbox_poll(ctx);
}
