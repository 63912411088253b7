/*
 * Copyright (C) iHaNoi contributors
 *
 * Jobs: sees to it that time-driven work is run.
 *
 * The work is rows and functions in the database (core.jobs, jobs_run); this
 * only calls them again and again, from the first worker.  A lease in the
 * database picks one gateway of the cluster, so that each of them may ask.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_ihanoi_block.h"
#include "ngx_http_ihanoi_metrics.h"
#include "ngx_http_ihanoi_pg.h"


/* columns of jobs_run() */
#define NGX_HTTP_IHANOI_JOBS_HELD      0
#define NGX_HTTP_IHANOI_JOBS_RAN       1
#define NGX_HTTP_IHANOI_JOBS_FAILED    2
#define NGX_HTTP_IHANOI_JOBS_DEAD      3


typedef struct {
    ngx_str_t                  database;
    ngx_http_ihanoi_metric_t  *leader;
    ngx_http_ihanoi_metric_t  *ran;
    ngx_http_ihanoi_metric_t  *failed;
    ngx_http_ihanoi_metric_t  *dead;
} ngx_http_ihanoi_jobs_t;


static char *ngx_http_ihanoi_jobs(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_ihanoi_jobs_metrics(ngx_conf_t *cf,
    ngx_http_ihanoi_jobs_t *jobs);
static const char *ngx_http_ihanoi_jobs_runner(void *data);
static void ngx_http_ihanoi_jobs_done(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec);


static ngx_command_t  ngx_http_ihanoi_jobs_commands[] = {

    { ngx_string("ihanoi_jobs"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_ihanoi_jobs,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_ihanoi_jobs_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_ihanoi_jobs_module = {
    NGX_MODULE_V1,
    &ngx_http_ihanoi_jobs_module_ctx,      /* module context */
    ngx_http_ihanoi_jobs_commands,         /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* ihanoi_jobs database [interval=time]; */

static char *
ngx_http_ihanoi_jobs(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t                  interval;
    ngx_str_t                 *value;
    ngx_http_ihanoi_jobs_t    *jobs;
    ngx_http_ihanoi_pgdb_t    *db;
    ngx_http_ihanoi_pgtask_t   task;

    value = cf->args->elts;

    /* the lease is 10 seconds: a slower gateway would lose it again */

    if (ngx_http_ihanoi_interval(cf, "5s", &interval) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    jobs = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_jobs_t));
    if (jobs == NULL) {
        return NGX_CONF_ERROR;
    }

    jobs->database = value[1];

    if (ngx_http_ihanoi_jobs_metrics(cf, jobs) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    db = ngx_http_ihanoi_pg_database(cf, &value[1]);
    if (db == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&task, sizeof(ngx_http_ihanoi_pgtask_t));

    task.sql = "select held, ran, failed, dead"
               " from jobs_run(runner => $1::text)";
    task.trouble = "jobs were not run";
    task.interval = interval;
    task.first_worker_only = 1;
    task.parameter = ngx_http_ihanoi_jobs_runner;
    task.handler = ngx_http_ihanoi_jobs_done;
    task.data = jobs;

    if (ngx_http_ihanoi_pg_task_add(db, &task) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_jobs_metrics(ngx_conf_t *cf, ngx_http_ihanoi_jobs_t *jobs)
{
    ngx_str_t  labels;

    ngx_str_null(&labels);

    if (ngx_http_ihanoi_metric_label(cf->pool, &labels, "database",
                                     &jobs->database)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    jobs->leader = ngx_http_ihanoi_metric_add(cf, NGX_HTTP_IHANOI_GAUGE_MAX,
                          "ihanoi_jobs_leader",
                          "1 while this gateway has the lease on jobs.",
                          &labels);
    jobs->ran = ngx_http_ihanoi_metric_add(cf, NGX_HTTP_IHANOI_COUNTER,
                          "ihanoi_jobs_runs_total",
                          "Jobs run by this gateway, each attempt once.",
                          &labels);
    jobs->failed = ngx_http_ihanoi_metric_add(cf, NGX_HTTP_IHANOI_COUNTER,
                          "ihanoi_jobs_failures_total",
                          "Attempts that failed; most are made again.",
                          &labels);
    jobs->dead = ngx_http_ihanoi_metric_add(cf, NGX_HTTP_IHANOI_COUNTER,
                          "ihanoi_jobs_dead_total",
                          "Jobs given up after their last attempt.",
                          &labels);

    if (jobs->leader == NULL || jobs->ran == NULL || jobs->failed == NULL
        || jobs->dead == NULL)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static const char *
ngx_http_ihanoi_jobs_runner(void *data)
{
    return ngx_http_ihanoi_pg_holder();
}


static void
ngx_http_ihanoi_jobs_done(void *data, ngx_http_ihanoi_pg_outcome_e outcome,
    ngx_http_ihanoi_pgresult_t *res, ngx_uint_t db_usec)
{
    ngx_http_ihanoi_jobs_t *jobs = data;

    ngx_str_t   held;
    ngx_uint_t  dead;

    if (outcome != NGX_HTTP_IHANOI_PG_OK) {
        ngx_http_ihanoi_metric_set(jobs->leader, 0);
        return;
    }

    held = ngx_http_ihanoi_pgresult_value(res, 0, NGX_HTTP_IHANOI_JOBS_HELD);
    dead = ngx_http_ihanoi_pgresult_number(res, 0, NGX_HTTP_IHANOI_JOBS_DEAD);

    ngx_http_ihanoi_metric_set(jobs->leader,
                               held.len == 1 && held.data[0] == 't');
    ngx_http_ihanoi_metric_addn(jobs->ran,
          ngx_http_ihanoi_pgresult_number(res, 0, NGX_HTTP_IHANOI_JOBS_RAN));
    ngx_http_ihanoi_metric_addn(jobs->failed,
          ngx_http_ihanoi_pgresult_number(res, 0, NGX_HTTP_IHANOI_JOBS_FAILED));
    ngx_http_ihanoi_metric_addn(jobs->dead, dead);

    if (dead) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "%ui jobs of database \"%V\" were given up: see "
                      "core.jobs in state \"dead\"", dead, &jobs->database);
    }

    ngx_http_ihanoi_pgresult_free(res);
}
