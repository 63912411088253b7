/*
 * Copyright (C) iHaNoi contributors
 *
 * Documents in, a contract out: operations, problems, routes, one document.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ihanoi_contract.h"
#include "ihanoi_digest.h"
#include "ihanoi_json.h"
#include "ihanoi_merge.h"
#include "ihanoi_operation.h"


#define IHANOI_OPERATIONS  4096
#define IHANOI_PROBLEMS    1024

/* Of the names of components: OpenAPI 3.1, 4.8.7. */
#define IHANOI_CONTRACT_NAME  "abcdefghijklmnopqrstuvwxyz"                    \
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"


struct ihanoi_contract_s {
    ihanoi_arena_t           *arena;
    ihanoi_documents_t        documents;
    ihanoi_schemas_t          schemas;
    ihanoi_route_t           *root;

    ihanoi_operation_t      **operations;
    unsigned                  noperations;
    ihanoi_problem_text_t    *problems;
    unsigned                  nproblems;

    ihanoi_str_t              document;
    char                      hash[2 * IHANOI_SHA256_LEN + 1];
};


static int ihanoi_contract_compile(ihanoi_contract_t *contract,
    const char *const *files, unsigned n);
static int ihanoi_contract_document_check(ihanoi_contract_t *contract,
    ihanoi_place_t *root);
static int ihanoi_contract_components(ihanoi_contract_t *contract,
    const ihanoi_place_t *root);
static int ihanoi_contract_security(ihanoi_documents_t *documents,
    const ihanoi_place_t *components);
static int ihanoi_contract_paths(ihanoi_contract_t *contract,
    const ihanoi_place_t *root);
static int ihanoi_contract_path(ihanoi_contract_t *contract,
    const ihanoi_place_t *root, const ihanoi_place_t *path, const char *text);
static int ihanoi_contract_operation(ihanoi_contract_t *contract,
    ihanoi_compiler_t *compiler, ihanoi_method_e method);
static int ihanoi_contract_problem_list(ihanoi_contract_t *contract,
    const ihanoi_place_t *root);
static int ihanoi_contract_problem(ihanoi_contract_t *contract,
    const ihanoi_place_t *place, const char *code);
static int ihanoi_contract_languages(ihanoi_contract_t *contract,
    const ihanoi_place_t *place, const char *name, ihanoi_str_t *vi,
    ihanoi_str_t *en);
static int ihanoi_contract_finish(ihanoi_contract_t *contract);


ihanoi_contract_t *
ihanoi_contract_load(const char *const *files, unsigned n,
    ihanoi_contract_error_t *err)
{
    ihanoi_arena_t     *arena;
    ihanoi_contract_t  *contract;

    memset(err, 0, sizeof(ihanoi_contract_error_t));
    (void) snprintf(err->reason, sizeof(err->reason), "out of memory");

    arena = ihanoi_arena_create();
    if (arena == NULL) {
        return NULL;
    }

    contract = ihanoi_arena_alloc(arena, sizeof(ihanoi_contract_t));

    if (contract == NULL) {
        ihanoi_arena_destroy(arena);
        return NULL;
    }

    contract->arena = arena;
    contract->documents.arena = arena;
    contract->documents.err = err;
    contract->documents.last = &contract->documents.first;
    contract->schemas.documents = &contract->documents;

    if (ihanoi_contract_compile(contract, files, n) != IHANOI_OK) {
        ihanoi_document_printable(err);
        ihanoi_arena_destroy(arena);
        return NULL;
    }

    /* the error belongs to the caller, who may be gone when we are used */

    contract->documents.err = NULL;
    err->reason[0] = '\0';

    return contract;
}


void
ihanoi_contract_free(ihanoi_contract_t *contract)
{
    if (contract != NULL) {
        ihanoi_arena_destroy(contract->arena);
    }
}


static int
ihanoi_contract_compile(ihanoi_contract_t *contract, const char *const *files,
    unsigned n)
{
    int                  rc;
    unsigned             i;
    ihanoi_place_t       root;
    ihanoi_documents_t  *documents;

    documents = &contract->documents;

    if (n == 0) {
        (void) snprintf(documents->err->reason, sizeof(documents->err->reason),
                        "no document is given");
        return IHANOI_INVALID;
    }

    contract->root = ihanoi_route_create(contract->arena);
    contract->operations = ihanoi_arena_alloc(contract->arena,
                                              IHANOI_OPERATIONS
                                              * sizeof(ihanoi_operation_t *));
    contract->problems = ihanoi_arena_alloc(contract->arena,
                                            IHANOI_PROBLEMS
                                            * sizeof(ihanoi_problem_text_t));

    if (contract->root == NULL || contract->operations == NULL
        || contract->problems == NULL)
    {
        return ihanoi_document_no_memory(documents);
    }

    for (i = 0; i < n; i++) {
        if (ihanoi_document_open(documents, files[i], 1) == NULL) {
            return IHANOI_INVALID;
        }
    }

    /* the list grows while "$ref" brings in others */

    root.pointer = "";

    for (root.document = documents->first;
         root.document;
         root.document = root.document->next)
    {
        root.value = root.document->root;

        rc = ihanoi_contract_document_check(contract, &root);
        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    return ihanoi_contract_finish(contract);
}


static int
ihanoi_contract_document_check(ihanoi_contract_t *contract,
    ihanoi_place_t *root)
{
    int                 rc;
    const char         *version;
    const json_t       *info;
    static const char  *known[] = {
        "openapi", "info", "servers", "tags", "paths", "components",
        "security", "externalDocs", "x-ihanoi-problems", NULL
    };

    rc = ihanoi_place_members_known(&contract->documents, root, known,
                                    "document");
    if (rc != IHANOI_OK) {
        return rc;
    }

    version = json_string_value(json_object_get(root->value, "openapi"));

    if (version == NULL || strncmp(version, "3.1.", 4) != 0) {
        return ihanoi_document_refuse(&contract->documents, root,
                                      "\"openapi\" must be \"3.1.x\"");
    }

    info = json_object_get(root->value, "info");

    if (!json_is_string(json_object_get(info, "title"))
        || !json_is_string(json_object_get(info, "version")))
    {
        return ihanoi_document_refuse(&contract->documents, root,
                                      "\"info\" needs \"title\" and "
                                      "\"version\"");
    }

    rc = ihanoi_contract_components(contract, root);

    if (rc == IHANOI_OK && root->document->listed) {
        rc = ihanoi_contract_paths(contract, root);
    }

    if (rc == IHANOI_OK) {
        rc = ihanoi_contract_problem_list(contract, root);
    }

    return rc;
}


/* Schemas that nothing refers to yet are read too: they are promises. */

static int
ihanoi_contract_components(ihanoi_contract_t *contract,
    const ihanoi_place_t *root)
{
    int                  rc;
    void                *iter;
    size_t               len;
    const char          *key;
    unsigned             i;
    ihanoi_place_t       components, part, place;
    ihanoi_documents_t  *documents;
    static const char   *known[] = {
        "schemas", "responses", "parameters", "examples", "requestBodies",
        "headers", "securitySchemes", NULL
    };

    documents = &contract->documents;

    rc = ihanoi_place_member(documents, root, "components", &components);
    if (rc != IHANOI_OK || components.value == NULL) {
        return rc;
    }

    rc = ihanoi_place_members_known(documents, &components, known,
                                    "components");
    if (rc != IHANOI_OK) {
        return rc;
    }

    for (i = 0; known[i]; i++) {

        rc = ihanoi_place_member(documents, &components, known[i], &part);
        if (rc != IHANOI_OK) {
            return rc;
        }

        if (part.value == NULL) {
            continue;
        }

        if (!json_is_object(part.value)) {
            return ihanoi_document_refuse(documents, &part,
                                          "must be an object");
        }

        for (iter = json_object_iter(part.value);
             iter;
             iter = json_object_iter_next(part.value, iter))
        {
            key = json_object_iter_key(iter);

            rc = ihanoi_place_member(documents, &part, key, &place);
            if (rc != IHANOI_OK) {
                return rc;
            }

            len = strlen(key);

            if (len == 0 || strspn(key, IHANOI_CONTRACT_NAME) != len) {
                return ihanoi_document_refuse(documents, &place,
                                              "a component's name has letters,"
                                              " digits, \".\", \"_\", \"-\"");
            }

            if (strcmp(known[i], "schemas") == 0
                && ihanoi_schema_compile(&contract->schemas, &place) == NULL)
            {
                return IHANOI_INVALID;
            }
        }
    }

    return ihanoi_contract_security(documents, &components);
}


static int
ihanoi_contract_security(ihanoi_documents_t *documents,
    const ihanoi_place_t *components)
{
    int              rc;
    const json_t    *bearer;
    ihanoi_place_t   schemes;

    rc = ihanoi_place_member(documents, components, "securitySchemes",
                             &schemes);
    if (rc != IHANOI_OK || schemes.value == NULL) {
        return rc;
    }

    bearer = json_object_get(schemes.value, "bearer");

    if (json_object_size(schemes.value) != 1
        || json_string_value(json_object_get(bearer, "type")) == NULL
        || json_string_value(json_object_get(bearer, "scheme")) == NULL
        || strcmp(json_string_value(json_object_get(bearer, "type")),
                  "http") != 0
        || strcmp(json_string_value(json_object_get(bearer, "scheme")),
                  "bearer") != 0)
    {
        return ihanoi_document_refuse(documents, &schemes,
                                      "the one scheme is \"bearer\": "
                                      "{\"type\": \"http\", "
                                      "\"scheme\": \"bearer\"}");
    }

    return IHANOI_OK;
}


static int
ihanoi_contract_paths(ihanoi_contract_t *contract, const ihanoi_place_t *root)
{
    int              rc;
    void            *iter;
    ihanoi_place_t   paths, path;

    rc = ihanoi_place_member(&contract->documents, root, "paths", &paths);
    if (rc != IHANOI_OK || paths.value == NULL) {
        return rc;
    }

    if (!json_is_object(paths.value)) {
        return ihanoi_document_refuse(&contract->documents, &paths,
                                      "must be an object");
    }

    for (iter = json_object_iter(paths.value);
         iter;
         iter = json_object_iter_next(paths.value, iter))
    {
        rc = ihanoi_place_member(&contract->documents, &paths,
                                 json_object_iter_key(iter), &path);

        if (rc == IHANOI_OK) {
            rc = ihanoi_contract_path(contract, root, &path,
                                      json_object_iter_key(iter));
        }

        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    return IHANOI_OK;
}


static int
ihanoi_contract_path(ihanoi_contract_t *contract, const ihanoi_place_t *root,
    const ihanoi_place_t *path, const char *text)
{
    int                  rc;
    unsigned             m;
    ihanoi_compiler_t   *compiler;
    static const char   *known[] = {
        "summary", "description", "parameters",
        "get", "post", "put", "patch", "delete", NULL
    };

    rc = ihanoi_place_members_known(&contract->documents, path, known, "path");
    if (rc != IHANOI_OK) {
        return rc;
    }

    compiler = ihanoi_malloc(sizeof(ihanoi_compiler_t));
    if (compiler == NULL) {
        return ihanoi_document_no_memory(&contract->documents);
    }

    for (m = 0; m < IHANOI_METHODS; m++) {

        memset(compiler, 0, sizeof(ihanoi_compiler_t));

        compiler->documents = &contract->documents;
        compiler->schemas = &contract->schemas;
        compiler->path = *path;
        compiler->text = text;
        compiler->security = json_object_get(root->value, "security");

        rc = ihanoi_place_member(&contract->documents, path,
                                 ihanoi_methods[m], &compiler->place);

        if (rc == IHANOI_OK && compiler->place.value == NULL) {
            continue;
        }

        if (rc == IHANOI_OK) {
            rc = ihanoi_template_parse(&contract->documents, path, text,
                                       &compiler->template);
        }

        if (rc == IHANOI_OK) {
            rc = ihanoi_contract_operation(contract, compiler,
                                           (ihanoi_method_e) m);
        }

        if (rc != IHANOI_OK) {
            break;
        }
    }

    ihanoi_free(compiler);

    return rc;
}


static int
ihanoi_contract_operation(ihanoi_contract_t *contract,
    ihanoi_compiler_t *compiler, ihanoi_method_e method)
{
    int                  rc;
    unsigned             i;
    ihanoi_document_t   *document;
    ihanoi_operation_t  *op, *other;

    compiler->compiled = ihanoi_arena_alloc(contract->arena,
                                            sizeof(ihanoi_compiled_t));
    if (compiler->compiled == NULL) {
        return ihanoi_document_no_memory(&contract->documents);
    }

    op = &compiler->compiled->op;

    rc = ihanoi_operation_compile(compiler, method);

    if (rc == IHANOI_OK) {
        rc = ihanoi_operation_text(compiler, &op->path,
                                   compiler->text);
    }

    if (rc != IHANOI_OK) {
        return rc;
    }

    for (i = 0; i < contract->noperations; i++) {

        other = contract->operations[i];

        if (strcmp(other->id.data, op->id.data) == 0) {

            /* a plugin's has another name than its file */

            document = contract->documents.first;

            while (strcmp(document->name, other->document.data) != 0) {
                document = document->next;
            }

            return ihanoi_document_refuse(&contract->documents,
                                          &compiler->place,
                                          "the operationId \"%s\" stands in "
                                          "\"%s\" already", op->id.data,
                                          document->path);
        }
    }

    if (contract->noperations == IHANOI_OPERATIONS) {
        return ihanoi_document_refuse(&contract->documents, &compiler->place,
                                      "more than %d operations",
                                      IHANOI_OPERATIONS);
    }

    rc = ihanoi_route_add(&contract->documents, &compiler->path,
                          contract->root, &compiler->template, op);
    if (rc != IHANOI_OK) {
        return rc;
    }

    op->index = contract->noperations;
    contract->operations[contract->noperations++] = op;

    return IHANOI_OK;
}


static int
ihanoi_contract_problem_list(ihanoi_contract_t *contract,
    const ihanoi_place_t *root)
{
    int              rc;
    void            *iter;
    ihanoi_place_t   list, place;

    rc = ihanoi_place_member(&contract->documents, root, "x-ihanoi-problems",
                             &list);
    if (rc != IHANOI_OK || list.value == NULL) {
        return rc;
    }

    if (!json_is_object(list.value)) {
        return ihanoi_document_refuse(&contract->documents, &list,
                                      "must be an object");
    }

    for (iter = json_object_iter(list.value);
         iter;
         iter = json_object_iter_next(list.value, iter))
    {
        rc = ihanoi_place_member(&contract->documents, &list,
                                 json_object_iter_key(iter), &place);

        if (rc == IHANOI_OK) {
            rc = ihanoi_contract_problem(contract, &place,
                                         json_object_iter_key(iter));
        }

        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    return IHANOI_OK;
}


static int
ihanoi_contract_problem(ihanoi_contract_t *contract,
    const ihanoi_place_t *place, const char *code)
{
    int                     rc;
    size_t                  len;
    unsigned                i;
    const json_t           *status;
    ihanoi_document_t      *other;
    ihanoi_documents_t     *documents;
    ihanoi_problem_text_t   *problem;
    static const char       *known[] = { "status", "title", "detail", NULL };

    documents = &contract->documents;

    rc = ihanoi_place_members_known(documents, place, known, "problem");
    if (rc != IHANOI_OK) {
        return rc;
    }

    len = strlen(code);

    if (len == 0 || len > 63
        || strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789-") != len
        || code[0] == '-')
    {
        return ihanoi_document_refuse(documents, place,
                                      "a problem's code is like "
                                      "\"outside-city\"");
    }

    for (i = 0; i < contract->nproblems; i++) {
        if (strcmp(contract->problems[i].code.data, code) == 0) {

            /* in their order: the first that has it */

            other = documents->first;

            while (json_object_get(json_object_get(other->root,
                                                   "x-ihanoi-problems"), code)
                   == NULL)
            {
                other = other->next;
            }

            return ihanoi_document_refuse(documents, place,
                                          "this problem stands in \"%s\" "
                                          "already", other->path);
        }
    }

    if (contract->nproblems == IHANOI_PROBLEMS) {
        return ihanoi_document_refuse(documents, place,
                                      "more than %d problems",
                                      IHANOI_PROBLEMS);
    }

    status = json_object_get(place->value, "status");

    if (!json_is_integer(status) || json_integer_value(status) < 400
        || json_integer_value(status) > 599)
    {
        return ihanoi_document_refuse(documents, place,
                                      "\"status\" must be from 400 to 599");
    }

    problem = &contract->problems[contract->nproblems];

    problem->status = (unsigned) json_integer_value(status);
    problem->code.len = len;
    problem->code.data = ihanoi_arena_strndup(contract->arena, code, len);

    if (problem->code.data == NULL) {
        return ihanoi_document_no_memory(documents);
    }

    rc = ihanoi_contract_languages(contract, place, "title",
                                   &problem->title_vi, &problem->title_en);
    if (rc != IHANOI_OK) {
        return rc;
    }

    if (problem->title_vi.data == NULL) {
        return ihanoi_document_refuse(documents, place,
                                      "a problem needs a \"title\"");
    }

    contract->nproblems++;

    return ihanoi_contract_languages(contract, place, "detail",
                                     &problem->detail_vi, &problem->detail_en);
}


static int
ihanoi_contract_languages(ihanoi_contract_t *contract,
    const ihanoi_place_t *place, const char *name, ihanoi_str_t *vi,
    ihanoi_str_t *en)
{
    int            rc;
    unsigned       i;
    const char    *text;
    ihanoi_str_t  *out;
    ihanoi_place_t  both;
    static const char  *known[] = { "vi", "en", NULL };

    rc = ihanoi_place_member(&contract->documents, place, name, &both);
    if (rc != IHANOI_OK || both.value == NULL) {
        return rc;
    }

    rc = ihanoi_place_members_known(&contract->documents, &both, known,
                                    "texts");
    if (rc != IHANOI_OK) {
        return rc;
    }

    for (i = 0; known[i]; i++) {

        text = json_string_value(json_object_get(both.value, known[i]));

        if (text == NULL || *text == '\0') {
            return ihanoi_document_refuse(&contract->documents, &both,
                                          "needs a text in \"vi\" and in "
                                          "\"en\"");
        }

        out = i == 0 ? vi : en;
        out->len = strlen(text);
        out->data = ihanoi_arena_strndup(contract->arena, text, out->len);

        if (out->data == NULL) {
            return ihanoi_document_no_memory(&contract->documents);
        }
    }

    return IHANOI_OK;
}


static int
ihanoi_contract_finish(ihanoi_contract_t *contract)
{
    int             rc;
    char           *text;
    json_t         *merged;
    unsigned char   digest[IHANOI_SHA256_LEN];

    rc = ihanoi_merge(&contract->documents, &merged);
    if (rc != IHANOI_OK) {
        return rc;
    }

    rc = ihanoi_merge_problems(merged, contract->operations,
                               contract->noperations);

    text = rc != IHANOI_OK ? NULL
           : json_dumps(merged, JSON_COMPACT
                                |JSON_REAL_PRECISION(IHANOI_JSON_DIGITS));
    json_decref(merged);

    if (text == NULL) {
        return ihanoi_document_no_memory(&contract->documents);
    }

    contract->document.len = strlen(text);
    contract->document.data = ihanoi_arena_strndup(contract->arena, text,
                                                   contract->document.len);
    free(text);

    if (contract->document.data == NULL) {
        return ihanoi_document_no_memory(&contract->documents);
    }

    if (ihanoi_sha256(contract->document.data, contract->document.len, digest)
        != 0)
    {
        return ihanoi_document_no_memory(&contract->documents);
    }

    ihanoi_hex(digest, IHANOI_SHA256_LEN, contract->hash);

    return IHANOI_OK;
}


unsigned
ihanoi_contract_operations(const ihanoi_contract_t *contract,
    const ihanoi_operation_t *const **operations)
{
    *operations = (const ihanoi_operation_t *const *) contract->operations;

    return contract->noperations;
}


unsigned
ihanoi_contract_problems(const ihanoi_contract_t *contract,
    const ihanoi_problem_text_t **problems)
{
    *problems = contract->problems;

    return contract->nproblems;
}


ihanoi_str_t
ihanoi_contract_document(const ihanoi_contract_t *contract)
{
    return contract->document;
}


const char *
ihanoi_contract_hash(const ihanoi_contract_t *contract)
{
    return contract->hash;
}


int
ihanoi_contract_match(const ihanoi_contract_t *contract, const char *path,
    size_t len, ihanoi_match_t *match)
{
    return ihanoi_route_match(contract->root, path, len, match);
}
