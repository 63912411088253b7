/*
 * Copyright (C) iHaNoi contributors
 *
 * Strict base64url.
 */

#include "ihanoi_base64.h"


#define XX  0xff


static const unsigned char ihanoi_base64url_value[256] = {
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, 62, XX, XX,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, XX, XX, XX, XX, XX, XX,
    XX,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, XX, XX, XX, XX, 63,
    XX, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX
};


ssize_t
ihanoi_base64url_decode(unsigned char *dst, const char *src, size_t len)
{
    unsigned char         a, b, c, d;
    unsigned char        *start;
    const unsigned char  *p, *last;

    start = dst;
    p = (const unsigned char *) src;
    last = p + len / 4 * 4;

    while (p < last) {
        a = ihanoi_base64url_value[p[0]];
        b = ihanoi_base64url_value[p[1]];
        c = ihanoi_base64url_value[p[2]];
        d = ihanoi_base64url_value[p[3]];

        if ((a | b | c | d) & 0x80) {
            return -1;
        }

        *dst++ = (unsigned char) (a << 2 | b >> 4);
        *dst++ = (unsigned char) (b << 4 | c >> 2);
        *dst++ = (unsigned char) (c << 6 | d);

        p += 4;
    }

    switch (len % 4) {

    case 0:
        break;

    case 1:
        return -1;

    case 2:
        a = ihanoi_base64url_value[p[0]];
        b = ihanoi_base64url_value[p[1]];

        if (((a | b) & 0x80) || (b & 0x0f)) {
            return -1;
        }

        *dst++ = (unsigned char) (a << 2 | b >> 4);
        break;

    default: /* 3 */
        a = ihanoi_base64url_value[p[0]];
        b = ihanoi_base64url_value[p[1]];
        c = ihanoi_base64url_value[p[2]];

        if (((a | b | c) & 0x80) || (c & 0x03)) {
            return -1;
        }

        *dst++ = (unsigned char) (a << 2 | b >> 4);
        *dst++ = (unsigned char) (b << 4 | c >> 2);
        break;
    }

    return dst - start;
}


size_t
ihanoi_base64url_encode(char *dst, const unsigned char *src, size_t len)
{
    char               *start;
    unsigned            v;
    static const char   alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "abcdefghijklmnopqrstuvwxyz"
                                     "0123456789-_";

    start = dst;

    while (len >= 3) {
        v = (unsigned) src[0] << 16 | (unsigned) src[1] << 8 | src[2];

        *dst++ = alphabet[v >> 18];
        *dst++ = alphabet[v >> 12 & 0x3f];
        *dst++ = alphabet[v >> 6 & 0x3f];
        *dst++ = alphabet[v & 0x3f];

        src += 3;
        len -= 3;
    }

    if (len) {
        v = (unsigned) src[0] << 16;

        if (len == 2) {
            v |= (unsigned) src[1] << 8;
        }

        *dst++ = alphabet[v >> 18];
        *dst++ = alphabet[v >> 12 & 0x3f];

        if (len == 2) {
            *dst++ = alphabet[v >> 6 & 0x3f];
        }
    }

    return dst - start;
}
