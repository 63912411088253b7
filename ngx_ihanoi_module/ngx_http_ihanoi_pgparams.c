/*
 * Copyright (C) iHaNoi contributors
 *
 * What libpq is told of a connection: everything that it would otherwise look
 * up in files, environment or home directories.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pgpassword.h"
#include "ngx_http_ihanoi_pgparams.h"


static ngx_uint_t ngx_http_ihanoi_pgparams_first(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgclass_t *class);
static void ngx_http_ihanoi_pgparams_list(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgclass_t *class, u_char *options, u_char *name);
static u_char *ngx_http_ihanoi_pgparams_options(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_pgclass_t *class);


ngx_int_t
ngx_http_ihanoi_pgparams_init(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgclass_t *class)
{
    u_char                    *options, *name;
    ngx_uint_t                 i;
    ngx_http_ihanoi_pghost_t  *hosts;

    hosts = db->hosts.elts;

    class->passwords = ngx_palloc(cf->pool,
                                  db->hosts.nelts * sizeof(const char *));
    if (class->passwords == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < db->hosts.nelts; i++) {
        class->passwords[i] = ngx_http_ihanoi_pgpassword_find(db, &hosts[i],
                                                              class->user);

        if (db->passwords && class->passwords[i] == NULL
            && ngx_http_ihanoi_pgparams_first(db, class))
        {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "database \"%V\": no line of its password file fits "
                          "the role \"%V\" at %V in %s:%ui", &db->name,
                          class->user, &hosts[i].name, db->file, db->line);
        }
    }

    options = ngx_http_ihanoi_pgparams_options(cf, db, class);
    name = ngx_pnalloc(cf->pool, 64);

    if (options == NULL || name == NULL) {
        return NGX_ERROR;
    }

    *ngx_snprintf(name, 63, "ihanoi %s", class->name) = '\0';

    ngx_http_ihanoi_pgparams_list(db, class, options, name);

    return NGX_OK;
}


/* Has no class before this one the same role? */

static ngx_uint_t
ngx_http_ihanoi_pgparams_first(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgclass_t *class)
{
    ngx_http_ihanoi_pgclass_t  *other;

    for (other = db->classes; other < class; other++) {
        if (ngx_strcmp(other->user->data, class->user->data) == 0) {
            return 0;
        }
    }

    return 1;
}


static void
ngx_http_ihanoi_pgparams_list(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgclass_t *class, u_char *options, u_char *name)
{
    ngx_uint_t  i, n;

    const struct {
        const char  *keyword;
        const void  *value;      /* NULL: it is not told */
    } rows[] = {
        { "dbname", db->dbname.data },
        { "user", class->user->data },

        /* one that cannot be: libpq must not look into a home directory */
        { "passfile", "/dev/null/none" },

        { "options", options },
        { "client_encoding", "UTF8" },
        { "sslmode", db->sslmode.data },
        { "sslrootcert", db->sslrootcert.len ? db->sslrootcert.data : NULL },
        { "gssencmode", "disable" },
        { "target_session_attrs", "any" },
        { "keepalives", "1" },
        { "keepalives_idle", "10" },
        { "keepalives_interval", "5" },
        { "keepalives_count", "3" },
        { "tcp_user_timeout", "10000" },
        { "application_name", name }
    };

    for (i = 0, n = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].value) {
            class->keywords[n] = rows[i].keyword;
            class->values[n++] = rows[i].value;
        }
    }

    class->params = n;
}


/* What PostgreSQL is told when a session begins. */

static u_char *
ngx_http_ihanoi_pgparams_options(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgclass_t *class)
{
    size_t       size;
    u_char      *p, *options;
    ngx_msec_t   timeout;

    size = 512 + db->code.len + db->schema.len;

    options = ngx_pnalloc(cf->pool, size);
    if (options == NULL) {
        return NULL;
    }

    /*
     * The server gives up shortly before the client does: a clear "nothing was
     * done" is a better answer than an unknown one.
     */

    timeout = class->longest - class->longest / 10;

    p = ngx_snprintf(options, size - 1,
                     "-c search_path=%V%s%V,public"
                     " -c statement_timeout=%M"
                     " -c lock_timeout=%M"
                     " -c idle_in_transaction_session_timeout=%M"
                     " -c idle_session_timeout=0"
                     " -c plan_cache_mode=force_generic_plan"
                     " -c client_min_messages=warning"
                     " -c jit=off",
                     &db->code, db->code.len ? "," : "", &db->schema,
                     timeout, class->lock_timeout,
                     class->longest + 10000);

    if (class->readonly) {
        p = ngx_slprintf(p, options + size - 1,
                         " -c default_transaction_read_only=on");
    }

    if (db->texts || (class->readonly && class->depth == 1)
        || class == &db->classes[NGX_HTTP_IHANOI_PG_SLOW])
    {
        /*
         * Neither a worker that died nor a call that nobody waits for must
         * leave long queries behind.
         */
        p = ngx_slprintf(p, options + size - 1,
                         " -c client_connection_check_interval=1000");
    }

    *p = '\0';

    return options;
}
