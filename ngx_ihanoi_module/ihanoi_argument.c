/*
 * Copyright (C) iHaNoi contributors
 *
 * Parameters of an operation: what its SQL function is called with.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ihanoi_json.h"
#include "ihanoi_operation.h"


static int ihanoi_argument_list(ihanoi_compiler_t *compiler,
    const ihanoi_place_t *owner, ihanoi_in_e in, const json_t *overriding);
static int ihanoi_argument_parameter(ihanoi_compiler_t *compiler,
    ihanoi_place_t *place, const char *name, ihanoi_in_e in);
static int ihanoi_argument_style(ihanoi_compiler_t *compiler,
    const ihanoi_place_t *place, ihanoi_argument_t *argument);
static int ihanoi_argument_scalar(const ihanoi_schema_t *schema);
static int ihanoi_argument_header(ihanoi_compiler_t *compiler,
    const ihanoi_place_t *place, ihanoi_argument_t *argument);
static int ihanoi_argument_in(const char *text, ihanoi_in_e *in);
static int ihanoi_argument_stands_in(ihanoi_compiler_t *compiler,
    const json_t *list, const char *name, const char *in);
static char *ihanoi_argument_snake(ihanoi_compiler_t *compiler,
    const char *name);


static const char *const  ihanoi_parameter_members[] = {
    "name", "in", "description", "required", "deprecated", "style", "explode",
    "schema", "example", "examples", NULL
};

/* the engine's own, or HTTP's */

static const char *const  ihanoi_argument_engine_headers[] = {
    "Accept", "Accept-Encoding", "Accept-Language", "Authorization",
    "Connection", "Content-Encoding", "Content-Length", "Content-Type",
    "Cookie", "Host", "Idempotency-Key", "If-None-Match", "Origin",
    "Transfer-Encoding", NULL
};


int
ihanoi_arguments_compile(ihanoi_compiler_t *compiler)
{
    int                  rc;
    unsigned             i, k, npath;
    const json_t        *own;
    ihanoi_in_e          in;
    ihanoi_operation_t  *op;

    op = &compiler->compiled->op;
    own = json_object_get(compiler->place.value, "parameters");

    for (in = IHANOI_IN_PATH; in <= IHANOI_IN_HEADER; in++) {

        rc = ihanoi_argument_list(compiler, &compiler->path, in, own);

        if (rc == IHANOI_OK) {
            rc = ihanoi_argument_list(compiler, &compiler->place, in, NULL);
        }

        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    for (i = 0; i < compiler->template.nnames; i++) {

        npath = 0;

        for (k = 0; k < compiler->narguments; k++) {
            if (compiler->arguments[k].in == IHANOI_IN_PATH
                && compiler->arguments[k].name.len
                   == compiler->template.names[i].len
                && memcmp(compiler->arguments[k].name.data,
                          compiler->template.names[i].data,
                          compiler->template.names[i].len) == 0)
            {
                npath++;
            }
        }

        if (npath != 1) {
            return ihanoi_document_refuse(compiler->documents,
                                          &compiler->place,
                                          "the path's \"%.*s\" is not "
                                          "declared as a parameter",
                                          (int) compiler->template.names[i].len,
                                          compiler->template.names[i].data);
        }
    }

    if (compiler->template.format && compiler->format == NULL) {
        return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                      "the path's \"format\" is not declared "
                                      "as a parameter");
    }

    rc = ihanoi_argument_body(compiler);
    if (rc != IHANOI_OK) {
        return rc;
    }

    op->narguments = compiler->narguments;
    op->arguments = ihanoi_arena_alloc(compiler->documents->arena,
                                       op->narguments
                                       * sizeof(ihanoi_argument_t));
    if (op->arguments == NULL) {
        return ihanoi_document_no_memory(compiler->documents);
    }

    memcpy(op->arguments, compiler->arguments,
           op->narguments * sizeof(ihanoi_argument_t));

    return IHANOI_OK;
}


/* Those of one place; what the operation says itself overrides the path's. */

static int
ihanoi_argument_list(ihanoi_compiler_t *compiler, const ihanoi_place_t *owner,
    ihanoi_in_e in, const json_t *overriding)
{
    int             rc;
    size_t          i, n;
    const char     *name, *where;
    ihanoi_in_e     found;
    ihanoi_place_t  list, place;

    rc = ihanoi_place_member(compiler->documents, owner, "parameters", &list);
    if (rc != IHANOI_OK || list.value == NULL) {
        return rc;
    }

    if (!json_is_array(list.value)) {
        return ihanoi_document_refuse(compiler->documents, &list,
                                      "must be a list");
    }

    n = json_array_size(list.value);

    for (i = 0; i < n; i++) {

        rc = ihanoi_place_item(compiler->documents, &list, i, &place);

        if (rc == IHANOI_OK) {
            rc = ihanoi_document_follow(compiler->documents, &place,
                                        "parameters");
        }

        if (rc != IHANOI_OK) {
            return rc;
        }

        name = json_string_value(json_object_get(place.value, "name"));
        where = json_string_value(json_object_get(place.value, "in"));

        if (name == NULL || where == NULL
            || !ihanoi_argument_in(where, &found))
        {
            return ihanoi_document_refuse(compiler->documents, &place,
                                          "a parameter has a \"name\" and is "
                                          "\"in\" path, query or header");
        }

        if (found != in) {
            continue;
        }

        if (overriding) {
            rc = ihanoi_argument_stands_in(compiler, overriding, name, where);

            if (rc == 1) {
                continue;
            }

            if (rc < 0) {
                return rc;
            }
        }

        rc = ihanoi_argument_parameter(compiler, &place, name, in);
        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    return IHANOI_OK;
}


static int
ihanoi_argument_in(const char *text, ihanoi_in_e *in)
{
    if (strcmp(text, "path") == 0) {
        *in = IHANOI_IN_PATH;

    } else if (strcmp(text, "query") == 0) {
        *in = IHANOI_IN_QUERY;

    } else if (strcmp(text, "header") == 0) {
        *in = IHANOI_IN_HEADER;

    } else {
        return 0;
    }

    return 1;
}


/* 1 or 0, or IHANOI_NOMEM; what is wrong is found when its turn comes. */

static int
ihanoi_argument_stands_in(ihanoi_compiler_t *compiler, const json_t *list,
    const char *name, const char *in)
{
    int              rc;
    size_t           i;
    const char      *other, *where;
    ihanoi_place_t   place;

    for (i = 0; i < json_array_size(list); i++) {

        place = compiler->place;
        place.value = json_array_get(list, i);

        rc = ihanoi_document_follow(compiler->documents, &place,
                                    "parameters");
        if (rc == IHANOI_NOMEM) {
            return rc;
        }

        other = json_string_value(json_object_get(place.value, "name"));
        where = json_string_value(json_object_get(place.value, "in"));

        if (rc == IHANOI_OK && other && where && strcmp(other, name) == 0
            && strcmp(where, in) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static int
ihanoi_argument_parameter(ihanoi_compiler_t *compiler, ihanoi_place_t *place,
    const char *name, ihanoi_in_e in)
{
    int                     rc;
    unsigned                i;
    const json_t           *required;
    ihanoi_argument_t      *argument;
    const ihanoi_schema_t  *schema;

    rc = ihanoi_place_members_known(compiler->documents, place,
                                    ihanoi_parameter_members, "parameter");
    if (rc != IHANOI_OK) {
        return rc;
    }

    rc = ihanoi_schema_of(compiler->schemas, place, "a parameter", &schema);
    if (rc != IHANOI_OK) {
        return rc;
    }

    required = json_object_get(place->value, "required");

    if (in == IHANOI_IN_PATH) {

        if (!json_is_true(required)) {
            return ihanoi_document_refuse(compiler->documents, place,
                                          "a parameter of the path is "
                                          "\"required\": true");
        }

        if (compiler->template.format && strcmp(name, "format") == 0) {
            compiler->format = schema;
            compiler->format_place = *place;
            return IHANOI_OK;
        }

        for (i = 0; i < compiler->template.nnames; i++) {
            if (compiler->template.names[i].len == strlen(name)
                && memcmp(compiler->template.names[i].data, name,
                          strlen(name)) == 0)
            {
                break;
            }
        }

        if (i == compiler->template.nnames) {
            return ihanoi_document_refuse(compiler->documents, place,
                                          "\"%.60s\" does not stand in the "
                                          "path", name);
        }
    }

    argument = ihanoi_argument_add(compiler, place, name, in);
    if (argument == NULL) {
        return IHANOI_INVALID;
    }

    argument->schema = schema;
    argument->required = json_is_true(required);

    if (in == IHANOI_IN_HEADER) {
        rc = ihanoi_argument_header(compiler, place, argument);

        if (rc != IHANOI_OK || argument->if_match) {
            return rc;
        }
    }

    rc = ihanoi_argument_style(compiler, place, argument);

    if (rc == IHANOI_OK) {
        rc = ihanoi_schema_check_request(compiler->schemas, schema, 0);
    }

    if (rc == IHANOI_OK) {
        rc = ihanoi_operation_text(compiler, &argument->sql_type,
                                   ihanoi_schema_sql_type(schema));
    }

    if (rc == IHANOI_OK) {
        rc = ihanoi_argument_default(compiler, argument);
    }

    return rc;
}


static int
ihanoi_argument_style(ihanoi_compiler_t *compiler, const ihanoi_place_t *place,
    ihanoi_argument_t *argument)
{
    const char             *style, *usual;
    const json_t           *explode, *said;
    const ihanoi_schema_t  *typed;

    usual = argument->in == IHANOI_IN_QUERY ? "form" : "simple";

    said = json_object_get(place->value, "style");
    style = json_string_value(said);
    explode = json_object_get(place->value, "explode");

    if (said && (style == NULL || strcmp(style, usual) != 0)) {
        return ihanoi_document_refuse(compiler->documents, place,
                                      "\"style\" must be \"%s\"", usual);
    }

    typed = ihanoi_schema_typed(argument->schema);

    if (typed && typed->types == IHANOI_TYPE_ARRAY
        && argument->in == IHANOI_IN_QUERY)
    {
        if (!json_is_false(explode)) {
            return ihanoi_document_refuse(compiler->documents, place,
                                          "an array needs \"explode\": false");
        }

        if (typed->items == NULL || typed->prefix.n
            || !ihanoi_argument_scalar(typed->items))
        {
            return ihanoi_document_refuse(compiler->documents, place,
                                          "an array needs \"items\" of one "
                                          "type: string, integer, number or "
                                          "boolean");
        }

        argument->list = 1;

        return IHANOI_OK;
    }

    if (!ihanoi_argument_scalar(argument->schema)) {
        return ihanoi_document_refuse(compiler->documents, place,
                                      "a parameter has one type: string, "
                                      "integer, number or boolean%s",
                                      argument->in == IHANOI_IN_QUERY
                                      ? ", or an array of them" : "");
    }

    return IHANOI_OK;
}


static int
ihanoi_argument_scalar(const ihanoi_schema_t *schema)
{
    const ihanoi_schema_t  *typed;

    typed = ihanoi_schema_typed(schema);

    if (typed == NULL) {
        return 0;
    }

    switch (typed->types) {

    case IHANOI_TYPE_STRING:
    case IHANOI_TYPE_INTEGER:
    case IHANOI_TYPE_NUMBER:
    case IHANOI_TYPE_BOOLEAN:
        return 1;

    default:
        return 0;
    }
}


static int
ihanoi_argument_header(ihanoi_compiler_t *compiler,
    const ihanoi_place_t *place, ihanoi_argument_t *argument)
{
    const char         *p;
    const char *const  *name;

    for (p = argument->name.data; *p; p++) {
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
              || (*p >= '0' && *p <= '9') || *p == '-'))
        {
            return ihanoi_document_refuse(compiler->documents, place,
                                          "a header's name has letters, "
                                          "digits and \"-\"");
        }
    }

    for (name = ihanoi_argument_engine_headers; *name; name++) {
        if (strcasecmp(*name, argument->name.data) == 0) {
            return ihanoi_document_refuse(compiler->documents, place,
                                          "the header \"%s\" is the engine's",
                                          *name);
        }
    }

    if (strcasecmp(argument->name.data, "If-Match") == 0) {
        argument->if_match = 1;
        argument->schema = NULL;

        return ihanoi_operation_text(compiler, &argument->sql_type, "jsonb");
    }

    return IHANOI_OK;
}


int
ihanoi_argument_default(ihanoi_compiler_t *compiler,
    ihanoi_argument_t *argument)
{
    int            rc;
    char          *text, *json, number[24];
    size_t         len;
    json_int_t     n;
    const json_t  *value;

    value = ihanoi_schema_default(argument->schema);

    if (value == NULL || json_is_null(value)) {
        return IHANOI_OK;
    }

    if (argument->required) {

        if (argument->in == IHANOI_IN_BODY) {
            return IHANOI_OK;
        }

        return ihanoi_document_refuse(compiler->documents,
                                      &argument->schema->place,
                                      "a required parameter has no "
                                      "\"default\"");
    }

    if (json_is_string(value)
        && strcmp(argument->sql_type.data, "jsonb") != 0)
    {
        return ihanoi_operation_text(compiler, &argument->default_text,
                                     json_string_value(value));
    }

    if (strncmp(argument->sql_type.data, "int", 3) == 0
        && ihanoi_number_integer(value, &n))
    {
        (void) snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, n);

        return ihanoi_operation_text(compiler, &argument->default_text,
                                     number);
    }

    text = json_dumps(value, JSON_COMPACT|JSON_ENCODE_ANY
                             |JSON_REAL_PRECISION(IHANOI_JSON_DIGITS));
    if (text == NULL) {
        return ihanoi_document_no_memory(compiler->documents);
    }

    if (strcmp(argument->sql_type.data, "jsonb") != 0
        || compiler->compiled->op.lua.data)
    {
        rc = ihanoi_operation_text(compiler, &argument->default_text, text);

        free(text);

        return rc;
    }

    /* as of a body: SQL casts what is in it, and "5.0" is no integer to it */

    len = ihanoi_json_integers(text, strlen(text), NULL);
    json = ihanoi_arena_alloc(compiler->documents->arena, len + 1);

    if (json != NULL) {
        argument->default_text.len = ihanoi_json_integers(text, strlen(text),
                                                          json);
        argument->default_text.data = json;
    }

    free(text);

    return json ? IHANOI_OK : ihanoi_document_no_memory(compiler->documents);
}


ihanoi_argument_t *
ihanoi_argument_add(ihanoi_compiler_t *compiler, const ihanoi_place_t *place,
    const char *name, ihanoi_in_e in)
{
    char               *snake;
    unsigned            i;
    ihanoi_argument_t  *argument;

    if (compiler->narguments == IHANOI_ARGUMENTS) {
        (void) ihanoi_document_refuse(compiler->documents, place,
                                      "more than %d arguments",
                                      IHANOI_ARGUMENTS);
        return NULL;
    }

    snake = ihanoi_argument_snake(compiler, name);
    if (snake == NULL) {
        return NULL;
    }

    if (!ihanoi_name_is_snake(snake)) {
        (void) ihanoi_document_refuse(compiler->documents, place,
                                      "\"%.60s\" does not make an argument's "
                                      "name: letters, digits and _ are needed",
                                      name);
        return NULL;
    }

    if (strcmp(snake, "caller") == 0) {
        (void) ihanoi_document_refuse(compiler->documents, place,
                                      "the argument \"caller\" is the "
                                      "engine's");
        return NULL;
    }

    for (i = 0; i < compiler->narguments; i++) {

        if (strcmp(compiler->arguments[i].sql_name.data, snake) == 0) {
            (void) ihanoi_document_refuse(compiler->documents, place,
                                          "a second argument \"%s\" of this "
                                          "operation", snake);
            return NULL;
        }
    }

    argument = &compiler->arguments[compiler->narguments++];
    memset(argument, 0, sizeof(ihanoi_argument_t));

    argument->in = in;
    argument->sql_name.data = snake;
    argument->sql_name.len = strlen(snake);

    if (ihanoi_operation_text(compiler, &argument->name, name) != IHANOI_OK) {
        return NULL;
    }

    return argument;
}


/* "If-Match" is if_match, "dueAt" is due_at. */

static char *
ihanoi_argument_snake(ihanoi_compiler_t *compiler, const char *name)
{
    char        *snake, *out;
    const char  *p;

    snake = ihanoi_arena_alloc(compiler->documents->arena,
                               2 * strlen(name) + 1);
    if (snake == NULL) {
        (void) ihanoi_document_no_memory(compiler->documents);
        return NULL;
    }

    out = snake;

    for (p = name; *p; p++) {

        if (*p == '-') {
            *out++ = '_';
            continue;
        }

        if (*p >= 'A' && *p <= 'Z') {

            if (p > name && p[-1] != '-' && p[-1] != '_'
                && !(p[-1] >= 'A' && p[-1] <= 'Z'))
            {
                *out++ = '_';
            }

            *out++ = (char) (*p | 0x20);
            continue;
        }

        *out++ = *p;
    }

    return snake;
}
