/*
 * Copyright (C) iHaNoi contributors
 *
 * One operation of a document: its own members and security.
 */

#include <string.h>

#include "ihanoi_json.h"
#include "ihanoi_operation.h"


#define IHANOI_TIMEOUT_MAX  600000


static int ihanoi_operation_id(ihanoi_compiler_t *compiler);
static int ihanoi_operation_server(ihanoi_compiler_t *compiler);
static int ihanoi_operation_extensions(ihanoi_compiler_t *compiler);
static int ihanoi_operation_lua_extensions(ihanoi_compiler_t *compiler);
static int ihanoi_operation_choice(ihanoi_compiler_t *compiler,
    const char *name, const char *const *choices, int *choice);
static int ihanoi_operation_security(ihanoi_compiler_t *compiler);
static int ihanoi_operation_scopes(ihanoi_compiler_t *compiler,
    const json_t *requirement);


const char *const  ihanoi_methods[IHANOI_METHODS] = {
    "get", "post", "put", "patch", "delete"
};

static const char *const  ihanoi_operation_members[] = {
    "operationId", "tags", "summary", "description", "externalDocs",
    "parameters", "requestBody", "responses", "deprecated", "security",
    "x-ihanoi-sql", "x-ihanoi-lua", "x-ihanoi-host", "x-ihanoi-pool",
    "x-ihanoi-timeout", "x-ihanoi-assurance", "x-ihanoi-idempotency",
    "x-ihanoi-body", "x-ihanoi-abort", "x-ihanoi-stream", "x-ihanoi-query",
    NULL
};

static const char *const  ihanoi_operation_pools[] = {
    "read", "write", "slow", NULL
};

const char *const  ihanoi_assurances[] = {
    "none", "declared", "phone", "verified", NULL
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

static const char *const  ihanoi_operation_queries[] = {
    "declared", "open", NULL
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

    if (sql && lua) {
        return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                      "has \"x-ihanoi-sql\" and "
                                      "\"x-ihanoi-lua\": one function "
                                      "serves it");
    }

    if (name == NULL || !ihanoi_name_is_snake(name)) {
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

    /* nobody asks for "none" */

    choice = -1;

    rc = ihanoi_operation_choice(compiler, "x-ihanoi-assurance",
                                 ihanoi_assurances + 1, &choice);
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

    if (json_object_get(compiler->place.value, "x-ihanoi-body")
        && json_object_get(compiler->place.value, "requestBody") == NULL)
    {
        return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                      "\"x-ihanoi-body\" needs "
                                      "\"requestBody\"");
    }

    return ihanoi_operation_lua_extensions(compiler);
}


/* Of operations that a handler serves. */

static int
ihanoi_operation_lua_extensions(ihanoi_compiler_t *compiler)
{
    int                  rc, choice;
    const json_t        *value;
    ihanoi_operation_t  *op;

    op = &compiler->compiled->op;

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

    choice = 0;

    rc = ihanoi_operation_choice(compiler, "x-ihanoi-query",
                                 ihanoi_operation_queries, &choice);
    if (rc != IHANOI_OK) {
        return rc;
    }

    op->query_open = (choice == 1);

    /* a SQL function has no argument for what is not declared */

    if (op->query_open && op->lua.data == NULL) {
        return ihanoi_document_refuse(compiler->documents, &compiler->place,
                                      "\"x-ihanoi-query\" is for "
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
