/*
 * Copyright (C) iHaNoi contributors
 *
 * usage: LD_PRELOAD=clock.so CLOCK=file nginx …       (tests/http/auth_deny.t)
 *
 * The wall clock of nginx is ahead of the machine's by so many seconds as the file
 * has bytes.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>


static char  file[256];


/* Before nginx makes an environment of its own. */
static __attribute__((constructor)) void
begin(void)
{
    const char  *name;

    name = getenv("CLOCK");

    (void) snprintf(file, sizeof(file), "%s", name ? name : "");
}


int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct stat      ahead;
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    tv->tv_sec = ts.tv_sec + (stat(file, &ahead) == 0 ? ahead.st_size : 0);
    tv->tv_usec = ts.tv_nsec / 1000;

    return 0;
}
