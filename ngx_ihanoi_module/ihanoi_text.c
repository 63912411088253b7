/*
 * Copyright (C) iHaNoi contributors
 *
 * Percent-encoding (RFC 3986, 2.1).
 */

#include "ihanoi_text.h"
#include "ihanoi_utf8.h"


static int
ihanoi_percent_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


int
ihanoi_percent_next(const char **p, const char *end, int plus)
{
    int   high, low;
    char  c;

    c = *(*p)++;

    if (c == '+' && plus) {
        return ' ';
    }

    if (c != '%') {
        return (unsigned char) c;
    }

    if (end - *p < 2) {
        return -1;
    }

    high = ihanoi_percent_digit((*p)[0]);
    low = ihanoi_percent_digit((*p)[1]);

    if (high < 0 || low < 0) {
        return -1;
    }

    *p += 2;

    return high * 16 + low;
}


size_t
ihanoi_percent_decode(char *out, const char *in, size_t len, int plus)
{
    int          c;
    size_t       n;
    const char  *end;

    end = in + len;

    for (n = 0; in < end; n++) {

        c = ihanoi_percent_next(&in, end, plus);

        if (c <= 0) {
            return (size_t) -1;
        }

        out[n] = (char) c;
    }

    out[n] = '\0';

    return ihanoi_utf8_count(out, n) == (size_t) -1 ? (size_t) -1 : n;
}
