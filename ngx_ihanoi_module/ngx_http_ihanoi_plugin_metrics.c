/*
 * Copyright (C) iHaNoi contributors
 *
 * The series of a plugin in /metrics: those of its calls, and its own.
 */

#include "ngx_http_ihanoi_plugin.h"


static char *ngx_http_ihanoi_plugin_metrics_own(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);
static ngx_http_ihanoi_metric_t *ngx_http_ihanoi_plugin_metrics_series(
    ngx_conf_t *cf, ngx_http_ihanoi_plugin_t *plugin, const char *name,
    const ihanoi_manifest_metric_t *metric, ngx_uint_t n);


char *
ngx_http_ihanoi_plugin_metrics(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_str_t   version, labels, all, outcome, digest;
    ngx_uint_t  i;

    static const char  *outcomes[NGX_HTTP_IHANOI_RUN_OUTCOMES] = {
        "ok", "error", "memory", "cpu", "timeout", "reply", "busy", "closed"
    };

    version.data = (u_char *) plugin->manifest->version;
    version.len = ngx_strlen(version.data);

    ngx_str_null(&labels);

    if (ngx_http_ihanoi_metric_label(cf->pool, &labels, "plugin",
                                     &plugin->name)
        != NGX_OK
        || ngx_http_ihanoi_metric_label(cf->pool, &labels, "version", &version)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < NGX_HTTP_IHANOI_RUN_OUTCOMES; i++) {
        all = labels;
        outcome.data = (u_char *) outcomes[i];
        outcome.len = ngx_strlen(outcome.data);

        if (ngx_http_ihanoi_metric_label(cf->pool, &all, "outcome", &outcome)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        plugin->calls[i] = ngx_http_ihanoi_metric_add(cf,
                  NGX_HTTP_IHANOI_COUNTER, "ihanoi_plugin_calls_total",
                  "Calls of handlers by how they ended.", &all);

        if (plugin->calls[i] == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    plugin->duration = ngx_http_ihanoi_metric_add(cf,
                  NGX_HTTP_IHANOI_HISTOGRAM, "ihanoi_plugin_duration_seconds",
                  "Time from a call's start to its end.", &labels);
    plugin->cpu_usec = ngx_http_ihanoi_metric_add(cf,
                  NGX_HTTP_IHANOI_COUNTER, "ihanoi_plugin_cpu_microseconds_total",
                  "Processor time of handlers.", &labels);
    plugin->memory_now = ngx_http_ihanoi_metric_add(cf,
                  NGX_HTTP_IHANOI_GAUGE, "ihanoi_plugin_memory_bytes",
                  "Memory after the last call, over all workers.", &labels);
    plugin->memory_peak = ngx_http_ihanoi_metric_add(cf,
                  NGX_HTTP_IHANOI_GAUGE_MAX, "ihanoi_plugin_memory_peak_bytes",
                  "The most memory that one worker's Lua had.", &labels);
    plugin->active = ngx_http_ihanoi_metric_add(cf,
                  NGX_HTTP_IHANOI_GAUGE, "ihanoi_plugin_active",
                  "Calls under way.", &labels);

    digest.data = (u_char *) plugin->manifest->files.hash;
    digest.len = ngx_strlen(digest.data);
    all = labels;

    if (ngx_http_ihanoi_metric_label(cf->pool, &all, "digest", &digest)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    plugin->info = ngx_http_ihanoi_metric_add(cf,
                  NGX_HTTP_IHANOI_GAUGE, "ihanoi_plugin_info",
                  "Workers that have loaded it.", &all);

    if (plugin->info == NULL || plugin->duration == NULL
        || plugin->cpu_usec == NULL || plugin->memory_now == NULL
        || plugin->memory_peak == NULL || plugin->active == NULL)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_ihanoi_plugin_metrics_own(cf, plugin);
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
