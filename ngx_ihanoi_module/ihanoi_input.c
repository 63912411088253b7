/*
 * Copyright (C) iHaNoi contributors
 *
 * A request's values on their way from the client to SQL.
 *
 * Each is held against its schema first; what then goes on is the text that
 * was accepted, so that PostgreSQL reads the value that we have seen.
 */

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ihanoi_contract.h"
#include "ihanoi_json.h"
#include "ihanoi_operation.h"
#include "ihanoi_text.h"


/* a step is some 20 to 50 ns: no request takes more than milliseconds */
#define IHANOI_INPUT_STEPS     200000

/* more entity tags than any client holds of one thing */
#define IHANOI_INPUT_ETAGS     64


/* Where the fault that is being reported stands. */
typedef struct {
    ihanoi_input_t           *in;
    ihanoi_check_t           *check;
    ihanoi_in_e               place;
    ihanoi_str_t              parameter;
    int                       rc;
} ihanoi_input_fault_t;


static int ihanoi_input_text(ihanoi_input_t *in, unsigned i, const char *raw,
    size_t len, int encoded);
static int ihanoi_input_list(ihanoi_input_t *in, unsigned i, const char *raw,
    size_t len);
static int ihanoi_input_scalar(ihanoi_input_t *in, unsigned i,
    const ihanoi_schema_t *schema, const char *text, size_t len,
    json_t **value);
static char *ihanoi_input_decode(ihanoi_input_t *in, const char *raw,
    size_t len, int encoded, int plus, size_t *decoded);
static int ihanoi_input_query_pair(ihanoi_input_t *in, const char *p,
    const char *end, uint64_t *seen);
static int ihanoi_input_unknown(ihanoi_input_t *in, const char *name,
    size_t len);
static int ihanoi_input_if_match(ihanoi_input_t *in, unsigned i,
    ihanoi_str_t value);
static int ihanoi_input_members(ihanoi_input_t *in, const json_t *body,
    ihanoi_spans_t *spans);
static int ihanoi_input_member(ihanoi_input_t *in, unsigned i,
    const json_t *value, const ihanoi_span_t *span);
static int ihanoi_input_unknown_members(ihanoi_input_t *in,
    const json_t *body);
static unsigned ihanoi_input_find(const ihanoi_operation_t *op,
    ihanoi_in_e place, const char *name, size_t len);
static int ihanoi_input_check(ihanoi_input_t *in,
    const ihanoi_schema_t *schema, const json_t *value, ihanoi_in_e place,
    const ihanoi_str_t *parameter);
static void ihanoi_input_report(void *ctx, const char *pointer,
    const char *keyword, const char *message);
static int ihanoi_input_fault(ihanoi_input_t *in, ihanoi_in_e place,
    const ihanoi_str_t *parameter, const char *pointer, const char *keyword,
    const char *fmt, ...) __attribute__((format(printf, 6, 7)));
static char *ihanoi_input_copy(ihanoi_input_t *in, const char *data,
    size_t len);


int
ihanoi_input_init(ihanoi_input_t *in, const ihanoi_operation_t *op,
    const ihanoi_alloc_t *alloc)
{
    unsigned  i;

    memset(in, 0, sizeof(ihanoi_input_t));

    in->op = op;
    in->alloc = *alloc;
    in->steps = IHANOI_INPUT_STEPS;

    in->values = alloc->alloc(alloc->ctx,
                              (op->narguments + 1) * sizeof(const char *));
    if (in->values == NULL) {
        return -1;
    }

    for (i = 0; i < op->narguments; i++) {
        in->values[i] = op->arguments[i].default_text.data;
    }

    in->values[i] = NULL;

    return 0;
}


int
ihanoi_input_path(ihanoi_input_t *in, const ihanoi_match_t *match)
{
    unsigned                  i, k;
    const ihanoi_argument_t  *argument;

    for (i = 0; i < in->op->narguments; i++) {

        argument = &in->op->arguments[i];

        if (argument->in != IHANOI_IN_PATH) {
            continue;
        }

        for (k = 0; k < match->nargs; k++) {

            if (match->names[k].len == argument->name.len
                && memcmp(match->names[k].data, argument->name.data,
                          argument->name.len) == 0)
            {
                if (ihanoi_input_text(in, i, match->args[k].data,
                                      match->args[k].len, 1) != 0)
                {
                    return -1;
                }

                break;
            }
        }

        if (k == match->nargs
            && ihanoi_input_fault(in, IHANOI_IN_PATH, &argument->name, "",
                                  "required", "this parameter is required"))
        {
            return -1;
        }
    }

    return 0;
}


int
ihanoi_input_query(ihanoi_input_t *in, const char *query, size_t len)
{
    uint64_t                  seen;
    unsigned                  i;
    const char               *p, *end, *next;
    const ihanoi_argument_t  *argument;

    seen = 0;
    end = query + len;

    for (p = query; p < end; p = next + 1) {

        next = memchr(p, '&', (size_t) (end - p));

        if (next == NULL) {
            next = end;
        }

        if (next > p && ihanoi_input_query_pair(in, p, next, &seen) != 0) {
            return -1;
        }
    }

    for (i = 0; i < in->op->narguments; i++) {

        argument = &in->op->arguments[i];

        if (argument->in == IHANOI_IN_QUERY && argument->required
            && !(seen & ((uint64_t) 1 << i))
            && ihanoi_input_fault(in, IHANOI_IN_QUERY, &argument->name, "",
                                  "required", "this parameter is required"))
        {
            return -1;
        }
    }

    return 0;
}


static int
ihanoi_input_query_pair(ihanoi_input_t *in, const char *p, const char *end,
    uint64_t *seen)
{
    char                     *name;
    size_t                    len;
    unsigned                  i;
    const char               *equals, *value;
    const ihanoi_argument_t  *argument;

    equals = memchr(p, '=', (size_t) (end - p));
    value = equals ? equals + 1 : end;

    if (equals == NULL) {
        equals = end;
    }

    name = ihanoi_input_decode(in, p, (size_t) (equals - p), 1, 1, &len);
    if (name == NULL) {
        return -1;
    }

    if (len == (size_t) -1) {
        return ihanoi_input_fault(in, IHANOI_IN_QUERY, NULL, "", "syntax",
                                  "a parameter's name is not encoded as it "
                                  "must be");
    }

    i = ihanoi_input_find(in->op, IHANOI_IN_QUERY, name, len);

    if (i == in->op->narguments) {
        return ihanoi_input_unknown(in, name, len);
    }

    argument = &in->op->arguments[i];

    if (*seen & ((uint64_t) 1 << i)) {
        return ihanoi_input_fault(in, IHANOI_IN_QUERY, &argument->name, "",
                                  "repeated", "this parameter stands twice");
    }

    *seen |= (uint64_t) 1 << i;

    if (argument->list) {
        return ihanoi_input_list(in, i, value, (size_t) (end - value));
    }

    return ihanoi_input_text(in, i, value, (size_t) (end - value), 1);
}


static int
ihanoi_input_unknown(ihanoi_input_t *in, const char *name, size_t len)
{
    size_t        n;
    ihanoi_str_t  parameter;

    /* as much of it as is polite to send back, in whole characters */

    parameter.data = name;
    parameter.len = 0;

    while (parameter.len < len) {
        n = ihanoi_utf8_length(name + parameter.len, name + len);

        if (parameter.len + n > 64) {
            break;
        }

        parameter.len += n;
    }

    return ihanoi_input_fault(in, IHANOI_IN_QUERY, &parameter, "", "unknown",
                              "there is no such parameter");
}


int
ihanoi_input_header(ihanoi_input_t *in, unsigned argument, ihanoi_str_t value)
{
    const ihanoi_argument_t  *arg;

    arg = &in->op->arguments[argument];

    if (value.data == NULL) {

        if (!arg->required) {
            return 0;
        }

        if (arg->if_match) {
            in->precondition_missing = 1;
            return 0;
        }

        return ihanoi_input_fault(in, IHANOI_IN_HEADER, &arg->name, "",
                                  "required", "this header is required");
    }

    if (arg->if_match) {
        return ihanoi_input_if_match(in, argument, value);
    }

    return ihanoi_input_text(in, argument, value.data, value.len, 0);
}


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

    spans.max = op->narguments;
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

    if (!op->body_whole) {
        rc = ihanoi_input_members(in, body, &spans);

    } else {
        i = ihanoi_input_find(op, IHANOI_IN_BODY, "body", 4);
        in->values[i] = ihanoi_input_copy(in, spans.whole.data,
                                          spans.whole.len);
        rc = in->values[i] ? 0 : -1;
    }

    json_decref(body);

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
                                &spans->members[k++]) != 0)
        {
            return -1;
        }
    }

    return 0;
}


static int
ihanoi_input_member(ihanoi_input_t *in, unsigned i, const json_t *value,
    const ihanoi_span_t *span)
{
    char                      pointer[72];
    const ihanoi_argument_t  *argument;

    argument = &in->op->arguments[i];

    if (json_is_null(value)) {

        /* of every type SQL's null, also where a default would stand */

        in->values[i] = NULL;
        return 0;
    }

    if (json_is_string(value)
        && strcmp(argument->sql_type.data, "jsonb") != 0)
    {
        in->values[i] = ihanoi_input_copy(in, json_string_value(value),
                                          json_string_length(value));

        return in->values[i] ? 0 : -1;
    }

    if (strcmp(argument->sql_type.data, "float8") == 0
        && !ihanoi_number_fits_double(value))
    {
        /* an argument's name is short and needs no escapes */

        (void) snprintf(pointer, sizeof(pointer), "/%s", argument->name.data);

        return ihanoi_input_fault(in, IHANOI_IN_BODY, NULL, pointer, "format",
                                  "a double does not hold this integer");
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


/* One value of path, query or header; encoded: percent-encoded. */

static int
ihanoi_input_text(ihanoi_input_t *in, unsigned i, const char *raw, size_t len,
    int encoded)
{
    int                       rc;
    char                     *text;
    size_t                    n;
    json_t                   *value;
    const ihanoi_argument_t  *argument;

    argument = &in->op->arguments[i];

    text = ihanoi_input_decode(in, raw, len, encoded,
                               argument->in == IHANOI_IN_QUERY, &n);
    if (text == NULL) {
        return -1;
    }

    if (n == (size_t) -1) {
        return ihanoi_input_fault(in, argument->in, &argument->name, "",
                                  "syntax", "this value is not encoded as it "
                                  "must be");
    }

    rc = ihanoi_input_scalar(in, i, argument->schema, text, n, &value);

    if (rc != 0 || value == NULL) {
        return rc;
    }

    n = in->nviolations;

    rc = ihanoi_input_check(in, argument->schema, value, argument->in,
                            &argument->name);

    if (rc == 0 && n == in->nviolations
        && strcmp(argument->sql_type.data, "float8") == 0
        && !ihanoi_number_fits_double(value))
    {
        rc = ihanoi_input_fault(in, argument->in, &argument->name, "",
                                "format", "a double does not hold this "
                                "integer");
    }

    json_decref(value);

    if (rc == 0 && n == in->nviolations) {
        in->values[i] = text;
    }

    return rc;
}


/* "a,b": an encoded comma belongs to its item; nothing at all has no items. */

static int
ihanoi_input_list(ihanoi_input_t *in, unsigned i, const char *raw, size_t len)
{
    int                       rc;
    char                     *text;
    size_t                    n;
    json_t                   *list, *value;
    const char               *p, *end, *next;
    const ihanoi_argument_t  *argument;
    const ihanoi_schema_t    *typed;

    argument = &in->op->arguments[i];
    typed = ihanoi_schema_typed(argument->schema);

    list = json_array();
    if (list == NULL) {
        return -1;
    }

    rc = 0;
    end = raw + len;

    for (p = raw; len && p <= end; p = next + 1) {

        next = memchr(p, ',', (size_t) (end - p));

        if (next == NULL) {
            next = end;
        }

        text = ihanoi_input_decode(in, p, (size_t) (next - p), 1, 1, &n);

        if (text == NULL) {
            rc = -1;
            goto done;
        }

        if (n == (size_t) -1) {
            rc = ihanoi_input_fault(in, argument->in, &argument->name, "",
                                    "syntax", "this value is not encoded as "
                                    "it must be");
            goto done;
        }

        rc = ihanoi_input_scalar(in, i, typed->items, text, n, &value);

        if (rc != 0 || value == NULL) {
            goto done;
        }

        if (json_array_append_new(list, value) != 0) {
            rc = -1;
            goto done;
        }
    }

    n = in->nviolations;

    rc = ihanoi_input_check(in, argument->schema, list, argument->in,
                            &argument->name);

    if (rc != 0 || n != in->nviolations) {
        goto done;
    }

    text = json_dumps(list, JSON_COMPACT
                            |JSON_REAL_PRECISION(IHANOI_JSON_DIGITS));
    if (text == NULL) {
        rc = -1;
        goto done;
    }

    in->values[i] = ihanoi_input_copy(in, text, strlen(text));
    rc = in->values[i] ? 0 : -1;

    free(text);

done:

    json_decref(list);

    return rc;
}


/*
 * The JSON value that a text stands for; *value is NULL when it is none of its
 * type, which is then among the violations.
 */

static int
ihanoi_input_scalar(ihanoi_input_t *in, unsigned i,
    const ihanoi_schema_t *schema, const char *text, size_t len,
    json_t **value)
{
    int                       rc;
    const char               *what;
    ihanoi_json_error_t       err;
    const ihanoi_schema_t    *typed;
    const ihanoi_argument_t  *argument;

    *value = NULL;
    argument = &in->op->arguments[i];
    typed = ihanoi_schema_typed(schema);

    if (typed == NULL) {
        return -1;
    }

    switch (typed->types) {

    case IHANOI_TYPE_STRING:
        *value = json_stringn_nocheck(text, len);

        return *value ? 0 : -1;

    case IHANOI_TYPE_BOOLEAN:

        if (len == 4 && memcmp(text, "true", 4) == 0) {
            *value = json_true();
            return 0;
        }

        if (len == 5 && memcmp(text, "false", 5) == 0) {
            *value = json_false();
            return 0;
        }

        what = "must be true or false";
        break;

    default:

        what = typed->types == IHANOI_TYPE_INTEGER ? "must be an integer"
                                                   : "must be a number";

        /* JSON's own grammar; white space around it is for JSON texts only */

        if (len == 0 || len > IHANOI_JSON_NUMBER_LEN
            || (text[0] != '-' && (text[0] < '0' || text[0] > '9'))
            || text[len - 1] < '0' || text[len - 1] > '9')
        {
            break;
        }

        rc = ihanoi_json_read(text, len, 1, NULL, value, &err);

        if (rc == IHANOI_OK) {
            return 0;
        }

        *value = NULL;

        if (rc == IHANOI_NOMEM) {
            return -1;
        }
    }

    return ihanoi_input_fault(in, argument->in, &argument->name, "", "type",
                              "%s", what);
}


/*
 * RFC 9110, 13.1.1: "*" or entity tags; SQL gets them without quotes and "W/",
 * as the gzip filter has made weak tags of ours.
 */

static int
ihanoi_input_if_match(ihanoi_input_t *in, unsigned i, ihanoi_str_t value)
{
    char        *text, *out;
    unsigned     n;
    const char  *p, *end;

    p = value.data;
    end = p + value.len;

    /* a backslash becomes two, and commas come in for the ones there were */

    text = in->alloc.alloc(in->alloc.ctx, 2 * value.len + 8);
    if (text == NULL) {
        return -1;
    }

    if (value.len == 1 && *p == '*') {
        memcpy(text, "[\"*\"]", sizeof("[\"*\"]"));
        in->values[i] = text;
        return 0;
    }

    out = text;
    *out++ = '[';
    n = 0;

    for ( ;; ) {

        while (p < end && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        if (p == end) {
            break;
        }

        if (end - p > 2 && p[0] == 'W' && p[1] == '/') {
            p += 2;
        }

        if (*p != '"' || ++n > IHANOI_INPUT_ETAGS) {
            goto invalid;
        }

        if (n > 1) {
            *out++ = ',';
        }

        *out++ = *p++;

        while (p < end && *p != '"') {

            /* etagc: no blanks, no controls */

            if ((unsigned char) *p <= 0x20 || *p == 0x7f) {
                goto invalid;
            }

            if (*p == '\\') {
                *out++ = '\\';
            }

            *out++ = *p++;
        }

        if (p == end) {
            goto invalid;
        }

        *out++ = *p++;

        while (p < end && (*p == ' ' || *p == '\t')) {
            p++;
        }

        if (p < end && *p != ',') {
            goto invalid;
        }
    }

    *out++ = ']';
    *out = '\0';

    if (n == 0
        || ihanoi_utf8_count(text, (size_t) (out - text)) == (size_t) -1)
    {
        goto invalid;
    }

    in->values[i] = text;

    return 0;

invalid:

    return ihanoi_input_fault(in, IHANOI_IN_HEADER,
                              &in->op->arguments[i].name, "", "syntax",
                              "must be \"*\" or a list of entity tags");
}


int
ihanoi_operation_check_response(const ihanoi_contract_t *contract,
    const ihanoi_operation_t *op, unsigned status, const char *data,
    size_t len, ihanoi_input_t *in)
{
    int                       rc;
    json_t                   *value;
    unsigned                  i, best, rank;
    json_error_t              error;
    const ihanoi_compiled_t  *compiled;
    const ihanoi_response_t  *response;

    (void) contract;

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

    if (!response->content) {
        return len == 0 ? 0
               : ihanoi_input_fault(in, IHANOI_IN_BODY, NULL, "", "content",
                                    "a body where the contract has none");
    }

    if (response->schema == NULL) {
        return 0;
    }

    /*
     * Our strict reader is for strangers; PostgreSQL may well write a double
     * with 17 digits.
     */

    error.text[0] = '\0';
    error.text[JSON_ERROR_TEXT_LENGTH - 1] = '\0';

    value = json_loadb(data, len, JSON_REJECT_DUPLICATES|JSON_DECODE_ANY,
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

    rc = ihanoi_input_check(in, response->schema, value, IHANOI_IN_BODY, NULL);

    json_decref(value);

    return rc;
}


/*
 * The silent check first; only a value that fails is gone through again for
 * the list, with a budget of its own.
 */

static int
ihanoi_input_check(ihanoi_input_t *in, const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_in_e place, const ihanoi_str_t *parameter)
{
    int                     rc;
    ihanoi_check_t          check;
    ihanoi_input_fault_t    fault;

    memset(&check, 0, sizeof(ihanoi_check_t));
    memset(&fault, 0, sizeof(ihanoi_input_fault_t));

    check.steps = in->steps;

    rc = ihanoi_schema_validate(schema, value, &check);

    in->steps = check.steps;

    if (rc == IHANOI_INVALID) {

        fault.in = in;
        fault.check = &check;
        fault.place = place;

        if (parameter) {
            fault.parameter = *parameter;
        }

        check.steps = IHANOI_INPUT_STEPS;
        check.report = ihanoi_input_report;
        check.ctx = &fault;

        rc = ihanoi_schema_validate(schema, value, &check);

        if (fault.rc != 0) {
            return -1;
        }

        if (rc != IHANOI_NOMEM && in->nviolations) {
            return 0;
        }
    }

    switch (rc) {

    case IHANOI_OK:
        return 0;

    case IHANOI_BUDGET:
        return ihanoi_input_fault(in, place, parameter, "", "budget",
                                  "this value is too costly to check");

    default:
        return -1;
    }
}


static void
ihanoi_input_report(void *ctx, const char *pointer, const char *keyword,
    const char *message)
{
    ihanoi_input_fault_t  *fault = ctx;

    fault->rc |= ihanoi_input_fault(fault->in, fault->place,
                                    &fault->parameter, pointer, keyword, "%s",
                                    message);

    if (fault->rc || fault->in->nviolations == IHANOI_MAX_VIOLATIONS) {

        /* ends the second pass: there is no room for more */

        fault->check->steps = 0;
    }
}


static int
ihanoi_input_fault(ihanoi_input_t *in, ihanoi_in_e place,
    const ihanoi_str_t *parameter, const char *pointer, const char *keyword,
    const char *fmt, ...)
{
    va_list              args;
    ihanoi_violation_t  *violation;

    if (in->nviolations == IHANOI_MAX_VIOLATIONS) {
        return 0;
    }

    if (in->violations == NULL) {
        in->violations = in->alloc.alloc(in->alloc.ctx,
                                         IHANOI_MAX_VIOLATIONS
                                         * sizeof(ihanoi_violation_t));
        if (in->violations == NULL) {
            return -1;
        }
    }

    violation = &in->violations[in->nviolations++];
    memset(violation, 0, sizeof(ihanoi_violation_t));

    violation->in = place;

    if (parameter) {
        violation->parameter = *parameter;
    }

    (void) snprintf(violation->pointer, sizeof(violation->pointer), "%s",
                    pointer);
    (void) snprintf(violation->keyword, sizeof(violation->keyword), "%s",
                    keyword);

    va_start(args, fmt);
    (void) vsnprintf(violation->message, sizeof(violation->message), fmt,
                     args);
    va_end(args);

    return 0;
}


/*
 * NULL when memory failed; *decoded is (size_t) -1 when the text is not as it
 * must be.
 */

static char *
ihanoi_input_decode(ihanoi_input_t *in, const char *raw, size_t len,
    int encoded, int plus, size_t *decoded)
{
    char  *text;

    text = in->alloc.alloc(in->alloc.ctx, len + 1);
    if (text == NULL) {
        return NULL;
    }

    if (encoded) {
        *decoded = ihanoi_percent_decode(text, raw, len, plus);
        return text;
    }

    memcpy(text, raw, len);
    text[len] = '\0';

    *decoded = memchr(text, '\0', len) == NULL
               && ihanoi_utf8_count(text, len) != (size_t) -1
               ? len : (size_t) -1;

    return text;
}


static char *
ihanoi_input_copy(ihanoi_input_t *in, const char *data, size_t len)
{
    char  *text;

    text = in->alloc.alloc(in->alloc.ctx, len + 1);

    if (text != NULL) {
        memcpy(text, data, len);
        text[len] = '\0';
    }

    return text;
}


/* The argument's number, op->narguments when there is none. */

static unsigned
ihanoi_input_find(const ihanoi_operation_t *op, ihanoi_in_e place,
    const char *name, size_t len)
{
    unsigned  i;

    for (i = 0; i < op->narguments; i++) {

        if (op->arguments[i].in == place && op->arguments[i].name.len == len
            && memcmp(op->arguments[i].name.data, name, len) == 0)
        {
            break;
        }
    }

    return i;
}
