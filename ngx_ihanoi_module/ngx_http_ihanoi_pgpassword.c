/*
 * Copyright (C) iHaNoi contributors
 *
 * The file with the passwords of roles, in the format of libpq's own.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgdb.h"
#include "ngx_http_ihanoi_pgpassword.h"


typedef struct {
    ngx_str_t                    host;
    ngx_str_t                    port;
    ngx_str_t                    dbname;
    ngx_str_t                    user;
    ngx_str_t                    password;
} ngx_http_ihanoi_pgpassword_t;


static ngx_int_t ngx_http_ihanoi_pgpassword_read(ngx_conf_t *cf,
    ngx_str_t *name, ngx_str_t *text);
static u_char *ngx_http_ihanoi_pgpassword_field(u_char *p, ngx_str_t *field);


/*
 * Lines of "host:port:database:role:password", as in libpq's own password
 * file (PostgreSQL 34.16).  Read here, as root, so that workers need not be
 * able to; a file that others can read is a mistake.
 */

char *
ngx_http_ihanoi_pgpassword_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_ihanoi_pgdb_t *db = conf;

    u_char                        *p, *q, *last, *end;
    ngx_str_t                     *value, name, text;
    ngx_http_ihanoi_pgpassword_t  *password;

    if (db->passwords) {
        return "is duplicate";
    }

    value = cf->args->elts;
    name = value[1];

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    db->passwords = ngx_array_create(cf->pool, 4,
                                     sizeof(ngx_http_ihanoi_pgpassword_t));
    if (db->passwords == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_ihanoi_pgpassword_read(cf, &name, &text) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    last = text.data + text.len;

    for (p = text.data; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, '\n');
        if (end == NULL) {
            end = last;
        }

        *end = '\0';

        if (p == end || *p == '#') {
            continue;
        }

        if (end[-1] == '\r') {
            end[-1] = '\0';
        }

        password = ngx_array_push(db->passwords);
        if (password == NULL) {
            return NGX_CONF_ERROR;
        }

        q = ngx_http_ihanoi_pgpassword_field(p, &password->host);
        q = ngx_http_ihanoi_pgpassword_field(q, &password->port);
        q = ngx_http_ihanoi_pgpassword_field(q, &password->dbname);
        q = ngx_http_ihanoi_pgpassword_field(q, &password->user);

        if (q == NULL || *q == '\0') {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "password file \"%V\" has a line that is not "
                               "\"host:port:database:role:password\"",
                               &name);
            return NGX_CONF_ERROR;
        }

        (void) ngx_http_ihanoi_pgpassword_field(q, &password->password);
    }

    return NGX_CONF_OK;
}


/* All of it, with a byte of room behind it. */

static ngx_int_t
ngx_http_ihanoi_pgpassword_read(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *text)
{
    size_t           size;
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_file_info_t  fi;

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY | NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    n = NGX_FILE_ERROR;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", name);

    } else if (ngx_file_access(&fi) & 07) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "password file \"%V\" must not be open to all "
                           "users", name);

    } else if (ngx_file_size(&fi) > 65536) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "password file \"%V\" is too large", name);

    } else {
        size = (size_t) ngx_file_size(&fi);
        text->data = ngx_pnalloc(cf->pool, size + 1);

        if (text->data) {
            n = ngx_read_fd(fd, text->data, size);

            if (n < 0) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                                   "password file \"%V\" could not be read",
                                   name);

            } else if (!ngx_is_file(&fi)) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "password file \"%V\" is not a file",
                                   name);
                n = NGX_FILE_ERROR;
            }
        }
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", name);
    }

    if (n < 0) {
        return NGX_ERROR;
    }

    text->len = n;

    return NGX_OK;
}


/*
 * Takes a field off a line, in place: a backslash keeps what follows from
 * being special.  Returns what comes after its colon, NULL if none does.
 */

static u_char *
ngx_http_ihanoi_pgpassword_field(u_char *p, ngx_str_t *field)
{
    u_char  *to, c;

    ngx_str_null(field);

    if (p == NULL) {
        return NULL;
    }

    field->data = p;
    to = p;

    while (*p && *p != ':') {

        if (*p == '\\' && p[1]) {
            p++;
        }

        *to++ = *p++;
    }

    c = *p;
    *to = '\0';
    field->len = to - field->data;

    return c ? p + 1 : NULL;
}


const char *
ngx_http_ihanoi_pgpassword_find(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pghost_t *host, ngx_str_t *user)
{
    ngx_uint_t                      i, n;
    ngx_http_ihanoi_pgpassword_t  *password;

    if (db->passwords == NULL) {
        return NULL;
    }

    password = db->passwords->elts;

    for (i = 0; i < db->passwords->nelts; i++) {

        const struct {
            const ngx_str_t  *field;
            const char       *value;
            const char       *other;
        } fields[] = {
            { &password[i].host, host->host,
              host->hostaddr ? host->hostaddr : "localhost" },
            { &password[i].port, host->port, NULL },
            { &password[i].dbname, (char *) db->dbname.data, NULL },
            { &password[i].user, (char *) user->data, NULL }
        };

        for (n = 0; n < sizeof(fields) / sizeof(fields[0]); n++) {

            if (ngx_strcmp(fields[n].field->data, "*") != 0
                && ngx_strcmp(fields[n].field->data, fields[n].value) != 0
                && (fields[n].other == NULL
                    || ngx_strcmp(fields[n].field->data, fields[n].other)
                       != 0))
            {
                break;
            }
        }

        if (n == sizeof(fields) / sizeof(fields[0])) {
            return (char *) password[i].password.data;
        }
    }

    return NULL;
}
