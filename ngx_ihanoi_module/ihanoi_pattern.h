/*
 * Copyright (C) iHaNoi contributors
 *
 * Regular expressions of contracts.  Only ihanoi_pattern.c sees PCRE2.
 */

#ifndef _IHANOI_PATTERN_H_INCLUDED_
#define _IHANOI_PATTERN_H_INCLUDED_


#include <stddef.h>

#include "ihanoi_arena.h"


typedef struct ihanoi_pattern_s  ihanoi_pattern_t;


/*
 * Compiles an expression that must end with "$" (outside a group there is no
 * "|"), so that our end-anchored matching and any other reader of the document
 * agree.  NULL with *reason set (static or in the arena); *reason is NULL when
 * memory failed.  The pattern is freed with the arena.
 */
ihanoi_pattern_t *ihanoi_pattern_compile(ihanoi_arena_t *arena,
    const char *text, const char **reason);

/*
 * Matches valid UTF-8.  1, 0, IHANOI_BUDGET past the match limit, or
 * IHANOI_NOMEM.  Takes steps off *steps.
 */
int ihanoi_pattern_match(const ihanoi_pattern_t *pattern, const char *p,
    size_t len, size_t *steps);


#endif /* _IHANOI_PATTERN_H_INCLUDED_ */
