/*
 * Copyright (C) iHaNoi contributors
 *
 * Equality of JSON values as JSON Schema has it, and hashes that agree with it.
 */

#ifndef _IHANOI_EQUAL_H_INCLUDED_
#define _IHANOI_EQUAL_H_INCLUDED_


#include <stddef.h>
#include <jansson.h>


/*
 * 1 and 1.0 are equal, the order of members does not matter.  Takes steps off
 * *steps.  1, 0, or IHANOI_BUDGET.
 */
int ihanoi_json_equal(const json_t *a, const json_t *b, size_t *steps);

/* Equal values have equal hashes.  IHANOI_OK or IHANOI_BUDGET. */
int ihanoi_json_hash(const json_t *value, size_t *steps,
    unsigned long long *hash);


#endif /* _IHANOI_EQUAL_H_INCLUDED_ */
