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


/* A line of the block: its name, and how many arguments it has. */
typedef struct {
    ngx_str_t                    name;
    ngx_uint_t                   args;
    char                      *(*set)(ngx_conf_t *cf,
                                    ngx_http_ihanoi_plugin_t *plugin,
                                    ngx_uint_t offset);
    ngx_uint_t                   offset;
} ngx_http_ihanoi_plugin_line_t;


static char *ngx_http_ihanoi_plugin_line(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_ihanoi_plugin_set_str(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset);
static char *ngx_http_ihanoi_plugin_set_flag(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset);
static char *ngx_http_ihanoi_plugin_set_msec(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset);
static char *ngx_http_ihanoi_plugin_set_size(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset);
static char *ngx_http_ihanoi_plugin_set_number(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset);
static char *ngx_http_ihanoi_plugin_set_grant(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset);
static char *ngx_http_ihanoi_plugin_set_secret(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset);
static char *ngx_http_ihanoi_plugin_set_interface(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset);
static char *ngx_http_ihanoi_plugin_set_check(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset);
static char *ngx_http_ihanoi_plugin_set_candidate(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset);


static const ngx_http_ihanoi_plugin_line_t  ngx_http_ihanoi_plugin_lines[] = {

    { ngx_string("path"), 1, ngx_http_ihanoi_plugin_set_str,
      offsetof(ngx_http_ihanoi_plugin_t, folder) },

    { ngx_string("public"), 0, ngx_http_ihanoi_plugin_set_flag,
      offsetof(ngx_http_ihanoi_plugin_t, public) },

    { ngx_string("database"), 1, ngx_http_ihanoi_plugin_set_str,
      offsetof(ngx_http_ihanoi_plugin_t, database) },

    { ngx_string("backend"), 2, ngx_http_ihanoi_plugin_set_grant,
      offsetof(ngx_http_ihanoi_plugin_t, backends) },

    { ngx_string("event"), 1, ngx_http_ihanoi_plugin_set_grant,
      offsetof(ngx_http_ihanoi_plugin_t, events) },

    { ngx_string("setting"), 2, ngx_http_ihanoi_plugin_set_grant,
      offsetof(ngx_http_ihanoi_plugin_t, given) },

    { ngx_string("secret"), 2, ngx_http_ihanoi_plugin_set_secret,
      offsetof(ngx_http_ihanoi_plugin_t, secrets) },

    { ngx_string("interface"), 1, ngx_http_ihanoi_plugin_set_interface,
      offsetof(ngx_http_ihanoi_plugin_t, granted) },

    { ngx_string("memory"), 1, ngx_http_ihanoi_plugin_set_size,
      offsetof(ngx_http_ihanoi_plugin_t, memory) },

    { ngx_string("store"), 1, ngx_http_ihanoi_plugin_set_size,
      offsetof(ngx_http_ihanoi_plugin_t, store_size) },

    { ngx_string("stream"), 1, ngx_http_ihanoi_plugin_set_size,
      offsetof(ngx_http_ihanoi_plugin_t, stream) },

    { ngx_string("cpu"), 1, ngx_http_ihanoi_plugin_set_msec,
      offsetof(ngx_http_ihanoi_plugin_t, cpu) },

    { ngx_string("timeout"), 1, ngx_http_ihanoi_plugin_set_msec,
      offsetof(ngx_http_ihanoi_plugin_t, timeout) },

    { ngx_string("jobs"), 1, ngx_http_ihanoi_plugin_set_msec,
      offsetof(ngx_http_ihanoi_plugin_t, job_time) },

    { ngx_string("job_cpu"), 1, ngx_http_ihanoi_plugin_set_msec,
      offsetof(ngx_http_ihanoi_plugin_t, job_cpu) },

    { ngx_string("concurrency"), 1, ngx_http_ihanoi_plugin_set_number,
      offsetof(ngx_http_ihanoi_plugin_t, concurrency) },

    { ngx_string("check"), 1, ngx_http_ihanoi_plugin_set_check,
      offsetof(ngx_http_ihanoi_plugin_t, check) },

    { ngx_string("candidate"), 2, ngx_http_ihanoi_plugin_set_candidate,
      offsetof(ngx_http_ihanoi_plugin_t, candidate_folder) },

    { ngx_string("candidate_database"), 1, ngx_http_ihanoi_plugin_set_str,
      offsetof(ngx_http_ihanoi_plugin_t, candidate_database) },

    { ngx_null_string, 0, NULL, 0 }
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
        || ngx_array_init(&plugin->granted, cf->pool, 4, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&plugin->secrets, cf->pool, 4,
                          sizeof(ngx_http_ihanoi_grant_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    *last = plugin;

    rv = ngx_http_ihanoi_block(cf, ngx_http_ihanoi_plugin_line, plugin);

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
ngx_http_ihanoi_plugin_line(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                                 *rv;
    ngx_str_t                            *value;
    ngx_http_ihanoi_plugin_t             *plugin;
    const ngx_http_ihanoi_plugin_line_t  *line;

    plugin = (ngx_http_ihanoi_plugin_t *) cf->handler_conf;
    value = cf->args->elts;

    for (line = ngx_http_ihanoi_plugin_lines; line->name.len; line++) {

        if (line->name.len != value[0].len
            || ngx_strcmp(line->name.data, value[0].data) != 0)
        {
            continue;
        }

        if (cf->args->nelts != line->args + 1) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number of arguments in \"%V\"",
                               &value[0]);
            return NGX_CONF_ERROR;
        }

        rv = line->set(cf, plugin, line->offset);

        if (rv != NGX_CONF_OK && rv != NGX_CONF_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" %s", &value[0],
                               rv);
            return NGX_CONF_ERROR;
        }

        return rv;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown line \"%V\" in \"ihanoi_plugin\"", &value[0]);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_ihanoi_plugin_set_str(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset)
{
    ngx_str_t  *field, *value;

    field = (ngx_str_t *) ((char *) plugin + offset);
    value = cf->args->elts;

    if (field->data) {
        return "is duplicate";
    }

    if (value[1].len == 0) {
        return "is empty";
    }

    *field = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_plugin_set_flag(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset)
{
    ngx_flag_t  *field;

    field = (ngx_flag_t *) ((char *) plugin + offset);

    if (*field != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    *field = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_plugin_set_msec(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset)
{
    ngx_str_t   *value;
    ngx_msec_t  *field;

    field = (ngx_msec_t *) ((char *) plugin + offset);
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
ngx_http_ihanoi_plugin_set_size(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset)
{
    size_t     *field;
    ngx_str_t  *value;

    field = (size_t *) ((char *) plugin + offset);
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
ngx_http_ihanoi_plugin_set_number(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset)
{
    ngx_int_t  *field;
    ngx_str_t  *value;

    field = (ngx_int_t *) ((char *) plugin + offset);
    value = cf->args->elts;

    if (*field != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    *field = ngx_atoi(value[1].data, value[1].len);

    if (*field < 1 || *field > 10000) {
        return "must be from 1 to 10000";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_plugin_set_grant(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset)
{
    ngx_str_t                *value;
    ngx_uint_t                i;
    ngx_array_t              *list;
    ngx_http_ihanoi_grant_t  *grant;

    list = (ngx_array_t *) ((char *) plugin + offset);
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
ngx_http_ihanoi_plugin_set_secret(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset)
{
    char                     *rv;
    ssize_t                   n;
    ngx_fd_t                  fd;
    ngx_str_t                *value, *file;
    ngx_array_t              *list;
    ngx_file_info_t           info;
    ngx_http_ihanoi_grant_t  *grant;

    rv = ngx_http_ihanoi_plugin_set_grant(cf, plugin, offset);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    list = (ngx_array_t *) ((char *) plugin + offset);
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

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

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
        rv = "is open to all users";

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

    grant->value.len = n;

    return rv;
}


/* "PLUGIN.NAME": whether there is such a one is known when all are read. */

static char *
ngx_http_ihanoi_plugin_set_interface(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset)
{
    ngx_str_t    *value, *name;
    ngx_uint_t    i;
    ngx_array_t  *list;

    list = (ngx_array_t *) ((char *) plugin + offset);
    value = cf->args->elts;
    name = list->elts;

    for (i = 0; i < list->nelts; i++) {
        if (name[i].len == value[1].len
            && ngx_strcmp(name[i].data, value[1].data) == 0)
        {
            return "is given twice for one name";
        }
    }

    name = ngx_array_push(list);
    if (name == NULL) {
        return NGX_CONF_ERROR;
    }

    *name = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_plugin_set_check(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset)
{
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
ngx_http_ihanoi_plugin_set_candidate(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t offset)
{
    char       *rv;
    ngx_str_t  *value, name;

    rv = ngx_http_ihanoi_plugin_set_str(cf, plugin, offset);
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
