/*
 * Copyright (C) iHaNoi contributors
 *
 * The certificates that a database's server is held against.
 */

#ifndef _NGX_HTTP_IHANOI_PGTLS_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGTLS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* Configuration time.  NGX_ERROR: the file has none that can be read. */
ngx_int_t ngx_http_ihanoi_pgtls_read(ngx_conf_t *cf, ngx_str_t *file);


#endif /* _NGX_HTTP_IHANOI_PGTLS_H_INCLUDED_ */
