/*
 * Copyright (C) iHaNoi contributors
 *
 * A request's path, query and headers on their way from the client to SQL.
 *
 * Each is held against its schema first; what then goes on is the text that
 * was accepted, so that PostgreSQL reads the value that we have seen.
 */

#include <stdint.h>
#include <string.h>

#include "ihanoi_contract.h"
#include "ihanoi_etags.h"
#include "ihanoi_json.h"
#include "ihanoi_number.h"
#include "ihanoi_text.h"
#include "ihanoi_utf8.h"
#include "ihanoi_violation.h"



static int ihanoi_input_text(ihanoi_input_t *in, unsigned i, const char *raw,
    size_t len, int encoded);
static int ihanoi_input_list(ihanoi_input_t *in, unsigned i, const char *raw,
    size_t len);
static int ihanoi_input_items(ihanoi_input_t *in, unsigned i, const char *raw,
    size_t len, int encoded);
static const char *ihanoi_input_comma(const char *p, const char *end,
    int encoded);
static char *ihanoi_input_list_text(ihanoi_input_t *in, const json_t *list,
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
    end = len ? query + len : query;            /* NULL + 0 is not defined */

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

        /* no declared one is named so */
        if (in->op->query_open) {
            return 0;
        }

        return ihanoi_input_fault(in, IHANOI_IN_QUERY, NULL, "", "syntax",
                                  "a parameter's name is not encoded as it "
                                  "must be");
    }

    i = ihanoi_input_find(in->op, IHANOI_IN_QUERY, name, len);

    if (i == in->op->narguments) {
        return in->op->query_open ? 0 : ihanoi_input_unknown(in, name, len);
    }

    argument = &in->op->arguments[i];

    if (*seen & ((uint64_t) 1 << i)) {
        return ihanoi_input_fault(in, IHANOI_IN_QUERY, &argument->name, "",
                                  "repeated", "this parameter stands twice%s",
                                  argument->list ? ": its items are one value, "
                                                   "\"a,b\"" : "");
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


/*
 * RFC 9110, 13.1: a request whose condition does not hold must not be done.
 * Those of a read are held against its answer; those of a write only its
 * function could compare, so one that it is not told is refused.
 */

int
ihanoi_input_conditions(ihanoi_input_t *in, int if_match, int if_none_match)
{
    unsigned  i;

    static const ihanoi_str_t  match = { "If-Match", 8 };
    static const ihanoi_str_t  none = { "If-None-Match", 13 };

    if (in->op->method == IHANOI_GET) {
        return 0;
    }

    if (if_none_match
        && ihanoi_input_fault(in, IHANOI_IN_HEADER, &none, "", "unknown",
                              "only GET compares this header")
           != 0)
    {
        return -1;
    }

    for (i = 0; i < in->op->narguments; i++) {
        if (in->op->arguments[i].if_match) {
            return 0;
        }
    }

    return if_match ? ihanoi_input_fault(in, IHANOI_IN_HEADER, &match, "",
                                         "unknown", "this operation does not "
                                         "compare this header")
                    : 0;
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
        rc = ihanoi_input_inexact(in, argument,
                                  "a double does not hold this integer");
    }

    json_decref(value);

    if (rc == 0 && n == in->nviolations) {
        in->values[i] = text;
    }

    return rc;
}


/*
 * "a,b": an encoded comma belongs to its item.  Many clients encode those between
 * the items, too (URLSearchParams, OkHttp, .NET): one is read as that where the
 * list does not keep its schema otherwise.
 */

static int
ihanoi_input_list(ihanoi_input_t *in, unsigned i, const char *raw, size_t len)
{
    int       rc;
    unsigned  n;

    n = in->nviolations;

    rc = ihanoi_input_items(in, i, raw, len, 0);

    if (rc != 0 || n == in->nviolations) {
        return rc;
    }

    in->nviolations = n;

    return ihanoi_input_items(in, i, raw, len, 1);
}


/* Nothing at all has no items.  encoded: "%2C" is between two of them. */

static int
ihanoi_input_items(ihanoi_input_t *in, unsigned i, const char *raw, size_t len,
    int encoded)
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

    p = raw;

    while (len && p <= end) {

        next = ihanoi_input_comma(p, end, encoded);

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

        p = next + (next < end && *next == '%' ? 3 : 1);
    }

    n = in->nviolations;

    rc = ihanoi_input_check(in, argument->schema, list, argument->in,
                            &argument->name);

    if (rc != 0 || n != in->nviolations) {
        goto done;
    }

    text = ihanoi_input_list_text(in, list, len);
    rc = text ? ihanoi_input_json(in, i, text, strlen(text), 1, 0) : -1;

done:

    json_decref(list);

    return rc;
}


static const char *
ihanoi_input_comma(const char *p, const char *end, int encoded)
{
    for ( /* void */ ; p < end; p++) {

        if (*p == ','
            || (encoded && *p == '%' && end - p > 2 && p[1] == '2'
                && (p[2] == 'C' || p[2] == 'c')))
        {
            break;
        }
    }

    return p;
}


/*
 * The list as JSON.  Not json_dumps(), which writes all reals with as many
 * digits as one.  "len" is that of the query's text.
 */

static char *
ihanoi_input_list_text(ihanoi_input_t *in, const json_t *list, size_t len)
{
    char    *text, *p, *last;
    size_t   i, size;
    json_t  *value;

    /* a byte may be written as "\\u0000" */

    size = 6 * len + 32 * json_array_size(list) + 3;

    text = in->alloc.alloc(in->alloc.ctx, size);
    if (text == NULL) {
        return NULL;
    }

    p = text;
    last = text + size;
    *p++ = '[';

    json_array_foreach(list, i, value) {

        if (i) {
            *p++ = ',';
        }

        p += json_is_real(value)
             ? ihanoi_number_text(json_real_value(value), p)
             : json_dumpb(value, p, (size_t) (last - p), JSON_ENCODE_ANY);
    }

    *p++ = ']';
    *p = '\0';

    return text;
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
    ihanoi_spans_t            spans;
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

        spans.max = 0;

        rc = ihanoi_json_read(text, len, 1, &spans, value, &err);

        /* a path or a query has one way to write an integer */

        if (rc == IHANOI_OK
            && typed->types == IHANOI_TYPE_INTEGER && json_is_real(*value))
        {
            json_decref(*value);
            rc = IHANOI_INVALID;
            what = "must be an integer, without a point or an exponent";
        }

        /* numeric keeps each digit; a list is written anew from its doubles */

        if (rc == IHANOI_OK
            && spans.whole.inexact
            && strcmp(argument->sql_type.data, "numeric") == 0)
        {
            json_decref(*value);
            rc = IHANOI_INVALID;
        }

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


static int
ihanoi_input_if_match(ihanoi_input_t *in, unsigned i, ihanoi_str_t value)
{
    char  *text;

    text = in->alloc.alloc(in->alloc.ctx, IHANOI_ETAGS_SIZE(value.len));
    if (text == NULL) {
        return -1;
    }

    if (ihanoi_etags_json(text, value.data, value.len) != IHANOI_OK) {
        return ihanoi_input_fault(in, IHANOI_IN_HEADER,
                                  &in->op->arguments[i].name, "", "syntax",
                                  "must be * or entity tags in double quotes");
    }

    in->values[i] = text;

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
