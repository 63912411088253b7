/*
 * Copyright (C) iHaNoi contributors
 *
 * usage: LD_PRELOAD=scarce.so SCARCE=file nginx …     (tests/http/plugin_db.t)
 *
 * While the file is there, nginx itself does not get six bytes of memory, which are
 * what the statement "begin" needs.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define SCARCE  6


extern void *__libc_malloc(size_t size);


static char  file[256];


/* Before nginx makes an environment of its own. */
static __attribute__((constructor)) void
begin(void)
{
    const char  *name;

    name = getenv("SCARCE");

    (void) snprintf(file, sizeof(file), "%s", name ? name : "");
}


void *
malloc(size_t size)
{
    Dl_info  who;

    if (size == SCARCE && file[0] && access(file, F_OK) == 0
        && dladdr(__builtin_return_address(0), &who)
        && strstr(who.dli_fname, ".so") == NULL)
    {
        errno = ENOMEM;
        return NULL;
    }

    return __libc_malloc(size);
}
