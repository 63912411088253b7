/*
 * Copyright (C) iHaNoi contributors
 *
 * The members of plugin.json, whose form is known to be right, into
 * ihanoi_manifest_t; and what a schema cannot say of them.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ihanoi_json.h"
#include "ihanoi_manifest_reader.h"
#include "ihanoi_number.h"


static int ihanoi_manifest_identity(ihanoi_manifest_reader_t *reader);
static int ihanoi_manifest_purposes(ihanoi_manifest_reader_t *reader);
static int ihanoi_manifest_purpose(ihanoi_manifest_reader_t *reader,
    const json_t *value, unsigned i);
static int ihanoi_manifest_permissions(ihanoi_manifest_reader_t *reader);
static int ihanoi_manifest_publishes(ihanoi_manifest_reader_t *reader);
static int ihanoi_manifest_subscribes(ihanoi_manifest_reader_t *reader);
static int ihanoi_manifest_jobs(ihanoi_manifest_reader_t *reader);
static int ihanoi_manifest_job(ihanoi_manifest_reader_t *reader,
    const json_t *value, unsigned i);
static int ihanoi_manifest_limits(ihanoi_manifest_reader_t *reader);
static size_t ihanoi_manifest_size(const char *text);
static unsigned long ihanoi_manifest_msec(const char *text);
static const json_t *ihanoi_manifest_at(const json_t *object,
    const char *first, const char *second);
static const char *ihanoi_manifest_string(const json_t *object,
    const char *name, const char *initial);


int
ihanoi_manifest_members(ihanoi_manifest_reader_t *reader)
{
    int       rc;
    unsigned  i;

    static int  (*const  steps[])(ihanoi_manifest_reader_t *reader) = {
        ihanoi_manifest_identity,
        ihanoi_manifest_purposes,
        ihanoi_manifest_permissions,
        ihanoi_manifest_publishes,
        ihanoi_manifest_subscribes,
        ihanoi_manifest_limits,
        ihanoi_manifest_jobs,
        ihanoi_manifest_offers,
        ihanoi_manifest_uses,
        ihanoi_manifest_metrics
    };

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {

        rc = steps[i](reader);
        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    return IHANOI_OK;
}


static int
ihanoi_manifest_identity(ihanoi_manifest_reader_t *reader)
{
    json_t             *root;
    ihanoi_manifest_t  *manifest;

    manifest = reader->manifest;
    root = reader->root.value;

    manifest->handler = ihanoi_plugin_files_find(&manifest->files,
                                                 "handler.lua")
                        != NULL;

    manifest->name = ihanoi_manifest_string(root, "name", NULL);
    manifest->version = ihanoi_manifest_string(root, "version", NULL);
    manifest->title_vi = json_string_value(ihanoi_manifest_at(root, "title",
                                                              "vi"));
    manifest->title_en = json_string_value(ihanoi_manifest_at(root, "title",
                                                              "en"));
    manifest->agency = json_string_value(ihanoi_manifest_at(root, "agency",
                                                            "name"));
    manifest->contact = json_string_value(ihanoi_manifest_at(root, "agency",
                                                             "contact"));

    manifest->documentation = ihanoi_manifest_string(root, "documentation",
                                                     NULL);
    manifest->prefix = ihanoi_manifest_string(root, "prefix", NULL);

    if (manifest->prefix == NULL) {
        manifest->prefix = ihanoi_arena_printf(manifest->arena, "/v1/%s",
                                               manifest->name);
        if (manifest->prefix == NULL) {
            return ihanoi_document_no_memory(&reader->documents);
        }
    }

    return ihanoi_manifest_names(reader, json_object_get(root, "data"),
                                 &manifest->data);
}


static int
ihanoi_manifest_purposes(ihanoi_manifest_reader_t *reader)
{
    int                 rc;
    unsigned            i;
    const json_t       *list;
    ihanoi_manifest_t  *manifest;

    manifest = reader->manifest;
    list = json_object_get(reader->root.value, "purposes");

    manifest->purposes = ihanoi_manifest_list(reader, list,
                                             sizeof(ihanoi_manifest_purpose_t),
                                             &manifest->npurposes);
    if (manifest->purposes == NULL) {
        return IHANOI_NOMEM;
    }

    for (i = 0; i < manifest->npurposes; i++) {

        rc = ihanoi_manifest_purpose(reader, json_array_get(list, i), i);
        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    return IHANOI_OK;
}


/* Nobody is asked about data that the plugin does not say it has. */

static int
ihanoi_manifest_purpose(ihanoi_manifest_reader_t *reader, const json_t *value,
    unsigned i)
{
    int                         rc;
    char                        pointer[64];
    unsigned                    j, k;
    const ihanoi_names_t       *data;
    ihanoi_manifest_purpose_t  *purpose;

    purpose = &reader->manifest->purposes[i];
    data = &reader->manifest->data;

    purpose->name = ihanoi_manifest_string(value, "name", NULL);
    purpose->version = ihanoi_manifest_integer(value, "version", 0);
    purpose->title_vi = json_string_value(ihanoi_manifest_at(value, "title",
                                                             "vi"));
    purpose->title_en = json_string_value(ihanoi_manifest_at(value, "title",
                                                             "en"));

    for (j = 0; j < i; j++) {
        if (strcmp(reader->manifest->purposes[j].name, purpose->name) == 0) {
            (void) snprintf(pointer, sizeof(pointer), "/purposes/%u/name", i);

            return ihanoi_manifest_refuse(reader, pointer, "there are two "
                                          "purposes \"%s\"", purpose->name);
        }
    }

    rc = ihanoi_manifest_names(reader, json_object_get(value, "data"),
                               &purpose->data);
    if (rc != IHANOI_OK) {
        return rc;
    }

    for (j = 0; j < purpose->data.n; j++) {

        for (k = 0; k < data->n; k++) {
            if (strcmp(data->names[k], purpose->data.names[j]) == 0) {
                break;
            }
        }

        if (k == data->n) {
            (void) snprintf(pointer, sizeof(pointer), "/purposes/%u/data/%u",
                            i, j);

            return ihanoi_manifest_refuse(reader, pointer, "\"%s\" is not in "
                                          "the plugin's own \"data\"",
                                          purpose->data.names[j]);
        }
    }

    return IHANOI_OK;
}


static int
ihanoi_manifest_permissions(ihanoi_manifest_reader_t *reader)
{
    int                 rc;
    const json_t       *permissions;
    ihanoi_manifest_t  *manifest;

    manifest = reader->manifest;
    permissions = json_object_get(reader->root.value, "permissions");

    manifest->public_ = json_is_true(json_object_get(permissions, "public"));
    manifest->database = json_is_true(json_object_get(permissions,
                                                      "database"));

    rc = ihanoi_manifest_names(reader,
                               json_object_get(permissions, "backends"),
                               &manifest->backends);
    if (rc == IHANOI_OK) {
        rc = ihanoi_manifest_names(reader,
                                   json_object_get(permissions, "secrets"),
                                   &manifest->secrets);
    }

    return rc;
}


/* Nobody speaks in another's name: the topic is the plugin. */

static int
ihanoi_manifest_publishes(ihanoi_manifest_reader_t *reader)
{
    int                 rc;
    char                pointer[64];
    size_t              len;
    unsigned            i;
    const char         *event;
    ihanoi_manifest_t  *manifest;

    manifest = reader->manifest;

    rc = ihanoi_manifest_names(reader,
                               ihanoi_manifest_at(reader->root.value,
                                                  "events", "publishes"),
                               &manifest->publishes);
    if (rc != IHANOI_OK) {
        return rc;
    }

    len = strlen(manifest->name);

    for (i = 0; i < manifest->publishes.n; i++) {
        event = manifest->publishes.names[i];

        if (strncmp(event, manifest->name, len) != 0 || event[len] != '.') {
            (void) snprintf(pointer, sizeof(pointer), "/events/publishes/%u",
                            i);

            return ihanoi_manifest_refuse(reader, pointer, "a plugin's events "
                                          "begin with its name: \"%s.%s\"",
                                          manifest->name,
                                          strchr(event, '.') + 1);
        }
    }

    return IHANOI_OK;
}


static int
ihanoi_manifest_subscribes(ihanoi_manifest_reader_t *reader)
{
    int                     rc;
    char                    pointer[64];
    unsigned                i, j;
    const json_t           *list, *value;
    ihanoi_manifest_t      *manifest;
    ihanoi_subscription_t  *sub;

    manifest = reader->manifest;
    list = ihanoi_manifest_at(reader->root.value, "events", "subscribes");

    manifest->subscribes = ihanoi_manifest_list(reader, list,
                                                sizeof(ihanoi_subscription_t),
                                                &manifest->nsubscribes);
    if (manifest->subscribes == NULL) {
        return IHANOI_NOMEM;
    }

    for (i = 0; i < manifest->nsubscribes; i++) {
        value = json_array_get(list, i);
        sub = &manifest->subscribes[i];

        sub->event = ihanoi_manifest_string(value, "event", NULL);
        sub->handler = ihanoi_manifest_string(value, "handler", NULL);
        sub->attempts = ihanoi_manifest_integer(value, "attempts", 10);

        (void) snprintf(pointer, sizeof(pointer), "/events/subscribes/%u", i);

        for (j = 0; j < i; j++) {
            if (strcmp(manifest->subscribes[j].event, sub->event) == 0) {
                return ihanoi_manifest_refuse(reader, pointer, "\"%s\" is "
                                              "subscribed to twice",
                                              sub->event);
            }
        }

        rc = ihanoi_manifest_handler(reader, pointer);
        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    return IHANOI_OK;
}


static int
ihanoi_manifest_jobs(ihanoi_manifest_reader_t *reader)
{
    int                 rc;
    unsigned            i;
    const json_t       *list;
    ihanoi_manifest_t  *manifest;

    manifest = reader->manifest;
    list = json_object_get(reader->root.value, "jobs");

    manifest->jobs = ihanoi_manifest_list(reader, list,
                                          sizeof(ihanoi_manifest_job_t),
                                          &manifest->njobs);
    if (manifest->jobs == NULL) {
        return IHANOI_NOMEM;
    }

    for (i = 0; i < manifest->njobs; i++) {

        rc = ihanoi_manifest_job(reader, json_array_get(list, i), i);
        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    return IHANOI_OK;
}


static int
ihanoi_manifest_job(ihanoi_manifest_reader_t *reader, const json_t *value,
    unsigned i)
{
    char                    pointer[64];
    unsigned                j;
    const char             *reason, *text;
    unsigned long           msec, cpu;
    ihanoi_manifest_job_t  *job;

    job = &reader->manifest->jobs[i];

    job->name = ihanoi_manifest_string(value, "name", NULL);
    job->cron = ihanoi_manifest_string(value, "cron", NULL);
    job->handler = ihanoi_manifest_string(value, "handler", NULL);
    job->skip = strcmp(ihanoi_manifest_string(value, "missed", "once"), "skip")
                == 0;

    for (j = 0; j < i; j++) {
        if (strcmp(reader->manifest->jobs[j].name, job->name) == 0) {
            (void) snprintf(pointer, sizeof(pointer), "/jobs/%u/name", i);

            return ihanoi_manifest_refuse(reader, pointer, "there are two "
                                          "jobs \"%s\"", job->name);
        }
    }

    if (ihanoi_cron_parse(&job->schedule, job->cron, &reason) != 0) {
        (void) snprintf(pointer, sizeof(pointer), "/jobs/%u/cron", i);

        return ihanoi_manifest_refuse(reader, pointer, "\"%s\": %s", job->cron,
                                      reason);
    }

    msec = ihanoi_manifest_msec(ihanoi_manifest_string(value, "timeout",
                                                       "60s"));
    if (msec > 3600000) {
        (void) snprintf(pointer, sizeof(pointer), "/jobs/%u/timeout", i);

        return ihanoi_manifest_refuse(reader, pointer, "more than an hour "
                                      "(60m); work in steps");
    }

    job->timeout = (unsigned) msec;

    text = ihanoi_manifest_string(value, "cpu", NULL);
    cpu = text ? ihanoi_manifest_msec(text)
               : reader->manifest->limits.cpu / 1000;

    if (cpu > 60000 || (text && cpu > msec)) {
        (void) snprintf(pointer, sizeof(pointer), "/jobs/%u/cpu", i);

        return ihanoi_manifest_refuse(reader, pointer, "must be at most 60s, "
                                      "and not above \"timeout\"");
    }

    job->cpu = (unsigned) cpu * 1000;

    (void) snprintf(pointer, sizeof(pointer), "/jobs/%u/handler", i);

    return ihanoi_manifest_handler(reader, pointer);
}


static int
ihanoi_manifest_limits(ihanoi_manifest_reader_t *reader)
{
    const char                *store;
    unsigned long              cpu, timeout;
    const json_t              *value;
    ihanoi_manifest_limits_t  *limits;

    value = json_object_get(reader->root.value, "limits");
    limits = &reader->manifest->limits;

    limits->memory = ihanoi_manifest_size(ihanoi_manifest_string(value,
                                                         "memory", "16m"));
    limits->concurrency = ihanoi_manifest_integer(value, "concurrency", 64);

    store = ihanoi_manifest_string(value, "store", NULL);
    limits->store = store ? ihanoi_manifest_size(store) : 0;

    limits->stream = ihanoi_manifest_size(ihanoi_manifest_string(value,
                                                         "stream", "16m"));

    cpu = ihanoi_manifest_msec(ihanoi_manifest_string(value, "cpu", "50ms"));
    timeout = ihanoi_manifest_msec(ihanoi_manifest_string(value, "timeout",
                                                          "5s"));

    if (limits->memory < 1048576 || limits->memory > (size_t) 1 << 30) {
        return ihanoi_manifest_refuse(reader, "/limits/memory",
                                      "must be between 1m and 1024m");
    }

    if (limits->store > (size_t) 1 << 30) {
        return ihanoi_manifest_refuse(reader, "/limits/store",
                                      "must be at most 1024m");
    }

    if (cpu > 60000) {
        return ihanoi_manifest_refuse(reader, "/limits/cpu",
                                      "must be at most 60s");
    }

    if (timeout > 600000 || timeout < cpu) {
        return ihanoi_manifest_refuse(reader, "/limits/timeout", "must be at "
                                      "most 10m, and not below \"cpu\"");
    }

    limits->cpu = (unsigned) cpu * 1000;
    limits->timeout = (unsigned) timeout;

    return IHANOI_OK;
}


int
ihanoi_manifest_names(ihanoi_manifest_reader_t *reader, const json_t *list,
    ihanoi_names_t *names)
{
    unsigned  i;

    names->names = ihanoi_manifest_list(reader, list, sizeof(char *),
                                        &names->n);
    if (names->names == NULL) {
        return IHANOI_NOMEM;
    }

    for (i = 0; i < names->n; i++) {
        names->names[i] = json_string_value(json_array_get(list, i));
    }

    return IHANOI_OK;
}


/* Room for as many as there are; NULL with err filled. */

void *
ihanoi_manifest_list(ihanoi_manifest_reader_t *reader, const json_t *list,
    size_t size, unsigned *n)
{
    void  *p;

    *n = (unsigned) json_array_size(list);

    p = ihanoi_arena_alloc(reader->manifest->arena, *n * size);
    if (p == NULL) {
        (void) ihanoi_document_no_memory(&reader->documents);
    }

    return p;
}


/* That its table has the function is known when it is loaded. */

int
ihanoi_manifest_handler(ihanoi_manifest_reader_t *reader, const char *pointer)
{
    if (reader->manifest->handler) {
        return IHANOI_OK;
    }

    return ihanoi_manifest_refuse(reader, pointer, "the plugin has no "
                                  "handler.lua to find the function in");
}


/* "32m" in bytes. */

static size_t
ihanoi_manifest_size(const char *text)
{
    char           *end;
    unsigned long   n;

    n = strtoul(text, &end, 10);

    return (size_t) n << (*end == 'm' ? 20 : 10);
}


/* "50ms", "5s", "1m" in milliseconds. */

static unsigned long
ihanoi_manifest_msec(const char *text)
{
    char           *end;
    unsigned long   n;

    n = strtoul(text, &end, 10);

    if (*end == 's') {
        return n * 1000;
    }

    return end[1] == 's' ? n : n * 60000;
}


static const json_t *
ihanoi_manifest_at(const json_t *object, const char *first, const char *second)
{
    return json_object_get(json_object_get(object, first), second);
}


static const char *
ihanoi_manifest_string(const json_t *object, const char *name,
    const char *initial)
{
    const char  *value;

    value = json_string_value(json_object_get(object, name));

    return value ? value : initial;
}


unsigned
ihanoi_manifest_integer(const json_t *object, const char *name,
    unsigned initial)
{
    json_int_t  n;

    return ihanoi_number_integer(json_object_get(object, name), &n)
           ? (unsigned) n : initial;
}
