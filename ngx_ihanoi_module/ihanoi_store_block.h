/*
 * Copyright (C) iHaNoi contributors
 *
 * The memory of a store: entries in chunks, and the three orders in which they
 * are found: by key, by time of expiry, by last use.
 *
 *   block:  store | buckets | heap | chunks 0, 1, 2 ...
 *
 * All chunks are of one size, and an entry is a list of them: room is never
 * lost to fragments, so that what is not larger than the block always fits
 * once enough was evicted.  Chunks are known by number; 0 is none.
 */

#ifndef _IHANOI_STORE_BLOCK_H_INCLUDED_
#define _IHANOI_STORE_BLOCK_H_INCLUDED_


#include "ihanoi_store.h"


#define IHANOI_STORE_CHUNK       128
#define IHANOI_STORE_HEAD_BYTES  77
#define IHANOI_STORE_TAIL_BYTES  124


/* The first chunk of an entry.  Its bytes are the key, then the value. */
typedef struct {
    uint32_t                  next;       /* chunk of the entry */
    uint32_t                  chain;      /* entry of the bucket */
    uint32_t                  newer;      /* both 0 for locks */
    uint32_t                  older;
    uint32_t                  heap;       /* its place; 0: does not expire */
    uint32_t                  len;
    uint64_t                  hash;
    uint64_t                  version;
    uint64_t                  expires;
    uint8_t                   key_len;
    uint8_t                   type;
    uint8_t                   lock;
    unsigned char             bytes[IHANOI_STORE_HEAD_BYTES];
} ihanoi_store_head_t;


typedef struct {
    uint32_t                  next;
    unsigned char             bytes[IHANOI_STORE_TAIL_BYTES];
} ihanoi_store_tail_t;


struct ihanoi_store_s {
    volatile uint32_t         busy;       /* a change is under way */

    uint32_t                  nchunks;    /* without the chunk 0 */
    uint32_t                  nbuckets;   /* a power of two */

    uint32_t                 *buckets;
    uint32_t                 *heap;       /* from 1; earliest on top */
    ihanoi_store_head_t      *chunks;

    uint32_t                  fresh;      /* from here never used */
    uint32_t                  free;       /* list of those that were */
    uint32_t                  used;       /* chunks of entries */
    uint32_t                  locks;      /* chunks of locks */

    uint32_t                  expiring;   /* entries in the heap */
    uint32_t                  newest;
    uint32_t                  oldest;

    uint32_t                  entries;
    uint64_t                  version;
    uint64_t                  evicted;
    uint64_t                  expired;
    uint64_t                  emptied;

    unsigned char             seed[16];
};


#define ihanoi_store_head(store, n)  (&(store)->chunks[n])

/* Chunks that a key and a value of these lengths take. */
uint32_t ihanoi_store_chunks(size_t key_len, size_t len);

/* Before and after each function of a store. */
void ihanoi_store_begin(ihanoi_store_t *store);
void ihanoi_store_end(ihanoi_store_t *store);

/* The entry of item's key, expired or not; 0: none. */
uint32_t ihanoi_store_find(ihanoi_store_t *store,
    const ihanoi_store_item_t *item);

/* An entry for item, in all orders.  There must be chunks enough. */
void ihanoi_store_insert(ihanoi_store_t *store,
    const ihanoi_store_item_t *item);

/* Takes that entry out of all orders and gives its chunks back. */
void ihanoi_store_remove(ihanoi_store_t *store, uint32_t n);

/* It was used. */
void ihanoi_store_touch(ihanoi_store_t *store, uint32_t n);

/* Copies bytes of an entry from offset on: the key, the value behind it. */
void ihanoi_store_read(ihanoi_store_t *store, uint32_t n, size_t offset,
    void *buf, size_t len);
void ihanoi_store_write(ihanoi_store_t *store, uint32_t n, size_t offset,
    const void *buf, size_t len);


#endif /* _IHANOI_STORE_BLOCK_H_INCLUDED_ */
