/*
 * Copyright (C) iHaNoi contributors
 *
 * Strict base64url (RFC 4648 5, as RFC 7515 2 uses it): no padding, no other
 * alphabet, no spaces, unused bits zero: every value has one spelling only.
 */

#ifndef _IHANOI_BASE64_H_INCLUDED_
#define _IHANOI_BASE64_H_INCLUDED_


#include <stddef.h>
#include <sys/types.h>


/* Room that decoding and encoding len bytes needs. */
#define ihanoi_base64url_decoded(len)   ((len) / 4 * 3 + 2)
#define ihanoi_base64url_encoded(len)   (((len) * 4 + 2) / 3)


/* Returns the number of bytes written, or -1 when src is not canonical. */
ssize_t ihanoi_base64url_decode(unsigned char *dst, const char *src,
    size_t len);

/* Returns the number of characters written, without a NUL. */
size_t ihanoi_base64url_encode(char *dst, const unsigned char *src,
    size_t len);


#endif /* _IHANOI_BASE64_H_INCLUDED_ */
