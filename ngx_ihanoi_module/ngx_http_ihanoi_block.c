/*
 * Copyright (C) iHaNoi contributors
 *
 * Directives with a block, and the parameter that several have.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_ihanoi_block.h"


typedef struct {
    ngx_str_t        name;       /* of the directive */
    ngx_command_t   *lines;
    void            *conf;
} ngx_http_ihanoi_block_t;


static char *ngx_http_ihanoi_block_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);


char *
ngx_http_ihanoi_block(ngx_conf_t *cf, ngx_command_t *lines, void *conf)
{
    char                     *rv;
    ngx_str_t                *first;
    ngx_conf_t                save;
    ngx_http_ihanoi_block_t   block;

    /* nginx takes a directive's name from here, where each line puts its own */

    first = cf->args->elts;

    block.name = first[0];
    block.lines = lines;
    block.conf = conf;

    save = *cf;

    cf->handler = ngx_http_ihanoi_block_line;
    cf->handler_conf = &block;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;
    first[0] = block.name;

    return rv;
}


static char *
ngx_http_ihanoi_block_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_http_ihanoi_block_t *block = conf;

    char           *rv;
    ngx_str_t      *value;
    ngx_uint_t      n;
    ngx_command_t  *line;

    value = cf->args->elts;
    n = cf->args->nelts - 1;

    for (line = block->lines; line->name.len; line++) {
        if (line->name.len == value[0].len
            && ngx_strcmp(line->name.data, value[0].data) == 0)
        {
            break;
        }
    }

    if (line->name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "unknown line \"%V\" in "
                           "\"%V\"", &value[0], &block->name);
        return NGX_CONF_ERROR;
    }

    /* NGX_CONF_NOARGS, NGX_CONF_TAKE1 ... are a bit each, in this order */

    if (!(line->type & NGX_CONF_1MORE && n)
        && !(n < NGX_CONF_MAX_ARGS && line->type & (NGX_CONF_NOARGS << n)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid number of arguments "
                           "in \"%V\" of \"%V\"", &value[0], &block->name);
        return NGX_CONF_ERROR;
    }

    rv = line->set(cf, line, block->conf);

    if (rv == NGX_CONF_OK || rv == NGX_CONF_ERROR) {
        return rv;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" in \"%V\" %s", &value[0],
                       &block->name, rv);

    return NGX_CONF_ERROR;
}


char *
ngx_http_ihanoi_set_str(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "is empty";
    }

    return ngx_conf_set_str_slot(cf, cmd, conf);
}


char *
ngx_http_ihanoi_interval(ngx_conf_t *cf, const char *most,
    ngx_int_t *interval)
{
    ngx_str_t  *value, s, limit;

    *interval = 1000;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    if (ngx_strncmp(value[2].data, "interval=", 9) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    s.data = value[2].data + 9;
    s.len = value[2].len - 9;

    limit.data = (u_char *) most;
    limit.len = ngx_strlen(most);

    *interval = ngx_parse_time(&s, 0);

    if (*interval == NGX_ERROR || *interval < 100
        || *interval > ngx_parse_time(&limit, 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" directive must have "
                           "an interval between 100ms and %s", &value[0], most);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
