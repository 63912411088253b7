/*
 * Copyright (C) iHaNoi contributors
 *
 * One operation of a document: its own members, security and answers.
 */

#include <stdlib.h>
#include <string.h>

#include "ihanoi_json.h"
#include "ihanoi_operation.h"


#define IHANOI_TIMEOUT_MAX  600000


static int ihanoi_operation_id(ihanoi_compiler_t *compiler);
static int ihanoi_operation_server(ihanoi_compiler_t *compiler);
static int ihanoi_operation_extensions(ihanoi_compiler_t *compiler);
static int ihanoi_operation_choice(ihanoi_compiler_t *compiler,
    const char *name, const char *const *choices, int *choice);
static int ihanoi_operation_security(ihanoi_compiler_t *compiler);
static int ihanoi_operation_scopes(ihanoi_compiler_t *compiler,
    const json_t *requirement);
static int ihanoi_operation_responses(ihanoi_compiler_t *compiler);
static int ihanoi_operation_response(ihanoi_compiler_t *compiler,
    ihanoi_place_t *place, const char *code, ihanoi_response_t *response);
static int ihanoi_operation_formats(ihanoi_compiler_t *compiler);
static int ihanoi_media_type(ihanoi_compiler_t *compiler,
    const ihanoi_place_t *place, const char *type, ihanoi_media_t *media);


static const char *const  ihanoi_operation_members[] = {
    "operationId", "tags", "summary", "description", "externalDocs",
    "parameters", "requestBody", "responses", "deprecated", "security",
    "x-ihanoi-sql", "x-ihanoi-lua", "x-ihanoi-host", "x-ihanoi-pool",
    "x-ihanoi-timeout", "x-ihanoi-assurance", "x-ihanoi-idempotency",
    "x-ihanoi-body", "x-ihanoi-abort", "x-ihanoi-stream", NULL
};

static const char *const  ihanoi_operation_pools[] = {
    "read", "write", "slow", NULL
};

static const char *const  ihanoi_operation_assurances[] = {
    "declared", "phone", "verified", NULL
};

static const char *const  ihanoi_operation_idempotencies[] = {
    "none", "optional", "required", NULL
};

static const char *const  ihanoi_operation_bodies[] = {
    "members", "whole", NULL
};

static const char *const  ihanoi_operation_aborts[] = {
    "cancel", "finish", NULL
};


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
ihanoi_operation_compile(ihanoi_compiler_t *compiler, ihanoi_method_e method)
{
    int                  rc;
    ihanoi_operation_t  *op;

    op = &compiler->compiled->op;
    op->method = method;

    rc = ihanoi_place_members_known(compiler->documents, &compiler->place,
                                    ihanoi_operation_members, "operation");

    if (rc == IHANOI_OK) {
        rc = ihanoi_operation_id(compiler);
    }

    if (rc == IHANOI_OK) {
        rc = ihanoi_operation_extensions(compiler);
    }

    if (rc == IHANOI_OK) {
        rc = ihanoi_operation_security(compiler);
    }

    if (rc == IHANOI_OK) {
        rc = ihanoi_arguments_compile(compiler);
    }

    if (rc == IHANOI_OK) {
        rc = ihanoi_operation_responses(compiler);
    }

    if (rc == IHANOI_OK && compiler->template.format) {
        rc = ihanoi_operation_formats(compiler);
    }

    return rc;
}


static int
ihanoi_operation_id(ihanoi_compiler_t *compiler)
{
    int                  rc;
    const char          *id;
    ihanoi_operation_t  *op;

    op = &compiler->compiled->op;

    id = json_string_value(json_object_get(compiler->place.value,
                                           "operationId"));

    if (id == NULL || !ihanoi_name_is_snake(id)) {
        return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                      "needs an \"operationId\" in "
                                      "snake_case");
    }

    rc = ihanoi_operation_text(compiler, &op->id, id);

    if (rc == IHANOI_OK) {
        rc = ihanoi_operation_server(compiler);
    }

    if (rc == IHANOI_OK) {
        rc = ihanoi_operation_text(compiler, &op->document,
                                   compiler->place.document->name);
    }

    return rc;
}


/*
 * What serves it: a SQL function or a plugin's handler.  The function of a GET
 * may say no more than who is answered, and the host the rest.
 */

static int
ihanoi_operation_server(ihanoi_compiler_t *compiler)
{
    int                  rc;
    const char          *name;
    const json_t        *sql, *lua, *host;
    ihanoi_operation_t  *op;

    op = &compiler->compiled->op;

    sql = json_object_get(compiler->place.value, "x-ihanoi-sql");
    lua = json_object_get(compiler->place.value, "x-ihanoi-lua");
    name = json_string_value(sql ? sql : lua);

    if ((sql && lua) || name == NULL || !ihanoi_name_is_snake(name)) {
        return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                      "needs \"x-ihanoi-sql\" or "
                                      "\"x-ihanoi-lua\", the name of a "
                                      "function in snake_case");
    }

    rc = ihanoi_operation_text(compiler, sql ? &op->sql : &op->lua, name);

    host = json_object_get(compiler->place.value, "x-ihanoi-host");

    if (rc != IHANOI_OK || host == NULL) {
        return rc;
    }

    name = json_string_value(host);

    if (sql == NULL || op->method != IHANOI_GET || name == NULL
        || !ihanoi_name_is_snake(name))
    {
        return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                      "\"x-ihanoi-host\" is a name in "
                                      "snake_case, for a GET with "
                                      "\"x-ihanoi-sql\"");
    }

    return ihanoi_operation_text(compiler, &op->host, name);
}


static int
ihanoi_operation_extensions(ihanoi_compiler_t *compiler)
{
    int                  rc, choice;
    json_t              *timeout;
    ihanoi_operation_t  *op;
    const json_t        *value;

    op = &compiler->compiled->op;

    choice = op->method == IHANOI_GET ? IHANOI_POOL_READ : IHANOI_POOL_WRITE;

    rc = ihanoi_operation_choice(compiler, "x-ihanoi-pool",
                                 ihanoi_operation_pools, &choice);
    if (rc != IHANOI_OK) {
        return rc;
    }

    op->pool = (ihanoi_pool_e) choice;

    if (op->method != IHANOI_GET && op->pool == IHANOI_POOL_READ) {
        return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                      "only GET may use the pool \"read\"");
    }

    timeout = json_object_get(compiler->place.value, "x-ihanoi-timeout");

    if (timeout) {
        if (!json_is_integer(timeout) || json_integer_value(timeout) < 1
            || json_integer_value(timeout) > IHANOI_TIMEOUT_MAX)
        {
            return ihanoi_document_refuse(compiler->documents,
                                          &compiler->place,
                                          "\"x-ihanoi-timeout\" must be "
                                          "milliseconds from 1 to %d",
                                          IHANOI_TIMEOUT_MAX);
        }

        op->timeout = (unsigned) json_integer_value(timeout);
    }

    choice = -1;

    rc = ihanoi_operation_choice(compiler, "x-ihanoi-assurance",
                                 ihanoi_operation_assurances, &choice);
    if (rc != IHANOI_OK) {
        return rc;
    }

    op->assurance = (ihanoi_assurance_e) (choice + 1);

    choice = op->method == IHANOI_POST ? IHANOI_IDEMPOTENCY_REQUIRED
                                       : IHANOI_IDEMPOTENCY_NONE;

    rc = ihanoi_operation_choice(compiler, "x-ihanoi-idempotency",
                                 ihanoi_operation_idempotencies, &choice);
    if (rc != IHANOI_OK) {
        return rc;
    }

    op->idempotency = (ihanoi_idempotency_e) choice;

    if (op->method != IHANOI_POST
        && json_object_get(compiler->place.value, "x-ihanoi-idempotency"))
    {
        return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                      "\"x-ihanoi-idempotency\" is for POST "
                                      "only");
    }

    choice = 0;

    rc = ihanoi_operation_choice(compiler, "x-ihanoi-body",
                                 ihanoi_operation_bodies, &choice);
    if (rc != IHANOI_OK) {
        return rc;
    }

    op->body_whole = (choice == 1);

    choice = 0;

    rc = ihanoi_operation_choice(compiler, "x-ihanoi-abort",
                                 ihanoi_operation_aborts, &choice);
    if (rc != IHANOI_OK) {
        return rc;
    }

    op->finish = (choice == 1);

    if (op->finish && op->lua.data == NULL) {
        return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                      "\"x-ihanoi-abort\" is for "
                                      "\"x-ihanoi-lua\"");
    }

    value = json_object_get(compiler->place.value, "x-ihanoi-stream");

    if (value && !json_is_boolean(value)) {
        return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                      "\"x-ihanoi-stream\" must be true or "
                                      "false");
    }

    op->stream = json_is_true(value);

    if (op->stream && op->lua.data == NULL) {
        return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                      "\"x-ihanoi-stream\" is for "
                                      "\"x-ihanoi-lua\"");
    }

    /* an answer that is kept for its key has to be there as a whole */

    if (op->stream && op->method == IHANOI_POST) {
        return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                      "\"x-ihanoi-stream\" cannot be used "
                                      "where an Idempotency-Key keeps the "
                                      "answer: not with POST");
    }

    if (json_object_get(compiler->place.value, "x-ihanoi-body")
        && json_object_get(compiler->place.value, "requestBody") == NULL)
    {
        return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                      "\"x-ihanoi-body\" needs "
                                      "\"requestBody\"");
    }

    return IHANOI_OK;
}


/* *choice keeps its value when the member is absent. */

static int
ihanoi_operation_choice(ihanoi_compiler_t *compiler, const char *name,
    const char *const *choices, int *choice)
{
    int            i;
    const char    *text;
    const json_t  *value;

    value = json_object_get(compiler->place.value, name);
    if (value == NULL) {
        return IHANOI_OK;
    }

    text = json_string_value(value);

    for (i = 0; text && choices[i]; i++) {
        if (strcmp(choices[i], text) == 0) {
            *choice = i;
            return IHANOI_OK;
        }
    }

    return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                  "\"%s\" must be \"%s\", \"%s\"%s%s%s", name,
                                  choices[0], choices[1],
                                  choices[2] ? " or \"" : "",
                                  choices[2] ? choices[2] : "",
                                  choices[2] ? "\"" : "");
}


static int
ihanoi_operation_security(ihanoi_compiler_t *compiler)
{
    size_t               n;
    json_t              *security, *last;
    ihanoi_operation_t  *op;

    op = &compiler->compiled->op;

    security = json_object_get(compiler->place.value, "security");

    if (security == NULL) {
        security = compiler->security;
    }

    if (!json_is_array(security)) {
        return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                      "must say \"security\": [] or "
                                      "[{\"bearer\": []}], or the document");
    }

    n = json_array_size(security);

    if (n == 0) {
        op->security = IHANOI_SECURITY_PUBLIC;

    } else {
        last = json_array_get(security, n - 1);
        op->security = IHANOI_SECURITY_TOKEN;

        if (n == 2 && json_is_object(json_array_get(security, 0))
            && json_object_size(json_array_get(security, 0)) == 0)
        {
            op->security = IHANOI_SECURITY_OPTIONAL;

        } else if (n != 1) {
            goto invalid;
        }

        if (json_object_size(last) != 1
            || !json_is_array(json_object_get(last, "bearer")))
        {
            goto invalid;
        }

        if (ihanoi_operation_scopes(compiler, json_object_get(last, "bearer"))
            != IHANOI_OK)
        {
            return IHANOI_INVALID;
        }
    }

    if (op->method == IHANOI_POST
        && (op->security == IHANOI_SECURITY_TOKEN)
           == (op->idempotency == IHANOI_IDEMPOTENCY_NONE))
    {
        return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                      "POST needs a token, whose subject owns "
                                      "the Idempotency-Key, or "
                                      "\"x-ihanoi-idempotency\": \"none\", "
                                      "and not both");
    }

    if (op->assurance != IHANOI_ASSURANCE_NONE
        && op->security != IHANOI_SECURITY_TOKEN)
    {
        return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                      "\"x-ihanoi-assurance\" needs a token");
    }

    return IHANOI_OK;

invalid:

    return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                  "\"security\" must be [], "
                                  "[{\"bearer\": [...]}] or "
                                  "[{}, {\"bearer\": [...]}]");
}


static int
ihanoi_operation_scopes(ihanoi_compiler_t *compiler, const json_t *list)
{
    size_t               i, n;
    const char          *scope, *p;
    ihanoi_operation_t  *op;

    op = &compiler->compiled->op;
    n = json_array_size(list);

    op->scopes = ihanoi_arena_alloc(compiler->documents->arena,
                                    n * sizeof(ihanoi_str_t));
    if (op->scopes == NULL) {
        return ihanoi_document_no_memory(compiler->documents);
    }

    for (i = 0; i < n; i++) {

        scope = json_string_value(json_array_get(list, i));

        /* RFC 6749, 3.3 */

        for (p = scope; p && *p; p++) {
            if (*p <= 0x20 || *p >= 0x7f || *p == '"' || *p == '\\') {
                break;
            }
        }

        if (p == NULL || p == scope || *p) {
            return ihanoi_document_refuse(compiler->documents,
                                          &compiler->place,
                                          "a scope must be a word");
        }

        if (ihanoi_operation_text(compiler, &op->scopes[i], scope)
            != IHANOI_OK)
        {
            return IHANOI_NOMEM;
        }
    }

    op->nscopes = (unsigned) n;

    return IHANOI_OK;
}


static int
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
    unsigned             n;
    ihanoi_place_t       content;
    ihanoi_media_t       ignored[IHANOI_MEDIA], *list;
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

    rc = ihanoi_place_member(compiler->documents, place, "content", &content);
    if (rc != IHANOI_OK || content.value == NULL) {
        return rc;
    }

    if (response->status == 204 || response->status == 304) {
        return ihanoi_document_refuse(compiler->documents, place,
                                      "a response %s has no \"content\"", code);
    }

    response->content = 1;

    if (response->status / 100 == 2 || response->status == 2) {
        return ihanoi_media_compile(compiler, &content, 0, op->produces,
                                    &op->nproduces, &response->schema);
    }

    n = 0;
    list = ignored;

    return ihanoi_media_compile(compiler, &content, 0, list, &n,
                                &response->schema);

invalid:

    return ihanoi_document_refuse(compiler->documents, place,
                                  "a response is for a status of 200 to 599, "
                                  "\"4XX\" or \"default\"");
}


int
ihanoi_media_compile(ihanoi_compiler_t *compiler,
    const ihanoi_place_t *content, int request, ihanoi_media_t *list,
    unsigned *n, const ihanoi_schema_t **schema)
{
    int                     rc;
    void                   *iter;
    size_t                  len;
    unsigned                i;
    const char             *type;
    ihanoi_media_t          media;
    ihanoi_place_t          place, value;
    const json_t           *first;
    const ihanoi_schema_t  *sub;
    static const char      *known[] = { "schema", "example", "examples", NULL };

    if (json_object_size(content->value) == 0) {
        return ihanoi_document_refuse(compiler->documents, content,
                                      "names no media type");
    }

    *schema = NULL;
    first = NULL;
    memset(&media, 0, sizeof(media));      /* clang cannot see it being set */

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
            rc = ihanoi_media_type(compiler, &place, type, &media);
        }

        if (rc == IHANOI_OK) {
            rc = ihanoi_place_member(compiler->documents, &place, "schema",
                                     &value);
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

        for (i = 0; i < *n; i++) {
            if (strcmp(list[i].type.data, type) == 0) {
                break;
            }
        }

        if (i == *n) {

            if (*n == IHANOI_MEDIA) {
                return ihanoi_document_refuse(compiler->documents, &place,
                                              "more than %d media types",
                                              IHANOI_MEDIA);
            }

            list[(*n)++] = media;
        }

        len = strlen(type);

        if (strcmp(type, "application/json") != 0
            && (len <= 5 || strcmp(type + len - 5, "+json") != 0))
        {
            continue;
        }

        if (value.value == NULL) {
            return ihanoi_document_refuse(compiler->documents, &place,
                                          "JSON needs a \"schema\"");
        }

        sub = ihanoi_schema_compile(compiler->schemas, &value);
        if (sub == NULL) {
            return IHANOI_INVALID;
        }

        rc = ihanoi_schema_check_examples(compiler->schemas, sub, &place);
        if (rc != IHANOI_OK) {
            return rc;
        }

        if (*schema == NULL) {
            *schema = sub;
            first = value.value;

        } else if (request && !json_equal(first, value.value)) {
            return ihanoi_document_refuse(compiler->documents, &place,
                                          "all media types of a request have "
                                          "one schema");
        }
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

static int
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
ihanoi_operation_text(ihanoi_compiler_t *compiler, ihanoi_str_t *s,
    const char *text)
{
    s->len = strlen(text);
    s->data = ihanoi_arena_strndup(compiler->documents->arena, text, s->len);

    if (s->data == NULL) {
        return ihanoi_document_no_memory(compiler->documents);
    }

    return IHANOI_OK;
}


int
ihanoi_name_is_snake(const char *text)
{
    size_t  len;

    len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");

    return len > 0 && len <= 63 && text[len] == '\0'
           && text[0] >= 'a' && text[0] <= 'z';
}
