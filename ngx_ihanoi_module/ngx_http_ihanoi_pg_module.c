/*
 * Copyright (C) iHaNoi contributors
 *
 * Directives of the databases, and the hooks of nginx's life.
 *
 *     ihanoi_database main {
 *         server 127.0.0.1:5432;
 *         dbname ihanoi;
 *         release 0_1_0_3fa9c2d1;
 *         read connections=2 depth=16 queue=1000 wait=500ms timeout=1s;
 *     }
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_md5.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_metrics.h"
#include "ngx_http_ihanoi_pgconn.h"
#include "ngx_http_ihanoi_pgdb.h"
#include "ngx_http_ihanoi_pgpool.h"
#include "ngx_http_ihanoi_pgcontrol.h"


typedef struct {
    ngx_array_t                  databases;  /* of ngx_http_..._pgdb_t * */
} ngx_http_ihanoi_pg_main_conf_t;


/* A line of the block. */
typedef struct {
    ngx_str_t                    name;
    ngx_uint_t                   args;       /* largest number, least is 1 */
    char                      *(*set)(ngx_conf_t *cf,
                                    ngx_http_ihanoi_pgdb_t *db,
                                    ngx_uint_t offset);
    ngx_uint_t                   offset;
} ngx_http_ihanoi_pg_line_t;


/* A line of the password file. */
typedef struct {
    ngx_str_t                    host;
    ngx_str_t                    port;
    ngx_str_t                    dbname;
    ngx_str_t                    user;
    ngx_str_t                    password;
} ngx_http_ihanoi_pg_password_t;


typedef struct {
    const char                  *name;
    ngx_uint_t                   connections;
    ngx_uint_t                   depth;
    ngx_uint_t                   queue;
    ngx_msec_t                   wait;
    ngx_msec_t                   timeout;
    ngx_http_ihanoi_pg_target_e  target;
} ngx_http_ihanoi_pg_default_t;


static void *ngx_http_ihanoi_pg_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_ihanoi_pg_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_ihanoi_pg_init_process(ngx_cycle_t *cycle);
static void ngx_http_ihanoi_pg_exit_process(ngx_cycle_t *cycle);
static char *ngx_http_ihanoi_pg_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_ihanoi_pg_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static char *ngx_http_ihanoi_pg_set_server(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_uint_t offset);
static char *ngx_http_ihanoi_pg_set_str(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_uint_t offset);
static char *ngx_http_ihanoi_pg_set_msec(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_uint_t offset);
static char *ngx_http_ihanoi_pg_set_size(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_uint_t offset);
static char *ngx_http_ihanoi_pg_set_sslmode(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_uint_t offset);
static char *ngx_http_ihanoi_pg_set_passwords(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_uint_t offset);
static u_char *ngx_http_ihanoi_pg_field(u_char *p, ngx_str_t *field);
static const char *ngx_http_ihanoi_pg_find_password(
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_pghost_t *host,
    ngx_str_t *user);
static char *ngx_http_ihanoi_pg_set_class(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_uint_t offset);
static char *ngx_http_ihanoi_pg_check(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db);
static ngx_int_t ngx_http_ihanoi_pg_finish(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db);
static ngx_int_t ngx_http_ihanoi_pg_params(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_pgclass_t *class);
static ngx_int_t ngx_http_ihanoi_pg_metrics(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_pgclass_t *class);
static char *ngx_http_ihanoi_pg_string(ngx_conf_t *cf, ngx_str_t *s);


static ngx_command_t  ngx_http_ihanoi_pg_commands[] = {

    { ngx_string("ihanoi_database"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_ihanoi_pg_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static const ngx_http_ihanoi_pg_line_t  ngx_http_ihanoi_pg_lines[] = {

    { ngx_string("server"), 3, ngx_http_ihanoi_pg_set_server, 0 },

    { ngx_string("dbname"), 1, ngx_http_ihanoi_pg_set_str,
      offsetof(ngx_http_ihanoi_pgdb_t, dbname) },

    { ngx_string("release"), 1, ngx_http_ihanoi_pg_set_str,
      offsetof(ngx_http_ihanoi_pgdb_t, release) },

    { ngx_string("read_user"), 1, ngx_http_ihanoi_pg_set_str,
      offsetof(ngx_http_ihanoi_pgdb_t, read_user) },

    { ngx_string("write_user"), 1, ngx_http_ihanoi_pg_set_str,
      offsetof(ngx_http_ihanoi_pgdb_t, write_user) },

    { ngx_string("slow_user"), 1, ngx_http_ihanoi_pg_set_str,
      offsetof(ngx_http_ihanoi_pgdb_t, slow_user) },

    { ngx_string("control_user"), 1, ngx_http_ihanoi_pg_set_str,
      offsetof(ngx_http_ihanoi_pgdb_t, control_user) },

    { ngx_string("password_file"), 1, ngx_http_ihanoi_pg_set_passwords, 0 },

    { ngx_string("sslmode"), 1, ngx_http_ihanoi_pg_set_sslmode,
      offsetof(ngx_http_ihanoi_pgdb_t, sslmode) },

    { ngx_string("sslrootcert"), 1, ngx_http_ihanoi_pg_set_str,
      offsetof(ngx_http_ihanoi_pgdb_t, sslrootcert) },

    { ngx_string("connect_timeout"), 1, ngx_http_ihanoi_pg_set_msec,
      offsetof(ngx_http_ihanoi_pgdb_t, connect_timeout) },

    { ngx_string("connection_age"), 1, ngx_http_ihanoi_pg_set_msec,
      offsetof(ngx_http_ihanoi_pgdb_t, age) },

    { ngx_string("result_memory"), 1, ngx_http_ihanoi_pg_set_size,
      offsetof(ngx_http_ihanoi_pgdb_t, memory) },

    { ngx_string("read"), 7, ngx_http_ihanoi_pg_set_class,
      NGX_HTTP_IHANOI_PG_READ },

    { ngx_string("write"), 7, ngx_http_ihanoi_pg_set_class,
      NGX_HTTP_IHANOI_PG_WRITE },

    { ngx_string("slow"), 7, ngx_http_ihanoi_pg_set_class,
      NGX_HTTP_IHANOI_PG_SLOW },

    { ngx_string("control"), 7, ngx_http_ihanoi_pg_set_class,
      NGX_HTTP_IHANOI_PG_CONTROL },

    { ngx_null_string, 0, NULL, 0 }
};


/* by class; control has one connection always */

static const ngx_http_ihanoi_pg_default_t
    ngx_http_ihanoi_pg_defaults[NGX_HTTP_IHANOI_PG_POOLS] = {

    { "read", 2, 16, 1000, 500, 1000, NGX_HTTP_IHANOI_PG_TARGET_ANY },
    { "write", 4, 1, 500, 1000, 5000, NGX_HTTP_IHANOI_PG_TARGET_PRIMARY },
    { "slow", 1, 1, 50, 1000, 30000, NGX_HTTP_IHANOI_PG_TARGET_ANY },
    { "control", 1, 4, 100, 5000, 10000, NGX_HTTP_IHANOI_PG_TARGET_ANY }
};


static ngx_http_module_t  ngx_http_ihanoi_pg_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_ihanoi_pg_postconfiguration,  /* postconfiguration */

    ngx_http_ihanoi_pg_create_main_conf,   /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_ihanoi_pg_module = {
    NGX_MODULE_V1,
    &ngx_http_ihanoi_pg_module_ctx,        /* module context */
    ngx_http_ihanoi_pg_commands,           /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_ihanoi_pg_init_process,       /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_ihanoi_pg_exit_process,       /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_ihanoi_pg_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_ihanoi_pg_main_conf_t  *imcf;

    imcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_pg_main_conf_t));
    if (imcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&imcf->databases, cf->pool, 2,
                       sizeof(ngx_http_ihanoi_pgdb_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return imcf;
}


ngx_http_ihanoi_pgdb_t *
ngx_http_ihanoi_pg_database(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                        i;
    ngx_http_ihanoi_pgdb_t           *db, **dbs;
    ngx_http_ihanoi_pgclass_t        *class;
    ngx_http_ihanoi_pg_main_conf_t   *imcf;

    imcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ihanoi_pg_module);

    dbs = imcf->databases.elts;

    for (i = 0; i < imcf->databases.nelts; i++) {

        if (dbs[i]->name.len == name->len
            && ngx_strncmp(dbs[i]->name.data, name->data, name->len) == 0)
        {
            return dbs[i];
        }
    }

    db = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_pgdb_t));
    if (db == NULL) {
        return NULL;
    }

    dbs = ngx_array_push(&imcf->databases);
    if (dbs == NULL) {
        return NULL;
    }

    *dbs = db;

    db->name = *name;
    db->file = cf->conf_file ? cf->conf_file->file.name.data : NULL;
    db->line = cf->conf_file ? cf->conf_file->line : 0;
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
        return NULL;
    }

    for (i = 0; i < NGX_HTTP_IHANOI_PG_POOLS; i++) {
        class = &db->classes[i];

        class->name = ngx_http_ihanoi_pg_defaults[i].name;
        class->connections = NGX_CONF_UNSET_UINT;
        class->depth = NGX_CONF_UNSET_UINT;
        class->queue = NGX_CONF_UNSET_UINT;
        class->wait = NGX_CONF_UNSET_MSEC;
        class->timeout = NGX_CONF_UNSET_MSEC;
        class->lock_timeout = NGX_CONF_UNSET_MSEC;
        class->target = ngx_http_ihanoi_pg_defaults[i].target;

        if (ngx_array_init(&class->stmts, cf->pool, 16,
                           sizeof(ngx_http_ihanoi_pgstmt_t *))
            != NGX_OK)
        {
            return NULL;
        }
    }

    return db;
}


ngx_http_ihanoi_pgstmt_t *
ngx_http_ihanoi_pg_statement(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    const ngx_http_ihanoi_pgstmt_t *stmt)
{
    u_char                      digest[16];
    u_char                     *p;
    ngx_md5_t                   md5;
    ngx_uint_t                  i;
    ngx_http_ihanoi_pgstmt_t   *copy, **slot, **stmts;
    ngx_http_ihanoi_pgclass_t  *class;

    class = &db->classes[stmt->class];

    copy = ngx_palloc(cf->pool, sizeof(ngx_http_ihanoi_pgstmt_t));
    if (copy == NULL) {
        return NULL;
    }

    *copy = *stmt;

    /*
     * A name that is made of the text: behind a pooler that shares sessions
     * another's statement of this name is the same statement.
     */

    ngx_md5_init(&md5);
    ngx_md5_update(&md5, stmt->sql.data, stmt->sql.len);
    ngx_md5_update(&md5, "", 1);
    ngx_md5_update(&md5, stmt->operation.data, stmt->operation.len);
    ngx_md5_final(digest, &md5);

    copy->name.len = sizeof("ihanoi_") - 1 + 32;
    copy->name.data = ngx_pnalloc(cf->pool, copy->name.len + 1);
    copy->sql.data = ngx_pnalloc(cf->pool, stmt->sql.len + 1);

    if (copy->name.data == NULL || copy->sql.data == NULL) {
        return NULL;
    }

    p = ngx_cpymem(copy->name.data, "ihanoi_", sizeof("ihanoi_") - 1);
    p = ngx_hex_dump(p, digest, 16);
    *p = '\0';

    p = ngx_cpymem(copy->sql.data, stmt->sql.data, stmt->sql.len);
    *p = '\0';

    stmts = class->stmts.elts;

    for (i = 0; i < class->stmts.nelts; i++) {
        if (ngx_strcmp(stmts[i]->name.data, copy->name.data) == 0) {
            return stmts[i];
        }
    }

    copy->index = db->stmts.nelts;

    slot = ngx_array_push(&db->stmts);
    if (slot == NULL) {
        return NULL;
    }

    *slot = copy;

    slot = ngx_array_push(&class->stmts);
    if (slot == NULL) {
        return NULL;
    }

    *slot = copy;

    return copy;
}


ngx_int_t
ngx_http_ihanoi_pg_task_add(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    const ngx_http_ihanoi_pgtask_t *task)
{
    ngx_http_ihanoi_pgtask_t  *copy;

    copy = ngx_array_push(&db->tasks);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    *copy = *task;

    return ngx_http_ihanoi_pg_string(cf, &copy->sql) == NGX_CONF_OK
           ? NGX_OK : NGX_ERROR;
}


ngx_array_t *
ngx_http_ihanoi_pg_databases(void)
{
    ngx_http_ihanoi_pg_main_conf_t  *imcf;

    imcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_ihanoi_pg_module);

    return &imcf->databases;
}


ngx_int_t
ngx_http_ihanoi_pg_status(ngx_http_ihanoi_pgdb_t *db, ngx_pool_t *pool,
    ngx_http_ihanoi_pg_status_t *status)
{
    ngx_str_t                   *s;
    ngx_uint_t                   i;
    ngx_http_ihanoi_pgstmt_t   **stmts;
    ngx_http_ihanoi_pgstate_t   *state;

    ngx_memzero(status, sizeof(ngx_http_ihanoi_pg_status_t));

    status->name = db->name;
    status->release = db->release;

    status->missing = ngx_array_create(pool, 4, sizeof(ngx_str_t));
    if (status->missing == NULL) {
        return NGX_ERROR;
    }

    if (db->pools == NULL) {
        return NGX_OK;
    }

    status->readable = db->pools[NGX_HTTP_IHANOI_PG_READ].ready ? 1 : 0;
    status->writable = db->pools[NGX_HTTP_IHANOI_PG_WRITE].ready ? 1 : 0;
    status->checked = ngx_http_ihanoi_pgcontrol_checked(db) ? 1 : 0;

    stmts = db->stmts.elts;

    for (i = 0; i < db->stmts.nelts; i++) {

        if (stmts[i]->function.len) {
            status->functions++;
        }

        state = &db->states[i];

        if (state->sentence.len == 0) {
            continue;
        }

        s = ngx_array_push(status->missing);
        if (s == NULL) {
            return NGX_ERROR;
        }

        s->len = state->sentence.len;
        s->data = ngx_pstrdup(pool, &state->sentence);

        if (s->data == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static char *
ngx_http_ihanoi_pg_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                    *rv;
    ngx_str_t               *value;
    ngx_conf_t               save;
    ngx_http_ihanoi_pgdb_t  *db;

    value = cf->args->elts;

    db = ngx_http_ihanoi_pg_database(cf, &value[1]);
    if (db == NULL) {
        return NGX_CONF_ERROR;
    }

    if (db->defined) {
        return "is duplicate";
    }

    db->defined = 1;
    db->file = cf->conf_file->file.name.data;
    db->line = cf->conf_file->line;

    save = *cf;
    cf->handler = ngx_http_ihanoi_pg_line;
    cf->handler_conf = (char *) db;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_ihanoi_pg_check(cf, db);
}


static char *
ngx_http_ihanoi_pg_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    char                             *rv;
    ngx_str_t                        *value;
    const ngx_http_ihanoi_pg_line_t  *line;

    value = cf->args->elts;

    for (line = ngx_http_ihanoi_pg_lines; line->name.len; line++) {

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

static char *
ngx_http_ihanoi_pg_string(ngx_conf_t *cf, ngx_str_t *s)
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
ngx_http_ihanoi_pg_set_server(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_uint_t offset)
{
    u_char                    *p;
    ngx_int_t                  n;
    ngx_str_t                 *value, host, port, path;
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

    if (ngx_http_ihanoi_pg_string(cf, &port) != NGX_CONF_OK
        || (host.len
            && ngx_http_ihanoi_pg_string(cf, &host) != NGX_CONF_OK))
    {
        return NGX_CONF_ERROR;
    }

    if (value[1].len > 5 && ngx_strncmp(value[1].data, "unix:", 5) == 0) {

        path.data = value[1].data + 5;
        path.len = value[1].len - 5;

        if (ngx_conf_full_name(cf->cycle, &path, 0) != NGX_OK
            || ngx_http_ihanoi_pg_string(cf, &path) != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

        if (path.len + sizeof("/.s.PGSQL.") + port.len
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
        h->port = (char *) port.data;

        h->name.data = ngx_pnalloc(cf->pool, path.len + port.len + 6);
        if (h->name.data == NULL) {
            return NGX_CONF_ERROR;
        }

        h->name.len = ngx_sprintf(h->name.data, "unix:%V:%V", &path, &port)
                      - h->name.data;

        return NGX_CONF_OK;
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

        if (ngx_http_ihanoi_pg_string(cf, &host) != NGX_CONF_OK) {
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


static char *
ngx_http_ihanoi_pg_set_str(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
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

    if (field == &db->sslrootcert
        && ngx_conf_full_name(cf->cycle, field, 1) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_ihanoi_pg_string(cf, field);
}


static char *
ngx_http_ihanoi_pg_set_msec(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
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
ngx_http_ihanoi_pg_set_size(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
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
ngx_http_ihanoi_pg_set_sslmode(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
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
            return ngx_http_ihanoi_pg_set_str(cf, db, offset);
        }
    }

    return "must be disable, require, verify-ca or verify-full";
}


/*
 * Lines of "host:port:database:role:password", as in libpq's own password
 * file (PostgreSQL 34.16).  Read here, as root, so that workers need not be
 * able to; a file that others can read is a mistake.
 */

static char *
ngx_http_ihanoi_pg_set_passwords(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_uint_t offset)
{
    size_t             size;
    ssize_t            n;
    u_char            *p, *q, *last, *end, *buf;
    ngx_fd_t           fd;
    ngx_str_t         *value, name;
    ngx_file_info_t    fi;

    ngx_http_ihanoi_pg_password_t  *password;

    if (db->passwords) {
        return "is duplicate";
    }

    value = cf->args->elts;
    name = value[1];

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    db->passwords = ngx_array_create(cf->pool, 4,
                                     sizeof(ngx_http_ihanoi_pg_password_t));
    if (db->passwords == NULL) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(name.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", &name);
        return NGX_CONF_ERROR;
    }

    buf = NULL;
    n = NGX_FILE_ERROR;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", &name);

    } else if (ngx_file_access(&fi) & 07) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "password file \"%V\" must not be open to all "
                           "users", &name);

    } else if (ngx_file_size(&fi) > 65536) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "password file \"%V\" is too large", &name);

    } else {
        size = (size_t) ngx_file_size(&fi);
        buf = ngx_pnalloc(cf->pool, size + 1);

        if (buf) {
            n = ngx_read_fd(fd, buf, size);
        }
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", &name);
    }

    if (n < 0) {
        return NGX_CONF_ERROR;
    }

    last = buf + n;

    for (p = buf; p < last; p = end + 1) {

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

        q = ngx_http_ihanoi_pg_field(p, &password->host);
        q = ngx_http_ihanoi_pg_field(q, &password->port);
        q = ngx_http_ihanoi_pg_field(q, &password->dbname);
        q = ngx_http_ihanoi_pg_field(q, &password->user);

        if (q == NULL || *q == '\0') {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "password file \"%V\" has a line that is not "
                               "\"host:port:database:role:password\"",
                               &name);
            return NGX_CONF_ERROR;
        }

        (void) ngx_http_ihanoi_pg_field(q, &password->password);
    }

    return NGX_CONF_OK;
}


/*
 * Takes a field off a line, in place: a backslash keeps what follows from
 * being special.  Returns what comes after its colon, NULL if none does.
 */

static u_char *
ngx_http_ihanoi_pg_field(u_char *p, ngx_str_t *field)
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


static const char *
ngx_http_ihanoi_pg_find_password(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pghost_t *host, ngx_str_t *user)
{
    ngx_uint_t                      i, n;
    ngx_http_ihanoi_pg_password_t  *password;

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


static char *
ngx_http_ihanoi_pg_set_class(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
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


/* At the end of the block: what must be there, and defaults for the rest. */

static char *
ngx_http_ihanoi_pg_check(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db)
{
    ngx_uint_t                  i;
    ngx_http_ihanoi_pgclass_t  *class;

    if (db->hosts.nelts == 0) {
        return "has no \"server\"";
    }

    if (db->dbname.len == 0) {
        return "has no \"dbname\"";
    }

    if (db->release.len == 0) {
        return "has no \"release\"";
    }

    for (i = 0; i < db->release.len; i++) {

        if (!((db->release.data[i] >= 'a' && db->release.data[i] <= 'z')
              || (db->release.data[i] >= '0' && db->release.data[i] <= '9')
              || db->release.data[i] == '_'))
        {
            return "has a \"release\" that is not of letters, digits and "
                   "underscores";
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

    ngx_conf_init_msec_value(db->connect_timeout, 3000);
    ngx_conf_init_msec_value(db->age, 30 * 60 * 1000);
    ngx_conf_init_size_value(db->memory, 64 * 1024 * 1024);

    for (i = 0; i < NGX_HTTP_IHANOI_PG_POOLS; i++) {
        class = &db->classes[i];

        ngx_conf_init_uint_value(class->connections,
                               ngx_http_ihanoi_pg_defaults[i].connections);
        ngx_conf_init_uint_value(class->depth,
                               ngx_http_ihanoi_pg_defaults[i].depth);
        ngx_conf_init_uint_value(class->queue,
                               ngx_http_ihanoi_pg_defaults[i].queue);
        ngx_conf_init_msec_value(class->wait,
                               ngx_http_ihanoi_pg_defaults[i].wait);
        ngx_conf_init_msec_value(class->timeout,
                               ngx_http_ihanoi_pg_defaults[i].timeout);
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

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_ihanoi_pg_postconfiguration(ngx_conf_t *cf)
{
    ngx_uint_t                        i;
    ngx_http_ihanoi_pgdb_t          **dbs;
    ngx_http_ihanoi_pg_main_conf_t   *imcf;

    imcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ihanoi_pg_module);

    dbs = imcf->databases.elts;

    for (i = 0; i < imcf->databases.nelts; i++) {

        if (!dbs[i]->defined) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "database \"%V\" has no \"ihanoi_database\" block, "
                          "it is named in %s:%ui",
                          &dbs[i]->name, dbs[i]->file, dbs[i]->line);
            return NGX_ERROR;
        }

        if (ngx_http_ihanoi_pg_finish(cf, dbs[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ihanoi_pg_finish(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db)
{
    ngx_uint_t                   i, n;
    ngx_http_ihanoi_pgstmt_t   **stmts;
    ngx_http_ihanoi_pgclass_t   *class;

    if (ngx_http_ihanoi_pgcontrol_configure(cf, db) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_IHANOI_PG_POOLS; i++) {
        class = &db->classes[i];
        stmts = class->stmts.elts;

        class->longest = class->timeout;

        for (n = 0; n < class->stmts.nelts; n++) {
            class->longest = ngx_max(class->longest, stmts[n]->timeout);
        }

        if (ngx_http_ihanoi_pg_params(cf, db, class) != NGX_OK
            || ngx_http_ihanoi_pg_metrics(cf, db, class) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Everything that libpq would otherwise look up in files, environment or home
 * directories is said here.
 */

static ngx_int_t
ngx_http_ihanoi_pg_params(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgclass_t *class)
{
    size_t                     size;
    u_char                    *p, *options;
    ngx_uint_t                 i, n;
    ngx_msec_t                 timeout;
    ngx_http_ihanoi_pghost_t  *hosts;

    hosts = db->hosts.elts;

    class->passwords = ngx_palloc(cf->pool,
                                  db->hosts.nelts * sizeof(const char *));
    if (class->passwords == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < db->hosts.nelts; i++) {
        class->passwords[i] = ngx_http_ihanoi_pg_find_password(db, &hosts[i],
                                                               class->user);
    }

    size = 512 + db->release.len;

    options = ngx_pnalloc(cf->pool, size);
    if (options == NULL) {
        return NGX_ERROR;
    }

    /*
     * The server gives up shortly before the client does: a clear "nothing was
     * done" is a better answer than an unknown one.
     */

    timeout = class->longest - class->longest / 10;

    p = ngx_snprintf(options, size - 1,
                     "-c search_path=code_%V,public"
                     " -c statement_timeout=%M"
                     " -c lock_timeout=%M"
                     " -c idle_in_transaction_session_timeout=%M"
                     " -c plan_cache_mode=force_generic_plan"
                     " -c client_min_messages=warning"
                     " -c jit=off",
                     &db->release, timeout, class->lock_timeout,
                     class->longest + 10000);

    if (class->readonly) {
        p = ngx_slprintf(p, options + size - 1,
                         " -c default_transaction_read_only=on");
    }

    if (class == &db->classes[NGX_HTTP_IHANOI_PG_SLOW]) {
        /* a worker that died must not leave long queries behind */
        p = ngx_slprintf(p, options + size - 1,
                         " -c client_connection_check_interval=1000");
    }

    *p = '\0';

    n = 0;

#define ngx_http_ihanoi_pg_param(k, v)                                        \
    class->keywords[n] = k;                                                   \
    class->values[n++] = (const char *) v

    ngx_http_ihanoi_pg_param("dbname", db->dbname.data);
    ngx_http_ihanoi_pg_param("user", class->user->data);

    /* a name that cannot exist: libpq must not look into a home directory */
    ngx_http_ihanoi_pg_param("passfile", "/dev/null/none");

    ngx_http_ihanoi_pg_param("options", options);
    ngx_http_ihanoi_pg_param("client_encoding", "UTF8");
    ngx_http_ihanoi_pg_param("sslmode", db->sslmode.data);

    if (db->sslrootcert.len) {
        ngx_http_ihanoi_pg_param("sslrootcert", db->sslrootcert.data);
    }

    ngx_http_ihanoi_pg_param("gssencmode", "disable");
    ngx_http_ihanoi_pg_param("target_session_attrs", "any");
    ngx_http_ihanoi_pg_param("keepalives", "1");
    ngx_http_ihanoi_pg_param("keepalives_idle", "10");
    ngx_http_ihanoi_pg_param("keepalives_interval", "5");
    ngx_http_ihanoi_pg_param("keepalives_count", "3");
    ngx_http_ihanoi_pg_param("tcp_user_timeout", "10000");

    p = ngx_pnalloc(cf->pool, 64);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *ngx_snprintf(p, 63, "ihanoi %s", class->name) = '\0';

    ngx_http_ihanoi_pg_param("application_name", p);

#undef ngx_http_ihanoi_pg_param

    class->params = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_ihanoi_pg_metrics(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgclass_t *class)
{
    u_char     *p;
    ngx_str_t   labels;
    ngx_uint_t  i;

    const struct {
        ngx_http_ihanoi_metric_t       **metric;
        ngx_http_ihanoi_metric_type_e    type;
        const char                      *name;
        const char                      *help;
    } rows[] = {

        { &class->metrics.connections, NGX_HTTP_IHANOI_GAUGE,
          "ihanoi_pool_connections",
          "Connections to PostgreSQL that stand." },

        { &class->metrics.in_use, NGX_HTTP_IHANOI_GAUGE,
          "ihanoi_pool_in_use",
          "Calls sent to PostgreSQL and not answered yet." },

        { &class->metrics.queued, NGX_HTTP_IHANOI_GAUGE,
          "ihanoi_pool_queued",
          "Calls that wait for a connection." },

        { &class->metrics.oldest, NGX_HTTP_IHANOI_GAUGE_MAX,
          "ihanoi_pool_oldest_milliseconds",
          "Age of the call that waits longest for a connection." },

        { &class->metrics.calls, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_pool_calls_total",
          "Calls accepted for a pool." },

        { &class->metrics.shed, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_pool_shed_total",
          "Calls refused because a queue was full, too slow or its database "
          "down." },

        { &class->metrics.timeouts, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_pool_timeouts_total",
          "Calls that were sent and not answered in time." },

        { &class->metrics.retries, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_pool_retries_total",
          "Calls that were sent again." },

        { &class->metrics.unknown, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_pool_unknown_total",
          "Writes whose outcome is not known." },

        { &class->metrics.connects, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_pool_connects_total",
          "Connections to PostgreSQL made." },

        { &class->metrics.failures, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_pool_connect_failures_total",
          "Attempts to connect to PostgreSQL that failed." },

        { &class->metrics.lost, NGX_HTTP_IHANOI_COUNTER,
          "ihanoi_pool_lost_total",
          "Connections to PostgreSQL that broke." }
    };

    p = ngx_pnalloc(cf->pool, db->name.len + 64);
    if (p == NULL) {
        return NGX_ERROR;
    }

    labels.data = p;
    labels.len = ngx_sprintf(p, "database=\"%V\",pool=\"%s\"", &db->name,
                             class->name) - p;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        *rows[i].metric = ngx_http_ihanoi_metric_add(cf, rows[i].type,
                                                     rows[i].name,
                                                     rows[i].help, &labels);
        if (*rows[i].metric == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Never before the fork: a connection that two processes share speaks to
 * neither.  Helper processes (cache manager) have no business here.
 */

static ngx_int_t
ngx_http_ihanoi_pg_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                        i;
    ngx_http_ihanoi_pgdb_t          **dbs;
    ngx_http_ihanoi_pg_main_conf_t   *imcf;

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    imcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ihanoi_pg_module);
    if (imcf == NULL) {
        return NGX_OK;
    }

    dbs = imcf->databases.elts;

    for (i = 0; i < imcf->databases.nelts; i++) {

        if (ngx_http_ihanoi_pgdb_init(dbs[i], cycle,
                                      &ngx_http_ihanoi_pgpool_handlers)
            != NGX_OK
            || ngx_http_ihanoi_pgcontrol_init(dbs[i], cycle) != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_ihanoi_pgdb_connect(dbs[i]);
    }

    return NGX_OK;
}


static void
ngx_http_ihanoi_pg_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                        i;
    ngx_http_ihanoi_pgdb_t          **dbs;
    ngx_http_ihanoi_pg_main_conf_t   *imcf;

    imcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ihanoi_pg_module);
    if (imcf == NULL) {
        return;
    }

    dbs = imcf->databases.elts;

    for (i = 0; i < imcf->databases.nelts; i++) {

        if (dbs[i]->pools == NULL) {
            continue;
        }

        ngx_http_ihanoi_pgcontrol_exit(dbs[i]);
        ngx_http_ihanoi_pgdb_exit(dbs[i]);
    }
}
