/*
 * Copyright (C) iHaNoi contributors
 *
 * A JSON body against a schema: the input's first line is the schema, the rest
 * the body.
 *
 * What is accepted, a second reader accepts; what goes to SQL put together
 * again is the body, and casts to integers what the schema calls one; what is
 * refused has a reason; nothing is both.
 */

#include <string.h>
#include <unistd.h>
#include <jansson.h>

#include "expect.h"
#include "ihanoi_contract.h"
#include "ihanoi_equal.h"
#include "ihanoi_json.h"
#include "ihanoi_number.h"
#include "ihanoi_utf8.h"


#define REQUEST_MEMORY  (8 << 20)


static char    memory[REQUEST_MEMORY];
static size_t  used;


static void *
request_alloc(void *ctx, size_t size)
{
    void  *p;

    size = (size + 15) & ~(size_t) 15;
    expect(size <= REQUEST_MEMORY - used, "a request takes too much memory");

    p = memory + used;
    used += size;

    return p;
}


/* The schema's last contract is kept: the fuzzer changes bodies more often. */

static ihanoi_contract_t *
compile(const uint8_t *schema, size_t size, int whole)
{
    FILE                      *f;
    char                       path[64];
    const char                *files[1];
    ihanoi_contract_error_t    err;
    static char               *last[2];
    static size_t              last_size[2];
    static ihanoi_contract_t  *contract[2];

    if (last[whole] && last_size[whole] == size
        && memcmp(last[whole], schema, size) == 0)
    {
        return contract[whole];
    }

    free(last[whole]);
    ihanoi_contract_free(contract[whole]);

    last[whole] = malloc(size ? size : 1);
    last_size[whole] = size;
    memcpy(last[whole], schema, size);

    snprintf(path, sizeof(path), "/tmp/ihanoi-fuzz-body-%d.json",
             (int) getpid());

    f = fopen(path, "wb");
    expect(f != NULL, "no temporary file");

    fprintf(f, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"t\","
               "\"version\":\"1\"},\"security\":[{\"bearer\":[]}],"
               "\"paths\":{\"/a\":{\"put\":{\"operationId\":\"a\","
               "\"x-ihanoi-sql\":\"a\",\"x-ihanoi-body\":\"%s\","
               "\"responses\":{\"200\":{\"description\":\"d\"}},"
               "\"requestBody\":{\"required\":true,\"content\":{"
               "\"application/json\":{\"schema\":"
               "{\"$ref\":\"#/components/schemas/S\"}}}}}}},"
               "\"components\":{\"schemas\":{\"S\":",
            whole ? "whole" : "members");
    expect(fwrite(schema, 1, size, f) == size, "short write");
    fprintf(f, "}}}");
    fclose(f);

    files[0] = path;
    contract[whole] = ihanoi_contract_load(files, 1, &err);
    (void) unlink(path);

    return contract[whole];
}


static void
check_violations(const ihanoi_input_t *in)
{
    unsigned                   i;
    const ihanoi_violation_t  *v;

    expect(in->nviolations <= IHANOI_MAX_VIOLATIONS, "too many violations");

    for (i = 0; i < in->nviolations; i++) {
        v = &in->violations[i];

        expect(v->keyword[0] && v->message[0], "a violation without words");
        expect(strlen(v->pointer) < sizeof(v->pointer), "a pointer overflows");
        expect(ihanoi_utf8_count(v->pointer, strlen(v->pointer))
               != (size_t) -1, "a pointer is not UTF-8");
        expect(v->pointer[0] == '\0' || v->pointer[0] == '/',
               "a pointer is none");
    }
}


/* To JSON Schema, that is: 5 may stand for 5.0. */

static int
equal(const json_t *a, const json_t *b)
{
    size_t  steps;

    steps = (size_t) -1;

    return ihanoi_json_equal(a, b, &steps) == 1;
}


/* Of what is cast to an integer, no text has a point. */

static void
check_integers(const json_t *value)
{
    size_t       i;
    json_t      *item;
    json_int_t   n;
    const char  *name;

    expect(!json_is_real(value) || !ihanoi_number_integer(value, &n),
           "an integer is written as a real");

    json_array_foreach(value, i, item) {
        check_integers(item);
    }

    json_object_foreach((json_t *) value, name, item) {
        check_integers(item);
    }
}


/* The members as SQL gets them make the body again. */

static void
check_members(const ihanoi_input_t *in, const json_t *body)
{
    json_t                   *value;
    unsigned                  i;
    const json_t             *member;
    ihanoi_spans_t            spans;
    ihanoi_json_error_t       err;
    const ihanoi_argument_t  *argument;

    expect(json_is_object(body), "members of no object");
    expect(json_object_size(body) <= in->op->narguments, "a member is lost");

    for (i = 0; i < in->op->narguments; i++) {

        argument = &in->op->arguments[i];
        member = json_object_get(body, argument->name.data);

        if (member == NULL) {
            expect(in->values[i] == argument->default_text.data,
                   "a value out of nothing");
            continue;
        }

        if (json_is_null(member)) {
            expect(in->values[i] == NULL, "null is a value");
            continue;
        }

        expect(in->values[i] != NULL, "a value is lost");

        if (json_is_string(member)
            && strcmp(argument->sql_type.data, "jsonb") != 0)
        {
            expect(strcmp(json_string_value(member), in->values[i]) == 0,
                   "a string has changed");
            continue;
        }

        spans.max = 0;

        expect(ihanoi_json_read(in->values[i], strlen(in->values[i]), 32,
                                &spans, &value, &err) == IHANOI_OK,
               "a member is not JSON by itself");
        expect(equal(value, member), "a member has changed");
        expect(!spans.whole.inexact
               || strcmp(argument->sql_type.data, "float8") == 0,
               "a member has more digits than were checked");

        if (strcmp(argument->sql_type.data, "float8") != 0
            && strcmp(argument->sql_type.data, "numeric") != 0)
        {
            check_integers(value);
        }

        json_decref(value);
    }
}


/* The same body with its integers written as such is the same request. */

static void
check_digest(const ihanoi_input_t *in, const char *text, size_t len)
{
    size_t          n;
    char           *integers;
    ihanoi_input_t  again;

    n = ihanoi_json_integers(text, len, NULL);
    integers = malloc(n + 1);
    expect(ihanoi_json_integers(text, len, integers) == n, "lengths differ");

    expect(ihanoi_input_init(&again, in->op, &in->alloc) == 0, "no memory");
    again.keyed = 1;
    expect(ihanoi_input_body(&again, integers, n) == 0, "another reader");

    /* a float8 does not take an integer beyond 2^53 that is written as one */

    expect(again.nviolations
           || memcmp(again.json, in->json, sizeof(again.json)) == 0,
           "the same is another request");

    free(integers);
}


static void
try(ihanoi_contract_t *contract, int whole, const char *text, size_t len)
{
    int                               rc;
    json_t                           *body, *again;
    json_error_t                      error;
    ihanoi_input_t                    in;
    ihanoi_json_error_t               err;
    const ihanoi_operation_t *const  *ops;

    static const ihanoi_alloc_t       alloc = { request_alloc, NULL };

    (void) ihanoi_contract_operations(contract, &ops);

    used = 0;
    expect(ihanoi_input_init(&in, ops[0], &alloc) == 0, "no memory");

    in.keyed = 1;
    rc = ihanoi_input_body(&in, text, len);

    /* memory does not fail here, so both readers have agreed */

    expect(rc == 0, "the two readers disagree");

    check_violations(&in);

    if (in.nviolations) {
        return;
    }

    check_digest(&in, text, len);

    body = json_loadb(text, len, JSON_REJECT_DUPLICATES|JSON_DECODE_ANY,
                      &error);
    expect(body != NULL, "accepted, and refused by a second reader");

    if (!whole) {
        check_members(&in, body);

    } else {
        expect(ihanoi_json_read(in.values[0], strlen(in.values[0]), 32, NULL,
                                &again, &err) == IHANOI_OK
               && equal(again, body), "the body has changed");
        check_integers(again);
        json_decref(again);
    }

    json_decref(body);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                 whole;
    const uint8_t      *line;
    ihanoi_contract_t  *contract;

    line = memchr(data, '\n', size);

    if (size == 0 || line == NULL) {
        return 0;
    }

    for (whole = 0; whole < 2; whole++) {

        contract = compile(data, (size_t) (line - data), whole);

        if (contract != NULL) {
            try(contract, whole, (const char *) line + 1,
                size - (size_t) (line + 1 - data));
        }
    }

    return 0;
}
