/*
 * Copyright (C) iHaNoi contributors
 *
 * A body on its way from the client to SQL, and an answer's on its way back.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ihanoi_contract.h"
#include "ihanoi_digest.h"
#include "ihanoi_jansson.h"
#include "ihanoi_json.h"
#include "ihanoi_operation.h"
#include "ihanoi_violation.h"


static int ihanoi_input_digest(ihanoi_input_t *in, const json_t *body,
    int reals);
static int ihanoi_input_members(ihanoi_input_t *in, const json_t *body,
    ihanoi_spans_t *spans);
static int ihanoi_input_member(ihanoi_input_t *in, unsigned i,
    const json_t *value, const ihanoi_span_t *span, int reals, int large);
static int ihanoi_input_unknown_members(ihanoi_input_t *in,
    const json_t *body);


int
ihanoi_input_body(ihanoi_input_t *in, const char *data, size_t len)
{
    int                        rc;
    unsigned                   i;
    json_t                    *body;
    ihanoi_spans_t             spans;
    ihanoi_json_error_t        err;
    const ihanoi_operation_t  *op;

    op = in->op;

    if (len == 0) {

        if (!op->body_required) {
            return 0;
        }

        return ihanoi_input_fault(in, IHANOI_IN_BODY, NULL, "", "required",
                                  "a body is required");
    }

    if (op->body == NULL) {
        return ihanoi_input_fault(in, IHANOI_IN_BODY, NULL, "", "unknown",
                                  "there is no body in this operation");
    }

    /* no member of a whole body is anybody's argument */

    spans.max = op->body_whole ? 0 : op->narguments;
    spans.members = in->alloc.alloc(in->alloc.ctx, (op->narguments + 1)
                                                   * sizeof(ihanoi_span_t));
    if (spans.members == NULL) {
        return -1;
    }

    rc = ihanoi_json_read(data, len, IHANOI_JSON_DEPTH, &spans, &body, &err);

    if (rc == IHANOI_INVALID) {
        return ihanoi_input_fault(in, IHANOI_IN_BODY, NULL, "", "syntax",
                                  "%s, at byte %zu", err.reason, err.offset);
    }

    if (rc != IHANOI_OK) {
        return -1;
    }

    rc = ihanoi_input_check(in, op->body, body, IHANOI_IN_BODY, NULL);

    if (rc == 0 && !op->body_whole && json_is_object(body)) {
        rc = ihanoi_input_unknown_members(in, body);
    }

    if (rc != 0 || in->nviolations) {
        json_decref(body);
        return rc;
    }

    if (in->keyed && ihanoi_input_digest(in, body, spans.reals) != 0) {
        json_decref(body);
        return -1;
    }

    if (!op->body_whole) {
        rc = ihanoi_input_members(in, body, &spans);

    } else {
        i = ihanoi_input_find(op, IHANOI_IN_BODY, "body", 4);
        rc = spans.whole.inexact
             ? ihanoi_input_inexact(in, &op->arguments[i],
                                    "more digits than a double holds")
             : ihanoi_input_json(in, i, spans.whole.data, spans.whole.len,
                                 spans.reals, in->large != 0);
    }

    json_decref(body);

    return rc;
}


/*
 * A client that sends again what it has kept as values may write it anew: with
 * members in another order, other white space, other escapes, 5 for 5.0.
 */

static int
ihanoi_input_digest(ihanoi_input_t *in, const json_t *body, int reals)
{
    int          rc;
    char        *text;
    const char  *same;

    text = json_dumps(body, JSON_COMPACT|JSON_SORT_KEYS|JSON_ENCODE_ANY);
    if (text == NULL) {
        return -1;
    }

    same = reals ? ihanoi_input_integers(in, text, strlen(text)) : text;
    rc = same ? ihanoi_sha256(same, strlen(same), in->json) : -1;

    free(text);

    return rc;
}


/* The schema has accepted the body; it is an object, its members are known. */

static int
ihanoi_input_members(ihanoi_input_t *in, const json_t *body,
    ihanoi_spans_t *spans)
{
    void                      *iter;
    size_t                     k;
    unsigned                   i;
    const char                *name;
    const ihanoi_operation_t  *op;

    op = in->op;
    k = 0;

    for (iter = json_object_iter((json_t *) body);
         iter;
         iter = json_object_iter_next((json_t *) body, iter))
    {
        /* jansson keeps the order of the text, so spans go along */

        name = json_object_iter_key(iter);
        i = ihanoi_input_find(op, IHANOI_IN_BODY, name, strlen(name));

        if (i == op->narguments || k == spans->n || k == spans->max) {
            return -1;
        }

        if (ihanoi_input_member(in, i, json_object_iter_value(iter),
                                &spans->members[k], spans->reals,
                                in->large >> k & 1)
            != 0)
        {
            return -1;
        }

        k++;
    }

    return 0;
}


static int
ihanoi_input_member(ihanoi_input_t *in, unsigned i, const json_t *value,
    const ihanoi_span_t *span, int reals, int large)
{
    char                      text[24];
    json_int_t                n;
    const ihanoi_argument_t  *argument;

    argument = &in->op->arguments[i];

    if (json_is_null(value)) {

        /* of every type SQL's null, also where a default would stand */

        in->values[i] = NULL;
        return 0;
    }

    /* a float8 has no more digits than the double that was checked */

    if (span->inexact && strcmp(argument->sql_type.data, "float8") != 0) {
        return ihanoi_input_inexact(in, argument,
                                    "more digits than a double holds");
    }

    if (strcmp(argument->sql_type.data, "jsonb") == 0) {
        return ihanoi_input_json(in, i, span->data, span->len, reals,
                                 large);
    }

    if (json_is_string(value)) {
        in->values[i] = ihanoi_input_copy(in, json_string_value(value),
                                          json_string_length(value));

        return in->values[i] ? 0 : -1;
    }

    if (strcmp(argument->sql_type.data, "float8") == 0
        && !ihanoi_number_fits_double(value))
    {
        return ihanoi_input_inexact(in, argument,
                                    "a double does not hold this integer");
    }

    if (strncmp(argument->sql_type.data, "int", 3) == 0 && json_is_real(value)) {

        /* the cast to it refuses "5.0"; the schema has seen to its bounds */

        if (!ihanoi_number_integer(value, &n)) {
            return -1;
        }

        in->values[i] = ihanoi_input_copy(in, text,
                            (size_t) snprintf(text, sizeof(text),
                                              "%" JSON_INTEGER_FORMAT, n));

        return in->values[i] ? 0 : -1;
    }

    in->values[i] = ihanoi_input_copy(in, span->data, span->len);

    return in->values[i] ? 0 : -1;
}


/* Members that are no argument, unless the schema has named them already. */

static int
ihanoi_input_unknown_members(ihanoi_input_t *in, const json_t *body)
{
    void            *iter;
    size_t           len;
    unsigned         k;
    const char      *name;
    ihanoi_check_t   check;

    memset(&check, 0, sizeof(ihanoi_check_t));
    check.report = ihanoi_input_report;

    for (iter = json_object_iter((json_t *) body);
         iter;
         iter = json_object_iter_next((json_t *) body, iter))
    {
        name = json_object_iter_key(iter);

        if (ihanoi_input_find(in->op, IHANOI_IN_BODY, name, strlen(name))
            != in->op->narguments)
        {
            continue;
        }

        len = ihanoi_check_enter(&check, name);

        for (k = 0; k < in->nviolations; k++) {
            if (strcmp(in->violations[k].keyword, "additionalProperties") == 0
                && strcmp(in->violations[k].pointer, check.pointer) == 0)
            {
                break;
            }
        }

        if (k == in->nviolations
            && ihanoi_input_fault(in, IHANOI_IN_BODY, NULL, check.pointer,
                                  "additionalProperties",
                                  "there is no such member"))
        {
            return -1;
        }

        ihanoi_check_leave(&check, len);

        if (in->nviolations == IHANOI_MAX_VIOLATIONS) {
            break;
        }
    }

    return 0;
}


int
ihanoi_operation_check_response(const ihanoi_operation_t *op, unsigned status,
    const char *type, const char *data, size_t len, ihanoi_input_t *in)
{
    int                       rc;
    json_t                   *value;
    unsigned                  i, best, rank;
    json_error_t              error;
    const ihanoi_schema_t    *schema;
    const ihanoi_compiled_t  *compiled;
    const ihanoi_response_t  *response;

    compiled = (const ihanoi_compiled_t *) op;
    response = NULL;
    best = 0;

    for (i = 0; i < compiled->nresponses; i++) {

        rank = compiled->responses[i].status == status ? 3
               : compiled->responses[i].status == status / 100 ? 2
               : compiled->responses[i].status == 0 ? 1 : 0;

        if (rank > best) {
            best = rank;
            response = &compiled->responses[i];
        }
    }

    if (response == NULL) {
        return ihanoi_input_fault(in, IHANOI_IN_BODY, NULL, "", "status",
                                  "%u is not in the contract", status);
    }

    if (response->nmedia == 0) {
        return len == 0 ? 0
               : ihanoi_input_fault(in, IHANOI_IN_BODY, NULL, "", "content",
                                    "a body where the contract has none");
    }

    schema = NULL;

    for (i = 0; i < response->nmedia && schema == NULL; i++) {
        if (type == NULL || strcmp(response->media[i].type.data, type) == 0) {
            schema = response->schemas[i];
        }
    }

    if (schema == NULL) {
        return 0;
    }

    if (len == 0) {
        return ihanoi_input_fault(in, IHANOI_IN_BODY, NULL, "", "content",
                                  "no body where the contract has one");
    }

    /*
     * Our strict reader is for strangers; PostgreSQL may well write a double
     * with 17 digits.
     */

    error.text[0] = '\0';
    error.text[JSON_ERROR_TEXT_LENGTH - 1] = '\0';

    value = ihanoi_jansson_read(data, len,
                                JSON_REJECT_DUPLICATES|JSON_DECODE_ANY,
                                &error);
    if (value == NULL) {

        if (json_error_code(&error) == json_error_unknown
            || json_error_code(&error) == json_error_out_of_memory)
        {
            return -1;
        }

        return ihanoi_input_fault(in, IHANOI_IN_BODY, NULL, "", "syntax",
                                  "is not JSON: %.100s", error.text);
    }

    rc = ihanoi_input_check(in, schema, value, IHANOI_IN_BODY, NULL);

    json_decref(value);

    return rc;
}
