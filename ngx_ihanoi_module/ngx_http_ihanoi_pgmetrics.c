/*
 * Copyright (C) iHaNoi contributors
 *
 * The series of pools.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_metrics.h"
#include "ngx_http_ihanoi_pgmetrics.h"


ngx_int_t
ngx_http_ihanoi_pgmetrics_init(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgclass_t *class)
{
    ngx_str_t   labels, name;
    ngx_uint_t  i;

    const struct {
        ngx_http_ihanoi_metric_t       **metric;
        ngx_http_ihanoi_metric_type_e    type;
        const char                      *name;
        const char                      *help;
    } rows[] = {

        { &class->metrics.connections, NGX_HTTP_IHANOI_GAUGE,
          "ihanoi_pool_connections",
          "Connections to PostgreSQL that stand." },

        { &class->metrics.in_use, NGX_HTTP_IHANOI_GAUGE,
          "ihanoi_pool_in_use",
          "Calls sent to PostgreSQL and not answered yet." },

        { &class->metrics.queued, NGX_HTTP_IHANOI_GAUGE,
          "ihanoi_pool_queued",
          "Calls that wait for a connection." },

        { &class->metrics.oldest, NGX_HTTP_IHANOI_GAUGE_MAX,
          "ihanoi_pool_oldest_milliseconds",
          "Age of the call that waits longest for a connection." },

        { &class->metrics.calls, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_pool_calls_total",
          "Calls accepted for a pool." },

        { &class->metrics.shed, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_pool_shed_total",
          "Calls refused because a queue was full, too slow or its database "
          "down." },

        { &class->metrics.timeouts, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_pool_timeouts_total",
          "Calls that were sent and not answered in time." },

        { &class->metrics.retries, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_pool_retries_total",
          "Calls that were sent again." },

        { &class->metrics.unknown, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_pool_unknown_total",
          "Writes whose outcome is not known." },

        { &class->metrics.connects, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_pool_connects_total",
          "Connections to PostgreSQL made." },

        { &class->metrics.failures, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_pool_connect_failures_total",
          "Attempts to connect to PostgreSQL that failed." },

        { &class->metrics.lost, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_pool_lost_total",
          "Connections to PostgreSQL that broke." }
    };

    ngx_str_null(&labels);

    name.data = (u_char *) class->name;
    name.len = ngx_strlen(class->name);

    if (ngx_http_ihanoi_metric_label(cf->pool, &labels, "database", &db->name)
        != NGX_OK
        || ngx_http_ihanoi_metric_label(cf->pool, &labels, "pool", &name)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        *rows[i].metric = ngx_http_ihanoi_metric_add(cf, rows[i].type,
                                                     rows[i].name,
                                                     rows[i].help, &labels);
        if (*rows[i].metric == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
