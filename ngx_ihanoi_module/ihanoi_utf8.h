/*
 * Copyright (C) iHaNoi contributors
 *
 * UTF-8 (RFC 3629): no character in more bytes than it needs, no surrogates,
 * nothing beyond U+10FFFF.
 */

#ifndef _IHANOI_UTF8_H_INCLUDED_
#define _IHANOI_UTF8_H_INCLUDED_


#include <stddef.h>


/*
 * The first byte from p on that does not stand in a string of JSON as it is: a
 * quote, a backslash, a control character, what is no UTF-8; or end.
 */
const char *ihanoi_utf8_plain(const char *p, const char *end);

/* The same of what is known to be UTF-8. */
const char *ihanoi_utf8_unescaped(const char *p, const char *end);

/* Length of a UTF-8 character at p (1 .. 4), 0 when it is not one. */
size_t ihanoi_utf8_length(const char *p, const char *end);

/* Number of characters, or (size_t) -1 when the bytes are not UTF-8. */
size_t ihanoi_utf8_count(const char *p, size_t len);


#endif /* _IHANOI_UTF8_H_INCLUDED_ */
