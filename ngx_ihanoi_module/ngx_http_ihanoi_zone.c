/*
 * Copyright (C) iHaNoi contributors
 *
 * The shared memory zone "ihanoi": its tenants' roots, and cells to count in.
 *
 * Cells come in chunks, and a chunk has a row for each process slot: a process
 * writes to its own row only, so that workers never fight for a cache line,
 * and who reads adds the rows up.
 *
 *   chunk:  row of slot 0  [ series A | series B ... ]   128 cells
 *           row of slot 1  [ series A | series B ... ]
 *
 * Roots and cells are never freed, so a pointer taken under an older
 * configuration stays good.
 */

#include "ngx_http_ihanoi_zone.h"


#define NGX_HTTP_IHANOI_ZONE_SIZE     (16 * 1024 * 1024)

/* two generations of a worker per core, and as many again */
#define NGX_HTTP_IHANOI_SLOTS_MIN     32
#define NGX_HTTP_IHANOI_SLOTS_MAX     256


typedef struct ngx_http_ihanoi_root_s  ngx_http_ihanoi_root_t;

struct ngx_http_ihanoi_root_s {
    ngx_http_ihanoi_root_t        *next;
    void                          *value;
    u_char                         name[1];
};


/* In shared memory, where the slab pool's data points. */
typedef struct {
    ngx_http_ihanoi_root_t        *roots;

    ngx_atomic_t                  *chunk;       /* the one being filled */
    ngx_uint_t                     used;        /* cells of its rows */

    ngx_uint_t                     nslots;
    ngx_atomic_t                   pids[1];     /* 0: free */
} ngx_http_ihanoi_zone_t;


typedef struct {
    const char                    *name;
    size_t                         size;
    ngx_http_ihanoi_zone_init_pt   init;
    void                          *data;
} ngx_http_ihanoi_tenant_t;


typedef struct {
    ngx_shm_zone_t                *zone;
    ngx_array_t                    tenants;
    ngx_uint_t                     configured;  /* postconfiguration is over */

    /* announced */
    ngx_uint_t                     nseries;
    size_t                         size;
    size_t                         cells;
    ngx_uint_t                     longest;     /* cells of one series */
} ngx_http_ihanoi_zone_main_conf_t;


static ngx_shm_zone_t *ngx_http_ihanoi_zone_get(ngx_conf_t *cf);
static ngx_int_t ngx_http_ihanoi_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_ihanoi_zone_fill(ngx_shm_zone_t *shm_zone,
    ngx_http_ihanoi_zone_main_conf_t *imcf);
static size_t ngx_http_ihanoi_zone_needed(
    ngx_http_ihanoi_zone_main_conf_t *imcf, ngx_shm_zone_t *shm_zone);
static void **ngx_http_ihanoi_zone_root_find(ngx_slab_pool_t *shpool,
    const char *name);
static ngx_uint_t ngx_http_ihanoi_zone_alive(ngx_atomic_uint_t pid);

static char *ngx_http_ihanoi_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void *ngx_http_ihanoi_zone_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_ihanoi_zone_postconfiguration(ngx_conf_t *cf);


static ngx_command_t  ngx_http_ihanoi_zone_commands[] = {

    { ngx_string("ihanoi_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_ihanoi_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_ihanoi_zone_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_ihanoi_zone_postconfiguration,
                                           /* postconfiguration */

    ngx_http_ihanoi_zone_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_ihanoi_zone_module = {
    NGX_MODULE_V1,
    &ngx_http_ihanoi_zone_module_ctx,      /* module context */
    ngx_http_ihanoi_zone_commands,         /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_int_t
ngx_http_ihanoi_zone_add(ngx_conf_t *cf, const char *name, size_t size,
    ngx_http_ihanoi_zone_init_pt init, void *data)
{
    ngx_http_ihanoi_tenant_t          *tenant;
    ngx_http_ihanoi_zone_main_conf_t  *imcf;

    imcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ihanoi_zone_module);

    if (ngx_http_ihanoi_zone_get(cf) == NULL) {
        return NGX_ERROR;
    }

    tenant = ngx_array_push(&imcf->tenants);
    if (tenant == NULL) {
        return NGX_ERROR;
    }

    tenant->name = name;
    tenant->size = size;
    tenant->init = init;
    tenant->data = data;

    return NGX_OK;
}


void
ngx_http_ihanoi_zone_reserve(ngx_conf_t *cf, size_t size, ngx_uint_t ncells)
{
    ngx_http_ihanoi_zone_main_conf_t  *imcf;

    imcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ihanoi_zone_module);

    imcf->nseries++;
    imcf->size += size;
    imcf->cells += ncells;
    imcf->longest = ngx_max(imcf->longest, ncells);
}


/*
 * From the running cycle and not from a global: a configuration that was
 * refused after its zone stood must not leave a pointer behind.
 */
ngx_slab_pool_t *
ngx_http_ihanoi_zone_pool(void)
{
    ngx_slab_pool_t                   *shpool;
    ngx_http_ihanoi_zone_main_conf_t  *imcf;

    imcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_ihanoi_zone_module);

    if (imcf == NULL || imcf->zone == NULL || imcf->zone->shm.addr == NULL) {
        return NULL;
    }

    shpool = (ngx_slab_pool_t *) imcf->zone->shm.addr;

    return shpool->data ? shpool : NULL;
}


void **
ngx_http_ihanoi_zone_root(const char *name)
{
    ngx_slab_pool_t  *shpool;

    shpool = ngx_http_ihanoi_zone_pool();
    if (shpool == NULL) {
        return NULL;
    }

    return ngx_http_ihanoi_zone_root_find(shpool, name);
}


static void **
ngx_http_ihanoi_zone_root_find(ngx_slab_pool_t *shpool, const char *name)
{
    ngx_http_ihanoi_root_t  *root;
    ngx_http_ihanoi_zone_t  *zone;

    zone = shpool->data;

    ngx_shmtx_lock(&shpool->mutex);

    for (root = zone->roots; root; root = root->next) {
        if (ngx_strcmp(root->name, name) == 0) {
            goto found;
        }
    }

    root = ngx_slab_calloc_locked(shpool, sizeof(ngx_http_ihanoi_root_t)
                                          + ngx_strlen(name));
    if (root == NULL) {
        ngx_shmtx_unlock(&shpool->mutex);
        return NULL;
    }

    ngx_memcpy(root->name, name, ngx_strlen(name) + 1);

    root->next = zone->roots;
    zone->roots = root;

found:

    ngx_shmtx_unlock(&shpool->mutex);

    return &root->value;
}


ngx_atomic_t *
ngx_http_ihanoi_zone_cells(ngx_slab_pool_t *shpool, ngx_uint_t n)
{
    ngx_atomic_t            *cells;
    ngx_http_ihanoi_zone_t  *zone;

    zone = shpool->data;

    if (zone->chunk == NULL || zone->used + n > NGX_HTTP_IHANOI_CHUNK_CELLS) {

        cells = ngx_slab_calloc(shpool, zone->nslots * sizeof(ngx_atomic_t)
                                        * NGX_HTTP_IHANOI_CHUNK_CELLS);
        if (cells == NULL) {
            return NULL;
        }

        zone->chunk = cells;
        zone->used = 0;
    }

    cells = zone->chunk + zone->used;
    zone->used += n;

    return cells;
}


ngx_uint_t
ngx_http_ihanoi_zone_slots(ngx_slab_pool_t *shpool)
{
    ngx_http_ihanoi_zone_t  *zone;

    zone = shpool->data;

    return zone->nslots;
}


/*
 * A free one, or that of a process that is gone (a killed worker cannot give
 * its row back, so its successor, or the next, finds it so).
 */
ngx_int_t
ngx_http_ihanoi_zone_slot_take(ngx_slab_pool_t *shpool, ngx_uint_t *slot,
    ngx_http_ihanoi_zone_clear_pt clear, void *data)
{
    ngx_uint_t               i;
    ngx_http_ihanoi_zone_t  *zone;

    zone = shpool->data;

    ngx_shmtx_lock(&shpool->mutex);

    for (i = 0; i < zone->nslots; i++) {
        if (!ngx_http_ihanoi_zone_alive(zone->pids[i])) {
            goto found;
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    *slot = ngx_worker % zone->nslots;

    return NGX_DECLINED;

found:

    clear(i, data);

    ngx_memory_barrier();
    zone->pids[i] = ngx_pid;

    ngx_shmtx_unlock(&shpool->mutex);

    *slot = i;

    return NGX_OK;
}


void
ngx_http_ihanoi_zone_slot_free(ngx_slab_pool_t *shpool, ngx_uint_t slot)
{
    ngx_http_ihanoi_zone_t  *zone;

    zone = shpool->data;
    zone->pids[slot] = 0;
}


ngx_uint_t
ngx_http_ihanoi_zone_slot_alive(ngx_slab_pool_t *shpool, ngx_uint_t slot)
{
    ngx_http_ihanoi_zone_t  *zone;

    zone = shpool->data;

    return ngx_http_ihanoi_zone_alive(zone->pids[slot]);
}


/* EPERM: it runs as another user, but it runs. */
static ngx_uint_t
ngx_http_ihanoi_zone_alive(ngx_atomic_uint_t pid)
{
    return pid != 0 && (kill((pid_t) pid, 0) == 0 || ngx_errno == NGX_EPERM);
}


/* The zone is there as soon as a box of ours asks for it. */
static ngx_shm_zone_t *
ngx_http_ihanoi_zone_get(ngx_conf_t *cf)
{
    size_t                             size;
    ngx_str_t                          name;
    ngx_http_ihanoi_zone_main_conf_t  *imcf;

    imcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ihanoi_zone_module);

    if (imcf->zone) {
        return imcf->zone;
    }

    ngx_str_set(&name, "ihanoi");

    /* 0: "ihanoi_zone" may still come and say it */
    size = imcf->configured ? NGX_HTTP_IHANOI_ZONE_SIZE : 0;

    imcf->zone = ngx_shared_memory_add(cf, &name, size,
                                       &ngx_http_ihanoi_zone_module);
    if (imcf->zone == NULL) {
        return NULL;
    }

    imcf->zone->init = ngx_http_ihanoi_zone_init;
    imcf->zone->data = imcf;

    return imcf->zone;
}


static ngx_int_t
ngx_http_ihanoi_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_int_t                          rc;
    ngx_uint_t                         n;
    ngx_slab_pool_t                   *shpool;
    ngx_http_ihanoi_zone_t            *zone;
    ngx_http_ihanoi_zone_main_conf_t  *imcf;

    imcf = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data || shm_zone->shm.exists) {
        zone = shpool->data;

    } else {
        /* we say it ourselves, with the size needed */
        shpool->log_nomem = 0;

        n = NGX_HTTP_IHANOI_SLOTS_MIN;

        while (n < (ngx_uint_t) ngx_ncpu * 4
               && n < NGX_HTTP_IHANOI_SLOTS_MAX)
        {
            n *= 2;
        }

        zone = ngx_slab_calloc(shpool, sizeof(ngx_http_ihanoi_zone_t)
                                       + n * sizeof(ngx_atomic_t));
        if (zone) {
            zone->nslots = n;
        }

        shpool->data = zone;
    }

    rc = (zone == NULL) ? NGX_ABORT
                        : ngx_http_ihanoi_zone_fill(shm_zone, imcf);

    if (rc == NGX_ABORT) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "\"ihanoi_zone\" of %uzk is too small for %ui series, "
                      "set it to %uzk",
                      shm_zone->shm.size / 1024, imcf->nseries,
                      ngx_http_ihanoi_zone_needed(imcf, shm_zone) / 1024);
        return NGX_ERROR;
    }

    return rc;
}


static ngx_int_t
ngx_http_ihanoi_zone_fill(ngx_shm_zone_t *shm_zone,
    ngx_http_ihanoi_zone_main_conf_t *imcf)
{
    void                     **root;
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_slab_pool_t           *shpool;
    ngx_http_ihanoi_tenant_t  *tenant;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    tenant = imcf->tenants.elts;

    for (i = 0; i < imcf->tenants.nelts; i++) {

        root = ngx_http_ihanoi_zone_root_find(shpool, tenant[i].name);
        if (root == NULL) {
            return NGX_ABORT;
        }

        rc = tenant[i].init(shpool, root, tenant[i].data, shm_zone->shm.log);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/*
 * What to tell the operator: a chunk may end with cells that the longest
 * series does not fit in.  A tenth goes to the slab's own tables and to a few
 * configurations to come.
 */
static size_t
ngx_http_ihanoi_zone_needed(ngx_http_ihanoi_zone_main_conf_t *imcf,
    ngx_shm_zone_t *shm_zone)
{
    size_t                     size, cells, unit;
    ngx_uint_t                 i, nslots;
    ngx_http_ihanoi_tenant_t  *tenant;

    nslots = ngx_min(ngx_max((ngx_uint_t) ngx_ncpu * 8,
                             NGX_HTTP_IHANOI_SLOTS_MIN),
                     NGX_HTTP_IHANOI_SLOTS_MAX);

    size = 64 * 1024 + imcf->size;

    cells = imcf->cells * NGX_HTTP_IHANOI_CHUNK_CELLS
            / (NGX_HTTP_IHANOI_CHUNK_CELLS - imcf->longest)
            + NGX_HTTP_IHANOI_CHUNK_CELLS;

    size += cells * nslots * sizeof(ngx_atomic_t);

    tenant = imcf->tenants.elts;

    for (i = 0; i < imcf->tenants.nelts; i++) {
        size += tenant[i].size;
    }

    size += size / 10;

    /* the zone may be full of what earlier configurations left */
    if (size <= shm_zone->shm.size) {
        size = 2 * shm_zone->shm.size;
    }

    unit = 64 * 1024;

    return (size + unit - 1) / unit * unit;
}


static char *
ngx_http_ihanoi_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ihanoi_zone_main_conf_t *imcf = conf;

    ssize_t     size;
    ngx_str_t  *value, name;

    value = cf->args->elts;

    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone size \"%V\" is too small, "
                           "the least is %uzk", &value[1],
                           8 * ngx_pagesize / 1024);
        return NGX_CONF_ERROR;
    }

    if (imcf->zone && imcf->zone->shm.size) {
        return "is duplicate";
    }

    if (ngx_http_ihanoi_zone_get(cf) == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&name, "ihanoi");

    if (ngx_shared_memory_add(cf, &name, size, &ngx_http_ihanoi_zone_module)
        == NULL)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_ihanoi_zone_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_ihanoi_zone_main_conf_t  *imcf;

    imcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_zone_main_conf_t));
    if (imcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&imcf->tenants, cf->pool, 4,
                       sizeof(ngx_http_ihanoi_tenant_t))
        != NGX_OK)
    {
        return NULL;
    }

    return imcf;
}


static ngx_int_t
ngx_http_ihanoi_zone_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_ihanoi_zone_main_conf_t  *imcf;

    imcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ihanoi_zone_module);

    /* the module is loaded to be used: the zone is there in any case */
    imcf->configured = 1;

    if (ngx_http_ihanoi_zone_get(cf) == NULL) {
        return NGX_ERROR;
    }

    if (imcf->zone->shm.size == 0) {
        imcf->zone->shm.size = NGX_HTTP_IHANOI_ZONE_SIZE;
    }

    return NGX_OK;
}
