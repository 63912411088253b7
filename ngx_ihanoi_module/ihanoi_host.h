/*
 * Copyright (C) iHaNoi contributors
 *
 * What plugins find under the global "ihanoi": one table of names, functions
 * and the phases in which they may be called.  "make reference" makes the
 * type stubs (conf/lua/ihanoi.lua) and the reference (docs/host-functions.md)
 * from it.
 */

#ifndef _IHANOI_HOST_H_INCLUDED_
#define _IHANOI_HOST_H_INCLUDED_


#include <lua.h>


#define IHANOI_PHASE_LOAD      0x01   /* while handler.lua is loaded */
#define IHANOI_PHASE_REQUEST   0x02   /* an operation */
#define IHANOI_PHASE_JOB       0x04   /* a scheduled job, an event */
#define IHANOI_PHASE_INTERFACE 0x08   /* a call of another plugin */

#define IHANOI_PHASE_CALL      (IHANOI_PHASE_REQUEST|IHANOI_PHASE_JOB         \
                                |IHANOI_PHASE_INTERFACE)
#define IHANOI_PHASE_ANY       (IHANOI_PHASE_LOAD|IHANOI_PHASE_CALL)


/*
 * One function, which may use no upvalues.  params and returns are in LuaLS's
 * terms, one a line: "text string", "options? { expires?: number }"; returns
 * the same way, "value? any", "err? string".  text says in English what it
 * does, its units, its limits and its errors: it is the reference.
 *
 * Expected failure is nil and a text; wrong use (a type, a phase) raises.
 */
typedef struct {
    const char               *noun;       /* "json" */
    const char               *name;       /* "encode" */
    lua_CFunction             function;
    unsigned                  phases;
    const char               *params;     /* "" when there are none */
    const char               *returns;
    const char               *text;
} ihanoi_host_function_t;


/*
 * One noun's functions, ended by a NULL name, and what its text in the
 * reference begins with.  Each is in a file of its own, ihanoi_host_NOUN.c
 * where nginx is not needed, else ngx_http_ihanoi_host_NOUN.c; but for "log",
 * which is in that of "plugin".
 */
typedef struct {
    const char                    *noun;
    const char                    *text;
    const ihanoi_host_function_t  *functions;
    int                          (*open)(lua_State *L);  /* NULL: none */
} ihanoi_host_noun_t;


/*
 * A table that functions take or give, which their rows name "ihanoi.Caller";
 * and with the name of a noun, "ihanoi.json", what its open() adds to it.
 * fields are as params, one a line, with a text after " -- " where the name
 * does not say it: "sub string -- unique with its issuer".
 */
typedef struct {
    const char                    *name;
    const char                    *fields;    /* "" when there are none */
    const char                    *text;
} ihanoi_host_class_t;


extern const ihanoi_host_noun_t  ihanoi_host_json;
extern const ihanoi_host_noun_t  ihanoi_host_crypto;
extern const ihanoi_host_noun_t  ihanoi_host_jwt;
extern const ihanoi_host_noun_t  ihanoi_host_time;
extern const ihanoi_host_noun_t  ihanoi_host_money;
extern const ihanoi_host_noun_t  ihanoi_host_uuid;
extern const ihanoi_host_noun_t  ihanoi_host_text;
extern const ihanoi_host_noun_t  ihanoi_host_store;
extern const ihanoi_host_noun_t  ihanoi_host_lock;


/*
 * The clock of all of them: seconds since 1970 in UTC, with a fraction.  Tests
 * put their own here.
 */
extern double (*ihanoi_host_time_now)(void);


/* All of the above, ended by NULL. */
extern const ihanoi_host_noun_t *const  ihanoi_host_nouns[];

/*
 * The classes of all nouns, of those that need nginx too, ended by a NULL
 * name.  The reference has those that a row names.
 */
extern const ihanoi_host_class_t  ihanoi_host_classes[];


/*
 * Sets the global "ihanoi" from a list that ends with NULL.  It and the nouns
 * are userdata that show their tables and raise when written to: rawset() and
 * the like take tables only, and their metatables are hidden.  Nor can the name
 * be given to something else: the globals find it behind themselves.
 *
 * open() of a noun may add constants to the noun's table on the top of the
 * stack.  Each function is wrapped so that it raises when the phase of the sandbox
 * is none of its own; it is IHANOI_PHASE_LOAD until somebody sets another.
 *
 * L is of a sandbox.  Run in protected mode by the caller; 0, or raises.
 */
int ihanoi_host_open(lua_State *L, const ihanoi_host_noun_t *const *nouns);


/* An integer of at most 2^53 at index, whatever its sign, or raises. */
double ihanoi_host_integer(lua_State *L, int index);

/* Which of the names the text at index is, usual when there is none, or raises. */
int ihanoi_host_option(lua_State *L, int index, const char *usual,
    const char *const *names);

/* Pushes what a noun says in Lua, as a function; or raises. */
void ihanoi_host_push_around(lua_State *L, const char *text);

/* "return ihanoi_host_fail(L, ...)": nil and a text, as lua_pushfstring(). */
int ihanoi_host_fail(lua_State *L, const char *fmt, ...);

/*
 * The optional table of options at index: raises when it is no table or has a
 * name that is not in names (ended by NULL).  Returns 1 when there is one.
 */
int ihanoi_host_options(lua_State *L, int index, const char *const *names);


#endif /* _IHANOI_HOST_H_INCLUDED_ */
