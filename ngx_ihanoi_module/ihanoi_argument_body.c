/*
 * Copyright (C) iHaNoi contributors
 *
 * The body of an operation as arguments: each member one, or all of it one.
 */

#include <string.h>

#include "ihanoi_json.h"
#include "ihanoi_operation.h"


/* a body is made of some schemas, by way of "$ref" and "allOf" */
#define IHANOI_ARGUMENT_VISITS  1000


static int ihanoi_argument_members(ihanoi_compiler_t *compiler,
    const ihanoi_schema_t *schema, int required);
static int ihanoi_argument_member(ihanoi_compiler_t *compiler,
    const char *name, const ihanoi_schema_t *schema);


int
ihanoi_argument_body(ihanoi_compiler_t *compiler)
{
    int                     rc;
    json_t                 *required;
    ihanoi_place_t          place, content;
    ihanoi_argument_t      *argument;
    ihanoi_operation_t     *op;
    const ihanoi_schema_t  *schemas[IHANOI_MEDIA];
    static const char      *known[] = {
        "description", "required", "content", NULL
    };

    op = &compiler->compiled->op;

    rc = ihanoi_place_member(compiler->documents, &compiler->place,
                             "requestBody", &place);
    if (rc != IHANOI_OK || place.value == NULL) {
        return rc;
    }

    if (op->method == IHANOI_GET || op->method == IHANOI_DELETE) {
        return ihanoi_document_refuse(compiler->documents, &place,
                                      "GET and DELETE have no body");
    }

    rc = ihanoi_document_follow(compiler->documents, &place, "requestBodies");

    if (rc == IHANOI_OK) {
        rc = ihanoi_place_members_known(compiler->documents, &place, known,
                                        "requestBody");
    }

    if (rc == IHANOI_OK) {
        rc = ihanoi_place_member(compiler->documents, &place, "content",
                                 &content);
    }

    if (rc != IHANOI_OK) {
        return rc;
    }

    required = json_object_get(place.value, "required");
    op->body_required = json_is_true(required);

    op->consumes = ihanoi_arena_alloc(compiler->documents->arena,
                                      IHANOI_MEDIA * sizeof(ihanoi_media_t));
    if (op->consumes == NULL) {
        return ihanoi_document_no_memory(compiler->documents);
    }

    rc = ihanoi_media_compile(compiler, &content, 1, op->consumes,
                              &op->nconsumes, schemas);
    if (rc != IHANOI_OK) {
        return rc;
    }

    op->body = schemas[0];

    rc = ihanoi_schema_check_request(compiler->schemas, op->body,
                                     !op->body_whole);
    if (rc != IHANOI_OK) {
        return rc;
    }

    if (!op->body_whole) {
        rc = ihanoi_argument_members(compiler, op->body, op->body_required);

        /* again, for what was "required" before it was known */

        if (rc == IHANOI_OK) {
            rc = ihanoi_argument_members(compiler, op->body,
                                         op->body_required);
        }

        return rc;
    }

    argument = ihanoi_argument_add(compiler, &place, "body", IHANOI_IN_BODY);
    if (argument == NULL) {
        return IHANOI_INVALID;
    }

    argument->schema = op->body;
    argument->required = op->body_required;

    rc = ihanoi_operation_text(compiler, &argument->sql_type, "jsonb");

    if (rc == IHANOI_OK) {
        rc = ihanoi_argument_default(compiler, argument);
    }

    return rc;
}


/*
 * Properties in the schema itself, behind "$ref" and in "allOf" become
 * arguments.  Members that could come in another way would be lost silently.
 */

static int
ihanoi_argument_members(ihanoi_compiler_t *compiler,
    const ihanoi_schema_t *schema, int required)
{
    int                     rc;
    void                   *iter;
    size_t                  i;
    unsigned                k;
    const char             *name;
    const ihanoi_schema_t  *typed;

    if (compiler->visits++ == IHANOI_ARGUMENT_VISITS) {
        return ihanoi_document_refuse(compiler->documents, &schema->place,
                                      "a body is made of too many schemas");
    }

    if (schema == compiler->compiled->op.body) {
        typed = ihanoi_schema_typed(schema);

        if (typed == NULL || typed->types != IHANOI_TYPE_OBJECT) {
            return ihanoi_document_refuse(compiler->documents, &schema->place,
                                          "a body is of type object, or "
                                          "\"x-ihanoi-body\" is \"whole\"");
        }
    }

    if (schema->npatterns || (schema->additional && !schema->additional->never))
    {
        return ihanoi_document_refuse(compiler->documents, &schema->place,
                                      "only \"properties\" become arguments; "
                                      "for other members \"x-ihanoi-body\" "
                                      "must be \"whole\"");
    }

    if (schema->ref) {
        rc = ihanoi_argument_members(compiler, schema->ref, required);
        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    for (k = 0; k < schema->all_of.n; k++) {
        rc = ihanoi_argument_members(compiler, schema->all_of.schemas[k],
                                     required);
        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    if (json_is_object(schema->place.value)) {

        /* in the document's order, which our sorted list has lost */

        for (iter = json_object_iter(json_object_get(schema->place.value,
                                                     "properties"));
             iter;
             iter = json_object_iter_next(json_object_get(schema->place.value,
                                                          "properties"), iter))
        {
            name = json_object_iter_key(iter);

            for (k = 0; k < schema->nproperties; k++) {
                if (strcmp(schema->properties[k].name, name) == 0) {
                    break;
                }
            }

            rc = ihanoi_argument_member(compiler, name,
                                        schema->properties[k].schema);
            if (rc != IHANOI_OK) {
                return rc;
            }
        }
    }

    for (i = 0; required && i < json_array_size(schema->required); i++) {

        name = json_string_value(json_array_get(schema->required, i));

        for (k = 0; k < compiler->narguments; k++) {
            if (compiler->arguments[k].in == IHANOI_IN_BODY
                && strcmp(compiler->arguments[k].name.data, name) == 0)
            {
                compiler->arguments[k].required = 1;
                compiler->arguments[k].default_text.data = NULL;
                compiler->arguments[k].default_text.len = 0;
            }
        }
    }

    return IHANOI_OK;
}


static int
ihanoi_argument_member(ihanoi_compiler_t *compiler, const char *name,
    const ihanoi_schema_t *schema)
{
    int                 rc;
    unsigned            i;
    const char         *type;
    ihanoi_argument_t  *argument;

    type = ihanoi_schema_sql_type(schema);

    for (i = 0; i < compiler->narguments; i++) {

        argument = &compiler->arguments[i];

        if (argument->in == IHANOI_IN_BODY
            && strcmp(argument->name.data, name) == 0)
        {
            /* said again, to narrow it down */

            if (strcmp(argument->sql_type.data, type) == 0) {
                return IHANOI_OK;
            }

            return ihanoi_document_refuse(compiler->documents, &schema->place,
                                          "\"%.60s\" is of another type "
                                          "elsewhere in this body", name);
        }
    }

    argument = ihanoi_argument_add(compiler, &schema->place, name,
                                   IHANOI_IN_BODY);
    if (argument == NULL) {
        return IHANOI_INVALID;
    }

    argument->schema = schema;

    rc = ihanoi_operation_text(compiler, &argument->sql_type, type);

    if (rc == IHANOI_OK) {
        rc = ihanoi_argument_default(compiler, argument);
    }

    return rc;
}
