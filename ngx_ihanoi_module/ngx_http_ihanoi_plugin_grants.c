/*
 * Copyright (C) iHaNoi contributors
 *
 * What a plugin's manifest asks for, against what the operator's block grants.
 */

#include "ngx_http_ihanoi_plugin.h"


static char *ngx_http_ihanoi_plugin_names(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, const char *what,
    const ihanoi_names_t *asked, const ihanoi_names_t *other,
    ngx_array_t *granted);
static ngx_uint_t ngx_http_ihanoi_plugin_asks(const ihanoi_names_t *asked,
    ngx_str_t *name);
static char *ngx_http_ihanoi_plugin_limit(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, const char *what, const char *unit,
    ngx_uint_t asked, ngx_uint_t granted);
static char *ngx_http_ihanoi_plugin_take(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);
static char *ngx_http_ihanoi_plugin_take_database(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);
static char *ngx_http_ihanoi_plugin_check_jobs(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);
static char *ngx_http_ihanoi_plugin_check_events(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);
static char *ngx_http_ihanoi_plugin_set_settings(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);
static void ngx_http_ihanoi_plugin_cleanup(void *data);


/* All bytes of it. */

char *
ngx_http_ihanoi_plugin_load(ngx_conf_t *cf, ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_pool_cleanup_t       *cln;
    ihanoi_contract_error_t   err;

    if (plugin->folder.data == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plugin \"%V\" has no \"path\"", &plugin->name);
        return NGX_CONF_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &plugin->folder, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    plugin->manifest = ihanoi_manifest_load((char *) plugin->folder.data,
                                            &err);

    cln->handler = ngx_http_ihanoi_plugin_cleanup;
    cln->data = plugin->manifest;

    if (plugin->manifest == NULL
        || !ihanoi_manifest_in_place(plugin->manifest, &err))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           *err.pointer ? "plugin \"%V\": \"%s\" is wrong at "
                                          "\"%s\": %s"
                                        : "plugin \"%V\": \"%s\"%s: %s",
                           &plugin->name, err.file, err.pointer, err.reason);
        return NGX_CONF_ERROR;
    }

    if (ngx_strcmp(plugin->manifest->name, plugin->name.data) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plugin \"%V\": the manifest in \"%V\" is of \"%s\"",
                           &plugin->name, &plugin->folder,
                           plugin->manifest->name);
        return NGX_CONF_ERROR;
    }

    return ngx_http_ihanoi_plugin_signed(cf, plugin);
}


/* And its contract among those of the API. */

char *
ngx_http_ihanoi_plugin_read(ngx_conf_t *cf, ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_str_t  file;

    if (ngx_http_ihanoi_plugin_load(cf, plugin) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    plugin->document.data = ngx_pnalloc(cf->pool, plugin->name.len
                                                  + sizeof(".json"));
    if (plugin->document.data == NULL) {
        return NGX_CONF_ERROR;
    }

    plugin->document.len = ngx_sprintf(plugin->document.data, "%V.json%Z",
                                       &plugin->name)
                           - plugin->document.data - 1;

    file.data = (u_char *) plugin->manifest->openapi;
    file.len = ngx_strlen(file.data);

    if (ngx_http_ihanoi_api_add_contract(cf, &file) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_ihanoi_plugin_check_grants(cf, plugin);
}


char *
ngx_http_ihanoi_plugin_check_grants(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin)
{
    const ihanoi_manifest_t  *manifest, *other;

    manifest = plugin->manifest;

    if (manifest->public_ && !plugin->public) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plugin \"%V\" asks for operations without a token, "
                           "the operator grants none: \"public\" is missing",
                           &plugin->name);
        return NGX_CONF_ERROR;
    }

    if (manifest->database && plugin->database.data == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plugin \"%V\" asks for a database, the operator "
                           "grants none: \"%s\" is missing", &plugin->name,
                           plugin->current ? "candidate_database" : "database");
        return NGX_CONF_ERROR;
    }

    if (!manifest->database && plugin->database.data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plugin \"%V\" is granted the database \"%V\", its "
                           "manifest does not ask for one", &plugin->name,
                           &plugin->database);
        return NGX_CONF_ERROR;
    }

    if (plugin->database.data) {
        plugin->db = ngx_http_ihanoi_pg_database(cf, &plugin->database);
        if (plugin->db == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    other = plugin->candidate ? plugin->candidate->manifest
            : plugin->current ? plugin->current->manifest : NULL;

    if (ngx_http_ihanoi_plugin_names(cf, plugin, "backend",
                                     &manifest->backends,
                                     other ? &other->backends : NULL,
                                     &plugin->backends)
        != NGX_CONF_OK
        || ngx_http_ihanoi_plugin_names(cf, plugin, "secret",
                                        &manifest->secrets,
                                        other ? &other->secrets : NULL,
                                        &plugin->secrets)
           != NGX_CONF_OK
        || ngx_http_ihanoi_plugin_limit(cf, plugin, "memory", "kB",
                                        manifest->limits.memory / 1024,
                                        plugin->memory / 1024)
           != NGX_CONF_OK
        || ngx_http_ihanoi_plugin_limit(cf, plugin, "store", "kB",
                                        manifest->limits.store / 1024,
                                        plugin->store_size / 1024)
           != NGX_CONF_OK
        || ngx_http_ihanoi_plugin_limit(cf, plugin, "stream", "kB",
                                        manifest->limits.stream / 1024,
                                        plugin->stream / 1024)
           != NGX_CONF_OK
        || ngx_http_ihanoi_plugin_limit(cf, plugin, "cpu", "ms",
                                        manifest->limits.cpu / 1000,
                                        plugin->cpu)
           != NGX_CONF_OK
        || ngx_http_ihanoi_plugin_limit(cf, plugin, "timeout", "ms",
                                        manifest->limits.timeout,
                                        plugin->timeout)
           != NGX_CONF_OK
        || ngx_http_ihanoi_plugin_limit(cf, plugin, "concurrency", "",
                                        manifest->limits.concurrency,
                                        plugin->concurrency)
           != NGX_CONF_OK
        || ngx_http_ihanoi_plugin_check_jobs(cf, plugin) != NGX_CONF_OK
        || ngx_http_ihanoi_plugin_check_events(cf, plugin) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_ihanoi_plugin_take(cf, plugin) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_ihanoi_plugin_set_settings(cf, plugin);
}


/* What was granted becomes the plugin's: its limits, database and store. */

static char *
ngx_http_ihanoi_plugin_take(ngx_conf_t *cf, ngx_http_ihanoi_plugin_t *plugin)
{
    const ihanoi_manifest_t  *manifest;

    manifest = plugin->manifest;

    /* no more than it asks for: its author has tested it with that */

    plugin->memory = manifest->limits.memory;
    plugin->store_size = manifest->limits.store;
    plugin->stream = manifest->limits.stream;
    plugin->cpu = ngx_max(manifest->limits.cpu / 1000, 1);
    plugin->timeout = manifest->limits.timeout;
    plugin->concurrency = manifest->limits.concurrency;

    if (plugin->db
        && ngx_http_ihanoi_plugin_take_database(cf, plugin) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (plugin->current && plugin->current->store) {
        plugin->store = plugin->current->store;

    } else if (plugin->store_size) {
        plugin->store = ngx_http_ihanoi_store_declare(cf, &plugin->name,
                                                      plugin->store_size);
        if (plugin->store == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_plugin_take_database(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_int_t  rc;
    ngx_str_t  code;

    code.data = (u_char *) plugin->manifest->code;
    code.len = ngx_strlen(code.data);

    rc = ngx_http_ihanoi_pg_code(plugin->db, &code);

    if (rc == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plugin \"%V\" is granted the database \"%V\", "
                           "which has a \"release\", as the core's: a "
                           "plugin needs an \"ihanoi_database\" of its "
                           "own, with \"schema\" and \"user\"",
                           &plugin->name, &plugin->database);
        return NGX_CONF_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plugin \"%V\" is granted the database \"%V\", "
                           "which another has: each, and each version, "
                           "needs an \"ihanoi_database\" of its own",
                           &plugin->name, &plugin->database);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_ihanoi_pg_texts(cf, plugin->db, &plugin->name,
                                 plugin->memory)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_plugin_check_jobs(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_uint_t                    i;
    const ihanoi_manifest_t      *manifest;
    const ihanoi_manifest_job_t  *job;

    manifest = plugin->manifest;

    /* the version that stands does that, and takes its grants with it */

    if (plugin->current) {
        return NGX_CONF_OK;
    }

    if (manifest->njobs && plugin->job_time == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plugin \"%V\" asks for jobs, the operator grants "
                           "none: a line \"jobs TIME;\" is missing, with the "
                           "most that one may take", &plugin->name);
        return NGX_CONF_ERROR;
    }

    if (manifest->njobs == 0 && plugin->job_time) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plugin \"%V\" is granted jobs, its manifest does "
                           "not ask for any", &plugin->name);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < manifest->njobs; i++) {
        job = &manifest->jobs[i];

        if (job->timeout > plugin->job_time) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "plugin \"%V\" asks for %uDms for its job "
                               "\"%s\", the operator grants %Mms: a line "
                               "\"jobs %uDms;\" grants that",
                               &plugin->name, job->timeout, job->name,
                               plugin->job_time, job->timeout);
            return NGX_CONF_ERROR;
        }

        if (job->cpu / 1000 > plugin->job_cpu) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "plugin \"%V\" asks for %uDms of processor time "
                               "for its job \"%s\", the operator grants %Mms: "
                               "a line \"job_cpu %uDms;\" grants that",
                               &plugin->name, job->cpu / 1000, job->name,
                               plugin->job_cpu, job->cpu / 1000);
            return NGX_CONF_ERROR;
        }

        if (ngx_http_ihanoi_plugin_function(plugin, job->handler, "the job",
                                            job->name, NULL)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* Its own events it hears without asking. */

static char *
ngx_http_ihanoi_plugin_check_events(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_uint_t                    i;
    ihanoi_names_t                others;
    const ihanoi_manifest_t      *manifest;
    const ihanoi_subscription_t  *sub;

    manifest = plugin->manifest;

    /* as of jobs: a candidate hears none */

    if (plugin->current) {
        return NGX_CONF_OK;
    }

    others.n = 0;
    others.names = ngx_palloc(cf->pool,
                              (manifest->nsubscribes + 1) * sizeof(char *));
    if (others.names == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < manifest->nsubscribes; i++) {
        sub = &manifest->subscribes[i];

        if (ngx_strncmp(sub->event, plugin->name.data, plugin->name.len) != 0
            || sub->event[plugin->name.len] != '.')
        {
            others.names[others.n++] = sub->event;
        }

        if (ngx_http_ihanoi_plugin_function(plugin, sub->handler,
                                            "the subscription to", sub->event,
                                            NULL)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_ihanoi_plugin_names(cf, plugin, "event", &others, NULL,
                                        &plugin->events);
}


/*
 * Both ways: what is granted without being asked for, by this version or the
 * other beside it, is a typing error.
 */

static char *
ngx_http_ihanoi_plugin_names(ngx_conf_t *cf, ngx_http_ihanoi_plugin_t *plugin,
    const char *what, const ihanoi_names_t *asked,
    const ihanoi_names_t *other, ngx_array_t *granted)
{
    ngx_uint_t                i, k;
    ngx_http_ihanoi_grant_t  *grant;

    grant = granted->elts;

    for (i = 0; i < asked->n; i++) {

        for (k = 0; k < granted->nelts; k++) {
            if (ngx_strcmp(grant[k].name.data, asked->names[i]) == 0) {
                break;
            }
        }

        if (k == granted->nelts) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "plugin \"%V\" asks for the %s \"%s\", the "
                               "operator does not grant it: a line \"%s %s"
                               "%s;\" is missing", &plugin->name, what,
                               asked->names[i], what, asked->names[i],
                               granted == &plugin->events ? "" : " ...");
            return NGX_CONF_ERROR;
        }
    }

    for (k = 0; k < granted->nelts; k++) {

        if (!ngx_http_ihanoi_plugin_asks(asked, &grant[k].name)
            && (other == NULL
                || !ngx_http_ihanoi_plugin_asks(other, &grant[k].name)))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "plugin \"%V\" is granted the %s \"%V\", its "
                               "manifest does not ask for it", &plugin->name,
                               what, &grant[k].name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_ihanoi_plugin_asks(const ihanoi_names_t *asked, ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < asked->n; i++) {
        if (ngx_strcmp(name->data, asked->names[i]) == 0) {
            return 1;
        }
    }

    return 0;
}


static char *
ngx_http_ihanoi_plugin_limit(ngx_conf_t *cf, ngx_http_ihanoi_plugin_t *plugin,
    const char *what, const char *unit, ngx_uint_t asked, ngx_uint_t granted)
{
    if (asked <= granted) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "plugin \"%V\" asks for %s of %ui%s, the operator "
                       "grants %ui%s: a line \"%s %ui%s;\" grants that",
                       &plugin->name, what, asked, unit, granted, unit,
                       what, asked, *unit == 'k' ? "k" : unit);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_ihanoi_plugin_set_settings(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin)
{
    json_t                   *given;
    ngx_uint_t                i;
    const char               *text;
    ngx_http_ihanoi_grant_t  *grant;
    ihanoi_contract_error_t   err;

    given = json_object();
    grant = plugin->given.elts;

    for (i = 0; i < plugin->given.nelts; i++) {

        if (json_object_set_new(given, (char *) grant[i].name.data,
                                json_stringn((char *) grant[i].value.data,
                                             grant[i].value.len))
            != 0)
        {
            json_decref(given);
            return "is not UTF-8";
        }
    }

    text = ihanoi_manifest_settings(plugin->manifest, given, &err);

    json_decref(given);

    if (text == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plugin \"%V\": the settings are wrong at \"%s\": "
                           "%s", &plugin->name, err.pointer, err.reason);
        return NGX_CONF_ERROR;
    }

    plugin->settings.data = (u_char *) text;
    plugin->settings.len = ngx_strlen(text);

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_ihanoi_plugin_function(ngx_http_ihanoi_plugin_t *plugin,
    const char *name, const char *what, const char *by, lua_CFunction finish)
{
    ngx_http_ihanoi_function_t  *function;

    function = ngx_array_push(&plugin->functions);
    if (function == NULL) {
        return NGX_ERROR;
    }

    function->name = name;
    function->what = what;
    function->by = by;
    function->finish = finish;

    return NGX_OK;
}


ngx_uint_t
ngx_http_ihanoi_plugin_function_by(ngx_http_ihanoi_plugin_t *plugin,
    const char *by)
{
    ngx_uint_t                   i;
    ngx_http_ihanoi_function_t  *function;

    function = plugin->functions.elts;

    for (i = 0; function[i].by != by; i++) { /* void */ }

    return i;
}


static void
ngx_http_ihanoi_plugin_cleanup(void *data)
{
    ihanoi_manifest_free(data);
}
