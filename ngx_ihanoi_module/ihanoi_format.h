/*
 * Copyright (C) iHaNoi contributors
 *
 * The values of "format" that are asserted: a fixed list.
 */

#ifndef _IHANOI_FORMAT_H_INCLUDED_
#define _IHANOI_FORMAT_H_INCLUDED_


#include <stddef.h>


typedef struct {
    const char               *name;
    const char               *sql_type;   /* NULL: as the JSON type says */
    unsigned                  numeric:1;  /* for integer or number */
    unsigned                  integer:1;
    unsigned                  bounded:1;  /* limits the length by itself */

    /* 1 when the text is one; NULL for numeric formats */
    int                     (*check)(const char *p, size_t len);

    const char               *hint;       /* for who has sent another text */
} ihanoi_format_t;


/* NULL when the name is not in the list. */
const ihanoi_format_t *ihanoi_format_find(const char *name);


#endif /* _IHANOI_FORMAT_H_INCLUDED_ */
