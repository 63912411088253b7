/*
 * Copyright (C) iHaNoi contributors
 *
 * Holds what people write by hand against a schema, and says what is wrong in
 * a way that helps: the nearest name, the values allowed, the form meant.
 */

#ifndef _IHANOI_HINT_H_INCLUDED_
#define _IHANOI_HINT_H_INCLUDED_


#include "ihanoi_schema.h"


/*
 * IHANOI_OK, IHANOI_INVALID with pointer and reason of err filled (err->file
 * is the caller's), or IHANOI_NOMEM.  Of several faults it tells a member that
 * is not known before one that is missing: they are often the same mistake.
 */
int ihanoi_hint_validate(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_contract_error_t *err);

/*
 * The property of a schema whose name is nearest to one that it does not have;
 * NULL when none is near.
 */
const char *ihanoi_hint_nearest(const ihanoi_schema_t *schema,
    const char *name);


#endif /* _IHANOI_HINT_H_INCLUDED_ */
