/*
 * Copyright (C) iHaNoi contributors
 *
 * Compiles JSON Schema 2020-12 into ihanoi_schema_t.
 *
 * A keyword is a row of ihanoi_schema_keywords; what is not there is an error,
 * because a contract that promises what nobody checks is worse than none.
 */

#include <stdlib.h>
#include <string.h>

#include "ihanoi_json.h"
#include "ihanoi_schema.h"


typedef struct ihanoi_keyword_s  ihanoi_keyword_t;

/* Takes the keyword's value at place into the schema. */
typedef int (ihanoi_keyword_set_t)(ihanoi_schemas_t *schemas,
    ihanoi_schema_t *schema, const ihanoi_place_t *place,
    const ihanoi_keyword_t *keyword);

struct ihanoi_keyword_s {
    const char               *name;
    ihanoi_keyword_set_t     *set;
    size_t                    offset;     /* of the field, for general ones */
};


static int ihanoi_schema_members(ihanoi_schemas_t *schemas,
    ihanoi_schema_t *schema);
static int ihanoi_schema_cross_check(ihanoi_schemas_t *schemas,
    ihanoi_schema_t *schema);

static ihanoi_keyword_set_t  ihanoi_schema_set_type;
static ihanoi_keyword_set_t  ihanoi_schema_set_any;
static ihanoi_keyword_set_t  ihanoi_schema_set_list;
static ihanoi_keyword_set_t  ihanoi_schema_set_number;
static ihanoi_keyword_set_t  ihanoi_schema_set_multiple;
static ihanoi_keyword_set_t  ihanoi_schema_set_size;
static ihanoi_keyword_set_t  ihanoi_schema_set_pattern;
static ihanoi_keyword_set_t  ihanoi_schema_set_format;
static ihanoi_keyword_set_t  ihanoi_schema_set_unique;
static ihanoi_keyword_set_t  ihanoi_schema_set_names;
static ihanoi_keyword_set_t  ihanoi_schema_set_dependent;
static ihanoi_keyword_set_t  ihanoi_schema_set_schema;
static ihanoi_keyword_set_t  ihanoi_schema_set_schemas;
static ihanoi_keyword_set_t  ihanoi_schema_set_properties;
static ihanoi_keyword_set_t  ihanoi_schema_set_patterns;
static ihanoi_keyword_set_t  ihanoi_schema_set_ref;
static ihanoi_keyword_set_t  ihanoi_schema_set_note;
static ihanoi_keyword_set_t  ihanoi_schema_set_mark;

static int ihanoi_schema_check_strings(ihanoi_schemas_t *schemas,
    const ihanoi_place_t *place);
static int ihanoi_property_compare(const void *a, const void *b);


#define ihanoi_keyword(name, set, field)                                      \
    { name, ihanoi_schema_set_##set, offsetof(ihanoi_schema_t, field) }

static const ihanoi_keyword_t  ihanoi_schema_keywords[] = {

    ihanoi_keyword("type", type, types),
    ihanoi_keyword("enum", list, values),
    ihanoi_keyword("const", any, constant),

    ihanoi_keyword("minimum", number, minimum),
    ihanoi_keyword("maximum", number, maximum),
    ihanoi_keyword("exclusiveMinimum", number, exclusive_minimum),
    ihanoi_keyword("exclusiveMaximum", number, exclusive_maximum),
    ihanoi_keyword("multipleOf", multiple, multiple),

    ihanoi_keyword("minLength", size, min_length),
    ihanoi_keyword("maxLength", size, max_length),
    ihanoi_keyword("pattern", pattern, pattern),
    ihanoi_keyword("format", format, format),

    ihanoi_keyword("items", schema, items),
    ihanoi_keyword("prefixItems", schemas, prefix),
    ihanoi_keyword("contains", schema, contains),
    ihanoi_keyword("uniqueItems", unique, place),
    ihanoi_keyword("minItems", size, min_items),
    ihanoi_keyword("maxItems", size, max_items),

    ihanoi_keyword("properties", properties, properties),
    ihanoi_keyword("patternProperties", patterns, patterns),
    ihanoi_keyword("additionalProperties", schema, additional),
    ihanoi_keyword("propertyNames", schema, names),
    ihanoi_keyword("required", names, required),
    ihanoi_keyword("dependentRequired", dependent, dependent),
    ihanoi_keyword("minProperties", size, min_properties),
    ihanoi_keyword("maxProperties", size, max_properties),

    ihanoi_keyword("$ref", ref, ref),
    ihanoi_keyword("allOf", schemas, all_of),
    ihanoi_keyword("anyOf", schemas, any_of),
    ihanoi_keyword("oneOf", schemas, one_of),
    ihanoi_keyword("not", schema, not_),
    ihanoi_keyword("if", schema, if_),
    ihanoi_keyword("then", schema, then_),
    ihanoi_keyword("else", schema, else_),

    /* annotations; "default" and "examples" must keep what they annotate */

    ihanoi_keyword("default", any, initial),
    ihanoi_keyword("examples", list, examples),
    ihanoi_keyword("title", note, place),
    ihanoi_keyword("description", note, place),
    ihanoi_keyword("deprecated", mark, place),
    ihanoi_keyword("readOnly", mark, place),
    ihanoi_keyword("writeOnly", mark, place),
    ihanoi_keyword("$comment", note, place),

    { NULL, NULL, 0 }
};


static const struct {
    const char               *name;
    unsigned                  type;
} ihanoi_schema_types[] = {
    { "null", IHANOI_TYPE_NULL },
    { "boolean", IHANOI_TYPE_BOOLEAN },
    { "integer", IHANOI_TYPE_INTEGER },
    { "number", IHANOI_TYPE_NUMBER },
    { "string", IHANOI_TYPE_STRING },
    { "array", IHANOI_TYPE_ARRAY },
    { "object", IHANOI_TYPE_OBJECT },
    { NULL, 0 }
};


ihanoi_schema_t *
ihanoi_schema_node(ihanoi_schemas_t *schemas, const ihanoi_place_t *place)
{
    int                  rc;
    unsigned             bucket;
    const char          *p;
    ihanoi_schema_t     *schema;

    bucket = 5381;

    for (p = place->pointer; *p; p++) {
        bucket = bucket * 33 + (unsigned char) *p;
    }

    bucket %= IHANOI_SCHEMA_HASH;

    for (schema = schemas->buckets[bucket]; schema; schema = schema->next) {

        if (schema->place.document == place->document
            && strcmp(schema->place.pointer, place->pointer) == 0)
        {
            return schema;
        }
    }

    if (!json_is_object(place->value) && !json_is_boolean(place->value)) {
        (void) ihanoi_document_refuse(schemas->documents, place,
                                      "a schema must be an object or boolean");
        return NULL;
    }

    if (schemas->n++ == IHANOI_SCHEMA_NODES) {
        (void) ihanoi_document_refuse(schemas->documents, place,
                                      "more than %d schemas",
                                      IHANOI_SCHEMA_NODES);
        return NULL;
    }

    schema = ihanoi_arena_alloc(schemas->documents->arena,
                                sizeof(ihanoi_schema_t));
    if (schema == NULL) {
        (void) ihanoi_document_no_memory(schemas->documents);
        return NULL;
    }

    schema->place = *place;
    schema->max_length = SIZE_MAX;
    schema->max_items = SIZE_MAX;
    schema->max_properties = SIZE_MAX;

    /* known before its members are: a schema may refer to itself */

    schema->next = schemas->buckets[bucket];
    schemas->buckets[bucket] = schema;

    schema->later = schemas->fresh;
    schemas->fresh = schema;

    if (json_is_boolean(place->value)) {
        schema->never = json_is_false(place->value);
        schema->always = !schema->never;
        return schema;
    }

    if (schemas->depth == IHANOI_SCHEMA_DEPTH) {
        (void) ihanoi_document_refuse(schemas->documents, place,
                                      "schemas lead on too far");
        return NULL;
    }

    schemas->depth++;

    rc = ihanoi_schema_members(schemas, schema);

    schemas->depth--;

    if (rc == IHANOI_OK) {
        rc = ihanoi_schema_cross_check(schemas, schema);
    }

    return rc == IHANOI_OK ? schema : NULL;
}


static int
ihanoi_schema_members(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema)
{
    int                      rc;
    void                    *iter;
    const char              *key;
    ihanoi_place_t           place;
    const ihanoi_keyword_t  *keyword;

    for (iter = json_object_iter(schema->place.value);
         iter;
         iter = json_object_iter_next(schema->place.value, iter))
    {
        key = json_object_iter_key(iter);

        for (keyword = ihanoi_schema_keywords; keyword->name; keyword++) {
            if (strcmp(keyword->name, key) == 0) {
                break;
            }
        }

        if (keyword->name == NULL) {

            if (strncmp(key, "x-", 2) == 0
                && strncmp(key, "x-ihanoi-", 9) != 0)
            {
                continue;
            }

            return ihanoi_document_refuse(schemas->documents, &schema->place,
                                          "keyword \"%.100s\" is not "
                                          "supported", key);
        }

        rc = ihanoi_place_member(schemas->documents, &schema->place, key,
                                 &place);
        if (rc != IHANOI_OK) {
            return rc;
        }

        rc = keyword->set(schemas, schema, &place, keyword);
        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    return IHANOI_OK;
}


/* What one keyword says about another. */

static int
ihanoi_schema_cross_check(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema)
{
    unsigned             numeric;
    const char          *fault;
    ihanoi_documents_t  *documents;

    documents = schemas->documents;
    numeric = IHANOI_TYPE_INTEGER|IHANOI_TYPE_NUMBER;
    fault = NULL;

    if (schema->pattern && schema->max_length == SIZE_MAX) {
        fault = "\"pattern\" needs \"maxLength\" beside it";

    } else if (schema->min_length > schema->max_length) {
        fault = "\"minLength\" is above \"maxLength\"";

    } else if (schema->min_items > schema->max_items) {
        fault = "\"minItems\" is above \"maxItems\"";

    } else if (schema->min_properties > schema->max_properties) {
        fault = "\"minProperties\" is above \"maxProperties\"";

    } else if ((schema->then_ || schema->else_) && schema->if_ == NULL) {
        fault = "\"then\" and \"else\" need \"if\" beside them";

    } else if (schema->format) {

        if (!schema->format->numeric) {
            if (!(schema->types & IHANOI_TYPE_STRING)) {
                fault = "this \"format\" needs the type string beside it";
            }

        } else if (schema->format->integer) {
            if ((schema->types & numeric) != IHANOI_TYPE_INTEGER) {
                fault = "this \"format\" needs the type integer beside it";
            }

        } else if ((schema->types & numeric) != IHANOI_TYPE_NUMBER) {
            fault = "this \"format\" needs the type number beside it";
        }
    }

    if (fault) {
        return ihanoi_document_refuse(documents, &schema->place, "%s", fault);
    }

    return IHANOI_OK;
}


static int
ihanoi_schema_set_type(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema,
    const ihanoi_place_t *place, const ihanoi_keyword_t *keyword)
{
    size_t         i, n;
    unsigned       t;
    const char    *name;
    const json_t  *item;

    n = json_is_array(place->value) ? json_array_size(place->value) : 1;

    for (i = 0; i < n; i++) {

        item = json_is_array(place->value) ? json_array_get(place->value, i)
                                           : place->value;
        name = json_string_value(item);

        for (t = 0; name && ihanoi_schema_types[t].name; t++) {
            if (strcmp(ihanoi_schema_types[t].name, name) == 0) {
                break;
            }
        }

        if (name == NULL || ihanoi_schema_types[t].name == NULL
            || (schema->types & ihanoi_schema_types[t].type))
        {
            n = 0;
            break;
        }

        schema->types |= ihanoi_schema_types[t].type;
    }

    if (n == 0) {
        return ihanoi_document_refuse(schemas->documents, place,
                                      "must be a type or a list of different "
                                      "types");
    }

    return IHANOI_OK;
}


static int
ihanoi_schema_set_any(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema,
    const ihanoi_place_t *place, const ihanoi_keyword_t *keyword)
{
    *(json_t **) ((char *) schema + keyword->offset) = place->value;

    return IHANOI_OK;
}


static int
ihanoi_schema_set_list(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema,
    const ihanoi_place_t *place, const ihanoi_keyword_t *keyword)
{
    if (!json_is_array(place->value) || json_array_size(place->value) == 0) {
        return ihanoi_document_refuse(schemas->documents, place,
                                      "must be a list that is not empty");
    }

    return ihanoi_schema_set_any(schemas, schema, place, keyword);
}


static int
ihanoi_schema_set_number(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema,
    const ihanoi_place_t *place, const ihanoi_keyword_t *keyword)
{
    if (!json_is_number(place->value)) {
        return ihanoi_document_refuse(schemas->documents, place,
                                      "must be a number");
    }

    return ihanoi_schema_set_any(schemas, schema, place, keyword);
}


static int
ihanoi_schema_set_multiple(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema,
    const ihanoi_place_t *place, const ihanoi_keyword_t *keyword)
{
    if (!json_is_number(place->value) || json_number_value(place->value) <= 0) {
        return ihanoi_document_refuse(schemas->documents, place,
                                      "must be a number above 0");
    }

    schema->has_multiple = 1;
    schema->multiple = ihanoi_number_decimal(place->value);

    return IHANOI_OK;
}


static int
ihanoi_schema_set_size(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema,
    const ihanoi_place_t *place, const ihanoi_keyword_t *keyword)
{
    json_int_t  n;

    if (!ihanoi_number_integer(place->value, &n) || n < 0 || n > INT32_MAX) {
        return ihanoi_document_refuse(schemas->documents, place,
                                      "must be an integer from 0");
    }

    *(size_t *) ((char *) schema + keyword->offset) = (size_t) n;

    return IHANOI_OK;
}


static int
ihanoi_schema_set_pattern(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema,
    const ihanoi_place_t *place, const ihanoi_keyword_t *keyword)
{
    const char  *reason;

    if (!json_is_string(place->value)) {
        return ihanoi_document_refuse(schemas->documents, place,
                                      "must be a string");
    }

    schema->form = json_string_value(place->value);
    schema->pattern = ihanoi_pattern_compile(schemas->documents->arena,
                                             schema->form, &reason);
    if (schema->pattern) {
        return IHANOI_OK;
    }

    if (reason == NULL) {
        return ihanoi_document_no_memory(schemas->documents);
    }

    return ihanoi_document_refuse(schemas->documents, place, "%s", reason);
}


static int
ihanoi_schema_set_format(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema,
    const ihanoi_place_t *place, const ihanoi_keyword_t *keyword)
{
    const char  *name;

    name = json_string_value(place->value);

    if (name != NULL) {
        schema->format = ihanoi_format_find(name);
    }

    if (schema->format == NULL) {
        return ihanoi_document_refuse(schemas->documents, place,
                                      "format \"%.50s\" is not in the list",
                                      name ? name : "");
    }

    return IHANOI_OK;
}


static int
ihanoi_schema_set_unique(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema,
    const ihanoi_place_t *place, const ihanoi_keyword_t *keyword)
{
    if (!json_is_boolean(place->value)) {
        return ihanoi_document_refuse(schemas->documents, place,
                                      "must be true or false");
    }

    schema->unique = json_is_true(place->value);

    return IHANOI_OK;
}


static int
ihanoi_schema_check_strings(ihanoi_schemas_t *schemas,
    const ihanoi_place_t *place)
{
    size_t  i, j, n;

    n = json_array_size(place->value);

    for (i = 0; i < n; i++) {

        if (!json_is_string(json_array_get(place->value, i))) {
            break;
        }

        for (j = 0; j < i; j++) {
            if (json_equal(json_array_get(place->value, i),
                           json_array_get(place->value, j)))
            {
                return ihanoi_document_refuse(schemas->documents, place,
                                              "names a member twice");
            }
        }
    }

    if (!json_is_array(place->value) || i < n) {
        return ihanoi_document_refuse(schemas->documents, place,
                                      "must be a list of names");
    }

    return IHANOI_OK;
}


static int
ihanoi_schema_set_names(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema,
    const ihanoi_place_t *place, const ihanoi_keyword_t *keyword)
{
    int  rc;

    rc = ihanoi_schema_check_strings(schemas, place);
    if (rc != IHANOI_OK) {
        return rc;
    }

    return ihanoi_schema_set_any(schemas, schema, place, keyword);
}


static int
ihanoi_schema_set_dependent(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema,
    const ihanoi_place_t *place, const ihanoi_keyword_t *keyword)
{
    int              rc;
    void            *iter;
    ihanoi_place_t   names;

    if (!json_is_object(place->value)) {
        return ihanoi_document_refuse(schemas->documents, place,
                                      "must be an object");
    }

    for (iter = json_object_iter(place->value);
         iter;
         iter = json_object_iter_next(place->value, iter))
    {
        rc = ihanoi_place_member(schemas->documents, place,
                                 json_object_iter_key(iter), &names);

        if (rc == IHANOI_OK) {
            rc = ihanoi_schema_check_strings(schemas, &names);
        }

        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    return ihanoi_schema_set_any(schemas, schema, place, keyword);
}


static int
ihanoi_schema_set_schema(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema,
    const ihanoi_place_t *place, const ihanoi_keyword_t *keyword)
{
    const ihanoi_schema_t  *sub;

    sub = ihanoi_schema_node(schemas, place);
    if (sub == NULL) {
        return IHANOI_INVALID;
    }

    *(const ihanoi_schema_t **) ((char *) schema + keyword->offset) = sub;

    return IHANOI_OK;
}


static int
ihanoi_schema_set_schemas(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema,
    const ihanoi_place_t *place, const ihanoi_keyword_t *keyword)
{
    int                    rc;
    size_t                 n;
    ihanoi_place_t         item;
    ihanoi_schema_list_t  *list;

    n = json_array_size(place->value);

    if (n == 0) {
        return ihanoi_document_refuse(schemas->documents, place,
                                      "must be a list of schemas");
    }

    list = (ihanoi_schema_list_t *) ((char *) schema + keyword->offset);

    list->schemas = ihanoi_arena_alloc(schemas->documents->arena,
                                       n * sizeof(ihanoi_schema_t *));
    if (list->schemas == NULL) {
        return ihanoi_document_no_memory(schemas->documents);
    }

    while (list->n < n) {

        rc = ihanoi_place_item(schemas->documents, place, list->n, &item);
        if (rc != IHANOI_OK) {
            return rc;
        }

        list->schemas[list->n] = ihanoi_schema_node(schemas, &item);

        if (list->schemas[list->n] == NULL) {
            return IHANOI_INVALID;
        }

        list->n++;
    }

    return IHANOI_OK;
}


static int
ihanoi_schema_set_properties(ihanoi_schemas_t *schemas,
    ihanoi_schema_t *schema, const ihanoi_place_t *place,
    const ihanoi_keyword_t *keyword)
{
    int                 rc;
    void               *iter;
    size_t              n;
    ihanoi_place_t      member;
    ihanoi_property_t  *property;

    if (!json_is_object(place->value)) {
        return ihanoi_document_refuse(schemas->documents, place,
                                      "must be an object");
    }

    n = json_object_size(place->value);

    property = ihanoi_arena_alloc(schemas->documents->arena,
                                  n * sizeof(ihanoi_property_t));
    if (property == NULL) {
        return ihanoi_document_no_memory(schemas->documents);
    }

    schema->properties = property;

    for (iter = json_object_iter(place->value);
         iter;
         iter = json_object_iter_next(place->value, iter), property++)
    {
        property->name = json_object_iter_key(iter);

        rc = ihanoi_place_member(schemas->documents, place, property->name,
                                 &member);
        if (rc != IHANOI_OK) {
            return rc;
        }

        property->schema = ihanoi_schema_node(schemas, &member);
        if (property->schema == NULL) {
            return IHANOI_INVALID;
        }
    }

    schema->nproperties = (unsigned) n;

    qsort(schema->properties, n, sizeof(ihanoi_property_t),
          ihanoi_property_compare);

    return IHANOI_OK;
}


static int
ihanoi_schema_set_patterns(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema,
    const ihanoi_place_t *place, const ihanoi_keyword_t *keyword)
{
    int                         rc;
    void                       *iter;
    const char                 *reason;
    ihanoi_place_t              member;
    ihanoi_pattern_property_t  *property;

    if (!json_is_object(place->value)) {
        return ihanoi_document_refuse(schemas->documents, place,
                                      "must be an object");
    }

    property = ihanoi_arena_alloc(schemas->documents->arena,
                                  json_object_size(place->value)
                                  * sizeof(ihanoi_pattern_property_t));
    if (property == NULL) {
        return ihanoi_document_no_memory(schemas->documents);
    }

    schema->patterns = property;

    for (iter = json_object_iter(place->value);
         iter;
         iter = json_object_iter_next(place->value, iter), property++)
    {
        rc = ihanoi_place_member(schemas->documents, place,
                                 json_object_iter_key(iter), &member);
        if (rc != IHANOI_OK) {
            return rc;
        }

        property->pattern = ihanoi_pattern_compile(schemas->documents->arena,
                                                   json_object_iter_key(iter),
                                                   &reason);
        if (property->pattern == NULL) {

            if (reason == NULL) {
                return ihanoi_document_no_memory(schemas->documents);
            }

            return ihanoi_document_refuse(schemas->documents, &member, "%s",
                                          reason);
        }

        property->schema = ihanoi_schema_node(schemas, &member);
        if (property->schema == NULL) {
            return IHANOI_INVALID;
        }
    }

    schema->npatterns = (unsigned) json_object_size(place->value);

    return IHANOI_OK;
}


static int
ihanoi_schema_set_ref(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema,
    const ihanoi_place_t *place, const ihanoi_keyword_t *keyword)
{
    int             rc;
    ihanoi_place_t  to;

    if (!json_is_string(place->value)) {
        return ihanoi_document_refuse(schemas->documents, place,
                                      "must be a string");
    }

    rc = ihanoi_document_resolve(schemas->documents, place,
                                 json_string_value(place->value), &to);
    if (rc != IHANOI_OK) {
        return rc;
    }

    schema->ref = ihanoi_schema_node(schemas, &to);

    return schema->ref ? IHANOI_OK : IHANOI_INVALID;
}


/* Nothing looks at these two kinds but readers. */

static int
ihanoi_schema_set_note(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema,
    const ihanoi_place_t *place, const ihanoi_keyword_t *keyword)
{
    return json_is_string(place->value)
           ? IHANOI_OK
           : ihanoi_document_refuse(schemas->documents, place,
                                    "must be a string");
}


static int
ihanoi_schema_set_mark(ihanoi_schemas_t *schemas, ihanoi_schema_t *schema,
    const ihanoi_place_t *place, const ihanoi_keyword_t *keyword)
{
    return json_is_boolean(place->value)
           ? IHANOI_OK
           : ihanoi_document_refuse(schemas->documents, place,
                                    "must be true or false");
}


static int
ihanoi_property_compare(const void *a, const void *b)
{
    const ihanoi_property_t  *x = a, *y = b;

    return strcmp(x->name, y->name);
}
