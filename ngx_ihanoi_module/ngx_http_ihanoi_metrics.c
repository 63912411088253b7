/*
 * Copyright (C) iHaNoi contributors
 *
 * Metrics: the shared memory zone "ihanoi" and its series.
 *
 * A series is a few cells.  Cells come in chunks, and a chunk has a row for
 * each process slot: a process writes to its own row only, so that workers
 * never fight for a cache line, and a scrape adds the rows up.  Counters and
 * histograms stay when a process ends and its successor goes on from there;
 * gauges of a row count while the process that owns it lives.
 *
 *   chunk:  row of slot 0  [ series A | series B ... ]   128 cells
 *           row of slot 1  [ series A | series B ... ]
 *
 * Families and series are found by name and never freed, so a pointer taken
 * under an older configuration stays good.  They are inserted by the master
 * only, while it loads a configuration; lists are published entry by entry,
 * so that a scrape needs no lock.
 */

#include "ngx_http_ihanoi_metrics.h"
#include "ngx_http_ihanoi_metrics_zone.h"


#define NGX_HTTP_IHANOI_ZONE_SIZE     (16 * 1024 * 1024)

/* two generations of a worker per core, and as many again */
#define NGX_HTTP_IHANOI_SLOTS_MIN     32
#define NGX_HTTP_IHANOI_SLOTS_MAX     256

struct ngx_http_ihanoi_root_s {
    ngx_http_ihanoi_root_t        *next;
    void                          *value;
    u_char                         name[1];
};


struct ngx_http_ihanoi_metric_s {
    ngx_str_node_t                 node;        /* name{labels */
    ngx_http_ihanoi_metric_type_e  type;
    ngx_str_t                      name;
    ngx_str_t                      help;
    ngx_str_t                      labels;
    ngx_atomic_t                  *cells;       /* NULL: no zone yet */
};


typedef struct {
    const char                    *name;
    size_t                         size;
    ngx_http_ihanoi_zone_init_pt   init;
    void                          *data;
} ngx_http_ihanoi_tenant_t;


typedef struct {
    ngx_shm_zone_t                *zone;
    ngx_array_t                    metrics;     /* of metric pointers */
    ngx_array_t                    tenants;
    ngx_rbtree_t                   rbtree;
    ngx_rbtree_node_t              sentinel;
    ngx_uint_t                     configured;  /* postconfiguration is over */
    ngx_http_ihanoi_metric_t      *workers;
    ngx_http_ihanoi_metric_t      *starts;
} ngx_http_ihanoi_metrics_main_conf_t;


static ngx_shm_zone_t *ngx_http_ihanoi_zone_get(ngx_conf_t *cf);
static ngx_int_t ngx_http_ihanoi_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_ihanoi_zone_fill(ngx_shm_zone_t *shm_zone,
    ngx_http_ihanoi_metrics_main_conf_t *imcf, ngx_http_ihanoi_zone_t *zone);
static size_t ngx_http_ihanoi_zone_needed(
    ngx_http_ihanoi_metrics_main_conf_t *imcf, ngx_shm_zone_t *shm_zone);
static void **ngx_http_ihanoi_zone_root_find(ngx_slab_pool_t *shpool,
    ngx_http_ihanoi_zone_t *zone, const char *name);

static ngx_int_t ngx_http_ihanoi_metric_resolve(ngx_slab_pool_t *shpool,
    ngx_http_ihanoi_zone_t *zone, ngx_http_ihanoi_metric_t *m,
    ngx_log_t *log);
static ngx_atomic_t *ngx_http_ihanoi_metric_cells(ngx_slab_pool_t *shpool,
    ngx_http_ihanoi_zone_t *zone, ngx_http_ihanoi_metric_type_e type);
static ngx_int_t ngx_http_ihanoi_metric_cmp(ngx_str_t *one, ngx_str_t *two);

static char *ngx_http_ihanoi_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void *ngx_http_ihanoi_metrics_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_ihanoi_metrics_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_ihanoi_metrics_init_process(ngx_cycle_t *cycle);
static void ngx_http_ihanoi_metrics_exit_process(ngx_cycle_t *cycle);


/* microseconds: 0.1 ms, a cached answer, to 10 s, the longest statement */
const ngx_http_ihanoi_bucket_t
    ngx_http_ihanoi_buckets[NGX_HTTP_IHANOI_BUCKETS] = {
    { 100, "0.0001" },
    { 250, "0.00025" },
    { 500, "0.0005" },
    { 1000, "0.001" },
    { 2500, "0.0025" },
    { 5000, "0.005" },
    { 10000, "0.01" },
    { 25000, "0.025" },
    { 50000, "0.05" },
    { 100000, "0.1" },
    { 250000, "0.25" },
    { 500000, "0.5" },
    { 1000000, "1" },
    { 2500000, "2.5" },
    { 5000000, "5" },
    { 10000000, "10" }
};


/* This process's row; helpers and the master use the first one's cells. */
static ngx_uint_t  ngx_http_ihanoi_slot;
static ngx_uint_t  ngx_http_ihanoi_slot_owned;


static ngx_command_t  ngx_http_ihanoi_metrics_commands[] = {

    { ngx_string("ihanoi_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_ihanoi_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_ihanoi_metrics_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_ihanoi_metrics_postconfiguration,
                                           /* postconfiguration */

    ngx_http_ihanoi_metrics_create_main_conf,
                                           /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_ihanoi_metrics_module = {
    NGX_MODULE_V1,
    &ngx_http_ihanoi_metrics_module_ctx,   /* module context */
    ngx_http_ihanoi_metrics_commands,      /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_ihanoi_metrics_init_process,  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_ihanoi_metrics_exit_process,  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_http_ihanoi_metric_t *
ngx_http_ihanoi_metric_add(ngx_conf_t *cf, ngx_http_ihanoi_metric_type_e type,
    const char *name, const char *help, ngx_str_t *labels)
{
    u_char                               *p;
    uint32_t                              hash;
    ngx_str_t                             key;
    ngx_str_node_t                       *node;
    ngx_http_ihanoi_metric_t             *m, **slot;
    ngx_http_ihanoi_metrics_main_conf_t  *imcf;

    imcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_ihanoi_metrics_module);

    if (ngx_http_ihanoi_zone_get(cf) == NULL) {
        return NULL;
    }

    key.len = ngx_strlen(name) + 1 + (labels ? labels->len : 0);
    key.data = ngx_pnalloc(cf->pool, key.len);
    if (key.data == NULL) {
        return NULL;
    }

    p = ngx_cpymem(key.data, name, ngx_strlen(name));
    *p++ = '{';

    if (labels) {
        ngx_memcpy(p, labels->data, labels->len);
    }

    hash = ngx_crc32_long(key.data, key.len);

    node = ngx_str_rbtree_lookup(&imcf->rbtree, &key, hash);

    if (node) {
        m = (ngx_http_ihanoi_metric_t *)
                ((u_char *) node - offsetof(ngx_http_ihanoi_metric_t, node));

        if (m->type != type) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "metric \"%s\" is declared with two types", name);
            return NULL;
        }

        return m;
    }

    m = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_metric_t));
    if (m == NULL) {
        return NULL;
    }

    slot = ngx_array_push(&imcf->metrics);
    if (slot == NULL) {
        return NULL;
    }

    *slot = m;

    m->node.node.key = hash;
    m->node.str = key;
    m->type = type;
    m->name.len = ngx_strlen(name);
    m->name.data = key.data;
    m->help.len = ngx_strlen(help);
    m->help.data = (u_char *) help;
    m->labels.len = key.len - m->name.len - 1;
    m->labels.data = p;

    ngx_rbtree_insert(&imcf->rbtree, &m->node.node);

    return m;
}


ngx_int_t
ngx_http_ihanoi_metric_label(ngx_pool_t *pool, ngx_str_t *labels,
    const char *name, ngx_str_t *value)
{
    u_char  *p, *start;
    size_t   i;

    /* in the worst case every character is escaped */
    start = ngx_pnalloc(pool, labels->len + ngx_strlen(name) + 4
                              + 2 * value->len);
    if (start == NULL) {
        return NGX_ERROR;
    }

    p = start;

    /* The first label has nothing before it: memcpy() may not see NULL. */
    if (labels->len) {
        p = ngx_cpymem(p, labels->data, labels->len);
        *p++ = ',';
    }

    p = ngx_cpymem(p, name, ngx_strlen(name));
    *p++ = '=';
    *p++ = '"';

    for (i = 0; i < value->len; i++) {

        switch (value->data[i]) {

        case '\n':
            *p++ = '\\';
            *p++ = 'n';
            break;

        case '"':
        case '\\':
            *p++ = '\\';
            /* fall through */

        default:
            *p++ = value->data[i];
        }
    }

    *p++ = '"';

    labels->len = p - start;
    labels->data = start;

    return NGX_OK;
}


void
ngx_http_ihanoi_metric_inc(ngx_http_ihanoi_metric_t *m)
{
    ngx_http_ihanoi_metric_addn(m, 1);
}


void
ngx_http_ihanoi_metric_addn(ngx_http_ihanoi_metric_t *m, ngx_uint_t n)
{
    ngx_atomic_t  *cell;

    if (m == NULL || m->cells == NULL) {
        return;
    }

    cell = m->cells + ngx_http_ihanoi_slot * NGX_HTTP_IHANOI_CHUNK_CELLS;

    (void) ngx_atomic_fetch_add(cell, n);
}


void
ngx_http_ihanoi_metric_set(ngx_http_ihanoi_metric_t *m, ngx_uint_t value)
{
    if (m == NULL || m->cells == NULL || !ngx_http_ihanoi_slot_owned) {
        return;
    }

    m->cells[ngx_http_ihanoi_slot * NGX_HTTP_IHANOI_CHUNK_CELLS] = value;
}


void
ngx_http_ihanoi_metric_observe(ngx_http_ihanoi_metric_t *m, ngx_uint_t usec)
{
    ngx_uint_t     i;
    ngx_atomic_t  *cells;

    if (m == NULL || m->cells == NULL) {
        return;
    }

    for (i = 0; i < NGX_HTTP_IHANOI_BUCKETS; i++) {
        if (usec <= ngx_http_ihanoi_buckets[i].usec) {
            break;
        }
    }

    cells = m->cells + ngx_http_ihanoi_slot * NGX_HTTP_IHANOI_CHUNK_CELLS;

    (void) ngx_atomic_fetch_add(&cells[i], 1);
    (void) ngx_atomic_fetch_add(&cells[NGX_HTTP_IHANOI_BUCKETS + 1], usec);
}


uint64_t
ngx_http_ihanoi_usec(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


ngx_int_t
ngx_http_ihanoi_zone_add(ngx_conf_t *cf, const char *name, size_t size,
    ngx_http_ihanoi_zone_init_pt init, void *data)
{
    ngx_http_ihanoi_tenant_t             *tenant;
    ngx_http_ihanoi_metrics_main_conf_t  *imcf;

    imcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_ihanoi_metrics_module);

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


ngx_slab_pool_t *
ngx_http_ihanoi_zone_pool(void)
{
    ngx_slab_pool_t  *shpool;

    if (ngx_http_ihanoi_zone_running(&shpool) == NULL) {
        return NULL;
    }

    return shpool;
}


void **
ngx_http_ihanoi_zone_root(const char *name)
{
    ngx_slab_pool_t         *shpool;
    ngx_http_ihanoi_zone_t  *zone;

    zone = ngx_http_ihanoi_zone_running(&shpool);
    if (zone == NULL) {
        return NULL;
    }

    return ngx_http_ihanoi_zone_root_find(shpool, zone, name);
}


/*
 * From the running cycle and not from a global: a configuration that was
 * refused after its zone stood must not leave a pointer behind.
 */
ngx_http_ihanoi_zone_t *
ngx_http_ihanoi_zone_running(ngx_slab_pool_t **shpool)
{
    ngx_http_ihanoi_metrics_main_conf_t  *imcf;

    imcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_ihanoi_metrics_module);

    if (imcf == NULL || imcf->zone == NULL || imcf->zone->shm.addr == NULL) {
        return NULL;
    }

    *shpool = (ngx_slab_pool_t *) imcf->zone->shm.addr;

    return (*shpool)->data;
}


static void **
ngx_http_ihanoi_zone_root_find(ngx_slab_pool_t *shpool,
    ngx_http_ihanoi_zone_t *zone, const char *name)
{
    ngx_http_ihanoi_root_t  *root;

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


/* The zone is there as soon as a directive of ours asks for it. */
static ngx_shm_zone_t *
ngx_http_ihanoi_zone_get(ngx_conf_t *cf)
{
    size_t                                size;
    ngx_str_t                             name;
    ngx_http_ihanoi_metrics_main_conf_t  *imcf;

    imcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_ihanoi_metrics_module);

    if (imcf->zone) {
        return imcf->zone;
    }

    ngx_str_set(&name, "ihanoi");

    /* 0: "ihanoi_zone" may still come and say it */
    size = imcf->configured ? NGX_HTTP_IHANOI_ZONE_SIZE : 0;

    imcf->zone = ngx_shared_memory_add(cf, &name, size,
                                       &ngx_http_ihanoi_metrics_module);
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
    ngx_int_t                             rc;
    ngx_uint_t                            n;
    ngx_slab_pool_t                      *shpool;
    ngx_http_ihanoi_zone_t               *zone;
    ngx_http_ihanoi_metrics_main_conf_t  *imcf;

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
                        : ngx_http_ihanoi_zone_fill(shm_zone, imcf, zone);

    if (rc == NGX_ABORT) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "\"ihanoi_zone\" of %uzk is too small for %ui series, "
                      "set it to %uzk",
                      shm_zone->shm.size / 1024, imcf->metrics.nelts,
                      ngx_http_ihanoi_zone_needed(imcf, shm_zone) / 1024);
        return NGX_ERROR;
    }

    return rc;
}


static ngx_int_t
ngx_http_ihanoi_zone_fill(ngx_shm_zone_t *shm_zone,
    ngx_http_ihanoi_metrics_main_conf_t *imcf, ngx_http_ihanoi_zone_t *zone)
{
    void                      **root;
    ngx_int_t                   rc;
    ngx_log_t                  *log;
    ngx_uint_t                  i;
    ngx_slab_pool_t            *shpool;
    ngx_http_ihanoi_metric_t  **m;
    ngx_http_ihanoi_tenant_t   *tenant;

    log = shm_zone->shm.log;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    zone->generation++;

    m = imcf->metrics.elts;

    for (i = 0; i < imcf->metrics.nelts; i++) {
        rc = ngx_http_ihanoi_metric_resolve(shpool, zone, m[i], log);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    tenant = imcf->tenants.elts;

    for (i = 0; i < imcf->tenants.nelts; i++) {

        root = ngx_http_ihanoi_zone_root_find(shpool, zone, tenant[i].name);
        if (root == NULL) {
            return NGX_ABORT;
        }

        rc = tenant[i].init(shpool, root, tenant[i].data, log);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/*
 * What to tell the operator: every series is rounded up to a slab size and a
 * chunk may end with cells that no histogram fits in.  A tenth goes to the
 * slab's own tables and to a few configurations to come.
 */
static size_t
ngx_http_ihanoi_zone_needed(ngx_http_ihanoi_metrics_main_conf_t *imcf,
    ngx_shm_zone_t *shm_zone)
{
    size_t                      size, cells, unit;
    ngx_uint_t                  i, nslots;
    ngx_http_ihanoi_metric_t  **m;
    ngx_http_ihanoi_tenant_t   *tenant;

    nslots = ngx_min(ngx_max((ngx_uint_t) ngx_ncpu * 8,
                             NGX_HTTP_IHANOI_SLOTS_MIN),
                     NGX_HTTP_IHANOI_SLOTS_MAX);

    size = 64 * 1024;
    cells = 0;

    m = imcf->metrics.elts;

    for (i = 0; i < imcf->metrics.nelts; i++) {

        cells += (m[i]->type == NGX_HTTP_IHANOI_HISTOGRAM)
                     ? NGX_HTTP_IHANOI_BUCKETS + 2 : 1;

        size += 2 * (sizeof(ngx_http_ihanoi_series_t) + m[i]->labels.len);
    }

    cells = cells * NGX_HTTP_IHANOI_CHUNK_CELLS
            / (NGX_HTTP_IHANOI_CHUNK_CELLS - NGX_HTTP_IHANOI_BUCKETS - 2)
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


/* Finds the series by name, or makes it. */
static ngx_int_t
ngx_http_ihanoi_metric_resolve(ngx_slab_pool_t *shpool,
    ngx_http_ihanoi_zone_t *zone, ngx_http_ihanoi_metric_t *m, ngx_log_t *log)
{
    ngx_int_t                   rc;
    ngx_http_ihanoi_family_t   *family, **fp;
    ngx_http_ihanoi_series_t   *series, **sp;

    rc = 1;
    family = NULL;

    for (fp = &zone->families; *fp; fp = &(*fp)->next) {
        rc = ngx_http_ihanoi_metric_cmp(&(*fp)->name, &m->name);
        if (rc >= 0) {
            break;
        }
    }

    if (*fp == NULL || rc != 0) {

        family = ngx_slab_calloc(shpool, sizeof(ngx_http_ihanoi_family_t)
                                         + m->name.len + m->help.len);
        if (family == NULL) {
            return NGX_ABORT;
        }

        /* copied: a reload may bring another copy of this module's text */
        family->type = m->type;
        family->name.len = m->name.len;
        family->name.data = (u_char *) (family + 1);
        family->help.len = m->help.len;
        family->help.data = ngx_cpymem(family->name.data, m->name.data,
                                       m->name.len);
        ngx_memcpy(family->help.data, m->help.data, m->help.len);

        family->next = *fp;
        ngx_memory_barrier();
        *fp = family;
    }

    family = *fp;

    if (family->type != m->type) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "metric \"%V\" is declared with two types", &m->name);
        return NGX_ERROR;
    }

    rc = 1;

    for (sp = &family->series; *sp; sp = &(*sp)->next) {
        rc = ngx_http_ihanoi_metric_cmp(&(*sp)->labels, &m->labels);
        if (rc >= 0) {
            break;
        }
    }

    if (*sp == NULL || rc != 0) {

        series = ngx_slab_calloc(shpool, sizeof(ngx_http_ihanoi_series_t)
                                         + m->labels.len);
        if (series == NULL) {
            return NGX_ABORT;
        }

        series->labels.len = m->labels.len;
        series->labels.data = (u_char *) (series + 1);
        ngx_memcpy(series->labels.data, m->labels.data, m->labels.len);

        series->cells = ngx_http_ihanoi_metric_cells(shpool, zone, m->type);
        if (series->cells == NULL) {
            ngx_slab_free(shpool, series);
            return NGX_ABORT;
        }

        series->next = *sp;
        ngx_memory_barrier();
        *sp = series;
    }

    (*sp)->generation = zone->generation;
    m->cells = (*sp)->cells;

    return NGX_OK;
}


static ngx_atomic_t *
ngx_http_ihanoi_metric_cells(ngx_slab_pool_t *shpool,
    ngx_http_ihanoi_zone_t *zone, ngx_http_ihanoi_metric_type_e type)
{
    ngx_uint_t     i, n;
    ngx_atomic_t  *cells;

    n = (type == NGX_HTTP_IHANOI_HISTOGRAM) ? NGX_HTTP_IHANOI_BUCKETS + 2 : 1;

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

    if (type == NGX_HTTP_IHANOI_GAUGE || type == NGX_HTTP_IHANOI_GAUGE_MAX) {
        for (i = 0; i < zone->nslots; i++) {
            cells[i * NGX_HTTP_IHANOI_CHUNK_CELLS] = NGX_HTTP_IHANOI_UNSET;
        }
    }

    return cells;
}


static ngx_int_t
ngx_http_ihanoi_metric_cmp(ngx_str_t *one, ngx_str_t *two)
{
    ngx_int_t  rc;

    rc = ngx_memcmp(one->data, two->data, ngx_min(one->len, two->len));

    return rc ? rc : (ngx_int_t) one->len - (ngx_int_t) two->len;
}


static char *
ngx_http_ihanoi_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ihanoi_metrics_main_conf_t *imcf = conf;

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

    if (ngx_shared_memory_add(cf, &name, size, &ngx_http_ihanoi_metrics_module)
        == NULL)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_ihanoi_metrics_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_ihanoi_metrics_main_conf_t  *imcf;

    imcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_metrics_main_conf_t));
    if (imcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&imcf->metrics, cf->pool, 64,
                       sizeof(ngx_http_ihanoi_metric_t *))
        != NGX_OK)
    {
        return NULL;
    }

    if (ngx_array_init(&imcf->tenants, cf->pool, 4,
                       sizeof(ngx_http_ihanoi_tenant_t))
        != NGX_OK)
    {
        return NULL;
    }

    ngx_rbtree_init(&imcf->rbtree, &imcf->sentinel,
                    ngx_str_rbtree_insert_value);

    return imcf;
}


static ngx_int_t
ngx_http_ihanoi_metrics_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_ihanoi_metrics_main_conf_t  *imcf;

    imcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_ihanoi_metrics_module);

    /* the module is loaded to be used: the zone is there in any case */
    imcf->configured = 1;

    if (ngx_http_ihanoi_zone_get(cf) == NULL) {
        return NGX_ERROR;
    }

    if (imcf->zone->shm.size == 0) {
        imcf->zone->shm.size = NGX_HTTP_IHANOI_ZONE_SIZE;
    }

    imcf->workers = ngx_http_ihanoi_metric_add(cf, NGX_HTTP_IHANOI_GAUGE,
                        "ihanoi_workers",
                        "Worker processes alive, of all generations.", NULL);

    imcf->starts = ngx_http_ihanoi_metric_add(cf, NGX_HTTP_IHANOI_COUNTER,
                       "ihanoi_worker_starts_total",
                       "Worker processes started, by start, reload or after "
                       "one died.", NULL);

    if (imcf->workers == NULL || imcf->starts == NULL) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Takes a row: a free one, or that of a process that is gone (a killed worker
 * cannot give its row back, so its successor, or the next, finds it so).
 */
static ngx_int_t
ngx_http_ihanoi_metrics_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                            i;
    ngx_slab_pool_t                      *shpool;
    ngx_http_ihanoi_zone_t               *zone;
    ngx_http_ihanoi_family_t             *family;
    ngx_http_ihanoi_series_t             *series;
    ngx_http_ihanoi_metrics_main_conf_t  *imcf;

    ngx_http_ihanoi_slot = 0;
    ngx_http_ihanoi_slot_owned = 0;

    zone = ngx_http_ihanoi_zone_running(&shpool);

    if (zone == NULL || ngx_process == NGX_PROCESS_HELPER) {
        return NGX_OK;
    }

    ngx_shmtx_lock(&shpool->mutex);

    for (i = 0; i < zone->nslots; i++) {
        if (!ngx_http_ihanoi_metrics_alive(zone->pids[i])) {
            goto found;
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    /* counters may be shared, they are atomic; gauges stay away */
    ngx_http_ihanoi_slot = ngx_worker % zone->nslots;

    ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                  "more than %ui processes use the zone \"ihanoi\", "
                  "gauges of this one are not shown", zone->nslots);

    return NGX_OK;

found:

    for (family = zone->families; family; family = family->next) {

        if (family->type != NGX_HTTP_IHANOI_GAUGE
            && family->type != NGX_HTTP_IHANOI_GAUGE_MAX)
        {
            continue;
        }

        for (series = family->series; series; series = series->next) {
            series->cells[i * NGX_HTTP_IHANOI_CHUNK_CELLS] =
                                                       NGX_HTTP_IHANOI_UNSET;
        }
    }

    ngx_memory_barrier();
    zone->pids[i] = ngx_pid;

    ngx_shmtx_unlock(&shpool->mutex);

    ngx_http_ihanoi_slot = i;
    ngx_http_ihanoi_slot_owned = 1;

    imcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ihanoi_metrics_module);

    ngx_http_ihanoi_metric_set(imcf->workers, 1);
    ngx_http_ihanoi_metric_inc(imcf->starts);

    return NGX_OK;
}


static void
ngx_http_ihanoi_metrics_exit_process(ngx_cycle_t *cycle)
{
    ngx_slab_pool_t         *shpool;
    ngx_http_ihanoi_zone_t  *zone;

    zone = ngx_http_ihanoi_zone_running(&shpool);

    if (zone && ngx_http_ihanoi_slot_owned) {
        zone->pids[ngx_http_ihanoi_slot] = 0;
        ngx_http_ihanoi_slot_owned = 0;
    }
}


/* EPERM: it runs as another user, but it runs. */
ngx_uint_t
ngx_http_ihanoi_metrics_alive(ngx_atomic_uint_t pid)
{
    return pid != 0 && (kill((pid_t) pid, 0) == 0 || ngx_errno == NGX_EPERM);
}
