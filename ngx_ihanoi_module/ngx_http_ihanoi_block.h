/*
 * Copyright (C) iHaNoi contributors
 *
 * Directives with a block, and the parameter that several have.
 */

#ifndef _NGX_HTTP_IHANOI_BLOCK_H_INCLUDED_
#define _NGX_HTTP_IHANOI_BLOCK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Reads the lines of a directive's block, each with "line", which finds "data"
 * in cf->handler_conf.  What the directive returns afterwards is told of the
 * directive, as nginx does it of those without a block.
 */

char *ngx_http_ihanoi_block(ngx_conf_t *cf, ngx_conf_handler_pt line,
    void *data);

/*
 * What follows a directive's first argument: "interval=time", in milliseconds
 * from 100ms to most ("5s"), or nothing: a second.  Returns what the directive
 * is to return.
 */

char *ngx_http_ihanoi_interval(ngx_conf_t *cf, const char *most,
    ngx_int_t *interval);


#endif /* _NGX_HTTP_IHANOI_BLOCK_H_INCLUDED_ */
