/*
 * Copyright (C) iHaNoi contributors
 *
 * Report: what operators see of the plugins, of all workers together.
 *
 * It is made of the series in shared memory and asks nobody, so that it is
 * there when a database is not.
 */

#include "ngx_http_ihanoi_plugin.h"


static json_t *ngx_http_ihanoi_plugin_report_one(ngx_pool_t *pool,
    ngx_http_ihanoi_plugin_t *plugin);
static json_t *ngx_http_ihanoi_plugin_report_signed(
    ngx_http_ihanoi_plugin_t *plugin);
static json_t *ngx_http_ihanoi_plugin_report_calls(
    ngx_http_ihanoi_metric_t **calls, const char *const *outcomes,
    ngx_uint_t n);
static json_t *ngx_http_ihanoi_plugin_report_duration(
    ngx_http_ihanoi_metric_t *duration);
static json_t *ngx_http_ihanoi_plugin_report_store(
    ngx_http_ihanoi_plugin_t *plugin);
static json_t *ngx_http_ihanoi_plugin_report_backends(
    ngx_http_ihanoi_plugin_t *plugin);
static json_t *ngx_http_ihanoi_plugin_report_database(ngx_pool_t *pool,
    ngx_http_ihanoi_plugin_t *plugin);
static ngx_uint_t ngx_http_ihanoi_plugin_report_failures(
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t first, ngx_uint_t last);


const char *const  ngx_http_ihanoi_plugin_standings[] = {
    "serving", "degraded", "failing", "refused", "disabled"
};


json_t *
ngx_http_ihanoi_plugin_report(ngx_pool_t *pool)
{
    json_t                    *list;
    ngx_http_ihanoi_plugin_t  *plugin;

    list = json_array();

    for (plugin = ngx_http_ihanoi_plugin_list(); plugin;
         plugin = ngx_http_ihanoi_plugin_next(plugin))
    {
        if (json_array_append_new(list,
                               ngx_http_ihanoi_plugin_report_one(pool, plugin))
            != 0)
        {
            json_decref(list);
            return NULL;
        }
    }

    return list;
}


ngx_http_ihanoi_plugin_standing_e
ngx_http_ihanoi_plugin_standing(ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_http_ihanoi_circuit_state_e  circuit;

    circuit = ngx_http_ihanoi_circuit_state(plugin->circuit);

    if (circuit == NGX_HTTP_IHANOI_CIRCUIT_DISABLED) {
        return NGX_HTTP_IHANOI_PLUGIN_DISABLED;
    }

    if (plugin->db && ngx_http_ihanoi_pg_overreaches(plugin->db)) {
        return NGX_HTTP_IHANOI_PLUGIN_REFUSED;
    }

    if (circuit != NGX_HTTP_IHANOI_CIRCUIT_CLOSED) {
        return NGX_HTTP_IHANOI_PLUGIN_FAILING;
    }

    if (plugin->db && !ngx_http_ihanoi_pg_stands(plugin->db)) {
        return NGX_HTTP_IHANOI_PLUGIN_DEGRADED;
    }

    return NGX_HTTP_IHANOI_PLUGIN_SERVING;
}


static json_t *
ngx_http_ihanoi_plugin_report_one(ngx_pool_t *pool,
    ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_http_ihanoi_circuit_state_e  circuit;

    circuit = ngx_http_ihanoi_circuit_state(plugin->circuit);

    return json_pack("{s:s%, s:s, s:b, s:s, s:o, s:s, s:{s:s, s:s}, s:s,"
                     " s:o, s:I, s:I, s:o, s:I, s:I, s:f,"
                     " s:{s:I, s:I, s:I}, s:{s:s, s:I}, s:o, s:o, s:o, s:o}",
        "name", plugin->name.data, plugin->name.len,
        "version", plugin->manifest->version,
        "candidate", plugin->current != NULL,
        "digest", plugin->manifest->files.hash,
        "signed_by", ngx_http_ihanoi_plugin_report_signed(plugin),
        "state", ngx_http_ihanoi_plugin_standings[
                                      ngx_http_ihanoi_plugin_standing(plugin)],
        "title", "vi", plugin->manifest->title_vi,
                 "en", plugin->manifest->title_en,
        "agency", plugin->manifest->agency,

        "calls", ngx_http_ihanoi_plugin_report_calls(plugin->calls,
                                    ngx_http_ihanoi_plugin_outcomes,
                                    NGX_HTTP_IHANOI_RUN_OUTCOMES),
        "errors", (json_int_t) ngx_http_ihanoi_plugin_report_failures(plugin,
                                    NGX_HTTP_IHANOI_RUN_ERROR,
                                    NGX_HTTP_IHANOI_RUN_REPLY),
        "kills", (json_int_t) ngx_http_ihanoi_plugin_report_failures(plugin,
                                    NGX_HTTP_IHANOI_RUN_MEMORY,
                                    NGX_HTTP_IHANOI_RUN_TIMEOUT),
        "duration", ngx_http_ihanoi_plugin_report_duration(plugin->duration),
        "active", (json_int_t) ngx_http_ihanoi_metric_value(plugin->active),
        "concurrency", (json_int_t) plugin->concurrency,
        "cpu_seconds", ngx_http_ihanoi_metric_value(plugin->cpu_usec) / 1e6,

        "memory",
            "bytes", (json_int_t)
                         ngx_http_ihanoi_metric_value(plugin->memory_now),
            "peak", (json_int_t)
                         ngx_http_ihanoi_metric_value(plugin->memory_peak),
            "limit", (json_int_t) plugin->memory,

        "circuit",
            "state", ngx_http_ihanoi_circuit_state_name(circuit),
            "opened", (json_int_t)
                          ngx_http_ihanoi_circuit_opened(plugin->circuit),

        "store", ngx_http_ihanoi_plugin_report_store(plugin),
        "backends", ngx_http_ihanoi_plugin_report_backends(plugin),
        "events", ngx_http_ihanoi_plugin_events_report(plugin),
        "database", ngx_http_ihanoi_plugin_report_database(pool, plugin));
}


static json_t *
ngx_http_ihanoi_plugin_report_signed(ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_str_t  *agency, *reviewer;

    agency = &plugin->agency_key;
    reviewer = &plugin->reviewer_key;

    if (agency->len == 0) {
        return json_null();
    }

    return json_pack("{s:s%, s:o}", "agency", agency->data, agency->len,
                     "reviewer",
                     reviewer->len ? json_stringn((char *) reviewer->data,
                                                  reviewer->len)
                                   : json_null());
}


/* NGX_HTTP_IHANOI_RUN_ERROR and what follows it stand in order. */

static ngx_uint_t
ngx_http_ihanoi_plugin_report_failures(ngx_http_ihanoi_plugin_t *plugin,
    ngx_uint_t first, ngx_uint_t last)
{
    ngx_uint_t  i, n;

    for (i = first, n = 0; i <= last; i++) {
        n += ngx_http_ihanoi_metric_value(plugin->calls[i]);
    }

    return n;
}


static json_t *
ngx_http_ihanoi_plugin_report_calls(ngx_http_ihanoi_metric_t **calls,
    const char *const *outcomes, ngx_uint_t n)
{
    json_t      *object;
    ngx_uint_t   i;

    object = json_object();

    for (i = 0; i < n; i++) {
        if (json_object_set_new(object, outcomes[i],
                json_integer((json_int_t)
                             ngx_http_ihanoi_metric_value(calls[i])))
            != 0)
        {
            json_decref(object);
            return NULL;
        }
    }

    return object;
}


/* A quantile is a bucket's upper bound; null: beyond the last, or no call. */

static json_t *
ngx_http_ihanoi_plugin_report_duration(ngx_http_ihanoi_metric_t *duration)
{
    double                     mean;
    ngx_http_ihanoi_summary_t  summary;

    ngx_http_ihanoi_metric_summary(duration, &summary);

    mean = summary.count ? summary.sum_usec / 1e6 / summary.count : 0;

#define ngx_http_ihanoi_plugin_report_seconds(usec)                           \
    ((usec) ? json_real((usec) / 1e6) : json_null())

    return json_pack("{s:I, s:f, s:o, s:o}",
                     "count", (json_int_t) summary.count, "mean", mean,
                     "p50", ngx_http_ihanoi_plugin_report_seconds(summary.p50),
                     "p99",
                     ngx_http_ihanoi_plugin_report_seconds(summary.p99));

#undef ngx_http_ihanoi_plugin_report_seconds
}


static json_t *
ngx_http_ihanoi_plugin_report_store(ngx_http_ihanoi_plugin_t *plugin)
{
    ihanoi_store_stat_t  stat;

    if (plugin->store == NULL) {
        return json_null();
    }

    ngx_http_ihanoi_store_stat(plugin->store, &stat);

    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}",
                     "limit", (json_int_t) stat.size,
                     "bytes", (json_int_t) stat.used,
                     "entries", (json_int_t) stat.entries,
                     "evicted", (json_int_t) stat.evicted,
                     "expired", (json_int_t) stat.expired,
                     "emptied", (json_int_t) stat.emptied);
}


static json_t *
ngx_http_ihanoi_plugin_report_backends(ngx_http_ihanoi_plugin_t *plugin)
{
    json_t                            *list;
    ngx_uint_t                         i;
    ngx_http_ihanoi_grant_t           *grant;
    ngx_http_ihanoi_backend_series_t  *series;

    list = json_array();
    grant = plugin->backends.elts;
    series = plugin->backend_series;

    for (i = 0; i < plugin->backends.nelts; i++) {

        if (json_array_append_new(list,
                json_pack("{s:s%, s:o, s:o}",
                    "name", grant[i].name.data, grant[i].name.len,
                    "calls", ngx_http_ihanoi_plugin_report_calls(
                                 series[i].calls,
                                 ngx_http_ihanoi_backend_outcomes,
                                 NGX_HTTP_IHANOI_BACKEND_OUTCOMES),
                    "duration", ngx_http_ihanoi_plugin_report_duration(
                                    series[i].duration)))
            != 0)
        {
            json_decref(list);
            return NULL;
        }
    }

    return list;
}


/* As this worker sees it, but for what is queued. */

static json_t *
ngx_http_ihanoi_plugin_report_database(ngx_pool_t *pool,
    ngx_http_ihanoi_plugin_t *plugin)
{
    json_t                       *list;
    ngx_str_t                    *s;
    ngx_uint_t                    i;
    ngx_http_ihanoi_pg_status_t   status;

    if (plugin->db == NULL) {
        return json_null();
    }

    if (ngx_http_ihanoi_pg_status(plugin->db, pool, &status) != NGX_OK) {
        return NULL;
    }

    list = json_array();

    for (i = 0; status.findings && i < status.findings->nelts; i++) {
        s = status.findings->elts;

        if (json_array_append_new(list,
                           json_stringn((char *) s[i].data, s[i].len))
            != 0)
        {
            json_decref(list);
            return NULL;
        }
    }

    return json_pack("{s:s%, s:b, s:b, s:I, s:o}",
                     "name", status.name.data, status.name.len,
                     "readable", (int) status.readable,
                     "writable", (int) status.writable,
                     "queued", (json_int_t) status.queued,
                     "findings", list);
}
