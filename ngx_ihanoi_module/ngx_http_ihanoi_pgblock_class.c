/*
 * Copyright (C) iHaNoi contributors
 *
 * The lines "read", "write", "slow" and "control" of an "ihanoi_database"
 * block: how its pools are.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgdb.h"
#include "ngx_http_ihanoi_pgblock_class.h"


/* Milliseconds: PostgreSQL refuses a connection whose time-outs are days. */
#define NGX_HTTP_IHANOI_PG_LONGEST  3600000


typedef struct {
    const char                  *name;
    ngx_uint_t                   connections;
    ngx_uint_t                   depth;
    ngx_uint_t                   queue;
    ngx_msec_t                   wait;
    ngx_msec_t                   timeout;
    ngx_http_ihanoi_pg_target_e  target;
} ngx_http_ihanoi_pgblock_class_t;


/* by class; control has one connection always */

static const ngx_http_ihanoi_pgblock_class_t
    ngx_http_ihanoi_pgblock_classes[NGX_HTTP_IHANOI_PG_POOLS] = {

    { "read", 2, 32, 1000, 500, 1000, NGX_HTTP_IHANOI_PG_TARGET_ANY },
    { "write", 4, 1, 500, 1000, 5000, NGX_HTTP_IHANOI_PG_TARGET_PRIMARY },
    { "slow", 1, 1, 50, 1000, 30000, NGX_HTTP_IHANOI_PG_TARGET_ANY },
    { "control", 1, 4, 100, 5000, 10000, NGX_HTTP_IHANOI_PG_TARGET_ANY }
};


ngx_int_t
ngx_http_ihanoi_pgblock_class_init(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db)
{
    ngx_uint_t                  i;
    ngx_http_ihanoi_pgclass_t  *class;

    for (i = 0; i < NGX_HTTP_IHANOI_PG_POOLS; i++) {
        class = &db->classes[i];

        class->name = ngx_http_ihanoi_pgblock_classes[i].name;
        class->connections = NGX_CONF_UNSET_UINT;
        class->depth = NGX_CONF_UNSET_UINT;
        class->queue = NGX_CONF_UNSET_UINT;
        class->wait = NGX_CONF_UNSET_MSEC;
        class->timeout = NGX_CONF_UNSET_MSEC;
        class->lock_timeout = NGX_CONF_UNSET_MSEC;
        class->target = ngx_http_ihanoi_pgblock_classes[i].target;

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
ngx_http_ihanoi_pgblock_class_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_ihanoi_pgdb_t *db = conf;

    ngx_int_t                   n;
    ngx_str_t                  *value, s;
    ngx_uint_t                  i, j;
    ngx_msec_t                 *time;
    ngx_uint_t                 *number, limit;
    ngx_http_ihanoi_pgclass_t  *class;

    class = &db->classes[cmd->offset];

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
            limit = (cmd->offset == NGX_HTTP_IHANOI_PG_CONTROL) ? 1 : 64;
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

            } else if (cmd->offset == NGX_HTTP_IHANOI_PG_WRITE) {
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

            if (n < 1 || n > NGX_HTTP_IHANOI_PG_LONGEST) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "\"%V\" in \"%V\" must be a time from 1ms "
                                   "to 1h", &value[i], &value[0]);
                return NGX_CONF_ERROR;
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


void
ngx_http_ihanoi_pgblock_class_finish(ngx_http_ihanoi_pgdb_t *db)
{
    ngx_uint_t                  i;
    ngx_http_ihanoi_pgclass_t  *class;

    for (i = 0; i < NGX_HTTP_IHANOI_PG_POOLS; i++) {
        class = &db->classes[i];

        ngx_conf_init_uint_value(class->connections,
                               ngx_http_ihanoi_pgblock_classes[i].connections);
        ngx_conf_init_uint_value(class->depth,
                               ngx_http_ihanoi_pgblock_classes[i].depth);
        ngx_conf_init_uint_value(class->queue,
                               ngx_http_ihanoi_pgblock_classes[i].queue);
        ngx_conf_init_msec_value(class->wait,
                               ngx_http_ihanoi_pgblock_classes[i].wait);
        ngx_conf_init_msec_value(class->timeout,
                               ngx_http_ihanoi_pgblock_classes[i].timeout);
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
