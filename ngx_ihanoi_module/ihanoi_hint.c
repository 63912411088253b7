/*
 * Copyright (C) iHaNoi contributors
 *
 * Holds what people write by hand against a schema, and says what is wrong in
 * a way that helps: the nearest name, the values allowed, the form meant.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ihanoi_hint.h"
#include "ihanoi_json.h"


#define IHANOI_HINT_STEPS  1000000
#define IHANOI_HINT_NAME   64


/* What is to be told of a fault; the lowest wins, then the first. */

typedef enum {
    IHANOI_HINT_UNKNOWN = 0,
    IHANOI_HINT_OTHER,
    IHANOI_HINT_MISSING,
    IHANOI_HINT_NONE
} ihanoi_hint_rank_e;


typedef struct {
    const ihanoi_schema_t    *schema;
    ihanoi_contract_error_t  *err;
    ihanoi_hint_rank_e        rank;
} ihanoi_hint_t;


static void ihanoi_hint_report(void *ctx, const char *pointer,
    const char *keyword, const char *message);
static const ihanoi_schema_t *ihanoi_hint_walk(const ihanoi_schema_t *schema,
    const char *pointer, const char *end);
static const char *ihanoi_hint_token(const char *p, const char *end,
    char *name);
static const ihanoi_schema_t *ihanoi_hint_property(
    const ihanoi_schema_t *schema, const char *name);
static void ihanoi_hint_values(const ihanoi_schema_t *schema,
    ihanoi_contract_error_t *err);
static void ihanoi_hint_add(ihanoi_contract_error_t *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static unsigned ihanoi_hint_distance(const char *a, const char *b);


int
ihanoi_hint_validate(const ihanoi_schema_t *schema, const json_t *value,
    ihanoi_contract_error_t *err)
{
    int             rc;
    ihanoi_hint_t   hint;
    ihanoi_check_t  check;

    hint.schema = schema;
    hint.err = err;
    hint.rank = IHANOI_HINT_NONE;

    memset(&check, 0, sizeof(ihanoi_check_t));
    check.steps = IHANOI_HINT_STEPS;
    check.report = ihanoi_hint_report;
    check.ctx = &hint;

    rc = ihanoi_schema_validate(schema, value, &check);

    if (rc == IHANOI_BUDGET) {
        err->pointer[0] = '\0';
        (void) snprintf(err->reason, sizeof(err->reason),
                        "is too large to be checked");
        return IHANOI_INVALID;
    }

    if (rc == IHANOI_NOMEM) {
        err->pointer[0] = '\0';
        (void) snprintf(err->reason, sizeof(err->reason), "out of memory");
    }

    return rc;
}


static void
ihanoi_hint_report(void *ctx, const char *pointer, const char *keyword,
    const char *message)
{
    char                     name[IHANOI_HINT_NAME];
    const char              *last, *near, *text;
    ihanoi_hint_t           *hint;
    ihanoi_hint_rank_e       rank;
    const ihanoi_schema_t   *schema;

    hint = ctx;

    rank = strcmp(keyword, "additionalProperties") == 0 ? IHANOI_HINT_UNKNOWN
         : strcmp(keyword, "required") == 0 ? IHANOI_HINT_MISSING
         : IHANOI_HINT_OTHER;

    if (rank >= hint->rank) {
        return;
    }

    hint->rank = rank;

    (void) snprintf(hint->err->pointer, sizeof(hint->err->pointer), "%s",
                    pointer);
    (void) snprintf(hint->err->reason, sizeof(hint->err->reason), "%s",
                    message);

    last = strrchr(pointer, '/');

    if (rank == IHANOI_HINT_UNKNOWN && last != NULL) {
        schema = ihanoi_hint_walk(hint->schema, pointer, last);

        if (schema == NULL
            || ihanoi_hint_token(last, last + strlen(last), name) == NULL)
        {
            return;
        }

        near = ihanoi_hint_nearest(schema, name);

        if (near) {
            ihanoi_hint_add(hint->err, "; is \"%s\" meant?", near);
        }

        return;
    }

    schema = ihanoi_hint_walk(hint->schema, pointer,
                              pointer + strlen(pointer));
    if (schema == NULL) {
        return;
    }

    if (strcmp(keyword, "enum") == 0) {
        ihanoi_hint_values(schema, hint->err);
        return;
    }

    text = json_string_value(json_object_get(schema->place.value,
                                             "description"));
    if (text) {
        ihanoi_hint_add(hint->err, ": %s", text);
    }
}


/* The schema that holds for the value at a pointer, or NULL. */

static const ihanoi_schema_t *
ihanoi_hint_walk(const ihanoi_schema_t *schema, const char *pointer,
    const char *end)
{
    char                    name[IHANOI_HINT_NAME];
    const char             *p;
    const ihanoi_schema_t  *next;

    p = pointer;

    while (schema && p < end) {

        p = ihanoi_hint_token(p, end, name);
        if (p == NULL) {
            return NULL;
        }

        while (schema->ref && schema->nproperties == 0
               && schema->items == NULL)
        {
            schema = schema->ref;
        }

        next = ihanoi_hint_property(schema, name);

        if (next == NULL && name[0] >= '0' && name[0] <= '9') {
            next = schema->items;
        }

        if (next == NULL) {
            next = schema->additional;
        }

        schema = next;
    }

    return schema;
}


/* Takes "/name" off; where the next begins, or NULL for one too long. */

static const char *
ihanoi_hint_token(const char *p, const char *end, char *name)
{
    size_t  n;

    for (p++, n = 0; p < end && *p != '/'; p++, n++) {

        if (n == IHANOI_HINT_NAME - 1) {
            return NULL;
        }

        name[n] = *p;

        if (*p == '~' && p + 1 < end) {
            p++;
            name[n] = *p == '0' ? '~' : '/';
        }
    }

    name[n] = '\0';

    return p;
}


static const ihanoi_schema_t *
ihanoi_hint_property(const ihanoi_schema_t *schema, const char *name)
{
    unsigned  i;

    for (i = 0; i < schema->nproperties; i++) {
        if (strcmp(schema->properties[i].name, name) == 0) {
            return schema->properties[i].schema;
        }
    }

    return NULL;
}


static void
ihanoi_hint_values(const ihanoi_schema_t *schema,
    ihanoi_contract_error_t *err)
{
    char    *text;
    size_t   i, n;

    n = json_array_size(schema->values);

    for (i = 0; i < n && i < 16; i++) {

        text = json_dumps(json_array_get(schema->values, i),
                          JSON_ENCODE_ANY|JSON_COMPACT);

        ihanoi_hint_add(err, "%s %s", i ? "," : ":", text ? text : "?");

        free(text);
    }
}


static void
ihanoi_hint_add(ihanoi_contract_error_t *err, const char *fmt, ...)
{
    size_t   len;
    va_list  args;

    len = strlen(err->reason);

    va_start(args, fmt);
    (void) vsnprintf(err->reason + len, sizeof(err->reason) - len, fmt, args);
    va_end(args);
}


const char *
ihanoi_hint_nearest(const ihanoi_schema_t *schema, const char *name)
{
    unsigned     i, distance, best;
    const char  *near;

    while (schema->ref && schema->nproperties == 0) {
        schema = schema->ref;
    }

    /* a third of the letters may be wrong */

    near = NULL;
    best = (unsigned) strlen(name) / 3 + 1;

    for (i = 0; i < schema->nproperties; i++) {
        distance = ihanoi_hint_distance(name, schema->properties[i].name);

        if (distance <= best && (near == NULL || distance < best)) {
            best = distance;
            near = schema->properties[i].name;
        }
    }

    return near;
}


/*
 * How many letters have to be put in, taken out or exchanged to make a of b.
 * Two neighbours that changed places count once.
 */

static unsigned
ihanoi_hint_distance(const char *a, const char *b)
{
    size_t         i, j, n, m;
    unsigned       cost, least;
    unsigned char  rows[3][IHANOI_HINT_NAME + 1], *older, *last, *row, *spare;

    n = strlen(a);
    m = strlen(b);

    if (n > IHANOI_HINT_NAME || m > IHANOI_HINT_NAME) {
        return IHANOI_HINT_NAME;
    }

    older = rows[0];
    last = rows[1];
    row = rows[2];

    for (j = 0; j <= m; j++) {
        last[j] = (unsigned char) j;
    }

    for (i = 1; i <= n; i++) {
        row[0] = (unsigned char) i;

        for (j = 1; j <= m; j++) {
            cost = a[i - 1] != b[j - 1];
            least = last[j - 1] + cost;

            if (last[j] + 1u < least) {
                least = last[j] + 1u;
            }

            if (row[j - 1] + 1u < least) {
                least = row[j - 1] + 1u;
            }

            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]
                && older[j - 2] + 1u < least)
            {
                least = older[j - 2] + 1u;
            }

            row[j] = (unsigned char) least;
        }

        spare = older;
        older = last;
        last = row;
        row = spare;
    }

    return last[m];
}
