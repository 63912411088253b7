/*
 * Copyright (C) iHaNoi contributors
 *
 * Memory outside Lua that an error cannot lose: a block of malloc(), charged
 * to the sandbox, that a userdata owns.  When nobody refers to the userdata
 * any more the collector gives the block back.
 */

#ifndef _IHANOI_LUA_BOX_H_INCLUDED_
#define _IHANOI_LUA_BOX_H_INCLUDED_


#include <stddef.h>

#include <lua.h>

#include "ihanoi_sandbox.h"


typedef struct {
    ihanoi_sandbox_t         *sandbox;
    char                     *data;       /* NULL: nothing yet */
    size_t                    size;       /* charged */
} ihanoi_lua_box_t;


/* Pushes an empty box; it is there as long as it is on the stack. */
ihanoi_lua_box_t *ihanoi_lua_box_create(lua_State *L);

/* Makes it larger and keeps what is in it.  Raises "not enough memory". */
void ihanoi_lua_box_resize(lua_State *L, ihanoi_lua_box_t *box, size_t size);

/* Empties it.  Raises nothing. */
void ihanoi_lua_box_free(ihanoi_lua_box_t *box);

/* The same, but the block is the caller's now, for free(), and not charged. */
char *ihanoi_lua_box_take(ihanoi_lua_box_t *box);


#endif /* _IHANOI_LUA_BOX_H_INCLUDED_ */
