/*
 * Copyright (C) iHaNoi contributors
 *
 * Entity tags of If-Match (RFC 9110, 13.1.1), as SQL gets them.
 */

#ifndef _IHANOI_ETAGS_H_INCLUDED_
#define _IHANOI_ETAGS_H_INCLUDED_


#include <stddef.h>


/* A backslash becomes two, and commas come in for the ones there were. */
#define IHANOI_ETAGS_SIZE(len)  (2 * (len) + 8)

/*
 * Writes "*" or entity tags as a JSON array of strings, with a NUL, to
 * IHANOI_ETAGS_SIZE(len) bytes.  Without quotes and "W/", as the gzip filter
 * has made weak tags of ours.  A tag that is a quoted * is not the wildcard
 * (8.8.3): it keeps its quotes, and is none of ours.
 *
 * IHANOI_OK, or IHANOI_INVALID: it is neither, or more than anybody sends.
 */
int ihanoi_etags_json(char *to, const char *data, size_t len);


#endif /* _IHANOI_ETAGS_H_INCLUDED_ */
