/*
 * Copyright (C) iHaNoi contributors
 *
 * Directives with a block, and the parameter that several have.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_ihanoi_block.h"


char *
ngx_http_ihanoi_block(ngx_conf_t *cf, ngx_conf_handler_pt line, void *data)
{
    char        *rv;
    ngx_str_t   *first, name;
    ngx_conf_t   save;

    /* nginx takes a directive's name from here, where each line puts its own */

    first = cf->args->elts;
    name = first[0];

    save = *cf;

    cf->handler = line;
    cf->handler_conf = data;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;
    first[0] = name;

    return rv;
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
