/*
 * Copyright (C) iHaNoi contributors
 *
 * JSON Schema 2020-12: the keywords that contracts use, in full.
 *
 * ihanoi_schema.c compiles keyword by keyword, ihanoi_schema_check.c looks at
 * the whole, ihanoi_validate.c holds values against the result.
 * Inside the library only: others see ihanoi_schema_t as an opaque type.
 */

#ifndef _IHANOI_SCHEMA_H_INCLUDED_
#define _IHANOI_SCHEMA_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "ihanoi_document.h"
#include "ihanoi_format.h"
#include "ihanoi_number.h"
#include "ihanoi_pattern.h"
#include "ihanoi_types.h"


#define IHANOI_TYPE_NULL        0x01
#define IHANOI_TYPE_BOOLEAN     0x02
#define IHANOI_TYPE_INTEGER     0x04
#define IHANOI_TYPE_NUMBER      0x08
#define IHANOI_TYPE_STRING      0x10
#define IHANOI_TYPE_ARRAY       0x20
#define IHANOI_TYPE_OBJECT      0x40

/* "$ref", "allOf" ... within one another, none going into the value */
#define IHANOI_SCHEMA_HEIGHT    32
#define IHANOI_SCHEMA_NODES     50000
#define IHANOI_SCHEMA_DEPTH     500   /* our own recursion at load */
#define IHANOI_SCHEMA_HASH      1024


typedef struct {
    const ihanoi_schema_t   **schemas;
    unsigned                  n;
} ihanoi_schema_list_t;


typedef struct {
    const char               *name;
    const ihanoi_schema_t    *schema;
} ihanoi_property_t;


typedef struct {
    ihanoi_pattern_t         *pattern;
    const ihanoi_schema_t    *schema;
} ihanoi_pattern_property_t;


/* Absent keywords are NULL, 0, or SIZE_MAX for upper limits. */
struct ihanoi_schema_s {
    ihanoi_schema_t          *next;       /* in its bucket */
    ihanoi_schema_t          *later;      /* of those to be checked */
    ihanoi_place_t            place;

    unsigned                  types;      /* of IHANOI_TYPE_*; 0: any */
    unsigned                  never:1;    /* the schema "false" */
    unsigned                  always:1;   /* no assertion in it */
    unsigned                  unique:1;
    unsigned                  has_multiple:1;
    unsigned                  cycle:2;    /* mark of the walk for cycles */
    unsigned                  request:12; /* marks of the request's walk */
    unsigned                  height;
    unsigned                  bounds;     /* what has an upper limit here */

    json_t                   *values;     /* enum */
    json_t                   *constant;
    json_t                   *initial;    /* default */
    json_t                   *examples;

    json_t                   *minimum;
    json_t                   *maximum;
    json_t                   *exclusive_minimum;
    json_t                   *exclusive_maximum;
    ihanoi_decimal_t          multiple;

    size_t                    min_length;
    size_t                    max_length;
    ihanoi_pattern_t         *pattern;
    const char               *form;       /* the pattern's text */
    const ihanoi_format_t    *format;

    const ihanoi_schema_t    *items;
    ihanoi_schema_list_t      prefix;
    const ihanoi_schema_t    *contains;
    size_t                    min_items;
    size_t                    max_items;

    ihanoi_property_t        *properties; /* sorted by name */
    unsigned                  nproperties;
    ihanoi_pattern_property_t  *patterns;
    unsigned                  npatterns;
    const ihanoi_schema_t    *additional;
    const ihanoi_schema_t    *names;      /* propertyNames */
    json_t                   *required;
    json_t                   *dependent;  /* dependentRequired */
    size_t                    min_properties;
    size_t                    max_properties;

    const ihanoi_schema_t    *ref;
    ihanoi_schema_list_t      all_of;
    ihanoi_schema_list_t      any_of;
    ihanoi_schema_list_t      one_of;
    const ihanoi_schema_t    *not_;
    const ihanoi_schema_t    *if_;
    const ihanoi_schema_t    *then_;
    const ihanoi_schema_t    *else_;
};


/* All schemas of a contract, found by their place. */
typedef struct {
    ihanoi_documents_t       *documents;
    ihanoi_schema_t          *buckets[IHANOI_SCHEMA_HASH];
    ihanoi_schema_t          *fresh;      /* not checked yet */
    unsigned                  checked;    /* how often one was, for tests */
    unsigned                  n;
    unsigned                  depth;
} ihanoi_schemas_t;


/* The table of keywords in ihanoi_schema.c: one node and all below it. */
ihanoi_schema_t *ihanoi_schema_node(ihanoi_schemas_t *schemas,
    const ihanoi_place_t *place);


/*
 * Compiles the schema at a place and all it refers to, checks for cycles that
 * consume nothing, and holds "default" and "examples" against it.  NULL with
 * the documents' err filled.  The schema lives in the documents' arena.
 */
const ihanoi_schema_t *ihanoi_schema_compile(ihanoi_schemas_t *schemas,
    const ihanoi_place_t *place);

/*
 * What only a schema of a request must keep: strings and arrays have an upper
 * limit, and "default" stands where it is applied: on what becomes an argument
 * of the function, which is the schema itself (members: 0) or its properties
 * (members: 1).
 */
int ihanoi_schema_check_request(ihanoi_schemas_t *schemas,
    const ihanoi_schema_t *schema, int members);

/*
 * The "schema" of a parameter, a header or a media type (who: "a parameter"), which
 * must have one, compiled.  "example" and "examples" (Example Objects by name) must
 * keep it: readers copy them.
 */
int ihanoi_schema_of(ihanoi_schemas_t *schemas, const ihanoi_place_t *owner,
    const char *who, const ihanoi_schema_t **schema);

/* The nearest schema that says "type" along "$ref", or NULL. */
const ihanoi_schema_t *ihanoi_schema_typed(const ihanoi_schema_t *schema);

/* The nearest schema that says "default" along "$ref", or NULL. */
const json_t *ihanoi_schema_default(const ihanoi_schema_t *schema);

/* The cast of docs/contracts.md, Bodies: "text", "int8", ... "jsonb". */
const char *ihanoi_schema_sql_type(const ihanoi_schema_t *schema);


/* ihanoi_validate.c */

/*
 * One check of one value.  With report it goes on after a fault and calls it
 * for each; without, it stops at the first.
 */
typedef struct {
    size_t                    steps;      /* what is left of the budget */
    const json_t             *value;      /* the whole one */
    unsigned                  member;     /* of it, by number: is looked at */
    uint64_t                  large;      /* members, by number modulo 64, where
                                             a real was an integer beyond 2^53 */
    void                    (*report)(void *ctx, const char *pointer,
                                      const char *keyword,
                                      const char *message);
    void                     *ctx;
    char                      pointer[256];
    size_t                    pointer_len;
} ihanoi_check_t;

/*
 * IHANOI_OK, IHANOI_INVALID, IHANOI_BUDGET or IHANOI_NOMEM.  pointer is set by
 * the caller: "" for a whole body.
 */
int ihanoi_schema_validate(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_check_t *check);

/*
 * Goes one level down in the pointer (RFC 6901) of a check that reports, and
 * returns the length to come back to.  A name that does not fit is left out,
 * so that no character is ever cut.
 */
size_t ihanoi_check_enter(ihanoi_check_t *check, const char *name);
void ihanoi_check_leave(ihanoi_check_t *check, size_t len);


#endif /* _IHANOI_SCHEMA_H_INCLUDED_ */
