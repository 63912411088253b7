/*
 * Copyright (C) iHaNoi contributors
 *
 * The series of a plugin in /metrics: those of its calls, and its own.
 */

#include "ngx_http_ihanoi_plugin.h"


static char *ngx_http_ihanoi_plugin_metrics_info(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_str_t *labels);
static char *ngx_http_ihanoi_plugin_metrics_backend(ngx_conf_t *cf,
    ngx_str_t *labels, ngx_str_t *name,
    ngx_http_ihanoi_backend_series_t *series);
static char *ngx_http_ihanoi_plugin_metrics_own(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);
static ngx_http_ihanoi_metric_t *ngx_http_ihanoi_plugin_metrics_series(
    ngx_conf_t *cf, ngx_http_ihanoi_plugin_t *plugin, const char *name,
    const ihanoi_manifest_metric_t *metric, ngx_uint_t n);


const char *const
    ngx_http_ihanoi_plugin_outcomes[NGX_HTTP_IHANOI_RUN_OUTCOMES] = {
    "ok", "error", "memory", "cpu", "timeout", "reply", "busy", "closed"
};

/* In the order of ngx_http_ihanoi_capture_outcome_e, and one more. */
const char *const
    ngx_http_ihanoi_backend_outcomes[NGX_HTTP_IHANOI_BACKEND_OUTCOMES] = {
    "cancelled", "ok", "refused", "timeout", "too_large", "aborted",
    "bad_gateway", "not_found", "memory", "5xx"
};


char *
ngx_http_ihanoi_plugin_metrics(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_str_t                 labels;
    ngx_uint_t                i, n;
    ngx_http_ihanoi_grant_t  *grant;

    const struct {
        ngx_http_ihanoi_metric_t       **metric;
        ngx_http_ihanoi_metric_type_e    type;
        const char                      *name;
        const char                      *help;
        ngx_uint_t                       of_store;   /* where it has one */
    } rows[] = {

        { &plugin->duration, NGX_HTTP_IHANOI_HISTOGRAM,
          "ihanoi_plugin_duration_seconds",
          "Time from a call's start to its end.", 0 },

        { &plugin->cpu_usec, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_plugin_cpu_microseconds_total",
          "Processor time of handlers.", 0 },

        { &plugin->memory_now, NGX_HTTP_IHANOI_GAUGE,
          "ihanoi_plugin_memory_bytes",
          "Memory after the last call, over all workers.", 0 },

        { &plugin->memory_peak, NGX_HTTP_IHANOI_GAUGE_MAX,
          "ihanoi_plugin_memory_peak_bytes",
          "The most memory that one worker's Lua had.", 0 },

        { &plugin->active, NGX_HTTP_IHANOI_GAUGE,
          "ihanoi_plugin_active",
          "Calls of its Lua under way.", 0 },

        { &plugin->standing, NGX_HTTP_IHANOI_GAUGE_MAX,
          "ihanoi_plugin_state",
          "0: serving, 1: degraded, 2: failing, 3: refused, 4: disabled.", 0 },

        { &plugin->store_bytes, NGX_HTTP_IHANOI_GAUGE_LAST,
          "ihanoi_plugin_store_bytes",
          "What the entries of the store take.", 1 },

        { &plugin->store_entries, NGX_HTTP_IHANOI_GAUGE_LAST,
          "ihanoi_plugin_store_entries",
          "Entries of the store.", 1 },

        { &plugin->store_evicted, NGX_HTTP_IHANOI_GAUGE_LAST,
          "ihanoi_plugin_store_evicted",
          "Entries that the store gave up for want of room.", 1 }
    };

    if (ngx_http_ihanoi_plugin_labels(cf, plugin, &labels) != NGX_OK
        || ngx_http_ihanoi_plugin_outcomes_declare(cf, plugin->calls,
                  ngx_http_ihanoi_plugin_outcomes,
                  NGX_HTTP_IHANOI_RUN_OUTCOMES, "ihanoi_plugin_calls_total",
                  "Calls by how they ended.", &labels)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        if (rows[i].of_store && plugin->store == NULL) {
            continue;
        }

        *rows[i].metric = ngx_http_ihanoi_metric_add(cf, rows[i].type,
                                                     rows[i].name,
                                                     rows[i].help, &labels);
        if (*rows[i].metric == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_ihanoi_plugin_metrics_info(cf, plugin, &labels)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    n = plugin->backends.nelts;
    grant = plugin->backends.elts;

    plugin->backend_series = ngx_pcalloc(cf->pool,
                              n * sizeof(ngx_http_ihanoi_backend_series_t) + 1);
    if (plugin->backend_series == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (ngx_http_ihanoi_plugin_metrics_backend(cf, &labels, &grant[i].name,
                                                   &plugin->backend_series[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_ihanoi_plugin_metrics_own(cf, plugin);
}


/* What is the same as long as it is loaded: others are joined to it. */

static char *
ngx_http_ihanoi_plugin_metrics_info(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_str_t *labels)
{
    ngx_str_t  all, digest;

    all = *labels;
    digest.data = (u_char *) plugin->manifest->files.hash;
    digest.len = ngx_strlen(digest.data);

    if (ngx_http_ihanoi_metric_label(cf->pool, &all, "digest", &digest)
        != NGX_OK
        || ngx_http_ihanoi_metric_label(cf->pool, &all, "signed_by",
                                        &plugin->agency_key)
           != NGX_OK
        || ngx_http_ihanoi_metric_label(cf->pool, &all, "reviewed_by",
                                        &plugin->reviewer_key)
           != NGX_OK
        || ngx_http_ihanoi_metric_label(cf->pool, &all, "database",
                                        &plugin->database)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    plugin->info = ngx_http_ihanoi_metric_add(cf,
                  NGX_HTTP_IHANOI_GAUGE, "ihanoi_plugin_info",
                  "Workers that have loaded it.", &all);

    return plugin->info ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_ihanoi_plugin_metrics_backend(ngx_conf_t *cf, ngx_str_t *labels,
    ngx_str_t *name, ngx_http_ihanoi_backend_series_t *series)
{
    ngx_str_t  all;

    all = *labels;

    if (ngx_http_ihanoi_metric_label(cf->pool, &all, "backend", name)
        != NGX_OK
        || ngx_http_ihanoi_plugin_outcomes_declare(cf, series->calls,
               ngx_http_ihanoi_backend_outcomes,
               NGX_HTTP_IHANOI_BACKEND_OUTCOMES,
               "ihanoi_plugin_backend_calls_total",
               "Calls of backends by how they ended.", &all)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    series->duration = ngx_http_ihanoi_metric_add(cf,
               NGX_HTTP_IHANOI_HISTOGRAM,
               "ihanoi_plugin_backend_duration_seconds",
               "Time from a backend's call to its end.", &all);

    return series->duration ? NGX_CONF_OK : NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_ihanoi_plugin_labels(ngx_conf_t *cf, ngx_http_ihanoi_plugin_t *plugin,
    ngx_str_t *labels)
{
    ngx_str_t  version;

    version.data = (u_char *) plugin->manifest->version;
    version.len = ngx_strlen(version.data);

    ngx_str_null(labels);

    if (ngx_http_ihanoi_metric_label(cf->pool, labels, "plugin", &plugin->name)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_ihanoi_metric_label(cf->pool, labels, "version", &version);
}


char *
ngx_http_ihanoi_plugin_outcomes_declare(ngx_conf_t *cf,
    ngx_http_ihanoi_metric_t **counters, const char *const *outcomes,
    ngx_uint_t n, const char *name, const char *help, ngx_str_t *labels)
{
    ngx_str_t   all, outcome;
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        all = *labels;
        outcome.data = (u_char *) outcomes[i];
        outcome.len = ngx_strlen(outcome.data);

        if (ngx_http_ihanoi_metric_label(cf->pool, &all, "outcome", &outcome)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        counters[i] = ngx_http_ihanoi_metric_add(cf, NGX_HTTP_IHANOI_COUNTER,
                                                 name, help, &all);
        if (counters[i] == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


void
ngx_http_ihanoi_plugin_measure(ngx_http_ihanoi_plugin_t *plugin)
{
    ihanoi_store_stat_t  stat;

    /* of a worker that is quitting nothing new is asked, nor is it well or ill */

    if (ngx_exiting) {
        ngx_http_ihanoi_metric_set(plugin->standing,
                                   NGX_HTTP_IHANOI_PLUGIN_SERVING);
        return;
    }

    ngx_http_ihanoi_metric_set(plugin->standing,
                               ngx_http_ihanoi_plugin_standing(plugin));

    if (plugin->store == NULL) {
        return;
    }

    ngx_http_ihanoi_store_stat(plugin->store, &stat);

    ngx_http_ihanoi_metric_set_last(plugin->store_bytes, stat.used);
    ngx_http_ihanoi_metric_set_last(plugin->store_entries, stat.entries);
    ngx_http_ihanoi_metric_set_last(plugin->store_evicted, stat.evicted);
}


/* plugin_NAME_METRIC: a family has one type, and plugins know no other's. */

static char *
ngx_http_ihanoi_plugin_metrics_own(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin)
{
    u_char                          *name;
    ngx_uint_t                       i, n;
    const ihanoi_manifest_metric_t  *metric;

    if (plugin->manifest->nmetrics == 0) {
        return NGX_CONF_OK;
    }

    plugin->metrics = ngx_palloc(cf->pool, plugin->manifest->nmetrics
                                        * sizeof(ngx_http_ihanoi_metric_t **));
    if (plugin->metrics == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < plugin->manifest->nmetrics; i++) {
        metric = &plugin->manifest->metrics[i];

        name = ngx_pnalloc(cf->pool, sizeof("plugin__") + plugin->name.len
                                     + ngx_strlen(metric->name));

        plugin->metrics[i] = ngx_palloc(cf->pool, metric->nseries
                                         * sizeof(ngx_http_ihanoi_metric_t *));

        if (name == NULL || plugin->metrics[i] == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_sprintf(name, "plugin_%V_%s%Z", &plugin->name, metric->name);

        for (n = 0; n < metric->nseries; n++) {

            plugin->metrics[i][n] = ngx_http_ihanoi_plugin_metrics_series(cf,
                                              plugin, (char *) name, metric,
                                              n);
            if (plugin->metrics[i][n] == NULL) {
                return NGX_CONF_ERROR;
            }
        }
    }

    return NGX_CONF_OK;
}


/* n counts the last label's values fastest. */

static ngx_http_ihanoi_metric_t *
ngx_http_ihanoi_plugin_metrics_series(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, const char *name,
    const ihanoi_manifest_metric_t *metric, ngx_uint_t n)
{
    ngx_str_t                       labels, value;
    ngx_uint_t                      i, stride, k;
    const ihanoi_manifest_label_t  *label;

    static const ngx_http_ihanoi_metric_type_e  types[] = {
        NGX_HTTP_IHANOI_COUNTER, NGX_HTTP_IHANOI_GAUGE_LAST,
        NGX_HTTP_IHANOI_HISTOGRAM
    };

    ngx_str_null(&labels);

    if (ngx_http_ihanoi_metric_label(cf->pool, &labels, "plugin",
                                     &plugin->name)
        != NGX_OK)
    {
        return NULL;
    }

    stride = metric->nseries;

    for (i = 0; i < metric->nlabels; i++) {
        label = &metric->labels[i];

        stride /= label->values.n + 1;
        k = n / stride % (label->values.n + 1);

        value.data = (u_char *) (k < label->values.n ? label->values.names[k]
                                                     : "other");
        value.len = ngx_strlen(value.data);

        if (ngx_http_ihanoi_metric_label(cf->pool, &labels, label->name,
                                         &value)
            != NGX_OK)
        {
            return NULL;
        }
    }

    return ngx_http_ihanoi_metric_add(cf, types[metric->type], name,
                                      metric->help, &labels);
}
