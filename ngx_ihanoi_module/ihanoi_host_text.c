/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.text: what string functions, which know bytes only, cannot do with
 * Vietnamese.  Only this file sees utf8proc.
 *
 * Normalising goes by pieces that begin where nothing can depend on what was
 * before, so that a long text can be given up between two of them.
 */

#include <utf8proc.h>

#include <lauxlib.h>

#include "ihanoi_host.h"
#include "ihanoi_sandbox.h"
#include "ihanoi_utf8.h"


/* Bytes of a piece, if it can be ended there, and the most. */
#define IHANOI_TEXT_PIECE       1024
#define IHANOI_TEXT_MAX_PIECE   8192

/* What a piece becomes: two bytes may be three of them (U+01D5). */
#define IHANOI_TEXT_CODES       (IHANOI_TEXT_MAX_PIECE / 2 * 3)

/* Characters between two looks at the clock. */
#define IHANOI_TEXT_STEPS       4096


static int ihanoi_host_text_valid(lua_State *L);
static int ihanoi_host_text_length(lua_State *L);
static int ihanoi_host_text_truncate(lua_State *L);
static int ihanoi_host_text_lower(lua_State *L);
static int ihanoi_host_text_upper(lua_State *L);
static int ihanoi_host_text_nfc(lua_State *L);
static int ihanoi_host_text_unaccent(lua_State *L);

static int ihanoi_text_map(lua_State *L,
    utf8proc_int32_t (*map)(utf8proc_int32_t code));
static int ihanoi_text_normalise(lua_State *L, int unaccent);
static size_t ihanoi_text_piece(const char *s, const char *end, int *ascii);
static int ihanoi_text_begins(utf8proc_int32_t code);
static utf8proc_ssize_t ihanoi_text_bare(utf8proc_int32_t *codes,
    utf8proc_ssize_t n);
static size_t ihanoi_text_next(const char *s, const char *end,
    utf8proc_int32_t *code);
static int ihanoi_text_is_mark(utf8proc_int32_t code);


static const ihanoi_host_function_t  ihanoi_host_text_functions[] = {

    { "text", "valid", ihanoi_host_text_valid, IHANOI_PHASE_ANY,
      "text string",
      "valid boolean",
      "Whether the bytes are UTF-8 (RFC 3629)." },

    { "text", "length", ihanoi_host_text_length, IHANOI_PHASE_ANY,
      "text string",
      "n? integer\n"
      "err? string",
      "The number of characters (Unicode code points): 6 of \"Hà Nội\" as "
      "nfc() has it. nil and a reason when the text is not UTF-8." },

    { "text", "truncate", ihanoi_host_text_truncate, IHANOI_PHASE_ANY,
      "text string\n"
      "n integer",
      "text? string\n"
      "err? string",
      "The first n characters of a text, or all of it; a letter is not cut "
      "off from marks that follow it, both are left out then. nil and a "
      "reason when the text is not UTF-8." },

    { "text", "lower", ihanoi_host_text_lower, IHANOI_PHASE_ANY,
      "text string",
      "text? string\n"
      "err? string",
      "In lower case, all letters of Unicode that have one: \"đường\" of "
      "\"ĐƯỜNG\". nil and a reason when the text is not UTF-8." },

    { "text", "upper", ihanoi_host_text_upper, IHANOI_PHASE_ANY,
      "text string",
      "text? string\n"
      "err? string",
      "In upper case, character by character. nil and a reason when the text "
      "is not UTF-8." },

    { "text", "nfc", ihanoi_host_text_nfc, IHANOI_PHASE_ANY,
      "text string",
      "text? string\n"
      "err? string",
      "The composed form (Unicode Normalization Form C): \"ệ\" is one "
      "character, however it was typed. For texts that are compared or "
      "stored. nil and a reason when the text is not UTF-8 or has more than "
      "8192 bytes without a place where a character surely begins, which no "
      "text of words has." },

    { "text", "unaccent", ihanoi_host_text_unaccent, IHANOI_PHASE_ANY,
      "text string",
      "text? string\n"
      "err? string",
      "Without the marks of Latin letters, and with d for đ: \"Duong Lang\" "
      "of \"Đường Láng\". For searching; other scripts stay as they are, in "
      "nfc(). nil and a reason as there." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ihanoi_host_text = {
    "text",
    "Vietnamese in UTF-8, by characters: string.lower(), # and string.sub() "
    "know bytes only.",
    ihanoi_host_text_functions,
    NULL
};


static int
ihanoi_host_text_valid(lua_State *L)
{
    luaL_checkstring(L, 1);
    lua_settop(L, 1);

    (void) ihanoi_host_text_length(L);

    lua_pushboolean(L, lua_type(L, 2) == LUA_TNUMBER);

    return 1;
}


static int
ihanoi_host_text_length(lua_State *L)
{
    size_t       len, n, count;
    const char  *s, *end;

    s = luaL_checklstring(L, 1, &len);

    for (count = 0, end = s + len; s < end; count++, s += n) {

        n = ihanoi_utf8_length(s, end);

        if (n == 0) {
            return ihanoi_host_fail(L, "not valid UTF-8");
        }

        if (count % IHANOI_TEXT_STEPS == 0) {
            ihanoi_sandbox_poll(L);
        }
    }

    lua_pushnumber(L, (double) count);

    return 1;
}


static int
ihanoi_host_text_truncate(lua_State *L)
{
    size_t            len, n, count;
    double            max;
    const char       *start, *s, *end, *cut;
    utf8proc_int32_t  code;

    start = luaL_checklstring(L, 1, &len);
    max = ihanoi_host_integer(L, 2);
    luaL_argcheck(L, max >= 0, 2, "less than nothing");

    end = start + len;
    cut = start;

    for (count = 0, s = start; s < end; count++, s += n) {

        n = ihanoi_text_next(s, end, &code);

        if (n == 0) {
            return ihanoi_host_fail(L, "not valid UTF-8");
        }

        /* where a character begins that has a place of its own */

        if ((double) count <= max && !ihanoi_text_is_mark(code)) {
            cut = s;
        }

        if (count % IHANOI_TEXT_STEPS == 0) {
            ihanoi_sandbox_poll(L);
        }
    }

    lua_pushlstring(L, start, (size_t) ((double) count <= max ? len
                                        : (size_t) (cut - start)));

    return 1;
}


static int
ihanoi_host_text_lower(lua_State *L)
{
    return ihanoi_text_map(L, utf8proc_tolower);
}


static int
ihanoi_host_text_upper(lua_State *L)
{
    return ihanoi_text_map(L, utf8proc_toupper);
}


static int
ihanoi_text_map(lua_State *L, utf8proc_int32_t (*map)(utf8proc_int32_t code))
{
    size_t            len, n, count;
    const char       *s, *end;
    luaL_Buffer       b;
    utf8proc_int32_t  code;
    utf8proc_uint8_t  out[4];

    s = luaL_checklstring(L, 1, &len);
    luaL_buffinit(L, &b);

    for (count = 0, end = s + len; s < end; count++, s += n) {

        n = ihanoi_text_next(s, end, &code);

        if (n == 0) {
            return ihanoi_host_fail(L, "not valid UTF-8");
        }

        luaL_addlstring(&b, (char *) out,
                        (size_t) utf8proc_encode_char(map(code), out));

        if (count % IHANOI_TEXT_STEPS == 0) {
            ihanoi_sandbox_poll(L);
        }
    }

    luaL_pushresult(&b);

    return 1;
}


static int
ihanoi_host_text_nfc(lua_State *L)
{
    return ihanoi_text_normalise(L, 0);
}


static int
ihanoi_host_text_unaccent(lua_State *L)
{
    return ihanoi_text_normalise(L, 1);
}


static int
ihanoi_text_normalise(lua_State *L, int unaccent)
{
    int                ascii;
    size_t             len, n;
    const char        *s, *end;
    luaL_Buffer        b;
    utf8proc_int32_t   codes[IHANOI_TEXT_CODES + 1];
    utf8proc_ssize_t   count;

    s = luaL_checklstring(L, 1, &len);
    luaL_buffinit(L, &b);

    for (end = s + len; s < end; s += n) {

        n = ihanoi_text_piece(s, end, &ascii);

        if (n == 0) {
            return ihanoi_host_fail(L, "not valid UTF-8");
        }

        if (n > IHANOI_TEXT_MAX_PIECE) {
            return ihanoi_host_fail(L, "more than 8192 bytes that may belong "
                                       "together");
        }

        ihanoi_sandbox_poll(L);

        if (ascii) {
            luaL_addlstring(&b, s, n);
            continue;
        }

        count = utf8proc_decompose((const utf8proc_uint8_t *) s,
                                   (utf8proc_ssize_t) n, codes,
                                   IHANOI_TEXT_CODES,
                                   UTF8PROC_STABLE|UTF8PROC_DECOMPOSE);

        if (count < 0 || count > IHANOI_TEXT_CODES) {
            return ihanoi_host_fail(L, "not valid UTF-8");
        }

        if (unaccent) {
            count = ihanoi_text_bare(codes, count);
        }

        count = utf8proc_reencode(codes, count,
                                  UTF8PROC_STABLE|UTF8PROC_COMPOSE);

        if (count < 0) {
            return ihanoi_host_fail(L, "not valid UTF-8");
        }

        luaL_addlstring(&b, (char *) codes, (size_t) count);
    }

    luaL_pushresult(&b);

    return 1;
}


/*
 * The length of a piece at s: up to the next place from IHANOI_TEXT_PIECE on
 * where another may begin.  0: it is not UTF-8; more than
 * IHANOI_TEXT_MAX_PIECE: there is no such place.
 */

static size_t
ihanoi_text_piece(const char *s, const char *end, int *ascii)
{
    size_t            n;
    const char       *p;
    utf8proc_int32_t  code;

    *ascii = 1;

    for (p = s; p < end; p += n) {

        n = ihanoi_text_next(p, end, &code);

        if (n == 0) {
            return 0;
        }

        if (p - s >= IHANOI_TEXT_PIECE && ihanoi_text_begins(code)) {
            break;
        }

        if (p + n - s > IHANOI_TEXT_MAX_PIECE) {
            return (size_t) (p + n - s);
        }

        if (code >= 0x80) {
            *ascii = 0;
        }
    }

    return (size_t) (p - s);
}


/*
 * Characters that no mark before them is sorted behind, and that make no
 * character with one before them: Latin, Greek and Cyrillic letters, signs,
 * Chinese, Japanese and Korean, emoji.  All others might; few texts have none
 * of these for long, for spaces are among them.
 */

static int
ihanoi_text_begins(utf8proc_int32_t code)
{
    return code < 0x300 || (code >= 0x370 && code < 0x483)
           || (code >= 0x1e00 && code < 0x20d0)
           || (code >= 0x3000 && code < 0x302a)
           || (code >= 0x30a0 && code < 0xa000)
           || (code >= 0xac00 && code < 0xd7a4)
           || (code >= 0x1f300 && code < 0x1fb00);
}


/* Takes marks of Latin letters out, and the bar of đ. */

static utf8proc_ssize_t
ihanoi_text_bare(utf8proc_int32_t *codes, utf8proc_ssize_t n)
{
    utf8proc_ssize_t  i, k;

    for (i = 0, k = 0; i < n; i++) {

        if (codes[i] >= 0x300 && codes[i] < 0x370) {
            continue;
        }

        codes[k++] = codes[i] == 0x111 ? 'd' : codes[i] == 0x110 ? 'D'
                     : codes[i];
    }

    return k;
}


/* The character at s, and its length; 0: it is not one. */

static size_t
ihanoi_text_next(const char *s, const char *end, utf8proc_int32_t *code)
{
    size_t  n;

    n = ihanoi_utf8_length(s, end);

    if (n == 1) {
        *code = *s;

    } else if (n) {
        (void) utf8proc_iterate((const utf8proc_uint8_t *) s,
                                (utf8proc_ssize_t) n, code);
    }

    return n;
}


static int
ihanoi_text_is_mark(utf8proc_int32_t code)
{
    return code >= 0x300
           && (utf8proc_category(code) == UTF8PROC_CATEGORY_MN
               || utf8proc_category(code) == UTF8PROC_CATEGORY_ME);
}
