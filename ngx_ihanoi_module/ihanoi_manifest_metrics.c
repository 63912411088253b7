/*
 * Copyright (C) iHaNoi contributors
 *
 * The metrics of plugin.json.  All series are known here: they take memory
 * that all workers share and nobody gives back, so a plugin cannot make one
 * while it runs.
 */

#include <stdio.h>
#include <string.h>

#include "ihanoi_json.h"
#include "ihanoi_manifest_reader.h"


static int ihanoi_manifest_metric(ihanoi_manifest_reader_t *reader,
    const json_t *value, unsigned i);
static int ihanoi_manifest_metric_name(ihanoi_manifest_reader_t *reader,
    const ihanoi_manifest_metric_t *metric, const char *pointer);
static int ihanoi_manifest_metric_labels(ihanoi_manifest_reader_t *reader,
    const json_t *list, ihanoi_manifest_metric_t *metric,
    const char *pointer);
static int ihanoi_manifest_metric_ends(const char *name, const char *end);


int
ihanoi_manifest_metrics(ihanoi_manifest_reader_t *reader)
{
    int                        rc;
    unsigned                   i, n, cells;
    const json_t              *list;
    ihanoi_manifest_t         *manifest;
    ihanoi_manifest_metric_t  *metric;

    manifest = reader->manifest;
    list = json_object_get(reader->root.value, "metrics");
    n = (unsigned) json_array_size(list);

    manifest->metrics = ihanoi_arena_alloc(manifest->arena,
                                         n * sizeof(ihanoi_manifest_metric_t));
    if (manifest->metrics == NULL) {
        return ihanoi_document_no_memory(&reader->documents);
    }

    cells = 0;

    for (i = 0; i < n; i++) {

        rc = ihanoi_manifest_metric(reader, json_array_get(list, i), i);
        if (rc != IHANOI_OK) {
            return rc;
        }

        metric = &manifest->metrics[i];
        manifest->nmetrics++;

        cells += metric->nseries * (metric->type == IHANOI_MANIFEST_HISTOGRAM
                                    ? IHANOI_MANIFEST_METRIC_HISTOGRAM : 1);
    }

    if (cells > IHANOI_MANIFEST_METRIC_CELLS) {
        return ihanoi_manifest_refuse(reader, "/metrics", "they have %u "
                                      "series, a histogram's counted %d "
                                      "times: at most %d", cells,
                                      IHANOI_MANIFEST_METRIC_HISTOGRAM,
                                      IHANOI_MANIFEST_METRIC_CELLS);
    }

    return IHANOI_OK;
}


static int
ihanoi_manifest_metric(ihanoi_manifest_reader_t *reader, const json_t *value,
    unsigned i)
{
    int                        rc;
    char                       pointer[64];
    const char                *type;
    ihanoi_manifest_metric_t  *metric;

    (void) snprintf(pointer, sizeof(pointer), "/metrics/%u", i);

    metric = &reader->manifest->metrics[i];

    metric->name = json_string_value(json_object_get(value, "name"));
    metric->help = json_string_value(json_object_get(value, "help"));

    type = json_string_value(json_object_get(value, "type"));

    metric->type = *type == 'c' ? IHANOI_MANIFEST_COUNTER
                   : *type == 'g' ? IHANOI_MANIFEST_GAUGE
                                  : IHANOI_MANIFEST_HISTOGRAM;

    rc = ihanoi_manifest_metric_name(reader, metric, pointer);
    if (rc != IHANOI_OK) {
        return rc;
    }

    return ihanoi_manifest_metric_labels(reader,
                                         json_object_get(value, "labels"),
                                         metric, pointer);
}


/* As Prometheus names them: whoever reads a name knows what to do with it. */

static int
ihanoi_manifest_metric_name(ihanoi_manifest_reader_t *reader,
    const ihanoi_manifest_metric_t *metric, const char *pointer)
{
    unsigned            i;
    ihanoi_manifest_t  *manifest;

    manifest = reader->manifest;

    for (i = 0; i < manifest->nmetrics; i++) {
        if (strcmp(manifest->metrics[i].name, metric->name) == 0) {
            return ihanoi_manifest_refuse(reader, pointer, "there are two "
                                          "metrics \"%s\"", metric->name);
        }
    }

    if (metric->type == IHANOI_MANIFEST_COUNTER
        && !ihanoi_manifest_metric_ends(metric->name, "_total"))
    {
        return ihanoi_manifest_refuse(reader, pointer, "a counter's name ends "
                                      "with \"_total\": \"%s_total\"",
                                      metric->name);
    }

    if (metric->type == IHANOI_MANIFEST_HISTOGRAM
        && !ihanoi_manifest_metric_ends(metric->name, "_seconds"))
    {
        return ihanoi_manifest_refuse(reader, pointer, "a histogram is of "
                                      "seconds, its name ends with "
                                      "\"_seconds\": \"%s_seconds\"",
                                      metric->name);
    }

    if (metric->type == IHANOI_MANIFEST_GAUGE
        && (ihanoi_manifest_metric_ends(metric->name, "_total")
            || ihanoi_manifest_metric_ends(metric->name, "_sum")
            || ihanoi_manifest_metric_ends(metric->name, "_count")
            || ihanoi_manifest_metric_ends(metric->name, "_bucket")))
    {
        return ihanoi_manifest_refuse(reader, pointer, "the end of \"%s\" is "
                                      "not a gauge's", metric->name);
    }

    return IHANOI_OK;
}


static int
ihanoi_manifest_metric_labels(ihanoi_manifest_reader_t *reader,
    const json_t *list, ihanoi_manifest_metric_t *metric, const char *pointer)
{
    unsigned                  i, k, n;
    const json_t             *values;
    ihanoi_arena_t           *arena;
    ihanoi_manifest_label_t  *label;

    arena = reader->manifest->arena;

    n = (unsigned) json_array_size(list);
    metric->nseries = 1;

    metric->labels = ihanoi_arena_alloc(arena,
                                        n * sizeof(ihanoi_manifest_label_t));
    if (metric->labels == NULL) {
        return ihanoi_document_no_memory(&reader->documents);
    }

    for (i = 0; i < n; i++) {
        label = &metric->labels[i];
        values = json_object_get(json_array_get(list, i), "values");

        label->name = json_string_value(json_object_get(json_array_get(list,
                                                                       i),
                                                        "name"));
        label->values.n = (unsigned) json_array_size(values);

        if (strcmp(label->name, "plugin") == 0
            || strcmp(label->name, "le") == 0)
        {
            return ihanoi_manifest_refuse(reader, pointer, "the label \"%s\" "
                                          "is the gateway's", label->name);
        }

        for (k = 0; k < i; k++) {
            if (strcmp(metric->labels[k].name, label->name) == 0) {
                return ihanoi_manifest_refuse(reader, pointer, "there are two "
                                              "labels \"%s\"", label->name);
            }
        }

        label->values.names = ihanoi_arena_alloc(arena,
                                         label->values.n * sizeof(char *));
        if (label->values.names == NULL) {
            return ihanoi_document_no_memory(&reader->documents);
        }

        for (k = 0; k < label->values.n; k++) {
            label->values.names[k] = json_string_value(json_array_get(values,
                                                                      k));

            if (strcmp(label->values.names[k], "other") == 0) {
                return ihanoi_manifest_refuse(reader, pointer, "the value "
                                              "\"other\" is always there");
            }
        }

        metric->nlabels++;
        metric->nseries *= label->values.n + 1;

        if (metric->nseries > IHANOI_MANIFEST_METRIC_SERIES) {
            return ihanoi_manifest_refuse(reader, pointer, "the values of its "
                                          "labels make more than %d series",
                                          IHANOI_MANIFEST_METRIC_SERIES);
        }
    }

    return IHANOI_OK;
}


static int
ihanoi_manifest_metric_ends(const char *name, const char *end)
{
    size_t  len, tail;

    len = strlen(name);
    tail = strlen(end);

    return len > tail && strcmp(name + len - tail, end) == 0;
}
