/*
 * Copyright (C) iHaNoi contributors
 *
 * A sandbox with "ihanoi" in it.
 */

#ifndef _HOST_FIXTURE_H_INCLUDED_
#define _HOST_FIXTURE_H_INCLUDED_


#include <signal.h>
#include <stdlib.h>

#include "sandbox_fixture.h"
#include "ihanoi_host.h"


static int
host_open(lua_State *L)
{
    return ihanoi_host_open(L, ihanoi_host_nouns);
}


/* A new one in place of the last, in the phase of a request. */
static void __attribute__((unused))
start(size_t memory)
{
    int                    rc;
    lua_State             *L;
    ihanoi_sandbox_conf_t  conf;

    end();
    ihanoi_sandbox_destroy(sandbox);

    memset(&conf, 0, sizeof(ihanoi_sandbox_conf_t));
    conf.name = "test";
    conf.memory = memory;

    sandbox = ihanoi_sandbox_create(&conf);
    if (sandbox == NULL) {
        printf("Bail out! no sandbox\n");
        exit(1);
    }

    L = ihanoi_sandbox_state(sandbox);

    ihanoi_sandbox_enter_host(sandbox);
    rc = lua_cpcall(L, host_open, NULL);
    ihanoi_sandbox_leave_host(sandbox);

    if (rc != 0) {
        printf("Bail out! %s\n", lua_tostring(L, -1));
        exit(1);
    }

    ihanoi_sandbox_set_phase(sandbox, IHANOI_PHASE_REQUEST);
}


/* What a text returns, or the error; a name for the test is the text. */
#define says(text, expected)  is_str(said(text), expected, "%s", text)


#endif /* _HOST_FIXTURE_H_INCLUDED_ */
