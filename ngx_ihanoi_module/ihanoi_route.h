/*
 * Copyright (C) iHaNoi contributors
 *
 * Paths of a contract as a tree of segments.
 */

#ifndef _IHANOI_ROUTE_H_INCLUDED_
#define _IHANOI_ROUTE_H_INCLUDED_


#include <stddef.h>

#include "ihanoi_document.h"
#include "ihanoi_types.h"


#define IHANOI_ROUTE_SEGMENTS  16


typedef struct ihanoi_route_s  ihanoi_route_t;


/* What a template says: "/v1/units/{id}.{format}". */
typedef struct {
    ihanoi_str_t              segments[IHANOI_ROUTE_SEGMENTS];
    unsigned char             variable[IHANOI_ROUTE_SEGMENTS];
    unsigned                  n;
    ihanoi_str_t              names[IHANOI_MAX_PATH_ARGS];
    unsigned                  nnames;
    unsigned                  format:1;   /* ends with "{name}.{format}" */
} ihanoi_template_t;


/* NULL when memory failed. */
ihanoi_route_t *ihanoi_route_create(ihanoi_arena_t *arena);

/*
 * Reads a template; the names point into text, which must live on.  A result
 * as of all functions that take documents; place is for the error.
 */
int ihanoi_template_parse(ihanoi_documents_t *documents,
    const ihanoi_place_t *place, const char *text,
    ihanoi_template_t *template);

/* Adds an operation; one for the same path and method is a fault. */
int ihanoi_route_add(ihanoi_documents_t *documents,
    const ihanoi_place_t *place, ihanoi_route_t *root,
    const ihanoi_template_t *template, const ihanoi_operation_t *op);

/* ihanoi_contract_match() */
int ihanoi_route_match(const ihanoi_route_t *root, const char *path,
    size_t len, ihanoi_match_t *match);


#endif /* _IHANOI_ROUTE_H_INCLUDED_ */
