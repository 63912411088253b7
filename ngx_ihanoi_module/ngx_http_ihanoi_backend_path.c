/*
 * Copyright (C) iHaNoi contributors
 *
 * Paths and queries for backends.
 *
 * Parts of a path often come from a caller's input.  Whatever they are, the
 * request stays under the prefix that the operator gave: what a backend might
 * read as another path than nginx does is refused, not cleaned.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <math.h>

#include "ngx_http_ihanoi_backend.h"
#include "ihanoi_number.h"


#define NGX_HTTP_IHANOI_BACKEND_PATH   2048
#define NGX_HTTP_IHANOI_BACKEND_QUERY  4096
#define NGX_HTTP_IHANOI_BACKEND_NAMES  64


static const char *ngx_http_ihanoi_backend_add(luaL_Buffer *b, const char *text,
    size_t len, int segment);
static const char *ngx_http_ihanoi_backend_segments(const char *path,
    size_t len);
static int ngx_http_ihanoi_backend_hex(const char *p);
static void ngx_http_ihanoi_backend_escape(luaL_Buffer *b, const char *text,
    size_t len);
static size_t ngx_http_ihanoi_backend_number(lua_Number number,
    char text[32]);
static const char *ngx_http_ihanoi_backend_pair(lua_State *L, luaL_Buffer *b,
    const char *name, size_t len, int value, size_t *all);


static const char  ngx_http_ihanoi_backend_bad_path[] = "bad path";
static const char  ngx_http_ihanoi_backend_bad_query[] = "bad query";


const char *
ngx_http_ihanoi_backend_path(lua_State *L, const char *prefix, int index)
{
    int           i, n;
    char          copy[32];
    size_t        len, size;
    luaL_Buffer   b;
    const char   *text, *err;

    len = strlen(prefix);

    if (lua_isnoneornil(L, index)) {
        lua_pushlstring(L, prefix, len);
        return NULL;
    }

    if (len && prefix[len - 1] == '/') {
        len--;
    }

    err = NULL;

    if (lua_type(L, index) == LUA_TTABLE) {
        n = (int) lua_objlen(L, index);

        if (n == 0 || n > NGX_HTTP_IHANOI_BACKEND_NAMES) {
            (void) luaL_error(L, "a path has from 1 to 64 segments");
        }

        /* in order, below the buffer */

        luaL_checkstack(L, n + 8, "path");

        for (i = 1, size = 0; i <= n; i++) {
            lua_rawgeti(L, index, i);

            if (lua_type(L, -1) == LUA_TSTRING) {
                size += lua_objlen(L, -1);

            } else if (lua_type(L, -1) != LUA_TNUMBER) {
                (void) luaL_error(L, "a segment of a path is a text");
            }
        }

        if (size > NGX_HTTP_IHANOI_BACKEND_PATH) {
            return ngx_http_ihanoi_backend_bad_path;
        }

        i = lua_gettop(L) - n + 1;

        luaL_buffinit(L, &b);
        luaL_addlstring(&b, prefix, len);

        for ( /* void */ ; n && err == NULL; n--, i++) {

            if (lua_type(L, i) == LUA_TNUMBER) {
                len = ngx_http_ihanoi_backend_number(lua_tonumber(L, i), copy);
                text = copy;

            } else {
                text = lua_tolstring(L, i, &len);
            }

            luaL_addchar(&b, '/');

            err = len == 0 ? ngx_http_ihanoi_backend_bad_path
                           : ngx_http_ihanoi_backend_add(&b, text, len, 1);
        }

    } else {
        if (lua_type(L, index) != LUA_TSTRING) {
            (void) luaL_error(L, "a path is a text or a list of segments");
        }

        luaL_buffinit(L, &b);
        luaL_addlstring(&b, prefix, len);

        text = lua_tolstring(L, index, &len);

        err = len == 0 || len > 3 * NGX_HTTP_IHANOI_BACKEND_PATH
              || text[0] != '/'
              ? ngx_http_ihanoi_backend_bad_path
              : ngx_http_ihanoi_backend_add(&b, text, len, 0);
    }

    luaL_pushresult(&b);

    if (err) {
        return err;
    }

    text = lua_tolstring(L, -1, &len);

    return ngx_http_ihanoi_backend_segments(text, len);
}


/*
 * Decodes a path as it stands in a URL, or takes a segment as it is.  nginx
 * encodes it again for the backend, all but "/" and what needs no encoding:
 * a slash that was encoded would no longer be.
 */

static const char *
ngx_http_ihanoi_backend_add(luaL_Buffer *b, const char *text, size_t len,
    int segment)
{
    int          ch;
    const char  *last;

    for (last = text + len; text < last; text++) {
        ch = (u_char) *text;

        if (!segment) {

            if (ch == '?' || ch == '#') {
                return ngx_http_ihanoi_backend_bad_path;
            }

            if (ch == '%') {
                if (last - text < 3) {
                    return ngx_http_ihanoi_backend_bad_path;
                }

                ch = ngx_http_ihanoi_backend_hex(text + 1);

                if (ch == '/') {
                    return ngx_http_ihanoi_backend_bad_path;
                }

                text += 2;
            }

        } else if (ch == '/') {
            return ngx_http_ihanoi_backend_bad_path;
        }

        if (ch < 0x20 || ch == 0x7f || ch == '\\') {
            return ngx_http_ihanoi_backend_bad_path;
        }

        luaL_addchar(b, (char) ch);
    }

    return NULL;
}


/* "..;x" is ".." to servers that take parameters in a path. */

static const char *
ngx_http_ihanoi_backend_segments(const char *path, size_t len)
{
    size_t       n;
    const char  *p, *last, *end;

    if (len > NGX_HTTP_IHANOI_BACKEND_PATH) {
        return ngx_http_ihanoi_backend_bad_path;
    }

    last = path + len;

    for (p = path; p < last; p = end) {

        /* at a slash */

        p++;

        end = memchr(p, '/', last - p);
        if (end == NULL) {
            end = last;
        }

        n = strcspn(p, ";/");
        n = ngx_min(n, (size_t) (end - p));

        if ((n == 0 && end != last)
            || (n == 1 && p[0] == '.')
            || (n == 2 && p[0] == '.' && p[1] == '.'))
        {
            return ngx_http_ihanoi_backend_bad_path;
        }
    }

    return NULL;
}


/* -1: not two hexadecimal digits. */

static int
ngx_http_ihanoi_backend_hex(const char *p)
{
    return (int) ngx_hextoi((u_char *) p, 2);
}


const char *
ngx_http_ihanoi_backend_query(lua_State *L, int index)
{
    int           i, k, n, base;
    size_t        len, size;
    const char   *name, *err;
    luaL_Buffer   b;

    luaL_checkstack(L, NGX_HTTP_IHANOI_BACKEND_NAMES + 16, "query");
    base = lua_gettop(L);
    size = 0;

    /* names in order, so that one query is always one text */

    for (lua_pushnil(L); lua_next(L, index); /* void */ ) {
        lua_pop(L, 1);

        if (lua_type(L, -1) != LUA_TSTRING) {
            (void) luaL_error(L, "a query is a table with names");
        }

        n = lua_gettop(L) - base;

        if (n > NGX_HTTP_IHANOI_BACKEND_NAMES) {
            (void) luaL_error(L, "a query has at most 64 names");
        }

        size += lua_objlen(L, -1);

        if (size > NGX_HTTP_IHANOI_BACKEND_QUERY) {
            return ngx_http_ihanoi_backend_bad_query;
        }

        lua_pushvalue(L, -1);

        for (i = n; i > 1; i--) {
            if (strcmp(lua_tostring(L, base + i - 1),
                       lua_tostring(L, base + n + 1)) <= 0)
            {
                break;
            }
        }

        /* the key for lua_next() stays on top, its copy goes to its place */

        lua_insert(L, base + i);
    }

    n = lua_gettop(L) - base;
    size = 0;
    err = NULL;

    luaL_buffinit(L, &b);

    for (k = 1; k <= n && err == NULL; k++) {
        name = lua_tolstring(L, base + k, &len);
        err = ngx_http_ihanoi_backend_pair(L, &b, name, len, index, &size);
    }

    luaL_pushresult(&b);

    if (err) {
        return err;
    }

    name = lua_tolstring(L, -1, &len);

    if (len > NGX_HTTP_IHANOI_BACKEND_QUERY) {
        return ngx_http_ihanoi_backend_bad_query;
    }

    /* without the last "&" */

    lua_pushlstring(L, name, len ? len - 1 : 0);

    return NULL;
}


/*
 * As ihanoi.json.encode() has it, while Lua's own text is cut at 14 digits: an id
 * would be another one.  The length; 0: there is none, of nan and infinity.
 */

static size_t
ngx_http_ihanoi_backend_number(lua_Number number, char text[32])
{
    if (!isfinite(number)) {
        return 0;
    }

    if (floor(number) == number && fabs(number) <= 9007199254740992.0) {

        /* + 0.0: of -0.0, too */

        return (size_t) snprintf(text, 32, "%.0f", number + 0.0);
    }

    return ihanoi_number_text(number, text);
}


/*
 * "name=value", or one for each value of a list.  *all is what there is so far,
 * before it is escaped: nothing is done for a query that is too long anyway.
 */

static const char *
ngx_http_ihanoi_backend_pair(lua_State *L, luaL_Buffer *b, const char *name,
    size_t len, int index, size_t *all)
{
    int          i, n, list;
    char         copy[32];
    size_t       size;
    const char  *text;

    n = 1;

    /*
     * A buffer may keep parts of itself on the stack: what is taken from the
     * table is copied off before anything is added.
     */

    lua_pushlstring(L, name, len);
    lua_rawget(L, index);
    list = lua_type(L, -1) == LUA_TTABLE;

    if (list) {
        n = (int) lua_objlen(L, -1);
    }

    lua_pop(L, 1);

    for (i = 1; i <= n; i++) {
        lua_pushlstring(L, name, len);
        lua_rawget(L, index);

        if (list) {
            lua_rawgeti(L, -1, i);
            lua_remove(L, -2);
        }

        switch (lua_type(L, -1)) {

        case LUA_TBOOLEAN:
            text = lua_toboolean(L, -1) ? "true" : "false";
            size = strlen(text);
            break;

        case LUA_TNUMBER:
            size = ngx_http_ihanoi_backend_number(lua_tonumber(L, -1), copy);

            if (size == 0) {
                return ngx_http_ihanoi_backend_bad_query;
            }

            text = copy;
            break;

        case LUA_TSTRING:

            /* the table keeps it */

            text = lua_tolstring(L, -1, &size);
            break;

        default:
            (void) luaL_error(L, "the value of \"%s\" in a query is a %s",
                              name, luaL_typename(L, -1));
            return NULL;
        }

        lua_pop(L, 1);

        /* the buffer is alone on the top of the stack again */

        *all += len + size + 2;

        if (*all > NGX_HTTP_IHANOI_BACKEND_QUERY) {
            return ngx_http_ihanoi_backend_bad_query;
        }

        ngx_http_ihanoi_backend_escape(b, name, len);
        luaL_addchar(b, '=');
        ngx_http_ihanoi_backend_escape(b, text, size);
        luaL_addchar(b, '&');
    }

    return NULL;
}


static void
ngx_http_ihanoi_backend_escape(luaL_Buffer *b, const char *text, size_t len)
{
    u_char       ch;
    const char  *last;

    static const char  hex[] = "0123456789ABCDEF";

    for (last = text + len; text < last; text++) {
        ch = (u_char) *text;

        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
            || (ch >= '0' && ch <= '9')
            || ch == '-' || ch == '.' || ch == '_' || ch == '~')
        {
            luaL_addchar(b, (char) ch);
            continue;
        }

        luaL_addchar(b, '%');
        luaL_addchar(b, hex[ch >> 4]);
        luaL_addchar(b, hex[ch & 0x0f]);
    }
}
