/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.metric: the series that the manifest declares.
 *
 * What was not declared is a bug and raises, but for the value of a label:
 * that may come from a caller, and counts as "other".
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <math.h>

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_host.h"


#define NGX_HTTP_IHANOI_HOST_METRIC_MAX  9007199254740992.0    /* 2^53 */

/* A histogram keeps microseconds: eleven days in one observation. */
#define NGX_HTTP_IHANOI_HOST_METRIC_SECONDS  1000000.0


static int ngx_http_ihanoi_host_metric_add(lua_State *L);
static int ngx_http_ihanoi_host_metric_set(lua_State *L);
static int ngx_http_ihanoi_host_metric_observe(lua_State *L);
static ngx_http_ihanoi_metric_t *ngx_http_ihanoi_host_metric_find(
    lua_State *L, ihanoi_manifest_metric_e type, int labels);
static ngx_uint_t ngx_http_ihanoi_host_metric_series(lua_State *L,
    const ihanoi_manifest_metric_t *metric, int labels);


static const ihanoi_host_function_t  ngx_http_ihanoi_host_metric_functions[] = {

    { "metric", "add", ngx_http_ihanoi_host_metric_add, IHANOI_PHASE_CALL,
      "name string\n"
      "n? integer\n"
      "labels? table<string, string|number>",
      "",
      "Adds to a counter, 1 when n is not given. labels has a value for each "
      "label that the manifest declares; one that is not among the declared "
      "values counts as \"other\". Raises for a metric or a label that is not "
      "declared, and for what is not a whole number of 0 to 2^53." },

    { "metric", "set", ngx_http_ihanoi_host_metric_set, IHANOI_PHASE_CALL,
      "name string\n"
      "value number\n"
      "labels? table<string, string|number>",
      "",
      "Sets a gauge, for all workers: the last one who sets it is right. It is "
      "shown once it was set and stays until a restart. A number between -2^53 "
      "and 2^53." },

    { "metric", "observe", ngx_http_ihanoi_host_metric_observe,
      IHANOI_PHASE_CALL,
      "name string\n"
      "seconds number\n"
      "labels? table<string, string|number>",
      "",
      "Puts a time into a histogram, whose buckets go from 0.1 ms to 10 s. 0 "
      "to 1000000 seconds." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ngx_http_ihanoi_host_metric = {
    "metric",
    "Series of the plugin's own in /metrics, as its manifest declares them "
    "under metrics: plugin_NAME_METRIC with the label plugin.",
    ngx_http_ihanoi_host_metric_functions,
    NULL
};


static int
ngx_http_ihanoi_host_metric_add(lua_State *L)
{
    lua_Number                 n;
    ngx_http_ihanoi_metric_t  *m;

    n = luaL_optnumber(L, 2, 1);

    luaL_argcheck(L, n >= 0 && n <= NGX_HTTP_IHANOI_HOST_METRIC_MAX
                     && n == floor(n),
                  2, "must be a whole number of 0 to 2^53");

    m = ngx_http_ihanoi_host_metric_find(L, IHANOI_MANIFEST_COUNTER, 3);

    ngx_http_ihanoi_metric_addn(m, (ngx_uint_t) n);

    return 0;
}


static int
ngx_http_ihanoi_host_metric_set(lua_State *L)
{
    lua_Number                 value;
    ngx_http_ihanoi_metric_t  *m;

    value = luaL_checknumber(L, 2);

    luaL_argcheck(L, fabs(value) <= NGX_HTTP_IHANOI_HOST_METRIC_MAX, 2,
                  "must be a number between -2^53 and 2^53");

    m = ngx_http_ihanoi_host_metric_find(L, IHANOI_MANIFEST_GAUGE, 3);

    ngx_http_ihanoi_metric_set_last(m, value);

    return 0;
}


static int
ngx_http_ihanoi_host_metric_observe(lua_State *L)
{
    lua_Number                 seconds;
    ngx_http_ihanoi_metric_t  *m;

    seconds = luaL_checknumber(L, 2);

    luaL_argcheck(L, seconds >= 0
                     && seconds <= NGX_HTTP_IHANOI_HOST_METRIC_SECONDS,
                  2, "must be from 0 to 1000000 seconds");

    m = ngx_http_ihanoi_host_metric_find(L, IHANOI_MANIFEST_HISTOGRAM, 3);

    ngx_http_ihanoi_metric_observe(m, (ngx_uint_t) (seconds * 1000000));

    return 0;
}


/* The series of the metric at 1, or raises; NULL counts nothing. */

static ngx_http_ihanoi_metric_t *
ngx_http_ihanoi_host_metric_find(lua_State *L, ihanoi_manifest_metric_e type,
    int labels)
{
    unsigned                   i;
    const char                *name;
    const ihanoi_manifest_t   *manifest;
    ngx_http_ihanoi_plugin_t  *plugin;

    static const char *const  types[] = { "counter", "gauge", "histogram" };

    name = luaL_checkstring(L, 1);

    plugin = ngx_http_ihanoi_plugin_state_of(L)->plugin;
    manifest = plugin->manifest;

    for (i = 0; i < manifest->nmetrics; i++) {

        if (ngx_strcmp(manifest->metrics[i].name, name) != 0) {
            continue;
        }

        if (manifest->metrics[i].type != type) {
            (void) luaL_error(L, "the metric \"%s\" is a %s", name,
                              types[manifest->metrics[i].type]);
        }

        return plugin->metrics[i][ngx_http_ihanoi_host_metric_series(L,
                                         &manifest->metrics[i], labels)];
    }

    (void) luaL_error(L, "the manifest has no metric \"%s\"", name);

    return NULL;
}


static ngx_uint_t
ngx_http_ihanoi_host_metric_series(lua_State *L,
    const ihanoi_manifest_metric_t *metric, int labels)
{
    unsigned                        i, k;
    ngx_uint_t                      n, given;
    const char                     *value;
    const ihanoi_manifest_label_t  *label;

    n = 0;
    given = 0;

    if (!lua_isnoneornil(L, labels)) {
        luaL_checktype(L, labels, LUA_TTABLE);

        for (lua_pushnil(L); lua_next(L, labels); lua_pop(L, 1)) {

            if (++given > metric->nlabels) {
                (void) luaL_error(L, "the metric \"%s\" has %d labels, and "
                                  "there are values for more", metric->name,
                                  (int) metric->nlabels);
            }
        }
    }

    for (i = 0; i < metric->nlabels; i++) {
        label = &metric->labels[i];

        if (given) {
            lua_pushstring(L, label->name);
            lua_rawget(L, labels);

        } else {
            lua_pushnil(L);
        }

        value = lua_tostring(L, -1);    /* of a number too, in its copy */

        if (value == NULL) {
            (void) luaL_error(L, "the metric \"%s\" needs a value for its "
                              "label \"%s\"", metric->name, label->name);
        }

        for (k = 0; k < label->values.n; k++) {
            if (ngx_strcmp(label->values.names[k], value) == 0) {
                break;
            }
        }

        n = n * (label->values.n + 1) + k;

        lua_pop(L, 1);
    }

    return n;
}
