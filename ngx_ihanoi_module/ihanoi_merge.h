/*
 * Copyright (C) iHaNoi contributors
 *
 * All documents of a contract as one: what /openapi.json serves.
 */

#ifndef _IHANOI_MERGE_H_INCLUDED_
#define _IHANOI_MERGE_H_INCLUDED_


#include <jansson.h>

#include "ihanoi_document.h"
#include "ihanoi_types.h"


/*
 * Paths of the documents that the caller listed, and the components of all,
 * named "<document>.<name>".  Info and servers are the first document's.  The
 * caller owns *merged.  A result as of all that take documents.
 */
int ihanoi_merge(ihanoi_documents_t *documents, json_t **merged);

/*
 * The problem documents that each of its operations is refused with, where the
 * operation itself says nothing of the status.  IHANOI_OK or IHANOI_NOMEM.
 */
int ihanoi_merge_problems(json_t *merged,
    ihanoi_operation_t *const *operations, unsigned n);


#endif /* _IHANOI_MERGE_H_INCLUDED_ */
