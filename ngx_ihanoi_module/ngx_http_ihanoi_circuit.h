/*
 * Copyright (C) iHaNoi contributors
 *
 * The circuits of plugins, in the shared zone: one for each name and version,
 * the same for all workers, kept over reloads.  And the kill switch: a file
 * that disables a plugin of that name, whatever its version.
 */

#ifndef _NGX_HTTP_IHANOI_CIRCUIT_H_INCLUDED_
#define _NGX_HTTP_IHANOI_CIRCUIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ihanoi_circuit.h"


/* Bytes; of the name also because it becomes a file's name. */
#define NGX_HTTP_IHANOI_CIRCUIT_NAME_MAX     64
#define NGX_HTTP_IHANOI_CIRCUIT_VERSION_MAX  64


typedef struct ngx_http_ihanoi_circuit_s  ngx_http_ihanoi_circuit_t;


typedef enum {
    NGX_HTTP_IHANOI_CIRCUIT_CLOSED = 0,
    NGX_HTTP_IHANOI_CIRCUIT_OPEN,
    NGX_HTTP_IHANOI_CIRCUIT_HALF_OPEN,
    NGX_HTTP_IHANOI_CIRCUIT_DISABLED
} ngx_http_ihanoi_circuit_state_e;


/*
 * Declares a circuit at configuration time, with the numbers of
 * ihanoi_circuit.h.  probe: milliseconds, longer than any call may take.
 *
 * dir is the folder of the kill switch's files, relative to nginx's prefix, or
 * empty.  While it holds a file NAME.disabled the plugin is disabled: looked at
 * when a configuration is loaded (nginx refuses one whose folder it may not
 * search) and once a second by each worker, the first to see a change tells
 * all others.  So a switch works within a second, needs no reload, and outlives
 * a restart.  A folder that is not there disables nothing.
 *
 * NULL when it has said why.
 */
ngx_http_ihanoi_circuit_t *ngx_http_ihanoi_circuit_declare(ngx_conf_t *cf,
    ngx_str_t *name, ngx_str_t *version, ngx_msec_t probe, ngx_str_t *dir);

/*
 * Asks for a call of a plugin that is not disabled, in a worker.
 *
 *   NGX_OK        call, then leave with *ticket, once; a ticket other than 0
 *                 says that it is the probe of a half-open circuit
 *   NGX_DECLINED  it is open: *retry_after is the seconds to wait, at least 1
 */
ngx_int_t ngx_http_ihanoi_circuit_enter(ngx_http_ihanoi_circuit_t *c,
    uint64_t *ticket, ngx_uint_t *retry_after);

/* 1: by the kill switch. */
ngx_uint_t ngx_http_ihanoi_circuit_disabled(ngx_http_ihanoi_circuit_t *c);

/* Logs when the circuit opens (warn) or closes (notice) with it. */
void ngx_http_ihanoi_circuit_leave(ngx_http_ihanoi_circuit_t *c,
    uint64_t ticket, ngx_uint_t failed);

/*
 * In place of leave: it was not begun after all, or nobody waits for it any
 * more.  It says nothing about the plugin; if it was the probe, the next is.
 */
void ngx_http_ihanoi_circuit_abandon(ngx_http_ihanoi_circuit_t *c,
    uint64_t ticket);

/* Opens it.  Async-signal-safe, and logs nothing. */
void ngx_http_ihanoi_circuit_trip(ngx_http_ihanoi_circuit_t *c);

ngx_http_ihanoi_circuit_state_e ngx_http_ihanoi_circuit_state(
    ngx_http_ihanoi_circuit_t *c);

/* "closed", "open", "half-open", "disabled" */
const char *ngx_http_ihanoi_circuit_state_name(
    ngx_http_ihanoi_circuit_state_e state);

/* Tells /metrics of it, as each worker does once a second. */
void ngx_http_ihanoi_circuit_tell(ngx_http_ihanoi_circuit_t *c);

/* How many times it has opened since nginx started. */
ngx_uint_t ngx_http_ihanoi_circuit_opened(ngx_http_ihanoi_circuit_t *c);


extern ngx_module_t  ngx_http_ihanoi_circuit_module;


#endif /* _NGX_HTTP_IHANOI_CIRCUIT_H_INCLUDED_ */
