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
 * Reads the lines of a directive's block.  A line is what a directive is to its
 * module: "type" has how many arguments it takes, set() gets "conf", and what it
 * returns is told of the line.  What the directive returns afterwards is told of
 * the directive, as nginx does it of those without a block.
 */

char *ngx_http_ihanoi_block(ngx_conf_t *cf, ngx_command_t *lines, void *conf);

/* ngx_conf_set_str_slot() of what must not be empty. */

char *ngx_http_ihanoi_set_str(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * What follows a directive's first argument: "interval=time", in milliseconds
 * from 100ms to most ("5s"), or nothing: a second.  Returns what the directive
 * is to return.
 */

char *ngx_http_ihanoi_interval(ngx_conf_t *cf, const char *most,
    ngx_int_t *interval);


#endif /* _NGX_HTTP_IHANOI_BLOCK_H_INCLUDED_ */
