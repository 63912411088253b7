/*
 * Copyright (C) iHaNoi contributors
 *
 * JSON as strict as two readers that must agree need it (RFC 8259).
 *
 * One pass of our own refuses all that jansson and PostgreSQL might read
 * differently and notes where top-level members stand; then jansson reads the
 * same bytes.  A text goes on only when both accept it.
 */

#include <stdint.h>
#include <string.h>

#include "ihanoi_jansson.h"
#include "ihanoi_json_scan.h"
#include "ihanoi_number.h"
#include "ihanoi_utf8.h"


/* Bytes of text between two calls of poll(). */
#define IHANOI_JSON_POLL  32768


static int ihanoi_json_scan_text(const char *data, size_t len,
    const ihanoi_json_options_t *options, ihanoi_spans_t *spans,
    ihanoi_json_error_t *err);
static void ihanoi_json_scan_poll(ihanoi_json_scan_t *s);
static void ihanoi_json_span_begin(ihanoi_json_scan_t *s, ihanoi_span_t *span);
static int ihanoi_json_scan_value(ihanoi_json_scan_t *s);
static int ihanoi_json_scan_object(ihanoi_json_scan_t *s);
static int ihanoi_json_scan_array(ihanoi_json_scan_t *s);
static int ihanoi_json_scan_escape(ihanoi_json_scan_t *s);
static int ihanoi_json_scan_hex(ihanoi_json_scan_t *s, unsigned *code);
static const char *ihanoi_json_number_reason(const ihanoi_json_scan_t *s,
    int real, unsigned digits, uint64_t n, int negative);


int
ihanoi_json_check(const char *data, size_t len,
    const ihanoi_json_options_t *options, ihanoi_json_error_t *err)
{
    return ihanoi_json_scan_text(data, len, options, NULL, err);
}


static int
ihanoi_json_scan_text(const char *data, size_t len,
    const ihanoi_json_options_t *options, ihanoi_spans_t *spans,
    ihanoi_json_error_t *err)
{
    int                 rc;
    ihanoi_json_scan_t  s;

    rc = ihanoi_json_scan_begin(&s, data, len, options);

    if (rc == IHANOI_OK) {

        if (spans != NULL) {
            s.spans = spans;
            spans->n = 0;
            spans->reals = 0;
            ihanoi_json_span_begin(&s, &spans->whole);
        }

        rc = ihanoi_json_scan_value(&s);
    }

    if (rc == IHANOI_OK) {

        if (spans != NULL) {
            spans->whole.len = (size_t) (s.p - spans->whole.data);
        }

        rc = ihanoi_json_scan_end(&s);
    }

    if (rc != IHANOI_OK) {
        err->offset = (size_t) (s.p - data);
        err->reason = s.reason;
    }

    return rc;
}


int
ihanoi_json_scan_begin(ihanoi_json_scan_t *s, const char *data, size_t len,
    const ihanoi_json_options_t *options)
{
    s->p = data;
    s->end = data + len;
    s->polled = data;
    s->level = 0;
    s->more = 0;
    s->spans = NULL;
    s->span = NULL;
    s->options = options;
    s->reason = NULL;

    /* nobody sees it in an editor (RFC 8259 8.1) */

    if (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
        return ihanoi_json_refuse(s, "it begins with a byte order mark");
    }

    ihanoi_json_scan_space(s);

    return IHANOI_OK;
}


int
ihanoi_json_scan_end(ihanoi_json_scan_t *s)
{
    ihanoi_json_scan_space(s);

    return s->p == s->end ? IHANOI_OK
                          : ihanoi_json_refuse(s, "text after the value");
}


int
ihanoi_json_read(const char *data, size_t len, unsigned depth,
    ihanoi_spans_t *spans, json_t **value, ihanoi_json_error_t *err)
{
    int                    rc;
    json_error_t           error;
    ihanoi_json_options_t  options;

    memset(&options, 0, sizeof(ihanoi_json_options_t));
    options.depth = depth;

    rc = ihanoi_json_scan_text(data, len, &options, spans, err);
    if (rc != IHANOI_OK) {
        return rc;
    }

    /*
     * JSON_DECODE_ANY is safe here: what it lets through after a number, NUL
     * bytes, the scan has refused.
     */

    error.text[0] = '\0';
    error.text[JSON_ERROR_TEXT_LENGTH - 1] = '\0';

    *value = ihanoi_jansson_read(data, len,
                                 JSON_REJECT_DUPLICATES|JSON_DECODE_ANY,
                                 &error);
    if (*value != NULL) {
        return IHANOI_OK;
    }

    if (json_error_code(&error) == json_error_duplicate_key) {
        err->offset = error.position > 0 ? (size_t) error.position : 0;
        err->reason = "a member stands twice in one object";
        return IHANOI_INVALID;
    }

    /*
     * The scan knows the whole grammar, so nothing else can be wrong with the
     * text (the fuzz target "body" holds both to that); jansson calls a failed
     * allocation a syntax error as likely as not.
     */

    err->offset = 0;
    err->reason = "out of memory";

    return IHANOI_NOMEM;
}


static void
ihanoi_json_scan_poll(ihanoi_json_scan_t *s)
{
    if (s->p - s->polled > IHANOI_JSON_POLL && s->options->poll) {
        s->polled = s->p;
        s->options->poll(s->options->ctx);
    }
}


static void
ihanoi_json_span_begin(ihanoi_json_scan_t *s, ihanoi_span_t *span)
{
    span->data = s->p;
    span->len = 0;
    span->inexact = 0;

    s->span = span;
}


static int
ihanoi_json_scan_value(ihanoi_json_scan_t *s)
{
    if (s->p == s->end) {
        return ihanoi_json_refuse(s, "the text ends too early");
    }

    ihanoi_json_scan_poll(s);

    switch (*s->p) {

    case '{':
        return ihanoi_json_scan_object(s);

    case '[':
        return ihanoi_json_scan_array(s);

    case '"':
        return ihanoi_json_scan_string(s);

    case 't':
        return ihanoi_json_scan_word(s, "true", 4);

    case 'f':
        return ihanoi_json_scan_word(s, "false", 5);

    case 'n':
        return ihanoi_json_scan_word(s, "null", 4);

    default:
        return ihanoi_json_scan_number(s);
    }
}


static int
ihanoi_json_scan_object(ihanoi_json_scan_t *s)
{
    ihanoi_span_t  *span;

    if (ihanoi_json_scan_open(s, '}') != IHANOI_OK) {
        return IHANOI_INVALID;
    }

    while (s->more) {

        if (s->p == s->end || *s->p != '"') {
            return ihanoi_json_refuse(s, "a member's name is expected");
        }

        if (ihanoi_json_scan_string(s) != IHANOI_OK
            || ihanoi_json_scan_colon(s) != IHANOI_OK)
        {
            return IHANOI_INVALID;
        }

        span = NULL;

        if (s->level == 1 && s->spans != NULL
            && s->spans->n++ < s->spans->max)
        {
            span = &s->spans->members[s->spans->n - 1];
            ihanoi_json_span_begin(s, span);
        }

        if (ihanoi_json_scan_value(s) != IHANOI_OK) {
            return IHANOI_INVALID;
        }

        if (span != NULL) {
            span->len = (size_t) (s->p - span->data);
        }

        if (ihanoi_json_scan_next(s, '}') != IHANOI_OK) {
            return IHANOI_INVALID;
        }
    }

    return IHANOI_OK;
}


static int
ihanoi_json_scan_array(ihanoi_json_scan_t *s)
{
    if (ihanoi_json_scan_open(s, ']') != IHANOI_OK) {
        return IHANOI_INVALID;
    }

    while (s->more) {

        if (ihanoi_json_scan_value(s) != IHANOI_OK
            || ihanoi_json_scan_next(s, ']') != IHANOI_OK)
        {
            return IHANOI_INVALID;
        }
    }

    return IHANOI_OK;
}


int
ihanoi_json_scan_open(ihanoi_json_scan_t *s, char close)
{
    if (++s->level > s->options->depth) {
        return ihanoi_json_refuse(s, "nested too deep");
    }

    s->p++;
    ihanoi_json_scan_space(s);

    s->more = s->p == s->end || *s->p != close;

    if (!s->more) {
        s->p++;
        s->level--;
    }

    return IHANOI_OK;
}


int
ihanoi_json_scan_next(ihanoi_json_scan_t *s, char close)
{
    ihanoi_json_scan_space(s);

    if (s->p < s->end && *s->p == ',') {
        s->more = 1;
        s->p++;
        ihanoi_json_scan_space(s);
        return IHANOI_OK;
    }

    if (s->p < s->end && *s->p == close) {
        s->more = 0;
        s->p++;
        s->level--;
        return IHANOI_OK;
    }

    return ihanoi_json_refuse(s, close == '}'
                                 ? "a comma or closing brace is expected"
                                 : "a comma or closing bracket is expected");
}


int
ihanoi_json_scan_colon(ihanoi_json_scan_t *s)
{
    ihanoi_json_scan_space(s);

    if (s->p == s->end || *s->p != ':') {
        return ihanoi_json_refuse(s, "a colon is expected");
    }

    s->p++;
    ihanoi_json_scan_space(s);

    return IHANOI_OK;
}


int
ihanoi_json_scan_rest(ihanoi_json_scan_t *s)
{
    for ( ;; ) {

        if (s->p == s->end) {
            return ihanoi_json_refuse(s, "the text ends inside a string");
        }

        if (*s->p == '"') {
            s->p++;
            return IHANOI_OK;
        }

        if (*s->p != '\\') {
            return ihanoi_json_refuse(s, (unsigned char) *s->p < 0x20
                                         ? "control character in a string"
                                         : "invalid UTF-8");
        }

        if (s->escaped == NULL) {
            s->escaped = s->p;
        }

        if (ihanoi_json_scan_escape(s) != IHANOI_OK) {
            return IHANOI_INVALID;
        }

        ihanoi_json_scan_poll(s);

        s->p = ihanoi_json_scan_plain(s, s->p);
    }
}


static int
ihanoi_json_scan_escape(ihanoi_json_scan_t *s)
{
    unsigned     code;
    const char  *first;

    first = s->p;

    if (s->end - s->p < 2) {
        return ihanoi_json_refuse(s, "the text ends inside a string");
    }

    switch (s->p[1]) {

    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        s->p += 2;
        return IHANOI_OK;

    case 'u':
        break;

    default:
        return ihanoi_json_refuse(s, "invalid escape");
    }

    if (ihanoi_json_scan_hex(s, &code) != IHANOI_OK) {
        return IHANOI_INVALID;
    }

    if (code == 0) {
        s->p = first;
        return ihanoi_json_refuse(s, "the character NUL is not allowed");
    }

    if (code < 0xd800 || code > 0xdfff) {
        return IHANOI_OK;
    }

    /* RFC 8259, 7: two escapes make one character, high surrogate first */

    if (code < 0xdc00
        && s->end - s->p >= 2 && s->p[0] == '\\' && s->p[1] == 'u')
    {
        if (ihanoi_json_scan_hex(s, &code) != IHANOI_OK) {
            return IHANOI_INVALID;
        }

        if (code >= 0xdc00 && code <= 0xdfff) {
            return IHANOI_OK;
        }
    }

    s->p = first;

    return ihanoi_json_refuse(s, "half of a surrogate pair");
}


static int
ihanoi_json_scan_hex(ihanoi_json_scan_t *s, unsigned *code)
{
    char      c;
    unsigned  i;

    if (s->end - s->p < 6) {
        return ihanoi_json_refuse(s, "the text ends inside a string");
    }

    *code = 0;

    for (i = 2; i < 6; i++) {
        c = s->p[i];

        if (c >= '0' && c <= '9') {
            *code = *code * 16 + (unsigned) (c - '0');
            continue;
        }

        c |= 0x20;

        if (c < 'a' || c > 'f') {
            return ihanoi_json_refuse(s, "invalid escape");
        }

        *code = *code * 16 + (unsigned) (c - 'a') + 10;
    }

    s->p += 6;

    return IHANOI_OK;
}


int
ihanoi_json_scan_number(ihanoi_json_scan_t *s)
{
    char         c;
    int          negative, real, fraction;
    unsigned     digits, exponent;
    uint64_t     n;
    const char  *p, *first, *reason;

    p = s->p;
    first = p;
    negative = 0;
    real = 0;
    fraction = 0;
    digits = 0;
    n = 0;

    if (*p == '-') {
        negative = 1;
        p++;
    }

    if (p == s->end || *p < '0' || *p > '9') {
        return ihanoi_json_refuse(s, "a value is expected");
    }

    if (*p == '0' && p + 1 < s->end && p[1] >= '0' && p[1] <= '9') {
        return ihanoi_json_refuse(s, "number with leading zero");
    }

    for ( /* void */ ; p < s->end && *p >= '0' && *p <= '9'; p++) {

        if (digits || *p != '0') {
            digits++;
        }

        /* 20 digits may wrap around, and are refused by their count */

        n = n * 10 + (uint64_t) (*p - '0');
    }

    if (p < s->end && *p == '.') {
        real = 1;
        p++;

        if (p == s->end || *p < '0' || *p > '9') {
            return ihanoi_json_refuse(s, "number without digits after point");
        }

        for ( /* void */ ; p < s->end && *p >= '0' && *p <= '9'; p++) {
            if (digits || *p != '0') {
                digits++;
            }
        }

        fraction = p[-1] != '0';
    }

    if (p < s->end && (*p == 'e' || *p == 'E')) {
        real = 1;
        fraction = 0;
        exponent = 0;
        p++;

        if (p < s->end && (*p == '+' || *p == '-')) {
            p++;
        }

        if (p == s->end || *p < '0' || *p > '9') {
            return ihanoi_json_refuse(s, "number without exponent");
        }

        for ( /* void */ ; p < s->end && *p >= '0' && *p <= '9'; p++) {
            c = *p;

            if (exponent <= IHANOI_JSON_EXPONENT) {
                exponent = exponent * 10 + (unsigned) (c - '0');
            }
        }

        if (exponent > IHANOI_JSON_EXPONENT
            && s->options->numbers == IHANOI_JSON_EXACT)
        {
            return ihanoi_json_refuse(s, "exponent out of range");
        }
    }

    reason = ihanoi_json_number_reason(s, real, digits, n, negative);
    if (reason) {
        return ihanoi_json_refuse(s, reason);
    }

    if (p - first > IHANOI_JSON_NUMBER_LEN) {
        return ihanoi_json_refuse(s, "number is too long");
    }

    if (real && digits > IHANOI_JSON_DIGITS
        && s->options->numbers == IHANOI_JSON_EXACT
        && !ihanoi_number_is_written(first, (size_t) (p - first)))
    {
        if (s->span == NULL || s->span->data != first) {
            return ihanoi_json_refuse(s, "more digits than a double holds");
        }

        s->span->inexact = 1;
        fraction = 0;                      /* it may be beyond what is kept */
    }

    /* surely none has a fraction that does not end with a zero */

    if (real && !fraction && s->spans != NULL) {
        s->spans->reals = 1;
    }

    s->p = p;

    return IHANOI_OK;
}


/* Why nobody could hold the number exactly; NULL: it is fine. */

static const char *
ihanoi_json_number_reason(const ihanoi_json_scan_t *s, int real,
    unsigned digits, uint64_t n, int negative)
{
    switch (s->options->numbers) {

    case IHANOI_JSON_EXACT:

        return !real
               && (digits > 19
                   || n > (uint64_t) INT64_MAX + (uint64_t) negative)
               ? "integer beyond 64 bits" : NULL;

    case IHANOI_JSON_DOUBLE:

        return !real && (digits > 16 || n > (uint64_t) 1 << 53)
               ? "integer beyond 2^53, which a number cannot hold exactly"
               : NULL;

    default: /* IHANOI_JSON_ANY */
        return NULL;
    }
}


int
ihanoi_json_scan_word(ihanoi_json_scan_t *s, const char *word, size_t len)
{
    if ((size_t) (s->end - s->p) < len || memcmp(s->p, word, len) != 0) {
        return ihanoi_json_refuse(s, "a value is expected");
    }

    s->p += len;

    return IHANOI_OK;
}


int
ihanoi_json_refuse(ihanoi_json_scan_t *s, const char *reason)
{
    s->reason = reason;

    return IHANOI_INVALID;
}
