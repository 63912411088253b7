/*
 * Copyright (C) iHaNoi contributors
 *
 * An "ihanoi_plugin" block: what the operator says of a plugin.
 */

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_block.h"


/* What a plugin may have when the operator says nothing. */
#define NGX_HTTP_IHANOI_PLUGIN_MEMORY       (32 * 1024 * 1024)
#define NGX_HTTP_IHANOI_PLUGIN_STREAM       (16 * 1024 * 1024)
#define NGX_HTTP_IHANOI_PLUGIN_CPU          50
#define NGX_HTTP_IHANOI_PLUGIN_JOB_CPU      1000
#define NGX_HTTP_IHANOI_PLUGIN_TIMEOUT      5000
#define NGX_HTTP_IHANOI_PLUGIN_CONCURRENCY  64

/* What nobody may have; the manifest's schema has less for a call. */
#define NGX_HTTP_IHANOI_PLUGIN_LONGEST      3600000

#define NGX_HTTP_IHANOI_PLUGIN_SECRET       8192


static char *ngx_http_ihanoi_plugin_set_flag(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_ihanoi_plugin_set_msec(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_ihanoi_plugin_set_size(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_ihanoi_plugin_set_grant(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_ihanoi_plugin_set_secret(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_ihanoi_plugin_set_check(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_ihanoi_plugin_set_candidate(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


static ngx_conf_num_bounds_t  ngx_http_ihanoi_plugin_concurrency_bounds = {
    ngx_conf_check_num_bounds, 1, 10000
};


static ngx_command_t  ngx_http_ihanoi_plugin_lines[] = {

    { ngx_string("path"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_set_str,
      0, offsetof(ngx_http_ihanoi_plugin_t, folder), NULL },

    { ngx_string("public"), NGX_CONF_NOARGS,
      ngx_http_ihanoi_plugin_set_flag,
      0, offsetof(ngx_http_ihanoi_plugin_t, public), NULL },

    { ngx_string("database"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_set_str,
      0, offsetof(ngx_http_ihanoi_plugin_t, database), NULL },

    { ngx_string("backend"), NGX_CONF_TAKE2,
      ngx_http_ihanoi_plugin_set_grant,
      0, offsetof(ngx_http_ihanoi_plugin_t, backends), NULL },

    { ngx_string("event"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_plugin_set_grant,
      0, offsetof(ngx_http_ihanoi_plugin_t, events), NULL },

    { ngx_string("setting"), NGX_CONF_TAKE2,
      ngx_http_ihanoi_plugin_set_grant,
      0, offsetof(ngx_http_ihanoi_plugin_t, given), NULL },

    { ngx_string("secret"), NGX_CONF_TAKE2,
      ngx_http_ihanoi_plugin_set_secret,
      0, offsetof(ngx_http_ihanoi_plugin_t, secrets), NULL },

    { ngx_string("interface"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_plugin_set_grant,
      0, offsetof(ngx_http_ihanoi_plugin_t, granted), NULL },

    { ngx_string("memory"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_plugin_set_size,
      0, offsetof(ngx_http_ihanoi_plugin_t, memory), NULL },

    { ngx_string("store"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_plugin_set_size,
      0, offsetof(ngx_http_ihanoi_plugin_t, store_size), NULL },

    { ngx_string("stream"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_plugin_set_size,
      0, offsetof(ngx_http_ihanoi_plugin_t, stream), NULL },

    { ngx_string("cpu"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_plugin_set_msec,
      0, offsetof(ngx_http_ihanoi_plugin_t, cpu), NULL },

    { ngx_string("timeout"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_plugin_set_msec,
      0, offsetof(ngx_http_ihanoi_plugin_t, timeout), NULL },

    { ngx_string("jobs"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_plugin_set_msec,
      0, offsetof(ngx_http_ihanoi_plugin_t, job_time), NULL },

    { ngx_string("job_cpu"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_plugin_set_msec,
      0, offsetof(ngx_http_ihanoi_plugin_t, job_cpu), NULL },

    { ngx_string("concurrency"), NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      0, offsetof(ngx_http_ihanoi_plugin_t, concurrency),
      &ngx_http_ihanoi_plugin_concurrency_bounds },

    { ngx_string("check"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_plugin_set_check,
      0, offsetof(ngx_http_ihanoi_plugin_t, check), NULL },

    { ngx_string("candidate"), NGX_CONF_TAKE2,
      ngx_http_ihanoi_plugin_set_candidate,
      0, offsetof(ngx_http_ihanoi_plugin_t, candidate_folder), NULL },

    { ngx_string("candidate_database"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_set_str,
      0, offsetof(ngx_http_ihanoi_plugin_t, candidate_database), NULL },

      ngx_null_command
};


char *
ngx_http_ihanoi_plugin_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ihanoi_plugin_t **last = conf;

    char                      *rv;
    ngx_str_t                 *value;
    ngx_http_ihanoi_plugin_t  *plugin;

    value = cf->args->elts;

    for ( /* void */ ; *last; last = &(*last)->next) {

        if ((*last)->name.len == value[1].len
            && ngx_memcmp((*last)->name.data, value[1].data, value[1].len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "there is a plugin \"%V\" already", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    plugin = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_plugin_t));
    if (plugin == NULL) {
        return NGX_CONF_ERROR;
    }

    plugin->name = value[1];
    plugin->file = cf->conf_file->file.name;
    plugin->line = cf->conf_file->line;
    plugin->public = NGX_CONF_UNSET;
    plugin->check = NGX_CONF_UNSET;
    plugin->memory = NGX_CONF_UNSET_SIZE;
    plugin->store_size = NGX_CONF_UNSET_SIZE;
    plugin->stream = NGX_CONF_UNSET_SIZE;
    plugin->cpu = NGX_CONF_UNSET_MSEC;
    plugin->timeout = NGX_CONF_UNSET_MSEC;
    plugin->job_time = NGX_CONF_UNSET_MSEC;
    plugin->job_cpu = NGX_CONF_UNSET_MSEC;
    plugin->concurrency = NGX_CONF_UNSET;

    if (ngx_array_init(&plugin->functions, cf->pool, 4,
                       sizeof(ngx_http_ihanoi_function_t))
        != NGX_OK
        || ngx_array_init(&plugin->operations, cf->pool, 8,
                          sizeof(ngx_http_ihanoi_operation_t *))
           != NGX_OK
        || ngx_array_init(&plugin->given, cf->pool, 4,
                          sizeof(ngx_http_ihanoi_grant_t))
           != NGX_OK
        || ngx_array_init(&plugin->events, cf->pool, 4,
                          sizeof(ngx_http_ihanoi_grant_t))
           != NGX_OK
        || ngx_array_init(&plugin->backends, cf->pool, 4,
                          sizeof(ngx_http_ihanoi_grant_t))
           != NGX_OK
        || ngx_array_init(&plugin->granted, cf->pool, 4,
                          sizeof(ngx_http_ihanoi_grant_t))
           != NGX_OK
        || ngx_array_init(&plugin->secrets, cf->pool, 4,
                          sizeof(ngx_http_ihanoi_grant_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    *last = plugin;

    rv = ngx_http_ihanoi_block(cf, ngx_http_ihanoi_plugin_lines, plugin);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_conf_init_value(plugin->public, 0);
    ngx_conf_init_value(plugin->check, 0);
    ngx_conf_init_size_value(plugin->memory, NGX_HTTP_IHANOI_PLUGIN_MEMORY);
    ngx_conf_init_size_value(plugin->store_size, 0);
    ngx_conf_init_size_value(plugin->stream, NGX_HTTP_IHANOI_PLUGIN_STREAM);
    ngx_conf_init_msec_value(plugin->cpu, NGX_HTTP_IHANOI_PLUGIN_CPU);
    ngx_conf_init_msec_value(plugin->timeout, NGX_HTTP_IHANOI_PLUGIN_TIMEOUT);
    ngx_conf_init_msec_value(plugin->job_time, 0);
    ngx_conf_init_msec_value(plugin->job_cpu, NGX_HTTP_IHANOI_PLUGIN_JOB_CPU);
    ngx_conf_init_value(plugin->concurrency,
                        NGX_HTTP_IHANOI_PLUGIN_CONCURRENCY);

    if (plugin->candidate_folder.data == NULL) {

        if (plugin->candidate_database.data) {
            return "has a \"candidate_database\" without a \"candidate\"";
        }

        if (ngx_http_ihanoi_plugin_read(cf, plugin) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }

        return ngx_http_ihanoi_plugin_offers(plugin);
    }

    /* with what was granted, which is both's, before one takes its own */

    if (ngx_http_ihanoi_plugin_candidate_create(cf, plugin) != NGX_CONF_OK
        || ngx_http_ihanoi_plugin_load(cf, plugin->candidate) != NGX_CONF_OK
        || ngx_http_ihanoi_plugin_read(cf, plugin) != NGX_CONF_OK
        || ngx_http_ihanoi_plugin_offers(plugin) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_ihanoi_plugin_check_grants(cf, plugin->candidate);
}


static char *
ngx_http_ihanoi_plugin_set_flag(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_flag_t  *field;

    field = (ngx_flag_t *) ((char *) conf + cmd->offset);

    if (*field != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    *field = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_plugin_set_msec(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t   *value;
    ngx_msec_t  *field;

    field = (ngx_msec_t *) ((char *) conf + cmd->offset);
    value = cf->args->elts;

    if (*field != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    *field = ngx_parse_time(&value[1], 0);

    if (*field == (ngx_msec_t) NGX_ERROR || *field == 0
        || *field > NGX_HTTP_IHANOI_PLUGIN_LONGEST)
    {
        return "must be a time from 1ms to 1h";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_plugin_set_size(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    size_t     *field;
    ngx_str_t  *value;

    field = (size_t *) ((char *) conf + cmd->offset);
    value = cf->args->elts;

    if (*field != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    *field = ngx_parse_size(&value[1]);

    if (*field == (size_t) NGX_ERROR || *field < IHANOI_STORE_SIZE_MIN) {
        return "must be a size of 128k or more";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_plugin_set_grant(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                *value;
    ngx_uint_t                i;
    ngx_array_t              *list;
    ngx_http_ihanoi_grant_t  *grant;

    list = (ngx_array_t *) ((char *) conf + cmd->offset);
    value = cf->args->elts;
    grant = list->elts;

    for (i = 0; i < list->nelts; i++) {
        if (grant[i].name.len == value[1].len
            && ngx_strcmp(grant[i].name.data, value[1].data) == 0)
        {
            return "is given twice for one name";
        }
    }

    grant = ngx_array_push(list);
    if (grant == NULL) {
        return NGX_CONF_ERROR;
    }

    grant->name = value[1];
    ngx_str_null(&grant->value);

    if (cf->args->nelts == 3) {
        grant->value = value[2];
    }

    return NGX_CONF_OK;
}


/*
 * Read with the configuration: workers may not be able to.  Line ends after
 * the secret are the editor's.
 */

static char *
ngx_http_ihanoi_plugin_set_secret(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    char                     *rv;
    ssize_t                   n;
    ngx_fd_t                  fd;
    ngx_str_t                *value, *file;
    ngx_array_t              *list;
    ngx_file_info_t           info;
    ngx_http_ihanoi_grant_t  *grant;

    rv = ngx_http_ihanoi_plugin_set_grant(cf, cmd, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    list = (ngx_array_t *) ((char *) conf + cmd->offset);
    grant = (ngx_http_ihanoi_grant_t *) list->elts + list->nelts - 1;

    value = cf->args->elts;
    file = &value[2];

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    grant->value.data = ngx_pnalloc(cf->pool, NGX_HTTP_IHANOI_PLUGIN_SECRET);
    if (grant->value.data == NULL) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY | NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", file);
        return NGX_CONF_ERROR;
    }

    rv = NGX_CONF_OK;
    n = -1;

    if (ngx_fd_info(fd, &info) == NGX_FILE_ERROR || !ngx_is_file(&info)) {
        rv = "is not a file";

    } else if (info.st_mode & S_IROTH) {
        rv = "must not be open to all users";

    } else {
        n = ngx_read_fd(fd, grant->value.data, NGX_HTTP_IHANOI_PLUGIN_SECRET);

        if (n == NGX_HTTP_IHANOI_PLUGIN_SECRET) {
            n = -1;
        }

        while (n > 0 && (grant->value.data[n - 1] == LF
                         || grant->value.data[n - 1] == CR))
        {
            n--;
        }

        if (n <= 0) {
            rv = "must have from 1 to 8191 bytes";
        }
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", file);
    }

    if (rv != NGX_CONF_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "secret file \"%V\" %s", file,
                           rv);
        return NGX_CONF_ERROR;
    }

    grant->value.len = n;

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_plugin_set_check(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_ihanoi_plugin_t *plugin = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (plugin->check != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[1].data, "always") == 0) {
        plugin->check = 1;

    } else if (ngx_strcmp(value[1].data, "sample") == 0) {
        plugin->check = 0;

    } else {
        return "must be \"always\" or \"sample\"";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_plugin_set_candidate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_ihanoi_plugin_t *plugin = conf;

    char       *rv;
    ngx_str_t  *value, name;

    rv = ngx_http_ihanoi_set_str(cf, cmd, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    value = cf->args->elts;

    if (value[2].len < 2 || value[2].data[0] != '$') {
        return "needs a variable that says when it serves";
    }

    name.data = value[2].data + 1;
    name.len = value[2].len - 1;

    plugin->selector = ngx_http_get_variable_index(cf, &name);

    return plugin->selector == NGX_ERROR ? NGX_CONF_ERROR : NGX_CONF_OK;
}
