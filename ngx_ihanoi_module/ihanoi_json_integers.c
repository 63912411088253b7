/*
 * Copyright (C) iHaNoi contributors
 *
 * Integers of a JSON text that are written as reals, written as integers.
 *
 * To JSON Schema 5.0 is the integer 5; to a cast of PostgreSQL it is none.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ihanoi_json.h"
#include "ihanoi_number.h"


#define ihanoi_json_begins_number(p)  (*(p) == '-' || (*(p) >= '0' && *(p) <= '9'))


static const char *ihanoi_json_token_end(const char *p, const char *end);
static size_t ihanoi_json_integer(const char *number, size_t len, char *text);


size_t
ihanoi_json_integers(const char *data, size_t len, char *out)
{
    char         text[IHANOI_JSON_NUMBER_LEN + 1];
    size_t       n, total, integer;
    const char  *p, *end, *next;

    total = 0;
    end = data + len;

    for (p = data; p < end; p = next) {

        next = ihanoi_json_token_end(p, end);
        n = (size_t) (next - p);
        integer = ihanoi_json_begins_number(p) ? ihanoi_json_integer(p, n, text)
                                               : 0;
        if (integer) {
            n = integer;
        }

        if (out != NULL) {
            memcpy(out + total, integer ? text : p, n);
        }

        total += n;
    }

    return total;
}


/* The end of a string, of a number, or of a byte of what else there is. */

static const char *
ihanoi_json_token_end(const char *p, const char *end)
{
    if (*p == '"') {

        for (p++; *p != '"'; p++) {
            if (*p == '\\') {
                p++;
            }
        }

        return p + 1;
    }

    if (!ihanoi_json_begins_number(p)) {
        return p + 1;
    }

    while (p < end
           && ((*p >= '0' && *p <= '9') || *p == '-' || *p == '+'
               || *p == '.' || *p == 'e' || *p == 'E'))
    {
        p++;
    }

    return p;
}


/* The length of the integer that a real is; 0: the number stays as it is. */

static size_t
ihanoi_json_integer(const char *number, size_t len, char *text)
{
    json_int_t  n;

    if (len > IHANOI_JSON_NUMBER_LEN
        || (memchr(number, '.', len) == NULL
            && memchr(number, 'e', len) == NULL
            && memchr(number, 'E', len) == NULL))
    {
        return 0;
    }

    memcpy(text, number, len);
    text[len] = '\0';

    if (!ihanoi_number_whole(strtod(text, NULL), &n)) {
        return 0;
    }

    return (size_t) snprintf(text, IHANOI_JSON_NUMBER_LEN,
                             "%" JSON_INTEGER_FORMAT, n);
}
