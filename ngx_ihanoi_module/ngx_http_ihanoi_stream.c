/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.response.start() and write(): an answer in parts.
 *
 *     write()    the text is copied, the task waits
 *     send       from the event loop: the header before the first part, then
 *                the part, through the output filters
 *     taken      the socket has all of it: the task goes on
 *
 * So a handler is as fast as its client, and one part is in memory at a time.
 * What fails behind the first part cannot become a problem any more: the
 * connection is closed, or the stream reset, without the end that a whole
 * answer has.
 */

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_run.h"
#include "ngx_http_ihanoi_client.h"
#include "ngx_http_ihanoi_header.h"
#include "ihanoi_host.h"


static ngx_http_ihanoi_stream_t *ngx_http_ihanoi_stream_create(
    ngx_http_ihanoi_run_t *run);
static ngx_int_t ngx_http_ihanoi_stream_grow(ngx_http_ihanoi_run_t *run,
    ngx_http_ihanoi_stream_t *stream, size_t size);
static void ngx_http_ihanoi_stream_send(ngx_event_t *ev);
static ngx_int_t ngx_http_ihanoi_stream_begin(ngx_http_request_t *r,
    ngx_http_ihanoi_run_t *run);
static void ngx_http_ihanoi_stream_taken(ngx_http_request_t *r,
    ngx_http_ihanoi_stream_t *stream, ngx_int_t rc);
static void ngx_http_ihanoi_stream_writer(ngx_http_request_t *r);
static void ngx_http_ihanoi_stream_broken(ngx_http_request_t *r,
    ngx_http_ihanoi_stream_t *stream, ngx_int_t rc);
static void ngx_http_ihanoi_stream_read(ngx_http_ihanoi_stream_t *stream);
static void ngx_http_ihanoi_stream_cancel(void *data);
static void ngx_http_ihanoi_stream_free(void *data);


/* (status, headers?) */

int
ngx_http_ihanoi_host_start(lua_State *L)
{
    lua_Number              status;
    ngx_http_ihanoi_run_t  *run;

    run = ngx_http_ihanoi_run_of(L);
    status = luaL_checknumber(L, 1);

    if (!run->ctx->operation->contract->stream) {
        return luaL_error(L, "the operation has no \"x-ihanoi-stream\"");
    }

    luaL_argcheck(L, lua_type(L, 1) == LUA_TNUMBER
                     && status >= 200 && status <= 299
                     && status != NGX_HTTP_NO_CONTENT
                     && status == (lua_Number) (int) status, 1,
                  "must be a status of 200 to 299, not 204");

    if (run->stream || run->stream_status) {
        return luaL_error(L, "the answer has begun already");
    }

    lua_settop(L, 2);

    if (!lua_isnil(L, 2)) {
        ngx_http_ihanoi_plugin_headers(L, run, 2);
    }

    run->stream_status = (ngx_uint_t) status;

    return 0;
}


int
ngx_http_ihanoi_host_write(lua_State *L)
{
    size_t                     len;
    const char                *text;
    ngx_http_ihanoi_run_t     *run;
    ngx_http_ihanoi_stream_t  *stream;

    luaL_checktype(L, 1, LUA_TSTRING);
    text = lua_tolstring(L, 1, &len);

    run = ngx_http_ihanoi_run_may_wait(L);
    stream = run->stream;

    if (!run->ctx->operation->contract->stream) {
        return luaL_error(L, "the operation has no \"x-ihanoi-stream\"");
    }

    if (stream == NULL) {
        stream = ngx_http_ihanoi_stream_create(run);
        if (stream == NULL) {
            return luaL_error(L, "not enough memory");
        }
    }

    if (stream->task) {
        return luaL_error(L, "another task is writing");
    }

    if (stream->closed) {
        return ihanoi_host_fail(L, "closed");
    }

    if (len > run->state->plugin->stream - stream->sent) {
        return ihanoi_host_fail(L, "too large");
    }

    if (len == 0) {
        lua_pushboolean(L, 1);
        return 1;
    }

    if (len > stream->size) {

        ihanoi_sandbox_make_room(L, len - stream->size);

        if (ngx_http_ihanoi_stream_grow(run, stream, len) != NGX_OK) {
            return luaL_error(L, "not enough memory");
        }
    }

    ngx_memcpy(stream->data, text, len);

    stream->len = len;
    stream->sent += len;
    stream->task = run->current;

    stream->send.handler = ngx_http_ihanoi_stream_send;
    stream->send.data = stream;
    stream->send.log = run->log;

    ngx_post_event(&stream->send, &ngx_posted_events);

    return ngx_http_ihanoi_run_wait(L, run, ngx_http_ihanoi_stream_cancel,
                                    stream);
}


/* Of the request, because filters may hold a part longer than the run does. */

static ngx_http_ihanoi_stream_t *
ngx_http_ihanoi_stream_create(ngx_http_ihanoi_run_t *run)
{
    ngx_pool_cleanup_t        *cln;
    ngx_http_ihanoi_stream_t  *stream;

    cln = ngx_pool_cleanup_add(run->request->pool,
                               sizeof(ngx_http_ihanoi_stream_t));
    if (cln == NULL) {
        return NULL;
    }

    stream = cln->data;
    ngx_memzero(stream, sizeof(ngx_http_ihanoi_stream_t));

    cln->handler = ngx_http_ihanoi_stream_free;

    run->stream = stream;

    return stream;
}


/* Its memory is the plugin's until the run ends. */

static ngx_int_t
ngx_http_ihanoi_stream_grow(ngx_http_ihanoi_run_t *run,
    ngx_http_ihanoi_stream_t *stream, size_t size)
{
    u_char  *p;

    if (ihanoi_sandbox_charge(run->state->sandbox,
                              (long) (size - stream->size))
        != 0)
    {
        return NGX_ERROR;
    }

    run->kept += size - stream->size;

    p = ngx_alloc(size, run->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (stream->data) {
        ngx_free(stream->data);
    }

    stream->data = p;
    stream->size = size;

    return NGX_OK;
}


static void
ngx_http_ihanoi_stream_send(ngx_event_t *ev)
{
    ngx_int_t                  rc;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_ihanoi_stream_t  *stream;

    stream = ev->data;
    r = stream->task->run->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    rc = NGX_OK;

    if (!stream->begun) {
        rc = ngx_http_ihanoi_stream_begin(r, stream->task->run);
        stream->begun = 1;
    }

    if (rc != NGX_ERROR && rc <= NGX_OK && !r->header_only) {

        ngx_memzero(&stream->buf, sizeof(ngx_buf_t));

        stream->buf.start = stream->data;
        stream->buf.pos = stream->data;
        stream->buf.last = stream->data + stream->len;
        stream->buf.end = stream->buf.last;
        stream->buf.temporary = 1;
        stream->buf.flush = 1;

        stream->out.buf = &stream->buf;
        stream->out.next = NULL;

        rc = ngx_http_output_filter(r, &stream->out);
    }

    ngx_http_ihanoi_stream_taken(r, stream, rc);

    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_ihanoi_stream_begin(ngx_http_request_t *r,
    ngx_http_ihanoi_run_t *run)
{
    ngx_str_t                  value;
    ngx_uint_t                 i;
    ngx_http_ihanoi_grant_t   *header;
    ngx_http_ihanoi_answer_t  *answer;

    answer = &run->answer;
    header = answer->headers ? answer->headers->elts : NULL;

    for (i = 0; header && i < answer->headers->nelts; i++) {
        if (ngx_http_ihanoi_header_add(r, (char *) header[i].name.data,
                                       &header[i].value)
            == NULL)
        {
            return NGX_ERROR;
        }
    }

    /* nobody can ask again for the rest of it */

    ngx_str_set(&value, "no-store");

    if (ngx_http_ihanoi_header_add(r, "Cache-Control", &value) == NULL) {
        return NGX_ERROR;
    }

    r->headers_out.status = run->stream_status ? run->stream_status
                                               : NGX_HTTP_OK;
    r->headers_out.content_length_n = -1;

    if (run->ctx->media) {
        r->headers_out.content_type.data =
                                     (u_char *) run->ctx->media->type.data;
        r->headers_out.content_type.len = run->ctx->media->type.len;

    } else {
        ngx_str_set(&r->headers_out.content_type, "application/octet-stream");
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;

    ngx_http_clear_accept_ranges(r);

    /* nginx's filter would answer 412 or 304 after the handler has worked */

    r->disable_not_modified = 1;

    return ngx_http_send_header(r);
}


/* Of HEAD nothing goes out; otherwise the task waits until all has. */

static void
ngx_http_ihanoi_stream_taken(ngx_http_request_t *r,
    ngx_http_ihanoi_stream_t *stream, ngx_int_t rc)
{
    ngx_event_t               *wev;
    ngx_connection_t          *c;
    ihanoi_sandbox_t          *sandbox;
    ngx_http_ihanoi_task_t    *task;
    ngx_http_core_loc_conf_t  *clcf;

    c = r->connection;
    wev = c->write;

    if (rc == NGX_ERROR || rc > NGX_OK || c->error) {
        ngx_http_ihanoi_stream_broken(r, stream, NGX_ERROR);
        return;
    }

    if (!r->header_only && (r->buffered || r->postponed || c->buffered)) {

        r->write_event_handler = ngx_http_ihanoi_stream_writer;

        if (!stream->waiting) {
            stream->waiting = 1;
            stream->since = ngx_current_msec;
        }

        if (r != c->data) {

            /* of a page whose earlier subrequests have not ended: nginx runs
               the writer when it is this one's turn */

            return;
        }

        clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

        if (!wev->delayed) {
            ngx_add_timer(wev, clcf->send_timeout);
        }

        if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
            ngx_http_ihanoi_stream_broken(r, stream, NGX_ERROR);
        }

        return;
    }

    if (wev->timer_set && !wev->delayed) {
        ngx_del_timer(wev);
    }

    r->write_event_handler = ngx_http_ihanoi_client_writing;

    ngx_http_ihanoi_stream_read(stream);

    task = stream->task;
    sandbox = task->run->state->sandbox;

    stream->task = NULL;

    ihanoi_sandbox_enter_host(sandbox);
    lua_pushboolean(ihanoi_call_state(task->call), 1);
    ihanoi_sandbox_leave_host(sandbox);

    ngx_http_ihanoi_run_resume(task, 1);
}


static void
ngx_http_ihanoi_stream_writer(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_event_t                *wev;
    ngx_connection_t           *c;
    ngx_http_ihanoi_stream_t   *stream;
    ngx_http_ihanoi_api_ctx_t  *ctx;

    c = r->connection;
    wev = c->write;

    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_api_module);
    stream = ctx->run ? ctx->run->stream : NULL;

    if (stream == NULL || stream->task == NULL) {
        r->write_event_handler = ngx_http_ihanoi_client_writing;
        return;
    }

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client does not read its answer");
        c->timedout = 1;
        ngx_http_ihanoi_stream_broken(r, stream, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    rc = ngx_http_output_filter(r, NULL);

    ngx_http_ihanoi_stream_taken(r, stream, rc);
}


/*
 * The client is gone, or as good as gone: the end of the request is the end of
 * its run, unless the operation goes on without a client.
 */

static void
ngx_http_ihanoi_stream_broken(ngx_http_request_t *r,
    ngx_http_ihanoi_stream_t *stream, ngx_int_t rc)
{
    int                      n;
    ihanoi_sandbox_t        *sandbox;
    ngx_http_ihanoi_task_t  *task;

    task = stream->task;

    if (!task->run->ctx->operation->contract->finish) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    if (r->connection->write->timer_set) {
        ngx_del_timer(r->connection->write);
    }

    r->write_event_handler = ngx_http_ihanoi_client_writing;

    ngx_http_ihanoi_stream_read(stream);

    stream->closed = 1;
    stream->task = NULL;

    sandbox = task->run->state->sandbox;

    ihanoi_sandbox_enter_host(sandbox);
    n = ihanoi_host_fail(ihanoi_call_state(task->call), "closed");
    ihanoi_sandbox_leave_host(sandbox);

    ngx_http_ihanoi_run_resume(task, n);
}


/* The run ends while it waits; the part stays where filters may look for it. */

static void
ngx_http_ihanoi_stream_cancel(void *data)
{
    ngx_http_ihanoi_stream_t *stream = data;

    if (stream->send.posted) {
        ngx_delete_posted_event(&stream->send);
    }

    stream->task = NULL;
}


static void
ngx_http_ihanoi_stream_free(void *data)
{
    ngx_http_ihanoi_stream_t *stream = data;

    if (stream->data) {
        ngx_free(stream->data);
    }
}


/* The client has read, or never will: nobody waits for it any more. */

static void
ngx_http_ihanoi_stream_read(ngx_http_ihanoi_stream_t *stream)
{
    if (stream->waiting) {
        stream->waiting = 0;
        stream->waited += ngx_current_msec - stream->since;
    }
}


ngx_msec_t
ngx_http_ihanoi_stream_waited(ngx_http_ihanoi_run_t *run)
{
    ngx_http_ihanoi_stream_t  *stream;

    stream = run->stream;

    if (stream == NULL) {
        return 0;
    }

    return stream->waited + (stream->waiting ? ngx_current_msec - stream->since
                                             : 0);
}


ngx_int_t
ngx_http_ihanoi_stream_end(ngx_http_request_t *r, ngx_http_ihanoi_run_t *run)
{
    ngx_int_t                  rc;
    ngx_http_ihanoi_stream_t  *stream;

    stream = run->stream;

    if (run->outcome == NGX_HTTP_IHANOI_RUN_OK
        && (stream == NULL || !stream->begun))
    {
        rc = ngx_http_ihanoi_stream_begin(r, run);

        if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
            return rc;
        }

        return ngx_http_send_special(r, NGX_HTTP_LAST);
    }

    if (run->outcome == NGX_HTTP_IHANOI_RUN_OK && !stream->closed) {
        return r->header_only ? NGX_OK : ngx_http_send_special(r,
                                                               NGX_HTTP_LAST);
    }

    /* without a last chunk, or with a reset: that it is not whole can be seen */

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "the answer broke off after %O bytes", stream->sent);

    r->keepalive = 0;

    return NGX_ERROR;
}
