/*
 * Copyright (C) iHaNoi contributors
 *
 * What tests ask of the contracts.
 *
 *   contract operations FILE...
 *
 * Prints a line for each operation: its id, method, path, pool ("read",
 * "write", "slow"), SQL function, and "name:type" of each argument.
 *
 *   contract document FILE...
 *
 * Prints what /openapi.json serves.
 *
 *   contract responses FILE...
 *
 * Reads on stdin, again and again, a line "METHOD PATH STATUS LENGTH HEADER..."
 * and LENGTH bytes of body; answers each with a line: "ok", "none" when the
 * contract has no such operation, or what is wrong: with the body, or a HEADER
 * that the contract does not tell clients of.  The contract is the one that
 * /openapi.json serves, with the gateway's own refusals.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <jansson.h>

#include "ihanoi_arena.h"
#include "ihanoi_contract.h"
#include "ihanoi_json.h"


static const char  *methods[IHANOI_METHODS] = {
    "GET", "POST", "PUT", "PATCH", "DELETE"
};


/* What is served. */
static json_t      *document;


static void *
check_alloc(void *ctx, size_t size)
{
    return ihanoi_arena_alloc(ctx, size);
}


static const ihanoi_operation_t *
check_operation(const ihanoi_contract_t *contract, const char *method,
    const char *path)
{
    unsigned        i;
    ihanoi_match_t  match;

    memset(&match, 0, sizeof(ihanoi_match_t));

    if (!ihanoi_contract_match(contract, path, strlen(path), &match)) {
        return NULL;
    }

    for (i = 0; i < IHANOI_METHODS; i++) {
        if (strcmp(method, methods[i]) == 0) {
            return match.by_method[i];
        }
    }

    return NULL;
}


/* What is served of an operation's answer of this status, or NULL. */

static const json_t *
served_response(const ihanoi_operation_t *op, unsigned status)
{
    char           own[4], class[4], *path;
    size_t         i;
    const json_t  *responses, *response;
    const char    *codes[] = { own, class, "default" }, *ref;

    static const char  *members[IHANOI_METHODS] = {
        "get", "post", "put", "patch", "delete"
    };

    (void) snprintf(own, sizeof(own), "%u", status % 1000);
    (void) snprintf(class, sizeof(class), "%uXX", status / 100 % 10);

    path = strndup(op->path.data, op->path.len);
    responses = json_object_get(json_object_get(document, "paths"), path);
    responses = json_object_get(json_object_get(responses,
                                                members[op->method]),
                                "responses");
    free(path);

    response = NULL;

    for (i = 0; response == NULL && i < sizeof(codes) / sizeof(codes[0]); i++) {
        response = json_object_get(responses, codes[i]);
    }

    ref = json_string_value(json_object_get(response, "$ref"));

    if (ref) {
        response = json_object_get(document, "components");
        response = json_object_get(json_object_get(response, "responses"),
                                   strrchr(ref, '/') + 1);
    }

    return response;
}


static int
is_declared(const ihanoi_operation_t *op, unsigned status, const char *header)
{
    json_t      *headers, *value;
    const char  *key;

    headers = json_object_get(served_response(op, status), "headers");

    json_object_foreach(headers, key, value) {
        if (strcasecmp(key, header) == 0) {
            return 1;
        }
    }

    return 0;
}


static void
check_response(const ihanoi_operation_t *op, unsigned status, char *headers,
    const char *body, size_t len)
{
    char                *header;
    unsigned             i;
    ihanoi_alloc_t       alloc;
    ihanoi_input_t       in;
    ihanoi_arena_t      *arena;
    ihanoi_violation_t  *v;

    arena = ihanoi_arena_create();
    if (arena == NULL) {
        abort();
    }

    alloc.alloc = check_alloc;
    alloc.ctx = arena;

    memset(&in, 0, sizeof(ihanoi_input_t));

    if (ihanoi_input_init(&in, op, &alloc) != 0
        || ihanoi_operation_check_response(op, status, NULL, body, len,
                                           &in)
           != 0)
    {
        abort();
    }

    for (header = strtok(headers, " \n");
         header;
         header = strtok(NULL, " \n"))
    {
        if (!is_declared(op, status, header)) {
            printf("%.*s %u: the header %s is not declared\n",
                   (int) op->id.len, op->id.data, status, header);
            ihanoi_arena_destroy(arena);
            return;
        }
    }

    if (in.nviolations == 0) {
        printf("ok");
    }

    for (i = 0; i < in.nviolations; i++) {
        v = &in.violations[i];

        printf("%s%.*s %u \"%s\": %s: %s", i ? "; " : "", (int) op->id.len,
               op->id.data, status, v->pointer, v->keyword, v->message);
    }

    printf("\n");

    ihanoi_arena_destroy(arena);
}


static int
print_operations(const ihanoi_contract_t *contract)
{
    unsigned                          i, j, n;
    const ihanoi_operation_t         *op;
    const ihanoi_operation_t *const  *operations;

    static const char  *pools[IHANOI_POOLS] = { "read", "write", "slow" };

    n = ihanoi_contract_operations(contract, &operations);

    for (i = 0; i < n; i++) {
        op = operations[i];

        printf("%.*s %s %.*s %s %.*s", (int) op->id.len, op->id.data,
               methods[op->method], (int) op->path.len, op->path.data,
               pools[op->pool], (int) op->sql.len, op->sql.data);

        for (j = 0; j < op->narguments; j++) {
            printf(" %.*s:%.*s", (int) op->arguments[j].sql_name.len,
                   op->arguments[j].sql_name.data,
                   (int) op->arguments[j].sql_type.len,
                   op->arguments[j].sql_type.data);
        }

        printf("\n");
    }

    return 0;
}


static int
check_responses(const ihanoi_contract_t *contract)
{
    char                      *body;
    char                       line[8192], method[16], path[8000];
    int                        end;
    size_t                     len;
    unsigned                   status;
    const ihanoi_operation_t  *op;

    setvbuf(stdout, NULL, _IOLBF, 0);

    while (fgets(line, sizeof(line), stdin)) {

        if (sscanf(line, "%15s %7999s %u %zu%n", method, path, &status, &len,
                   &end)
            != 4)
        {
            fprintf(stderr, "not understood: %s", line);
            return 1;
        }

        body = malloc(len + 1);

        if (body == NULL || fread(body, 1, len, stdin) != len) {
            return 1;
        }

        op = check_operation(contract, method, path);

        if (op) {
            check_response(op, status, line + end, body, len);

        } else {
            printf("none\n");
        }

        free(body);
    }

    return 0;
}


/* No document may declare the header of keys: what is served has it. */

static void
drop_keys(json_t *paths)
{
    size_t       i;
    json_t      *path, *operation, *parameters, *name;
    const char  *key;

    json_object_foreach(paths, key, path) {

        operation = json_object_get(path, "post");
        parameters = json_object_get(operation, "parameters");

        for (i = json_array_size(parameters); i > 0; i--) {

            name = json_object_get(json_array_get(parameters, i - 1), "name");

            if (name
                && strcmp(json_string_value(name), "Idempotency-Key") == 0)
            {
                json_array_remove(parameters, i - 1);
            }
        }
    }
}


static ihanoi_contract_t *
load_served(const ihanoi_contract_t *contract, ihanoi_contract_error_t *error)
{
    char                dir[] = "/tmp/ihanoi-served-XXXXXX", path[64];
    const char         *file = path;
    ihanoi_contract_t  *served;

    document = json_loads(ihanoi_contract_document(contract).data, 0, NULL);

    drop_keys(json_object_get(document, "paths"));

    if (mkdtemp(dir) == NULL) {
        abort();
    }

    (void) snprintf(path, sizeof(path), "%s/served.json", dir);

    if (json_dump_file(document, path,
                       JSON_REAL_PRECISION(IHANOI_JSON_DIGITS))
        != 0)
    {
        abort();
    }

    served = ihanoi_contract_load(&file, 1, error);

    (void) unlink(path);
    (void) rmdir(dir);

    return served;
}


int
main(int argc, char **argv)
{
    int                       rc;
    ihanoi_contract_t        *contract, *served;
    ihanoi_contract_error_t   error;

    if (argc < 3
        || (strcmp(argv[1], "operations") && strcmp(argv[1], "responses")
            && strcmp(argv[1], "document")))
    {
        fprintf(stderr,
                "usage: contract operations|document|responses FILE...\n");
        return 2;
    }

    contract = ihanoi_contract_load((const char *const *) argv + 2, argc - 2,
                                    &error);

    if (contract && argv[1][0] == 'r') {
        served = load_served(contract, &error);
        ihanoi_contract_free(contract);
        contract = served;
    }

    if (contract == NULL) {
        fprintf(stderr, "%s%s: %s\n", error.file, error.pointer,
                error.reason);
        return 1;
    }

    switch (argv[1][0]) {

    case 'o':
        rc = print_operations(contract);
        break;

    case 'd':
        rc = puts(ihanoi_contract_document(contract).data) == EOF;
        break;

    default:
        rc = check_responses(contract);
    }

    ihanoi_contract_free(contract);

    return rc;
}
