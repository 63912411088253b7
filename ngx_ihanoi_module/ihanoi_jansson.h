/*
 * Copyright (C) iHaNoi contributors
 *
 * jansson's reader, where memory may fail.
 */

#ifndef _IHANOI_JANSSON_H_INCLUDED_
#define _IHANOI_JANSSON_H_INCLUDED_


#include <stddef.h>
#include <jansson.h>


/*
 * As json_loadb(), whose strings lack a character, or their end, when there was no
 * memory for it: the caller has a reference to what is whole.  NULL with errno
 * ENOMEM, and that code in *error, when memory failed; errno is 0 otherwise.
 */
json_t *ihanoi_jansson_read(const char *data, size_t len, size_t flags,
    json_error_t *error);


#endif /* _IHANOI_JANSSON_H_INCLUDED_ */
