/*
 * Copyright (C) iHaNoi contributors
 */

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "ihanoi_utf8.h"


#define IHANOI_UTF8_HIGH  0x8080808080808080

#define ihanoi_utf8_follows(c)  (((unsigned char) (c) & 0xc0) == 0x80)


static uint64_t ihanoi_utf8_found(uint64_t word);
static uint64_t ihanoi_utf8_escaped(uint64_t word);
static size_t ihanoi_utf8_at(const char *p, const char *end);


const char *
ihanoi_utf8_plain(const char *p, const char *end)
{
    size_t    n;
    uint32_t  half[2];
    uint64_t  word, found;

    for ( ;; ) {

        found = 0;

        while (end - p >= 8) {
            memcpy(&word, p, 8);

            found = ihanoi_utf8_found(word);
            if (found) {
                break;
            }

            p += 8;
        }

        if (found) {
            p += __builtin_ctzll(found) / 8;

        } else {

            if (end - p >= 4) {

                /* names are short: two halves, which overlap */

                memcpy(&half[0], p, 4);
                memcpy(&half[1], end - 4, 4);
                memcpy(&word, half, 8);

                if (ihanoi_utf8_found(word) == 0) {
                    return end;
                }
            }

            while (p < end && (signed char) *p >= 0x20 && *p != '"'
                   && *p != '\\')
            {
                p++;
            }
        }

        if (p == end || (signed char) *p >= 0) {
            return p;
        }

        do {
            n = ihanoi_utf8_at(p, end);

            if (n == 0) {
                return p;
            }

            p += n;

        } while (p < end && (signed char) *p < 0);
    }
}


const char *
ihanoi_utf8_unescaped(const char *p, const char *end)
{
    uint64_t  word, found;

    while (end - p >= 8) {
        memcpy(&word, p, 8);
        word = le64toh(word);

        found = ~word & ihanoi_utf8_escaped(word) & IHANOI_UTF8_HIGH;
        if (found) {
            return p + __builtin_ctzll(found) / 8;
        }

        p += 8;
    }

    while (p < end && (unsigned char) *p >= 0x20 && *p != '"' && *p != '\\') {
        p++;
    }

    return p;
}


/* The high bits of eight bytes, the first one lowest, that are no plain ASCII. */

static inline uint64_t
ihanoi_utf8_found(uint64_t word)
{
    word = le64toh(word);

    return (word | ihanoi_utf8_escaped(word)) & IHANOI_UTF8_HIGH;
}


/*
 * Of bytes that are ASCII, the high bits of those that do not stand for themselves:
 * a subtraction sets that of a byte which is less than what is taken away, and
 * others only behind such a one.
 */

static inline uint64_t
ihanoi_utf8_escaped(uint64_t word)
{
    static const uint64_t  each = 0x0101010101010101;

    return (word - each * 0x20)
           | ((word ^ each * '"') - each)
           | ((word ^ each * '\\') - each);
}


size_t
ihanoi_utf8_length(const char *p, const char *end)
{
    return p == end ? 0 : ihanoi_utf8_at(p, end);
}


/* There is a first byte: it says how many follow and what the second may be. */

static inline size_t
ihanoi_utf8_at(const char *p, const char *end)
{
    unsigned char  c;

    c = (unsigned char) *p;

    if (c < 0x80) {
        return 1;
    }

    if (c < 0xc2 || end - p < 2 || !ihanoi_utf8_follows(p[1])) {
        return 0;
    }

    if (c < 0xe0) {
        return 2;
    }

    if (end - p < 3 || !ihanoi_utf8_follows(p[2])) {
        return 0;
    }

    /* neither longer than needed nor half of a surrogate pair */

    if (c < 0xf0) {
        return (c == 0xe0 && (unsigned char) p[1] < 0xa0)
               || (c == 0xed && (unsigned char) p[1] > 0x9f) ? 0 : 3;
    }

    /* nor beyond U+10FFFF */

    return c > 0xf4 || end - p < 4 || !ihanoi_utf8_follows(p[3])
           || (c == 0xf0 && (unsigned char) p[1] < 0x90)
           || (c == 0xf4 && (unsigned char) p[1] > 0x8f) ? 0 : 4;
}


size_t
ihanoi_utf8_count(const char *p, size_t len)
{
    size_t       n, count;
    const char  *end;

    end = p + len;

    for (count = 0; p < end; count++) {
        n = ihanoi_utf8_length(p, end);

        if (n == 0) {
            return (size_t) -1;
        }

        p += n;
    }

    return count;
}
