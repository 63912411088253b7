/*
 * Copyright (C) iHaNoi contributors
 *
 * Percent-encoding (RFC 3986, 2.1).
 */

#ifndef _IHANOI_TEXT_H_INCLUDED_
#define _IHANOI_TEXT_H_INCLUDED_


#include <stddef.h>


/*
 * Takes one character off *p, which is before end.  Returns the byte, or -1
 * for an escape that is none.  With plus, "+" is a space, as in a query.
 */
int ihanoi_percent_next(const char **p, const char *end, int plus);

/*
 * Decodes into out, which has room for len bytes and one more for the NUL put
 * behind.  Returns the length, or (size_t) -1 when there is an escape that is
 * none, a NUL, or the result is not UTF-8.
 */
size_t ihanoi_percent_decode(char *out, const char *in, size_t len, int plus);


#endif /* _IHANOI_TEXT_H_INCLUDED_ */
