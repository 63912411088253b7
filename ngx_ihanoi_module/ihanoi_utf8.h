/*
 * Copyright (C) iHaNoi contributors
 *
 * UTF-8 (RFC 3629): no character in more bytes than it needs, no surrogates,
 * nothing beyond U+10FFFF.
 */

#ifndef _IHANOI_UTF8_H_INCLUDED_
#define _IHANOI_UTF8_H_INCLUDED_


#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>


#define IHANOI_UTF8_HIGH  0x8080808080808080


/*
 * The first byte from p on that does not stand in a string of JSON as it is: a
 * quote, a backslash, a control character, what is no UTF-8; or end.
 */
const char *ihanoi_utf8_plain(const char *p, const char *end);

/*
 * Copies a text of ASCII that stands in a string of JSON as it is.  0: it is none, and
 * anything may stand in the len bytes at to.
 */
int ihanoi_utf8_copy_ascii(char *to, const char *from, size_t len);

/* Length of a UTF-8 character at p (1 .. 4), 0 when it is not one. */
size_t ihanoi_utf8_length(const char *p, const char *end);

/* Number of characters, or (size_t) -1 when the bytes are not UTF-8. */
size_t ihanoi_utf8_count(const char *p, size_t len);


/*
 * Of bytes that are ASCII, the high bits of those that do not stand for themselves in
 * a string of JSON: a subtraction sets that of a byte which is less than what is taken
 * away, and others only behind such a one.
 */

static inline uint64_t
ihanoi_utf8_escaped(uint64_t word)
{
    static const uint64_t  each = 0x0101010101010101;

    return (word - each * 0x20)
           | ((word ^ each * '"') - each)
           | ((word ^ each * '\\') - each);
}


/*
 * As ihanoi_utf8_plain() of what is known to be UTF-8.  Here because texts are mostly
 * names, a few bytes long.
 */

static inline const char *
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


#endif /* _IHANOI_UTF8_H_INCLUDED_ */
