/*
 * Copyright (C) iHaNoi contributors
 *
 * What a store does: the functions of its users.
 *
 * A lookup takes the same time however many entries there are, a change a
 * time that grows with their logarithm, and a value of 64 KiB may evict 529
 * entries.
 */

#include <math.h>

#include "ihanoi_store.h"
#include "ihanoi_store_block.h"


/* Expired entries that each change forgets in passing. */
#define IHANOI_STORE_SWEEP  2


static int ihanoi_store_valid(const ihanoi_store_item_t *item);
static uint32_t ihanoi_store_live(ihanoi_store_t *store, uint64_t now,
    const ihanoi_store_item_t *item);
static ihanoi_store_rc_e ihanoi_store_room(ihanoi_store_t *store,
    uint64_t now, const ihanoi_store_item_t *item, uint32_t old);
static void ihanoi_store_sweep(ihanoi_store_t *store, uint64_t now,
    uint32_t max);
static ihanoi_store_rc_e ihanoi_store_change(ihanoi_store_t *store,
    uint64_t now, ihanoi_store_item_t *item, ihanoi_store_how_e how);
static ihanoi_store_rc_e ihanoi_store_sum(ihanoi_store_t *store, uint64_t now,
    ihanoi_store_item_t *item, double by, const double *first,
    double *result);


ihanoi_store_rc_e
ihanoi_store_get(ihanoi_store_t *store, uint64_t now,
    ihanoi_store_item_t *item, char *buf)
{
    uint32_t              n;
    ihanoi_store_head_t  *head;

    if (!ihanoi_store_valid(item)) {
        return IHANOI_STORE_INVALID;
    }

    ihanoi_store_begin(store);

    n = ihanoi_store_live(store, now, item);

    if (n) {
        head = ihanoi_store_head(store, n);

        item->value = buf;
        item->len = head->len;
        item->type = head->type;
        item->expires = head->expires;
        item->version = head->version;

        ihanoi_store_read(store, n, head->key_len, buf, head->len);
        ihanoi_store_touch(store, n);
    }

    ihanoi_store_end(store);

    return n ? IHANOI_STORE_OK : IHANOI_STORE_NOT_FOUND;
}


ihanoi_store_rc_e
ihanoi_store_put(ihanoi_store_t *store, uint64_t now,
    ihanoi_store_item_t *item, ihanoi_store_how_e how)
{
    ihanoi_store_rc_e  rc;

    if (!ihanoi_store_valid(item)
        || item->len > IHANOI_STORE_VALUE_MAX
        || (item->type == IHANOI_STORE_NUMBER && item->len != sizeof(double)))
    {
        return IHANOI_STORE_INVALID;
    }

    ihanoi_store_begin(store);

    rc = ihanoi_store_change(store, now, item, how);

    ihanoi_store_end(store);

    return rc;
}


static ihanoi_store_rc_e
ihanoi_store_change(ihanoi_store_t *store, uint64_t now,
    ihanoi_store_item_t *item, ihanoi_store_how_e how)
{
    uint32_t  old;

    ihanoi_store_sweep(store, now, IHANOI_STORE_SWEEP);

    old = ihanoi_store_live(store, now, item);

    if (how == IHANOI_STORE_ADD && old) {
        return IHANOI_STORE_EXISTS;
    }

    if (how == IHANOI_STORE_REPLACE) {
        if (old == 0) {
            return IHANOI_STORE_NOT_FOUND;
        }

        if (ihanoi_store_head(store, old)->version != item->version) {
            return IHANOI_STORE_CHANGED;
        }
    }

    if (ihanoi_store_room(store, now, item, old) != IHANOI_STORE_OK) {
        return IHANOI_STORE_FULL;
    }

    item->version = ++store->version;
    ihanoi_store_insert(store, item);

    return IHANOI_STORE_OK;
}


ihanoi_store_rc_e
ihanoi_store_delete(ihanoi_store_t *store, uint64_t now,
    ihanoi_store_item_t *item)
{
    uint32_t           n;
    ihanoi_store_rc_e  rc;

    if (!ihanoi_store_valid(item)) {
        return IHANOI_STORE_INVALID;
    }

    ihanoi_store_begin(store);

    n = ihanoi_store_live(store, now, item);

    if (n == 0) {
        rc = IHANOI_STORE_NOT_FOUND;

    } else if (item->version
               && item->version != ihanoi_store_head(store, n)->version)
    {
        rc = IHANOI_STORE_CHANGED;

    } else {
        ihanoi_store_remove(store, n);
        rc = IHANOI_STORE_OK;
    }

    ihanoi_store_end(store);

    return rc;
}


ihanoi_store_rc_e
ihanoi_store_increment(ihanoi_store_t *store, uint64_t now,
    ihanoi_store_item_t *item, double by, const double *first,
    double *result)
{
    ihanoi_store_rc_e  rc;

    if (!ihanoi_store_valid(item)) {
        return IHANOI_STORE_INVALID;
    }

    ihanoi_store_begin(store);

    rc = ihanoi_store_sum(store, now, item, by, first, result);

    ihanoi_store_end(store);

    return rc;
}


static ihanoi_store_rc_e
ihanoi_store_sum(ihanoi_store_t *store, uint64_t now,
    ihanoi_store_item_t *item, double by, const double *first, double *result)
{
    double                value;
    uint32_t              n;
    ihanoi_store_head_t  *head;

    n = ihanoi_store_live(store, now, item);
    head = ihanoi_store_head(store, n);

    if (n == 0 && first == NULL) {
        return IHANOI_STORE_NOT_FOUND;
    }

    if (n == 0) {
        value = *first;

    } else if (head->type != IHANOI_STORE_NUMBER) {
        return IHANOI_STORE_TYPE;

    } else {
        ihanoi_store_read(store, n, head->key_len, &value, sizeof(double));
    }

    value += by;

    if (!isfinite(value)) {
        return IHANOI_STORE_RANGE;
    }

    *result = value;

    if (n == 0) {
        item->value = (const char *) result;
        item->len = sizeof(double);
        item->type = IHANOI_STORE_NUMBER;

        return ihanoi_store_change(store, now, item, IHANOI_STORE_ADD);
    }

    ihanoi_store_write(store, n, head->key_len, &value, sizeof(double));
    ihanoi_store_touch(store, n);

    item->version = ++store->version;
    head->version = item->version;

    return IHANOI_STORE_OK;
}


void
ihanoi_store_stat(ihanoi_store_t *store, ihanoi_store_stat_t *stat)
{
    ihanoi_store_begin(store);

    stat->size = (size_t) store->nchunks * IHANOI_STORE_CHUNK;
    stat->used = (size_t) store->used * IHANOI_STORE_CHUNK;
    stat->entries = store->entries;
    stat->evicted = store->evicted;
    stat->expired = store->expired;
    stat->emptied = store->emptied;

    ihanoi_store_end(store);
}


static int
ihanoi_store_valid(const ihanoi_store_item_t *item)
{
    return item->key_len >= 1 && item->key_len <= IHANOI_STORE_KEY_MAX;
}


/* The entry of item's key; one that has expired is forgotten. */
static uint32_t
ihanoi_store_live(ihanoi_store_t *store, uint64_t now,
    const ihanoi_store_item_t *item)
{
    uint32_t              n;
    ihanoi_store_head_t  *head;

    n = ihanoi_store_find(store, item);

    if (n == 0) {
        return 0;
    }

    head = ihanoi_store_head(store, n);

    if (head->expires && head->expires <= now) {
        ihanoi_store_remove(store, n);
        store->expired++;
        return 0;
    }

    return n;
}


/*
 * Makes room for item, which takes the place of old: what is in the way goes,
 * once it is certain that it will be enough.
 */
static ihanoi_store_rc_e
ihanoi_store_room(ihanoi_store_t *store, uint64_t now,
    const ihanoi_store_item_t *item, uint32_t old)
{
    uint32_t              need, held, limit;
    ihanoi_store_head_t  *head;

    need = ihanoi_store_chunks(item->key_len, item->len);
    limit = item->lock ? store->nchunks / IHANOI_STORE_LOCKS : store->nchunks;

    if (store->locks + need > limit) {
        /* locks of which nobody knows any more */
        ihanoi_store_sweep(store, now, UINT32_MAX);
    }

    held = store->locks;

    if (old && item->lock) {
        head = ihanoi_store_head(store, old);
        held -= ihanoi_store_chunks(head->key_len, head->len);
    }

    if (held + need > limit) {
        return IHANOI_STORE_FULL;
    }

    if (old) {
        ihanoi_store_remove(store, old);
    }

    while (store->used + need > store->nchunks) {

        if (store->expiring
            && ihanoi_store_head(store, store->heap[1])->expires <= now)
        {
            ihanoi_store_sweep(store, now, 1);
            continue;
        }

        ihanoi_store_remove(store, store->oldest);
        store->evicted++;
    }

    return IHANOI_STORE_OK;
}


static void
ihanoi_store_sweep(ihanoi_store_t *store, uint64_t now, uint32_t max)
{
    uint32_t  n;

    for ( /* void */ ; max && store->expiring; max--) {
        n = store->heap[1];

        if (ihanoi_store_head(store, n)->expires > now) {
            return;
        }

        ihanoi_store_remove(store, n);
        store->expired++;
    }
}
