/*
 * Copyright (C) iHaNoi contributors
 *
 * Memory that lives as long as a contract: taken in pieces, freed at once.
 */

#ifndef _IHANOI_ARENA_H_INCLUDED_
#define _IHANOI_ARENA_H_INCLUDED_


#include <stddef.h>


typedef struct ihanoi_arena_s  ihanoi_arena_t;


/*
 * The library's malloc() and free().  Short-lived pieces outside any request
 * use them directly; tests put a malloc() that fails at the Nth call here.
 */
extern void *(*ihanoi_malloc)(size_t size);
extern void (*ihanoi_free)(void *p);


/* NULL when there is no memory, as all functions here. */
ihanoi_arena_t *ihanoi_arena_create(void);
void ihanoi_arena_destroy(ihanoi_arena_t *arena);

/* Zeroed and aligned for any type. */
void *ihanoi_arena_alloc(ihanoi_arena_t *arena, size_t size);

/* A NUL-terminated copy. */
char *ihanoi_arena_strndup(ihanoi_arena_t *arena, const char *s, size_t len);
char *ihanoi_arena_printf(ihanoi_arena_t *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Takes the slot first: the caller sets *data once the resource exists, and
 * fn(*data) runs at destroy in reverse order, unless *data is still NULL.
 */
void **ihanoi_arena_cleanup(ihanoi_arena_t *arena, void (*fn)(void *data));


#endif /* _IHANOI_ARENA_H_INCLUDED_ */
