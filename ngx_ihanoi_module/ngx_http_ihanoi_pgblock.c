/*
 * Copyright (C) iHaNoi contributors
 *
 * The lines of an "ihanoi_database" block.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgdb.h"
#include "ngx_http_ihanoi_pgpassword.h"
#include "ngx_http_ihanoi_pgtls.h"
#include "ngx_http_ihanoi_pgblock.h"


/* A line of the block. */
typedef struct {
    ngx_str_t                    name;
    ngx_uint_t                   args;       /* largest number, least is 1 */
    char                      *(*set)(ngx_conf_t *cf,
                                    ngx_http_ihanoi_pgdb_t *db,
                                    ngx_uint_t offset);
    ngx_uint_t                   offset;
} ngx_http_ihanoi_pgblock_line_t;


typedef struct {
    const char                  *name;
    ngx_uint_t                   connections;
    ngx_uint_t                   depth;
    ngx_uint_t                   queue;
    ngx_msec_t                   wait;
    ngx_msec_t                   timeout;
    ngx_http_ihanoi_pg_target_e  target;
} ngx_http_ihanoi_pgblock_default_t;


static char *ngx_http_ihanoi_pgblock_set_server(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_uint_t offset);
static char *ngx_http_ihanoi_pgblock_set_socket(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_str_t *port);
static char *ngx_http_ihanoi_pgblock_set_str(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_uint_t offset);
static char *ngx_http_ihanoi_pgblock_set_msec(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_uint_t offset);
static char *ngx_http_ihanoi_pgblock_set_size(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_uint_t offset);
static char *ngx_http_ihanoi_pgblock_set_sslmode(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_uint_t offset);
static char *ngx_http_ihanoi_pgblock_set_sslrootcert(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_uint_t offset);
static char *ngx_http_ihanoi_pgblock_set_class(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_uint_t offset);
static ngx_uint_t ngx_http_ihanoi_pgblock_is_name(ngx_str_t *s);
static void ngx_http_ihanoi_pgblock_classes(ngx_http_ihanoi_pgdb_t *db);


static const ngx_http_ihanoi_pgblock_line_t
    ngx_http_ihanoi_pgblock_lines[] = {

    { ngx_string("server"), 3, ngx_http_ihanoi_pgblock_set_server, 0 },

    { ngx_string("dbname"), 1, ngx_http_ihanoi_pgblock_set_str,
      offsetof(ngx_http_ihanoi_pgdb_t, dbname) },

    { ngx_string("release"), 1, ngx_http_ihanoi_pgblock_set_str,
      offsetof(ngx_http_ihanoi_pgdb_t, release) },

    { ngx_string("schema"), 1, ngx_http_ihanoi_pgblock_set_str,
      offsetof(ngx_http_ihanoi_pgdb_t, schema) },

    { ngx_string("user"), 1, ngx_http_ihanoi_pgblock_set_str,
      offsetof(ngx_http_ihanoi_pgdb_t, user) },

    { ngx_string("read_user"), 1, ngx_http_ihanoi_pgblock_set_str,
      offsetof(ngx_http_ihanoi_pgdb_t, read_user) },

    { ngx_string("write_user"), 1, ngx_http_ihanoi_pgblock_set_str,
      offsetof(ngx_http_ihanoi_pgdb_t, write_user) },

    { ngx_string("slow_user"), 1, ngx_http_ihanoi_pgblock_set_str,
      offsetof(ngx_http_ihanoi_pgdb_t, slow_user) },

    { ngx_string("control_user"), 1, ngx_http_ihanoi_pgblock_set_str,
      offsetof(ngx_http_ihanoi_pgdb_t, control_user) },

    { ngx_string("password_file"), 1, ngx_http_ihanoi_pgpassword_set, 0 },

    { ngx_string("sslmode"), 1, ngx_http_ihanoi_pgblock_set_sslmode,
      offsetof(ngx_http_ihanoi_pgdb_t, sslmode) },

    { ngx_string("sslrootcert"), 1, ngx_http_ihanoi_pgblock_set_sslrootcert,
      offsetof(ngx_http_ihanoi_pgdb_t, sslrootcert) },

    { ngx_string("connect_timeout"), 1, ngx_http_ihanoi_pgblock_set_msec,
      offsetof(ngx_http_ihanoi_pgdb_t, connect_timeout) },

    { ngx_string("connection_age"), 1, ngx_http_ihanoi_pgblock_set_msec,
      offsetof(ngx_http_ihanoi_pgdb_t, age) },

    { ngx_string("result_memory"), 1, ngx_http_ihanoi_pgblock_set_size,
      offsetof(ngx_http_ihanoi_pgdb_t, memory) },

    { ngx_string("read"), 7, ngx_http_ihanoi_pgblock_set_class,
      NGX_HTTP_IHANOI_PG_READ },

    { ngx_string("write"), 7, ngx_http_ihanoi_pgblock_set_class,
      NGX_HTTP_IHANOI_PG_WRITE },

    { ngx_string("slow"), 7, ngx_http_ihanoi_pgblock_set_class,
      NGX_HTTP_IHANOI_PG_SLOW },

    { ngx_string("control"), 7, ngx_http_ihanoi_pgblock_set_class,
      NGX_HTTP_IHANOI_PG_CONTROL },

    { ngx_null_string, 0, NULL, 0 }
};


/* by class; control has one connection always */

static const ngx_http_ihanoi_pgblock_default_t
    ngx_http_ihanoi_pgblock_defaults[NGX_HTTP_IHANOI_PG_POOLS] = {

    { "read", 2, 32, 1000, 500, 1000, NGX_HTTP_IHANOI_PG_TARGET_ANY },
    { "write", 4, 1, 500, 1000, 5000, NGX_HTTP_IHANOI_PG_TARGET_PRIMARY },
    { "slow", 1, 1, 50, 1000, 30000, NGX_HTTP_IHANOI_PG_TARGET_ANY },
    { "control", 1, 4, 100, 5000, 10000, NGX_HTTP_IHANOI_PG_TARGET_ANY }
};


ngx_int_t
ngx_http_ihanoi_pgblock_init(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db)
{
    ngx_uint_t                  i;
    ngx_http_ihanoi_pgclass_t  *class;

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

    for (i = 0; i < NGX_HTTP_IHANOI_PG_POOLS; i++) {
        class = &db->classes[i];

        class->name = ngx_http_ihanoi_pgblock_defaults[i].name;
        class->connections = NGX_CONF_UNSET_UINT;
        class->depth = NGX_CONF_UNSET_UINT;
        class->queue = NGX_CONF_UNSET_UINT;
        class->wait = NGX_CONF_UNSET_MSEC;
        class->timeout = NGX_CONF_UNSET_MSEC;
        class->lock_timeout = NGX_CONF_UNSET_MSEC;
        class->target = ngx_http_ihanoi_pgblock_defaults[i].target;

        if (ngx_array_init(&class->stmts, cf->pool, 16,
                           sizeof(ngx_http_ihanoi_pgstmt_t *))
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


char *
ngx_http_ihanoi_pgblock_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    char                             *rv;
    ngx_str_t                        *value;
    const ngx_http_ihanoi_pgblock_line_t  *line;

    value = cf->args->elts;

    for (line = ngx_http_ihanoi_pgblock_lines; line->name.len; line++) {

        if (value[0].len != line->name.len
            || ngx_strncmp(value[0].data, line->name.data, line->name.len)
               != 0)
        {
            continue;
        }

        if (cf->args->nelts < 2 || cf->args->nelts > line->args + 1) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number of arguments in \"%V\" of "
                               "\"ihanoi_database\"", &value[0]);
            return NGX_CONF_ERROR;
        }

        rv = line->set(cf, conf, line->offset);

        if (rv == NGX_CONF_OK || rv == NGX_CONF_ERROR) {
            return rv;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"ihanoi_database\" %s", &value[0], rv);
        return NGX_CONF_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown parameter \"%V\" in \"ihanoi_database\"",
                       &value[0]);

    return NGX_CONF_ERROR;
}


/* Makes it a copy with a NUL behind it, as libpq wants. */

char *
ngx_http_ihanoi_pgblock_string(ngx_conf_t *cf, ngx_str_t *s)
{
    u_char  *p;

    p = ngx_pnalloc(cf->pool, s->len + 1);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *ngx_cpymem(p, s->data, s->len) = '\0';
    s->data = p;

    return NGX_CONF_OK;
}


/*
 *     server unix:/directory [port=5432];
 *     server address[:port] [host=name];
 *
 * A name is resolved here, once: a connection gets one address, so that libpq
 * neither resolves (which blocks) nor changes its socket.
 */

static char *
ngx_http_ihanoi_pgblock_set_server(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_uint_t offset)
{
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

    if (ngx_http_ihanoi_pgblock_string(cf, &port) != NGX_CONF_OK
        || (host.len
            && ngx_http_ihanoi_pgblock_string(cf, &host) != NGX_CONF_OK))
    {
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
        host = u.host;

        if (ngx_http_ihanoi_pgblock_string(cf, &host) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
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

    if (ngx_conf_full_name(cf->cycle, &path, 0) != NGX_OK
        || ngx_http_ihanoi_pgblock_string(cf, &path) != NGX_CONF_OK)
    {
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
ngx_http_ihanoi_pgblock_set_str(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_uint_t offset)
{
    ngx_str_t  *value, *field;

    value = cf->args->elts;
    field = (ngx_str_t *) ((char *) db + offset);

    if (field->data) {
        return "is duplicate";
    }

    if (value[1].len == 0) {
        return "is empty";
    }

    *field = value[1];

    return ngx_http_ihanoi_pgblock_string(cf, field);
}


static char *
ngx_http_ihanoi_pgblock_set_msec(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_uint_t offset)
{
    ngx_str_t   *value;
    ngx_msec_t  *field;

    value = cf->args->elts;
    field = (ngx_msec_t *) ((char *) db + offset);

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
ngx_http_ihanoi_pgblock_set_size(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_uint_t offset)
{
    size_t     *field;
    ssize_t     size;
    ngx_str_t  *value;

    value = cf->args->elts;
    field = (size_t *) ((char *) db + offset);

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
ngx_http_ihanoi_pgblock_set_sslmode(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_uint_t offset)
{
    ngx_str_t          *value;
    const char *const  *mode;

    static const char *const  modes[] = {
        "disable", "require", "verify-ca", "verify-full", NULL
    };

    value = cf->args->elts;

    for (mode = modes; *mode; mode++) {

        if (ngx_strcmp(value[1].data, *mode) == 0) {
            return ngx_http_ihanoi_pgblock_set_str(cf, db, offset);
        }
    }

    return "must be disable, require, verify-ca or verify-full";
}


static char *
ngx_http_ihanoi_pgblock_set_sslrootcert(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_uint_t offset)
{
    char  *rv;

    rv = ngx_http_ihanoi_pgblock_set_str(cf, db, offset);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ngx_conf_full_name(cf->cycle, &db->sslrootcert, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_ihanoi_pgtls_read(cf, &db->sslrootcert) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_ihanoi_pgblock_set_class(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_uint_t offset)
{
    ngx_int_t                   n;
    ngx_str_t                  *value, s;
    ngx_uint_t                  i, j;
    ngx_msec_t                 *time;
    ngx_uint_t                 *number, limit;
    ngx_http_ihanoi_pgclass_t  *class;

    class = &db->classes[offset];

    if (class->set) {
        return "is duplicate";
    }

    class->set = 1;
    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        static const char *const  names[] = {
            "connections=", "depth=", "queue=", "wait=", "timeout=",
            "lock_timeout=", "target=", NULL
        };

        for (j = 0; names[j]; j++) {
            s.len = ngx_strlen(names[j]);

            if (value[i].len > s.len
                && ngx_strncmp(value[i].data, names[j], s.len) == 0)
            {
                break;
            }
        }

        if (names[j] == NULL) {
            goto invalid;
        }

        s.data = value[i].data + s.len;
        s.len = value[i].len - s.len;

        number = NULL;
        time = NULL;
        limit = 1024;

        switch (j) {

        case 0:
            number = &class->connections;
            limit = (offset == NGX_HTTP_IHANOI_PG_CONTROL) ? 1 : 64;
            break;

        case 1:
            number = &class->depth;
            break;

        case 2:
            number = &class->queue;
            limit = 1000000;
            break;

        case 3:
            time = &class->wait;
            break;

        case 4:
            time = &class->timeout;
            break;

        case 5:
            time = &class->lock_timeout;
            break;

        default:

            if (s.len == 7 && ngx_strncmp(s.data, "primary", 7) == 0) {
                class->target = NGX_HTTP_IHANOI_PG_TARGET_PRIMARY;

            } else if (offset == NGX_HTTP_IHANOI_PG_WRITE) {
                goto invalid;

            } else if (s.len == 3 && ngx_strncmp(s.data, "any", 3) == 0) {
                class->target = NGX_HTTP_IHANOI_PG_TARGET_ANY;

            } else if (s.len == 7 && ngx_strncmp(s.data, "standby", 7) == 0) {
                class->target = NGX_HTTP_IHANOI_PG_TARGET_STANDBY;

            } else {
                goto invalid;
            }
        }

        if (number) {
            n = ngx_atoi(s.data, s.len);

            if (n < 1 || (ngx_uint_t) n > limit) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "\"%V\" in \"%V\" must be between 1 and "
                                   "%ui", &value[i], &value[0], limit);
                return NGX_CONF_ERROR;
            }

            *number = (ngx_uint_t) n;
        }

        if (time) {
            n = ngx_parse_time(&s, 0);

            if (n < 1) {
                goto invalid;
            }

            *time = (ngx_msec_t) n;
        }
    }

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"%V\"",
                       &value[i], &value[0]);

    return NGX_CONF_ERROR;
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


/* At the end of the block: what must be there, and defaults for the rest. */

char *
ngx_http_ihanoi_pgblock_check(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db)
{
    ngx_str_t   *roles[3];
    ngx_uint_t   i;

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
        return "has no \"release\"";
    }

    if (db->schema.len == 0) {

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

    if (db->read_user.len == 0) {
        ngx_str_set(&db->read_user, "ihanoi_read");
    }

    if (db->write_user.len == 0) {
        ngx_str_set(&db->write_user, "ihanoi_write");
    }

    if (db->control_user.len == 0) {
        ngx_str_set(&db->control_user, "ihanoi_control");
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

    ngx_http_ihanoi_pgblock_classes(db);

    return NGX_CONF_OK;
}


static void
ngx_http_ihanoi_pgblock_classes(ngx_http_ihanoi_pgdb_t *db)
{
    ngx_uint_t                  i;
    ngx_http_ihanoi_pgclass_t  *class;

    for (i = 0; i < NGX_HTTP_IHANOI_PG_POOLS; i++) {
        class = &db->classes[i];

        ngx_conf_init_uint_value(class->connections,
                               ngx_http_ihanoi_pgblock_defaults[i].connections);
        ngx_conf_init_uint_value(class->depth,
                               ngx_http_ihanoi_pgblock_defaults[i].depth);
        ngx_conf_init_uint_value(class->queue,
                               ngx_http_ihanoi_pgblock_defaults[i].queue);
        ngx_conf_init_msec_value(class->wait,
                               ngx_http_ihanoi_pgblock_defaults[i].wait);
        ngx_conf_init_msec_value(class->timeout,
                               ngx_http_ihanoi_pgblock_defaults[i].timeout);
        ngx_conf_init_msec_value(class->lock_timeout,
                               ngx_max(class->timeout / 2, 1));
    }

    db->classes[NGX_HTTP_IHANOI_PG_READ].user = &db->read_user;
    db->classes[NGX_HTTP_IHANOI_PG_READ].readonly = 1;

    db->classes[NGX_HTTP_IHANOI_PG_WRITE].user = &db->write_user;

    db->classes[NGX_HTTP_IHANOI_PG_CONTROL].user = &db->control_user;

    /* slow calls are reports, unless a role is given to them that writes */

    class = &db->classes[NGX_HTTP_IHANOI_PG_SLOW];

    if (db->slow_user.len == 0) {
        class->user = &db->read_user;
        class->readonly = 1;

    } else {
        class->user = &db->slow_user;
        class->target = NGX_HTTP_IHANOI_PG_TARGET_PRIMARY;
    }
}
