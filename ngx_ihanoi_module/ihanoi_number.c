/*
 * Copyright (C) iHaNoi contributors
 *
 * Exact arithmetic on the numbers that the JSON reader lets through.
 *
 * The decimal of a real that was written can be had back from the double: it
 * has at most 15 significant digits, or is the shortest that reads as it.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ihanoi_number.h"


__extension__ typedef unsigned __int128  ihanoi_uint128_t;


/*
 * 2^63: the doubles below it are integers of 64 bits also as they are written,
 * of which the last is 9223372036854775000; it is written 9223372036854776000.
 */
#define IHANOI_NUMBER_INT64  9223372036854775808.0


static int ihanoi_number_precision(double value);
static size_t ihanoi_number_digits(const char *text, size_t len, char *digits,
    size_t size);


int
ihanoi_number_integer(const json_t *number, json_int_t *n)
{
    if (json_is_integer(number)) {
        *n = json_integer_value(number);
        return 1;
    }

    return json_is_real(number)
           && ihanoi_number_whole(json_real_value(number), n);
}


int
ihanoi_number_whole(double value, json_int_t *n)
{
    double    size;
    uint64_t  exact, unit, rest, written;

    size = fabs(value);

    if (!(size < IHANOI_NUMBER_INT64) || size != trunc(size)) {
        return 0;
    }

    exact = (uint64_t) size;
    written = exact;

    /*
     * From 2^53 on a double is not always what was written: that has 15 digits,
     * or as many more as the double needs, as in ihanoi_number_decimal().
     */

    if (exact > IHANOI_NUMBER_EXACT) {

        for (unit = 10; exact / unit >= 1000000000000000; unit *= 10) {
            /* void */
        }

        for ( /* void */ ; unit > 1; unit /= 10) {
            rest = exact % unit;
            written = exact - rest;

            if (rest > unit / 2 || (rest == unit / 2 && (written / unit) % 2)) {
                written += unit;
            }

            if ((double) written == size) {
                break;
            }
        }

        if (unit == 1) {
            written = exact;
        }
    }

    *n = value < 0 ? -(json_int_t) written : (json_int_t) written;

    return 1;
}


static int
ihanoi_number_compare_mixed(json_int_t i, const json_t *real)
{
    double      d;
    json_int_t  n;

    d = json_real_value(real);

    if (ihanoi_number_whole(d, &n)) {
        return i < n ? -1 : (i > n ? 1 : 0);
    }

    if (fabs(d) >= IHANOI_NUMBER_INT64) {
        return d > 0 ? -1 : 1;
    }

    /* a fraction, which no integer is */

    return (double) i < d ? -1 : 1;
}


int
ihanoi_number_compare(const json_t *a, const json_t *b)
{
    double      x, y;
    json_int_t  i, j;

    if (json_is_integer(a)) {
        i = json_integer_value(a);

        if (json_is_real(b)) {
            return ihanoi_number_compare_mixed(i, b);
        }

        j = json_integer_value(b);

        return i < j ? -1 : (i > j ? 1 : 0);
    }

    if (json_is_integer(b)) {
        return -ihanoi_number_compare_mixed(json_integer_value(b), a);
    }

    x = json_real_value(a);
    y = json_real_value(b);

    return x < y ? -1 : (x > y ? 1 : 0);
}


ihanoi_decimal_t
ihanoi_number_decimal(const json_t *number)
{
    char              text[32], *p;
    double            x;
    json_int_t        i;
    ihanoi_decimal_t  d;

    d.mantissa = 0;
    d.exponent = 0;

    if (json_is_integer(number)) {
        i = json_integer_value(number);
        d.mantissa = i < 0 ? (uint64_t) 0 - (uint64_t) i : (uint64_t) i;

    } else {

        /* "d.dddddddddddddde-dd": the digits that were written */

        x = fabs(json_real_value(number));

        (void) snprintf(text, sizeof(text), "%.*e",
                        ihanoi_number_precision(x) - 1, x);

        for (p = text; *p && *p != 'e'; p++) {
            if (*p >= '0' && *p <= '9') {
                d.mantissa = d.mantissa * 10 + (uint64_t) (*p - '0');
                d.exponent--;
            }
        }

        d.exponent += 1 + (*p == 'e' ? atoi(p + 1) : 0);
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
ihanoi_number_is_written(const char *text, size_t len)
{
    char    copy[65], back[32], written[65], shortest[32];
    double  value;
    size_t  n;

    if (len >= sizeof(copy)) {
        return 0;
    }

    memcpy(copy, text, len);
    copy[len] = '\0';

    value = strtod(copy, NULL);
    (void) snprintf(back, sizeof(back), "%.*e",
                    ihanoi_number_precision(value) - 1, value);

    n = ihanoi_number_digits(copy, len, written, sizeof(written));

    return n == ihanoi_number_digits(back, strlen(back), shortest,
                                     sizeof(shortest))
           && memcmp(written, shortest, n) == 0;
}


size_t
ihanoi_number_text(double value, char text[32])
{
    int  n;

    n = snprintf(text, 32, "%.*g", ihanoi_number_precision(value), value);

    /* a real stays one */

    if (strpbrk(text, ".e") == NULL) {
        n += snprintf(text + n, 32 - (size_t) n, ".0");
    }

    return (size_t) n;
}


/* 15 digits, or as many more as the double needs. */

static int
ihanoi_number_precision(double value)
{
    int   digits;
    char  text[32];

    for (digits = 15; digits < 17; digits++) {
        (void) snprintf(text, sizeof(text), "%.*e", digits - 1, value);

        if (strtod(text, NULL) == value) {
            break;
        }
    }

    return digits;
}


/* The significant digits of a number, without zeros at their end. */

static size_t
ihanoi_number_digits(const char *text, size_t len, char *digits, size_t size)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < len && text[i] != 'e' && text[i] != 'E'; i++) {
        if (text[i] >= '0' && text[i] <= '9' && (n || text[i] != '0')
            && n < size)
        {
            digits[n++] = text[i];
        }
    }

    while (n && digits[n - 1] == '0') {
        n--;
    }

    return n;
}


int
ihanoi_number_fits_double(const json_t *number)
{
    json_int_t  i;

    if (!json_is_integer(number)) {
        return 1;
    }

    i = json_integer_value(number);

    return i >= -IHANOI_NUMBER_EXACT && i <= IHANOI_NUMBER_EXACT;
}
