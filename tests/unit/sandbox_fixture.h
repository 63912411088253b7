/*
 * Copyright (C) iHaNoi contributors
 *
 * One sandbox, one call in it, and what they say.
 */

#ifndef _SANDBOX_FIXTURE_H_INCLUDED_
#define _SANDBOX_FIXTURE_H_INCLUDED_


#include <stdlib.h>
#include <time.h>

#include "tap.h"
#include "ihanoi_sandbox.h"


static ihanoi_sandbox_t *sandbox;
static ihanoi_call_t *call;
static unsigned slices;


static double __attribute__((unused))
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec / 1e9;
}


/* A new one in place of the last, with the plugin's files. */
static void __attribute__((unused))
sandbox_of(size_t memory, ihanoi_sandbox_file_t *files, unsigned n)
{
    unsigned               i;
    ihanoi_sandbox_conf_t  conf;

    ihanoi_sandbox_destroy(sandbox);

    for (i = 0; i < n; i++) {
        files[i].len = strlen(files[i].text);
    }

    memset(&conf, 0, sizeof(conf));
    conf.name = "test";
    conf.memory = memory;
    conf.files = files;
    conf.nfiles = n;

    sandbox = ihanoi_sandbox_create(&conf);
}


/* A function for the plugin's globals. */
static void __attribute__((unused))
give(const char *name, lua_CFunction function)
{
    lua_pushcfunction(ihanoi_sandbox_state(sandbox), function);
    lua_setglobal(ihanoi_sandbox_state(sandbox), name);
}


/* For the timer: a kill that is lost fails the test instead of hanging it. */
static void __attribute__((unused))
stuck(const char *name)
{
    printf("Bail out! a kill is lost: \"%s\" does not come back\n", name);
    (void) fflush(stdout);
    abort();
}


static int __attribute__((unused))
host_wait(lua_State *L)
{
    return ihanoi_call_wait(L);
}


/* The call runs on until it is over or waits again. */
static ihanoi_run_e __attribute__((unused))
go_on(int nargs)
{
    ihanoi_run_e  rc;

    do {
        rc = ihanoi_call_run(call, nargs);
    } while (rc == IHANOI_RUN_SLICE);

    return rc;
}


static void
end(void)
{
    if (call) {
        ihanoi_call_destroy(call);
        call = NULL;
    }
}


/* Runs a text until it is over or waits. */
static ihanoi_run_e
run_for(const char *text, unsigned cpu_usec)
{
    lua_State     *L;
    ihanoi_run_e   rc;

    end();
    call = ihanoi_call_create(sandbox, cpu_usec);
    L = ihanoi_call_state(call);

    if (luaL_loadbufferx(L, text, strlen(text), "=t", "t") != 0) {
        printf("# %s\n", lua_tostring(L, -1));
        return IHANOI_RUN_ERROR;
    }

    slices = 0;

    for (rc = ihanoi_call_run(call, 0);
         rc == IHANOI_RUN_SLICE;
         rc = ihanoi_call_run(call, 0))
    {
        slices++;
    }

    return rc;
}


static const char * __attribute__((unused))
said(const char *text)
{
    ihanoi_run_e        rc;
    static char         buf[1024];
    const char         *s;

    rc = run_for(text, 5000000);

    if (rc == IHANOI_RUN_DONE) {
        s = lua_isboolean(ihanoi_call_state(call), -1)
            ? (lua_toboolean(ihanoi_call_state(call), -1) ? "true" : "false")
            : lua_tostring(ihanoi_call_state(call), -1);

    } else {
        s = ihanoi_call_error(call);
    }

    snprintf(buf, sizeof(buf), "%s", s ? s : "(nil)");
    end();

    return buf;
}


#endif /* _SANDBOX_FIXTURE_H_INCLUDED_ */
