/*
 * Copyright (C) iHaNoi contributors
 *
 * Parameters of SQL: "$1" in a string is text, and a value too many or too few
 * is an error of the protocol.  standard_conforming_strings is on.
 */

#include <string.h>

#include "ihanoi_sql.h"


static const char *ihanoi_sql_quoted(const char *p, const char *end,
    char quote, int escapes);
static const char *ihanoi_sql_comment(const char *p, const char *end);
static const char *ihanoi_sql_dollar(const char *p, const char *end);
static int ihanoi_sql_word(char c);


int
ihanoi_sql_parameters(const char *sql, size_t len)
{
    int          n, highest;
    const char  *p, *end;

    highest = 0;
    p = sql;
    end = sql + len;

    while (p < end) {

        switch (*p) {

        case '\'':
            /* E'...', and no name that ends with e */
            p = ihanoi_sql_quoted(p + 1, end, '\'',
                                  p > sql && (p[-1] | 0x20) == 'e'
                                  && (p - 1 == sql
                                      || !ihanoi_sql_word(p[-2])));
            continue;

        case '"':
            p = ihanoi_sql_quoted(p + 1, end, '"', 0);
            continue;

        case '-':
        case '/':
            p = ihanoi_sql_comment(p, end);
            continue;

        case '$':
            break;

        default:
            if (!ihanoi_sql_word(*p)) {
                p++;
                continue;
            }

            /* a name may have a $ inside */

            while (p < end && (ihanoi_sql_word(*p) || *p == '$')) {
                p++;
            }

            continue;
        }

        if (p + 1 == end || p[1] < '0' || p[1] > '9') {
            p = ihanoi_sql_dollar(p, end);
            continue;
        }

        for (n = 0, p++; p < end && *p >= '0' && *p <= '9'; p++) {
            n = n * 10 + (*p - '0');

            if (n > IHANOI_SQL_PARAMETERS) {
                return -1;
            }
        }

        if (n > highest) {
            highest = n;
        }
    }

    return highest;
}


/* Behind the closing quote; a doubled one closes and opens again. */

static const char *
ihanoi_sql_quoted(const char *p, const char *end, char quote, int escapes)
{
    for ( /* void */ ; p < end; p++) {

        if (escapes && *p == '\\') {
            p++;
            continue;
        }

        if (*p != quote) {
            continue;
        }

        /* the second half of '' is of the same kind */

        if (!escapes || p + 1 == end || p[1] != quote) {
            return p + 1;
        }

        p++;
    }

    return end;
}


/* Behind a comment, or behind the sign that does not begin one. */

static const char *
ihanoi_sql_comment(const char *p, const char *end)
{
    int  depth;

    if (p + 1 == end) {
        return end;
    }

    if (p[0] == '-' && p[1] == '-') {

        while (p < end && *p != '\n' && *p != '\r') {
            p++;
        }

        return p;
    }

    if (p[0] != '/' || p[1] != '*') {
        return p + 1;
    }

    depth = 0;

    while (p + 1 < end) {

        if (p[0] == '/' && p[1] == '*') {
            depth++;
            p += 2;

        } else if (p[0] == '*' && p[1] == '/') {
            p += 2;

            if (--depth == 0) {
                return p;
            }

        } else {
            p++;
        }
    }

    return end;
}


/* Behind $tag$ ... $tag$, or behind a $ that does not begin one. */

static const char *
ihanoi_sql_dollar(const char *p, const char *end)
{
    size_t       len;
    const char  *tag;

    tag = p++;

    while (p < end && ihanoi_sql_word(*p)) {
        p++;
    }

    if (p == end || *p != '$') {
        return tag + 1;
    }

    p++;
    len = p - tag;

    while ((size_t) (end - p) >= len) {

        p = memchr(p, '$', end - p - len + 1);

        if (p == NULL) {
            return end;
        }

        if (memcmp(p, tag, len) == 0) {
            return p + len;
        }

        p++;
    }

    return end;
}


static int
ihanoi_sql_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_' || (c & 0x80) != 0;
}


int
ihanoi_sql_is_name(const char *name, size_t len)
{
    size_t  i;

    if (len == 0 || len > 63 || (name[0] >= '0' && name[0] <= '9')) {
        return 0;
    }

    for (i = 0; i < len; i++) {

        if (!((name[i] >= 'a' && name[i] <= 'z')
              || (name[i] >= '0' && name[i] <= '9') || name[i] == '_'))
        {
            return 0;
        }
    }

    return 1;
}
