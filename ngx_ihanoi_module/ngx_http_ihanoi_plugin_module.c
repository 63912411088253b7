/*
 * Copyright (C) iHaNoi contributors
 *
 * The plugin host's wiring: its directives, what is checked before nginx
 * starts, and what each worker begins with.
 */

#include "ngx_http_ihanoi_plugin.h"
#include "ihanoi_host.h"
#include "ihanoi_operation.h"
#include "ngx_http_ihanoi_backend.h"
#include "ngx_http_ihanoi_block.h"
#include "ngx_http_ihanoi_capture.h"
#include "ngx_http_ihanoi_inject.h"


/* A real-time signal that neither nginx nor glibc uses. */
#define NGX_HTTP_IHANOI_PLUGIN_SIGNAL  (SIGRTMIN + 5)

/* Milliseconds between measurements. */
#define NGX_HTTP_IHANOI_PLUGIN_LOOK    1000

/* Between two questions which jobs are due, in milliseconds. */
#define NGX_HTTP_IHANOI_PLUGIN_ASK     1000

/* In host code that does not come back, in milliseconds of CPU time. */
#define NGX_HTTP_IHANOI_PLUGIN_STUCK   5000


typedef struct {
    ngx_http_ihanoi_plugin_t        *plugins;
    ngx_str_t                        switches;   /* folder */
    ngx_flag_t                       background; /* jobs run here */
    ngx_int_t                        interval;   /* of asking for them, ms */
    ngx_listening_t                 *listener;   /* of background runs */
    ngx_http_ihanoi_plugin_jobs_t   *jobs;
    ngx_int_t                        clock;      /* seconds, in tests */
    ngx_http_ihanoi_plugin_events_t *events;
} ngx_http_ihanoi_plugin_main_conf_t;


static char *ngx_http_ihanoi_plugin_conf_background(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static void *ngx_http_ihanoi_plugin_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_ihanoi_plugin_init(ngx_conf_t *cf);
static char *ngx_http_ihanoi_plugin_declare(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_main_conf_t *pmcf,
    ngx_http_ihanoi_plugin_t *plugin);
static char *ngx_http_ihanoi_plugin_background(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_main_conf_t *pmcf,
    ngx_http_ihanoi_plugin_t *plugin);
static ngx_int_t ngx_http_ihanoi_plugin_try(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);
static double ngx_http_ihanoi_plugin_now(void);
static ngx_int_t ngx_http_ihanoi_plugin_init_process(ngx_cycle_t *cycle);
static void ngx_http_ihanoi_plugin_look(ngx_event_t *ev);
static void ngx_http_ihanoi_plugin_exit_process(ngx_cycle_t *cycle);
static void ngx_http_ihanoi_plugin_stuck(const char *name);


static ngx_command_t  ngx_http_ihanoi_plugin_commands[] = {

    /* A plugin, and what the operator grants it. */
    { ngx_string("ihanoi_plugin"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_ihanoi_plugin_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_ihanoi_plugin_main_conf_t, plugins),
      NULL },

    /* The folder of kill switches: NAME.disabled in it disables NAME. */
    { ngx_string("ihanoi_plugin_switches"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_ihanoi_plugin_main_conf_t, switches),
      NULL },

    /* Whether this gateway runs what plugins do without a client. */
    { ngx_string("ihanoi_plugin_background"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_ihanoi_plugin_conf_background,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_ihanoi_plugin_main_conf_t, background),
      NULL },

    /* For tests: where the time of plugins stands still. */
    { ngx_string("ihanoi_plugin_clock"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_ihanoi_plugin_main_conf_t, clock),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_ihanoi_plugin_module_ctx = {
    NULL,                                    /* preconfiguration */
    ngx_http_ihanoi_plugin_init,             /* postconfiguration */

    ngx_http_ihanoi_plugin_create_main_conf, /* create main configuration */
    NULL,                                    /* init main configuration */

    NULL,                                    /* create server configuration */
    NULL,                                    /* merge server configuration */

    NULL,                                    /* create location configuration */
    NULL                                     /* merge location configuration */
};


ngx_module_t  ngx_http_ihanoi_plugin_module = {
    NGX_MODULE_V1,
    &ngx_http_ihanoi_plugin_module_ctx,      /* module context */
    ngx_http_ihanoi_plugin_commands,         /* module directives */
    NGX_HTTP_MODULE,                         /* module type */
    NULL,                                    /* init master */
    NULL,                                    /* init module */
    ngx_http_ihanoi_plugin_init_process,     /* init process */
    NULL,                                    /* init thread */
    NULL,                                    /* exit thread */
    ngx_http_ihanoi_plugin_exit_process,     /* exit process */
    NULL,                                    /* exit master */
    NGX_MODULE_V1_PADDING
};


/* Of the running configuration: the watchdog has no other way to them. */
static ngx_http_ihanoi_plugin_t  *ngx_http_ihanoi_plugins;

static ngx_event_t  ngx_http_ihanoi_plugin_timer;
static double       ngx_http_ihanoi_plugin_clock;


/* ihanoi_plugin_background on | off [interval=time]; */

static char *
ngx_http_ihanoi_plugin_conf_background(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_ihanoi_plugin_main_conf_t *pmcf = conf;

    if (ngx_http_ihanoi_interval(cf, "5s", &pmcf->interval) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_conf_set_flag_slot(cf, cmd, conf);
}


static void *
ngx_http_ihanoi_plugin_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_ihanoi_plugin_main_conf_t  *pmcf;

    /*
     * set by ngx_pcalloc():
     *
     *     pmcf->plugins = NULL;
     *     pmcf->switches = { 0, NULL };
     *     pmcf->listener = NULL;
     *     pmcf->jobs = NULL;
     *     pmcf->events = NULL;
     */

    pmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_plugin_main_conf_t));
    if (pmcf == NULL) {
        return NULL;
    }

    pmcf->background = NGX_CONF_UNSET;
    pmcf->interval = NGX_HTTP_IHANOI_PLUGIN_ASK;
    pmcf->clock = NGX_CONF_UNSET;

    return pmcf;
}


char *
ngx_http_ihanoi_plugin_claim(ngx_conf_t *cf,
    ngx_http_ihanoi_operation_t *operation)
{
    size_t                                len;
    ngx_uint_t                            i;
    const ihanoi_operation_t             *op;
    ngx_http_ihanoi_plugin_t             *plugin;
    ngx_http_ihanoi_operation_t         **slot;
    ngx_http_ihanoi_plugin_main_conf_t   *pmcf;

    pmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_ihanoi_plugin_module);
    op = operation->contract;

    for (plugin = pmcf->plugins; plugin; plugin = plugin->next) {
        if (ngx_strcmp(plugin->document.data, op->document.data) == 0) {
            break;
        }
    }

    if (plugin == NULL) {

        if (op->lua.data) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "operation \"%V\" of \"%s\" has \"x-ihanoi-lua\", "
                          "but its contract is no plugin's",
                          &operation->id, op->document.data);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    operation->plugin = plugin;

    len = ngx_strlen(plugin->manifest->prefix);

    if (op->path.len < len
        || ngx_strncmp(op->path.data, plugin->manifest->prefix, len) != 0
        || (op->path.len > len && op->path.data[len] != '/'
            && op->path.data[len] != '.'))
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "plugin \"%V\": the path \"%s\" of \"%V\" is not under "
                      "its prefix \"%s\"", &plugin->name, op->path.data,
                      &operation->id, plugin->manifest->prefix);
        return NGX_CONF_ERROR;
    }

    if (op->security != IHANOI_SECURITY_TOKEN && !plugin->public) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "plugin \"%V\": \"%V\" can be called without a token, the "
                      "operator has not granted \"public\"", &plugin->name,
                      &operation->id);
        return NGX_CONF_ERROR;
    }

    /* what a key keeps is JSON; another answer would be lost when it is kept */

    if (op->idempotency != IHANOI_IDEMPOTENCY_NONE) {

        for (i = 0; i < op->nproduces; i++) {

            if (!ihanoi_media_is_json(op->produces[i].type.data)) {
                ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                              "plugin \"%V\": \"%V\" takes an "
                              "Idempotency-Key, so its answer is kept, and must "
                              "be JSON and not \"%s\"", &plugin->name,
                              &operation->id, op->produces[i].type.data);
                return NGX_CONF_ERROR;
            }
        }
    }

    if (op->sql.data) {

        if (plugin->db == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "plugin \"%V\": \"%V\" is served by SQL, but the "
                          "manifest does not ask for a database",
                          &plugin->name, &operation->id);
            return NGX_CONF_ERROR;
        }

        operation->db = plugin->db;

        return NGX_CONF_OK;
    }

    operation->function = op->lua.data;
    operation->handler = plugin->operations.nelts;

    slot = ngx_array_push(&plugin->operations);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = operation;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_ihanoi_plugin_init(ngx_conf_t *cf)
{
    ngx_int_t                            rc;
    ngx_conf_file_t                     *conf_file, block;
    ngx_http_ihanoi_plugin_t            *plugin;
    ngx_http_ihanoi_plugin_main_conf_t  *pmcf;

    pmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_ihanoi_plugin_module);

    if (pmcf->plugins == NULL) {
        return NGX_OK;
    }

    if (ngx_http_ihanoi_capture_init(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    /* to end what a plugin does while it is loaded */

    if (ihanoi_sandbox_start_timer(NGX_HTTP_IHANOI_PLUGIN_SIGNAL, NULL, 0,
                                   NULL)
        != 0)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, ngx_errno,
                      "no timer for the plugins");
        return NGX_ERROR;
    }

    rc = NGX_OK;

    for (plugin = pmcf->plugins; plugin && rc == NGX_OK;
         plugin = plugin->next)
    {
        if (ngx_http_ihanoi_plugin_candidate_init(cf, plugin) != NGX_CONF_OK) {
            rc = NGX_ERROR;
        }
    }

    /* what is wrong with a plugin is told with the place of its block */

    conf_file = cf->conf_file;
    block = *conf_file;
    cf->conf_file = &block;

    for (plugin = pmcf->plugins; plugin && rc == NGX_OK;
         plugin = ngx_http_ihanoi_plugin_next(plugin))
    {
        block.file.name = plugin->file;
        block.line = plugin->line;

        if (ngx_http_ihanoi_plugin_declare(cf, pmcf, plugin) != NGX_CONF_OK
            || ngx_http_ihanoi_plugin_background(cf, pmcf, plugin)
               != NGX_CONF_OK)
        {
            rc = NGX_ERROR;

        } else if (ngx_http_ihanoi_backend_init(cf, plugin) != NGX_OK
                   || ngx_http_ihanoi_backend_check(cf, plugin) != NGX_OK
                   || ngx_http_ihanoi_plugin_interfaces(cf, pmcf->plugins,
                                                        plugin)
                      != NGX_CONF_OK)
        {
            rc = NGX_ERROR;

        } else {
            rc = ngx_http_ihanoi_plugin_try(cf, plugin);
        }
    }

    cf->conf_file = conf_file;

    ihanoi_sandbox_stop_timer();

    if (rc == NGX_OK && pmcf->events && pmcf->background != 0
        && ngx_http_ihanoi_plugin_events_declare(cf, pmcf->events)
           != NGX_CONF_OK)
    {
        rc = NGX_ERROR;
    }

    if (rc == NGX_OK && pmcf->jobs && pmcf->background != 0
        && ngx_http_ihanoi_plugin_jobs_declare(cf, pmcf->jobs, pmcf->interval)
           != NGX_CONF_OK)
    {
        rc = NGX_ERROR;
    }

    return rc;
}


/* What it does without a client: in a server that has its backends too. */

static char *
ngx_http_ihanoi_plugin_background(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_main_conf_t *pmcf,
    ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_http_core_srv_conf_t  *cscf;

    if (ngx_http_ihanoi_plugin_publishes(cf, plugin) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    /* nor has a candidate any: the version that stands does that */

    if (plugin->current
        || (plugin->manifest->njobs == 0 && plugin->manifest->nsubscribes == 0))
    {
        return NGX_CONF_OK;
    }

    if (pmcf->listener == NULL) {
        cscf = ngx_http_ihanoi_backend_server(cf);

        if (cscf == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "plugin \"%V\" has jobs or subscriptions, "
                               "which run in a server that has "
                               "\"ihanoi_api\", and there is none",
                               &plugin->name);
            return NGX_CONF_ERROR;
        }

        pmcf->listener = ngx_http_ihanoi_inject_listener(cf, cscf);
        if (pmcf->listener == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    plugin->listener = pmcf->listener;

    if (ngx_http_ihanoi_plugin_events_add(cf, &pmcf->events, plugin)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_ihanoi_plugin_jobs_add(cf, &pmcf->jobs, plugin);
}


static char *
ngx_http_ihanoi_plugin_declare(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_main_conf_t *pmcf,
    ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_str_t   version;
    ngx_msec_t  probe;

    version.data = (u_char *) plugin->manifest->version;
    version.len = ngx_strlen(version.data);

    probe = 2 * plugin->timeout;

    if (plugin->db) {
        probe = ngx_max(2 * ngx_http_ihanoi_pg_longest(plugin->db), probe);
    }

    plugin->circuit = ngx_http_ihanoi_circuit_declare(cf, &plugin->name,
                                        &version, probe, &pmcf->switches);
    if (plugin->circuit == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_ihanoi_plugin_metrics(cf, plugin);
}


/* Does it load?  It is what each worker will do. */

static ngx_int_t
ngx_http_ihanoi_plugin_try(ngx_conf_t *cf, ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_http_ihanoi_plugin_state_t  *state;

    if (plugin->operations.nelts + plugin->functions.nelts == 0) {
        return NGX_OK;
    }

    state = ngx_http_ihanoi_plugin_state_create(plugin, NGX_LOG_EMERG,
                                                cf->log);
    if (state == NULL) {
        return NGX_ERROR;
    }

    ngx_http_ihanoi_plugin_state_destroy(state);

    return NGX_OK;
}


static double
ngx_http_ihanoi_plugin_now(void)
{
    return ngx_http_ihanoi_plugin_clock;
}


static ngx_int_t
ngx_http_ihanoi_plugin_init_process(ngx_cycle_t *cycle)
{
    ngx_event_t                         *ev;
    ngx_http_ihanoi_plugin_t            *plugin;
    ngx_http_ihanoi_plugin_main_conf_t  *pmcf;

    if ((ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
        || ngx_get_conf(cycle->conf_ctx, ngx_http_module) == NULL)
    {
        return NGX_OK;
    }

    pmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ihanoi_plugin_module);

    if (pmcf == NULL || pmcf->plugins == NULL) {
        return NGX_OK;
    }

    ngx_http_ihanoi_plugins = pmcf->plugins;

    if (pmcf->clock != NGX_CONF_UNSET) {
        ngx_http_ihanoi_plugin_clock = pmcf->clock;
        ihanoi_host_time_now = ngx_http_ihanoi_plugin_now;
    }

    if (ihanoi_sandbox_start_timer(NGX_HTTP_IHANOI_PLUGIN_SIGNAL,
                            (volatile sig_atomic_t *) &ngx_event_timer_alarm,
                            NGX_HTTP_IHANOI_PLUGIN_STUCK,
                            ngx_http_ihanoi_plugin_stuck)
        != 0)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "no timer for the plugins");
        return NGX_ERROR;
    }

    for (plugin = pmcf->plugins; plugin;
         plugin = ngx_http_ihanoi_plugin_next(plugin))
    {
        /* one that fails here fails its own calls, and is tried again there */

        if (plugin->operations.nelts + plugin->functions.nelts > 0) {
            plugin->state = ngx_http_ihanoi_plugin_state_create(plugin,
                                                     NGX_LOG_ERR, cycle->log);
            if (plugin->state == NULL) {
                continue;
            }
        }

        ngx_http_ihanoi_metric_set(plugin->info, 1);

        /*
         * What outlives a reload, at once: a gauge that nobody has set is 0,
         * "serving".  The database is looked at when it can have connected.
         */

        ngx_http_ihanoi_circuit_tell(plugin->circuit);

        if (ngx_http_ihanoi_circuit_state(plugin->circuit)
            != NGX_HTTP_IHANOI_CIRCUIT_CLOSED)
        {
            ngx_http_ihanoi_metric_set(plugin->standing,
                                    ngx_http_ihanoi_plugin_standing(plugin));
        }
    }

    ev = &ngx_http_ihanoi_plugin_timer;

    ngx_memzero(ev, sizeof(ngx_event_t));

    ev->handler = ngx_http_ihanoi_plugin_look;
    ev->log = cycle->log;
    ev->data = pmcf;        /* a debug log looks for a descriptor there */
    ev->cancelable = 1;

    ngx_add_timer(ev, NGX_HTTP_IHANOI_PLUGIN_LOOK);

    return NGX_OK;
}


static void
ngx_http_ihanoi_plugin_look(ngx_event_t *ev)
{
    ngx_http_ihanoi_plugin_t  *plugin;

    for (plugin = ngx_http_ihanoi_plugins; plugin;
         plugin = ngx_http_ihanoi_plugin_next(plugin))
    {
        ngx_http_ihanoi_plugin_measure(plugin);
    }

    ngx_add_timer(ev, NGX_HTTP_IHANOI_PLUGIN_LOOK);
}


ngx_http_ihanoi_plugin_t *
ngx_http_ihanoi_plugin_list(void)
{
    return ngx_http_ihanoi_plugins;
}


ngx_http_ihanoi_plugin_t *
ngx_http_ihanoi_plugin_next(ngx_http_ihanoi_plugin_t *plugin)
{
    if (plugin->candidate) {
        return plugin->candidate;
    }

    return plugin->current ? plugin->current->next : plugin->next;
}


static void
ngx_http_ihanoi_plugin_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_ihanoi_plugin_t  *plugin;

    ihanoi_sandbox_stop_timer();

    for (plugin = ngx_http_ihanoi_plugins; plugin;
         plugin = ngx_http_ihanoi_plugin_next(plugin))
    {
        if (plugin->state && plugin->state->runs == 0) {
            ngx_http_ihanoi_plugin_state_destroy(plugin->state);
            plugin->state = NULL;
        }

        if (plugin->loading) {
            ngx_http_ihanoi_circuit_abandon(plugin->circuit,
                                            plugin->loading->ticket);
            ngx_http_ihanoi_plugin_state_destroy(plugin->loading);
            plugin->loading = NULL;
        }
    }

    ngx_http_ihanoi_plugin_state_exit();
}


/*
 * The last resort, in a signal handler: host code that this plugin has called
 * does not come back.  The master starts another worker.
 */

static void
ngx_http_ihanoi_plugin_stuck(const char *name)
{
    u_char                    *p;
    u_char                     line[256];
    ngx_log_t                 *log;
    ngx_http_ihanoi_plugin_t  *plugin;

    for (plugin = ngx_http_ihanoi_plugins; plugin;
         plugin = ngx_http_ihanoi_plugin_next(plugin))
    {
        if ((const char *) plugin->name.data == name) {
            ngx_http_ihanoi_circuit_trip(plugin->circuit);
            break;
        }
    }

    p = ngx_slprintf(line, line + sizeof(line) - 1,
                     "[alert] %P#%P: plugin \"%s\" does not come back: its "
                     "circuit is open, this worker ends\n",
                     ngx_pid, ngx_pid, name);

    /* syslog would need memory; nginx has a file always, if not as the first */

    log = ngx_log_get_file_log(ngx_cycle->log);

    (void) ngx_write_fd(log->file->fd, line, p - line);

    _exit(1);
}
