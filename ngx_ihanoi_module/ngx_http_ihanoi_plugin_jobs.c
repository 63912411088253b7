/*
 * Copyright (C) iHaNoi contributors
 *
 * Jobs of plugins: what their manifests schedule.
 *
 * The first worker of each gateway tells the database again and again what there
 * is and when each job is due next; the database gives a run to one of them
 * (sql/code/plugins/plugin_jobs_take.sql), which reports its end.  The
 * database's clock is everybody's.
 */

#include "ngx_http_ihanoi_background.h"


/* Between two reports that are about all jobs. */
#define NGX_HTTP_IHANOI_JOB_ALL       60000

/* East of UTC, all the year. */
#define NGX_HTTP_IHANOI_JOB_OFFSET    (7 * 3600)

/* A lease is longer than its run by so many seconds: the end is reported. */
#define NGX_HTTP_IHANOI_JOB_MARGIN    20

/* Bytes that a job and what is around all of them take in the question. */
#define NGX_HTTP_IHANOI_JOB_ASKED     400
#define NGX_HTTP_IHANOI_JOB_AROUND    200

/* columns of plugin_jobs_take() */
#define NGX_HTTP_IHANOI_JOB_NOW       0
#define NGX_HTTP_IHANOI_JOB_PLUGIN    1
#define NGX_HTTP_IHANOI_JOB_NAME      2
#define NGX_HTTP_IHANOI_JOB_RUN       3
#define NGX_HTTP_IHANOI_JOB_DUE       4
#define NGX_HTTP_IHANOI_JOB_LATE      5
#define NGX_HTTP_IHANOI_JOB_SUCCESS   6

/* parameters of plugin_job_end() */
#define NGX_HTTP_IHANOI_JOB_END       5


typedef struct {
    ngx_http_ihanoi_plugin_t        *plugin;
    const ihanoi_manifest_job_t     *job;
    ngx_http_ihanoi_plugin_jobs_t   *jobs;
    ngx_uint_t                       function;   /* plugin->functions */
    time_t                           next;       /* 0: to be found out */

    ngx_http_ihanoi_metric_t        *runs[NGX_HTTP_IHANOI_BACKGROUND_OUTCOMES];
    ngx_http_ihanoi_metric_t        *duration;
    ngx_http_ihanoi_metric_t        *success;
} ngx_http_ihanoi_plugin_job_t;


struct ngx_http_ihanoi_plugin_jobs_s {
    ngx_array_t                      list;       /* of _plugin_job_t */
    ngx_http_ihanoi_pgdb_t          *db;
    ngx_http_ihanoi_pgstmt_t        *end;
    u_char                          *asked;      /* of this worker */
    time_t                           skew;       /* database's clock - ours */
    ngx_msec_t                       all;        /* asked for from then on */
    unsigned                         known:1;    /* skew is */
};


/* What a run knows until it is reported. */
typedef struct {
    ngx_http_ihanoi_plugin_job_t    *job;
    const char                      *values[NGX_HTTP_IHANOI_JOB_END];
} ngx_http_ihanoi_plugin_job_run_t;


static char *ngx_http_ihanoi_plugin_job_add(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_jobs_t *jobs, ngx_http_ihanoi_plugin_t *plugin,
    ngx_uint_t n);
static const char *ngx_http_ihanoi_plugin_jobs_ask(void *data);
static u_char *ngx_http_ihanoi_plugin_job_ask(u_char *p,
    ngx_http_ihanoi_plugin_job_t *job, time_t now);
static void ngx_http_ihanoi_plugin_jobs_told(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec);
static void ngx_http_ihanoi_plugin_jobs_clock(
    ngx_http_ihanoi_plugin_jobs_t *jobs, time_t now);
static ngx_http_ihanoi_plugin_job_t *ngx_http_ihanoi_plugin_job_find(
    ngx_http_ihanoi_plugin_jobs_t *jobs, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t row);
static void ngx_http_ihanoi_plugin_job_start(
    ngx_http_ihanoi_plugin_job_t *job, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t row);
static void ngx_http_ihanoi_plugin_job_done(ngx_http_ihanoi_background_t *bg);


static const char  ngx_http_ihanoi_plugin_job_end_sql[] =
    "select plugin_job_end(plugin => $1::text, job => $2::text,"
    " run => $3::uuid, outcome => $4::text, error => $5::text)";


char *
ngx_http_ihanoi_plugin_jobs_add(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_jobs_t **jobs, ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_uint_t  i;

    if (plugin->manifest->njobs == 0) {
        return NGX_CONF_OK;
    }

    if (*jobs == NULL) {
        *jobs = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_plugin_jobs_t));

        if (*jobs == NULL
            || ngx_array_init(&(*jobs)->list, cf->pool, 8,
                              sizeof(ngx_http_ihanoi_plugin_job_t))
               != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    for (i = 0; i < plugin->manifest->njobs; i++) {
        if (ngx_http_ihanoi_plugin_job_add(cf, *jobs, plugin, i)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_plugin_job_add(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_jobs_t *jobs, ngx_http_ihanoi_plugin_t *plugin,
    ngx_uint_t n)
{
    ngx_str_t                      labels, name;
    ngx_http_ihanoi_plugin_job_t  *job;

    job = ngx_array_push(&jobs->list);
    if (job == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(job, sizeof(ngx_http_ihanoi_plugin_job_t));

    job->plugin = plugin;
    job->job = &plugin->manifest->jobs[n];

    job->function = ngx_http_ihanoi_plugin_function_by(plugin, job->job->name);

    name.data = (u_char *) job->job->name;
    name.len = ngx_strlen(name.data);

    if (ngx_http_ihanoi_plugin_labels(cf, plugin, &labels) != NGX_OK
        || ngx_http_ihanoi_metric_label(cf->pool, &labels, "job", &name)
           != NGX_OK
        || ngx_http_ihanoi_plugin_outcomes_declare(cf, job->runs,
                  ngx_http_ihanoi_background_outcomes,
                  NGX_HTTP_IHANOI_BACKGROUND_OUTCOMES,
                  "ihanoi_plugin_job_runs_total",
                  "Runs of jobs of plugins by this gateway, by how they ended.",
                  &labels)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    job->duration = ngx_http_ihanoi_metric_add(cf, NGX_HTTP_IHANOI_HISTOGRAM,
                  "ihanoi_plugin_job_duration_seconds",
                  "Time from a job's start to its end.", &labels);
    job->success = ngx_http_ihanoi_metric_add(cf, NGX_HTTP_IHANOI_GAUGE_MAX,
                  "ihanoi_plugin_job_success_timestamp_seconds",
                  "When the job last succeeded, wherever it ran.", &labels);

    return (job->duration && job->success) ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* In a list that does not move any more. */

char *
ngx_http_ihanoi_plugin_jobs_declare(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_jobs_t *jobs, ngx_msec_t interval)
{
    ngx_uint_t                     i;
    ngx_http_ihanoi_pgstmt_t       stmt;
    ngx_http_ihanoi_pgtask_t       task;
    ngx_http_ihanoi_plugin_job_t  *job;

    job = jobs->list.elts;

    for (i = 0; i < jobs->list.nelts; i++) {
        job[i].jobs = jobs;
    }

    jobs->asked = ngx_pnalloc(cf->pool, NGX_HTTP_IHANOI_JOB_AROUND
                              + jobs->list.nelts * NGX_HTTP_IHANOI_JOB_ASKED);
    jobs->db = ngx_http_ihanoi_api_core_database(cf);

    if (jobs->asked == NULL || jobs->db == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&task, sizeof(ngx_http_ihanoi_pgtask_t));

    task.sql = "select now, plugin, job, run, due, late, success"
               " from plugin_jobs_take(asked => $1::jsonb)";
    task.trouble = "jobs of plugins were not run";
    task.interval = interval;
    task.first_worker_only = 1;
    task.parameter = ngx_http_ihanoi_plugin_jobs_ask;
    task.handler = ngx_http_ihanoi_plugin_jobs_told;
    task.data = jobs;

    if (ngx_http_ihanoi_pg_task_add(jobs->db, &task) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&stmt, sizeof(ngx_http_ihanoi_pgstmt_t));

    ngx_str_set(&stmt.sql, ngx_http_ihanoi_plugin_job_end_sql);
    ngx_str_set(&stmt.operation, "plugin_job_end");
    stmt.nparams = NGX_HTTP_IHANOI_JOB_END;
    stmt.class = NGX_HTTP_IHANOI_PG_WRITE;

    jobs->end = ngx_http_ihanoi_pg_statement(cf, jobs->db, &stmt);

    return jobs->end ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* What there is; before the database's clock is known, nothing. */

static const char *
ngx_http_ihanoi_plugin_jobs_ask(void *data)
{
    ngx_http_ihanoi_plugin_jobs_t *jobs = data;

    u_char                        *p;
    time_t                         now;
    ngx_uint_t                     i, all;
    ngx_http_ihanoi_plugin_job_t  *job;

    now = ngx_time();
    all = jobs->known && (ngx_msec_int_t) (ngx_current_msec - jobs->all) >= 0;

    if (all) {
        jobs->all = ngx_current_msec + NGX_HTTP_IHANOI_JOB_ALL;
    }

    p = ngx_sprintf(jobs->asked, "{\"gateway\":\"%s\",\"all\":%s,\"jobs\":[",
                    ngx_http_ihanoi_pg_holder(), all ? "true" : "false");

    job = jobs->list.elts;

    for (i = 0; jobs->known && i < jobs->list.nelts; i++) {

        if (i) {
            *p++ = ',';
        }

        p = ngx_http_ihanoi_plugin_job_ask(p, &job[i], now + jobs->skew);
    }

    ngx_sprintf(p, "]}%Z");

    return (const char *) jobs->asked;
}


static u_char *
ngx_http_ihanoi_plugin_job_ask(u_char *p, ngx_http_ihanoi_plugin_job_t *job,
    time_t now)
{
    const char                *cron;
    ngx_uint_t                 hold;
    ngx_http_ihanoi_plugin_t  *plugin;

    plugin = job->plugin;

    if (job->next <= now) {
        job->next = ihanoi_cron_next(&job->job->schedule, now,
                                     NGX_HTTP_IHANOI_JOB_OFFSET);
    }

    /* what would fail for its database is made up for, as its manifest says */

    hold = ngx_http_ihanoi_background_room() == 0
           || ngx_http_ihanoi_plugin_refused(plugin)
           || (plugin->db && !ngx_http_ihanoi_pg_stands(plugin->db));

    p = ngx_sprintf(p, "{\"plugin\":\"%V\",\"job\":\"%s\",\"version\":\"%s\","
                       "\"missed\":\"%s\",\"next\":%T,\"lease\":%ui,"
                       "\"hold\":%s,\"cron\":\"",
                    &plugin->name, job->job->name, plugin->manifest->version,
                    job->job->skip ? "skip" : "once", job->next,
                    job->job->timeout / 1000 + NGX_HTTP_IHANOI_JOB_MARGIN,
                    hold ? "true" : "false");

    for (cron = job->job->cron; *cron; cron++) {
        *p++ = (*cron == '\t') ? ' ' : *cron;
    }

    return ngx_sprintf(p, "\"}");
}


static void
ngx_http_ihanoi_plugin_jobs_told(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec)
{
    ngx_http_ihanoi_plugin_jobs_t *jobs = data;

    time_t                         success;
    ngx_uint_t                     i;
    ngx_http_ihanoi_plugin_job_t  *job;

    if (outcome != NGX_HTTP_IHANOI_PG_OK) {
        return;
    }

    ngx_http_ihanoi_plugin_jobs_clock(jobs,
           ngx_http_ihanoi_pgresult_number(res, 0, NGX_HTTP_IHANOI_JOB_NOW));

    for (i = 1; i < ngx_http_ihanoi_pgresult_rows(res); i++) {

        job = ngx_http_ihanoi_plugin_job_find(jobs, res, i);
        if (job == NULL) {
            continue;
        }

        if (ngx_http_ihanoi_pgresult_value(res, i, NGX_HTTP_IHANOI_JOB_RUN)
                .data)
        {
            ngx_http_ihanoi_plugin_job_start(job, res, i);
            continue;
        }

        success = ngx_http_ihanoi_pgresult_number(res, i,
                                               NGX_HTTP_IHANOI_JOB_SUCCESS);
        ngx_http_ihanoi_metric_set(job->success, success);
    }

    ngx_http_ihanoi_pgresult_free(res);
}


/* A clock that was set makes all times of before wrong. */

static void
ngx_http_ihanoi_plugin_jobs_clock(ngx_http_ihanoi_plugin_jobs_t *jobs,
    time_t now)
{
    time_t                         skew;
    ngx_uint_t                     i;
    ngx_http_ihanoi_plugin_job_t  *job;

    skew = now - ngx_time();

    if (!jobs->known || ngx_abs(skew - jobs->skew) > 1) {

        job = jobs->list.elts;

        for (i = 0; i < jobs->list.nelts; i++) {
            job[i].next = 0;
        }
    }

    jobs->skew = skew;
    jobs->known = 1;
}


static ngx_http_ihanoi_plugin_job_t *
ngx_http_ihanoi_plugin_job_find(ngx_http_ihanoi_plugin_jobs_t *jobs,
    ngx_http_ihanoi_pgresult_t *res, ngx_uint_t row)
{
    ngx_str_t                      plugin, name;
    ngx_uint_t                     i;
    ngx_http_ihanoi_plugin_job_t  *job;

    plugin = ngx_http_ihanoi_pgresult_value(res, row,
                                            NGX_HTTP_IHANOI_JOB_PLUGIN);
    name = ngx_http_ihanoi_pgresult_value(res, row, NGX_HTTP_IHANOI_JOB_NAME);

    if (plugin.data == NULL || name.data == NULL) {
        return NULL;
    }

    job = jobs->list.elts;

    for (i = 0; i < jobs->list.nelts; i++) {
        if (ngx_strcmp(job[i].plugin->name.data, plugin.data) == 0
            && ngx_strcmp(job[i].job->name, name.data) == 0)
        {
            return &job[i];
        }
    }

    return NULL;
}


/* A run that cannot even begin is not reported: its lease ends. */

static void
ngx_http_ihanoi_plugin_job_start(ngx_http_ihanoi_plugin_job_t *job,
    ngx_http_ihanoi_pgresult_t *res, ngx_uint_t row)
{
    u_char                            *p;
    ngx_str_t                          run, late;
    struct tm                          tm;
    time_t                             due;
    ngx_http_ihanoi_background_t      *bg;
    ngx_http_ihanoi_plugin_job_run_t  *jr;

    bg = ngx_http_ihanoi_background_create(job->plugin,
                                     sizeof(ngx_http_ihanoi_plugin_job_run_t));
    if (bg == NULL) {
        return;
    }

    run = ngx_http_ihanoi_pgresult_value(res, row, NGX_HTTP_IHANOI_JOB_RUN);
    late = ngx_http_ihanoi_pgresult_value(res, row, NGX_HTTP_IHANOI_JOB_LATE);
    due = ngx_http_ihanoi_pgresult_number(res, row, NGX_HTTP_IHANOI_JOB_DUE);

    ngx_libc_gmtime(due, &tm);

    p = ngx_pnalloc(bg->pool, run.len + 1);
    bg->name.data = ngx_pnalloc(bg->pool,
                                sizeof("jobs/") + ngx_strlen(job->job->name));
    bg->input.data = ngx_pnalloc(bg->pool, NGX_HTTP_IHANOI_JOB_AROUND);

    if (p == NULL || bg->name.data == NULL || bg->input.data == NULL) {
        ngx_http_ihanoi_inject_drop(bg->injected);
        return;
    }

    jr = bg->data;

    jr->job = job;
    jr->values[0] = (char *) job->plugin->name.data;
    jr->values[1] = job->job->name;
    jr->values[2] = (char *) p;

    *ngx_cpymem(p, run.data, run.len) = '\0';

    bg->function = job->function;
    bg->timeout = job->job->timeout;
    bg->cpu = job->job->cpu / 1000;
    bg->done = ngx_http_ihanoi_plugin_job_done;

    bg->name.len = ngx_sprintf(bg->name.data, "jobs/%s", job->job->name)
                   - bg->name.data;

    bg->input.len = ngx_sprintf(bg->input.data,
                         "{\"job\":\"%s\",\"run\":\"%V\",\"late\":%s,\"due\":"
                         "\"%04d-%02d-%02dT%02d:%02d:%02dZ\"}",
                         job->job->name, &run,
                         late.len && late.data[0] == 't' ? "true" : "false",
                         tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                         tm.tm_hour, tm.tm_min, tm.tm_sec)
                    - bg->input.data;

    ngx_http_ihanoi_background_start(bg);
}


static void
ngx_http_ihanoi_plugin_job_done(ngx_http_ihanoi_background_t *bg)
{
    ngx_http_ihanoi_plugin_job_t      *job;
    ngx_http_ihanoi_plugin_job_run_t  *jr;

    jr = bg->data;
    job = jr->job;

    ngx_http_ihanoi_metric_inc(job->runs[bg->outcome]);
    ngx_http_ihanoi_metric_observe(job->duration,
                         (ngx_uint_t) (ngx_http_ihanoi_usec() - bg->start));

    if (bg->outcome == NGX_HTTP_IHANOI_BACKGROUND_OK) {
        ngx_http_ihanoi_metric_set(job->success,
                                   ngx_time() + job->jobs->skew);
    }

    jr->values[3] = ngx_http_ihanoi_background_outcomes[bg->outcome];
    jr->values[4] = bg->error.len ? (char *) bg->error.data
                    : bg->again ? "again" : NULL;

    ngx_http_ihanoi_background_report(bg, job->jobs->db, job->jobs->end,
                                      jr->values);
}
