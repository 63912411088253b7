/*
 * Copyright (C) iHaNoi contributors
 *
 * The answers of an operation, and the media types of answers and bodies.
 */

#include <stdlib.h>
#include <string.h>

#include "ihanoi_json.h"
#include "ihanoi_operation.h"


static int ihanoi_operation_response(ihanoi_compiler_t *compiler,
    ihanoi_place_t *place, const char *code, ihanoi_response_t *response);
static int ihanoi_response_headers(ihanoi_compiler_t *compiler,
    const ihanoi_place_t *response);
static int ihanoi_media_type(ihanoi_compiler_t *compiler,
    const ihanoi_place_t *place, const char *type, ihanoi_media_t *media);


static const struct {
    const char               *type;
    const char               *suffix;
} ihanoi_media_suffixes[] = {
    { "application/json", "json" },
    { "application/geo+json", "geojson" },
    { "application/xml", "xml" },
    { "text/xml", "xml" },
    { "text/csv", "csv" },
    { "text/plain", "txt" },
    { "text/html", "html" },
    { "text/calendar", "ics" },
    { "application/pdf", "pdf" },
    { "application/rss+xml", "rss" },
    { "application/atom+xml", "atom" },
    { NULL, NULL }
};


int
ihanoi_operation_responses(ihanoi_compiler_t *compiler)
{
    int                  rc;
    void                *iter;
    unsigned             success;
    const char          *code;
    ihanoi_place_t       responses, place;
    ihanoi_response_t   *response;
    ihanoi_compiled_t   *compiled;

    compiled = compiler->compiled;

    rc = ihanoi_place_member(compiler->documents, &compiler->place,
                             "responses", &responses);
    if (rc != IHANOI_OK) {
        return rc;
    }

    compiled->responses = ihanoi_arena_alloc(compiler->documents->arena,
                                     json_object_size(responses.value)
                                     * sizeof(ihanoi_response_t));
    compiled->op.produces = ihanoi_arena_alloc(compiler->documents->arena,
                                     IHANOI_MEDIA * sizeof(ihanoi_media_t));

    if (compiled->responses == NULL || compiled->op.produces == NULL) {
        return ihanoi_document_no_memory(compiler->documents);
    }

    success = 0;

    if (json_is_object(responses.value)) {

        for (iter = json_object_iter(responses.value);
             iter;
             iter = json_object_iter_next(responses.value, iter))
        {
            code = json_object_iter_key(iter);

            if (strncmp(code, "x-", 2) == 0
                && strncmp(code, "x-ihanoi-", 9) != 0)
            {
                continue;
            }

            rc = ihanoi_place_member(compiler->documents, &responses, code,
                                     &place);
            if (rc != IHANOI_OK) {
                return rc;
            }

            response = &compiled->responses[compiled->nresponses++];

            rc = ihanoi_operation_response(compiler, &place, code, response);
            if (rc != IHANOI_OK) {
                return rc;
            }

            if (response->status / 100 == 2 || response->status == 2) {
                success++;
            }
        }
    }

    if (success == 0) {
        return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                      "needs a response of class 2xx");
    }

    return IHANOI_OK;
}


static int
ihanoi_operation_response(ihanoi_compiler_t *compiler, ihanoi_place_t *place,
    const char *code, ihanoi_response_t *response)
{
    int                  rc;
    unsigned             i, k;
    ihanoi_place_t       content;
    ihanoi_operation_t  *op;
    static const char   *known[] = {
        "description", "headers", "content", NULL
    };

    op = &compiler->compiled->op;

    if (strcmp(code, "default") != 0) {

        if (strlen(code) != 3 || code[0] < '2' || code[0] > '5') {
            goto invalid;
        }

        if (strcmp(code + 1, "XX") == 0) {
            response->status = (unsigned) (code[0] - '0');

        } else if (code[1] >= '0' && code[1] <= '9'
                   && code[2] >= '0' && code[2] <= '9')
        {
            response->status = (unsigned) atoi(code);

        } else {
            goto invalid;
        }
    }

    rc = ihanoi_document_follow(compiler->documents, place, "responses");
    if (rc != IHANOI_OK) {
        return rc;
    }

    rc = ihanoi_place_members_known(compiler->documents, place, known,
                                    "response");
    if (rc != IHANOI_OK) {
        return rc;
    }

    if (!json_is_string(json_object_get(place->value, "description"))) {
        return ihanoi_document_refuse(compiler->documents, place,
                                      "a response needs a \"description\"");
    }

    rc = ihanoi_response_headers(compiler, place);
    if (rc != IHANOI_OK) {
        return rc;
    }

    rc = ihanoi_place_member(compiler->documents, place, "content", &content);
    if (rc != IHANOI_OK || content.value == NULL) {
        return rc;
    }

    if (response->status == 204 || response->status == 304) {
        return ihanoi_document_refuse(compiler->documents, place,
                                      "a response %s has no \"content\"", code);
    }

    rc = ihanoi_media_compile(compiler, &content, 0, response->media,
                              &response->nmedia, response->schemas);

    if (rc != IHANOI_OK
        || (response->status / 100 != 2 && response->status != 2))
    {
        return rc;
    }

    for (i = 0; i < response->nmedia; i++) {

        for (k = 0; k < op->nproduces; k++) {
            if (strcmp(op->produces[k].type.data, response->media[i].type.data)
                == 0)
            {
                break;
            }
        }

        if (k == IHANOI_MEDIA) {
            return ihanoi_document_refuse(compiler->documents, &content,
                                          "more than %d media types in all",
                                          IHANOI_MEDIA);
        }

        if (k == op->nproduces) {
            op->produces[op->nproduces++] = response->media[i];
        }
    }

    return IHANOI_OK;

invalid:

    return ihanoi_document_refuse(compiler->documents, place,
                                  "a response is for a status of 200 to 599, "
                                  "\"4XX\" or \"default\"");
}


/* For those who read the document: what is sent is not held against them. */

static int
ihanoi_response_headers(ihanoi_compiler_t *compiler,
    const ihanoi_place_t *response)
{
    int                     rc;
    void                   *iter;
    const json_t           *style;
    ihanoi_place_t          headers, place;
    const ihanoi_schema_t  *schema;
    static const char      *known[] = {
        "description", "required", "deprecated", "schema", "style", "explode",
        "example", "examples", NULL
    };

    rc = ihanoi_place_member(compiler->documents, response, "headers",
                             &headers);
    if (rc != IHANOI_OK || headers.value == NULL) {
        return rc;
    }

    if (!json_is_object(headers.value)) {
        return ihanoi_document_refuse(compiler->documents, &headers,
                                      "must be an object of headers by name");
    }

    for (iter = json_object_iter(headers.value);
         iter;
         iter = json_object_iter_next(headers.value, iter))
    {
        rc = ihanoi_place_member(compiler->documents, &headers,
                                 json_object_iter_key(iter), &place);

        if (rc == IHANOI_OK) {
            rc = ihanoi_document_follow(compiler->documents, &place,
                                        "headers");
        }

        if (rc == IHANOI_OK) {
            rc = ihanoi_place_members_known(compiler->documents, &place, known,
                                            "header");
        }

        style = json_object_get(place.value, "style");

        if (rc == IHANOI_OK && style
            && (!json_is_string(style)
                || strcmp(json_string_value(style), "simple") != 0))
        {
            return ihanoi_document_refuse(compiler->documents, &place,
                                          "\"style\" must be \"simple\"");
        }

        if (rc == IHANOI_OK) {
            rc = ihanoi_schema_of(compiler->schemas, &place, "a header",
                                  &schema);
        }

        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    return IHANOI_OK;
}


int
ihanoi_media_compile(ihanoi_compiler_t *compiler,
    const ihanoi_place_t *content, int request, ihanoi_media_t *media,
    unsigned *n, const ihanoi_schema_t **schemas)
{
    int                     rc;
    void                   *iter;
    const char             *type;
    ihanoi_place_t          place;
    const json_t           *first, *schema;
    const ihanoi_schema_t  *sub;
    static const char      *known[] = { "schema", "example", "examples", NULL };

    if (json_object_size(content->value) == 0) {
        return ihanoi_document_refuse(compiler->documents, content,
                                      "names no media type");
    }

    if (json_object_size(content->value) > IHANOI_MEDIA) {
        return ihanoi_document_refuse(compiler->documents, content,
                                      "more than %d media types",
                                      IHANOI_MEDIA);
    }

    *n = 0;
    first = NULL;

    for (iter = json_object_iter(content->value);
         iter;
         iter = json_object_iter_next(content->value, iter))
    {
        type = json_object_iter_key(iter);

        rc = ihanoi_place_member(compiler->documents, content, type, &place);

        if (rc == IHANOI_OK) {
            rc = ihanoi_place_members_known(compiler->documents, &place, known,
                                            "media type");
        }

        if (rc == IHANOI_OK) {
            rc = ihanoi_media_type(compiler, &place, type, &media[*n]);
        }

        if (rc != IHANOI_OK) {
            return rc;
        }

        if (request && strcmp(type, "application/json") != 0
            && strcmp(type, "application/merge-patch+json") != 0)
        {
            return ihanoi_document_refuse(compiler->documents, &place,
                                          "a request is \"application/json\" "
                                          "or \"application/"
                                          "merge-patch+json\"");
        }

        sub = NULL;

        if (ihanoi_media_is_json(type)) {

            rc = ihanoi_schema_of(compiler->schemas, &place, "JSON", &sub);
            if (rc != IHANOI_OK) {
                return rc;
            }

            schema = json_object_get(place.value, "schema");

            if (request && first && !json_equal(first, schema)) {
                return ihanoi_document_refuse(compiler->documents, &place,
                                              "all media types of a request "
                                              "have one schema");
            }

            first = schema;
        }

        schemas[(*n)++] = sub;
    }

    return IHANOI_OK;
}


static int
ihanoi_media_type(ihanoi_compiler_t *compiler, const ihanoi_place_t *place,
    const char *type, ihanoi_media_t *media)
{
    unsigned     i, slashes;
    const char  *p;

    slashes = 0;

    for (p = type; *p; p++) {

        if (*p == '/') {
            slashes++;
            continue;
        }

        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')
              || strchr("+-._", *p)))
        {
            break;
        }
    }

    if (*p || slashes != 1 || *type == '/' || p[-1] == '/') {
        return ihanoi_document_refuse(compiler->documents, place,
                                      "must be a media type in lower case, "
                                      "without parameters");
    }

    memset(media, 0, sizeof(ihanoi_media_t));

    for (i = 0; ihanoi_media_suffixes[i].type; i++) {

        if (strcmp(ihanoi_media_suffixes[i].type, type) == 0) {
            media->suffix.data = ihanoi_media_suffixes[i].suffix;
            media->suffix.len = strlen(media->suffix.data);
            break;
        }
    }

    return ihanoi_operation_text(compiler, &media->type, type);
}


/*
 * {format} promises nothing that the answers do not have, and what it does not
 * promise has no suffix.
 */

int
ihanoi_operation_formats(ihanoi_compiler_t *compiler)
{
    size_t               i, n, promised;
    unsigned             k;
    const char          *suffix;
    ihanoi_operation_t  *op;

    op = &compiler->compiled->op;
    n = json_array_size(compiler->format->values);
    promised = 0;

    for (i = 0; i < n; i++) {
        suffix = json_string_value(json_array_get(compiler->format->values,
                                                  i));

        for (k = 0; suffix && k < op->nproduces; k++) {
            if (op->produces[k].suffix.data
                && strcmp(op->produces[k].suffix.data, suffix) == 0)
            {
                promised |= (size_t) 1 << k;
                break;
            }
        }

        if (suffix == NULL || k == op->nproduces) {
            break;
        }
    }

    if (n == 0 || i < n) {
        return ihanoi_document_refuse(compiler->documents,
                                      &compiler->format_place,
                                      "\"format\" needs an enum of the "
                                      "suffixes of the media types answered");
    }

    for (k = 0; k < op->nproduces; k++) {
        if (!(promised & ((size_t) 1 << k))) {
            op->produces[k].suffix.data = NULL;
            op->produces[k].suffix.len = 0;
        }
    }

    return IHANOI_OK;
}


int
ihanoi_media_is_json(const char *type)
{
    size_t  len;

    len = strlen(type);

    return strcmp(type, "application/json") == 0
           || (len > 5 && strcmp(type + len - 5, "+json") == 0);
}
