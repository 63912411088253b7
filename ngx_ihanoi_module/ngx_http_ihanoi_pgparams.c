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


static u_char *ngx_http_ihanoi_pgparams_options(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_pgclass_t *class);


ngx_int_t
ngx_http_ihanoi_pgparams_init(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgclass_t *class)
{
    u_char                    *p, *options;
    ngx_uint_t                 i, n;
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
    }

    options = ngx_http_ihanoi_pgparams_options(cf, db, class);
    if (options == NULL) {
        return NGX_ERROR;
    }

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
