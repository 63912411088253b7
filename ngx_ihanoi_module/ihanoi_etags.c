/*
 * Copyright (C) iHaNoi contributors
 */

#include <string.h>

#include "ihanoi_etags.h"
#include "ihanoi_json.h"
#include "ihanoi_utf8.h"


/* more than any client holds of one thing */
#define IHANOI_ETAGS_MAX  64


static const char *ihanoi_etags_one(const char *p, const char *end,
    char **to);


int
ihanoi_etags_json(char *to, const char *data, size_t len)
{
    char        *out;
    unsigned     n;
    const char  *p, *end;

    if (len == 1 && *data == '*') {
        memcpy(to, "[\"*\"]", sizeof("[\"*\"]"));
        return IHANOI_OK;
    }

    p = data;
    end = p + len;

    out = to;
    *out++ = '[';
    n = 0;

    for ( ;; ) {

        while (p < end && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        if (p == end) {
            break;
        }

        if (++n > IHANOI_ETAGS_MAX) {
            return IHANOI_INVALID;
        }

        if (n > 1) {
            *out++ = ',';
        }

        p = ihanoi_etags_one(p, end, &out);

        if (p == NULL) {
            return IHANOI_INVALID;
        }

        while (p < end && (*p == ' ' || *p == '\t')) {
            p++;
        }

        if (p < end && *p != ',') {
            return IHANOI_INVALID;
        }
    }

    *out++ = ']';
    *out = '\0';

    return n && ihanoi_utf8_count(to, (size_t) (out - to)) != (size_t) -1
           ? IHANOI_OK : IHANOI_INVALID;
}


/* As a JSON string into *to; what is behind it, NULL: it is none. */

static const char *
ihanoi_etags_one(const char *p, const char *end, char **to)
{
    char  *out;

    out = *to;

    if (end - p > 2 && p[0] == 'W' && p[1] == '/') {
        p += 2;
    }

    if (*p != '"') {
        return NULL;
    }

    if (end - p > 2 && p[1] == '*' && p[2] == '"') {
        memcpy(out, "\"\\\"*\\\"", 6);
        out += 6;
        p += 2;

    } else {
        *out++ = *p++;
    }

    while (p < end && *p != '"') {

        /* etagc: no blanks, no controls */

        if ((unsigned char) *p <= 0x20 || *p == 0x7f) {
            return NULL;
        }

        if (*p == '\\') {
            *out++ = '\\';
        }

        *out++ = *p++;
    }

    if (p == end) {
        return NULL;
    }

    *out++ = *p++;
    *to = out;

    return p;
}
