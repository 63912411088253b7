/*
 * Copyright (C) iHaNoi contributors
 *
 * jansson's reader, where memory may fail.
 *
 * It does not look whether a character of a string was kept.  So while it reads it
 * gets what it asks for, at need out of a reserve, and what it has read then is not
 * used.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ihanoi_jansson.h"


/* For the longest string that a body may have, which is copied as it grows. */
#define IHANOI_JANSSON_RESERVE  (1024 * 1024)
#define IHANOI_JANSSON_ALIGN    16


static void *ihanoi_jansson_malloc(size_t size);
static void ihanoi_jansson_free(void *p);


/* Never touched, and so no memory of the machine's, until it is needed. */
static struct {
    _Alignas(IHANOI_JANSSON_ALIGN) unsigned char  reserve[
                                                   IHANOI_JANSSON_RESERVE];
    size_t         used;
    json_malloc_t  malloc;
    json_free_t    free;
    int            failed;
} ihanoi_jansson;


json_t *
ihanoi_jansson_read(const char *data, size_t len, size_t flags,
    json_error_t *error)
{
    json_t  *json;

    ihanoi_jansson.used = 0;
    ihanoi_jansson.failed = 0;

    json_get_alloc_funcs(&ihanoi_jansson.malloc, &ihanoi_jansson.free);
    json_set_alloc_funcs(ihanoi_jansson_malloc, ihanoi_jansson_free);

    json = json_loadb(data, len, flags, error);

    if (ihanoi_jansson.failed) {
        json_decref(json);
        json = NULL;
    }

    json_set_alloc_funcs(ihanoi_jansson.malloc, ihanoi_jansson.free);

    if (!ihanoi_jansson.failed) {
        errno = 0;
        return json;
    }

    if (error) {
        memset(error, 0, sizeof(json_error_t));
        error->text[JSON_ERROR_TEXT_LENGTH - 1] = json_error_out_of_memory;
    }

    errno = ENOMEM;

    return NULL;
}


static void *
ihanoi_jansson_malloc(size_t size)
{
    void  *p;

    p = ihanoi_jansson.malloc(size);
    if (p) {
        return p;
    }

    ihanoi_jansson.failed = 1;

    size = (size + IHANOI_JANSSON_ALIGN - 1) & ~(IHANOI_JANSSON_ALIGN - 1UL);

    if (size > IHANOI_JANSSON_RESERVE - ihanoi_jansson.used) {
        return NULL;
    }

    p = ihanoi_jansson.reserve + ihanoi_jansson.used;
    ihanoi_jansson.used += size;

    return p;
}


static void
ihanoi_jansson_free(void *p)
{
    unsigned char  *q;

    q = p;

    if (q < ihanoi_jansson.reserve
        || q >= ihanoi_jansson.reserve + IHANOI_JANSSON_RESERVE)
    {
        ihanoi_jansson.free(p);
    }
}
