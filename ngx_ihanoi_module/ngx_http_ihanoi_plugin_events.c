/*
 * Copyright (C) iHaNoi contributors
 *
 * Events for plugins: what their manifests have subscribed to.
 *
 * The first worker of each gateway asks the database again and again for
 * deliveries (sql/code/plugins/plugin_events_take.sql) and reports how each
 * ended; with a report comes the plugin's next one.
 */

#include "ngx_http_ihanoi_background.h"


#define NGX_HTTP_IHANOI_EVENT_INTERVAL  500

/* Between two looks at what waits, and at what is over. */
#define NGX_HTTP_IHANOI_EVENT_ALL       10000

/* A lease is longer than its run by so many seconds: the end is reported. */
#define NGX_HTTP_IHANOI_EVENT_MARGIN    20

/* Deliveries of a plugin under way with which no more are asked for. */
#define NGX_HTTP_IHANOI_EVENT_RUNNING   8

/* Bytes that a subscription and what is around all take in the question. */
#define NGX_HTTP_IHANOI_EVENT_ASKED     300
#define NGX_HTTP_IHANOI_EVENT_AROUND    200

/* columns of plugin_events_take() */
#define NGX_HTTP_IHANOI_EVENT_PLUGIN    0
#define NGX_HTTP_IHANOI_EVENT_NAME      1
#define NGX_HTTP_IHANOI_EVENT_ID        2
#define NGX_HTTP_IHANOI_EVENT_RUN       3
#define NGX_HTTP_IHANOI_EVENT_INPUT     4

/* and of plugin_events_list(), behind the first two */
#define NGX_HTTP_IHANOI_EVENT_WAITING   2
#define NGX_HTTP_IHANOI_EVENT_DEAD      3
#define NGX_HTTP_IHANOI_EVENT_LAG       4

/* parameters of plugin_event_end(), whose columns 1 to 4 are those above */
#define NGX_HTTP_IHANOI_EVENT_END       6

/* parameters of plugin_publish() */
#define NGX_HTTP_IHANOI_EVENT_PUBLISH   4


/* A plugin that has subscriptions. */
typedef struct {
    ngx_http_ihanoi_plugin_t         *plugin;
    ngx_http_ihanoi_plugin_events_t  *events;
    u_char                           *asked;     /* its part of the question */
    ngx_uint_t                        running;   /* in this worker */
} ngx_http_ihanoi_plugin_consumer_t;


typedef struct {
    ngx_http_ihanoi_plugin_consumer_t  *consumer;
    const ihanoi_subscription_t        *sub;
    ngx_uint_t                          function;  /* plugin->functions */

    ngx_http_ihanoi_metric_t
                              *ends[NGX_HTTP_IHANOI_BACKGROUND_OUTCOMES];
    ngx_http_ihanoi_metric_t           *waiting;
    ngx_http_ihanoi_metric_t           *dead;
    ngx_http_ihanoi_metric_t           *lag;
} ngx_http_ihanoi_plugin_sub_t;


struct ngx_http_ihanoi_plugin_events_s {
    ngx_array_t                       subs;      /* of _plugin_sub_t */
    ngx_http_ihanoi_pgdb_t           *db;
    ngx_http_ihanoi_pgstmt_t         *end;
    u_char                           *asked;     /* of this worker */
    ngx_msec_t                        all;       /* asked for from then on */
    ngx_uint_t                        consumers;
    ngx_uint_t                        turn;      /* whose it is to be first */
};


/* What a delivery knows until it is reported. */
typedef struct {
    ngx_http_ihanoi_plugin_sub_t     *sub;
    const char                       *values[NGX_HTTP_IHANOI_EVENT_END];
} ngx_http_ihanoi_plugin_delivery_t;


static char *ngx_http_ihanoi_plugin_sub_add(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_events_t *events,
    ngx_http_ihanoi_plugin_consumer_t *consumer,
    const ihanoi_subscription_t *event);
static const char *ngx_http_ihanoi_plugin_events_ask(void *data);
static void ngx_http_ihanoi_plugin_events_write(
    ngx_http_ihanoi_plugin_events_t *events, u_char *p,
    ngx_http_ihanoi_plugin_consumer_t *consumer, ngx_uint_t all);
static void ngx_http_ihanoi_plugin_events_told(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec);
static void ngx_http_ihanoi_plugin_events_counted(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec);
static ngx_http_ihanoi_plugin_sub_t *ngx_http_ihanoi_plugin_sub_of_row(
    ngx_http_ihanoi_plugin_events_t *events, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t row);
static ngx_http_ihanoi_plugin_sub_t *ngx_http_ihanoi_plugin_sub_find(
    ngx_http_ihanoi_plugin_events_t *events, u_char *plugin, u_char *name);
static void ngx_http_ihanoi_plugin_event_start(
    ngx_http_ihanoi_plugin_sub_t *sub, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t row);
static const char *ngx_http_ihanoi_plugin_event_copy(ngx_pool_t *pool,
    ngx_str_t *value);
static void ngx_http_ihanoi_plugin_event_done(
    ngx_http_ihanoi_background_t *bg);
static void ngx_http_ihanoi_plugin_event_reported(
    ngx_http_ihanoi_background_t *bg, ngx_http_ihanoi_pgresult_t *res);
static void ngx_http_ihanoi_plugin_event_over(void *data);


static const char  ngx_http_ihanoi_plugin_event_end_sql[] =
    "select kept, event, next_id, next_run, input"
    " from plugin_event_end(plugin => $1::text, id => $2::int8,"
    " run => $3::uuid, outcome => $4::text, error => $5::text,"
    " asked => $6::jsonb)";


static const char  ngx_http_ihanoi_plugin_publish_sql[] =
    "select plugin_publish(plugin => $1::text, event => $2::text,"
    " key => $3::uuid, payload => $4::jsonb)";


char *
ngx_http_ihanoi_plugin_events_add(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_events_t **events, ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_uint_t                          i;
    ngx_http_ihanoi_plugin_consumer_t  *consumer;

    if (plugin->manifest->nsubscribes == 0) {
        return NGX_CONF_OK;
    }

    if (*events == NULL) {
        *events = ngx_pcalloc(cf->pool,
                              sizeof(ngx_http_ihanoi_plugin_events_t));

        if (*events == NULL
            || ngx_array_init(&(*events)->subs, cf->pool, 8,
                              sizeof(ngx_http_ihanoi_plugin_sub_t))
               != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    consumer = ngx_pcalloc(cf->pool,
                           sizeof(ngx_http_ihanoi_plugin_consumer_t));
    if (consumer == NULL) {
        return NGX_CONF_ERROR;
    }

    plugin->subscribed = *events;
    (*events)->consumers++;

    consumer->plugin = plugin;
    consumer->events = *events;
    consumer->asked = ngx_pnalloc(cf->pool, NGX_HTTP_IHANOI_EVENT_AROUND
                                  + plugin->manifest->nsubscribes
                                    * NGX_HTTP_IHANOI_EVENT_ASKED);
    if (consumer->asked == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < plugin->manifest->nsubscribes; i++) {
        if (ngx_http_ihanoi_plugin_sub_add(cf, *events, consumer,
                                           &plugin->manifest->subscribes[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_plugin_sub_add(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_events_t *events,
    ngx_http_ihanoi_plugin_consumer_t *consumer,
    const ihanoi_subscription_t *event)
{
    ngx_str_t                      labels, name;
    ngx_http_ihanoi_plugin_t      *plugin;
    ngx_http_ihanoi_plugin_sub_t  *sub;

    sub = ngx_array_push(&events->subs);
    if (sub == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(sub, sizeof(ngx_http_ihanoi_plugin_sub_t));

    plugin = consumer->plugin;

    sub->consumer = consumer;
    sub->sub = event;

    sub->function = ngx_http_ihanoi_plugin_function_by(plugin, event->event);

    name.data = (u_char *) event->event;
    name.len = ngx_strlen(name.data);

    if (ngx_http_ihanoi_plugin_labels(cf, plugin, &labels) != NGX_OK
        || ngx_http_ihanoi_metric_label(cf->pool, &labels, "event", &name)
           != NGX_OK
        || ngx_http_ihanoi_plugin_outcomes_declare(cf, sub->ends,
                  ngx_http_ihanoi_background_outcomes,
                  NGX_HTTP_IHANOI_BACKGROUND_OUTCOMES,
                  "ihanoi_plugin_events_total",
                  "Attempts to deliver events by this gateway, by outcome.",
                  &labels)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    sub->waiting = ngx_http_ihanoi_metric_add(cf, NGX_HTTP_IHANOI_GAUGE_MAX,
                  "ihanoi_plugin_events_waiting",
                  "Events that are to be delivered, in the whole cluster.",
                  &labels);
    sub->dead = ngx_http_ihanoi_metric_add(cf, NGX_HTTP_IHANOI_GAUGE_MAX,
                  "ihanoi_plugin_events_dead",
                  "Events given up after their last attempt.", &labels);
    sub->lag = ngx_http_ihanoi_metric_add(cf, NGX_HTTP_IHANOI_GAUGE_MAX,
                  "ihanoi_plugin_events_lag_seconds",
                  "Age of the oldest event that waits.", &labels);

    return (sub->waiting && sub->dead && sub->lag) ? NGX_CONF_OK
                                                   : NGX_CONF_ERROR;
}


char *
ngx_http_ihanoi_plugin_events_declare(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_events_t *events)
{
    ngx_http_ihanoi_pgstmt_t  stmt;
    ngx_http_ihanoi_pgtask_t  task;

    events->asked = ngx_pnalloc(cf->pool, NGX_HTTP_IHANOI_EVENT_AROUND
                          + events->subs.nelts * NGX_HTTP_IHANOI_EVENT_ASKED);
    events->db = ngx_http_ihanoi_api_core_database(cf);

    if (events->asked == NULL || events->db == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&task, sizeof(ngx_http_ihanoi_pgtask_t));

    task.sql = "select plugin, event, id, run, input"
               " from plugin_events_take(asked => $1::jsonb)";
    task.trouble = "events for plugins were not delivered";
    task.interval = NGX_HTTP_IHANOI_EVENT_INTERVAL;
    task.first_worker_only = 1;
    task.parameter = ngx_http_ihanoi_plugin_events_ask;
    task.handler = ngx_http_ihanoi_plugin_events_told;
    task.data = events;

    if (ngx_http_ihanoi_pg_task_add(events->db, &task) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    /* what writes nothing is told of a database that has no room, too */

    task.sql = "select plugin, topic, waiting, dead,"
               " coalesce(ceil(extract(epoch from core.now() - oldest_at)),"
               " 0)::int8 from plugin_events_list()";
    task.trouble = "events for plugins were not counted";
    task.interval = NGX_HTTP_IHANOI_EVENT_ALL;
    task.parameter = NULL;
    task.handler = ngx_http_ihanoi_plugin_events_counted;

    if (ngx_http_ihanoi_pg_task_add(events->db, &task) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&stmt, sizeof(ngx_http_ihanoi_pgstmt_t));

    ngx_str_set(&stmt.sql, ngx_http_ihanoi_plugin_event_end_sql);
    ngx_str_set(&stmt.operation, "plugin_event_end");
    stmt.nparams = NGX_HTTP_IHANOI_EVENT_END;
    stmt.class = NGX_HTTP_IHANOI_PG_WRITE;

    events->end = ngx_http_ihanoi_pg_statement(cf, events->db, &stmt);

    return events->end ? NGX_CONF_OK : NGX_CONF_ERROR;
}


json_t *
ngx_http_ihanoi_plugin_events_report(ngx_http_ihanoi_plugin_t *plugin)
{
    json_t                        *list;
    ngx_uint_t                     i, n;
    ngx_http_ihanoi_plugin_sub_t  *sub;

    list = json_array();

    n = plugin->subscribed ? plugin->subscribed->subs.nelts : 0;
    sub = plugin->subscribed ? plugin->subscribed->subs.elts : NULL;

    for (i = 0; i < n; i++) {

        if (sub[i].consumer->plugin != plugin) {
            continue;
        }

        if (json_array_append_new(list,
                json_pack("{s:s, s:I, s:I, s:I}", "event", sub[i].sub->event,
                    "waiting", (json_int_t)
                        ngx_http_ihanoi_metric_value(sub[i].waiting),
                    "dead", (json_int_t)
                        ngx_http_ihanoi_metric_value(sub[i].dead),
                    "lag_seconds", (json_int_t)
                        ngx_http_ihanoi_metric_value(sub[i].lag)))
            != 0)
        {
            json_decref(list);
            return NULL;
        }
    }

    return list;
}


char *
ngx_http_ihanoi_plugin_publishes(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_http_ihanoi_pgstmt_t  stmt;

    if (plugin->manifest->publishes.n == 0) {
        return NGX_CONF_OK;
    }

    plugin->publish_db = ngx_http_ihanoi_api_core_database(cf);
    if (plugin->publish_db == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&stmt, sizeof(ngx_http_ihanoi_pgstmt_t));

    ngx_str_set(&stmt.sql, ngx_http_ihanoi_plugin_publish_sql);
    ngx_str_set(&stmt.operation, "plugin_publish");
    stmt.nparams = NGX_HTTP_IHANOI_EVENT_PUBLISH;
    stmt.class = NGX_HTTP_IHANOI_PG_WRITE;

    plugin->publish = ngx_http_ihanoi_pg_statement(cf, plugin->publish_db,
                                                   &stmt);

    return plugin->publish ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static const char *
ngx_http_ihanoi_plugin_events_ask(void *data)
{
    ngx_http_ihanoi_plugin_events_t *events = data;

    ngx_uint_t  all;

    all = (ngx_msec_int_t) (ngx_current_msec - events->all) >= 0;

    if (all) {
        events->all = ngx_current_msec + NGX_HTTP_IHANOI_EVENT_ALL;
    }

    events->turn = (events->turn + 1) % events->consumers;
    ngx_http_ihanoi_plugin_events_write(events, events->asked, NULL, all);

    return (const char *) events->asked;
}


/* Of all plugins, or of the one that has just reported an end. */

static void
ngx_http_ihanoi_plugin_events_write(ngx_http_ihanoi_plugin_events_t *events,
    u_char *p, ngx_http_ihanoi_plugin_consumer_t *consumer, ngx_uint_t all)
{
    u_char                        *comma;
    const char                    *dot;
    ngx_uint_t                     i, hold, room, place;
    ngx_http_ihanoi_plugin_t      *plugin;
    ngx_http_ihanoi_plugin_sub_t  *sub;

    room = ngx_http_ihanoi_background_room();
    place = consumer ? 0 : events->turn;

    p = ngx_sprintf(p, "{\"gateway\":\"%s\",\"all\":%s,\"subscriptions\":[",
                    ngx_http_ihanoi_pg_holder(), all ? "true" : "false");

    sub = events->subs.elts;
    comma = p;

    for (i = 0; i < events->subs.nelts; i++) {

        if (consumer && sub[i].consumer != consumer) {
            continue;
        }

        if (i && consumer == NULL && sub[i].consumer != sub[i - 1].consumer) {
            place = (place + 1) % events->consumers;
        }

        plugin = sub[i].consumer->plugin;
        dot = ngx_strchr(sub[i].sub->event, '.');

        /* what would fail for its database loses no attempt to it */

        hold = place >= room
               || ngx_http_ihanoi_plugin_refused(plugin)
               || (plugin->db && !ngx_http_ihanoi_pg_stands(plugin->db))
               || (consumer == NULL && sub[i].consumer->running
                                       >= NGX_HTTP_IHANOI_EVENT_RUNNING);

        if (p != comma) {
            *p++ = ',';
        }

        p = ngx_sprintf(p, "{\"plugin\":\"%V\",\"topic\":\"%*s\","
                           "\"event\":\"%s\",\"attempts\":%ud,\"lease\":%ui,"
                           "\"hold\":%s}",
                        &plugin->name, (size_t) (dot - sub[i].sub->event),
                        sub[i].sub->event, dot + 1, sub[i].sub->attempts,
                        plugin->timeout / 1000 + NGX_HTTP_IHANOI_EVENT_MARGIN,
                        hold ? "true" : "false");
    }

    ngx_sprintf(p, "]}%Z");
}


static void
ngx_http_ihanoi_plugin_events_told(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec)
{
    ngx_http_ihanoi_plugin_events_t *events = data;

    ngx_str_t                      run;
    ngx_uint_t                     i;
    ngx_http_ihanoi_plugin_sub_t  *sub;

    if (outcome != NGX_HTTP_IHANOI_PG_OK) {
        return;
    }

    for (i = 0; i < ngx_http_ihanoi_pgresult_rows(res); i++) {

        sub = ngx_http_ihanoi_plugin_sub_of_row(events, res, i);
        run = ngx_http_ihanoi_pgresult_value(res, i,
                                             NGX_HTTP_IHANOI_EVENT_RUN);

        /* a release that was gone back to may count here, in rows of no run */

        if (sub && run.data) {
            ngx_http_ihanoi_plugin_event_start(sub, res, i);
        }
    }

    ngx_http_ihanoi_pgresult_free(res);
}


static void
ngx_http_ihanoi_plugin_events_counted(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec)
{
    ngx_http_ihanoi_plugin_events_t *events = data;

    ngx_uint_t                     i;
    ngx_http_ihanoi_plugin_sub_t  *sub;

    if (outcome != NGX_HTTP_IHANOI_PG_OK) {
        return;
    }

    for (i = 0; i < ngx_http_ihanoi_pgresult_rows(res); i++) {

        sub = ngx_http_ihanoi_plugin_sub_of_row(events, res, i);

        if (sub == NULL) {
            continue;
        }

        ngx_http_ihanoi_metric_set(sub->waiting,
            ngx_http_ihanoi_pgresult_number(res, i,
                                            NGX_HTTP_IHANOI_EVENT_WAITING));
        ngx_http_ihanoi_metric_set(sub->dead,
            ngx_http_ihanoi_pgresult_number(res, i,
                                            NGX_HTTP_IHANOI_EVENT_DEAD));
        ngx_http_ihanoi_metric_set(sub->lag,
            ngx_http_ihanoi_pgresult_number(res, i,
                                            NGX_HTTP_IHANOI_EVENT_LAG));
    }

    ngx_http_ihanoi_pgresult_free(res);
}


static ngx_http_ihanoi_plugin_sub_t *
ngx_http_ihanoi_plugin_sub_of_row(ngx_http_ihanoi_plugin_events_t *events,
    ngx_http_ihanoi_pgresult_t *res, ngx_uint_t row)
{
    ngx_str_t  plugin, name;

    plugin = ngx_http_ihanoi_pgresult_value(res, row,
                                            NGX_HTTP_IHANOI_EVENT_PLUGIN);
    name = ngx_http_ihanoi_pgresult_value(res, row,
                                          NGX_HTTP_IHANOI_EVENT_NAME);

    return ngx_http_ihanoi_plugin_sub_find(events, plugin.data, name.data);
}


static ngx_http_ihanoi_plugin_sub_t *
ngx_http_ihanoi_plugin_sub_find(ngx_http_ihanoi_plugin_events_t *events,
    u_char *plugin, u_char *name)
{
    ngx_uint_t                     i;
    ngx_http_ihanoi_plugin_sub_t  *sub;

    sub = events->subs.elts;

    for (i = 0; plugin && name && i < events->subs.nelts; i++) {
        if (ngx_strcmp(sub[i].consumer->plugin->name.data, plugin) == 0
            && ngx_strcmp(sub[i].sub->event, name) == 0)
        {
            return &sub[i];
        }
    }

    return NULL;
}


/* A delivery that cannot even begin is not reported: its lease ends. */

static void
ngx_http_ihanoi_plugin_event_start(ngx_http_ihanoi_plugin_sub_t *sub,
    ngx_http_ihanoi_pgresult_t *res, ngx_uint_t row)
{
    ngx_str_t                           id, run, input;
    ngx_pool_cleanup_t                 *cln;
    ngx_http_ihanoi_plugin_t           *plugin;
    ngx_http_ihanoi_background_t       *bg;
    ngx_http_ihanoi_plugin_delivery_t  *delivery;

    plugin = sub->consumer->plugin;

    bg = ngx_http_ihanoi_background_create(plugin,
                                    sizeof(ngx_http_ihanoi_plugin_delivery_t));
    if (bg == NULL) {
        return;
    }

    id = ngx_http_ihanoi_pgresult_value(res, row, NGX_HTTP_IHANOI_EVENT_ID);
    run = ngx_http_ihanoi_pgresult_value(res, row, NGX_HTTP_IHANOI_EVENT_RUN);
    input = ngx_http_ihanoi_pgresult_value(res, row,
                                           NGX_HTTP_IHANOI_EVENT_INPUT);

    delivery = bg->data;

    delivery->sub = sub;
    delivery->values[0] = (char *) plugin->name.data;
    delivery->values[1] = ngx_http_ihanoi_plugin_event_copy(bg->pool, &id);
    delivery->values[2] = ngx_http_ihanoi_plugin_event_copy(bg->pool, &run);

    bg->input.data = (u_char *) ngx_http_ihanoi_plugin_event_copy(bg->pool,
                                                                  &input);
    bg->input.len = input.len;
    bg->name.data = ngx_pnalloc(bg->pool, sizeof("events/")
                                          + ngx_strlen(sub->sub->event));
    cln = ngx_pool_cleanup_add(bg->pool, 0);

    if (delivery->values[1] == NULL || delivery->values[2] == NULL
        || bg->input.data == NULL || bg->name.data == NULL || cln == NULL)
    {
        ngx_http_ihanoi_inject_drop(bg->injected);
        return;
    }

    cln->handler = ngx_http_ihanoi_plugin_event_over;
    cln->data = sub->consumer;

    sub->consumer->running++;

    bg->name.len = ngx_sprintf(bg->name.data, "events/%s", sub->sub->event)
                   - bg->name.data;
    bg->function = sub->function;
    bg->timeout = plugin->timeout;
    bg->cpu = plugin->cpu;
    bg->done = ngx_http_ihanoi_plugin_event_done;
    bg->reported = ngx_http_ihanoi_plugin_event_reported;

    ngx_http_ihanoi_background_start(bg);
}


static const char *
ngx_http_ihanoi_plugin_event_copy(ngx_pool_t *pool, ngx_str_t *value)
{
    u_char  *p;

    p = ngx_pnalloc(pool, value->len + 1);

    if (p) {
        *ngx_cpymem(p, value->data, value->len) = '\0';
    }

    return (const char *) p;
}


static void
ngx_http_ihanoi_plugin_event_done(ngx_http_ihanoi_background_t *bg)
{
    ngx_http_ihanoi_plugin_consumer_t  *consumer;
    ngx_http_ihanoi_plugin_delivery_t  *delivery;

    delivery = bg->data;
    consumer = delivery->sub->consumer;

    if (bg->away) {
        bg->outcome = NGX_HTTP_IHANOI_BACKGROUND_BUSY;
    }

    ngx_http_ihanoi_metric_inc(delivery->sub->ends[bg->outcome]);

    delivery->values[3] = ngx_http_ihanoi_background_outcomes[bg->outcome];
    delivery->values[4] = bg->error.len ? (char *) bg->error.data : NULL;

    /* the next one is another worker's when this one is quitting */

    if (!ngx_exiting) {
        ngx_http_ihanoi_plugin_events_write(consumer->events, consumer->asked,
                                            consumer, 0);
        delivery->values[5] = (char *) consumer->asked;
    }

    ngx_http_ihanoi_background_report(bg, consumer->events->db,
                                      consumer->events->end,
                                      delivery->values);
}


static void
ngx_http_ihanoi_plugin_event_reported(ngx_http_ihanoi_background_t *bg,
    ngx_http_ihanoi_pgresult_t *res)
{
    ngx_str_t                           name, run;
    ngx_http_ihanoi_plugin_sub_t       *sub;
    ngx_http_ihanoi_plugin_consumer_t  *consumer;
    ngx_http_ihanoi_plugin_delivery_t  *delivery;

    delivery = bg->data;
    consumer = delivery->sub->consumer;

    name = ngx_http_ihanoi_pgresult_value(res, 0, NGX_HTTP_IHANOI_EVENT_NAME);
    run = ngx_http_ihanoi_pgresult_value(res, 0, NGX_HTTP_IHANOI_EVENT_RUN);

    sub = ngx_http_ihanoi_plugin_sub_find(consumer->events,
                                          consumer->plugin->name.data,
                                          name.data);
    if (sub && run.data) {
        ngx_http_ihanoi_plugin_event_start(sub, res, 0);
    }
}


static void
ngx_http_ihanoi_plugin_event_over(void *data)
{
    ngx_http_ihanoi_plugin_consumer_t *consumer = data;

    consumer->running--;
}
