/*
 * Copyright (C) iHaNoi contributors
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
