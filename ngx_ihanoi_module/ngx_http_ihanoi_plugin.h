/*
 * Copyright (C) iHaNoi contributors
 *
 * A plugin: what its folder holds and what the operator grants.
 *
 *     block    nginx.conf, plugin.json   ->  ngx_http_ihanoi_plugin_t
 *     state    its Lua in one worker     ->  a sandbox with the handlers
 *     run      one call of a handler     ->  results, or how it failed
 *     reply    results                   ->  the response
 *
 * All bytes of a plugin are read when the configuration is: a worker that is
 * started later cannot mix two versions.
 */

#ifndef _NGX_HTTP_IHANOI_PLUGIN_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PLUGIN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ihanoi_manifest.h"
#include "ihanoi_sandbox.h"
#include "ngx_http_ihanoi_api.h"
#include "ngx_http_ihanoi_circuit.h"
#include "ngx_http_ihanoi_store.h"
#include "ngx_http_ihanoi_metrics.h"
#include "ngx_http_ihanoi_pg.h"


typedef struct ngx_http_ihanoi_plugin_s  ngx_http_ihanoi_plugin_t;
typedef struct ngx_http_ihanoi_plugin_state_s  ngx_http_ihanoi_plugin_state_t;
typedef struct ngx_http_ihanoi_run_s  ngx_http_ihanoi_run_t;
typedef struct ngx_http_ihanoi_plugin_jobs_s  ngx_http_ihanoi_plugin_jobs_t;
typedef struct ngx_http_ihanoi_plugin_events_s
    ngx_http_ihanoi_plugin_events_t;


/* How a run ended; the counter of calls has it as a label. */
typedef enum {
    NGX_HTTP_IHANOI_RUN_OK = 0,
    NGX_HTTP_IHANOI_RUN_ERROR,       /* raised an error */
    NGX_HTTP_IHANOI_RUN_MEMORY,      /* killed: memory */
    NGX_HTTP_IHANOI_RUN_CPU,         /* killed: processor time */
    NGX_HTTP_IHANOI_RUN_TIMEOUT,     /* killed: waited too long */
    NGX_HTTP_IHANOI_RUN_REPLY,       /* an answer that cannot be sent */
    NGX_HTTP_IHANOI_RUN_BUSY,        /* not begun: too many at a time,
                                        or it is being loaded */
    NGX_HTTP_IHANOI_RUN_CLOSED,      /* not begun: circuit open, disabled */
    NGX_HTTP_IHANOI_RUN_OUTCOMES
} ngx_http_ihanoi_run_outcome_e;


extern const char *const
    ngx_http_ihanoi_plugin_outcomes[NGX_HTTP_IHANOI_RUN_OUTCOMES];


/*
 * How a call of a backend ended: an outcome of a capture by its number, where
 * _CAPTURE_NONE is one that nobody waited for; and an answer of 500 or more.
 */
#define NGX_HTTP_IHANOI_BACKEND_5XX       9
#define NGX_HTTP_IHANOI_BACKEND_OUTCOMES  10

extern const char *const
    ngx_http_ihanoi_backend_outcomes[NGX_HTTP_IHANOI_BACKEND_OUTCOMES];

typedef struct {
    ngx_http_ihanoi_metric_t        *calls[NGX_HTTP_IHANOI_BACKEND_OUTCOMES];
    ngx_http_ihanoi_metric_t        *duration;
} ngx_http_ihanoi_backend_series_t;


/* "check sample": so many answers of a worker, then one of so many. */
#define NGX_HTTP_IHANOI_PLUGIN_SAMPLE   64

/* And none that is longer: to read it stops the worker for too long. */
#define NGX_HTTP_IHANOI_PLUGIN_CHECKED  (1024 * 1024)

/*
 * How a plugin is doing, the worst last: "serving"; "degraded", its database is
 * away from this worker; "failing", its circuit is not closed; "refused", its
 * database role reaches too much; "disabled".
 */
typedef enum {
    NGX_HTTP_IHANOI_PLUGIN_SERVING = 0,
    NGX_HTTP_IHANOI_PLUGIN_DEGRADED,
    NGX_HTTP_IHANOI_PLUGIN_FAILING,
    NGX_HTTP_IHANOI_PLUGIN_REFUSED,
    NGX_HTTP_IHANOI_PLUGIN_DISABLED
} ngx_http_ihanoi_plugin_standing_e;

extern const char *const ngx_http_ihanoi_plugin_standings[];


/* Bytes of a plugin's text in a line of the log. */
#define NGX_HTTP_IHANOI_PLUGIN_TEXT    1024


/* A name and what was given for it. */
typedef struct {
    ngx_str_t                        name;
    ngx_str_t                        value;
} ngx_http_ihanoi_grant_t;


/* A function of handler.lua that no operation names. */
typedef struct {
    const char                      *name;
    const char                      *what;        /* "the job" */
    const char                      *by;          /* its name */
    lua_CFunction                    finish;      /* NULL: a job's */
} ngx_http_ihanoi_function_t;


/* One that a plugin uses, in the order of its manifest's. */
typedef struct {
    ngx_http_ihanoi_plugin_t        *plugin;      /* whose it is */
    const ihanoi_interface_t        *offer;
    ngx_uint_t                       function;    /* its first one, of
                                                     plugin->functions */
} ngx_http_ihanoi_interface_t;


struct ngx_http_ihanoi_plugin_s {
    ngx_str_t                        name;
    ngx_str_t                        folder;
    ngx_str_t                        file;         /* where its block is */
    ngx_uint_t                       line;
    ihanoi_manifest_t               *manifest;
    ngx_str_t                        agency_key;   /* SHA-256 of the keys that */
    ngx_str_t                        reviewer_key; /* have signed, or empty */

    ngx_str_t                        document;    /* "NAME.json" */
    ngx_array_t                      operations;  /* of _operation_t *, Lua's */
    ngx_array_t                      functions;   /* of _function_t: others */

    ngx_str_t                        settings;    /* JSON, checked */
    ngx_array_t                      given;       /* settings, as written */
    ngx_array_t                      backends;    /* name, location */
    ngx_array_t                      backend_headers;
    ngx_array_t                      secrets;     /* name, bytes */
    ngx_array_t                      granted;     /* "PLUGIN.INTERFACE" */
    ngx_http_ihanoi_interface_t     *interfaces;
    ngx_uint_t                       offered;     /* its first offered one, of
                                                     functions */
    ngx_str_t                        database;
    ngx_http_ihanoi_pgdb_t          *db;          /* NULL: none granted */

    ngx_listening_t                 *listener;    /* of its background runs */
    ngx_array_t                      events;      /* of others, granted */
    ngx_http_ihanoi_plugin_events_t *subscribed;  /* NULL: to none */
    ngx_http_ihanoi_pgdb_t          *publish_db;  /* the core's */
    ngx_http_ihanoi_pgstmt_t        *publish;     /* NULL: it publishes none */

    ngx_flag_t                       public;
    size_t                           memory;
    ngx_msec_t                       cpu;
    ngx_msec_t                       timeout;
    ngx_msec_t                       job_time;    /* of a job; 0: no jobs */
    ngx_msec_t                       job_cpu;     /* of a job, the most */
    ngx_int_t                        concurrency; /* runs in a worker */
    size_t                           store_size;  /* 0: none granted */
    size_t                           stream;      /* bytes of one answer */
    ihanoi_host_store_t             *store;       /* NULL: none */

    ngx_http_ihanoi_metric_t        *calls[NGX_HTTP_IHANOI_RUN_OUTCOMES];
    ngx_http_ihanoi_metric_t        *duration;
    ngx_http_ihanoi_metric_t        *cpu_usec;
    ngx_http_ihanoi_metric_t        *memory_now;
    ngx_http_ihanoi_metric_t        *memory_peak;
    ngx_http_ihanoi_metric_t        *active;
    ngx_http_ihanoi_metric_t        *info;        /* 1: this worker has it */
    ngx_http_ihanoi_metric_t        *standing;
    ngx_http_ihanoi_metric_t        *store_bytes;
    ngx_http_ihanoi_metric_t        *store_entries;
    ngx_http_ihanoi_metric_t        *store_evicted;
    ngx_http_ihanoi_backend_series_t  *backend_series;  /* as backends */

    ngx_http_ihanoi_metric_t      ***metrics;     /* of the manifest's: by
                                                     metric, by series */

    ngx_http_ihanoi_circuit_t       *circuit;

    ngx_http_ihanoi_plugin_state_t  *state;       /* of this worker */
    ngx_http_ihanoi_plugin_state_t  *loading;     /* the next one; or NULL */
    ngx_uint_t                       runs;        /* in this worker */
    size_t                           peak;        /* of Lua in this worker */
    ngx_uint_t                       answers;     /* in this worker */
    size_t                           held;        /* bytes of answers that their
                                                     clients have not read */
    ngx_flag_t                       check;       /* every answer */

    ngx_str_t                        candidate_folder;
    ngx_str_t                        candidate_database;
    ngx_int_t                        selector;    /* index of a variable */
    ngx_http_ihanoi_plugin_t        *candidate;   /* NULL: none beside it */
    ngx_http_ihanoi_plugin_t        *current;     /* of a candidate */

    ngx_http_ihanoi_plugin_t        *next;        /* not of a candidate */
};


/*
 * The Lua of a plugin in this worker.  After a kill a new one takes its place:
 * what was cut short may have left anything behind.
 */
struct ngx_http_ihanoi_plugin_state_s {
    ngx_http_ihanoi_plugin_t        *plugin;
    ihanoi_sandbox_t                *sandbox;
    int                             *handlers;    /* references, in the order
                                                     of plugin->operations, then
                                                     plugin->functions */
    struct ngx_http_ihanoi_task_s   *preempted;   /* has the run lock */
    ngx_queue_t                      ready;       /* tasks that wait for it */
    ngx_queue_t                      flights;     /* keys of ihanoi.cache that
                                                     are being computed */
    ihanoi_call_t                   *load;        /* of handler.lua; NULL:
                                                     it is loaded */
    ngx_event_t                      turn;        /* of the load; or drained */
    uint64_t                         ticket;      /* of the load in turns */
    ngx_queue_t                      queue;       /* of those released */
    ngx_uint_t                       runs;
    unsigned                         lines;       /* logged while loading */
    unsigned                         stale:1;     /* goes with its last run */
};


/* block: "ihanoi_plugin NAME { ... }". */
char *ngx_http_ihanoi_plugin_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/*
 * grants: for the block, when it is read.  _load() reads the folder; _read()
 * also gives its contract to the API and checks the grants; _check_grants()
 * holds the manifest against them and leaves the plugin what it may have.
 */
char *ngx_http_ihanoi_plugin_load(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);
char *ngx_http_ihanoi_plugin_read(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);
char *ngx_http_ihanoi_plugin_check_grants(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);
/* signed: sets agency_key and reviewer_key, where a deployment has left them. */
char *ngx_http_ihanoi_plugin_signed(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);


/*
 * plugin->functions: adds one that handler.lua has to have, with texts of the
 * manifest; and the index of the one that by, the manifest's own pointer, asked
 * for.
 */
ngx_int_t ngx_http_ihanoi_plugin_function(ngx_http_ihanoi_plugin_t *plugin,
    const char *name, const char *what, const char *by, lua_CFunction finish);
ngx_uint_t ngx_http_ihanoi_plugin_function_by(
    ngx_http_ihanoi_plugin_t *plugin, const char *by);


/*
 * candidate: another version beside the plugin.  _create() is for the block, as
 * far as it is the operator's; _init() gives each operation of the plugin its
 * candidate, at the end of http{}.
 */
char *ngx_http_ihanoi_plugin_candidate_create(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);
char *ngx_http_ihanoi_plugin_candidate_init(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);

/* In a request: ctx->operation becomes that of the version which serves it. */
void ngx_http_ihanoi_plugin_choose(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx);


/*
 * For the API: gives an operation its plugin when its document is one's
 * ("NAME.json"), and holds it against what was granted.  A core operation is
 * left alone.
 */
char *ngx_http_ihanoi_plugin_claim(ngx_conf_t *cf,
    ngx_http_ihanoi_operation_t *operation);


/*
 * interface: adds the functions that the plugin offers to its functions; and
 * holds what it uses against what the others offer and the operator grants.
 */
char *ngx_http_ihanoi_plugin_offers(ngx_http_ihanoi_plugin_t *plugin);
char *ngx_http_ihanoi_plugin_interfaces(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugins, ngx_http_ihanoi_plugin_t *plugin);

/*
 * metrics: declares the series of the plugin's calls and those of its
 * manifest, plugin->metrics.
 */
char *ngx_http_ihanoi_plugin_metrics(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);

/* Labels that all series of a plugin begin with: its name and its version. */
ngx_int_t ngx_http_ihanoi_plugin_labels(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_str_t *labels);

/* A counter for each of n outcomes, told apart by the label "outcome". */
char *ngx_http_ihanoi_plugin_outcomes_declare(ngx_conf_t *cf,
    ngx_http_ihanoi_metric_t **counters, const char *const *outcomes,
    ngx_uint_t n, const char *name, const char *help, ngx_str_t *labels);

/* Once a second: what no call tells, how it is doing and what it stores. */
void ngx_http_ihanoi_plugin_measure(ngx_http_ihanoi_plugin_t *plugin);


/*
 * The plugins of this worker's configuration, or NULL; and the one after it,
 * where a candidate comes after its plugin.
 */
ngx_http_ihanoi_plugin_t *ngx_http_ihanoi_plugin_list(void);
ngx_http_ihanoi_plugin_t *ngx_http_ihanoi_plugin_next(
    ngx_http_ihanoi_plugin_t *plugin);

/* report: a list of all of them for operators, without secrets; NULL: memory. */
json_t *ngx_http_ihanoi_plugin_report(ngx_pool_t *pool);

ngx_http_ihanoi_plugin_standing_e ngx_http_ihanoi_plugin_standing(
    ngx_http_ihanoi_plugin_t *plugin);


/*
 * turn: calls ev->handler once, when those that were posted before have had
 * theirs.  One is called in a turn of the event loop, and while requests of
 * anybody begin there is a pause of one to two milliseconds behind it.
 * ngx_delete_posted_event() takes it back.
 */
void ngx_http_ihanoi_turn_post(ngx_event_t *ev);


/*
 * state: loads handler.lua into a new sandbox.  NULL: what is wrong has been
 * logged at the given level, with file and line.
 */
ngx_http_ihanoi_plugin_state_t *ngx_http_ihanoi_plugin_state_create(
    ngx_http_ihanoi_plugin_t *plugin, ngx_uint_t level, ngx_log_t *log);
void ngx_http_ihanoi_plugin_state_destroy(
    ngx_http_ihanoi_plugin_state_t *state);

/* The same in turns, from the event loop: it may hold much; and all at once. */
void ngx_http_ihanoi_plugin_state_release(
    ngx_http_ihanoi_plugin_state_t *state);
void ngx_http_ihanoi_plugin_state_exit(void);

/*
 * The state for a new run, made anew when there is none; NULL with *outcome: it
 * failed, _ERROR, or is being loaded, _BUSY.  A load that goes on in turns keeps
 * the ticket of who began it, and leaves 0: the probe is over when it is.
 */
ngx_http_ihanoi_plugin_state_t *ngx_http_ihanoi_plugin_state_get(
    ngx_http_ihanoi_plugin_t *plugin, uint64_t *ticket, ngx_log_t *log,
    ngx_http_ihanoi_run_outcome_e *outcome);

/* No new run gets it; it is released with its last run. */
void ngx_http_ihanoi_plugin_state_retire(
    ngx_http_ihanoi_plugin_state_t *state);

/*
 * What a plugin says, for a log or the database: at most
 * NGX_HTTP_IHANOI_PLUGIN_TEXT bytes of it into line, which is as long, and
 * returned as its length.  Control characters become spaces: a plugin writes
 * no lines of its own there; what is no UTF-8 becomes question marks.
 */
size_t ngx_http_ihanoi_plugin_text(u_char *line, const char *text, size_t len);

/* The state and the plugin of a coroutine, for host functions. */
ngx_http_ihanoi_plugin_state_t *ngx_http_ihanoi_plugin_state_of(lua_State *L);


/*
 * 1: nothing of the plugin may run, no operation by its Lua or by SQL, no job, no
 * event, no function of an interface: it is disabled, or its database role
 * reaches what is not the plugin's.
 */
ngx_uint_t ngx_http_ihanoi_plugin_refused(ngx_http_ihanoi_plugin_t *plugin);

/*
 * ngx_http_ihanoi_circuit_enter() of a plugin that is not refused.  NGX_DECLINED:
 * it is, or its circuit is open; *retry is the seconds to wait.
 */
ngx_int_t ngx_http_ihanoi_plugin_enter(ngx_http_ihanoi_plugin_t *plugin,
    uint64_t *ticket, ngx_uint_t *retry);

/*
 * For an operation, by Lua or by SQL: chooses the version that serves it and
 * enters its circuit.  NGX_OK, or its 503.  _abandon(): it comes to nothing.
 */
ngx_int_t ngx_http_ihanoi_plugin_admit(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx);
void ngx_http_ihanoi_plugin_abandon(ngx_http_ihanoi_api_ctx_t *ctx);

/*
 * sql: for the reply of an operation that SQL serves, before it is sent.  rc is
 * NGX_OK with what is to be sent, or what finalizes the request; and so is what
 * it returns once the answer was held against the contract.  Counts the call,
 * and leaves the circuit: ctx->outcome is _BUSY where it was nobody's failure.
 */
ngx_int_t ngx_http_ihanoi_plugin_sql_ended(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_int_t rc, ngx_uint_t status,
    ngx_str_t *body);

/*
 * call: takes the Idempotency-Key and runs the handler of an operation, in this
 * turn of the event loop behind what is read in it.  NGX_DONE: it finalizes the
 * request.  _run() is the second half of it, and _drop() gives up what it began.
 */
ngx_int_t ngx_http_ihanoi_plugin_call(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *body);
ngx_int_t ngx_http_ihanoi_plugin_run(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx);
void ngx_http_ihanoi_plugin_drop(ngx_http_ihanoi_run_t *run);

/*
 * key: the Idempotency-Key of a plugin's operation, in the core's database.
 * _begin() ends in _plugin_run(), _call_function() or an answer; body is what was
 * sent, time the longest that either may take.  _end() keeps row, the answer of
 * that status, or nothing when it is 0; then ctx->run is replied, or, without one,
 * rc returned or row sent; or "unknown" when it could not be kept.
 * NGX_DONE: under way; otherwise what finalizes the request.
 */
char *ngx_http_ihanoi_plugin_key_declare(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db);
ngx_int_t ngx_http_ihanoi_plugin_key_begin(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *body, ngx_msec_t time);
ngx_int_t ngx_http_ihanoi_plugin_key_end(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_int_t rc, ngx_uint_t status,
    ngx_http_ihanoi_reply_row_t *row);

/*
 * jobs: adds a plugin's to *jobs, made with the first; and has them run, once
 * all are there.
 */
char *ngx_http_ihanoi_plugin_jobs_add(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_jobs_t **jobs, ngx_http_ihanoi_plugin_t *plugin);
char *ngx_http_ihanoi_plugin_jobs_declare(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_jobs_t *jobs, ngx_msec_t interval);

/* events: the same for its subscriptions; and what publishing needs. */
char *ngx_http_ihanoi_plugin_events_add(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_events_t **events,
    ngx_http_ihanoi_plugin_t *plugin);
char *ngx_http_ihanoi_plugin_events_declare(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_events_t *events);
char *ngx_http_ihanoi_plugin_publishes(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);

/* What waits for a plugin: a list for the report; NULL: memory. */
json_t *ngx_http_ihanoi_plugin_events_report(ngx_http_ihanoi_plugin_t *plugin);

/* As "input" and "finish", around a function that no operation names. */
int ngx_http_ihanoi_plugin_argument(lua_State *L);
int ngx_http_ihanoi_plugin_result(lua_State *L);
int ngx_http_ihanoi_plugin_returned(lua_State *L);

/*
 * input and finish: around a handler, in its call.  The one pushes a table of
 * the operation's arguments under their SQL names, the other takes what the
 * handler returned into run->answer and raises what cannot be sent.
 */
int ngx_http_ihanoi_plugin_input(lua_State *L);
int ngx_http_ihanoi_plugin_finish(lua_State *L);

/* reply: sends run->answer, or the problem of how it ended. */
ngx_int_t ngx_http_ihanoi_plugin_reply(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_http_ihanoi_run_t *run);


extern ngx_module_t  ngx_http_ihanoi_plugin_module;


#endif /* _NGX_HTTP_IHANOI_PLUGIN_H_INCLUDED_ */
