/*
 * Copyright (C) iHaNoi contributors
 *
 * A contract's document.  What loads makes a merged document that loads too,
 * and operations that take any request without harm; what does not load has a
 * reason.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "expect.h"
#include "ihanoi_contract.h"
#include "ihanoi_json.h"


#define REQUEST_MEMORY  (1 << 20)


static char    file[64];
static char    memory[REQUEST_MEMORY];
static size_t  used;


static void
remove_file(void)
{
    (void) unlink(file);
}


static ihanoi_contract_t *
load(const void *data, size_t size, ihanoi_contract_error_t *err)
{
    FILE        *f;
    const char  *files[1];

    if (file[0] == '\0') {
        snprintf(file, sizeof(file), "/tmp/ihanoi-fuzz-contract-%d.json",
                 (int) getpid());
        atexit(remove_file);
    }

    f = fopen(file, "wb");
    expect(f != NULL, "no temporary file");
    expect(fwrite(data, 1, size, f) == size, "short write");
    fclose(f);

    files[0] = file;

    return ihanoi_contract_load(files, 1, err);
}


static void *
request_alloc(void *ctx, size_t size)
{
    void  *p;

    size = (size + 15) & ~(size_t) 15;

    if (size > REQUEST_MEMORY - used) {
        return NULL;
    }

    p = memory + used;
    used += size;

    return p;
}


static void
try_operation(const ihanoi_contract_t *contract, const ihanoi_operation_t *op)
{
    unsigned        i, k;
    ihanoi_str_t    value;
    ihanoi_input_t  in;
    ihanoi_match_t  match;

    static const ihanoi_alloc_t   alloc = { request_alloc, NULL };
    static const char            *queries[] = {
        "", "a=1", "a=x,y,1&b=true", "limit=5&q=%C4%91", "format=json",
    };
    static const char            *bodies[] = {
        "", "{}", "[]", "1.5", "\"a\"", "{\"a\":1,\"b\":[{\"c\":null}]}",
    };

    expect(op->id.data[op->id.len] == '\0' && op->id.len > 0, "no id");
    expect(op->sql.len > 0, "no function");
    expect(op->method != IHANOI_POST || op->security == IHANOI_SECURITY_TOKEN,
           "a POST without token");

    for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        used = 0;

        if (ihanoi_input_init(&in, op, &alloc) == 0) {
            (void) ihanoi_input_query(&in, queries[i], strlen(queries[i]));
        }
    }

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        used = 0;

        if (ihanoi_input_init(&in, op, &alloc) == 0) {
            (void) ihanoi_input_body(&in, bodies[i], strlen(bodies[i]));
            (void) ihanoi_operation_check_response(op, 200, NULL, bodies[i],
                                                   strlen(bodies[i]), &in);
        }
    }

    value.data = "W/\"a\", \"1\"";
    value.len = strlen(value.data);

    for (k = 0; k < op->narguments; k++) {

        expect(op->arguments[k].sql_name.len > 0
               && op->arguments[k].sql_type.len > 0, "no name or type");

        used = 0;

        if (op->arguments[k].in == IHANOI_IN_HEADER
            && ihanoi_input_init(&in, op, &alloc) == 0)
        {
            (void) ihanoi_input_header(&in, k, value);
        }
    }

    /* "{x}" is a segment as good as any, so a template matches itself */

    expect(ihanoi_contract_match(contract, op->path.data, op->path.len,
                                 &match) == 1
           || strstr(op->path.data, "{format}") != NULL,
           "a template does not match itself");

    used = 0;

    if (match.by_method[op->method] == op
        && ihanoi_input_init(&in, op, &alloc) == 0)
    {
        (void) ihanoi_input_path(&in, &match);
    }
}


/* The Idempotency-Key is for clients to read: no contract may declare it. */

static ihanoi_contract_t *
load_merged(ihanoi_str_t document, ihanoi_contract_error_t *err)
{
    char               *text;
    json_t             *whole, *item, *parameters;
    const char         *path;
    json_error_t        error;
    ihanoi_contract_t  *merged;

    whole = json_loadb(document.data, document.len, 0, &error);
    expect(whole != NULL, "the merged document is no JSON");

    json_object_foreach(json_object_get(whole, "paths"), path, item) {
        parameters = json_object_get(json_object_get(item, "post"),
                                     "parameters");
        item = json_array_get(parameters, json_array_size(parameters) - 1);
        item = json_object_get(item, "name");

        if (item && strcmp(json_string_value(item), "Idempotency-Key") == 0) {
            json_array_remove(parameters, json_array_size(parameters) - 1);
        }
    }

    text = json_dumps(whole, JSON_REAL_PRECISION(IHANOI_JSON_DIGITS));
    expect(text != NULL, "the merged document is not written");
    merged = load(text, strlen(text), err);

    free(text);
    json_decref(whole);

    return merged;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned                          i, n;
    ihanoi_str_t                      document;
    ihanoi_contract_t                *contract, *merged;
    ihanoi_contract_error_t           err;
    const ihanoi_problem_text_t      *problems;
    const ihanoi_operation_t *const  *ops, *const *others;

    contract = load(data, size, &err);

    if (contract == NULL) {
        expect(err.reason[0] != '\0', "refused without a reason");
        expect(strcmp(err.reason, "out of memory") != 0,
               "a fault was taken for one of memory");
        return 0;
    }

    n = ihanoi_contract_operations(contract, &ops);

    for (i = 0; i < n; i++) {
        try_operation(contract, ops[i]);
    }

    (void) ihanoi_contract_problems(contract, &problems);

    document = ihanoi_contract_document(contract);
    merged = load_merged(document, &err);

    if (merged == NULL) {
        fprintf(stderr, "%s: %s\n", err.pointer, err.reason);
    }

    expect(merged != NULL, "the merged document does not load");
    expect(ihanoi_contract_operations(merged, &others) == n,
           "the merged document has other operations");

    for (i = 0; i < n; i++) {
        expect(ops[i]->narguments == others[i]->narguments
               && ops[i]->security == others[i]->security
               && strcmp(ops[i]->id.data, others[i]->id.data) == 0,
               "an operation has changed in the merged document");
    }

    ihanoi_contract_free(merged);
    ihanoi_contract_free(contract);

    return 0;
}
