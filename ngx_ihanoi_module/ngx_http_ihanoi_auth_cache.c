/*
 * Copyright (C) iHaNoi contributors
 *
 * Verified tokens, each worker's own.
 */

#include "ngx_http_ihanoi_auth_cache.h"


/*
 * The end of a token is of its signature: as good as a hash of the whole, and
 * what a stranger does not know.
 */
#define NGX_HTTP_IHANOI_AUTH_TAIL  64


typedef struct {
    ngx_http_ihanoi_auth_entry_t  **buckets;
    ngx_uint_t                      mask;
    ngx_uint_t                      entries;
    size_t                          size;
    ngx_queue_t                     queue;         /* head: used last */
} ngx_http_ihanoi_auth_cache_t;


static ngx_int_t ngx_http_ihanoi_auth_cache_init(
    ngx_http_ihanoi_auth_cache_conf_t *conf);
static void ngx_http_ihanoi_auth_cache_cleanup(void *data);
static uint32_t ngx_http_ihanoi_auth_cache_hash(ngx_str_t *token);
static ngx_http_ihanoi_auth_entry_t **ngx_http_ihanoi_auth_cache_bucket(
    uint32_t hash);
static ngx_uint_t ngx_http_ihanoi_auth_cache_same(ngx_str_t *one,
    ngx_str_t *two);
static void ngx_http_ihanoi_auth_cache_remove(
    ngx_http_ihanoi_auth_entry_t *entry);


/* This worker's cache, and the configuration that it belongs to. */
static ngx_http_ihanoi_auth_cache_t        ngx_http_ihanoi_auth_cache;
static ngx_http_ihanoi_auth_cache_conf_t  *ngx_http_ihanoi_auth_cache_conf;


ngx_http_ihanoi_auth_entry_t *
ngx_http_ihanoi_auth_cache_find(ngx_http_ihanoi_auth_cache_conf_t *conf,
    ngx_str_t *token, const void *group)
{
    uint32_t                       hash;
    ngx_http_ihanoi_auth_entry_t  *entry;

    if (conf != ngx_http_ihanoi_auth_cache_conf
        || token->len < NGX_HTTP_IHANOI_AUTH_TAIL)
    {
        return NULL;
    }

    hash = ngx_http_ihanoi_auth_cache_hash(token);

    for (entry = *ngx_http_ihanoi_auth_cache_bucket(hash);
         entry;
         entry = entry->next)
    {
        /* what is good by the rules of one place may not be in another */

        if (entry->hash == hash
            && entry->group == group
            && ngx_http_ihanoi_auth_cache_same(&entry->token, token))
        {
            ngx_queue_remove(&entry->queue);
            ngx_queue_insert_head(&ngx_http_ihanoi_auth_cache.queue,
                                  &entry->queue);
            return entry;
        }
    }

    return NULL;
}


void
ngx_http_ihanoi_auth_cache_insert(ngx_http_ihanoi_auth_cache_conf_t *conf,
    ngx_http_ihanoi_auth_entry_t *entry)
{
    ngx_queue_t                    *q;
    ngx_http_ihanoi_auth_cache_t   *cache;
    ngx_http_ihanoi_auth_entry_t  **bucket, *old;

    if (conf->max_entries == 0 || entry->size > conf->max_size
        || entry->token.len < NGX_HTTP_IHANOI_AUTH_TAIL)
    {
        return;
    }

    if (conf != ngx_http_ihanoi_auth_cache_conf
        && ngx_http_ihanoi_auth_cache_init(conf) != NGX_OK)
    {
        return;
    }

    cache = &ngx_http_ihanoi_auth_cache;

    while (cache->entries
           && (cache->entries >= conf->max_entries
               || cache->size + entry->size > conf->max_size))
    {
        q = ngx_queue_last(&cache->queue);
        old = ngx_queue_data(q, ngx_http_ihanoi_auth_entry_t, queue);

        ngx_http_ihanoi_auth_cache_remove(old);
        ngx_http_ihanoi_metric_inc(conf->evictions);
    }

    entry->hash = ngx_http_ihanoi_auth_cache_hash(&entry->token);
    bucket = ngx_http_ihanoi_auth_cache_bucket(entry->hash);

    entry->next = *bucket;
    *bucket = entry;
    ngx_queue_insert_head(&cache->queue, &entry->queue);

    entry->cached = 1;
    entry->refs++;

    cache->entries++;
    cache->size += entry->size;

    ngx_http_ihanoi_metric_set(conf->entries, cache->entries);
    ngx_http_ihanoi_metric_set(conf->size, cache->size);
}


void
ngx_http_ihanoi_auth_cache_drop(ngx_http_ihanoi_auth_cache_conf_t *conf,
    ngx_http_ihanoi_auth_entry_t *entry)
{
    if (!entry->cached) {
        return;
    }

    ngx_http_ihanoi_auth_cache_remove(entry);

    ngx_http_ihanoi_metric_set(conf->entries,
                               ngx_http_ihanoi_auth_cache.entries);
    ngx_http_ihanoi_metric_set(conf->size, ngx_http_ihanoi_auth_cache.size);
}


static ngx_int_t
ngx_http_ihanoi_auth_cache_init(ngx_http_ihanoi_auth_cache_conf_t *conf)
{
    size_t                         n;
    ngx_pool_cleanup_t            *cln;
    ngx_http_ihanoi_auth_cache_t  *cache;

    if (ngx_http_ihanoi_auth_cache_conf) {
        ngx_http_ihanoi_auth_cache_cleanup(ngx_http_ihanoi_auth_cache_conf);
    }

    cache = &ngx_http_ihanoi_auth_cache;

    cln = ngx_pool_cleanup_add(ngx_cycle->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    for (n = 64; n < conf->max_entries; n *= 2) { /* void */ }

    cache->buckets = ngx_calloc(n * sizeof(ngx_http_ihanoi_auth_entry_t *),
                                ngx_cycle->log);
    if (cache->buckets == NULL) {
        return NGX_ERROR;
    }

    cache->mask = n - 1;
    cache->entries = 0;
    cache->size = 0;
    ngx_queue_init(&cache->queue);

    cln->handler = ngx_http_ihanoi_auth_cache_cleanup;
    cln->data = conf;

    ngx_http_ihanoi_auth_cache_conf = conf;

    return NGX_OK;
}


static void
ngx_http_ihanoi_auth_cache_cleanup(void *data)
{
    ngx_queue_t                   *q;
    ngx_http_ihanoi_auth_cache_t  *cache;

    if (data != ngx_http_ihanoi_auth_cache_conf) {
        return;
    }

    cache = &ngx_http_ihanoi_auth_cache;

    while (!ngx_queue_empty(&cache->queue)) {
        q = ngx_queue_head(&cache->queue);
        ngx_http_ihanoi_auth_cache_remove(
            ngx_queue_data(q, ngx_http_ihanoi_auth_entry_t, queue));
    }

    ngx_free(cache->buckets);
    cache->buckets = NULL;

    ngx_http_ihanoi_auth_cache_conf = NULL;
}


static uint32_t
ngx_http_ihanoi_auth_cache_hash(ngx_str_t *token)
{
    return ngx_murmur_hash2(token->data + token->len
                            - NGX_HTTP_IHANOI_AUTH_TAIL,
                            NGX_HTTP_IHANOI_AUTH_TAIL);
}


static ngx_http_ihanoi_auth_entry_t **
ngx_http_ihanoi_auth_cache_bucket(uint32_t hash)
{
    return &ngx_http_ihanoi_auth_cache.buckets[
                                    hash & ngx_http_ihanoi_auth_cache.mask];
}


/*
 * The ends are compared in a time that tells nothing of where they differ; the
 * rest is compared only for someone who knows the signature.
 */

static ngx_uint_t
ngx_http_ihanoi_auth_cache_same(ngx_str_t *one, ngx_str_t *two)
{
    u_char     *p, *q;
    uint64_t    a, b, differ;
    ngx_uint_t  i;

    if (one->len != two->len) {
        return 0;
    }

    p = one->data + one->len - NGX_HTTP_IHANOI_AUTH_TAIL;
    q = two->data + two->len - NGX_HTTP_IHANOI_AUTH_TAIL;
    differ = 0;

    for (i = 0; i < NGX_HTTP_IHANOI_AUTH_TAIL; i += sizeof(uint64_t)) {
        ngx_memcpy(&a, p + i, sizeof(uint64_t));
        ngx_memcpy(&b, q + i, sizeof(uint64_t));
        differ |= a ^ b;
    }

    return differ == 0
           && ngx_memcmp(one->data, two->data,
                         one->len - NGX_HTTP_IHANOI_AUTH_TAIL)
              == 0;
}


static void
ngx_http_ihanoi_auth_cache_remove(ngx_http_ihanoi_auth_entry_t *entry)
{
    ngx_http_ihanoi_auth_entry_t  **p;

    p = ngx_http_ihanoi_auth_cache_bucket(entry->hash);

    while (*p != entry) {
        p = &(*p)->next;
    }

    *p = entry->next;
    ngx_queue_remove(&entry->queue);

    ngx_http_ihanoi_auth_cache.entries--;
    ngx_http_ihanoi_auth_cache.size -= entry->size;

    entry->cached = 0;

    ngx_http_ihanoi_auth_entry_release(entry);
}


void
ngx_http_ihanoi_auth_entry_release(ngx_http_ihanoi_auth_entry_t *entry)
{
    if (--entry->refs) {
        return;
    }

    json_decref(entry->caller.claims);
    json_decref(entry->caller.header);
    ngx_free(entry->text);
    ngx_free(entry);
}


size_t
ngx_http_ihanoi_auth_json_size(json_t *json)
{
    size_t       size, i;
    json_t      *value;
    const char  *name;

    /* what jansson 2.14 and malloc take on a 64-bit machine */

    switch (json_typeof(json)) {

    case JSON_OBJECT:
        size = 256;

        json_object_foreach(json, name, value) {
            size += 80 + ngx_strlen(name)
                    + ngx_http_ihanoi_auth_json_size(value);
        }

        return size;

    case JSON_ARRAY:
        size = 112;

        json_array_foreach(json, i, value) {
            size += 8 + ngx_http_ihanoi_auth_json_size(value);
        }

        return size;

    case JSON_STRING:
        return 64 + json_string_length(json);

    case JSON_INTEGER:
    case JSON_REAL:
        return 32;

    default:
        return 0;
    }
}
