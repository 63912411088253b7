/*
 * Copyright (C) iHaNoi contributors
 *
 * Between the two files that hold values against schemas.
 */

#ifndef _IHANOI_VALIDATE_H_INCLUDED_
#define _IHANOI_VALIDATE_H_INCLUDED_


#include "ihanoi_json.h"
#include "ihanoi_schema.h"


/*
 * Takes the outcome of one part into rc and leaves when there is nothing more
 * to learn: the check could not be finished, or nobody asks for a list.
 */
#define ihanoi_try_or_return(rc, part, check)                                 \
    do {                                                                      \
        int  part_ = (part);                                                  \
                                                                              \
        if (part_ != IHANOI_OK) {                                             \
            if (part_ < 0 || (check)->report == NULL) {                       \
                return part_;                                                 \
            }                                                                 \
                                                                              \
            rc = part_;                                                       \
        }                                                                     \
    } while (0)


/* One visit of one value.  Results of all: IHANOI_OK, IHANOI_INVALID ... */
int ihanoi_validate(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_check_t *check);

/* ihanoi_validate_inside.c: what is said of items and members. */
int ihanoi_validate_array(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);
int ihanoi_validate_object(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);

/* Without reports: only the result counts. */
int ihanoi_validate_silent(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);

/* Reports a fault, when somebody listens, and returns IHANOI_INVALID. */
int ihanoi_validate_fault(ihanoi_check_t *check, const char *keyword,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));


#endif /* _IHANOI_VALIDATE_H_INCLUDED_ */
