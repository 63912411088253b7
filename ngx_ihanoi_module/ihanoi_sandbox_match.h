/*
 * Copyright (C) iHaNoi contributors
 *
 * Lua's patterns: a subject, a pattern, and where it matches.  Errors in the
 * pattern, and the death of the call, are raised.
 */

#ifndef _IHANOI_SANDBOX_MATCH_H_INCLUDED_
#define _IHANOI_SANDBOX_MATCH_H_INCLUDED_


#include "ihanoi_sandbox.h"


/* Steps, of some nanoseconds each, between two looks at the clock. */
#define IHANOI_MATCH_STEPS      4096

/* Both as LuaJIT's. */
#define IHANOI_MATCH_CAPTURES   32
#define IHANOI_MATCH_DEPTH      200

/* Captures without a length. */
#define IHANOI_CAPTURE_OPEN     -1
#define IHANOI_CAPTURE_POSITION -2


typedef struct {
    const char        *start;
    ptrdiff_t          len;
} ihanoi_capture_t;


typedef struct {
    lua_State         *L;
    const char        *subject;
    const char        *end;
    const char        *pattern;
    const char        *pattern_end;
    size_t             steps;          /* since the last poll */
    unsigned           depth;
    int                ncaptures;
    ihanoi_capture_t   captures[IHANOI_MATCH_CAPTURES];
} ihanoi_match_t;


/* Called for each thing that takes time; n: how many times as long. */

static inline void
ihanoi_match_step(ihanoi_match_t *m, size_t n)
{
    m->steps += n;

    if (m->steps >= IHANOI_MATCH_STEPS) {
        m->steps = 0;
        ihanoi_sandbox_poll(m->L);
    }
}


/* Subject and pattern are strings at these places of the stack, and stay. */
void ihanoi_match_init(ihanoi_match_t *m, lua_State *L, int subject,
    int pattern);

/* Where a match that starts at s ends; NULL: none does.  "^" is an anchor. */
const char *ihanoi_match_at(ihanoi_match_t *m, const char *s);

/* The same for a pattern from p on; depth and captures go on counting. */
const char *ihanoi_match_here(ihanoi_match_t *m, const char *s,
    const char *p);

/* Pushes capture i, or as the first one, when there are none, s to e. */
void ihanoi_match_push(ihanoi_match_t *m, int i, const char *s,
    const char *e);

/* All captures, whose number it returns; none: s to e, unless s is NULL. */
int ihanoi_match_push_all(ihanoi_match_t *m, const char *s, const char *e);


#endif /* _IHANOI_SANDBOX_MATCH_H_INCLUDED_ */
