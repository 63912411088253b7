/*
 * Copyright (C) iHaNoi contributors
 *
 * A store of keys and values in a block of memory that several processes
 * share: expiry, versions, counters, locks, and a limit that is the block's
 * size.  When there is no room, what expired goes first, then what was not
 * used for longest.
 *
 * A library without nginx in it.  The caller holds a lock of its own around
 * each function, and frees it when who held it has died: then the store
 * notices with the next call that a change was left half done and begins
 * anew, empty.  That, and any restart, is why it is no place for what cannot
 * be made again.
 *
 * Times are milliseconds of a monotonic clock that all processes share.
 */

#ifndef _IHANOI_STORE_H_INCLUDED_
#define _IHANOI_STORE_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


#define IHANOI_STORE_KEY_MAX    250
#define IHANOI_STORE_VALUE_MAX  65536

/* Of the block: one value of the greatest length, and some. */
#define IHANOI_STORE_SIZE_MIN   (128 * 1024)

/* Locks may take a fourth of the block: they are never evicted. */
#define IHANOI_STORE_LOCKS      4


typedef struct ihanoi_store_s  ihanoi_store_t;


typedef enum {
    IHANOI_STORE_OK = 0,
    IHANOI_STORE_NOT_FOUND,
    IHANOI_STORE_EXISTS,
    IHANOI_STORE_CHANGED,        /* another version */
    IHANOI_STORE_FULL,           /* never by values up to VALUE_MAX */
    IHANOI_STORE_TYPE,           /* not a number */
    IHANOI_STORE_RANGE,          /* the sum is not finite */
    IHANOI_STORE_INVALID         /* a key or a value of a wrong length */
} ihanoi_store_rc_e;


/* What a value is.  To the store all but numbers are bytes. */
typedef enum {
    IHANOI_STORE_STRING = 0,
    IHANOI_STORE_NUMBER,         /* a double, as it is in memory */
    IHANOI_STORE_BOOLEAN,        /* a byte, 0 or 1 */
    IHANOI_STORE_JSON,           /* to be read */
    IHANOI_STORE_RAW             /* JSON that stays a text */
} ihanoi_store_type_e;


typedef enum {
    IHANOI_STORE_SET = 0,        /* in any case */
    IHANOI_STORE_ADD,            /* when it is not there */
    IHANOI_STORE_REPLACE         /* when it is there as item->version */
} ihanoi_store_how_e;


typedef struct {
    const char               *key;
    size_t                    key_len;    /* 1 to IHANOI_STORE_KEY_MAX */
    unsigned                  lock;       /* 1: a lock; names of its own */

    const char               *value;
    size_t                    len;
    ihanoi_store_type_e       type;
    uint64_t                  expires;    /* 0: never */

    /*
     * Another one with each change of any key, also of keys that were deleted
     * or lost, and below 2^53: a double holds it.
     */
    uint64_t                  version;
} ihanoi_store_item_t;


typedef struct {
    size_t                    size;       /* bytes for keys and values */
    size_t                    used;
    unsigned                  entries;    /* expired ones may be among them */
    uint64_t                  evicted;    /* for want of room */
    uint64_t                  expired;
    uint64_t                  emptied;    /* after a process died in it */
} ihanoi_store_stat_t;


/*
 * Makes a store of memory[0 .. size-1], aligned to 16, mapped at one address
 * in all processes.  seed: secret random bytes, so that nobody can choose keys
 * that collide; version: where versions begin, microseconds of real time are
 * good, as a restart then repeats none.  NULL: size is below
 * IHANOI_STORE_SIZE_MIN.
 */
ihanoi_store_t *ihanoi_store_create(void *memory, size_t size,
    const unsigned char seed[16], uint64_t version);

/*
 * Reads item->key.  IHANOI_STORE_OK: value, len, type, expires and version are
 * set, the value was copied to buf[0 .. IHANOI_STORE_VALUE_MAX-1].  Otherwise
 * IHANOI_STORE_NOT_FOUND, or _INVALID as with all functions.
 */
ihanoi_store_rc_e ihanoi_store_get(ihanoi_store_t *store, uint64_t now,
    ihanoi_store_item_t *item, char *buf);

/*
 * Writes item.  IHANOI_STORE_OK: item->version is the new one.  _EXISTS (add);
 * _NOT_FOUND, _CHANGED (replace); _FULL: locks have no room left.
 */
ihanoi_store_rc_e ihanoi_store_put(ihanoi_store_t *store, uint64_t now,
    ihanoi_store_item_t *item, ihanoi_store_how_e how);

/*
 * Deletes item->key; item->version other than 0: only when it has that one.
 * IHANOI_STORE_OK, _NOT_FOUND, _CHANGED.
 */
ihanoi_store_rc_e ihanoi_store_delete(ihanoi_store_t *store, uint64_t now,
    ihanoi_store_item_t *item);

/*
 * Adds to a number, which keeps the time at which it expires.  One that is not
 * there begins as *first, with item->expires; first NULL: _NOT_FOUND.  *result
 * and item->version are set.  _TYPE, _RANGE: nothing was changed.
 */
ihanoi_store_rc_e ihanoi_store_increment(ihanoi_store_t *store, uint64_t now,
    ihanoi_store_item_t *item, double by, const double *first,
    double *result);

void ihanoi_store_stat(ihanoi_store_t *store, ihanoi_store_stat_t *stat);


#endif /* _IHANOI_STORE_H_INCLUDED_ */
