/*
 * Copyright (C) iHaNoi contributors
 *
 * Exact arithmetic on the numbers that the JSON reader lets through.
 */

#ifndef _IHANOI_NUMBER_H_INCLUDED_
#define _IHANOI_NUMBER_H_INCLUDED_


#include <stdint.h>
#include <jansson.h>


/* 2^53: a double holds each integer up to here. */
#define IHANOI_NUMBER_EXACT  9007199254740992LL


/* mantissa * 10^exponent, without sign */
typedef struct {
    uint64_t                  mantissa;
    int                       exponent;
} ihanoi_decimal_t;


/*
 * 1 when a number is an integer of 64 bits, however it is written (JSON Schema,
 * validation 6.1.1): 5, 5.0 and 50e-1 are 5.  _whole() is told the double.
 */
int ihanoi_number_integer(const json_t *number, json_int_t *n);
int ihanoi_number_whole(double value, json_int_t *n);

/* -1, 0 or 1; integers beyond 2^53 are not rounded. */
int ihanoi_number_compare(const json_t *a, const json_t *b);

/* The magnitude of a number as it was written. */
ihanoi_decimal_t ihanoi_number_decimal(const json_t *number);

/* 1 when number is an integer times the divisor, which is not zero. */
int ihanoi_number_is_multiple(const json_t *number, ihanoi_decimal_t divisor);

/*
 * 1 when a real, as it is written, is what a double writes: the digits of the
 * shortest decimal that reads as the same double.  So no two such decimals are
 * one double.  The text is a JSON number of at most 64 bytes.
 */
int ihanoi_number_is_written(const char *text, size_t len);

/* Writes the shortest decimal that reads as the value; returns its length. */
size_t ihanoi_number_text(double value, char text[32]);

/* 1 when a double holds this integer or real unchanged. */
int ihanoi_number_fits_double(const json_t *number);


#endif /* _IHANOI_NUMBER_H_INCLUDED_ */
