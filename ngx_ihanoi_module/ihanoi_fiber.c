/*
 * Copyright (C) iHaNoi contributors
 *
 * Fibers: makecontext() makes the stack, _setjmp() and _longjmp() change between
 * two of them.  swapcontext() would ask the kernel for the signal mask each
 * time, which is ten times as long as all the rest.
 */

/* The checks of longjmp() take another stack for a jump into nowhere. */
#undef _FORTIFY_SOURCE

#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "ihanoi_asan.h"
#include "ihanoi_fiber.h"

#ifdef IHANOI_ASAN
#include <sanitizer/common_interface_defs.h>
#endif


/* Unused ones that are kept: most of the time one is all that is needed. */
#define IHANOI_FIBER_KEPT  4


struct ihanoi_fiber_s {
    ihanoi_fiber_t           *next;        /* unused */
    jmp_buf                   inside;
    jmp_buf                   outside;
    void                    (*run)(void *data);
    void                     *data;
    char                     *map;         /* a page that nobody may touch,
                                              the stack, and this */
    size_t                    size;        /* without this */
    ihanoi_fiber_e            state;
    unsigned                  begun:1;
#ifdef IHANOI_ASAN
    void                     *fake_inside;
    void                     *fake_outside;
    const void               *bottom;      /* of the stack outside */
    size_t                    length;
#endif
};


static ihanoi_fiber_t *ihanoi_fiber_create(void);
static void ihanoi_fiber_destroy(ihanoi_fiber_t *fiber);
static void ihanoi_fiber_main(void);


static ihanoi_fiber_t  *ihanoi_fiber_unused;
static unsigned         ihanoi_fiber_nunused;

/* For the first steps of a new one, which cannot be given a pointer. */
static ihanoi_fiber_t  *ihanoi_fiber_new;


/* What AddressSanitizer has to know about which stack is which. */

static inline void
ihanoi_fiber_going_in(ihanoi_fiber_t *fiber)
{
#ifdef IHANOI_ASAN
    __sanitizer_start_switch_fiber(&fiber->fake_outside, fiber->map,
                                   fiber->size);
#endif
}


static inline void
ihanoi_fiber_is_in(ihanoi_fiber_t *fiber)
{
#ifdef IHANOI_ASAN
    __sanitizer_finish_switch_fiber(fiber->fake_inside, &fiber->bottom,
                                    &fiber->length);
#endif
}


static inline void
ihanoi_fiber_going_out(ihanoi_fiber_t *fiber)
{
#ifdef IHANOI_ASAN
    __sanitizer_start_switch_fiber(&fiber->fake_inside, fiber->bottom,
                                   fiber->length);
#endif
}


static inline void
ihanoi_fiber_is_out(ihanoi_fiber_t *fiber)
{
#ifdef IHANOI_ASAN
    __sanitizer_finish_switch_fiber(fiber->fake_outside, NULL, NULL);
#endif
}


ihanoi_fiber_t *
ihanoi_fiber_get(void)
{
    ihanoi_fiber_t  *fiber;

    fiber = ihanoi_fiber_unused;

    if (fiber == NULL) {
        return ihanoi_fiber_create();
    }

    ihanoi_fiber_unused = fiber->next;
    ihanoi_fiber_nunused--;

    return fiber;
}


void
ihanoi_fiber_put(ihanoi_fiber_t *fiber)
{
    if (ihanoi_fiber_nunused == IHANOI_FIBER_KEPT) {
        ihanoi_fiber_destroy(fiber);
        return;
    }

    fiber->next = ihanoi_fiber_unused;
    ihanoi_fiber_unused = fiber;
    ihanoi_fiber_nunused++;
}


static ihanoi_fiber_t *
ihanoi_fiber_create(void)
{
    char            *map;
    size_t           page;
    ihanoi_fiber_t  *fiber;

    page = sysconf(_SC_PAGESIZE);

    map = mmap(NULL, page + IHANOI_FIBER_STACK, PROT_READ|PROT_WRITE,
               MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE|MAP_STACK, -1, 0);

    if (map == MAP_FAILED) {
        return NULL;
    }

    if (mprotect(map, page, PROT_NONE) == -1) {
        (void) munmap(map, page + IHANOI_FIBER_STACK);
        return NULL;
    }

    fiber = (ihanoi_fiber_t *) (map + page + IHANOI_FIBER_STACK) - 1;
    fiber->map = map;
    fiber->size = (char *) fiber - map;

    return fiber;
}


static void
ihanoi_fiber_destroy(ihanoi_fiber_t *fiber)
{
    (void) munmap(fiber->map, fiber->size + sizeof(ihanoi_fiber_t));
}


ihanoi_fiber_e
ihanoi_fiber_enter(ihanoi_fiber_t *fiber, void (*run)(void *data), void *data)
{
    ucontext_t  context;

    if (fiber->state == IHANOI_FIBER_DONE) {
        fiber->run = run;
        fiber->data = data;
    }

    ihanoi_fiber_going_in(fiber);

    if (_setjmp(fiber->outside) == 0) {

        if (fiber->begun) {
            _longjmp(fiber->inside, 1);
        }

        fiber->begun = 1;
        ihanoi_fiber_new = fiber;

        (void) getcontext(&context);
        context.uc_stack.ss_sp = fiber->map;
        context.uc_stack.ss_size = fiber->size;
        context.uc_link = NULL;
        makecontext(&context, ihanoi_fiber_main, 0);
        (void) setcontext(&context);
    }

    ihanoi_fiber_is_out(fiber);

    return fiber->state;
}


static void
ihanoi_fiber_main(void)
{
    ihanoi_fiber_t  *fiber;

    fiber = ihanoi_fiber_new;

    ihanoi_fiber_is_in(fiber);

    for ( ;; ) {
        fiber->run(fiber->data);
        fiber->state = IHANOI_FIBER_DONE;

        ihanoi_fiber_going_out(fiber);

        if (_setjmp(fiber->inside) == 0) {
            _longjmp(fiber->outside, 1);
        }

        ihanoi_fiber_is_in(fiber);
    }
}


void
ihanoi_fiber_leave(ihanoi_fiber_t *fiber)
{
    fiber->state = IHANOI_FIBER_LEFT;

    ihanoi_fiber_going_out(fiber);

    if (_setjmp(fiber->inside) == 0) {
        _longjmp(fiber->outside, 1);
    }

    ihanoi_fiber_is_in(fiber);
}
