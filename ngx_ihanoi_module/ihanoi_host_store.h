/*
 * Copyright (C) iHaNoi contributors
 *
 * How ihanoi.store and ihanoi.lock reach the store of the plugin that calls.
 */

#ifndef _IHANOI_HOST_STORE_H_INCLUDED_
#define _IHANOI_HOST_STORE_H_INCLUDED_


#include <lua.h>

#include "ihanoi_store.h"


/* A store and the lock around each of its functions. */
typedef struct {
    ihanoi_store_t           *store;
    void                    (*lock)(void *data);
    void                    (*unlock)(void *data);
    void                     *data;
} ihanoi_host_store_t;


/*
 * Finds the store of the plugin that runs in L; NULL: it has none.  Set by who
 * runs plugins, before the first call; while it is NULL no plugin has one.
 */
extern ihanoi_host_store_t *(*ihanoi_host_store_of)(lua_State *L);


/* The store of the plugin that calls; raises when it has none. */
ihanoi_host_store_t *ihanoi_host_store_check(lua_State *L);

/* Monotonic milliseconds: the clock of all stores. */
uint64_t ihanoi_host_store_now(void);

/*
 * Seconds at index, until when that is from now: more than 0 and at most max.
 * Raises when it is another value.
 */
uint64_t ihanoi_host_store_until(lua_State *L, int index, double max);


#endif /* _IHANOI_HOST_STORE_H_INCLUDED_ */
