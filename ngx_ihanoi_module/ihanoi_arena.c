/*
 * Copyright (C) iHaNoi contributors
 *
 * Memory that lives as long as a contract: taken in pieces, freed at once.
 */

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ihanoi_arena.h"


#define IHANOI_ARENA_BLOCK  16384
#define IHANOI_ARENA_ALIGN  sizeof(ihanoi_arena_align_t)


typedef union {
    void                     *p;
    double                    d;
    long long                 l;
} ihanoi_arena_align_t;


typedef struct ihanoi_arena_block_s  ihanoi_arena_block_t;

struct ihanoi_arena_block_s {
    ihanoi_arena_block_t     *next;
    ihanoi_arena_align_t      data[1];
};


typedef struct ihanoi_arena_cleanup_s  ihanoi_arena_cleanup_t;

struct ihanoi_arena_cleanup_s {
    ihanoi_arena_cleanup_t   *next;
    void                    (*fn)(void *data);
    void                     *data;
};


struct ihanoi_arena_s {
    ihanoi_arena_block_t     *blocks;
    ihanoi_arena_cleanup_t   *cleanups;
    char                     *last;
    size_t                    left;
};


void *(*ihanoi_malloc)(size_t size) = malloc;
void (*ihanoi_free)(void *p) = free;


ihanoi_arena_t *
ihanoi_arena_create(void)
{
    ihanoi_arena_t  *arena;

    arena = ihanoi_malloc(sizeof(ihanoi_arena_t));
    if (arena != NULL) {
        memset(arena, 0, sizeof(ihanoi_arena_t));
    }

    return arena;
}


void
ihanoi_arena_destroy(ihanoi_arena_t *arena)
{
    ihanoi_arena_block_t    *block, *next;
    ihanoi_arena_cleanup_t  *cleanup;

    if (arena == NULL) {
        return;
    }

    for (cleanup = arena->cleanups; cleanup; cleanup = cleanup->next) {
        if (cleanup->data != NULL) {
            cleanup->fn(cleanup->data);
        }
    }

    for (block = arena->blocks; block; block = next) {
        next = block->next;
        ihanoi_free(block);
    }

    ihanoi_free(arena);
}


void *
ihanoi_arena_alloc(ihanoi_arena_t *arena, size_t size)
{
    char                  *p;
    size_t                 room;
    ihanoi_arena_block_t  *block;

    if (size > SIZE_MAX / 2) {
        return NULL;
    }

    if (size == 0) {
        size = 1;
    }

    size = (size + IHANOI_ARENA_ALIGN - 1) & ~(IHANOI_ARENA_ALIGN - 1);

    if (size > arena->left) {
        room = size > IHANOI_ARENA_BLOCK / 4 ? size : IHANOI_ARENA_BLOCK;

        block = ihanoi_malloc(offsetof(ihanoi_arena_block_t, data) + room);
        if (block == NULL) {
            return NULL;
        }

        block->next = arena->blocks;
        arena->blocks = block;
        p = (char *) block->data;

        if (room > size) {
            arena->last = p + size;
            arena->left = room - size;
        }

    } else {
        p = arena->last;
        arena->last += size;
        arena->left -= size;
    }

    memset(p, 0, size);

    return p;
}


char *
ihanoi_arena_strndup(ihanoi_arena_t *arena, const char *s, size_t len)
{
    char  *p;

    p = ihanoi_arena_alloc(arena, len + 1);
    if (p != NULL) {
        memcpy(p, s, len);
    }

    return p;
}


char *
ihanoi_arena_printf(ihanoi_arena_t *arena, const char *fmt, ...)
{
    int      n;
    char    *p;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);

    if (n < 0) {
        return NULL;
    }

    p = ihanoi_arena_alloc(arena, (size_t) n + 1);
    if (p == NULL) {
        return NULL;
    }

    va_start(args, fmt);
    (void) vsnprintf(p, (size_t) n + 1, fmt, args);
    va_end(args);

    return p;
}


void **
ihanoi_arena_cleanup(ihanoi_arena_t *arena, void (*fn)(void *data))
{
    ihanoi_arena_cleanup_t  *cleanup;

    cleanup = ihanoi_arena_alloc(arena, sizeof(ihanoi_arena_cleanup_t));
    if (cleanup == NULL) {
        return NULL;
    }

    cleanup->fn = fn;
    cleanup->next = arena->cleanups;
    arena->cleanups = cleanup;

    return &cleanup->data;
}
