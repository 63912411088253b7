/*
 * Copyright (C) iHaNoi contributors
 */

#include "ihanoi_utf8.h"


#define ihanoi_utf8_follows(c)  (((unsigned char) (c) & 0xc0) == 0x80)


static uint64_t ihanoi_utf8_found(uint64_t word);
static size_t ihanoi_utf8_at(const char *p, const char *end);


const char *
ihanoi_utf8_plain(const char *p, const char *end)
{
    size_t    n;
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


int
ihanoi_utf8_copy_ascii(char *to, const char *from, size_t len)
{
    size_t    i;
    uint32_t  half[2];
    uint64_t  word, found;

    /* of the last ones some are copied twice */

    if (len >= 8) {

        for (i = 0, found = 0; i + 8 < len; i += 8) {
            memcpy(&word, from + i, 8);
            memcpy(to + i, &word, 8);
            found |= ihanoi_utf8_found(word);
        }

        memcpy(&word, from + len - 8, 8);
        memcpy(to + len - 8, &word, 8);

        return (found | ihanoi_utf8_found(word)) == 0;
    }

    if (len >= 4) {
        memcpy(&half[0], from, 4);
        memcpy(&half[1], from + len - 4, 4);
        memcpy(to, &half[0], 4);
        memcpy(to + len - 4, &half[1], 4);
        memcpy(&word, half, 8);

        return ihanoi_utf8_found(word) == 0;
    }

    for (i = 0; i < len; i++) {

        if ((signed char) from[i] < 0x20 || from[i] == '"' || from[i] == '\\') {
            return 0;
        }

        to[i] = from[i];
    }

    return 1;
}


/* The high bits of eight bytes, the first one lowest, that are no plain ASCII. */

static inline uint64_t
ihanoi_utf8_found(uint64_t word)
{
    word = le64toh(word);

    return (word | ihanoi_utf8_escaped(word)) & IHANOI_UTF8_HIGH;
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
