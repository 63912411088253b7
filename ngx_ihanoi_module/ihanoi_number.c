/*
 * Copyright (C) iHaNoi contributors
 *
 * Exact arithmetic on the numbers that the JSON reader lets through.
 *
 * Reals have at most 15 significant digits, so the decimal that was written
 * can be had back from the double.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ihanoi_number.h"


__extension__ typedef unsigned __int128  ihanoi_uint128_t;


static int
ihanoi_number_compare_mixed(json_int_t i, double d)
{
    json_int_t  whole;

    /* 2^63 is a double, INT64_MAX is not */

    if (d >= 9223372036854775808.0) {
        return -1;
    }

    if (d < -9223372036854775808.0) {
        return 1;
    }

    whole = (json_int_t) d;

    if (i != whole) {
        return i < whole ? -1 : 1;
    }

    d -= (double) whole;

    return d > 0 ? -1 : (d < 0 ? 1 : 0);
}


int
ihanoi_number_compare(const json_t *a, const json_t *b)
{
    double      x, y;
    json_int_t  i, j;

    if (json_is_integer(a)) {
        i = json_integer_value(a);

        if (json_is_real(b)) {
            return ihanoi_number_compare_mixed(i, json_real_value(b));
        }

        j = json_integer_value(b);

        return i < j ? -1 : (i > j ? 1 : 0);
    }

    x = json_real_value(a);

    if (json_is_integer(b)) {
        return -ihanoi_number_compare_mixed(json_integer_value(b), x);
    }

    y = json_real_value(b);

    return x < y ? -1 : (x > y ? 1 : 0);
}


ihanoi_decimal_t
ihanoi_number_decimal(const json_t *number)
{
    char              text[32], *p;
    json_int_t        i;
    ihanoi_decimal_t  d;

    d.mantissa = 0;
    d.exponent = 0;

    if (json_is_integer(number)) {
        i = json_integer_value(number);
        d.mantissa = i < 0 ? (uint64_t) 0 - (uint64_t) i : (uint64_t) i;

    } else {

        /* "d.dddddddddddddde-dd": the 15 digits that were written */

        (void) snprintf(text, sizeof(text), "%.14e",
                        fabs(json_real_value(number)));

        for (p = text; *p && *p != 'e'; p++) {
            if (*p >= '0' && *p <= '9') {
                d.mantissa = d.mantissa * 10 + (uint64_t) (*p - '0');
            }
        }

        d.exponent = (*p == 'e' ? atoi(p + 1) : 0) - 14;
    }

    if (d.mantissa == 0) {
        d.exponent = 0;
        return d;
    }

    while (d.mantissa % 10 == 0) {
        d.mantissa /= 10;
        d.exponent++;
    }

    return d;
}


int
ihanoi_number_is_multiple(const json_t *number, ihanoi_decimal_t divisor)
{
    int               shift;
    uint64_t          rest;
    ihanoi_decimal_t  d;

    d = ihanoi_number_decimal(number);

    if (d.mantissa == 0) {
        return 1;
    }

    shift = d.exponent - divisor.exponent;

    if (shift < 0) {

        /* no trailing zeros are left in d, so no power of ten divides it */

        return 0;
    }

    rest = d.mantissa % divisor.mantissa;

    while (shift-- && rest) {
        rest = (uint64_t) (((ihanoi_uint128_t) rest * 10)
                           % divisor.mantissa);
    }

    return rest == 0;
}


int
ihanoi_number_fits_double(const json_t *number)
{
    json_int_t  i;

    if (!json_is_integer(number)) {
        return 1;
    }

    i = json_integer_value(number);

    return i >= -9007199254740992LL && i <= 9007199254740992LL;
}
