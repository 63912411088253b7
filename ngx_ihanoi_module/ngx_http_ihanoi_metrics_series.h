/*
 * Copyright (C) iHaNoi contributors
 *
 * Series in the shared zone: what the two files of the metrics box share.
 */

#ifndef _NGX_HTTP_IHANOI_METRICS_SERIES_H_INCLUDED_
#define _NGX_HTTP_IHANOI_METRICS_SERIES_H_INCLUDED_


#include "ngx_http_ihanoi_metrics.h"


/* finite buckets; then +Inf and the sum */
#define NGX_HTTP_IHANOI_BUCKETS       16

/* a gauge that its process has not set */
#define NGX_HTTP_IHANOI_UNSET         ((ngx_atomic_uint_t) -1)


typedef struct ngx_http_ihanoi_series_s  ngx_http_ihanoi_series_t;
typedef struct ngx_http_ihanoi_family_s  ngx_http_ihanoi_family_t;


/* In shared memory, sorted by labels. */
struct ngx_http_ihanoi_series_s {
    ngx_http_ihanoi_series_t      *next;
    ngx_str_t                      labels;
    ngx_atomic_t                  *cells;       /* in the row of slot 0 */
    ngx_uint_t                     generation;  /* last one declaring it */
};


/* In shared memory, sorted by name. */
struct ngx_http_ihanoi_family_s {
    ngx_http_ihanoi_family_t      *next;
    ngx_http_ihanoi_series_t      *series;
    ngx_http_ihanoi_metric_type_e  type;
    ngx_str_t                      name;
    ngx_str_t                      help;
};


/* In shared memory: the root "metrics". */
typedef struct {
    ngx_http_ihanoi_family_t      *families;
    ngx_uint_t                     generation;  /* configurations run */
    ngx_uint_t                     nslots;      /* of the zone */
} ngx_http_ihanoi_metrics_t;


typedef struct {
    ngx_uint_t                     usec;
    const char                    *le;
} ngx_http_ihanoi_bucket_t;


extern const ngx_http_ihanoi_bucket_t
    ngx_http_ihanoi_buckets[NGX_HTTP_IHANOI_BUCKETS];


/* Those of the running configuration; NULL: there is no zone. */
ngx_http_ihanoi_metrics_t *ngx_http_ihanoi_metrics_running(void);

/* A cell of the row of slot 0, and of all other rows. */
ngx_atomic_uint_t ngx_http_ihanoi_metrics_sum(ngx_atomic_t *cell);


#endif /* _NGX_HTTP_IHANOI_METRICS_SERIES_H_INCLUDED_ */
