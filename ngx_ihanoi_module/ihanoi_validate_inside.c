/*
 * Copyright (C) iHaNoi contributors
 *
 * Holds the items of arrays and the members of objects against their schemas.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ihanoi_arena.h"
#include "ihanoi_equal.h"
#include "ihanoi_validate.h"


typedef struct {
    unsigned long long        hash;
    const json_t             *value;
} ihanoi_unique_t;


static int ihanoi_validate_items(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_contains(const ihanoi_schema_t *schema,
    const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_unique(const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_required(const json_t *names, const json_t *value,
    const char *keyword, ihanoi_check_t *check);
static int ihanoi_validate_member(const ihanoi_schema_t *schema,
    const char *name, const json_t *value, ihanoi_check_t *check);
static int ihanoi_validate_name(const ihanoi_schema_t *schema,
    const char *name, ihanoi_check_t *check);
static int ihanoi_unique_compare(const void *a, const void *b);


int
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
        ihanoi_try_or_return(rc, ihanoi_validate_fault(check, "minItems",
                             "must have at least %zu items",
                             schema->min_items), check);
    }

    ihanoi_try_or_return(rc, ihanoi_validate_items(schema, value, check),
                         check);

    if (schema->contains) {
        ihanoi_try_or_return(rc,
                             ihanoi_validate_contains(schema, value, check),
                             check);
    }

    if (schema->unique && n > 1) {
        ihanoi_try_or_return(rc, ihanoi_validate_unique(value, check), check);
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
        ihanoi_try_or_return(rc, part, check);
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


int
ihanoi_validate_object(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_check_t *check)
{
    int            rc, part;
    void          *iter;
    size_t         n, len;
    unsigned       i;
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
        ihanoi_try_or_return(rc, ihanoi_validate_fault(check, "minProperties",
                             "must have at least %zu members",
                             schema->min_properties), check);
    }

    if (schema->required) {
        ihanoi_try_or_return(rc, ihanoi_validate_required(schema->required,
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

            ihanoi_try_or_return(rc, ihanoi_validate_required(
                                 json_object_iter_value(iter), value,
                                 "dependentRequired", check), check);
        }
    }

    if (schema->properties == NULL && schema->patterns == NULL
        && schema->additional == NULL && schema->names == NULL)
    {
        return rc;
    }

    for (iter = json_object_iter((json_t *) value), i = 0;
         iter;
         iter = json_object_iter_next((json_t *) value, iter), i++)
    {
        name = json_object_iter_key(iter);
        member = json_object_iter_value(iter);

        if (value == check->value) {
            check->member = i;
        }

        len = ihanoi_check_enter(check, name);
        part = ihanoi_validate_member(schema, name, member, check);
        ihanoi_check_leave(check, len);

        ihanoi_try_or_return(rc, part, check);
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

        ihanoi_try_or_return(rc, part, check);
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
        ihanoi_try_or_return(rc, ihanoi_validate_name(schema, name, check),
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
            ihanoi_try_or_return(rc,
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
            ihanoi_try_or_return(rc,
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

    ihanoi_try_or_return(rc, ihanoi_validate(schema->additional, value, check),
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
ihanoi_unique_compare(const void *a, const void *b)
{
    const ihanoi_unique_t  *x = a, *y = b;

    return x->hash < y->hash ? -1 : x->hash > y->hash;
}
