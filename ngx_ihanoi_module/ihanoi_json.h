/*
 * Copyright (C) iHaNoi contributors
 *
 * JSON as strict as two readers that must agree need it (RFC 8259).
 *
 * What jansson, PostgreSQL's jsonb and the clients of a partner see must be
 * one value, so everything that any of them would read in its own way is
 * refused: NUL, duplicate members, lone surrogates, invalid UTF-8, integers
 * beyond int64, reals that a double does not hold.
 */

#ifndef _IHANOI_JSON_H_INCLUDED_
#define _IHANOI_JSON_H_INCLUDED_


#include <stddef.h>
#include <jansson.h>


#define IHANOI_JSON_DEPTH       32    /* of a request body */

/*
 * A decimal of up to 15 significant digits goes through a double and comes
 * back the same (DBL_DIG), of up to 17 when a double is written so; the
 * exponent is bounded because jsonb writes 1e100000 out as 100,001 digits.
 */
#define IHANOI_JSON_DIGITS      15
#define IHANOI_JSON_EXPONENT    64
#define IHANOI_JSON_NUMBER_LEN  64


/* Results of reading and checking, in all files of the library. */
#define IHANOI_OK        0
#define IHANOI_INVALID   1
#define IHANOI_NOMEM    -1
#define IHANOI_BUDGET   -2


typedef struct {
    const char               *data;
    size_t                    len;
    unsigned                  inexact:1;  /* a real that no double is exactly */
} ihanoi_span_t;


/*
 * Where the values of the top-level object's members stand in the text, in
 * order.  The caller gives room for max of them; n counts all there are.  A real
 * among them, and the whole when it is one, may be inexact: it is the caller's
 * to say who reads it.
 */
typedef struct {
    ihanoi_span_t             whole;      /* the value without white space */
    ihanoi_span_t            *members;
    size_t                    max;
    size_t                    n;
    unsigned                  reals:1;    /* some may be integers: "5.0" */
} ihanoi_spans_t;


typedef struct {
    size_t                    offset;     /* of the byte that is wrong */
    const char               *reason;     /* a static text */
} ihanoi_json_error_t;


/* What numbers may be. */
typedef enum {
    IHANOI_JSON_EXACT = 0,    /* 64-bit integers, reals of 15 digits */
    IHANOI_JSON_DOUBLE,       /* integers up to 2^53, reals as a double is */
    IHANOI_JSON_ANY           /* all of up to IHANOI_JSON_NUMBER_LEN bytes */
} ihanoi_json_numbers_e;


/*
 * How a text is checked for somebody else than jansson and jsonb.  poll is
 * called from time to time; it may leave by longjmp(): nothing is held.
 */
typedef struct {
    unsigned                  depth;
    ihanoi_json_numbers_e     numbers;
    unsigned                  utf8:1;     /* it is UTF-8: that is not checked */
    void                    (*poll)(void *ctx);   /* may be NULL */
    void                     *ctx;
} ihanoi_json_options_t;


/*
 * Checks the text alone, for who reads it in his own way.  Everything but
 * duplicate members is found here.  Returns IHANOI_OK or IHANOI_INVALID with
 * *err filled.
 */
int ihanoi_json_check(const char *data, size_t len,
    const ihanoi_json_options_t *options, ihanoi_json_error_t *err);

/*
 * Checks the text and reads it.  The caller owns *value; its members are in
 * the order of the text and of spans.  Returns IHANOI_OK, IHANOI_INVALID with
 * *err filled, or IHANOI_NOMEM.
 */
int ihanoi_json_read(const char *data, size_t len, unsigned depth,
    ihanoi_spans_t *spans, json_t **value, ihanoi_json_error_t *err);

/*
 * Copies a text that was accepted, and writes each real in it that is an
 * integer of 64 bits as that: "5" for "5.0" and "50e-1".  Returns the length;
 * out may be NULL to learn it.
 */
size_t ihanoi_json_integers(const char *data, size_t len, char *out);


#endif /* _IHANOI_JSON_H_INCLUDED_ */
