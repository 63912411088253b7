/*
 * Copyright (C) iHaNoi contributors
 *
 * Between Lua values of a sandbox and JSON text, without a tree in between.
 *
 *     JSON       Lua
 *     null       ihanoi.json.null, a value of its own; nil has no members
 *     number     number; integers beyond 2^53 are refused when read
 *     array      table 1 .. n, marked as an array when it comes from JSON
 *     object     table with names
 *     any        ihanoi.json.raw(text): copied as it is when written
 *
 * All functions here raise errors (memory, a call that has to die), but for
 * what they return: run them in protected mode, holding nothing that a
 * longjmp() would lose.  They hold nothing either.
 */

#ifndef _IHANOI_LUA_JSON_H_INCLUDED_
#define _IHANOI_LUA_JSON_H_INCLUDED_


#include <stddef.h>

#include <lua.h>

#include "ihanoi_json.h"


/* Levels of tables, both ways; a table that contains itself ends there. */
#define IHANOI_LUA_JSON_DEPTH   IHANOI_JSON_DEPTH


/*
 * What all of it needs in a state, once; pushes null and, on top of it, the
 * metatable that marks arrays.  Opening the noun "json" does it.
 */
void ihanoi_lua_json_open(lua_State *L);

/*
 * Pushes the value of a JSON text that is known to be UTF-8, as PostgreSQL's and
 * ours are, and returns 0; or pushes nothing, sets *err to a static text and
 * returns -1.  data may lie in Lua or not.
 */
int ihanoi_lua_push_json(lua_State *L, const char *data, size_t len,
    const char **err);

/*
 * The same of what may be anything and is not ours to refuse: an integer beyond
 * 2^53 is a string, its text.
 */
int ihanoi_lua_push_exact(lua_State *L, const char *data, size_t len,
    const char **err);

/* The same of a text that may be anything, and where it is wrong. */
int ihanoi_lua_read_json(lua_State *L, const char *data, size_t len,
    ihanoi_json_error_t *err);

/*
 * Writes the value at index.  0: *text is the caller's, from malloc(), with a
 * NUL behind it; while it was written it was charged to the sandbox, now it is
 * not.
 * -1: why not, "$.items[3] is a function", is pushed as a string.
 */
int ihanoi_lua_encode_json(lua_State *L, int index, char **text,
    size_t *len);

/* The same, but the text is pushed: 0 it, -1 why not. */
int ihanoi_lua_push_encoded(lua_State *L, int index);

/* Pushes ihanoi.json.null. */
void ihanoi_lua_push_null(lua_State *L);

/* Pushes an empty table that is marked as an array, with room for n. */
void ihanoi_lua_push_array(lua_State *L, int n);

/* Pushes ihanoi.json.raw() of a text that is known to be JSON. */
void ihanoi_lua_push_raw(lua_State *L, const char *data, size_t len);

/* 1 when the value at index is null. */
int ihanoi_lua_is_null(lua_State *L, int index);

/* The text of a raw value at index; NULL: it is none. */
const char *ihanoi_lua_raw(lua_State *L, int index, size_t *len);


#endif /* _IHANOI_LUA_JSON_H_INCLUDED_ */
