/*
 * Copyright (C) iHaNoi contributors
 *
 * A plugin's manifest, plugin.json: who it is, what it asks for, what it
 * offers; and the plugin's files, which are read with it.
 *
 * A library without nginx in it.  What a plugin asks for is not what it has:
 * the caller holds it against what the operator grants.
 */

#ifndef _IHANOI_MANIFEST_H_INCLUDED_
#define _IHANOI_MANIFEST_H_INCLUDED_


#include <jansson.h>

#include "ihanoi_cron.h"
#include "ihanoi_plugin_files.h"
#include "ihanoi_types.h"


#define IHANOI_MANIFEST_SIZE  65536


typedef struct {
    const char              **names;
    unsigned                  n;
} ihanoi_names_t;


typedef struct {
    const char               *event;      /* "feedback.closed" */
    const char               *handler;
    unsigned                  attempts;
} ihanoi_subscription_t;


typedef struct {
    const char               *name;
    const char               *cron;       /* as written */
    ihanoi_cron_t             schedule;
    const char               *handler;
    unsigned                  timeout;    /* ms */
    unsigned                  cpu;        /* us */
    unsigned                  skip:1;     /* missed runs: none, not one late */
} ihanoi_manifest_job_t;


/* What a person is asked to agree to. */
typedef struct {
    const char               *name;
    const char               *title_vi;
    const char               *title_en;
    unsigned                  version;
    ihanoi_names_t            data;       /* of the manifest's */
} ihanoi_manifest_purpose_t;


/* functions of one that is used are not known here: n is 0. */
typedef struct {
    const char               *plugin;     /* whose it is */
    const char               *name;
    unsigned                  version;
    ihanoi_names_t            functions;
    const ihanoi_schema_t   **arguments;  /* of each function, or NULL */
    const ihanoi_schema_t   **results;
} ihanoi_interface_t;


/* Of a metric's cells: what each process counts for it in shared memory. */
#define IHANOI_MANIFEST_METRIC_SERIES     256   /* of one metric */
#define IHANOI_MANIFEST_METRIC_CELLS      1024  /* of all */
#define IHANOI_MANIFEST_METRIC_HISTOGRAM  18    /* of a histogram's series */


typedef enum {
    IHANOI_MANIFEST_COUNTER = 0,
    IHANOI_MANIFEST_GAUGE,
    IHANOI_MANIFEST_HISTOGRAM
} ihanoi_manifest_metric_e;


typedef struct {
    const char               *name;
    ihanoi_names_t            values;     /* "other", the last, is not in it */
} ihanoi_manifest_label_t;


typedef struct {
    const char               *name;
    const char               *help;
    ihanoi_manifest_metric_e  type;
    ihanoi_manifest_label_t  *labels;
    unsigned                  nlabels;
    unsigned                  nseries;    /* of all values of its labels */
} ihanoi_manifest_metric_t;


typedef struct {
    size_t                    memory;     /* bytes, in each worker */
    unsigned                  cpu;        /* us, of a call */
    unsigned                  timeout;    /* ms, of a call */
    unsigned                  concurrency;
    size_t                    store;      /* bytes, shared; 0: none */
    size_t                    stream;     /* bytes of an answer in parts */
} ihanoi_manifest_limits_t;


/* Everything lives in the arena and dies with ihanoi_manifest_free(). */
typedef struct {
    ihanoi_arena_t           *arena;
    ihanoi_plugin_files_t     files;
    const char               *openapi;    /* path of the contract */
    const char               *file;       /* path of plugin.json */

    const char               *name;
    const char               *version;
    const char               *title_vi;
    const char               *title_en;
    const char               *agency;
    const char               *contact;
    const char               *prefix;     /* without a slash at its end */
    const char               *code;       /* schema of this version's SQL */

    const char               *documentation;  /* a URL, or NULL */

    ihanoi_names_t            data;       /* "public" ... "sensitive" */
    ihanoi_manifest_purpose_t  *purposes;
    unsigned                  npurposes;

    unsigned                  public_:1;
    unsigned                  database:1;
    unsigned                  handler:1;  /* there is a handler.lua */
    ihanoi_names_t            backends;
    ihanoi_names_t            secrets;

    ihanoi_names_t            publishes;
    ihanoi_subscription_t    *subscribes;
    unsigned                  nsubscribes;
    ihanoi_manifest_job_t    *jobs;
    unsigned                  njobs;
    ihanoi_interface_t       *offers;
    unsigned                  noffers;
    ihanoi_interface_t       *uses;
    unsigned                  nuses;
    ihanoi_manifest_metric_t *metrics;
    unsigned                  nmetrics;

    ihanoi_manifest_limits_t  limits;

    const ihanoi_schema_t    *settings;   /* NULL: it has none */
} ihanoi_manifest_t;


/*
 * Reads and checks the folder of a plugin: its files
 * (ihanoi_plugin_files_read()), then plugin.json against
 * conf/plugin.schema.json and what a schema cannot say.  The contract is not
 * read: ihanoi_contract_load() takes manifest->openapi; nor is the folder's
 * name looked at: ihanoi_manifest_in_place().
 *
 * NULL with *err filled: the first fault, with a hint where there is one.
 */
ihanoi_manifest_t *ihanoi_manifest_load(const char *folder,
    ihanoi_contract_error_t *err);

/*
 * The folder is called as the plugin, or as one version of it: an operator
 * must see what is where without opening files.  1, or 0 with err filled.
 */
int ihanoi_manifest_in_place(const ihanoi_manifest_t *manifest,
    ihanoi_contract_error_t *err);

void ihanoi_manifest_free(ihanoi_manifest_t *manifest);

/*
 * The operator's settings, an object of name and text, as the JSON text of an
 * object that keeps the manifest's schema: texts are read by their setting's
 * type ("on" and "off" are booleans too, lists and objects are JSON), defaults
 * are filled in.  given may be NULL.  The text lives as long as the manifest.
 *
 * NULL with *err filled: file is empty, pointer goes into the settings.
 */
const char *ihanoi_manifest_settings(ihanoi_manifest_t *manifest,
    const json_t *given, ihanoi_contract_error_t *err);


/*
 * Holds the JSON text of an argument or a result against the interface's
 * schema, which may be NULL.  NULL: it keeps it; otherwise why not, until the
 * next call, and the JSON pointer in where[0 .. size-1].
 */
const char *ihanoi_manifest_interface_check(const ihanoi_schema_t *schema,
    const char *text, size_t len, char *where, size_t size);


#endif /* _IHANOI_MANIFEST_H_INCLUDED_ */
