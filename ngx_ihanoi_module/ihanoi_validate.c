/*
 * Copyright (C) iHaNoi contributors
 *
 * Holds a value against a compiled schema: what is said of the value itself.
 *
 * Every visit costs a step, so that no body can keep a worker busy: past the
 * budget the answer is neither yes nor no, also inside "not" and "anyOf".
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ihanoi_equal.h"
#include "ihanoi_json.h"
#include "ihanoi_schema.h"
#include "ihanoi_utf8.h"
#include "ihanoi_validate.h"


static int ihanoi_validate_type(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_values(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_values_fault(const json_t *values,
    ihanoi_check_t *check);
static int ihanoi_validate_number(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_string(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_combined(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_alternatives(const ihanoi_schema_list_t *list,
    const json_t *value, const char *keyword, ihanoi_check_t *check);
static int ihanoi_validate_lacking(const ihanoi_schema_list_t *list,
    const json_t *value, char *text, size_t size);
static int ihanoi_validate_append(char *text, size_t size, const char *fmt,
    ...);


int
ihanoi_schema_validate(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_check_t *check)
{
    check->pointer_len = strlen(check->pointer);
    check->value = value;

    return ihanoi_validate(schema, value, check);
}


int
ihanoi_validate(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_check_t *check)
{
    int  rc;

    if (check->steps == 0) {
        return IHANOI_BUDGET;
    }

    check->steps--;

    if (schema->always) {
        return IHANOI_OK;
    }

    if (schema->never) {
        return ihanoi_validate_fault(check, "false",
                                     "no value is allowed here");
    }

    /* of another type, the rest would only be noise */

    rc = ihanoi_validate_type(schema, value, check);
    if (rc != IHANOI_OK) {
        return rc;
    }

    ihanoi_try_or_return(rc, ihanoi_validate_values(schema, value, check),
                         check);

    switch (json_typeof(value)) {

    case JSON_INTEGER:
    case JSON_REAL:
        ihanoi_try_or_return(rc, ihanoi_validate_number(schema, value, check),
                             check);
        break;

    case JSON_STRING:
        ihanoi_try_or_return(rc, ihanoi_validate_string(schema, value, check),
                             check);
        break;

    case JSON_ARRAY:
        ihanoi_try_or_return(rc, ihanoi_validate_array(schema, value, check),
                             check);
        break;

    case JSON_OBJECT:
        ihanoi_try_or_return(rc, ihanoi_validate_object(schema, value, check),
                             check);
        break;

    default:
        break;
    }

    ihanoi_try_or_return(rc, ihanoi_validate_combined(schema, value, check),
                         check);
    return rc;
}


static int
ihanoi_validate_type(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_check_t *check)
{
    char                names[96];
    size_t              len;
    unsigned            i, type;
    json_int_t          n;
    const char         *but;
    static const char  *texts[] = {
        "null", "boolean", "integer", "number", "string", "array", "object"
    };

    if (schema->types == 0) {
        return IHANOI_OK;
    }

    switch (json_typeof(value)) {

    case JSON_NULL:
        type = IHANOI_TYPE_NULL;
        break;

    case JSON_TRUE:
    case JSON_FALSE:
        type = IHANOI_TYPE_BOOLEAN;
        break;

    case JSON_INTEGER:
        type = IHANOI_TYPE_INTEGER|IHANOI_TYPE_NUMBER;
        break;

    case JSON_REAL:

        type = IHANOI_TYPE_NUMBER;

        /* validation 6.1.1: 5.0 and 1e2 are integers; SQL gets them as such */

        if ((schema->types & (IHANOI_TYPE_INTEGER|IHANOI_TYPE_NUMBER))
            == IHANOI_TYPE_INTEGER
            && ihanoi_number_integer(value, &n))
        {
            type = IHANOI_TYPE_INTEGER;

            if (n < -IHANOI_NUMBER_EXACT || n > IHANOI_NUMBER_EXACT) {
                check->large |= (uint64_t) 1 << check->member % 64;
            }
        }

        break;

    case JSON_STRING:
        type = IHANOI_TYPE_STRING;
        break;

    case JSON_ARRAY:
        type = IHANOI_TYPE_ARRAY;
        break;

    default:
        type = IHANOI_TYPE_OBJECT;
        break;
    }

    if (schema->types & type) {
        return IHANOI_OK;
    }

    names[0] = '\0';
    len = 0;

    for (i = 0; i < 7; i++) {
        if (schema->types & (1u << i)) {
            len += (size_t) snprintf(names + len, sizeof(names) - len, "%s%s",
                                     len ? " or " : "", texts[i]);
        }
    }

    /* what a library has written of itself, and who calls it does not see */

    but = "";

    if (type == IHANOI_TYPE_NULL) {
        but = ", not null";

    } else if (type == IHANOI_TYPE_NUMBER
               && (schema->types & IHANOI_TYPE_INTEGER))
    {
        but = ", without a fraction and within 64 bits";
    }

    return ihanoi_validate_fault(check, "type", "must be %s%s", names, but);
}


static int
ihanoi_validate_values(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_check_t *check)
{
    int     rc;
    size_t  i, n;

    if (schema->constant) {
        rc = ihanoi_json_equal(schema->constant, value, &check->steps);

        if (rc < 0) {
            return rc;
        }

        if (rc == 0) {
            return ihanoi_validate_fault(check, "const",
                                         "must be the one value allowed");
        }
    }

    if (schema->values) {
        n = json_array_size(schema->values);

        for (i = 0; i < n; i++) {
            rc = ihanoi_json_equal(json_array_get(schema->values, i), value,
                                   &check->steps);
            if (rc < 0) {
                return rc;
            }

            if (rc == 1) {
                return IHANOI_OK;
            }
        }

        return ihanoi_validate_values_fault(schema->values, check);
    }

    return IHANOI_OK;
}


/* Says which ones, where they are words and few. */

static int
ihanoi_validate_values_fault(const json_t *values, ihanoi_check_t *check)
{
    char           text[IHANOI_MAX_MESSAGE - sizeof("must be one of ")];
    size_t         i, n;
    const json_t  *one;

    n = json_array_size(values);
    text[0] = '\0';

    for (i = 0; i < n; i++) {
        one = json_array_get(values, i);

        if (!json_is_string(one)
            || !ihanoi_validate_append(text, sizeof(text), "%s\"%s\"",
                                       i ? ", " : "", json_string_value(one)))
        {
            return ihanoi_validate_fault(check, "enum",
                                         "must be one of the %u values allowed",
                                         (unsigned) n);
        }
    }

    return ihanoi_validate_fault(check, "enum", "must be one of %s", text);
}


static int
ihanoi_validate_number(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_check_t *check)
{
    int         rc;
    json_int_t  n;

    rc = IHANOI_OK;

    if (schema->minimum
        && ihanoi_number_compare(value, schema->minimum) < 0)
    {
        ihanoi_try_or_return(rc, ihanoi_validate_fault(check, "minimum",
                             "must be at least %.15g",
                             json_number_value(schema->minimum)), check);
    }

    if (schema->maximum
        && ihanoi_number_compare(value, schema->maximum) > 0)
    {
        ihanoi_try_or_return(rc, ihanoi_validate_fault(check, "maximum",
                             "must be at most %.15g",
                             json_number_value(schema->maximum)), check);
    }

    if (schema->exclusive_minimum
        && ihanoi_number_compare(value, schema->exclusive_minimum) <= 0)
    {
        ihanoi_try_or_return(rc,
                             ihanoi_validate_fault(check, "exclusiveMinimum",
                             "must be above %.15g",
                             json_number_value(schema->exclusive_minimum)),
                             check);
    }

    if (schema->exclusive_maximum
        && ihanoi_number_compare(value, schema->exclusive_maximum) >= 0)
    {
        ihanoi_try_or_return(rc,
                             ihanoi_validate_fault(check, "exclusiveMaximum",
                             "must be below %.15g",
                             json_number_value(schema->exclusive_maximum)),
                             check);
    }

    if (schema->has_multiple
        && !ihanoi_number_is_multiple(value, schema->multiple))
    {
        ihanoi_try_or_return(rc, ihanoi_validate_fault(check, "multipleOf",
                             "must be a multiple of the step allowed"), check);
    }

    if (schema->format && strcmp(schema->format->name, "int32") == 0
        && ihanoi_number_integer(value, &n)
        && (n < INT32_MIN || n > INT32_MAX))
    {
        ihanoi_try_or_return(rc, ihanoi_validate_fault(check, "format",
                             "must fit in 32 bits"), check);
    }

    return rc;
}


static int
ihanoi_validate_string(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_check_t *check)
{
    int          rc, matched;
    size_t       len, n;
    const char  *text;

    rc = IHANOI_OK;
    text = json_string_value(value);
    len = json_string_length(value);

    if (schema->min_length || schema->max_length != SIZE_MAX) {

        n = ihanoi_utf8_count(text, len);

        if (n < schema->min_length) {
            ihanoi_try_or_return(rc, ihanoi_validate_fault(check, "minLength",
                                 "must have at least %zu characters",
                                 schema->min_length), check);
        }

        if (n > schema->max_length) {

            /* no pattern for it: it may run on what is bounded only */

            return ihanoi_validate_fault(check, "maxLength",
                                         "must have at most %zu characters",
                                         schema->max_length);
        }
    }

    if (schema->pattern) {
        matched = ihanoi_pattern_match(schema->pattern, text, len,
                                       &check->steps);
        if (matched < 0) {
            return matched;
        }

        if (!matched) {
            ihanoi_try_or_return(rc, ihanoi_validate_fault(check, "pattern",
                                 "must match %s",
                                 strlen(schema->form) < IHANOI_MAX_MESSAGE / 2
                                 ? schema->form : "the pattern"), check);
        }
    }

    if (schema->format && schema->format->check
        && !schema->format->check(text, len))
    {
        ihanoi_try_or_return(rc, ihanoi_validate_fault(check, "format",
                             "must be a valid %s%s", schema->format->name,
                             schema->format->hint), check);
    }

    return rc;
}


static int
ihanoi_validate_combined(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_check_t *check)
{
    int       rc, part;
    unsigned  i;

    rc = IHANOI_OK;

    if (schema->ref) {
        ihanoi_try_or_return(rc, ihanoi_validate(schema->ref, value, check),
                             check);
    }

    for (i = 0; i < schema->all_of.n; i++) {
        ihanoi_try_or_return(rc, ihanoi_validate(schema->all_of.schemas[i],
                             value, check), check);
    }

    if (schema->any_of.n) {
        ihanoi_try_or_return(rc, ihanoi_validate_alternatives(&schema->any_of,
                             value, "anyOf", check), check);
    }

    if (schema->one_of.n) {
        ihanoi_try_or_return(rc, ihanoi_validate_alternatives(&schema->one_of,
                             value, "oneOf", check), check);
    }

    if (schema->not_) {
        part = ihanoi_validate_silent(schema->not_, value, check);

        if (part < 0) {
            return part;
        }

        if (part == IHANOI_OK) {
            ihanoi_try_or_return(rc, ihanoi_validate_fault(check, "not",
                                 "must not be as it is"), check);
        }
    }

    if (schema->if_ && (schema->then_ || schema->else_)) {
        part = ihanoi_validate_silent(schema->if_, value, check);

        if (part < 0) {
            return part;
        }

        if (part == IHANOI_OK && schema->then_) {
            ihanoi_try_or_return(rc, ihanoi_validate(schema->then_, value,
                                 check), check);
        }

        if (part == IHANOI_INVALID && schema->else_) {
            ihanoi_try_or_return(rc, ihanoi_validate(schema->else_, value,
                                 check), check);
        }
    }

    return rc;
}


static int
ihanoi_validate_alternatives(const ihanoi_schema_list_t *list,
    const json_t *value, const char *keyword, ihanoi_check_t *check)
{
    int       rc, one;
    char      text[120];
    unsigned  i, n;

    n = 0;
    one = keyword[0] == 'o';

    for (i = 0; i < list->n; i++) {

        rc = ihanoi_validate_silent(list->schemas[i], value, check);

        if (rc < 0) {
            return rc;
        }

        if (rc == IHANOI_OK) {
            n++;

            if (!one) {
                return IHANOI_OK;
            }
        }
    }

    if (n == 1) {
        return IHANOI_OK;
    }

    if (n == 0 && ihanoi_validate_lacking(list, value, text, sizeof(text))) {
        return ihanoi_validate_fault(check, keyword, "must have %s", text);
    }

    return ihanoi_validate_fault(check, keyword,
                                 "keeps %u of the %u alternatives, %s one "
                                 "must be kept", n, list->n,
                                 one ? "exactly" : "at least");
}


/*
 * Whether each alternative requires a member that is not there, and which
 * they require: "lat, or address and commune".
 */
static int
ihanoi_validate_lacking(const ihanoi_schema_list_t *list, const json_t *value,
    char *text, size_t size)
{
    int            lacks;
    size_t         k;
    unsigned       i;
    const char    *name;
    const json_t  *names;

    text[0] = '\0';

    for (i = 0; i < list->n; i++) {
        names = list->schemas[i]->required;
        lacks = 0;

        for (k = 0; k < json_array_size(names); k++) {
            name = json_string_value(json_array_get(names, k));
            lacks |= json_is_object(value)
                     && json_object_get(value, name) == NULL;

            if (!ihanoi_validate_append(text, size, "%s%s",
                                        k ? " and " : i ? ", or " : "", name))
            {
                return 0;
            }
        }

        if (!lacks) {
            return 0;
        }
    }

    return 1;
}


/* 1, or 0 when there is no room for it. */

static int
ihanoi_validate_append(char *text, size_t size, const char *fmt, ...)
{
    int      n;
    size_t   len;
    va_list  args;

    len = strlen(text);

    va_start(args, fmt);
    n = vsnprintf(text + len, size - len, fmt, args);
    va_end(args);

    return n >= 0 && (size_t) n < size - len;
}


int
ihanoi_validate_silent(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_check_t *check)
{
    int        rc;
    void     (*report)(void *ctx, const char *pointer, const char *keyword,
                       const char *message);
    uint64_t   large;

    report = check->report;
    check->report = NULL;
    large = check->large;

    rc = ihanoi_validate(schema, value, check);

    check->report = report;

    if (rc == IHANOI_INVALID) {

        /* what the value is not has asked for nothing */

        check->large = large;
    }

    return rc;
}


int
ihanoi_validate_fault(ihanoi_check_t *check, const char *keyword,
    const char *fmt, ...)
{
    va_list  args;
    char     message[IHANOI_MAX_MESSAGE];

    if (check->report) {
        va_start(args, fmt);
        (void) vsnprintf(message, sizeof(message), fmt, args);
        va_end(args);

        check->report(check->ctx, check->pointer, keyword, message);
    }

    return IHANOI_INVALID;
}


size_t
ihanoi_check_enter(ihanoi_check_t *check, const char *name)
{
    char        *p, *end;
    size_t       len;
    const char  *in;

    len = check->pointer_len;

    if (check->report == NULL) {
        return len;
    }

    p = check->pointer + len;
    end = check->pointer + sizeof(check->pointer) - 3;

    if (p >= end) {
        return len;
    }

    *p++ = '/';

    for (in = name; *in; in++) {

        if (p >= end) {
            check->pointer[len] = '\0';
            return len;
        }

        if (*in == '~' || *in == '/') {
            *p++ = '~';
            *p++ = *in == '~' ? '0' : '1';
            continue;
        }

        *p++ = *in;
    }

    *p = '\0';
    check->pointer_len = (size_t) (p - check->pointer);

    return len;
}


void
ihanoi_check_leave(ihanoi_check_t *check, size_t len)
{
    check->pointer[len] = '\0';
    check->pointer_len = len;
}
