/*
 * Copyright (C) iHaNoi contributors
 *
 * TAP for unit tests in C: one program a file, one ok() a behaviour.
 */

#ifndef _TAP_H_INCLUDED_
#define _TAP_H_INCLUDED_


#include <stdarg.h>
#include <stdio.h>
#include <string.h>


static int  tap_count;
static int  tap_failed;


#define ok(cond, ...)  tap_ok(!!(cond), __FILE__, __LINE__, __VA_ARGS__)

/* Both may be NULL. */
#define is_str(got, expected, ...)                                            \
    tap_is_str(got, expected, __FILE__, __LINE__, __VA_ARGS__)

#define is_int(got, expected, ...)                                            \
    tap_is_int((long) (got), (long) (expected), __FILE__, __LINE__,           \
               __VA_ARGS__)


static int __attribute__((unused, format(printf, 4, 5)))
tap_ok(int cond, const char *file, int line, const char *fmt, ...)
{
    char    *p, name[512];
    va_list  args;

    va_start(args, fmt);
    vsnprintf(name, sizeof(name), fmt, args);
    va_end(args);

    /* a name may quote what was tested: TAP has a line a test */

    for (p = name; *p; p++) {
        if ((unsigned char) *p < ' ' || *p == '#') {
            *p = '?';
        }
    }

    printf("%sok %d - %s\n", cond ? "" : "not ", ++tap_count, name);

    if (!cond) {
        tap_failed++;
        printf("#   at %s line %d\n", file, line);
    }

    fflush(stdout);

    return cond;
}


static int __attribute__((unused, format(printf, 5, 6)))
tap_is_str(const char *got, const char *expected, const char *file, int line,
    const char *fmt, ...)
{
    int      same;
    char     name[256];
    va_list  args;

    va_start(args, fmt);
    vsnprintf(name, sizeof(name), fmt, args);
    va_end(args);

    same = (got && expected) ? strcmp(got, expected) == 0 : got == expected;

    tap_ok(same, file, line, "%s", name);

    if (!same) {
        printf("#        got: %s\n#   expected: %s\n", got ? got : "NULL",
               expected ? expected : "NULL");
    }

    return same;
}


static int __attribute__((unused, format(printf, 5, 6)))
tap_is_int(long got, long expected, const char *file, int line,
    const char *fmt, ...)
{
    char     name[256];
    va_list  args;

    va_start(args, fmt);
    vsnprintf(name, sizeof(name), fmt, args);
    va_end(args);

    tap_ok(got == expected, file, line, "%s", name);

    if (got != expected) {
        printf("#        got: %ld\n#   expected: %ld\n", got, expected);
    }

    return got == expected;
}


/* return done_testing(); at the end of main */
static int __attribute__((unused))
done_testing(void)
{
    printf("1..%d\n", tap_count);

    return tap_failed ? 1 : 0;
}


#endif /* _TAP_H_INCLUDED_ */
