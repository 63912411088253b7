/*
 * Copyright (C) iHaNoi contributors
 *
 * The values of JSON that Lua has not, and JSON text to Lua values.
 *
 * The text is checked first, whole; then values are made of it, and that pass
 * need not doubt the grammar.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "ihanoi_lua_json.h"
#include "ihanoi_sandbox.h"


/* Values, escapes, or 64 bytes of text, between two looks at the clock. */
#define IHANOI_DECODE_STEPS  512

/* Objects and arrays that are made with room for all they hold. */
#define IHANOI_DECODE_COUNTS  256

/* 2^53: a double does not hold each integer beyond it. */
#define IHANOI_DECODE_LAST  "9007199254740992"

/* In the registry, in which luaL_ref() counts from 1: null, and metatables. */
#define IHANOI_LUA_NULL      (-1)
#define IHANOI_LUA_ARRAY     (-2)
#define IHANOI_LUA_RAW       (-3)


/* The userdata of null and raw; of the host's userdata only they begin so. */
typedef struct {
    const void               *tag;
    size_t                    len;
    char                      data[];
} ihanoi_lua_raw_t;


typedef struct {
    lua_State                *L;
    const char               *p;
    const char               *end;
    int                       null;       /* where they are on the stack */
    int                       array;
    unsigned                  steps;
    unsigned                  begun;      /* objects and arrays */
    int                       exact;      /* large integers are their text */
    const char               *reason;
    unsigned                  counts[IHANOI_DECODE_COUNTS];
} ihanoi_decode_t;


static void ihanoi_lua_json_get(lua_State *L, int i);
static int ihanoi_lua_text_of_null(lua_State *L);
static int ihanoi_lua_text_of_raw(lua_State *L);
static void ihanoi_lua_poll(void *ctx);
static int ihanoi_lua_decode(lua_State *L, const char *data, size_t len,
    int exact, ihanoi_json_error_t *err);
static int ihanoi_decode_value(ihanoi_decode_t *d);
static int ihanoi_decode_object(ihanoi_decode_t *d);
static int ihanoi_decode_array(ihanoi_decode_t *d);
static int ihanoi_decode_count(ihanoi_decode_t *d);
static void ihanoi_decode_string(ihanoi_decode_t *d);
static void ihanoi_decode_escaped(ihanoi_decode_t *d, const char *start,
    const char *escape);
static size_t ihanoi_decode_unicode(const char *p, unsigned *code);
static char *ihanoi_decode_utf8(char *out, unsigned code);
static int ihanoi_decode_number(ihanoi_decode_t *d);
static void ihanoi_decode_space(ihanoi_decode_t *d);
static void ihanoi_decode_step(ihanoi_decode_t *d, size_t n);


static const char  ihanoi_lua_null_tag;
static const char  ihanoi_lua_raw_tag;


void
ihanoi_lua_json_open(lua_State *L)
{
    ihanoi_lua_raw_t  *null;

    lua_rawgeti(L, LUA_REGISTRYINDEX, IHANOI_LUA_NULL);

    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);

        null = lua_newuserdata(L, sizeof(ihanoi_lua_raw_t));
        null->tag = &ihanoi_lua_null_tag;
        null->len = 0;

        lua_newtable(L);
        lua_pushcfunction(L, ihanoi_lua_text_of_null);
        lua_setfield(L, -2, "__tostring");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_setmetatable(L, -2);

        lua_pushvalue(L, -1);
        lua_rawseti(L, LUA_REGISTRYINDEX, IHANOI_LUA_NULL);

        lua_newtable(L);
        lua_pushliteral(L, "array");
        lua_setfield(L, -2, "__metatable");
        lua_rawseti(L, LUA_REGISTRYINDEX, IHANOI_LUA_ARRAY);

        lua_newtable(L);
        lua_pushcfunction(L, ihanoi_lua_text_of_raw);
        lua_setfield(L, -2, "__tostring");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_rawseti(L, LUA_REGISTRYINDEX, IHANOI_LUA_RAW);
    }

    lua_rawgeti(L, LUA_REGISTRYINDEX, IHANOI_LUA_ARRAY);
}


static void
ihanoi_lua_json_get(lua_State *L, int i)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, i);

    if (lua_isnil(L, -1)) {
        (void) luaL_error(L, "\"json\" is not open");
    }
}


void
ihanoi_lua_push_null(lua_State *L)
{
    ihanoi_lua_json_get(L, IHANOI_LUA_NULL);
}


void
ihanoi_lua_push_array(lua_State *L, int n)
{
    lua_createtable(L, n, 0);
    ihanoi_lua_json_get(L, IHANOI_LUA_ARRAY);
    lua_setmetatable(L, -2);
}


void
ihanoi_lua_push_raw(lua_State *L, const char *data, size_t len)
{
    ihanoi_lua_raw_t  *raw;

    raw = lua_newuserdata(L, sizeof(ihanoi_lua_raw_t) + len);

    raw->tag = &ihanoi_lua_raw_tag;
    raw->len = len;
    memcpy(raw->data, data, len);

    ihanoi_lua_json_get(L, IHANOI_LUA_RAW);
    lua_setmetatable(L, -2);
}


int
ihanoi_lua_is_null(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TUSERDATA
           && lua_objlen(L, index) == sizeof(ihanoi_lua_raw_t)
           && ((ihanoi_lua_raw_t *) lua_touserdata(L, index))->tag
              == &ihanoi_lua_null_tag;
}


const char *
ihanoi_lua_raw(lua_State *L, int index, size_t *len)
{
    ihanoi_lua_raw_t  *raw;

    if (lua_type(L, index) != LUA_TUSERDATA
        || lua_objlen(L, index) < sizeof(ihanoi_lua_raw_t))
    {
        return NULL;
    }

    raw = lua_touserdata(L, index);

    if (raw->tag != &ihanoi_lua_raw_tag) {
        return NULL;
    }

    *len = raw->len;

    return raw->data;
}


static int
ihanoi_lua_text_of_null(lua_State *L)
{
    lua_pushliteral(L, "null");

    return 1;
}


static int
ihanoi_lua_text_of_raw(lua_State *L)
{
    size_t       len;
    const char  *data;

    data = ihanoi_lua_raw(L, 1, &len);
    lua_pushlstring(L, data, len);

    return 1;
}


static void
ihanoi_lua_poll(void *ctx)
{
    ihanoi_sandbox_poll(ctx);
}


int
ihanoi_lua_push_json(lua_State *L, const char *data, size_t len,
    const char **err)
{
    ihanoi_json_error_t  error;

    if (ihanoi_lua_read_json(L, data, len, &error) != 0) {
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

    if (ihanoi_lua_decode(L, data, len, 1, &error) != 0) {
        *err = error.reason;
        return -1;
    }

    return 0;
}


int
ihanoi_lua_read_json(lua_State *L, const char *data, size_t len,
    ihanoi_json_error_t *err)
{
    return ihanoi_lua_decode(L, data, len, 0, err);
}


static int
ihanoi_lua_decode(lua_State *L, const char *data, size_t len, int exact,
    ihanoi_json_error_t *err)
{
    int                    top;
    ihanoi_decode_t        d;
    ihanoi_json_options_t  options;

    options.depth = IHANOI_LUA_JSON_DEPTH;
    options.numbers = exact ? IHANOI_JSON_ANY : IHANOI_JSON_DOUBLE;
    options.counts = d.counts;
    options.max = IHANOI_DECODE_COUNTS;
    options.poll = ihanoi_lua_poll;
    options.ctx = L;

    if (ihanoi_json_check(data, len, &options, err) != IHANOI_OK) {
        return -1;
    }

    luaL_checkstack(L, 8, NULL);

    top = lua_gettop(L);

    ihanoi_lua_json_get(L, IHANOI_LUA_NULL);
    ihanoi_lua_json_get(L, IHANOI_LUA_ARRAY);

    d.L = L;
    d.p = data;
    d.end = data + len;
    d.null = top + 1;
    d.array = top + 2;
    d.steps = 0;
    d.begun = 0;
    d.exact = exact;
    d.reason = NULL;

    ihanoi_decode_space(&d);

    if (ihanoi_decode_value(&d) != 0) {
        lua_settop(L, top);

        err->offset = (size_t) (d.p - data);
        err->reason = d.reason;

        return -1;
    }

    lua_replace(L, top + 1);
    lua_settop(L, top + 1);

    return 0;
}


static int
ihanoi_decode_value(ihanoi_decode_t *d)
{
    ihanoi_decode_step(d, 1);

    switch (*d->p) {

    case '{':
        return ihanoi_decode_object(d);

    case '[':
        return ihanoi_decode_array(d);

    case '"':
        ihanoi_decode_string(d);
        return 0;

    case 't':
        lua_pushboolean(d->L, 1);
        d->p += 4;
        return 0;

    case 'f':
        lua_pushboolean(d->L, 0);
        d->p += 5;
        return 0;

    case 'n':
        lua_pushvalue(d->L, d->null);
        d->p += 4;
        return 0;

    default:
        return ihanoi_decode_number(d);
    }
}


static int
ihanoi_decode_object(ihanoi_decode_t *d)
{
    const char  *name;

    /* the table, a name twice, and what is made of a value */

    luaL_checkstack(d->L, 5, NULL);

    lua_createtable(d->L, 0, ihanoi_decode_count(d));

    d->p++;
    ihanoi_decode_space(d);

    while (*d->p != '}') {

        name = d->p;
        ihanoi_decode_string(d);

        lua_pushvalue(d->L, -1);
        lua_rawget(d->L, -3);

        if (!lua_isnil(d->L, -1)) {
            d->p = name;
            d->reason = "a member stands twice in one object";
            return -1;
        }

        lua_pop(d->L, 1);

        ihanoi_decode_space(d);
        d->p++;                             /* the colon */
        ihanoi_decode_space(d);

        if (ihanoi_decode_value(d) != 0) {
            return -1;
        }

        lua_rawset(d->L, -3);

        ihanoi_decode_space(d);

        if (*d->p == ',') {
            d->p++;
            ihanoi_decode_space(d);
        }
    }

    d->p++;

    return 0;
}


static int
ihanoi_decode_array(ihanoi_decode_t *d)
{
    int  i;

    luaL_checkstack(d->L, 3, NULL);

    lua_createtable(d->L, ihanoi_decode_count(d), 0);

    d->p++;
    ihanoi_decode_space(d);

    for (i = 1; *d->p != ']'; i++) {

        if (ihanoi_decode_value(d) != 0) {
            return -1;
        }

        lua_rawseti(d->L, -2, i);

        ihanoi_decode_space(d);

        if (*d->p == ',') {
            d->p++;
            ihanoi_decode_space(d);
        }
    }

    d->p++;

    lua_pushvalue(d->L, d->array);
    lua_setmetatable(d->L, -2);

    return 0;
}


/* Of the object or array that begins; 0: it grows as it has to. */

static int
ihanoi_decode_count(ihanoi_decode_t *d)
{
    unsigned  i;

    i = d->begun++;

    return i < IHANOI_DECODE_COUNTS ? (int) d->counts[i] : 0;
}


static void
ihanoi_decode_string(ihanoi_decode_t *d)
{
    const char  *start, *quote, *escape;

    start = d->p + 1;
    quote = memchr(start, '"', (size_t) (d->end - start));
    escape = memchr(start, '\\', (size_t) (quote - start));

    if (escape) {
        ihanoi_decode_escaped(d, start, escape);
        return;
    }

    lua_pushlstring(d->L, start, (size_t) (quote - start));

    ihanoi_decode_step(d, (size_t) (quote - start) / 64);
    d->p = quote + 1;
}


/* An escape is never shorter than what it stands for. */

static void
ihanoi_decode_escaped(ihanoi_decode_t *d, const char *start,
    const char *escape)
{
    char         small[512], *buf, *out;
    unsigned     code;
    const char  *p, *end;

    static const char  from[] = "\"\\/bfnrt";
    static const char  to[] = "\"\\/\b\f\n\r\t";

    for (end = escape; *end != '"'; end++) {
        if (*end == '\\') {
            end++;
        }
    }

    buf = (size_t) (end - start) <= sizeof(small)
          ? small : lua_newuserdata(d->L, (size_t) (end - start));

    memcpy(buf, start, (size_t) (escape - start));
    out = buf + (escape - start);

    for (p = escape; p < end; /* void */ ) {

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

    ihanoi_decode_step(d, (size_t) (end - start) / 64);
    d->p = end + 1;
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
    const char  *p;

    /* a number may be all there is: only here the end has to be looked for */

    p = d->p + (*d->p == '-');

    for (value = 0; p < d->end && *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (*p - '0');
    }

    if (p == d->end || (*p != '.' && *p != 'e' && *p != 'E')) {

        n = (size_t) (p - d->p) - (*d->p == '-');

        if (d->exact && (n > sizeof(IHANOI_DECODE_LAST) - 1
                         || (n == sizeof(IHANOI_DECODE_LAST) - 1
                             && memcmp(p - n, IHANOI_DECODE_LAST, n) > 0)))
        {
            lua_pushlstring(d->L, d->p, (size_t) (p - d->p));

        } else {
            lua_pushnumber(d->L, *d->p == '-' ? 0 - value : value);
        }

        d->p = p;
        return 0;
    }

    if (*p == '.') {
        scale = 1;

        for (p++; p < d->end && *p >= '0' && *p <= '9'; p++) {
            value = value * 10 + (*p - '0');
            scale *= 10;
        }

        if (p - d->p <= IHANOI_JSON_DIGITS
            && (p == d->end || (*p != 'e' && *p != 'E')))
        {
            /* doubles hold both exactly: the division rounds as strtod() */

            value /= scale;

            lua_pushnumber(d->L, *d->p == '-' ? -value : value);
            d->p = p;
            return 0;
        }
    }

    n = 0;

    for (p = d->p; p < d->end && *p && strchr("+-.0123456789eE", *p); p++) {
        text[n++] = *p;
    }

    text[n] = '\0';
    value = strtod(text, NULL);

    if (!isfinite(value)) {
        d->reason = "number out of range";
        return -1;
    }

    lua_pushnumber(d->L, value);
    d->p += n;

    return 0;
}


static void
ihanoi_decode_space(ihanoi_decode_t *d)
{
    while (*d->p == ' ' || *d->p == '\t' || *d->p == '\n' || *d->p == '\r') {
        d->p++;
    }
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
