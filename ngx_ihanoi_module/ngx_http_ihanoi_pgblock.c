/*
 * Copyright (C) iHaNoi contributors
 *
 * The lines of an "ihanoi_database" block.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_block.h"
#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgdb.h"
#include "ngx_http_ihanoi_pgpassword.h"
#include "ngx_http_ihanoi_pgtls.h"
#include "ngx_http_ihanoi_pgblock_class.h"
#include "ngx_http_ihanoi_pgblock.h"


static char *ngx_http_ihanoi_pgblock_set_server(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_ihanoi_pgblock_set_socket(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_str_t *port);
static char *ngx_http_ihanoi_pgblock_set_msec(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_ihanoi_pgblock_set_size(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_ihanoi_pgblock_set_sslmode(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_ihanoi_pgblock_set_sslrootcert(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_ihanoi_pgblock_check_roles(ngx_http_ihanoi_pgdb_t *db);
static ngx_uint_t ngx_http_ihanoi_pgblock_is_name(ngx_str_t *s);


ngx_command_t  ngx_http_ihanoi_pgblock_lines[] = {

    { ngx_string("server"), NGX_CONF_TAKE123,
      ngx_http_ihanoi_pgblock_set_server,
      0, 0, NULL },

    { ngx_string("dbname"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_set_str,
      0, offsetof(ngx_http_ihanoi_pgdb_t, dbname), NULL },

    { ngx_string("release"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_set_str,
      0, offsetof(ngx_http_ihanoi_pgdb_t, release), NULL },

    { ngx_string("schema"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_set_str,
      0, offsetof(ngx_http_ihanoi_pgdb_t, schema), NULL },

    { ngx_string("user"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_set_str,
      0, offsetof(ngx_http_ihanoi_pgdb_t, user), NULL },

    { ngx_string("read_user"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_set_str,
      0, offsetof(ngx_http_ihanoi_pgdb_t, read_user), NULL },

    { ngx_string("write_user"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_set_str,
      0, offsetof(ngx_http_ihanoi_pgdb_t, write_user), NULL },

    { ngx_string("slow_user"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_set_str,
      0, offsetof(ngx_http_ihanoi_pgdb_t, slow_user), NULL },

    { ngx_string("control_user"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_set_str,
      0, offsetof(ngx_http_ihanoi_pgdb_t, control_user), NULL },

    { ngx_string("password_file"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_pgpassword_set,
      0, 0, NULL },

    { ngx_string("sslmode"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_pgblock_set_sslmode,
      0, offsetof(ngx_http_ihanoi_pgdb_t, sslmode), NULL },

    { ngx_string("sslrootcert"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_pgblock_set_sslrootcert,
      0, offsetof(ngx_http_ihanoi_pgdb_t, sslrootcert), NULL },

    { ngx_string("connect_timeout"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_pgblock_set_msec,
      0, offsetof(ngx_http_ihanoi_pgdb_t, connect_timeout), NULL },

    { ngx_string("connection_age"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_pgblock_set_msec,
      0, offsetof(ngx_http_ihanoi_pgdb_t, age), NULL },

    { ngx_string("result_memory"), NGX_CONF_TAKE1,
      ngx_http_ihanoi_pgblock_set_size,
      0, offsetof(ngx_http_ihanoi_pgdb_t, memory), NULL },

    { ngx_string("read"), NGX_CONF_1MORE,
      ngx_http_ihanoi_pgblock_class_set,
      0, NGX_HTTP_IHANOI_PG_READ, NULL },

    { ngx_string("write"), NGX_CONF_1MORE,
      ngx_http_ihanoi_pgblock_class_set,
      0, NGX_HTTP_IHANOI_PG_WRITE, NULL },

    { ngx_string("slow"), NGX_CONF_1MORE,
      ngx_http_ihanoi_pgblock_class_set,
      0, NGX_HTTP_IHANOI_PG_SLOW, NULL },

    { ngx_string("control"), NGX_CONF_1MORE,
      ngx_http_ihanoi_pgblock_class_set,
      0, NGX_HTTP_IHANOI_PG_CONTROL, NULL },

      ngx_null_command
};


ngx_int_t
ngx_http_ihanoi_pgblock_init(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db)
{
    db->connect_timeout = NGX_CONF_UNSET_MSEC;
    db->age = NGX_CONF_UNSET_MSEC;
    db->memory = NGX_CONF_UNSET_SIZE;

    if (ngx_array_init(&db->hosts, cf->pool, 4,
                       sizeof(ngx_http_ihanoi_pghost_t))
        != NGX_OK
        || ngx_array_init(&db->tasks, cf->pool, 4,
                          sizeof(ngx_http_ihanoi_pgtask_t))
           != NGX_OK
        || ngx_array_init(&db->stmts, cf->pool, 64,
                          sizeof(ngx_http_ihanoi_pgstmt_t *))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_ihanoi_pgblock_class_init(cf, db);
}


/*
 *     server unix:/directory [port=5432];
 *     server address[:port] [host=name];
 *
 * A name is resolved here, once: a connection gets one address, so that libpq
 * neither resolves (which blocks) nor changes its socket.
 */

static char *
ngx_http_ihanoi_pgblock_set_server(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_ihanoi_pgdb_t *db = conf;

    u_char                    *p;
    ngx_int_t                  n;
    ngx_str_t                 *value, host, port;
    ngx_url_t                  u;
    ngx_uint_t                 i;
    ngx_http_ihanoi_pghost_t  *h;

    value = cf->args->elts;

    ngx_str_null(&host);
    ngx_str_set(&port, "5432");

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "port=", 5) == 0) {
            port.data = value[i].data + 5;
            port.len = value[i].len - 5;

            n = ngx_atoi(port.data, port.len);
            if (n < 1 || n > 65535) {
                return "has an invalid port";
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "host=", 5) == 0) {
            host.data = value[i].data + 5;
            host.len = value[i].len - 5;
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                           &value[i]);
        return NGX_CONF_ERROR;
    }

    if (value[1].len > 5 && ngx_strncmp(value[1].data, "unix:", 5) == 0) {
        return ngx_http_ihanoi_pgblock_set_socket(cf, db, &port);
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = value[1];
    u.default_port = (in_port_t) ngx_atoi(port.data, port.len);

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in server \"%V\"",
                           u.err ? u.err : "error", &u.url);
        return NGX_CONF_ERROR;
    }

    if (host.len == 0) {

        /* libpq wants a NUL behind it, as words of a configuration have one */

        host.data = ngx_pnalloc(cf->pool, u.host.len + 1);
        if (host.data == NULL) {
            return NGX_CONF_ERROR;
        }

        (void) ngx_cpystrn(host.data, u.host.data, u.host.len + 1);
    }

    for (i = 0; i < u.naddrs; i++) {

        h = ngx_array_push(&db->hosts);
        if (h == NULL) {
            return NGX_CONF_ERROR;
        }

        p = ngx_pcalloc(cf->pool, NGX_SOCKADDR_STRLEN + 1);
        if (p == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_sock_ntop(u.addrs[i].sockaddr, u.addrs[i].socklen, p,
                      NGX_SOCKADDR_STRLEN, 0);

        h->hostaddr = (char *) p;
        h->host = (char *) host.data;
        h->name = u.addrs[i].name;

        p = ngx_pcalloc(cf->pool, sizeof("65535"));
        if (p == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_sprintf(p, "%ui",
                    (ngx_uint_t) ngx_inet_get_port(u.addrs[i].sockaddr));

        h->port = (char *) p;
    }

    return NGX_CONF_OK;
}


/* Of "unix:folder"; its socket is named by the port. */

static char *
ngx_http_ihanoi_pgblock_set_socket(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_str_t *port)
{
    ngx_str_t                 *value, path;
    ngx_http_ihanoi_pghost_t  *h;

    value = cf->args->elts;

    path.data = value[1].data + 5;
    path.len = value[1].len - 5;

    if (ngx_conf_full_name(cf->cycle, &path, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (path.len + sizeof("/.s.PGSQL.") + port->len
        > sizeof(((struct sockaddr_un *) 0)->sun_path))
    {
        return "has a socket directory whose name is too long";
    }

    h = ngx_array_push(&db->hosts);
    if (h == NULL) {
        return NGX_CONF_ERROR;
    }

    h->host = (char *) path.data;
    h->hostaddr = NULL;
    h->port = (char *) port->data;

    h->name.data = ngx_pnalloc(cf->pool, path.len + port->len + 6);
    if (h->name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    h->name.len = ngx_sprintf(h->name.data, "unix:%V:%V", &path, port)
                  - h->name.data;

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_pgblock_set_msec(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t   *value;
    ngx_msec_t  *field;

    value = cf->args->elts;
    field = (ngx_msec_t *) ((char *) conf + cmd->offset);

    if (*field != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    *field = ngx_parse_time(&value[1], 0);

    if (*field == (ngx_msec_t) NGX_ERROR || *field == 0) {
        return "has an invalid time";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_pgblock_set_size(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    size_t     *field;
    ssize_t     size;
    ngx_str_t  *value;

    value = cf->args->elts;
    field = (size_t *) ((char *) conf + cmd->offset);

    if (*field != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR || size == 0) {
        return "has an invalid size";
    }

    *field = (size_t) size;

    return NGX_CONF_OK;
}


/* "prefer" and "allow" are missing: they may connect twice, unencrypted. */

static char *
ngx_http_ihanoi_pgblock_set_sslmode(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t          *value;
    const char *const  *mode;

    static const char *const  modes[] = {
        "disable", "require", "verify-ca", "verify-full", NULL
    };

    value = cf->args->elts;

    for (mode = modes; *mode; mode++) {

        if (ngx_strcmp(value[1].data, *mode) == 0) {
            return ngx_http_ihanoi_set_str(cf, cmd, conf);
        }
    }

    return "must be disable, require, verify-ca or verify-full";
}


static char *
ngx_http_ihanoi_pgblock_set_sslrootcert(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_ihanoi_pgdb_t *db = conf;

    char  *rv;

    rv = ngx_http_ihanoi_set_str(cf, cmd, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ngx_conf_full_name(cf->cycle, &db->sslrootcert, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_ihanoi_pgtls_read(cf, &db->sslrootcert) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_uint_t
ngx_http_ihanoi_pgblock_is_name(ngx_str_t *s)
{
    ngx_uint_t  i;

    for (i = 0; i < s->len; i++) {

        if (!((s->data[i] >= 'a' && s->data[i] <= 'z')
              || (s->data[i] >= '0' && s->data[i] <= '9')
              || s->data[i] == '_'))
        {
            return 0;
        }
    }

    return 1;
}


char *
ngx_http_ihanoi_pgblock_check(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db)
{
    char  *rv;

    if (db->hosts.nelts == 0) {
        return "has no \"server\"";
    }

    if (db->dbname.len == 0) {
        return "has no \"dbname\"";
    }

    if (db->release.len && db->schema.len) {
        return "has both \"release\" and \"schema\"";
    }

    if (db->release.len == 0 && db->schema.len == 0) {
        return "has no \"release\", nor, for a plugin, \"schema\"";
    }

    if (db->schema.len == 0) {

        db->core = 1;

        if (!ngx_http_ihanoi_pgblock_is_name(&db->release)) {
            return "has a \"release\" that is not of letters, digits and "
                   "underscores";
        }

        db->schema.data = ngx_pnalloc(cf->pool, sizeof("code_")
                                                + db->release.len);
        if (db->schema.data == NULL) {
            return NGX_CONF_ERROR;
        }

        db->schema.len = ngx_sprintf(db->schema.data, "code_%V%Z",
                                     &db->release)
                         - db->schema.data - 1;

    } else {

        if (!ngx_http_ihanoi_pgblock_is_name(&db->schema)) {
            return "has a \"schema\" that is not of letters, digits and "
                   "underscores";
        }

        db->release = db->schema;
    }

    rv = ngx_http_ihanoi_pgblock_check_roles(db);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (db->sslmode.len == 0) {
        ngx_str_set(&db->sslmode, "disable");
    }

    if (db->sslmode.data[0] == 'v' && db->sslrootcert.len == 0) {
        return "verifies certificates and has no \"sslrootcert\"";
    }

    if (db->sslmode.data[0] == 'd' && db->sslrootcert.len) {
        return "has an \"sslrootcert\" and no \"sslmode\": there is no TLS";
    }

    ngx_conf_init_msec_value(db->connect_timeout, 3000);
    ngx_conf_init_msec_value(db->age, 30 * 60 * 1000);
    ngx_conf_init_size_value(db->memory, 64 * 1024 * 1024);

    ngx_http_ihanoi_pgblock_class_finish(db);

    return NGX_CONF_OK;
}


/* slow_user may stay empty: then slow calls are those of read_user. */

static char *
ngx_http_ihanoi_pgblock_check_roles(ngx_http_ihanoi_pgdb_t *db)
{
    ngx_str_t   *roles[3];
    ngx_uint_t   i;

    if (db->user.len) {
        roles[0] = &db->read_user;
        roles[1] = &db->write_user;
        roles[2] = &db->control_user;

        for (i = 0; i < 3; i++) {
            if (roles[i]->len == 0) {
                *roles[i] = db->user;
            }
        }
    }

    /* the roles below are the core's */

    if (!db->core
        && (db->read_user.len == 0 || db->write_user.len == 0
            || db->control_user.len == 0))
    {
        return "has a \"schema\" and no \"user\": a plugin has a login role "
               "of its own";
    }

    if (db->read_user.len == 0) {
        ngx_str_set(&db->read_user, "ihanoi_read");
    }

    if (db->write_user.len == 0) {
        ngx_str_set(&db->write_user, "ihanoi_write");
    }

    if (db->control_user.len == 0) {
        ngx_str_set(&db->control_user, "ihanoi_control");
    }

    return NGX_CONF_OK;
}
