/*
 * Copyright (C) iHaNoi contributors
 *
 * Holds a value against a compiled schema.
 *
 * Every visit costs a step, so that no body can keep a worker busy: past the
 * budget the answer is neither yes nor no, also inside "not" and "anyOf".
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ihanoi_json.h"
#include "ihanoi_schema.h"


typedef struct {
    unsigned long long        hash;
    const json_t             *value;
} ihanoi_unique_t;


static int ihanoi_validate(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_check_t *check);
static int ihanoi_validate_type(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_values(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_number(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_string(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_array(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_items(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_contains(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_unique(const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_object(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_required(const json_t *names, const json_t *value,
    const char *keyword, ihanoi_check_t *check);
static int ihanoi_validate_member(const ihanoi_schema_t *schema,
    const char *name, const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_name(const ihanoi_schema_t *schema,
    const char *name, ihanoi_check_t *check);
static int ihanoi_validate_combined(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_alternatives(const ihanoi_schema_list_t *list,
    const json_t *value, const char *keyword, ihanoi_check_t *check);

static int ihanoi_validate_silent(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_fault(ihanoi_check_t *check, const char *keyword,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int ihanoi_unique_compare(const void *a, const void *b);


/*
 * Takes the outcome of one part into rc and leaves when there is nothing more
 * to learn: the check could not be finished, or nobody asks for a list.
 */
#define ihanoi_validate_take(rc, part, check)                                 \
    do {                                                                      \
        int  part_ = (part);                                                  \
                                                                              \
        if (part_ != IHANOI_OK) {                                             \
            if (part_ < 0 || (check)->report == NULL) {                       \
                return part_;                                                 \
            }                                                                 \
                                                                              \
            rc = part_;                                                       \
        }                                                                     \
    } while (0)


int
ihanoi_schema_validate(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_check_t *check)
{
    check->pointer_len = strlen(check->pointer);

    return ihanoi_validate(schema, value, check);
}


static int
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

    ihanoi_validate_take(rc, ihanoi_validate_values(schema, value, check),
                         check);

    switch (json_typeof(value)) {

    case JSON_INTEGER:
    case JSON_REAL:
        ihanoi_validate_take(rc, ihanoi_validate_number(schema, value, check),
                             check);
        break;

    case JSON_STRING:
        ihanoi_validate_take(rc, ihanoi_validate_string(schema, value, check),
                             check);
        break;

    case JSON_ARRAY:
        ihanoi_validate_take(rc, ihanoi_validate_array(schema, value, check),
                             check);
        break;

    case JSON_OBJECT:
        ihanoi_validate_take(rc, ihanoi_validate_object(schema, value, check),
                             check);
        break;

    default:
        break;
    }

    ihanoi_validate_take(rc, ihanoi_validate_combined(schema, value, check),
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

        /* also 1.0 and 1e2: the cast to int8 would refuse them */

        type = IHANOI_TYPE_NUMBER;
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

    return ihanoi_validate_fault(check, "type", "must be %s", names);
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

        return ihanoi_validate_fault(check, "enum",
                                     "must be one of the %u values allowed",
                                     (unsigned) n);
    }

    return IHANOI_OK;
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
        ihanoi_validate_take(rc, ihanoi_validate_fault(check, "minimum",
                             "must be at least %.15g",
                             json_number_value(schema->minimum)), check);
    }

    if (schema->maximum
        && ihanoi_number_compare(value, schema->maximum) > 0)
    {
        ihanoi_validate_take(rc, ihanoi_validate_fault(check, "maximum",
                             "must be at most %.15g",
                             json_number_value(schema->maximum)), check);
    }

    if (schema->exclusive_minimum
        && ihanoi_number_compare(value, schema->exclusive_minimum) <= 0)
    {
        ihanoi_validate_take(rc,
                             ihanoi_validate_fault(check, "exclusiveMinimum",
                             "must be above %.15g",
                             json_number_value(schema->exclusive_minimum)),
                             check);
    }

    if (schema->exclusive_maximum
        && ihanoi_number_compare(value, schema->exclusive_maximum) >= 0)
    {
        ihanoi_validate_take(rc,
                             ihanoi_validate_fault(check, "exclusiveMaximum",
                             "must be below %.15g",
                             json_number_value(schema->exclusive_maximum)),
                             check);
    }

    if (schema->has_multiple
        && !ihanoi_number_is_multiple(value, schema->multiple))
    {
        ihanoi_validate_take(rc, ihanoi_validate_fault(check, "multipleOf",
                             "must be a multiple of the step allowed"), check);
    }

    if (schema->format && strcmp(schema->format->name, "int32") == 0
        && json_is_integer(value))
    {
        n = json_integer_value(value);

        if (n < INT32_MIN || n > INT32_MAX) {
            ihanoi_validate_take(rc, ihanoi_validate_fault(check, "format",
                                 "must fit in 32 bits"), check);
        }
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
            ihanoi_validate_take(rc, ihanoi_validate_fault(check, "minLength",
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
            ihanoi_validate_take(rc, ihanoi_validate_fault(check, "pattern",
                                 "must have the form of the pattern"), check);
        }
    }

    if (schema->format && schema->format->check
        && !schema->format->check(text, len))
    {
        ihanoi_validate_take(rc, ihanoi_validate_fault(check, "format",
                             "must be a valid %s", schema->format->name),
                             check);
    }

    return rc;
}


static int
ihanoi_validate_array(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_check_t *check)
{
    int     rc;
    size_t  n;

    rc = IHANOI_OK;
    n = json_array_size(value);

    if (n > schema->max_items) {
        return ihanoi_validate_fault(check, "maxItems",
                                     "must have at most %zu items",
                                     schema->max_items);
    }

    if (n < schema->min_items) {
        ihanoi_validate_take(rc, ihanoi_validate_fault(check, "minItems",
                             "must have at least %zu items",
                             schema->min_items), check);
    }

    ihanoi_validate_take(rc, ihanoi_validate_items(schema, value, check),
                         check);

    if (schema->contains) {
        ihanoi_validate_take(rc,
                             ihanoi_validate_contains(schema, value, check),
                             check);
    }

    if (schema->unique && n > 1) {
        ihanoi_validate_take(rc, ihanoi_validate_unique(value, check), check);
    }

    return rc;
}


static int
ihanoi_validate_items(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_check_t *check)
{
    int                     rc, part;
    char                    name[24];
    size_t                  i, n, len;
    const ihanoi_schema_t  *sub;

    rc = IHANOI_OK;
    n = json_array_size(value);

    for (i = 0; i < n; i++) {

        sub = i < schema->prefix.n ? schema->prefix.schemas[i]
                                   : schema->items;
        if (sub == NULL) {
            break;
        }

        if (check->report) {
            (void) snprintf(name, sizeof(name), "%zu", i);
            len = ihanoi_check_enter(check, name);

        } else {
            len = check->pointer_len;
        }

        if (sub->never) {
            part = ihanoi_validate_fault(check, "items",
                                         "this item is one too many");
        } else {
            part = ihanoi_validate(sub, json_array_get(value, i), check);
        }

        ihanoi_check_leave(check, len);
        ihanoi_validate_take(rc, part, check);
    }

    return rc;
}


static int
ihanoi_validate_contains(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_check_t *check)
{
    int     rc;
    size_t  i, n;

    n = json_array_size(value);

    for (i = 0; i < n; i++) {
        rc = ihanoi_validate_silent(schema->contains, json_array_get(value, i),
                                    check);
        if (rc != IHANOI_INVALID) {
            return rc;
        }
    }

    return ihanoi_validate_fault(check, "contains",
                                 "no item is as at least one must be");
}


static int
ihanoi_validate_unique(const json_t *value, ihanoi_check_t *check)
{
    int               rc;
    size_t            i, j, n;
    ihanoi_unique_t  *items;

    n = json_array_size(value);

    if (check->steps < 2 * n) {
        check->steps = 0;
        return IHANOI_BUDGET;
    }

    items = ihanoi_malloc(n * sizeof(ihanoi_unique_t));
    if (items == NULL) {
        return IHANOI_NOMEM;
    }

    for (i = 0; i < n; i++) {
        items[i].value = json_array_get(value, i);

        rc = ihanoi_json_hash(items[i].value, &check->steps, &items[i].hash);
        if (rc != IHANOI_OK) {
            goto done;
        }
    }

    qsort(items, n, sizeof(ihanoi_unique_t), ihanoi_unique_compare);

    /* hashes that an attacker made equal cost steps, and end at the budget */

    rc = IHANOI_OK;

    for (i = 0; i < n; i++) {
        for (j = i + 1; j < n && items[j].hash == items[i].hash; j++) {

            rc = ihanoi_json_equal(items[i].value, items[j].value,
                                   &check->steps);
            if (rc < 0) {
                goto done;
            }

            if (rc == 1) {
                rc = ihanoi_validate_fault(check, "uniqueItems",
                                           "no two items may be equal");
                goto done;
            }
        }
    }

    rc = IHANOI_OK;

done:

    ihanoi_free(items);

    return rc;
}


static int
ihanoi_validate_object(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_check_t *check)
{
    int            rc, part;
    void          *iter;
    size_t         n, len;
    const char    *name;
    const json_t  *member;

    rc = IHANOI_OK;
    n = json_object_size(value);

    if (n > schema->max_properties) {
        return ihanoi_validate_fault(check, "maxProperties",
                                     "must have at most %zu members",
                                     schema->max_properties);
    }

    if (n < schema->min_properties) {
        ihanoi_validate_take(rc, ihanoi_validate_fault(check, "minProperties",
                             "must have at least %zu members",
                             schema->min_properties), check);
    }

    if (schema->required) {
        ihanoi_validate_take(rc, ihanoi_validate_required(schema->required,
                             value, "required", check), check);
    }

    if (schema->dependent) {

        for (iter = json_object_iter(schema->dependent);
             iter;
             iter = json_object_iter_next(schema->dependent, iter))
        {
            name = json_object_iter_key(iter);

            if (json_object_get(value, name) == NULL) {
                continue;
            }

            ihanoi_validate_take(rc, ihanoi_validate_required(
                                 json_object_iter_value(iter), value,
                                 "dependentRequired", check), check);
        }
    }

    if (schema->properties == NULL && schema->patterns == NULL
        && schema->additional == NULL && schema->names == NULL)
    {
        return rc;
    }

    for (iter = json_object_iter((json_t *) value);
         iter;
         iter = json_object_iter_next((json_t *) value, iter))
    {
        name = json_object_iter_key(iter);
        member = json_object_iter_value(iter);

        len = ihanoi_check_enter(check, name);
        part = ihanoi_validate_member(schema, name, member, check);
        ihanoi_check_leave(check, len);

        ihanoi_validate_take(rc, part, check);
    }

    return rc;
}


static int
ihanoi_validate_required(const json_t *names, const json_t *value,
    const char *keyword, ihanoi_check_t *check)
{
    int          rc, part;
    size_t       i, n, len;
    const char  *name;

    rc = IHANOI_OK;
    n = json_array_size(names);

    for (i = 0; i < n; i++) {

        name = json_string_value(json_array_get(names, i));

        if (json_object_get(value, name) != NULL) {
            continue;
        }

        /* the place where it ought to be says more than its parent's */

        len = ihanoi_check_enter(check, name);
        part = ihanoi_validate_fault(check, keyword,
                                     "this member is required");
        ihanoi_check_leave(check, len);

        ihanoi_validate_take(rc, part, check);
    }

    return rc;
}


static int
ihanoi_validate_member(const ihanoi_schema_t *schema, const char *name,
    const json_t *value, ihanoi_check_t *check)
{
    int       rc, known, matched;
    unsigned  i, from, to, middle;

    rc = IHANOI_OK;
    known = 0;

    if (check->steps == 0) {
        return IHANOI_BUDGET;
    }

    check->steps--;

    if (schema->names) {
        ihanoi_validate_take(rc, ihanoi_validate_name(schema, name, check),
                             check);
    }

    for (from = 0, to = schema->nproperties; from < to; /* void */ ) {

        middle = from + (to - from) / 2;
        matched = strcmp(name, schema->properties[middle].name);

        if (matched < 0) {
            to = middle;

        } else if (matched > 0) {
            from = middle + 1;

        } else {
            known = 1;
            ihanoi_validate_take(rc,
                            ihanoi_validate(schema->properties[middle].schema,
                                            value, check), check);
            break;
        }
    }

    for (i = 0; i < schema->npatterns; i++) {

        matched = ihanoi_pattern_match(schema->patterns[i].pattern, name,
                                       strlen(name), &check->steps);
        if (matched < 0) {
            return matched;
        }

        if (matched) {
            known = 1;
            ihanoi_validate_take(rc,
                                 ihanoi_validate(schema->patterns[i].schema,
                                                 value, check), check);
        }
    }

    if (known || schema->additional == NULL) {
        return rc;
    }

    if (schema->additional->never) {
        return ihanoi_validate_fault(check, "additionalProperties",
                                     "there is no such member");
    }

    ihanoi_validate_take(rc, ihanoi_validate(schema->additional, value, check),
                         check);
    return rc;
}


static int
ihanoi_validate_name(const ihanoi_schema_t *schema, const char *name,
    ihanoi_check_t *check)
{
    int      rc;
    json_t  *text;

    text = json_string_nocheck(name);
    if (text == NULL) {
        return IHANOI_NOMEM;
    }

    rc = ihanoi_validate_silent(schema->names, text, check);

    json_decref(text);

    if (rc == IHANOI_INVALID) {
        return ihanoi_validate_fault(check, "propertyNames",
                                     "this name is not allowed");
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
        ihanoi_validate_take(rc, ihanoi_validate(schema->ref, value, check),
                             check);
    }

    for (i = 0; i < schema->all_of.n; i++) {
        ihanoi_validate_take(rc, ihanoi_validate(schema->all_of.schemas[i],
                             value, check), check);
    }

    if (schema->any_of.n) {
        ihanoi_validate_take(rc, ihanoi_validate_alternatives(&schema->any_of,
                             value, "anyOf", check), check);
    }

    if (schema->one_of.n) {
        ihanoi_validate_take(rc, ihanoi_validate_alternatives(&schema->one_of,
                             value, "oneOf", check), check);
    }

    if (schema->not_) {
        part = ihanoi_validate_silent(schema->not_, value, check);

        if (part < 0) {
            return part;
        }

        if (part == IHANOI_OK) {
            ihanoi_validate_take(rc, ihanoi_validate_fault(check, "not",
                                 "must not be as it is"), check);
        }
    }

    if (schema->if_ && (schema->then_ || schema->else_)) {
        part = ihanoi_validate_silent(schema->if_, value, check);

        if (part < 0) {
            return part;
        }

        if (part == IHANOI_OK && schema->then_) {
            ihanoi_validate_take(rc, ihanoi_validate(schema->then_, value,
                                 check), check);
        }

        if (part == IHANOI_INVALID && schema->else_) {
            ihanoi_validate_take(rc, ihanoi_validate(schema->else_, value,
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

    return ihanoi_validate_fault(check, keyword,
                                 "keeps %u of the %u alternatives, %s one "
                                 "must be kept", n, list->n,
                                 one ? "exactly" : "at least");
}


static int
ihanoi_validate_silent(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_check_t *check)
{
    int    rc;
    void (*report)(void *ctx, const char *pointer, const char *keyword,
                   const char *message);

    report = check->report;
    check->report = NULL;

    rc = ihanoi_validate(schema, value, check);

    check->report = report;

    return rc;
}


static int
ihanoi_validate_fault(ihanoi_check_t *check, const char *keyword,
    const char *fmt, ...)
{
    char     message[160];
    va_list  args;

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


static int
ihanoi_unique_compare(const void *a, const void *b)
{
    const ihanoi_unique_t  *x = a, *y = b;

    return x->hash < y->hash ? -1 : x->hash > y->hash;
}
