/*
 * Copyright (C) iHaNoi contributors
 *
 * The circuits of plugins in the shared zone, and the kill switch.
 *
 * Records are found by name and version when a configuration is loaded, by the
 * master, and never freed: workers of any generation hold pointers to them.
 * Of a plugin that is deployed again and again the record of the version that
 * was not declared for longest is taken anew, so that the zone does not fill.
 */

#include "ngx_http_ihanoi_metrics.h"
#include "ngx_http_ihanoi_circuit.h"
#include "ngx_http_ihanoi_zone.h"


/* Records of one name: more than versions that drain at the same time. */
#define NGX_HTTP_IHANOI_CIRCUIT_VERSIONS  8

/* Milliseconds between looks at the files, and between complaints. */
#define NGX_HTTP_IHANOI_CIRCUIT_LOOK      1000
#define NGX_HTTP_IHANOI_CIRCUIT_QUIET     60000


typedef struct ngx_http_ihanoi_circuit_sh_s  ngx_http_ihanoi_circuit_sh_t;

struct ngx_http_ihanoi_circuit_sh_s {
    ngx_http_ihanoi_circuit_sh_t  *next;
    ihanoi_circuit_t               circuit;
    ngx_atomic_t                   disabled;
    ngx_uint_t                     load;         /* declared last by */
    size_t                         name_len;
    size_t                         version_len;
    u_char                         name[NGX_HTTP_IHANOI_CIRCUIT_NAME_MAX];
    u_char                         version[
                                        NGX_HTTP_IHANOI_CIRCUIT_VERSION_MAX];
};


/* In shared memory: the root. */
typedef struct {
    ngx_http_ihanoi_circuit_sh_t  *records;
    ngx_uint_t                     loads;        /* of configurations */
} ngx_http_ihanoi_circuits_t;


struct ngx_http_ihanoi_circuit_s {
    ngx_http_ihanoi_circuit_sh_t  *sh;
    ihanoi_circuit_conf_t          conf;
    ngx_str_t                      name;
    ngx_str_t                      version;
    u_char                        *file;         /* NULL: no kill switch */
    ngx_msec_t                     quiet;        /* until then */
    ngx_http_ihanoi_metric_t      *shown;        /* its state */
    ngx_http_ihanoi_metric_t      *opened;
};


typedef struct {
    ngx_array_t                    circuits;     /* pointers */
    ngx_event_t                    timer;
} ngx_http_ihanoi_circuit_main_conf_t;


static u_char *ngx_http_ihanoi_circuit_file(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *dir);
static ngx_int_t ngx_http_ihanoi_circuit_init_zone(ngx_slab_pool_t *shpool,
    void **root, void *data, ngx_log_t *log);
static ngx_http_ihanoi_circuit_sh_t *ngx_http_ihanoi_circuit_record(
    ngx_slab_pool_t *shpool, ngx_http_ihanoi_circuits_t *circuits,
    ngx_http_ihanoi_circuit_t *c);
static ngx_int_t ngx_http_ihanoi_circuit_look(ngx_http_ihanoi_circuit_t *c);
static void ngx_http_ihanoi_circuit_watch(ngx_event_t *ev);
static uint64_t ngx_http_ihanoi_circuit_now(void);

static void *ngx_http_ihanoi_circuit_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_ihanoi_circuit_init_process(ngx_cycle_t *cycle);


static ngx_http_module_t  ngx_http_ihanoi_circuit_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_ihanoi_circuit_create_main_conf,
                                           /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_ihanoi_circuit_module = {
    NGX_MODULE_V1,
    &ngx_http_ihanoi_circuit_module_ctx,   /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_ihanoi_circuit_init_process,  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_http_ihanoi_circuit_t *
ngx_http_ihanoi_circuit_declare(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *version, ngx_msec_t probe, ngx_str_t *dir)
{
    ngx_str_t                             labels;
    ngx_http_ihanoi_circuit_t            *c, **slot;
    ngx_http_ihanoi_circuit_main_conf_t  *imcf;

    imcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_ihanoi_circuit_module);

    if (name->len > NGX_HTTP_IHANOI_CIRCUIT_NAME_MAX
        || version->len > NGX_HTTP_IHANOI_CIRCUIT_VERSION_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plugin \"%V\" version \"%V\": neither may be "
                           "longer than %d bytes", name, version,
                           NGX_HTTP_IHANOI_CIRCUIT_NAME_MAX);
        return NULL;
    }

    c = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_circuit_t));
    if (c == NULL) {
        return NULL;
    }

    c->name = *name;
    c->version = *version;

    c->conf.failures = IHANOI_CIRCUIT_FAILURES;
    c->conf.window = IHANOI_CIRCUIT_WINDOW;
    c->conf.backoff = IHANOI_CIRCUIT_BACKOFF;
    c->conf.backoff_max = IHANOI_CIRCUIT_BACKOFF_MAX;
    c->conf.probe = ngx_max(probe, IHANOI_CIRCUIT_PROBE);

    if (dir->len) {
        c->file = ngx_http_ihanoi_circuit_file(cf, name, dir);
        if (c->file == NULL) {
            return NULL;
        }
    }

    ngx_str_null(&labels);

    if (ngx_http_ihanoi_metric_label(cf->pool, &labels, "plugin", name)
        != NGX_OK
        || ngx_http_ihanoi_metric_label(cf->pool, &labels, "version", version)
           != NGX_OK)
    {
        return NULL;
    }

    c->shown = ngx_http_ihanoi_metric_add(cf, NGX_HTTP_IHANOI_GAUGE_MAX,
                  "ihanoi_plugin_circuit",
                  "0: closed, 1: open, 2: half-open, 3: disabled.", &labels);
    c->opened = ngx_http_ihanoi_metric_add(cf, NGX_HTTP_IHANOI_GAUGE_MAX,
                  "ihanoi_plugin_circuit_opened",
                  "How many times the circuit has opened.", &labels);

    if (c->shown == NULL || c->opened == NULL) {
        return NULL;
    }

    if (imcf->circuits.nelts == 0
        && ngx_http_ihanoi_zone_add(cf, "circuit",
                                    sizeof(ngx_http_ihanoi_circuits_t),
                                    ngx_http_ihanoi_circuit_init_zone, imcf)
           != NGX_OK)
    {
        return NULL;
    }

    ngx_http_ihanoi_zone_reserve(cf, sizeof(ngx_http_ihanoi_circuit_sh_t), 0);

    slot = ngx_array_push(&imcf->circuits);
    if (slot == NULL) {
        return NULL;
    }

    *slot = c;

    return c;
}


static u_char *
ngx_http_ihanoi_circuit_file(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *dir)
{
    u_char     *file;
    ngx_str_t   path;

    /* a plugin's name has no slash; a file of another folder is no switch */

    if (name->len == 0 || name->data[0] == '.'
        || ngx_strlchr(name->data, name->data + name->len, '/'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plugin name \"%V\" cannot be a file's name", name);
        return NULL;
    }

    path = *dir;

    if (ngx_conf_full_name(cf->cycle, &path, 0) != NGX_OK) {
        return NULL;
    }

    file = ngx_pnalloc(cf->pool, path.len + 1 + name->len
                                 + sizeof(".disabled"));
    if (file == NULL) {
        return NULL;
    }

    (void) ngx_sprintf(file, "%V/%V.disabled%Z", &path, name);

    return file;
}


static ngx_int_t
ngx_http_ihanoi_circuit_init_zone(ngx_slab_pool_t *shpool, void **root,
    void *data, ngx_log_t *log)
{
    ngx_http_ihanoi_circuit_main_conf_t *imcf = data;

    ngx_int_t                     rc;
    ngx_uint_t                    i;
    ngx_http_ihanoi_circuit_t   **c;
    ngx_http_ihanoi_circuits_t   *circuits;

    if (*root == NULL) {
        *root = ngx_slab_calloc(shpool, sizeof(ngx_http_ihanoi_circuits_t));
        if (*root == NULL) {
            return NGX_ABORT;
        }
    }

    circuits = *root;
    circuits->loads++;

    c = imcf->circuits.elts;

    for (i = 0; i < imcf->circuits.nelts; i++) {

        c[i]->sh = ngx_http_ihanoi_circuit_record(shpool, circuits, c[i]);
        if (c[i]->sh == NULL) {
            return NGX_ABORT;
        }

        rc = ngx_http_ihanoi_circuit_look(c[i]);

        if (rc == NGX_ERROR) {
            ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                          "could not look for \"%s\"", c[i]->file);
            return NGX_ERROR;
        }

        c[i]->sh->disabled = (rc == NGX_ABORT);

        if (rc == NGX_ABORT) {
            ngx_log_error(NGX_LOG_WARN, log, 0,
                          "plugin \"%V\" is disabled by \"%s\"",
                          &c[i]->name, c[i]->file);
        }
    }

    return NGX_OK;
}


static ngx_http_ihanoi_circuit_sh_t *
ngx_http_ihanoi_circuit_record(ngx_slab_pool_t *shpool,
    ngx_http_ihanoi_circuits_t *circuits, ngx_http_ihanoi_circuit_t *c)
{
    ngx_uint_t                     n;
    ngx_http_ihanoi_circuit_sh_t  *sh, *oldest;

    oldest = NULL;
    n = 0;

    for (sh = circuits->records; sh; sh = sh->next) {

        if (sh->name_len != c->name.len
            || ngx_memcmp(sh->name, c->name.data, c->name.len) != 0)
        {
            continue;
        }

        if (sh->version_len == c->version.len
            && ngx_memcmp(sh->version, c->version.data, c->version.len) == 0)
        {
            sh->load = circuits->loads;
            return sh;
        }

        n++;

        if (oldest == NULL || sh->load < oldest->load) {
            oldest = sh;
        }
    }

    if (n >= NGX_HTTP_IHANOI_CIRCUIT_VERSIONS
        && oldest->load + NGX_HTTP_IHANOI_CIRCUIT_VERSIONS
           <= circuits->loads)
    {
        sh = oldest;

    } else {
        sh = ngx_slab_calloc(shpool, sizeof(ngx_http_ihanoi_circuit_sh_t));
        if (sh == NULL) {
            return NULL;
        }

        sh->next = circuits->records;
        circuits->records = sh;
    }

    ihanoi_circuit_init(&sh->circuit,
                        (uint64_t) ngx_random() << 31 ^ (uint64_t) ngx_pid);

    sh->load = circuits->loads;
    sh->name_len = c->name.len;
    sh->version_len = c->version.len;

    ngx_memcpy(sh->name, c->name.data, c->name.len);
    ngx_memcpy(sh->version, c->version.data, c->version.len);

    return sh;
}


ngx_int_t
ngx_http_ihanoi_circuit_enter(ngx_http_ihanoi_circuit_t *c, uint64_t *ticket,
    ngx_uint_t *retry_after)
{
    uint64_t  wait;

    if (ihanoi_circuit_enter(&c->sh->circuit, &c->conf,
                             ngx_http_ihanoi_circuit_now(), ticket, &wait)
        != 0)
    {
        *retry_after = (ngx_uint_t) ((wait + 999) / 1000);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_ihanoi_circuit_disabled(ngx_http_ihanoi_circuit_t *c)
{
    return c->sh->disabled != 0;
}


void
ngx_http_ihanoi_circuit_leave(ngx_http_ihanoi_circuit_t *c, uint64_t ticket,
    ngx_uint_t failed)
{
    int  rc;

    /* the clock is read only where the time matters */

    if (ticket == 0 && !failed) {
        return;
    }

    rc = ihanoi_circuit_leave(&c->sh->circuit, &c->conf,
                              ngx_http_ihanoi_circuit_now(), ticket, failed);

    if (rc == 1) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "plugin \"%V\" %V: circuit opened after %s",
                      &c->name, &c->version,
                      ticket ? "a failed probe" : "failures");
    }

    if (rc == -1) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "plugin \"%V\" %V: circuit closed",
                      &c->name, &c->version);
    }
}


void
ngx_http_ihanoi_circuit_abandon(ngx_http_ihanoi_circuit_t *c, uint64_t ticket)
{
    if (ticket) {
        ihanoi_circuit_abandon(&c->sh->circuit, ngx_http_ihanoi_circuit_now(),
                               ticket);
    }
}


void
ngx_http_ihanoi_circuit_trip(ngx_http_ihanoi_circuit_t *c)
{
    (void) ihanoi_circuit_trip(&c->sh->circuit, &c->conf,
                               ngx_http_ihanoi_circuit_now());
}


ngx_http_ihanoi_circuit_state_e
ngx_http_ihanoi_circuit_state(ngx_http_ihanoi_circuit_t *c)
{
    if (c->sh->disabled) {
        return NGX_HTTP_IHANOI_CIRCUIT_DISABLED;
    }

    switch (ihanoi_circuit_state(&c->sh->circuit,
                                 ngx_http_ihanoi_circuit_now()))
    {
    case IHANOI_CIRCUIT_OPEN:
        return NGX_HTTP_IHANOI_CIRCUIT_OPEN;

    case IHANOI_CIRCUIT_HALF_OPEN:
        return NGX_HTTP_IHANOI_CIRCUIT_HALF_OPEN;

    default:
        return NGX_HTTP_IHANOI_CIRCUIT_CLOSED;
    }
}


const char *
ngx_http_ihanoi_circuit_state_name(ngx_http_ihanoi_circuit_state_e state)
{
    static const char *const  names[] = {
        "closed", "open", "half-open", "disabled"
    };

    return names[state];
}


ngx_uint_t
ngx_http_ihanoi_circuit_opened(ngx_http_ihanoi_circuit_t *c)
{
    return (ngx_uint_t) ihanoi_circuit_opened(&c->sh->circuit);
}


void
ngx_http_ihanoi_circuit_tell(ngx_http_ihanoi_circuit_t *c)
{
    ngx_http_ihanoi_metric_set(c->shown, ngx_http_ihanoi_circuit_state(c));
    ngx_http_ihanoi_metric_set(c->opened, ngx_http_ihanoi_circuit_opened(c));
}


/*
 *   NGX_OK      there is no such file
 *   NGX_ABORT   there is
 *   NGX_ERROR   who knows: ngx_errno
 */
static ngx_int_t
ngx_http_ihanoi_circuit_look(ngx_http_ihanoi_circuit_t *c)
{
    ngx_file_info_t  fi;

    if (c->file == NULL) {
        return NGX_OK;
    }

    if (ngx_file_info(c->file, &fi) != NGX_FILE_ERROR) {
        return NGX_ABORT;
    }

    return (ngx_errno == NGX_ENOENT || ngx_errno == NGX_ENOTDIR) ? NGX_OK
                                                                 : NGX_ERROR;
}


/*
 * Each worker looks: one that is busy or hung must not keep a plugin enabled.
 * While a file cannot be looked for, what was known holds.
 */
static void
ngx_http_ihanoi_circuit_watch(ngx_event_t *ev)
{
    ngx_http_ihanoi_circuit_main_conf_t *imcf = ev->data;

    ngx_int_t                    rc;
    ngx_uint_t                   i;
    ngx_http_ihanoi_circuit_t  **slots, *c;

    slots = imcf->circuits.elts;

    for (i = 0; i < imcf->circuits.nelts; i++) {

        c = slots[i];

        rc = ngx_http_ihanoi_circuit_look(c);

        if (rc == NGX_ERROR
            && (ngx_msec_int_t) (ngx_current_msec - c->quiet) >= 0)
        {
            ngx_log_error(NGX_LOG_CRIT, ev->log, ngx_errno,
                          "could not look for \"%s\"", c->file);
            c->quiet = ngx_current_msec + NGX_HTTP_IHANOI_CIRCUIT_QUIET;
        }

        if (rc == NGX_ABORT
            && ngx_atomic_cmp_set(&c->sh->disabled, 0, 1))
        {
            ngx_log_error(NGX_LOG_WARN, ev->log, 0,
                          "plugin \"%V\" is disabled by \"%s\"",
                          &c->name, c->file);
        }

        if (rc == NGX_OK && ngx_atomic_cmp_set(&c->sh->disabled, 1, 0)) {
            ngx_log_error(NGX_LOG_NOTICE, ev->log, 0,
                          "plugin \"%V\" is enabled again", &c->name);
        }

        ngx_http_ihanoi_circuit_tell(c);
    }

    ngx_add_timer(ev, NGX_HTTP_IHANOI_CIRCUIT_LOOK);
}


/* Not ngx_current_msec: it stands while a handler runs, or a signal's. */
static uint64_t
ngx_http_ihanoi_circuit_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static void *
ngx_http_ihanoi_circuit_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_ihanoi_circuit_main_conf_t  *imcf;

    imcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_circuit_main_conf_t));
    if (imcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&imcf->circuits, cf->pool, 4,
                       sizeof(ngx_http_ihanoi_circuit_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return imcf;
}


static ngx_int_t
ngx_http_ihanoi_circuit_init_process(ngx_cycle_t *cycle)
{
    ngx_http_ihanoi_circuit_main_conf_t  *imcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    imcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ihanoi_circuit_module);

    if (imcf == NULL || imcf->circuits.nelts == 0) {
        return NGX_OK;
    }

    imcf->timer.handler = ngx_http_ihanoi_circuit_watch;
    imcf->timer.data = imcf;
    imcf->timer.log = cycle->log;
    imcf->timer.cancelable = 1;

    /* before the first call: nobody looked while the master had no workers */

    ngx_http_ihanoi_circuit_watch(&imcf->timer);

    return NGX_OK;
}
