/*
 * Copyright (C) iHaNoi contributors
 *
 * Metrics as text: Prometheus exposition format 0.0.4.
 */

#include "ngx_http_ihanoi_metrics.h"
#include "ngx_http_ihanoi_metrics_series.h"
#include "ngx_http_ihanoi_zone.h"


static size_t ngx_http_ihanoi_metrics_size(ngx_http_ihanoi_family_t *family);
static size_t ngx_http_ihanoi_metrics_series_size(
    ngx_http_ihanoi_family_t *family, ngx_http_ihanoi_series_t *series);
static u_char *ngx_http_ihanoi_metrics_family(u_char *p, u_char *end,
    ngx_http_ihanoi_metrics_t *metrics, ngx_http_ihanoi_family_t *family,
    u_char *alive);
static u_char *ngx_http_ihanoi_metrics_name(u_char *p,
    ngx_http_ihanoi_family_t *family, const char *suffix,
    ngx_http_ihanoi_series_t *series);
static u_char *ngx_http_ihanoi_metrics_gauge(u_char *p,
    ngx_http_ihanoi_metrics_t *metrics, ngx_http_ihanoi_family_t *family,
    ngx_http_ihanoi_series_t *series, u_char *alive);
static u_char *ngx_http_ihanoi_metrics_last(u_char *p,
    ngx_http_ihanoi_metrics_t *metrics, ngx_http_ihanoi_family_t *family,
    ngx_http_ihanoi_series_t *series);
static u_char *ngx_http_ihanoi_metrics_histogram(u_char *p,
    ngx_http_ihanoi_family_t *family, ngx_http_ihanoi_series_t *series);


ngx_int_t
ngx_http_ihanoi_metrics_render(ngx_pool_t *pool, ngx_chain_t **out, off_t *len)
{
    size_t                      size;
    u_char                     *alive;
    ngx_buf_t                  *b;
    ngx_uint_t                  i;
    ngx_chain_t                *cl, **ll;
    ngx_slab_pool_t            *shpool;
    ngx_http_ihanoi_family_t   *family;
    ngx_http_ihanoi_metrics_t  *metrics;

    *len = 0;
    ll = out;

    shpool = ngx_http_ihanoi_zone_pool();
    metrics = ngx_http_ihanoi_metrics_running();

    if (metrics && metrics->families) {

        alive = ngx_pnalloc(pool, metrics->nslots);
        if (alive == NULL) {
            return NGX_ERROR;
        }

        for (i = 0; i < metrics->nslots; i++) {
            alive[i] = ngx_http_ihanoi_zone_slot_alive(shpool, i);
        }

        for (family = metrics->families; family; family = family->next) {

            size = ngx_http_ihanoi_metrics_size(family);

            b = ngx_create_temp_buf(pool, size);
            if (b == NULL) {
                return NGX_ERROR;
            }

            b->last = ngx_http_ihanoi_metrics_family(b->pos, b->end, metrics,
                                                     family, alive);

            cl = ngx_alloc_chain_link(pool);
            if (cl == NULL) {
                return NGX_ERROR;
            }

            cl->buf = b;
            *ll = cl;
            ll = &cl->next;

            *len += b->last - b->pos;
        }
    }

    *ll = NULL;

    return NGX_OK;
}


/* The most that a family can take; a help text may be escaped throughout. */
static size_t
ngx_http_ihanoi_metrics_size(ngx_http_ihanoi_family_t *family)
{
    size_t                     size;
    ngx_http_ihanoi_series_t  *series;

    size = sizeof("# HELP  \n# TYPE  histogram\n") - 1
           + 2 * family->name.len + 2 * family->help.len;

    for (series = family->series; series; series = series->next) {
        size += ngx_http_ihanoi_metrics_series_size(family, series);
    }

    return size;
}


static size_t
ngx_http_ihanoi_metrics_series_size(ngx_http_ihanoi_family_t *family,
    ngx_http_ihanoi_series_t *series)
{
    size_t  line;

    line = family->name.len + sizeof("_bucket{,le=\"0.00025\"} \n") - 1
           + series->labels.len + NGX_INT64_LEN + sizeof(".000000");

    return (family->type == NGX_HTTP_IHANOI_HISTOGRAM)
               ? line * (NGX_HTTP_IHANOI_BUCKETS + 3) : line;
}


static u_char *
ngx_http_ihanoi_metrics_family(u_char *p, u_char *end,
    ngx_http_ihanoi_metrics_t *metrics, ngx_http_ihanoi_family_t *family,
    u_char *alive)
{
    size_t                     i;
    ngx_http_ihanoi_series_t  *series;

    static const char  *types[] = {
        "counter", "gauge", "gauge", "gauge", "histogram"
    };

    p = ngx_sprintf(p, "# HELP %V ", &family->name);

    for (i = 0; i < family->help.len; i++) {

        switch (family->help.data[i]) {

        case '\n':
            *p++ = '\\';
            *p++ = 'n';
            break;

        case '\\':
            *p++ = '\\';
            /* fall through */

        default:
            *p++ = family->help.data[i];
        }
    }

    /* told also without a series to show: it holds until a restart */
    p = ngx_sprintf(p, "\n# TYPE %V %s\n", &family->name,
                    types[family->type]);

    for (series = family->series; series; series = series->next) {

        /* the master has just inserted one: it is for the next scrape */
        if ((size_t) (end - p)
            < ngx_http_ihanoi_metrics_series_size(family, series))
        {
            break;
        }

        switch (family->type) {

        case NGX_HTTP_IHANOI_HISTOGRAM:
            p = ngx_http_ihanoi_metrics_histogram(p, family, series);
            break;

        case NGX_HTTP_IHANOI_COUNTER:
            p = ngx_http_ihanoi_metrics_name(p, family, "", series);
            p = ngx_sprintf(p, "%uA\n",
                            ngx_http_ihanoi_metrics_sum(series->cells));
            break;

        case NGX_HTTP_IHANOI_GAUGE_LAST:
            p = ngx_http_ihanoi_metrics_last(p, metrics, family, series);
            break;

        default:
            p = ngx_http_ihanoi_metrics_gauge(p, metrics, family, series,
                                              alive);
        }
    }

    return p;
}


static u_char *
ngx_http_ihanoi_metrics_name(u_char *p, ngx_http_ihanoi_family_t *family,
    const char *suffix, ngx_http_ihanoi_series_t *series)
{
    p = ngx_sprintf(p, "%V%s", &family->name, suffix);

    if (series->labels.len) {
        p = ngx_sprintf(p, "{%V}", &series->labels);
    }

    *p++ = ' ';

    return p;
}


static u_char *
ngx_http_ihanoi_metrics_gauge(u_char *p, ngx_http_ihanoi_metrics_t *metrics,
    ngx_http_ihanoi_family_t *family, ngx_http_ihanoi_series_t *series,
    u_char *alive)
{
    ngx_uint_t         i, set;
    ngx_atomic_uint_t  value, total;

    set = 0;
    total = 0;

    for (i = 0; i < metrics->nslots; i++) {

        value = series->cells[i * NGX_HTTP_IHANOI_CHUNK_CELLS];

        if (!alive[i] || value == NGX_HTTP_IHANOI_UNSET) {
            continue;
        }

        set = 1;

        if (family->type == NGX_HTTP_IHANOI_GAUGE) {
            total += value;

        } else if (value > total) {
            total = value;
        }
    }

    /* a series that this configuration has is shown, also as 0 */
    if (!set && series->generation < metrics->generation) {
        return p;
    }

    p = ngx_http_ihanoi_metrics_name(p, family, "", series);

    return ngx_sprintf(p, "%uA\n", total);
}


/* Nothing before it was set, nor when this configuration does not have it. */
static u_char *
ngx_http_ihanoi_metrics_last(u_char *p, ngx_http_ihanoi_metrics_t *metrics,
    ngx_http_ihanoi_family_t *family, ngx_http_ihanoi_series_t *series)
{
    double             value;
    ngx_atomic_uint_t  bits;

    bits = series->cells[0];

    if (bits == NGX_HTTP_IHANOI_UNSET
        || series->generation < metrics->generation)
    {
        return p;
    }

    ngx_memcpy(&value, &bits, sizeof(double));

    p = ngx_http_ihanoi_metrics_name(p, family, "", series);

    return p + snprintf((char *) p, NGX_INT64_LEN + sizeof(".000000"),
                        "%.15g\n", value);
}


static u_char *
ngx_http_ihanoi_metrics_histogram(u_char *p,
    ngx_http_ihanoi_family_t *family, ngx_http_ihanoi_series_t *series)
{
    const char         *le;
    ngx_uint_t          i;
    ngx_atomic_uint_t   count, sum;

    count = 0;

    for (i = 0; i <= NGX_HTTP_IHANOI_BUCKETS; i++) {

        le = (i < NGX_HTTP_IHANOI_BUCKETS) ? ngx_http_ihanoi_buckets[i].le
                                           : "+Inf";

        count += ngx_http_ihanoi_metrics_sum(series->cells + i);

        p = ngx_sprintf(p, "%V_bucket{%V%sle=\"%s\"} %uA\n", &family->name,
                        &series->labels, series->labels.len ? "," : "", le,
                        count);
    }

    sum = ngx_http_ihanoi_metrics_sum(series->cells
                                      + NGX_HTTP_IHANOI_BUCKETS + 1);

    p = ngx_http_ihanoi_metrics_name(p, family, "_sum", series);
    p = ngx_sprintf(p, "%uA.%06uA\n", sum / 1000000, sum % 1000000);

    /* the sum of the buckets, so that both agree while workers go on */
    p = ngx_http_ihanoi_metrics_name(p, family, "_count", series);

    return ngx_sprintf(p, "%uA\n", count);
}
