/*
 * Copyright (C) iHaNoi contributors
 *
 * What the files that read a request share: checks, faults, copies.
 */

#ifndef _IHANOI_VIOLATION_H_INCLUDED_
#define _IHANOI_VIOLATION_H_INCLUDED_


#include <jansson.h>

#include "ihanoi_schema.h"
#include "ihanoi_types.h"


/* a step is some 20 to 50 ns: no request takes more than milliseconds */
#define IHANOI_INPUT_STEPS     200000


/*
 * Holds a value against a schema; what is wrong is among the violations.  0,
 * or -1 when memory failed.
 */
int ihanoi_input_check(ihanoi_input_t *in,
    const ihanoi_schema_t *schema, const json_t *value, ihanoi_in_e place,
    const ihanoi_str_t *parameter);

/* Adds a violation, while there is room.  0, or -1 when memory failed. */
int ihanoi_input_fault(ihanoi_input_t *in, ihanoi_in_e place,
    const ihanoi_str_t *parameter, const char *pointer, const char *keyword,
    const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* Makes a violation of a schema's fault: the report of an ihanoi_check_t. */
void ihanoi_input_report(void *ctx, const char *pointer,
    const char *keyword, const char *message);

/* A NUL-terminated copy in the request's memory, or NULL. */
char *ihanoi_input_copy(ihanoi_input_t *in, const char *data,
    size_t len);

/* The violation that no double is a number of an argument; as _fault(). */
int ihanoi_input_inexact(ihanoi_input_t *in, const ihanoi_argument_t *argument,
    const char *message);

/*
 * Makes an accepted JSON text an argument's value.  reals: there are some that
 * may be integers, and SQL gets them as such.  Of a handler's, which reads it as
 * Lua does, an integer beyond 2^53 in it is a violation; large: a real in it is
 * one, as its schema asks.  0, or -1 when memory failed.
 */
int ihanoi_input_json(ihanoi_input_t *in, unsigned i, const char *data,
    size_t len, int reals, int large);

/*
 * A NUL-terminated copy of a JSON text in which reals that are integers are
 * written as such, or NULL.
 */
char *ihanoi_input_integers(ihanoi_input_t *in, const char *data, size_t len);

/* The argument's number, op->narguments when there is none. */
unsigned ihanoi_input_find(const ihanoi_operation_t *op,
    ihanoi_in_e place, const char *name, size_t len);


#endif /* _IHANOI_VIOLATION_H_INCLUDED_ */
