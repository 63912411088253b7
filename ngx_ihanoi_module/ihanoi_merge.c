/*
 * Copyright (C) iHaNoi contributors
 *
 * All documents of a contract as one: what /openapi.json serves.
 *
 * Components take their document's name in front, so that two services may
 * both have a "Report", and every "$ref" is written anew.
 */

#include <string.h>

#include "ihanoi_json.h"
#include "ihanoi_merge.h"
#include "ihanoi_operation.h"


static const char *const  ihanoi_merge_components[] = {
    "schemas", "responses", "parameters", "examples", "requestBodies",
    "headers", NULL
};

/* the keys of these objects are names that an author chose */

static const char *const  ihanoi_merge_names[] = {
    "schemas", "responses", "parameters", "examples", "requestBodies",
    "headers", "properties", "patternProperties", "dependentRequired",
    "content", "paths", NULL
};

/* values, not parts of the document */

static const char *const  ihanoi_merge_values[] = {
    "default", "example", "enum", "const", "value", NULL
};


static int ihanoi_merge_document(ihanoi_documents_t *documents,
    ihanoi_document_t *document, json_t *merged);
static int ihanoi_merge_paths(ihanoi_documents_t *documents,
    ihanoi_document_t *document, json_t *copy, json_t *paths);
static int ihanoi_merge_key(json_t *operation);
static int ihanoi_merge_replayed(json_t *operation);
static int ihanoi_merge_tag(ihanoi_document_t *document, json_t *copy,
    json_t *operation);
static int ihanoi_merge_tags(json_t *copy, json_t *merged);
static int ihanoi_merge_refs(ihanoi_documents_t *documents,
    ihanoi_document_t *document, json_t *value, int names);
static json_t *ihanoi_merge_ref(ihanoi_document_t *document, const char *ref);
static int ihanoi_merge_is_in(const char *const *list, const char *name);


int
ihanoi_merge(ihanoi_documents_t *documents, json_t **merged)
{
    int                 rc;
    json_t             *first;
    ihanoi_document_t  *document;

    first = documents->first->root;

    *merged = json_pack("{s:s, s:O, s:O*, s:{}, s:{s:{s:{s:s, s:s, s:s}}}}",
                        "openapi", "3.1.0",
                        "info", json_object_get(first, "info"),
                        "servers", json_object_get(first, "servers"),
                        "paths", "components", "securitySchemes", "bearer",
                        "type", "http", "scheme", "bearer",
                        "bearerFormat", "JWT");
    if (*merged == NULL) {
        return ihanoi_document_no_memory(documents);
    }

    for (document = documents->first; document; document = document->next) {

        rc = ihanoi_merge_document(documents, document, *merged);

        if (rc != IHANOI_OK) {
            json_decref(*merged);
            *merged = NULL;
            return rc;
        }
    }

    return IHANOI_OK;
}


static int
ihanoi_merge_document(ihanoi_documents_t *documents,
    ihanoi_document_t *document, json_t *merged)
{
    int          rc;
    char        *name;
    void        *iter;
    json_t      *copy, *components, *part, *all;
    unsigned     i;

    copy = json_deep_copy(document->root);
    if (copy == NULL) {
        return ihanoi_document_no_memory(documents);
    }

    rc = ihanoi_merge_refs(documents, document, copy, 0);
    if (rc != IHANOI_OK) {
        goto done;
    }

    rc = ihanoi_document_no_memory(documents);
    components = json_object_get(merged, "components");

    for (i = 0; ihanoi_merge_components[i]; i++) {

        part = json_object_get(json_object_get(copy, "components"),
                               ihanoi_merge_components[i]);

        for (iter = json_object_iter(part);
             iter;
             iter = json_object_iter_next(part, iter))
        {
            all = json_object_get(components, ihanoi_merge_components[i]);

            if (all == NULL) {
                all = json_object();

                if (all == NULL
                    || json_object_set_new(components,
                                           ihanoi_merge_components[i], all))
                {
                    goto done;
                }
            }

            name = ihanoi_arena_printf(documents->arena, "%s.%s", document->ns,
                                       json_object_iter_key(iter));

            if (name == NULL
                || json_object_set(all, name, json_object_iter_value(iter)))
            {
                goto done;
            }
        }
    }

    if (document->listed
        && (ihanoi_merge_paths(documents, document, copy,
                               json_object_get(merged, "paths"))
            || ihanoi_merge_tags(copy, merged)))
    {
        goto done;
    }

    part = json_object_get(copy, "x-ihanoi-problems");

    if (part) {
        all = json_object_get(merged, "x-ihanoi-problems");

        if (all ? json_object_update(all, part)
                : json_object_set(merged, "x-ihanoi-problems", part))
        {
            goto done;
        }
    }

    rc = IHANOI_OK;

done:

    json_decref(copy);

    return rc;
}


/*
 * The document's security goes into each operation that has none, its name as a
 * tag likewise, and into each POST the headers of keys: clients are made from
 * what is here.
 */

static int
ihanoi_merge_paths(ihanoi_documents_t *documents, ihanoi_document_t *document,
    json_t *copy, json_t *paths)
{
    void      *iter;
    json_t    *item, *operation, *security, *from;
    unsigned   m;

    from = json_object_get(copy, "paths");
    security = json_object_get(copy, "security");

    for (iter = json_object_iter(from);
         iter;
         iter = json_object_iter_next(from, iter))
    {
        item = json_object_iter_value(iter);

        for (m = 0; m < IHANOI_METHODS; m++) {

            operation = json_object_get(item, ihanoi_methods[m]);

            if (operation == NULL) {
                continue;
            }

            if (security && json_object_get(operation, "security") == NULL
                && json_object_set(operation, "security", security))
            {
                return ihanoi_document_no_memory(documents);
            }

            if (ihanoi_merge_tag(document, copy, operation)
                || (m == IHANOI_POST && ihanoi_merge_key(operation)))
            {
                return ihanoi_document_no_memory(documents);
            }
        }

        if (json_object_set(paths, json_object_iter_key(iter), item)) {
            return ihanoi_document_no_memory(documents);
        }
    }

    return IHANOI_OK;
}


static int
ihanoi_merge_key(json_t *operation)
{
    json_t      *parameters, *key;
    const char  *wanted;

    wanted = json_string_value(json_object_get(operation,
                                               "x-ihanoi-idempotency"));

    if (wanted && strcmp(wanted, "none") == 0) {
        return IHANOI_OK;
    }

    parameters = json_object_get(operation, "parameters");

    if (parameters == NULL) {
        parameters = json_array();

        if (json_object_set_new(operation, "parameters", parameters)) {
            return IHANOI_NOMEM;
        }
    }

    key = json_pack("{s:s, s:s, s:s, s:b, s:{s:s, s:i, s:i}}",
                    "name", "Idempotency-Key", "in", "header",
                    "description", "New for each request, and the same when it "
                    "is sent again: it is then done once, and gets the first "
                    "answer.",
                    "required", wanted == NULL
                                || strcmp(wanted, "required") == 0,
                    "schema", "type", "string", "minLength", 1,
                    "maxLength", 255);

    if (json_array_append_new(parameters, key)) {
        return IHANOI_NOMEM;
    }

    return ihanoi_merge_replayed(operation);
}


/* A response of the components is also that of operations without keys. */

static int
ihanoi_merge_replayed(json_t *operation)
{
    void        *iter;
    json_t      *responses, *response, *headers;

    responses = json_object_get(operation, "responses");

    for (iter = json_object_iter(responses);
         iter;
         iter = json_object_iter_next(responses, iter))
    {
        response = json_object_iter_value(iter);

        if (json_object_iter_key(iter)[0] != '2'
            || json_object_get(response, "$ref"))
        {
            continue;
        }

        headers = json_object_get(response, "headers");

        if (headers == NULL) {
            headers = json_object();

            if (json_object_set_new(response, "headers", headers)) {
                return IHANOI_NOMEM;
            }
        }

        if (json_object_set_new(headers, "Idempotency-Replayed",
                                json_pack("{s:s, s:{s:s, s:[s]}}",
                                          "description", "This is the first "
                                          "answer again.", "schema", "type",
                                          "string", "enum", "true")))
        {
            return IHANOI_NOMEM;
        }
    }

    return IHANOI_OK;
}


/*
 * Clients and pages sort operations by tags: those without are a heap, of all
 * services together.
 */

static int
ihanoi_merge_tag(ihanoi_document_t *document, json_t *copy, json_t *operation)
{
    json_t  *tags, *title;

    if (json_object_get(operation, "tags")) {
        return IHANOI_OK;
    }

    if (json_object_set_new(operation, "tags", json_pack("[s]", document->ns)))
    {
        return IHANOI_NOMEM;
    }

    tags = json_object_get(copy, "tags");

    if (tags == NULL) {
        tags = json_array();

        if (json_object_set_new(copy, "tags", tags)) {
            return IHANOI_NOMEM;
        }
    }

    title = json_object_get(json_object_get(copy, "info"), "title");

    return json_array_append_new(tags, json_pack("{s:s, s:O}",
                                                 "name", document->ns,
                                                 "description", title))
           ? IHANOI_NOMEM : IHANOI_OK;
}


static int
ihanoi_merge_tags(json_t *copy, json_t *merged)
{
    size_t   i, k;
    json_t  *tags, *all, *tag, *name;

    tags = json_object_get(copy, "tags");

    for (i = 0; i < json_array_size(tags); i++) {

        all = json_object_get(merged, "tags");

        if (all == NULL) {
            all = json_array();

            if (all == NULL || json_object_set_new(merged, "tags", all)) {
                return IHANOI_NOMEM;
            }
        }

        tag = json_array_get(tags, i);
        name = json_object_get(tag, "name");

        for (k = 0; k < json_array_size(all); k++) {
            if (json_equal(json_object_get(json_array_get(all, k), "name"),
                           name))
            {
                break;
            }
        }

        if (k == json_array_size(all) && json_array_append(all, tag)) {
            return IHANOI_NOMEM;
        }
    }

    return IHANOI_OK;
}


static int
ihanoi_merge_refs(ihanoi_documents_t *documents, ihanoi_document_t *document,
    json_t *value, int names)
{
    int          rc;
    void        *iter;
    size_t       i;
    json_t      *member, *ref;
    const char  *key;

    if (json_is_array(value)) {

        for (i = 0; i < json_array_size(value); i++) {
            rc = ihanoi_merge_refs(documents, document,
                                   json_array_get(value, i), 0);
            if (rc != IHANOI_OK) {
                return rc;
            }
        }

        return IHANOI_OK;
    }

    for (iter = json_object_iter(value);
         iter;
         iter = json_object_iter_next(value, iter))
    {
        key = json_object_iter_key(iter);
        member = json_object_iter_value(iter);

        if (names) {
            rc = ihanoi_merge_refs(documents, document, member, 0);

        } else if (strcmp(key, "$ref") == 0 && json_is_string(member)) {

            ref = ihanoi_merge_ref(document, json_string_value(member));

            if (ref == NULL || json_object_iter_set_new(value, iter, ref)) {
                return ihanoi_document_no_memory(documents);
            }

            continue;

        } else if (ihanoi_merge_is_in(ihanoi_merge_values, key)
                   || (strcmp(key, "examples") == 0 && json_is_array(member))
                   || strncmp(key, "x-", 2) == 0)
        {
            continue;

        } else {
            rc = ihanoi_merge_refs(documents, document, member,
                                   ihanoi_merge_is_in(ihanoi_merge_names,
                                                      key));
        }

        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    return IHANOI_OK;
}


/* "file.json#/components/schemas/X" and "#/components/schemas/X". */

static json_t *
ihanoi_merge_ref(ihanoi_document_t *document, const char *ref)
{
    int          ns;
    const char  *hash, *kind, *name;

    hash = strchr(ref, '#');
    kind = hash ? strstr(hash, "/components/") : NULL;
    name = kind ? strchr(kind + 12, '/') : NULL;

    if (name == NULL) {
        return json_string(ref);
    }

    name++;
    ns = (int) (hash - ref);

    if (ns > 5) {
        return json_sprintf("#%.*s%.*s.%s", (int) (name - kind), kind, ns - 5,
                            ref, name);
    }

    return json_sprintf("#%.*s%s.%s", (int) (name - kind), kind, document->ns,
                        name);
}


static int
ihanoi_merge_is_in(const char *const *list, const char *name)
{
    for ( /* void */ ; *list; list++) {
        if (strcmp(*list, name) == 0) {
            return 1;
        }
    }

    return 0;
}
