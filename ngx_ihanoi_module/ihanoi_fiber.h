/*
 * Copyright (C) iHaNoi contributors
 *
 * A fiber: a second C stack, for a function that is left in its middle, however
 * deep in calls it is, and gone back to later.
 *
 *     fiber = ihanoi_fiber_get();
 *     rc = ihanoi_fiber_enter(fiber, run, data);
 *     ... IHANOI_FIBER_LEFT: others first, then ihanoi_fiber_enter() again
 *     ... IHANOI_FIBER_DONE: run() has returned
 *     ihanoi_fiber_put(fiber);
 *
 * A library without nginx in it, for one thread.  Fibers do not nest: none is
 * entered from inside another.
 */

#ifndef _IHANOI_FIBER_H_INCLUDED_
#define _IHANOI_FIBER_H_INCLUDED_


#include <stddef.h>


/* Of address space; what is never touched takes no memory. */
#define IHANOI_FIBER_STACK  (2 * 1024 * 1024)


typedef struct ihanoi_fiber_s  ihanoi_fiber_t;

typedef enum {
    IHANOI_FIBER_DONE = 0,
    IHANOI_FIBER_LEFT
} ihanoi_fiber_e;


/* One that nobody uses; NULL: memory. */
ihanoi_fiber_t *ihanoi_fiber_get(void);

/* Gives it back; run() has returned. */
void ihanoi_fiber_put(ihanoi_fiber_t *fiber);

/*
 * Runs run(data) there until it returns or leaves; where it was left it goes on,
 * and the arguments do not matter.
 */
ihanoi_fiber_e ihanoi_fiber_enter(ihanoi_fiber_t *fiber,
    void (*run)(void *data), void *data);

/* From inside: back to who entered; returns when it is entered again. */
void ihanoi_fiber_leave(ihanoi_fiber_t *fiber);


#endif /* _IHANOI_FIBER_H_INCLUDED_ */
