/*
 * Copyright (C) iHaNoi contributors
 *
 * The shared memory zone "ihanoi".  Boxes keep what their processes share in
 * it, each under a name (a root), and count in cells that have a row for each
 * process.  The zone knows neither what a root holds nor what is counted.
 */

#ifndef _NGX_HTTP_IHANOI_ZONE_H_INCLUDED_
#define _NGX_HTTP_IHANOI_ZONE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* a row of a chunk: 1 kB, whole cache lines */
#define NGX_HTTP_IHANOI_CHUNK_CELLS   128


/*
 * Declares a tenant at configuration time.
 *
 * init is called in the master whenever a configuration is loaded, with the
 * zone standing and its mutex free, in the order of declaration.  *root is
 * NULL in a new zone; after a reload it is what the box left there.  Return
 * NGX_OK; NGX_ABORT when the zone has no room (nginx then refuses the
 * configuration and says the size needed); NGX_ERROR when you have logged why.
 *
 * name is a string literal; size is about what init will allocate.
 */
typedef ngx_int_t (*ngx_http_ihanoi_zone_init_pt)(ngx_slab_pool_t *shpool,
    void **root, void *data, ngx_log_t *log);

ngx_int_t ngx_http_ihanoi_zone_add(ngx_conf_t *cf, const char *name,
    size_t size, ngx_http_ihanoi_zone_init_pt init, void *data);

/*
 * Announces a series: an init will take ncells cells for it and allocate
 * about size bytes.  Nothing is taken yet: it is for the size that a zone
 * without room is said to need.
 */
void ngx_http_ihanoi_zone_reserve(ngx_conf_t *cf, size_t size,
    ngx_uint_t ncells);

/*
 * The zone of the running configuration: in workers, from init_process on.
 * The pool is NULL when there is no http block.  A root that is not
 * there yet is made; NULL when the zone is missing or full.
 */
ngx_slab_pool_t *ngx_http_ihanoi_zone_pool(void);
void **ngx_http_ihanoi_zone_root(const char *name);


/*
 * Takes n cells, zeroed, side by side in every row, for good; for an init
 * only.  They are returned as they stand in the row of slot 0; those of slot i
 * are i * NGX_HTTP_IHANOI_CHUNK_CELLS further.  NULL: no room.
 */
ngx_atomic_t *ngx_http_ihanoi_zone_cells(ngx_slab_pool_t *shpool,
    ngx_uint_t n);

/* How many slots, and so rows, there are. */
ngx_uint_t ngx_http_ihanoi_zone_slots(ngx_slab_pool_t *shpool);

/*
 * Takes a slot for this process.
 *
 *   NGX_OK         the row of *slot is its own
 *   NGX_DECLINED   all are taken: *slot is one that it may share
 *
 * clear is called before the row is ours, so that nobody takes for ours what
 * the owner before left in it.
 */
typedef void (*ngx_http_ihanoi_zone_clear_pt)(ngx_uint_t slot, void *data);

ngx_int_t ngx_http_ihanoi_zone_slot_take(ngx_slab_pool_t *shpool,
    ngx_uint_t *slot, ngx_http_ihanoi_zone_clear_pt clear, void *data);

/* Gives back a slot that is our own. */
void ngx_http_ihanoi_zone_slot_free(ngx_slab_pool_t *shpool, ngx_uint_t slot);

/* Does the process that owns a row still run? */
ngx_uint_t ngx_http_ihanoi_zone_slot_alive(ngx_slab_pool_t *shpool,
    ngx_uint_t slot);


extern ngx_module_t  ngx_http_ihanoi_zone_module;


#endif /* _NGX_HTTP_IHANOI_ZONE_H_INCLUDED_ */
