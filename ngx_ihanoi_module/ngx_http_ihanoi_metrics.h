/*
 * Copyright (C) iHaNoi contributors
 *
 * Metrics in shared memory, by name: generations of workers and reloads add up
 * to the same series.  Prometheus text exposition.
 */

#ifndef _NGX_HTTP_IHANOI_METRICS_H_INCLUDED_
#define _NGX_HTTP_IHANOI_METRICS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


typedef enum {
    NGX_HTTP_IHANOI_COUNTER = 0,
    NGX_HTTP_IHANOI_GAUGE,           /* a value per process, summed on scrape */
    NGX_HTTP_IHANOI_GAUGE_MAX,       /* a value per process, largest on scrape */
    NGX_HTTP_IHANOI_GAUGE_LAST,      /* one value: whoever set it last */
    NGX_HTTP_IHANOI_HISTOGRAM        /* of microseconds, shown in seconds */
} ngx_http_ihanoi_metric_type_e;


typedef struct ngx_http_ihanoi_metric_s  ngx_http_ihanoi_metric_t;


/*
 * Declares a series at configuration time.  name ("ihanoi_requests_total") and
 * labels, `operation="x",status="200"`, empty or NULL, are copied; help lives as
 * long as the configuration.  The same name and labels give the same series.
 * NULL: no memory, or it has another type there, which is logged.
 */
ngx_http_ihanoi_metric_t *ngx_http_ihanoi_metric_add(ngx_conf_t *cf,
    ngx_http_ihanoi_metric_type_e type, const char *name, const char *help,
    ngx_str_t *labels);

/*
 * Appends `name="value"` to labels (a comma first when there are any), with
 * the value escaped as the text format wants it.  The result is in pool.
 */
ngx_int_t ngx_http_ihanoi_metric_label(ngx_pool_t *pool, ngx_str_t *labels,
    const char *name, ngx_str_t *value);

/* All are lock-free, never fail, and accept NULL (then nothing is counted). */
void ngx_http_ihanoi_metric_inc(ngx_http_ihanoi_metric_t *m);
void ngx_http_ihanoi_metric_addn(ngx_http_ihanoi_metric_t *m, ngx_uint_t n);
void ngx_http_ihanoi_metric_set(ngx_http_ihanoi_metric_t *m, ngx_uint_t value);
void ngx_http_ihanoi_metric_set_last(ngx_http_ihanoi_metric_t *m,
    double value);
void ngx_http_ihanoi_metric_observe(ngx_http_ihanoi_metric_t *m,
    ngx_uint_t usec);

/*
 * What a series of the running configuration stands at, over all processes: a
 * counter or gauge as /metrics shows it, a histogram's number of observations;
 * not for _GAUGE_LAST.
 */
ngx_uint_t ngx_http_ihanoi_metric_value(ngx_http_ihanoi_metric_t *m);

/*
 * Of a histogram.  A quantile is the upper bound of the bucket that it lies in,
 * 0 when there is none or it lies beyond the last.
 */
typedef struct {
    ngx_uint_t                     count;
    ngx_uint_t                     sum_usec;
    ngx_uint_t                     p50;         /* microseconds */
    ngx_uint_t                     p99;
} ngx_http_ihanoi_summary_t;

void ngx_http_ihanoi_metric_summary(ngx_http_ihanoi_metric_t *m,
    ngx_http_ihanoi_summary_t *summary);

/* Monotonic microseconds, for observe(). */
uint64_t ngx_http_ihanoi_usec(void);


/*
 * All series as text exposition 0.0.4, in pool: *out is a chain for the output
 * filters (without last_buf), *len its length.
 */
ngx_int_t ngx_http_ihanoi_metrics_render(ngx_pool_t *pool, ngx_chain_t **out,
    off_t *len);


extern ngx_module_t  ngx_http_ihanoi_metrics_module;


#endif /* _NGX_HTTP_IHANOI_METRICS_H_INCLUDED_ */
