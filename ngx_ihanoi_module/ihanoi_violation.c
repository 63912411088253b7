/*
 * Copyright (C) iHaNoi contributors
 *
 * What the files that read a request share: checks, faults, copies.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ihanoi_json.h"
#include "ihanoi_violation.h"


/* Where the fault that is being reported stands. */
typedef struct {
    ihanoi_input_t           *in;
    ihanoi_check_t           *check;
    ihanoi_in_e               place;
    ihanoi_str_t              parameter;
    int                       rc;
} ihanoi_input_fault_t;


/*
 * The silent check first; only a value that fails is gone through again for
 * the list, with a budget of its own.
 */

int
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
    in->large = check.large;

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


void
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


int
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


char *
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


int
ihanoi_input_inexact(ihanoi_input_t *in, const ihanoi_argument_t *argument,
    const char *message)
{
    char  pointer[72];

    if (argument->in != IHANOI_IN_BODY) {
        return ihanoi_input_fault(in, argument->in, &argument->name, "",
                                  "format", "%s", message);
    }

    pointer[0] = '\0';

    if (!in->op->body_whole) {

        /* an argument's name is short and needs no escapes */

        (void) snprintf(pointer, sizeof(pointer), "/%s", argument->name.data);
    }

    return ihanoi_input_fault(in, IHANOI_IN_BODY, NULL, pointer, "format",
                              "%s", message);
}


int
ihanoi_input_json(ihanoi_input_t *in, unsigned i, const char *data,
    size_t len, int reals, int large)
{
    char                     *text;
    ihanoi_json_error_t       err;
    ihanoi_json_options_t     options;
    const ihanoi_argument_t  *argument;

    argument = &in->op->arguments[i];

    memset(&options, 0, sizeof(ihanoi_json_options_t));
    options.depth = IHANOI_JSON_DEPTH;
    options.numbers = IHANOI_JSON_DOUBLE;

    /* to Lua 5.0 is 5, so its numbers stay as they are while doubles hold them */

    text = reals && (in->op->lua.data == NULL || large)
           ? ihanoi_input_integers(in, data, len)
           : ihanoi_input_copy(in, data, len);

    if (text == NULL) {
        return -1;
    }

    if (in->op->lua.data
        && ihanoi_json_check(text, strlen(text), &options, &err) != IHANOI_OK)
    {
        return ihanoi_input_inexact(in, argument,
                                    "a double does not hold an integer in it");
    }

    in->values[i] = text;

    return 0;
}


char *
ihanoi_input_integers(ihanoi_input_t *in, const char *data, size_t len)
{
    char    *text;
    size_t   n;

    n = ihanoi_json_integers(data, len, NULL);

    text = in->alloc.alloc(in->alloc.ctx, n + 1);

    if (text != NULL) {
        (void) ihanoi_json_integers(data, len, text);
        text[n] = '\0';
    }

    return text;
}


unsigned
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
