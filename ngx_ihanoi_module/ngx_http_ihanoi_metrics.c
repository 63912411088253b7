/*
 * Copyright (C) iHaNoi contributors
 *
 * Metrics: series in the shared memory zone.
 *
 * A series is a few cells of the zone, which have a row for each process: a
 * process writes to its own row only, and a scrape adds the rows up.  Counters
 * and histograms stay when a process ends and its successor goes on from
 * there; gauges of a row count while the process that owns it lives.
 *
 * Families and series are found by name and never freed, so a pointer taken
 * under an older configuration stays good.  They are inserted by the master
 * only, while it loads a configuration; lists are published entry by entry,
 * so that a scrape needs no lock.
 */

#include "ngx_http_ihanoi_metrics.h"
#include "ngx_http_ihanoi_metrics_series.h"
#include "ngx_http_ihanoi_zone.h"


struct ngx_http_ihanoi_metric_s {
    ngx_str_node_t                 node;        /* name{labels */
    ngx_http_ihanoi_metric_type_e  type;
    ngx_str_t                      name;
    ngx_str_t                      help;
    ngx_str_t                      labels;
    ngx_atomic_t                  *cells;       /* NULL: no zone yet */
    ngx_http_ihanoi_series_t      *series;      /* whose they are */
};


typedef struct {
    ngx_http_ihanoi_metrics_t     *shared;      /* NULL: no zone yet */
    ngx_array_t                    metrics;     /* of metric pointers */
    ngx_rbtree_t                   rbtree;
    ngx_rbtree_node_t              sentinel;
    ngx_http_ihanoi_metric_t      *workers;
    ngx_http_ihanoi_metric_t      *starts;
} ngx_http_ihanoi_metrics_main_conf_t;


static ngx_uint_t ngx_http_ihanoi_metric_ncells(
    ngx_http_ihanoi_metric_type_e type);
static ngx_int_t ngx_http_ihanoi_metrics_init_zone(ngx_slab_pool_t *shpool,
    void **root, void *data, ngx_log_t *log);
static ngx_int_t ngx_http_ihanoi_metric_resolve(ngx_slab_pool_t *shpool,
    ngx_http_ihanoi_metrics_t *metrics, ngx_http_ihanoi_metric_t *m,
    ngx_log_t *log);
static ngx_atomic_t *ngx_http_ihanoi_metric_cells(ngx_slab_pool_t *shpool,
    ngx_http_ihanoi_metrics_t *metrics, ngx_http_ihanoi_metric_type_e type);
static ngx_int_t ngx_http_ihanoi_metric_cmp(ngx_str_t *one, ngx_str_t *two);
static void ngx_http_ihanoi_metrics_clear(ngx_uint_t slot, void *data);

static ngx_int_t ngx_http_ihanoi_metrics_preconfiguration(ngx_conf_t *cf);
static void *ngx_http_ihanoi_metrics_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_ihanoi_metrics_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_ihanoi_metrics_init_module(ngx_cycle_t *cycle);
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


static ngx_http_module_t  ngx_http_ihanoi_metrics_module_ctx = {
    ngx_http_ihanoi_metrics_preconfiguration,
                                           /* preconfiguration */
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
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_ihanoi_metrics_init_module,   /* init module */
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

    /* twice: the slab rounds up */
    ngx_http_ihanoi_zone_reserve(cf, 2 * (sizeof(ngx_http_ihanoi_series_t)
                                          + m->labels.len),
                                 ngx_http_ihanoi_metric_ncells(type));

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


/*
 * In the row of slot 0, whoever writes: the value is of what it measures, not
 * of the process, and stays when that ends.
 */
void
ngx_http_ihanoi_metric_set_last(ngx_http_ihanoi_metric_t *m, double value)
{
    ngx_atomic_uint_t  bits;

    if (m == NULL || m->cells == NULL) {
        return;
    }

    ngx_memcpy(&bits, &value, sizeof(double));

    m->cells[0] = bits;
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


ngx_uint_t
ngx_http_ihanoi_metric_value(ngx_http_ihanoi_metric_t *m)
{
    ngx_uint_t                  i, value, total;
    ngx_slab_pool_t            *shpool;
    ngx_http_ihanoi_summary_t   summary;

    if (m == NULL || m->cells == NULL) {
        return 0;
    }

    if (m->type == NGX_HTTP_IHANOI_HISTOGRAM) {
        ngx_http_ihanoi_metric_summary(m, &summary);
        return summary.count;
    }

    if (m->type == NGX_HTTP_IHANOI_COUNTER) {
        return ngx_http_ihanoi_metrics_sum(m->cells);
    }

    shpool = ngx_http_ihanoi_zone_pool();
    total = 0;

    for (i = 0; i < ngx_http_ihanoi_zone_slots(shpool); i++) {
        value = m->cells[i * NGX_HTTP_IHANOI_CHUNK_CELLS];

        if (value == NGX_HTTP_IHANOI_UNSET
            || !ngx_http_ihanoi_zone_slot_alive(shpool, i))
        {
            continue;
        }

        total = (m->type == NGX_HTTP_IHANOI_GAUGE) ? total + value
                                                   : ngx_max(total, value);
    }

    return total;
}


void
ngx_http_ihanoi_metric_summary(ngx_http_ihanoi_metric_t *m,
    ngx_http_ihanoi_summary_t *summary)
{
    ngx_uint_t  i, count, buckets[NGX_HTTP_IHANOI_BUCKETS + 1];

    ngx_memzero(summary, sizeof(ngx_http_ihanoi_summary_t));

    if (m == NULL || m->cells == NULL) {
        return;
    }

    for (i = 0; i <= NGX_HTTP_IHANOI_BUCKETS; i++) {
        buckets[i] = ngx_http_ihanoi_metrics_sum(&m->cells[i]);
        summary->count += buckets[i];
    }

    summary->sum_usec = ngx_http_ihanoi_metrics_sum(
                                        &m->cells[NGX_HTTP_IHANOI_BUCKETS + 1]);

    for (i = 0, count = 0; i < NGX_HTTP_IHANOI_BUCKETS; i++) {
        count += buckets[i];

        if (count == 0) {
            continue;
        }

        if (summary->p50 == 0 && count * 100 >= summary->count * 50) {
            summary->p50 = ngx_http_ihanoi_buckets[i].usec;
        }

        if (count * 100 >= summary->count * 99) {
            summary->p99 = ngx_http_ihanoi_buckets[i].usec;
            break;
        }
    }
}


ngx_atomic_uint_t
ngx_http_ihanoi_metrics_sum(ngx_atomic_t *cell)
{
    ngx_uint_t         i, n;
    ngx_atomic_uint_t  sum;

    n = ngx_http_ihanoi_zone_slots(ngx_http_ihanoi_zone_pool());

    for (i = 0, sum = 0; i < n; i++) {
        sum += cell[i * NGX_HTTP_IHANOI_CHUNK_CELLS];
    }

    return sum;
}


uint64_t
ngx_http_ihanoi_usec(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


/*
 * From the running cycle and not from a global: a configuration that was
 * refused after its zone stood must not leave a pointer behind.
 */
ngx_http_ihanoi_metrics_t *
ngx_http_ihanoi_metrics_running(void)
{
    ngx_http_ihanoi_metrics_main_conf_t  *imcf;

    imcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_ihanoi_metrics_module);

    return imcf ? imcf->shared : NULL;
}


static ngx_uint_t
ngx_http_ihanoi_metric_ncells(ngx_http_ihanoi_metric_type_e type)
{
    return (type == NGX_HTTP_IHANOI_HISTOGRAM) ? NGX_HTTP_IHANOI_BUCKETS + 2
                                               : 1;
}


static ngx_int_t
ngx_http_ihanoi_metrics_init_zone(ngx_slab_pool_t *shpool, void **root,
    void *data, ngx_log_t *log)
{
    ngx_http_ihanoi_metrics_main_conf_t *imcf = data;

    ngx_int_t                   rc;
    ngx_uint_t                  i;
    ngx_http_ihanoi_metric_t  **m;

    if (*root == NULL) {

        *root = ngx_slab_calloc(shpool, sizeof(ngx_http_ihanoi_metrics_t));
        if (*root == NULL) {
            return NGX_ABORT;
        }
    }

    imcf->shared = *root;
    imcf->shared->nslots = ngx_http_ihanoi_zone_slots(shpool);

    m = imcf->metrics.elts;

    for (i = 0; i < imcf->metrics.nelts; i++) {
        rc = ngx_http_ihanoi_metric_resolve(shpool, imcf->shared, m[i], log);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/* Finds the series by name, or makes it. */
static ngx_int_t
ngx_http_ihanoi_metric_resolve(ngx_slab_pool_t *shpool,
    ngx_http_ihanoi_metrics_t *metrics, ngx_http_ihanoi_metric_t *m,
    ngx_log_t *log)
{
    ngx_int_t                   rc;
    ngx_http_ihanoi_family_t   *family, **fp;
    ngx_http_ihanoi_series_t   *series, **sp;

    rc = 1;
    family = NULL;

    for (fp = &metrics->families; *fp; fp = &(*fp)->next) {
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

        series->cells = ngx_http_ihanoi_metric_cells(shpool, metrics, m->type);
        if (series->cells == NULL) {
            ngx_slab_free(shpool, series);
            return NGX_ABORT;
        }

        series->next = *sp;
        ngx_memory_barrier();
        *sp = series;
    }

    m->series = *sp;
    m->cells = (*sp)->cells;

    return NGX_OK;
}


static ngx_atomic_t *
ngx_http_ihanoi_metric_cells(ngx_slab_pool_t *shpool,
    ngx_http_ihanoi_metrics_t *metrics, ngx_http_ihanoi_metric_type_e type)
{
    ngx_uint_t     i;
    ngx_atomic_t  *cells;

    cells = ngx_http_ihanoi_zone_cells(shpool,
                                       ngx_http_ihanoi_metric_ncells(type));
    if (cells == NULL) {
        return NULL;
    }

    if (type == NGX_HTTP_IHANOI_GAUGE || type == NGX_HTTP_IHANOI_GAUGE_MAX
        || type == NGX_HTTP_IHANOI_GAUGE_LAST)
    {
        for (i = 0; i < metrics->nslots; i++) {
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


/* First of all tenants: what others count while they begin is there then. */
static ngx_int_t
ngx_http_ihanoi_metrics_preconfiguration(ngx_conf_t *cf)
{
    ngx_http_ihanoi_metrics_main_conf_t  *imcf;

    imcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_ihanoi_metrics_module);

    return ngx_http_ihanoi_zone_add(cf, "metrics", 0,
                                    ngx_http_ihanoi_metrics_init_zone, imcf);
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
 * Not before this: a configuration may be refused when its zone stands, for a
 * socket that is taken, and the one before runs on with its series.
 */
static ngx_int_t
ngx_http_ihanoi_metrics_init_module(ngx_cycle_t *cycle)
{
    ngx_uint_t                            i, generation;
    ngx_http_ihanoi_metric_t            **m;
    ngx_http_ihanoi_metrics_main_conf_t  *imcf;

    imcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ihanoi_metrics_module);

    if (imcf == NULL || imcf->shared == NULL) {
        return NGX_OK;
    }

    generation = imcf->shared->generation + 1;

    m = imcf->metrics.elts;

    for (i = 0; i < imcf->metrics.nelts; i++) {
        m[i]->series->generation = generation;
    }

    ngx_memory_barrier();
    imcf->shared->generation = generation;

    return NGX_OK;
}


static ngx_int_t
ngx_http_ihanoi_metrics_init_process(ngx_cycle_t *cycle)
{
    ngx_int_t                             rc;
    ngx_slab_pool_t                      *shpool;
    ngx_http_ihanoi_metrics_t            *metrics;
    ngx_http_ihanoi_metrics_main_conf_t  *imcf;

    ngx_http_ihanoi_slot = 0;
    ngx_http_ihanoi_slot_owned = 0;

    shpool = ngx_http_ihanoi_zone_pool();
    metrics = ngx_http_ihanoi_metrics_running();

    if (metrics == NULL || ngx_process == NGX_PROCESS_HELPER) {
        return NGX_OK;
    }

    rc = ngx_http_ihanoi_zone_slot_take(shpool, &ngx_http_ihanoi_slot,
                                        ngx_http_ihanoi_metrics_clear,
                                        metrics);
    if (rc != NGX_OK) {

        /* counters may be shared, they are atomic; gauges stay away */

        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "more than %ui processes use the zone \"ihanoi\", "
                      "gauges of this one are not shown", metrics->nslots);

        return NGX_OK;
    }

    ngx_http_ihanoi_slot_owned = 1;

    imcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ihanoi_metrics_module);

    ngx_http_ihanoi_metric_set(imcf->workers, 1);
    ngx_http_ihanoi_metric_inc(imcf->starts);

    return NGX_OK;
}


/* Gauges are of the process that set them: the row's next owner has none. */
static void
ngx_http_ihanoi_metrics_clear(ngx_uint_t slot, void *data)
{
    ngx_http_ihanoi_metrics_t *metrics = data;

    ngx_http_ihanoi_family_t  *family;
    ngx_http_ihanoi_series_t  *series;

    for (family = metrics->families; family; family = family->next) {

        if (family->type != NGX_HTTP_IHANOI_GAUGE
            && family->type != NGX_HTTP_IHANOI_GAUGE_MAX)
        {
            continue;
        }

        for (series = family->series; series; series = series->next) {
            series->cells[slot * NGX_HTTP_IHANOI_CHUNK_CELLS] =
                                                       NGX_HTTP_IHANOI_UNSET;
        }
    }
}


static void
ngx_http_ihanoi_metrics_exit_process(ngx_cycle_t *cycle)
{
    ngx_slab_pool_t  *shpool;

    shpool = ngx_http_ihanoi_zone_pool();

    if (shpool && ngx_http_ihanoi_slot_owned) {
        ngx_http_ihanoi_zone_slot_free(shpool, ngx_http_ihanoi_slot);
        ngx_http_ihanoi_slot_owned = 0;
    }
}
