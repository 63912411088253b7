/*
 * Copyright (C) iHaNoi contributors
 *
 * The plain directives of authentication.
 */

#include "ngx_http_ihanoi_auth_directives.h"
#include "ngx_http_ihanoi_auth_deny.h"
#include "ngx_http_ihanoi_block.h"


static ngx_int_t ngx_http_ihanoi_auth_realm(ngx_conf_t *cf, ngx_str_t *from,
    ngx_str_t *to);


/* auth_jwt string [token=$variable] | off; */

char *
ngx_http_ihanoi_auth_jwt(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ihanoi_auth_loc_conf_t  *alcf = conf;

    ngx_str_t  *value, name;

    if (alcf->enable != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 3 && ngx_strncmp(value[1].data, "off", 3) == 0) {

        if (cf->args->nelts != 2) {
            return "has nothing to do with a token when it is off";
        }

        alcf->enable = 0;
        return NGX_CONF_OK;
    }

    alcf->enable = 1;

    if (ngx_http_ihanoi_auth_realm(cf, &value[1], &alcf->realm) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (value[2].len < 8 || ngx_strncmp(value[2].data, "token=$", 7) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", \"token=$variable\" is "
                           "expected", &value[2]);
        return NGX_CONF_ERROR;
    }

    name.data = value[2].data + 7;
    name.len = value[2].len - 7;

    alcf->token = ngx_http_get_variable_index(cf, &name);
    if (alcf->token == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* RFC 9110 5.6.4: a realm goes into a quoted string. */

static ngx_int_t
ngx_http_ihanoi_auth_realm(ngx_conf_t *cf, ngx_str_t *from, ngx_str_t *to)
{
    u_char      *p;
    ngx_uint_t   i;

    p = ngx_pnalloc(cf->pool, from->len * 2 + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    to->data = p;

    if (ngx_http_script_variables_count(from)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "realm \"%V\" has variables, which are not "
                           "supported there", from);
        return NGX_ERROR;
    }

    for (i = 0; i < from->len; i++) {

        if (from->data[i] < 0x20 || from->data[i] == 0x7f) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "realm has control characters");
            return NGX_ERROR;
        }

        if (from->data[i] == '"' || from->data[i] == '\\') {
            *p++ = '\\';
        }

        *p++ = from->data[i];
    }

    to->len = p - to->data;

    return NGX_OK;
}


/* auth_jwt_key_file file; auth_jwt_key_request uri; */

char *
ngx_http_ihanoi_auth_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ihanoi_auth_loc_conf_t  *alcf = conf;

    ngx_str_t                   *value;
    ngx_http_ihanoi_auth_key_t  *key;

    value = cf->args->elts;

    if (alcf->keys == NULL) {
        alcf->keys = ngx_array_create(cf->pool, 2,
                                      sizeof(ngx_http_ihanoi_auth_key_t));
        if (alcf->keys == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (alcf->keys->nelts == NGX_HTTP_IHANOI_AUTH_MAX_SOURCES) {
        return "names too many key sets";
    }

    key = ngx_array_push(alcf->keys);
    if (key == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(key, sizeof(ngx_http_ihanoi_auth_key_t));

    if (cmd->name.len == sizeof("auth_jwt_key_request") - 1) {

        if (ngx_http_ihanoi_auth_source_uri(cf, &value[1]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        key->uri = value[1];
        key->conf = cf->conf_file->file.name.data;
        key->line = cf->conf_file->line;

        return NGX_CONF_OK;
    }

    key->file = ngx_http_ihanoi_auth_source_file(cf, &value[1], NULL, 0);

    return key->file ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* auth_jwt_type signed; */

char *
ngx_http_ihanoi_auth_type(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (value[1].len != 6 || ngx_strncmp(value[1].data, "signed", 6) != 0) {
        return "must be \"signed\": encrypted and nested tokens are refused";
    }

    return NGX_CONF_OK;
}


/* auth_jwt_require $value ... [error=401 | 403]; */

char *
ngx_http_ihanoi_auth_require(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ihanoi_auth_loc_conf_t  *alcf = conf;

    ngx_str_t                         *value;
    ngx_uint_t                         i, n;
    ngx_http_complex_value_t          *cv;
    ngx_http_ihanoi_auth_require_t    *require;
    ngx_http_compile_complex_value_t   ccv;

    value = cf->args->elts;
    n = cf->args->nelts;

    if (alcf->requires == NGX_CONF_UNSET_PTR) {
        alcf->requires = ngx_array_create(cf->pool, 2,
                                       sizeof(ngx_http_ihanoi_auth_require_t));
        if (alcf->requires == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    require = ngx_array_push(alcf->requires);
    if (require == NULL) {
        return NGX_CONF_ERROR;
    }

    require->status = NGX_HTTP_UNAUTHORIZED;

    if (value[n - 1].len > 6
        && ngx_strncmp(value[n - 1].data, "error=", 6) == 0)
    {
        n--;

        if (ngx_strcmp(value[n].data, "error=403") == 0) {
            require->status = NGX_HTTP_FORBIDDEN;

        } else if (ngx_strcmp(value[n].data, "error=401") != 0) {
            return "can answer with error=401 or error=403 only";
        }

        if (n == 1) {
            return "names no value";
        }
    }

    require->values = ngx_array_create(cf->pool, n,
                                       sizeof(ngx_http_complex_value_t));
    if (require->values == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < n; i++) {

        if (value[i].len < 2 || value[i].data[0] != '$') {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", a variable is "
                               "expected", &value[i]);
            return NGX_CONF_ERROR;
        }

        cv = ngx_array_push(require->values);
        if (cv == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

        ccv.cf = cf;
        ccv.value = &value[i];
        ccv.complex_value = cv;

        if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* auth_jwt_claim_set $variable name ...; and _header_set: one name a level */

char *
ngx_http_ihanoi_auth_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t            *value, *name;
    ngx_uint_t            i;
    ngx_array_t          *path;
    ngx_http_variable_t  *var;

    value = cf->args->elts;

    if (value[1].len < 2 || value[1].data[0] != '$') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid variable name \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    value[1].len--;
    value[1].data++;

    path = ngx_array_create(cf->pool, cf->args->nelts - 2, sizeof(ngx_str_t));
    if (path == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        name = ngx_array_push(path);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    var = ngx_http_add_variable(cf, &value[1], NGX_HTTP_VAR_NOCACHEABLE);
    if (var == NULL) {
        return NGX_CONF_ERROR;
    }

    if (var->get_handler) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "variable \"$%V\" is set elsewhere", &value[1]);
        return NGX_CONF_ERROR;
    }

    var->get_handler = (ngx_http_get_variable_pt) cmd->post;
    var->data = (uintptr_t) path;

    return NGX_CONF_OK;
}


/* auth_jwt_token_cache [entries=number] [size=size] | off; */

char *
ngx_http_ihanoi_auth_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ihanoi_auth_main_conf_t  *amcf = conf;

    ssize_t      size;
    ngx_int_t    n;
    ngx_str_t   *value, s;
    ngx_uint_t   i;

    if (amcf->cache_set) {
        return "is duplicate";
    }

    amcf->cache_set = 1;
    amcf->cache.max_entries = NGX_HTTP_IHANOI_AUTH_ENTRIES;
    amcf->cache.max_size = NGX_HTTP_IHANOI_AUTH_SIZE;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        amcf->cache.max_entries = 0;
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "entries=", 8) == 0) {
            n = ngx_atoi(value[i].data + 8, value[i].len - 8);

            if (n <= 0 || n > 10000000) {
                return "must have between 1 and 10000000 entries";
            }

            amcf->cache.max_entries = n;
            continue;
        }

        if (ngx_strncmp(value[i].data, "size=", 5) == 0) {
            s.data = value[i].data + 5;
            s.len = value[i].len - 5;

            size = ngx_parse_size(&s);

            if (size < 64 * 1024) {
                return "must have a size of at least 64k";
            }

            amcf->cache.max_size = size;
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                           &value[i]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* auth_jwt_deny_list database [interval=time]; */

char *
ngx_http_ihanoi_auth_deny_list(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ihanoi_auth_main_conf_t  *amcf = conf;

    ngx_int_t   interval;
    ngx_str_t  *value;

    if (amcf->deny_list) {
        return "is duplicate";
    }

    if (ngx_http_ihanoi_interval(cf, "1m", &interval) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    amcf->deny_list = interval;

    if (ngx_http_ihanoi_auth_deny_poll(cf, &value[1], interval) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* ihanoi_subject_hash_key_file file; */

char *
ngx_http_ihanoi_auth_subject_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_ihanoi_auth_main_conf_t  *amcf = conf;

    u_char      buf[4096 + 1];
    ssize_t     n;
    ngx_fd_t    fd;
    ngx_err_t   err;
    ngx_str_t  *value, name;

    if (amcf->subject_key_set) {
        return "is duplicate";
    }

    value = cf->args->elts;
    name = value[1];

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(name.data, NGX_FILE_RDONLY | NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "could not open key file \"%V\"", &name);
        return NGX_CONF_ERROR;
    }

    n = ngx_read_fd(fd, buf, sizeof(buf));
    err = ngx_errno;

    ngx_http_ihanoi_auth_secret_file(cf, fd, &name);
    ngx_close_file(fd);

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                           "could not read key file \"%V\"", &name);
        return NGX_CONF_ERROR;
    }

    if (n < 16 || n == sizeof(buf)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key file \"%V\" is not of 16 to 4096 bytes", &name);
        return NGX_CONF_ERROR;
    }

    if (ihanoi_sha256(buf, n, amcf->subject_key) != 0) {
        return NGX_CONF_ERROR;
    }

    ngx_explicit_memzero(buf, sizeof(buf));
    amcf->subject_key_set = 1;

    return NGX_CONF_OK;
}
