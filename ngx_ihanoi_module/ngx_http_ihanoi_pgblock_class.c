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


/* A number from 1 to most, an ngx_uint_t; or a time, an ngx_msec_t. */

typedef struct {
    ngx_str_t                    name;
    size_t                       offset;     /* in the class */
    ngx_uint_t                   most;       /* 0: it is a time */
} ngx_http_ihanoi_pgblock_parameter_t;


static ngx_int_t ngx_http_ihanoi_pgblock_class_target(
    ngx_http_ihanoi_pgclass_t *class, ngx_uint_t n, u_char *target);
static ngx_int_t ngx_http_ihanoi_pgblock_class_value(ngx_conf_t *cf,
    ngx_http_ihanoi_pgclass_t *class, ngx_uint_t n, ngx_str_t *word);


/* by class; control has one connection always */

static const ngx_http_ihanoi_pgblock_class_t
    ngx_http_ihanoi_pgblock_classes[NGX_HTTP_IHANOI_PG_POOLS] = {

    { "read", 2, 32, 1000, 500, 1000, NGX_HTTP_IHANOI_PG_TARGET_ANY },
    { "write", 4, 1, 500, 1000, 5000, NGX_HTTP_IHANOI_PG_TARGET_PRIMARY },
    { "slow", 1, 1, 50, 1000, 30000, NGX_HTTP_IHANOI_PG_TARGET_ANY },
    { "control", 1, 4, 100, 5000, 10000, NGX_HTTP_IHANOI_PG_TARGET_ANY }
};


static const ngx_http_ihanoi_pgblock_parameter_t
    ngx_http_ihanoi_pgblock_parameters[] = {

    { ngx_string("connections="),
      offsetof(ngx_http_ihanoi_pgclass_t, connections), 64 },
    { ngx_string("depth="),
      offsetof(ngx_http_ihanoi_pgclass_t, depth), 1024 },
    { ngx_string("queue="),
      offsetof(ngx_http_ihanoi_pgclass_t, queue), 1000000 },
    { ngx_string("wait="),
      offsetof(ngx_http_ihanoi_pgclass_t, wait), 0 },
    { ngx_string("timeout="),
      offsetof(ngx_http_ihanoi_pgclass_t, timeout), 0 },
    { ngx_string("lock_timeout="),
      offsetof(ngx_http_ihanoi_pgclass_t, lock_timeout), 0 },
    { ngx_null_string, 0, 0 }
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

    ngx_int_t                   rc;
    ngx_str_t                  *value;
    ngx_uint_t                  i;
    ngx_http_ihanoi_pgclass_t  *class;

    class = &db->classes[cmd->offset];

    if (class->set) {
        return "is duplicate";
    }

    class->set = 1;
    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "target=", 7) == 0) {
            rc = ngx_http_ihanoi_pgblock_class_target(class, cmd->offset,
                                                      value[i].data + 7);

        } else {
            rc = ngx_http_ihanoi_pgblock_class_value(cf, class, cmd->offset,
                                                     &value[i]);
        }

        if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\"",
                               &value[i], &value[0]);
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* NGX_DECLINED: it cannot be that; words of a configuration end with a NUL. */

static ngx_int_t
ngx_http_ihanoi_pgblock_class_target(ngx_http_ihanoi_pgclass_t *class,
    ngx_uint_t n, u_char *target)
{
    if (ngx_strcmp(target, "primary") == 0) {
        class->target = NGX_HTTP_IHANOI_PG_TARGET_PRIMARY;

    } else if (n == NGX_HTTP_IHANOI_PG_WRITE) {
        return NGX_DECLINED;

    } else if (ngx_strcmp(target, "any") == 0) {
        class->target = NGX_HTTP_IHANOI_PG_TARGET_ANY;

    } else if (ngx_strcmp(target, "standby") == 0) {
        class->target = NGX_HTTP_IHANOI_PG_TARGET_STANDBY;

    } else {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* NGX_DECLINED: there is no such parameter; NGX_ERROR: it has been logged. */

static ngx_int_t
ngx_http_ihanoi_pgblock_class_value(ngx_conf_t *cf,
    ngx_http_ihanoi_pgclass_t *class, ngx_uint_t n, ngx_str_t *word)
{
    void                                       *field;
    ngx_int_t                                   v;
    ngx_str_t                                  *value, s;
    ngx_uint_t                                  most;
    const ngx_http_ihanoi_pgblock_parameter_t  *row;

    for (row = ngx_http_ihanoi_pgblock_parameters; row->name.len; row++) {
        if (word->len > row->name.len
            && ngx_strncmp(word->data, row->name.data, row->name.len) == 0)
        {
            break;
        }
    }

    if (row->name.len == 0) {
        return NGX_DECLINED;
    }

    value = cf->args->elts;
    field = (u_char *) class + row->offset;

    s.data = word->data + row->name.len;
    s.len = word->len - row->name.len;

    if (row->most == 0) {
        v = ngx_parse_time(&s, 0);

        if (v < 1 || v > NGX_HTTP_IHANOI_PG_LONGEST) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" in \"%V\" must be a time from 1ms to "
                               "1h", word, &value[0]);
            return NGX_ERROR;
        }

        *(ngx_msec_t *) field = (ngx_msec_t) v;

        return NGX_OK;
    }

    most = row->most;

    if (n == NGX_HTTP_IHANOI_PG_CONTROL && field == &class->connections) {
        most = 1;
    }

    v = ngx_atoi(s.data, s.len);

    if (v < 1 || (ngx_uint_t) v > most) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"%V\" must be between 1 and %ui",
                           word, &value[0], most);
        return NGX_ERROR;
    }

    *(ngx_uint_t *) field = (ngx_uint_t) v;

    return NGX_OK;
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
