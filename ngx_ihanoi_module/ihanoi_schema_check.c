/*
 * Copyright (C) iHaNoi contributors
 *
 * What a schema must keep as a whole: it ends for every value, its defaults
 * and examples are valid, and in a request nothing is without limit.
 */

#include <stdio.h>
#include <string.h>

#include "ihanoi_json.h"
#include "ihanoi_schema.h"


#define IHANOI_BOUND_STRING  1
#define IHANOI_BOUND_ARRAY   2

#define IHANOI_CHECK_STEPS   1000000


typedef struct {
    char                      pointer[128];
    char                      message[IHANOI_MAX_MESSAGE];
} ihanoi_schema_fault_t;


static const ihanoi_schema_t *ihanoi_schema_in_place(
    const ihanoi_schema_t *schema, unsigned i);
static const ihanoi_schema_t *ihanoi_schema_inside(
    const ihanoi_schema_t *schema, unsigned i);
static int ihanoi_schema_check_cycle(ihanoi_schemas_t *schemas,
    ihanoi_schema_t *schema, unsigned level);
static int ihanoi_schema_check_notes(ihanoi_schemas_t *schemas,
    const ihanoi_schema_t *schema);
static int ihanoi_schema_check_examples(ihanoi_schemas_t *schemas,
    const ihanoi_schema_t *schema, const ihanoi_place_t *owner);
static int ihanoi_schema_check_note(ihanoi_schemas_t *schemas,
    const ihanoi_schema_t *schema, const ihanoi_place_t *place,
    const json_t *value, const char *what);
static void ihanoi_schema_note_fault(void *ctx, const char *pointer,
    const char *keyword, const char *message);
static int ihanoi_schema_walk_request(ihanoi_schemas_t *schemas,
    const ihanoi_schema_t *schema, int level, unsigned bounds);
static unsigned ihanoi_schema_bounds(const ihanoi_schema_t *schema);


const ihanoi_schema_t *
ihanoi_schema_compile(ihanoi_schemas_t *schemas, const ihanoi_place_t *place)
{
    ihanoi_schema_t  *root, *schema;

    root = ihanoi_schema_node(schemas, place);
    if (root == NULL) {
        return NULL;
    }

    /* all that came in with it, also what only "$ref" reaches */

    for (schema = schemas->fresh; schema; schema = schema->later) {

        if (ihanoi_schema_check_cycle(schemas, schema, 0) != IHANOI_OK) {
            return NULL;
        }
    }

    for (schema = schemas->fresh; schema; schema = schema->later) {

        schemas->checked++;

        if (ihanoi_schema_check_notes(schemas, schema) != IHANOI_OK) {
            return NULL;
        }
    }

    schemas->fresh = NULL;

    return root;
}


/*
 * The sub-schemas of a schema, i from 0 until NULL: those for the same value
 * ("$ref" first, when there is one), and those for values inside it.
 */

static const ihanoi_schema_t *
ihanoi_schema_in_place(const ihanoi_schema_t *schema, unsigned i)
{
    unsigned                n;
    const ihanoi_schema_t  *single[5];

    n = 0;

    if (schema->ref) {
        single[n++] = schema->ref;
    }

    if (schema->not_) {
        single[n++] = schema->not_;
    }

    if (schema->if_) {
        single[n++] = schema->if_;
    }

    if (schema->then_) {
        single[n++] = schema->then_;
    }

    if (schema->else_) {
        single[n++] = schema->else_;
    }

    if (i < n) {
        return single[i];
    }

    i -= n;

    if (i < schema->all_of.n) {
        return schema->all_of.schemas[i];
    }

    i -= schema->all_of.n;

    if (i < schema->any_of.n) {
        return schema->any_of.schemas[i];
    }

    i -= schema->any_of.n;

    return i < schema->one_of.n ? schema->one_of.schemas[i] : NULL;
}


static const ihanoi_schema_t *
ihanoi_schema_inside(const ihanoi_schema_t *schema, unsigned i)
{
    unsigned                n;
    const ihanoi_schema_t  *single[4];

    n = 0;

    if (schema->items) {
        single[n++] = schema->items;
    }

    if (schema->contains) {
        single[n++] = schema->contains;
    }

    if (schema->additional) {
        single[n++] = schema->additional;
    }

    if (schema->names) {
        single[n++] = schema->names;
    }

    if (i < n) {
        return single[i];
    }

    i -= n;

    if (i < schema->prefix.n) {
        return schema->prefix.schemas[i];
    }

    i -= schema->prefix.n;

    if (i < schema->nproperties) {
        return schema->properties[i].schema;
    }

    i -= schema->nproperties;

    return i < schema->npatterns ? schema->patterns[i].schema : NULL;
}


/* Marks: 0 not seen, 1 on the way to here, 2 ends. */

static int
ihanoi_schema_check_cycle(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema,
    unsigned level)
{
    int                     rc;
    unsigned                i, height;
    const ihanoi_schema_t  *sub;

    if (schema->cycle == 2) {
        return IHANOI_OK;
    }

    if (schema->cycle == 1) {
        return ihanoi_document_refuse(schemas->documents, &schema->place,
                                      "the schema refers to itself for the "
                                      "same value");
    }

    schema->cycle = 1;
    height = 0;

    for (i = 0; (sub = ihanoi_schema_in_place(schema, i)) != NULL; i++) {

        if (level == IHANOI_SCHEMA_HEIGHT) {
            goto too_high;
        }

        rc = ihanoi_schema_check_cycle(schemas, (ihanoi_schema_t *) sub,
                                       level + 1);
        if (rc != IHANOI_OK) {
            return rc;
        }

        if (sub->height >= height) {
            height = sub->height + 1;
        }
    }

    if (height > IHANOI_SCHEMA_HEIGHT) {
        goto too_high;
    }

    schema->height = height;
    schema->bounds = ihanoi_schema_bounds(schema);
    schema->cycle = 2;

    return IHANOI_OK;

too_high:

    return ihanoi_document_refuse(schemas->documents, &schema->place,
                                  "more than %d schemas in one another for "
                                  "the same value", IHANOI_SCHEMA_HEIGHT);
}


static int
ihanoi_schema_check_notes(ihanoi_schemas_t *schemas,
    const ihanoi_schema_t *schema)
{
    int     rc;
    size_t  i, n;

    if (schema->initial) {
        rc = ihanoi_schema_check_note(schemas, schema, &schema->place,
                                      schema->initial, "default");
        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    n = json_array_size(schema->examples);

    for (i = 0; i < n; i++) {
        rc = ihanoi_schema_check_note(schemas, schema, &schema->place,
                                      json_array_get(schema->examples, i),
                                      "examples");
        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    return IHANOI_OK;
}


int
ihanoi_schema_of(ihanoi_schemas_t *schemas, const ihanoi_place_t *owner,
    const char *who, const ihanoi_schema_t **schema)
{
    int             rc;
    ihanoi_place_t  place;

    rc = ihanoi_place_member(schemas->documents, owner, "schema", &place);
    if (rc != IHANOI_OK) {
        return rc;
    }

    if (place.value == NULL) {
        return ihanoi_document_refuse(schemas->documents, owner,
                                      "%s needs a \"schema\"", who);
    }

    *schema = ihanoi_schema_compile(schemas, &place);
    if (*schema == NULL) {
        return IHANOI_INVALID;
    }

    return ihanoi_schema_check_examples(schemas, *schema, owner);
}


static int
ihanoi_schema_check_examples(ihanoi_schemas_t *schemas,
    const ihanoi_schema_t *schema, const ihanoi_place_t *owner)
{
    int             rc;
    void           *iter;
    const json_t   *example;
    ihanoi_place_t  examples, place;

    example = json_object_get(owner->value, "example");

    if (example) {
        rc = ihanoi_schema_check_note(schemas, schema, owner, example,
                                      "example");
        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    rc = ihanoi_place_member(schemas->documents, owner, "examples", &examples);
    if (rc != IHANOI_OK || examples.value == NULL) {
        return rc;
    }

    if (!json_is_object(examples.value)) {
        return ihanoi_document_refuse(schemas->documents, &examples,
                                      "must be an object of examples by name");
    }

    for (iter = json_object_iter(examples.value);
         iter;
         iter = json_object_iter_next(examples.value, iter))
    {
        rc = ihanoi_place_member(schemas->documents, &examples,
                                 json_object_iter_key(iter), &place);

        if (rc == IHANOI_OK) {
            rc = ihanoi_document_follow(schemas->documents, &place,
                                        "examples");
        }

        if (rc != IHANOI_OK) {
            return rc;
        }

        example = json_object_get(place.value, "value");

        if (example == NULL) {
            return ihanoi_document_refuse(schemas->documents, &place,
                                          "an example needs a \"value\"");
        }

        rc = ihanoi_schema_check_note(schemas, schema, &place, example,
                                      "value");
        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    return IHANOI_OK;
}


static int
ihanoi_schema_check_note(ihanoi_schemas_t *schemas,
    const ihanoi_schema_t *schema, const ihanoi_place_t *place,
    const json_t *value, const char *what)
{
    int                    rc;
    ihanoi_check_t         check;
    ihanoi_schema_fault_t  fault;

    memset(&check, 0, sizeof(ihanoi_check_t));
    memset(&fault, 0, sizeof(ihanoi_schema_fault_t));

    check.steps = IHANOI_CHECK_STEPS;
    check.report = ihanoi_schema_note_fault;
    check.ctx = &fault;

    rc = ihanoi_schema_validate(schema, value, &check);

    switch (rc) {

    case IHANOI_OK:
        return IHANOI_OK;

    case IHANOI_NOMEM:
        return ihanoi_document_no_memory(schemas->documents);

    case IHANOI_BUDGET:
        return ihanoi_document_refuse(schemas->documents, place,
                                      "\"%s\" is too costly to check", what);

    default:
        return ihanoi_document_refuse(schemas->documents, place,
                                      "\"%s\" does not keep the schema: "
                                      "%s %s", what,
                                      fault.pointer[0] ? fault.pointer : "it",
                                      fault.message);
    }
}


static void
ihanoi_schema_note_fault(void *ctx, const char *pointer, const char *keyword,
    const char *message)
{
    ihanoi_schema_fault_t  *fault = ctx;

    if (fault->message[0] == '\0') {
        (void) snprintf(fault->pointer, sizeof(fault->pointer), "%s", pointer);
        (void) snprintf(fault->message, sizeof(fault->message), "%s", message);
    }
}


int
ihanoi_schema_check_request(ihanoi_schemas_t *schemas,
    const ihanoi_schema_t *schema, int members)
{
    schemas->depth = 0;

    return ihanoi_schema_walk_request(schemas, schema, members, 0);
}


/*
 * level counts down to the level of arguments: 0 is where a default counts.
 * bounds has the limits that another schema for the same value sets.
 */

static int
ihanoi_schema_walk_request(ihanoi_schemas_t *schemas,
    const ihanoi_schema_t *schema, int level, unsigned bounds)
{
    int                     rc, ref, sublevel;
    unsigned                i, mark;
    const char             *fault;
    const ihanoi_schema_t  *sub;

    mark = 1u << ((unsigned) (level + 1) * 4 + bounds);

    if (schema->request & mark) {
        return IHANOI_OK;
    }

    /* the mark is ours, the schema is still being loaded */

    ((ihanoi_schema_t *) schema)->request |= mark & 0xfff;

    bounds |= schema->bounds;
    fault = NULL;

    if (schema->initial && level != 0) {
        fault = "\"default\" is applied to arguments only";

    } else if ((schema->types & IHANOI_TYPE_STRING)
               && !(bounds & IHANOI_BOUND_STRING))
    {
        fault = "a string of a request needs \"maxLength\"";

    } else if (((schema->types & IHANOI_TYPE_ARRAY)
                || (schema->types == 0
                    && (schema->items || schema->prefix.n || schema->contains
                        || schema->unique)))
               && !(bounds & IHANOI_BOUND_ARRAY))
    {
        fault = "an array of a request needs \"maxItems\"";

    } else if (schemas->depth == IHANOI_SCHEMA_DEPTH) {
        fault = "schemas lead on too far";
    }

    if (fault) {
        return ihanoi_document_refuse(schemas->documents, &schema->place, "%s",
                                      fault);
    }

    schemas->depth++;

    for (i = 0; (sub = ihanoi_schema_in_place(schema, i)) != NULL; i++) {

        ref = (i == 0 && schema->ref);

        /* these accept nothing, so they need no limits */

        if (!ref && (sub == schema->not_ || sub == schema->if_)) {
            continue;
        }

        /* a default is looked for along "$ref" only */

        sublevel = (level == 0 && !ref) ? -1 : level;

        rc = ihanoi_schema_walk_request(schemas, sub, sublevel, bounds);
        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    for (i = 0; (sub = ihanoi_schema_inside(schema, i)) != NULL; i++) {

        /* names of members are no values, and "contains" only looks */

        if (sub == schema->names || sub == schema->contains) {
            continue;
        }

        rc = ihanoi_schema_walk_request(schemas, sub,
                                        level == 1 ? 0 : -1, 0);
        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    schemas->depth--;

    return IHANOI_OK;
}


/* Those of the same value are known by now. */

static unsigned
ihanoi_schema_bounds(const ihanoi_schema_t *schema)
{
    unsigned  i, bounds;

    bounds = 0;

    if (schema->values || schema->constant || schema->never) {
        return IHANOI_BOUND_STRING|IHANOI_BOUND_ARRAY;
    }

    if (schema->max_length != SIZE_MAX
        || (schema->format && schema->format->bounded))
    {
        bounds |= IHANOI_BOUND_STRING;
    }

    if (schema->max_items != SIZE_MAX) {
        bounds |= IHANOI_BOUND_ARRAY;
    }

    if (schema->prefix.n && schema->items && schema->items->never) {
        bounds |= IHANOI_BOUND_ARRAY;
    }

    if (schema->ref) {
        bounds |= schema->ref->bounds;
    }

    for (i = 0; i < schema->all_of.n; i++) {
        bounds |= schema->all_of.schemas[i]->bounds;
    }

    return bounds;
}


const ihanoi_schema_t *
ihanoi_schema_typed(const ihanoi_schema_t *schema)
{
    while (schema && schema->types == 0) {
        schema = schema->ref;
    }

    return schema;
}


const json_t *
ihanoi_schema_default(const ihanoi_schema_t *schema)
{
    while (schema && schema->initial == NULL) {
        schema = schema->ref;
    }

    return schema ? schema->initial : NULL;
}


const char *
ihanoi_schema_sql_type(const ihanoi_schema_t *schema)
{
    const ihanoi_schema_t  *typed;

    typed = ihanoi_schema_typed(schema);
    if (typed == NULL) {
        return "jsonb";
    }

    switch (typed->types & ~(unsigned) IHANOI_TYPE_NULL) {

    case IHANOI_TYPE_BOOLEAN:
        return "boolean";

    case IHANOI_TYPE_INTEGER:
        return typed->format ? typed->format->sql_type : "int8";

    case IHANOI_TYPE_NUMBER:
        return typed->format ? typed->format->sql_type : "float8";

    case IHANOI_TYPE_STRING:
        return typed->format && typed->format->sql_type
               ? typed->format->sql_type : "text";

    default:
        return "jsonb";
    }
}
