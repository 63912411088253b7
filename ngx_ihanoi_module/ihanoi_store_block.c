/*
 * Copyright (C) iHaNoi contributors
 *
 * The memory of a store.
 */

#include <string.h>

#include "ihanoi_siphash.h"
#include "ihanoi_store_block.h"


_Static_assert(sizeof(ihanoi_store_head_t) == IHANOI_STORE_CHUNK, "head");
_Static_assert(sizeof(ihanoi_store_tail_t) == IHANOI_STORE_CHUNK, "tail");


#define ihanoi_store_tail(store, n)                                           \
    ((ihanoi_store_tail_t *) &(store)->chunks[n])


static void ihanoi_store_reset(ihanoi_store_t *store);
static uint32_t ihanoi_store_take(ihanoi_store_t *store);
static int ihanoi_store_is(ihanoi_store_t *store, uint32_t n,
    const ihanoi_store_item_t *item, uint64_t hash);
static uint64_t ihanoi_store_item_hash(ihanoi_store_t *store,
    const ihanoi_store_item_t *item);
static unsigned char *ihanoi_store_span(ihanoi_store_t *store, uint32_t *n,
    int first, size_t *offset, size_t *room);

static void ihanoi_store_use(ihanoi_store_t *store, uint32_t n);
static void ihanoi_store_unuse(ihanoi_store_t *store, uint32_t n);
static void ihanoi_store_heap_add(ihanoi_store_t *store, uint32_t n);
static void ihanoi_store_heap_remove(ihanoi_store_t *store, uint32_t n);
static void ihanoi_store_heap_up(ihanoi_store_t *store, uint32_t i,
    uint32_t n);
static void ihanoi_store_heap_down(ihanoi_store_t *store, uint32_t i,
    uint32_t n);


ihanoi_store_t *
ihanoi_store_create(void *memory, size_t size, const unsigned char seed[16],
    uint64_t version)
{
    char            *p;
    size_t           n;
    ihanoi_store_t  *store;

    if (size < IHANOI_STORE_SIZE_MIN) {
        return NULL;
    }

    /* of each chunk: itself, a place of the heap, and at most a bucket */

    n = (size - sizeof(ihanoi_store_t) - 64)
        / (IHANOI_STORE_CHUNK + 2 * sizeof(uint32_t));

    n = n < UINT32_MAX ? n : UINT32_MAX;

    store = memory;
    memset(store, 0, sizeof(ihanoi_store_t));

    store->nchunks = n - 1;

    for (store->nbuckets = 1;
         store->nbuckets <= n / 2;
         store->nbuckets *= 2)
    {
        /* void */
    }

    p = (char *) memory + (sizeof(ihanoi_store_t) + 15) / 16 * 16;
    store->buckets = (uint32_t *) p;

    p += store->nbuckets * sizeof(uint32_t);
    store->heap = (uint32_t *) p;

    p += n * sizeof(uint32_t);
    p += -(uintptr_t) p % 16;
    store->chunks = (ihanoi_store_head_t *) p;

    memcpy(store->seed, seed, sizeof(store->seed));
    store->version = version;

    ihanoi_store_reset(store);

    return store;
}


uint32_t
ihanoi_store_chunks(size_t key_len, size_t len)
{
    len += key_len;

    if (len <= IHANOI_STORE_HEAD_BYTES) {
        return 1;
    }

    return 1 + (len - IHANOI_STORE_HEAD_BYTES + IHANOI_STORE_TAIL_BYTES - 1)
               / IHANOI_STORE_TAIL_BYTES;
}


/* Empty, whatever was there. */

static void
ihanoi_store_reset(ihanoi_store_t *store)
{
    memset(store->buckets, 0, store->nbuckets * sizeof(uint32_t));

    store->fresh = 1;
    store->free = 0;
    store->used = 0;
    store->locks = 0;
    store->expiring = 0;
    store->newest = 0;
    store->oldest = 0;
    store->entries = 0;
}


/*
 * The lock orders processes; here only the compiler must not move a change out
 * of where the mark says that there may be one.
 */
void
ihanoi_store_begin(ihanoi_store_t *store)
{
    if (store->busy) {
        ihanoi_store_reset(store);
        store->emptied++;
    }

    store->busy = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}


void
ihanoi_store_end(ihanoi_store_t *store)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    store->busy = 0;
}


uint32_t
ihanoi_store_find(ihanoi_store_t *store, const ihanoi_store_item_t *item)
{
    uint32_t  n;
    uint64_t  hash;

    hash = ihanoi_store_item_hash(store, item);

    for (n = store->buckets[hash & (store->nbuckets - 1)];
         n;
         n = ihanoi_store_head(store, n)->chain)
    {
        if (ihanoi_store_is(store, n, item, hash)) {
            return n;
        }
    }

    return 0;
}


void
ihanoi_store_insert(ihanoi_store_t *store, const ihanoi_store_item_t *item)
{
    uint32_t              n, i, *last, *bucket, chunks;
    ihanoi_store_head_t  *head;

    chunks = ihanoi_store_chunks(item->key_len, item->len);

    n = ihanoi_store_take(store);
    head = ihanoi_store_head(store, n);
    last = &head->next;

    for (i = 1; i < chunks; i++) {
        *last = ihanoi_store_take(store);
        last = &ihanoi_store_tail(store, *last)->next;
    }

    *last = 0;

    head->len = item->len;
    head->hash = ihanoi_store_item_hash(store, item);
    head->version = item->version;
    head->expires = item->expires;
    head->key_len = item->key_len;
    head->type = item->type;
    head->lock = item->lock;
    head->newer = 0;
    head->older = 0;
    head->heap = 0;

    ihanoi_store_write(store, n, 0, item->key, item->key_len);
    ihanoi_store_write(store, n, item->key_len, item->value, item->len);

    bucket = &store->buckets[head->hash & (store->nbuckets - 1)];
    head->chain = *bucket;
    *bucket = n;

    if (item->lock) {
        store->locks += chunks;

    } else {
        ihanoi_store_use(store, n);
    }

    if (item->expires) {
        ihanoi_store_heap_add(store, n);
    }

    store->used += chunks;
    store->entries++;
}


void
ihanoi_store_remove(ihanoi_store_t *store, uint32_t n)
{
    uint32_t             *p, next, chunks;
    ihanoi_store_head_t  *head;

    head = ihanoi_store_head(store, n);
    chunks = ihanoi_store_chunks(head->key_len, head->len);

    p = &store->buckets[head->hash & (store->nbuckets - 1)];

    while (*p != n) {
        p = &ihanoi_store_head(store, *p)->chain;
    }

    *p = head->chain;

    if (head->lock) {
        store->locks -= chunks;

    } else {
        ihanoi_store_unuse(store, n);
    }

    if (head->heap) {
        ihanoi_store_heap_remove(store, n);
    }

    store->used -= chunks;
    store->entries--;

    for ( /* void */ ; n; n = next) {
        next = ihanoi_store_tail(store, n)->next;
        ihanoi_store_tail(store, n)->next = store->free;
        store->free = n;
    }
}


void
ihanoi_store_touch(ihanoi_store_t *store, uint32_t n)
{
    if (!ihanoi_store_head(store, n)->lock && store->newest != n) {
        ihanoi_store_unuse(store, n);
        ihanoi_store_use(store, n);
    }
}


void
ihanoi_store_read(ihanoi_store_t *store, uint32_t n, size_t offset, void *buf,
    size_t len)
{
    int             first;
    char           *out;
    size_t          room;
    unsigned char  *p;

    out = buf;

    for (first = 1; len; first = 0) {
        p = ihanoi_store_span(store, &n, first, &offset, &room);

        room = room < len ? room : len;
        memcpy(out, p, room);

        out += room;
        len -= room;
    }
}


void
ihanoi_store_write(ihanoi_store_t *store, uint32_t n, size_t offset,
    const void *buf, size_t len)
{
    int             first;
    size_t          room;
    const char     *in;
    unsigned char  *p;

    in = buf;

    for (first = 1; len; first = 0) {
        p = ihanoi_store_span(store, &n, first, &offset, &room);

        room = room < len ? room : len;
        memcpy(p, in, room);

        in += room;
        len -= room;
    }
}


/*
 * The bytes of chunk *n from *offset on, *room of them, possibly none; then *n
 * and *offset are those of the next chunk.
 */
static unsigned char *
ihanoi_store_span(ihanoi_store_t *store, uint32_t *n, int first,
    size_t *offset, size_t *room)
{
    size_t          size;
    unsigned char  *p;

    if (first) {
        p = ihanoi_store_head(store, *n)->bytes;
        size = IHANOI_STORE_HEAD_BYTES;

    } else {
        p = ihanoi_store_tail(store, *n)->bytes;
        size = IHANOI_STORE_TAIL_BYTES;
    }

    *n = ihanoi_store_tail(store, *n)->next;

    if (*offset >= size) {
        *offset -= size;
        *room = 0;
        return p;
    }

    p += *offset;
    *room = size - *offset;
    *offset = 0;

    return p;
}


static uint32_t
ihanoi_store_take(ihanoi_store_t *store)
{
    uint32_t  n;

    n = store->free;

    if (n) {
        store->free = ihanoi_store_tail(store, n)->next;
        return n;
    }

    return store->fresh++;
}


static int
ihanoi_store_is(ihanoi_store_t *store, uint32_t n,
    const ihanoi_store_item_t *item, uint64_t hash)
{
    char                  key[IHANOI_STORE_KEY_MAX];
    ihanoi_store_head_t  *head;

    head = ihanoi_store_head(store, n);

    if (head->hash != hash || head->lock != item->lock
        || head->key_len != item->key_len)
    {
        return 0;
    }

    ihanoi_store_read(store, n, 0, key, item->key_len);

    return memcmp(key, item->key, item->key_len) == 0;
}


static uint64_t
ihanoi_store_item_hash(ihanoi_store_t *store, const ihanoi_store_item_t *item)
{
    return ihanoi_siphash(store->seed, item->key, item->key_len);
}


/* Last use: a list from the newest to the oldest. */

static void
ihanoi_store_use(ihanoi_store_t *store, uint32_t n)
{
    ihanoi_store_head_t  *head;

    head = ihanoi_store_head(store, n);

    head->newer = 0;
    head->older = store->newest;

    if (store->newest) {
        ihanoi_store_head(store, store->newest)->newer = n;

    } else {
        store->oldest = n;
    }

    store->newest = n;
}


static void
ihanoi_store_unuse(ihanoi_store_t *store, uint32_t n)
{
    ihanoi_store_head_t  *head;

    head = ihanoi_store_head(store, n);

    if (head->newer) {
        ihanoi_store_head(store, head->newer)->older = head->older;

    } else {
        store->newest = head->older;
    }

    if (head->older) {
        ihanoi_store_head(store, head->older)->newer = head->newer;

    } else {
        store->oldest = head->newer;
    }
}


/* Expiry: a binary heap; each entry knows its place. */

static void
ihanoi_store_heap_add(ihanoi_store_t *store, uint32_t n)
{
    store->expiring++;
    ihanoi_store_heap_up(store, store->expiring, n);
}


static void
ihanoi_store_heap_remove(ihanoi_store_t *store, uint32_t n)
{
    uint32_t  i, last;

    i = ihanoi_store_head(store, n)->heap;
    last = store->heap[store->expiring--];

    if (last == n) {
        return;
    }

    /* the last one fills the gap, and may belong above or below it */

    ihanoi_store_heap_up(store, i, last);
    ihanoi_store_heap_down(store, ihanoi_store_head(store, last)->heap, last);
}


/* Puts n at place i or above. */
static void
ihanoi_store_heap_up(ihanoi_store_t *store, uint32_t i, uint32_t n)
{
    uint32_t  above;
    uint64_t  expires;

    expires = ihanoi_store_head(store, n)->expires;

    for ( /* void */ ; i > 1; i /= 2) {
        above = store->heap[i / 2];

        if (ihanoi_store_head(store, above)->expires <= expires) {
            break;
        }

        store->heap[i] = above;
        ihanoi_store_head(store, above)->heap = i;
    }

    store->heap[i] = n;
    ihanoi_store_head(store, n)->heap = i;
}


/* Puts n at place i or below. */
static void
ihanoi_store_heap_down(ihanoi_store_t *store, uint32_t i, uint32_t n)
{
    uint32_t              below;
    uint64_t              expires;
    ihanoi_store_head_t  *chunks;

    chunks = store->chunks;
    expires = chunks[n].expires;

    for ( ;; ) {
        below = 2 * i;

        if (below > store->expiring) {
            break;
        }

        if (below < store->expiring
            && chunks[store->heap[below + 1]].expires
               < chunks[store->heap[below]].expires)
        {
            below++;
        }

        if (chunks[store->heap[below]].expires >= expires) {
            break;
        }

        store->heap[i] = store->heap[below];
        chunks[store->heap[i]].heap = i;
        i = below;
    }

    store->heap[i] = n;
    chunks[n].heap = i;
}
