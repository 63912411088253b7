/*
 * Copyright (C) iHaNoi contributors
 *
 * The certificates that a database's server is held against.
 *
 * libpq reads them in each worker, when it connects: nginx -t says before
 * that it could not.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "ngx_http_ihanoi_pgtls.h"


ngx_int_t
ngx_http_ihanoi_pgtls_read(ngx_conf_t *cf, ngx_str_t *file)
{
    ngx_int_t         rc;
    X509_STORE       *store;
    ngx_file_info_t   fi;

    /* a pipe would be waited for until somebody writes to it */

    if (ngx_file_info(file->data, &fi) != NGX_FILE_ERROR && !ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "could not read certificates from \"%V\": not a "
                           "file", file);
        return NGX_ERROR;
    }

    store = X509_STORE_new();
    if (store == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    if (X509_STORE_load_locations(store, (char *) file->data, NULL) != 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "could not read certificates from \"%V\": %s",
                           file, ERR_error_string(ERR_peek_error(), NULL));
        rc = NGX_ERROR;
    }

    X509_STORE_free(store);
    ERR_clear_error();

    return rc;
}
