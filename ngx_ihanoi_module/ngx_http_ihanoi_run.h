/*
 * Copyright (C) iHaNoi contributors
 *
 * One run of a plugin's function, from its start to its one end.
 *
 *     create --> go --+--> ended at once
 *                     +--> NGX_AGAIN: it waits, or others have their turn;
 *                          done() follows from an event handler
 *
 * Only host functions and event handlers touch a run in between; whoever owns
 * it may abandon it at any time but from inside its functions.
 *
 * A run has tasks: the handler's own, with which it ends, and those that it
 * spawns.  One of them runs at a time, each waits on its own.
 */

#ifndef _NGX_HTTP_IHANOI_RUN_H_INCLUDED_
#define _NGX_HTTP_IHANOI_RUN_H_INCLUDED_


#include "ngx_http_ihanoi_plugin.h"


/* That a run may have spawned: which have not ended, and in all. */
#define NGX_HTTP_IHANOI_TASKS_ALIVE  8
#define NGX_HTTP_IHANOI_TASKS        32


/* Plugins that call plugins: levels, bytes of a value, of a text that fails. */
#define NGX_HTTP_IHANOI_CALL_DEPTH   4
#define NGX_HTTP_IHANOI_CALL_SIZE    262144
#define NGX_HTTP_IHANOI_CALL_CODE    256


typedef struct ngx_http_ihanoi_task_s  ngx_http_ihanoi_task_t;
typedef struct ngx_http_ihanoi_stream_s  ngx_http_ihanoi_stream_t;

typedef void (*ngx_http_ihanoi_run_done_pt)(ngx_http_ihanoi_run_t *run,
    void *data);
typedef void (*ngx_http_ihanoi_run_cancel_pt)(void *data);


/*
 * What a host function holds for a task: handler(data) is called once, when its
 * Lua is over, whether it ended, was killed or abandoned.  Of its owner, and in
 * the memory that data points to: the handler frees it.
 */
typedef struct ngx_http_ihanoi_run_cleanup_s  ngx_http_ihanoi_run_cleanup_t;

struct ngx_http_ihanoi_run_cleanup_s {
    void                           (*handler)(void *data);
    void                            *data;
    ngx_http_ihanoi_run_cleanup_t   *next;
};


/*
 * What a handler answered: a problem, or a status with a body.  Text is from
 * malloc(), ends with a NUL when it is JSON, and goes with the run; the rest is
 * in the request's pool.
 */
typedef struct {
    ngx_uint_t                       status;      /* 0: nothing, 404 */
    char                            *text;        /* the body; NULL: none */
    size_t                           len;
    ngx_str_t                        etag;
    ngx_str_t                        location;
    ngx_array_t                     *headers;     /* of ngx_http_ihanoi_grant_t
                                                     or NULL */
    ngx_str_t                        problem;     /* its code, or empty */
    json_t                          *members;
    unsigned                         wrong:1;     /* it cannot be sent */
    unsigned                         again:1;     /* of a job: more is left */
    unsigned                         away:1;      /* of an event: its database
                                                     has no room or is away */
} ngx_http_ihanoi_answer_t;


struct ngx_http_ihanoi_task_s {
    ngx_queue_t                      queue;       /* of state->ready, or of
                                                     those preempted */
    ngx_http_ihanoi_run_t           *run;
    ihanoi_call_t                   *call;        /* NULL: its results were
                                                     taken */
    ngx_event_t                      turn;        /* posted: run it */
    int                              nargs;

    ngx_http_ihanoi_run_cancel_pt    cancel;      /* of what it waits for */
    void                            *wait;
    ngx_http_ihanoi_run_cleanup_t   *cleanups;    /* last one first */

    ngx_http_ihanoi_task_t          *waits_for;   /* the end of that one */
    ngx_http_ihanoi_task_t          *waiter;      /* for the end of this one */
    ngx_event_t                      patience;    /* how long it does */

    unsigned                         waiting:1;
    unsigned                         ready:1;     /* in state->ready */
    unsigned                         ended:1;
    unsigned                         failed:1;    /* with an error */
};


/* An answer in parts, from its first one; in the request's pool. */
struct ngx_http_ihanoi_stream_s {
    ngx_http_ihanoi_task_t          *task;        /* that writes, or NULL */
    ngx_event_t                      send;        /* posted: send the part */
    u_char                          *data;        /* the part, from ngx_alloc */
    size_t                           len;
    size_t                           size;
    size_t                           sent;        /* all parts */
    ngx_msec_t                       waited;      /* for the client, so far */
    ngx_msec_t                       since;       /* when it waits now */
    ngx_buf_t                        buf;
    ngx_chain_t                      out;
    unsigned                         begun:1;     /* the header has been sent */
    unsigned                         closed:1;    /* the client is gone */
    unsigned                         waiting:1;   /* for it to read */
};


struct ngx_http_ihanoi_run_s {
    ngx_http_ihanoi_plugin_state_t  *state;
    ngx_http_ihanoi_run_outcome_e    outcome;
    const char                      *error;       /* why it ended; or NULL */

    ngx_http_ihanoi_task_t           main;        /* the handler's */
    ngx_http_ihanoi_task_t          *tasks[NGX_HTTP_IHANOI_TASKS];
    ngx_uint_t                       ntasks;      /* spawned */
    ngx_uint_t                       nalive;      /* of them, not ended */
    ngx_http_ihanoi_task_t          *current;     /* that runs or ran last */
    uint64_t                         serial;      /* in this worker */

    ngx_http_request_t              *request;
    ngx_http_ihanoi_plugin_t        *caller;      /* that calls this one */
    ngx_uint_t                       depth;       /* of such calls */
    const ihanoi_schema_t           *schema;      /* of its result; or NULL */
    ngx_http_ihanoi_api_ctx_t       *ctx;
    ngx_str_t                        body;        /* of the request */
    ngx_http_ihanoi_answer_t         answer;
    size_t                           kept;        /* bytes for the client, of
                                                     text or stream, charged */
    ngx_http_ihanoi_stream_t        *stream;      /* NULL: no part yet */
    ngx_uint_t                       stream_status;  /* of start(); 0 */

    ngx_http_ihanoi_run_done_pt      done;
    void                            *data;

    ngx_event_t                      timer;       /* the deadline */
    ngx_msec_t                       timeout;
    ngx_msec_t                       deadline;
    unsigned                         phase;       /* of host functions */
    unsigned                         lines;       /* that it has logged */

    uint64_t                         start;       /* microseconds */
    uint64_t                         ticket;      /* of the circuit */
    ngx_uint_t                       backend_calls;

    ngx_log_t                       *log;
    unsigned                         ended:1;
};


/*
 * A new run of a plugin.  NULL with *outcome: handler.lua failed is _ERROR, memory
 * _MEMORY, concurrency or handler.lua that is still being loaded _BUSY.  timeout
 * and cpu, the processor time that it may use with all its tasks, are
 * milliseconds.  ticket, the circuit's, is the run's from now on, or given back.
 * Who makes it sets request and ctx, and then lets it go.
 */
ngx_http_ihanoi_run_t *ngx_http_ihanoi_run_create(
    ngx_http_ihanoi_plugin_t *plugin, ngx_msec_t timeout, ngx_msec_t cpu,
    uint64_t ticket, ngx_log_t *log, ngx_http_ihanoi_run_outcome_e *outcome);

/*
 * Calls state->handlers[handler].  NGX_OK: it ended, run->outcome says how.
 * NGX_AGAIN: done is called with data later.
 */
ngx_int_t ngx_http_ihanoi_run_go(ngx_http_ihanoi_run_t *run,
    ngx_uint_t handler, ngx_http_ihanoi_run_done_pt done, void *data);

/* Ends it wherever it is, and frees it.  The log says nothing. */
void ngx_http_ihanoi_run_destroy(ngx_http_ihanoi_run_t *run);


/*
 * The read_event_handler of a request with runs: ends it when its client has gone,
 * but not while one of them computes, because that would cost the plugin its state;
 * it is asked again when that one waits or ends.
 */
void ngx_http_ihanoi_run_reading(ngx_http_request_t *r);


/* For host functions: the run whose code calls; NULL while loading. */
ngx_http_ihanoi_run_t *ngx_http_ihanoi_run_of(lua_State *L);

/*
 * The run, for a host function that is going to wait: before anything was begun
 * raises an error where nothing can wait, and kills who has no time left.
 */
ngx_http_ihanoi_run_t *ngx_http_ihanoi_run_may_wait(lua_State *L);

/*
 * "return ngx_http_ihanoi_run_wait(L, run, cancel, data)" as the last thing a
 * host function does.  It is the current task that waits: remember
 * run->current.  cancel(data) is called when the run dies meanwhile; whatever
 * the task waits for calls ngx_http_ihanoi_run_resume() once, from an event
 * handler, after pushing nresults on ihanoi_call_state(task->call) between
 * ihanoi_sandbox_enter_host() and _leave_host().
 */
int ngx_http_ihanoi_run_wait(lua_State *L, ngx_http_ihanoi_run_t *run,
    ngx_http_ihanoi_run_cancel_pt cancel, void *data);
void ngx_http_ihanoi_run_resume(ngx_http_ihanoi_task_t *task, int nresults);

/*
 * A new task of the run whose code calls, of the function and n arguments on
 * the top of L, which are popped.  It has its first turn when the others wait.
 * NULL: too many of them, or no memory.
 */
ngx_http_ihanoi_task_t *ngx_http_ihanoi_run_spawn(lua_State *L, int n);

/*
 * Pushes the results of a task that has ended, or nil and its error, and frees
 * it.  How many there are.
 */
int ngx_http_ihanoi_run_take(ngx_http_ihanoi_task_t *task, lua_State *to);

/*
 * Adds a cleanup to the current task; takes one back; and the data of the
 * current task's with that handler, NULL: none.
 */
void ngx_http_ihanoi_run_cleanup_add(ngx_http_ihanoi_run_t *run,
    ngx_http_ihanoi_run_cleanup_t *cleanup);
void ngx_http_ihanoi_run_cleanup_remove(ngx_http_ihanoi_task_t *task,
    ngx_http_ihanoi_run_cleanup_t *cleanup);
void *ngx_http_ihanoi_run_cleanup_find(ngx_http_ihanoi_run_t *run,
    void (*handler)(void *data));

/*
 * stream: ihanoi.response.start() and write(); for how long the client has kept
 * the run waiting; and the end of a run that answers in parts, be it none, which
 * returns what finalizes the request.
 */
int ngx_http_ihanoi_host_start(lua_State *L);
int ngx_http_ihanoi_host_write(lua_State *L);
ngx_msec_t ngx_http_ihanoi_stream_waited(ngx_http_ihanoi_run_t *run);
ngx_int_t ngx_http_ihanoi_stream_end(ngx_http_request_t *r,
    ngx_http_ihanoi_run_t *run);

/* finish: takes the table of headers at index into run->answer, or raises. */
void ngx_http_ihanoi_plugin_headers(lua_State *L, ngx_http_ihanoi_run_t *run,
    int index);

/* Milliseconds until its deadline, at least 1; and whether that has passed. */
ngx_msec_t ngx_http_ihanoi_run_left(ngx_http_ihanoi_run_t *run);
ngx_uint_t ngx_http_ihanoi_run_late(ngx_http_ihanoi_run_t *run);


#endif /* _NGX_HTTP_IHANOI_RUN_H_INCLUDED_ */
