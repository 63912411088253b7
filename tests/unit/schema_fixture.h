/*
 * Copyright (C) iHaNoi contributors
 *
 * One schema compiled by itself, for tests of keywords and formats.
 */

#ifndef _SCHEMA_FIXTURE_H_INCLUDED_
#define _SCHEMA_FIXTURE_H_INCLUDED_


#include "contract_fixture.h"
#include "ihanoi_json.h"
#include "ihanoi_schema.h"


typedef struct {
    ihanoi_documents_t        documents;
    ihanoi_schemas_t          schemas;
    const ihanoi_schema_t    *schema;
} schema_fixture_t;


/*
 * Compiles the schema and others that it refers to as
 * "#/components/schemas/<name>", given as "'name': {...}, ..." or "".  Returns
 * 0 with fixture_error filled when it is refused.
 */

static __attribute__((unused)) int
schema_fixture_open(schema_fixture_t *s, const char *schema,
    const char *others)
{
    char            *text, *json;
    size_t           len;
    ihanoi_place_t   place;
    const char      *path;

    memset(s, 0, sizeof(schema_fixture_t));
    memset(&fixture_error, 0, sizeof(fixture_error));

    len = strlen(schema) + strlen(others) + 128;
    text = malloc(len);

    snprintf(text, len, "{'components':{'schemas':{'S':%s%s%s}}}", schema,
             *others ? "," : "", others);

    json = fixture_json(text);
    path = fixture_write("schema.json", json, strlen(json));

    free(text);
    free(json);

    s->documents.arena = ihanoi_arena_create();
    s->documents.last = &s->documents.first;
    s->documents.err = &fixture_error;
    s->schemas.documents = &s->documents;

    if (s->documents.arena == NULL) {
        return 0;
    }

    place.document = ihanoi_document_open(&s->documents, path, 1);

    if (place.document == NULL) {
        return 0;
    }

    place.pointer = "/components/schemas/S";
    place.value = json_object_get(
                      json_object_get(json_object_get(place.document->root,
                                                      "components"),
                                      "schemas"),
                      "S");

    s->schema = ihanoi_schema_compile(&s->schemas, &place);

    return s->schema != NULL;
}


static __attribute__((unused)) void
schema_fixture_close(schema_fixture_t *s)
{
    ihanoi_arena_destroy(s->documents.arena);
}


/* The result of the silent check; the value is read with single quotes. */

static __attribute__((unused)) int
schema_fixture_check(schema_fixture_t *s, const char *value, size_t steps)
{
    int                  rc;
    char                *text;
    json_t              *json;
    ihanoi_check_t       check;
    ihanoi_json_error_t  err;

    text = fixture_json(value);
    rc = ihanoi_json_read(text, strlen(text), 64, NULL, &json, &err);

    free(text);

    if (rc == IHANOI_NOMEM) {
        return rc;
    }

    if (rc != IHANOI_OK) {
        printf("# not JSON: %s: %s\n", value, err.reason);
        return -100;
    }

    memset(&check, 0, sizeof(check));
    check.steps = steps;

    rc = ihanoi_schema_validate(s->schema, json, &check);

    json_decref(json);

    return rc;
}


#endif /* _SCHEMA_FIXTURE_H_INCLUDED_ */
