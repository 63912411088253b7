/*
 * Copyright (C) iHaNoi contributors
 *
 * The stores of plugins: a shared memory zone for each.
 */

#include "ngx_http_ihanoi_store.h"
#include "ihanoi_digest.h"


/* What nginx keeps in a zone: the pool's header, and something of each page */
#define ngx_http_ihanoi_store_zone(size)                                      \
    ((size) + (size) / 64 + 8 * ngx_pagesize)


static ngx_int_t ngx_http_ihanoi_store_init(ngx_shm_zone_t *shm_zone,
    void *data);
static void ngx_http_ihanoi_store_lock(void *data);
static void ngx_http_ihanoi_store_unlock(void *data);


/* Its address says whose the zones are. */
static ngx_uint_t  ngx_http_ihanoi_store_tag;


ihanoi_host_store_t *
ngx_http_ihanoi_store_declare(ngx_conf_t *cf, ngx_str_t *name, size_t size)
{
    ngx_str_t             zone_name;
    ngx_shm_zone_t       *zone;
    ihanoi_host_store_t  *store;

    if (size < IHANOI_STORE_SIZE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a store of %uzk for plugin \"%V\" is too small, "
                           "the least is %dk", size / 1024, name,
                           IHANOI_STORE_SIZE_MIN / 1024);
        return NULL;
    }

    zone_name.len = sizeof("ihanoi_store_") - 1 + name->len;
    zone_name.data = ngx_pnalloc(cf->pool, zone_name.len);
    if (zone_name.data == NULL) {
        return NULL;
    }

    (void) ngx_sprintf(zone_name.data, "ihanoi_store_%V", name);

    zone = ngx_shared_memory_add(cf, &zone_name,
                                 ngx_http_ihanoi_store_zone(size),
                                 &ngx_http_ihanoi_store_tag);
    if (zone == NULL) {
        return NULL;
    }

    if (zone->data) {
        return zone->data;
    }

    store = ngx_pcalloc(cf->pool, sizeof(ihanoi_host_store_t));
    if (store == NULL) {
        return NULL;
    }

    store->lock = ngx_http_ihanoi_store_lock;
    store->unlock = ngx_http_ihanoi_store_unlock;

    zone->init = ngx_http_ihanoi_store_init;
    zone->data = store;

    ihanoi_host_store_of = ngx_http_ihanoi_plugin_store;

    return store;
}


/* The master, when a configuration is loaded. */
static ngx_int_t
ngx_http_ihanoi_store_init(ngx_shm_zone_t *shm_zone, void *data)
{
    void                 *memory;
    u_char                seed[16];
    size_t                size;
    ngx_time_t           *tp;
    ngx_slab_pool_t      *shpool;
    ihanoi_host_store_t  *store;

    store = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    store->data = shpool;

    if (data || shm_zone->shm.exists) {
        store->store = shpool->data;
        return NGX_OK;
    }

    /* all of it at once: the store shares it out itself */

    size = shpool->pfree * ngx_pagesize;
    memory = ngx_slab_alloc(shpool, size);

    if (memory == NULL) {
        return NGX_ERROR;
    }

    if (ihanoi_random(seed, sizeof(seed)) != 0) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "no random bytes to be had");
        return NGX_ERROR;
    }

    tp = ngx_timeofday();

    store->store = ihanoi_store_create(memory, size, seed,
                                       (uint64_t) tp->sec * 1000000
                                       + tp->msec * 1000);
    if (store->store == NULL) {
        return NGX_ERROR;
    }

    shpool->data = store->store;

    return NGX_OK;
}


void
ngx_http_ihanoi_store_stat(ihanoi_host_store_t *store,
    ihanoi_store_stat_t *stat)
{
    ngx_http_ihanoi_store_lock(store->data);
    ihanoi_store_stat(store->store, stat);
    ngx_http_ihanoi_store_unlock(store->data);
}


static void
ngx_http_ihanoi_store_lock(void *data)
{
    ngx_slab_pool_t *shpool = data;

    ngx_shmtx_lock(&shpool->mutex);
}


static void
ngx_http_ihanoi_store_unlock(void *data)
{
    ngx_slab_pool_t *shpool = data;

    ngx_shmtx_unlock(&shpool->mutex);
}
