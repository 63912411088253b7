/*
 * Copyright (C) iHaNoi contributors
 *
 * Where keys come from: files, read with the configuration, and subrequests.
 */

#include "ngx_http_ihanoi_auth_keys.h"
#include "ngx_http_ihanoi_auth_fetch.h"


ngx_http_ihanoi_auth_source_t *
ngx_http_ihanoi_auth_source_file(ngx_conf_t *cf, ngx_str_t *path,
    const ihanoi_alg_e *algorithms, unsigned nalgorithms)
{
    char                            error[256];
    u_char                         *buf;
    size_t                          size;
    ssize_t                         n;
    ngx_fd_t                        fd;
    ngx_str_t                       name;
    ngx_uint_t                      i;
    ngx_file_info_t                 fi;
    ngx_pool_cleanup_t             *cln;
    ihanoi_jwks_options_t           options;
    ngx_http_ihanoi_auth_source_t  *source;

    source = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_auth_source_t));
    if (source == NULL) {
        return NULL;
    }

    name = *path;

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NULL;
    }

    source->name = name;

    /* a pipe would be waited for until somebody writes to it */

    fd = ngx_open_file(name.data, NGX_FILE_RDONLY | NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "could not open key file \"%V\"", &name);
        return NULL;
    }

    buf = NULL;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "could not read key file \"%V\"", &name);
        goto failed;
    }

    if (!ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key file \"%V\" is not a file", &name);
        goto failed;
    }

    if (ngx_file_size(&fi) > IHANOI_JWKS_MAX_SIZE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key file \"%V\" is larger than %d bytes", &name,
                           IHANOI_JWKS_MAX_SIZE);
        goto failed;
    }

    size = (size_t) ngx_file_size(&fi);

    buf = ngx_alloc(size + 1, cf->log);
    if (buf == NULL) {
        goto failed;
    }

    n = ngx_read_fd(fd, buf, size);

    if (n == -1 || (size_t) n != size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, (n == -1) ? ngx_errno : 0,
                           "could not read key file \"%V\"", &name);
        goto failed;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        goto failed;
    }

    ngx_memzero(&options, sizeof(ihanoi_jwks_options_t));

    options.algorithms = algorithms;
    options.nalgorithms = nalgorithms;
    options.note = ngx_http_ihanoi_auth_source_note;
    options.ctx = source;

    source->set = ihanoi_jwks_parse((char *) buf, size, &options, error);

    if (source->set == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key file \"%V\" is refused: %s", &name, error);
        goto failed;
    }

    cln->handler = (ngx_pool_cleanup_pt) ihanoi_jwks_free;
    cln->data = source->set;

    for (i = 0; i < ihanoi_jwks_count(source->set); i++) {

        if (ihanoi_jwks_key(source->set, i)->pkey == NULL) {
            ngx_http_ihanoi_auth_secret_file(cf, fd, &name);
            break;
        }
    }

    ngx_close_file(fd);
    ngx_explicit_memzero(buf, size);
    ngx_free(buf);

    return source;

failed:

    ngx_close_file(fd);

    if (buf) {
        ngx_free(buf);
    }

    return NULL;
}


void
ngx_http_ihanoi_auth_secret_file(ngx_conf_t *cf, ngx_fd_t fd, ngx_str_t *name)
{
    ngx_uint_t       mode;
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        return;
    }

    mode = ngx_file_access(&fi);

    if (mode & S_IROTH) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "key file \"%V\" holds a secret and may be read "
                           "by all users, its mode is 0%ui%ui%ui", name,
                           mode >> 6, mode >> 3 & 7, mode & 7);
    }
}


/* A set is fetched for all of a location's requests, so there are no variables. */

ngx_int_t
ngx_http_ihanoi_auth_source_uri(ngx_conf_t *cf, ngx_str_t *uri)
{
    if (uri->len == 0 || uri->data[0] != '/') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "URI \"%V\" of a key request must begin with \"/\"",
                           uri);
        return NGX_ERROR;
    }

    if (ngx_http_script_variables_count(uri)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "URI \"%V\" of a key request has variables, which "
                           "are not supported there", uri);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_http_ihanoi_auth_source_t *
ngx_http_ihanoi_auth_source_request(ngx_conf_t *cf,
    ngx_http_ihanoi_auth_keys_t *keys, ngx_str_t *uri, ngx_str_t *issuer,
    ngx_msec_t fresh, const ihanoi_alg_e *algorithms, unsigned nalgorithms)
{
    ngx_http_ihanoi_auth_source_t  *source, **slot;

    if (ngx_http_ihanoi_auth_source_uri(cf, uri) != NGX_OK) {
        return NULL;
    }

    source = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_auth_source_t));
    if (source == NULL) {
        return NULL;
    }

    source->file = cf->conf_file->file.name.data;
    source->line = cf->conf_file->line;
    source->name = *uri;
    source->fresh = fresh;
    source->algorithms = algorithms;
    source->nalgorithms = nalgorithms;
    source->index = keys->sources.nelts;
    source->shared = (issuer->len != 0);

    source->id = *uri;

    if (issuer->len) {
        source->id.len = issuer->len + 1 + uri->len;
        source->id.data = ngx_pnalloc(cf->pool, source->id.len);
        if (source->id.data == NULL) {
            return NULL;
        }

        ngx_sprintf(source->id.data, "%V %V", issuer, uri);
    }

    slot = ngx_array_push(&keys->sources);
    if (slot == NULL) {
        return NULL;
    }

    *slot = source;

    return source;
}


const ihanoi_jwks_t *
ngx_http_ihanoi_auth_source_set(ngx_http_ihanoi_auth_source_t *source)
{
    ngx_http_ihanoi_auth_state_t  *state;

    if (source->set) {
        return source->set;
    }

    state = ngx_http_ihanoi_auth_state(source);

    return state ? state->set : NULL;
}


ngx_uint_t
ngx_http_ihanoi_auth_source_generation(ngx_http_ihanoi_auth_source_t *source)
{
    ngx_http_ihanoi_auth_state_t  *state;

    if (source->set) {
        return 0;
    }

    state = ngx_http_ihanoi_auth_state(source);

    return state ? state->generation : 0;
}


void
ngx_http_ihanoi_auth_source_refresh(ngx_http_ihanoi_auth_source_t *source)
{
    ngx_http_ihanoi_auth_state_t  *state;

    if (source->set) {
        return;
    }

    state = ngx_http_ihanoi_auth_state(source);
    if (state == NULL) {
        return;
    }

    ngx_http_ihanoi_auth_state_sync(state);

    if (state->fetch) {
        return;
    }

    if (state->set && !ihanoi_jwks_partial(state->set)
        && ngx_current_msec - state->got < source->fresh)
    {
        return;
    }

    if (state->asked_once
        && ngx_current_msec - state->asked
           < ngx_max(state->retry, NGX_HTTP_IHANOI_AUTH_RETRY_MIN))
    {
        return;
    }

    /* a failure to start is like one to fetch: what is there is good enough */
    (void) ngx_http_ihanoi_auth_fetch_start(state);
}


ngx_int_t
ngx_http_ihanoi_auth_source_wait(ngx_http_ihanoi_auth_source_t *source,
    ngx_http_request_t *r, ngx_http_ihanoi_auth_wait_t *wait)
{
    ngx_http_ihanoi_auth_state_t  *state;

    if (source->set) {
        return NGX_DECLINED;
    }

    state = ngx_http_ihanoi_auth_state(source);
    if (state == NULL) {
        return NGX_ERROR;
    }

    if (state->fetch == NULL && !ngx_http_ihanoi_auth_state_may_ask(state)) {
        return NGX_DECLINED;
    }

    if (state->fetch == NULL
        && ngx_http_ihanoi_auth_fetch_start(state) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    wait->joined = ngx_http_ihanoi_auth_fetch_is_older(state->fetch, r);

    return ngx_http_ihanoi_auth_wait(r, wait, &state->waits,
                                     NGX_HTTP_IHANOI_AUTH_FETCH_TIMEOUT);
}


ngx_uint_t
ngx_http_ihanoi_auth_source_failed(ngx_http_ihanoi_auth_source_t *source)
{
    ngx_http_ihanoi_auth_state_t  *state;

    if (source->set) {
        return 0;
    }

    state = ngx_http_ihanoi_auth_state(source);

    return state && state->retry;
}


ngx_uint_t
ngx_http_ihanoi_auth_source_retry_after(ngx_http_ihanoi_auth_source_t *source)
{
    ngx_msec_t                     pause;
    ngx_http_ihanoi_auth_state_t  *state;

    if (source->set) {
        return 1;
    }

    state = ngx_http_ihanoi_auth_state(source);
    if (state == NULL) {
        return 1;
    }

    pause = ngx_max(state->retry, NGX_HTTP_IHANOI_AUTH_RETRY_MIN);

    return (pause + 999) / 1000;
}
