/*
 * Copyright (C) iHaNoi contributors
 *
 * Fetching a key set.
 *
 * A fetch is a subrequest, so that nginx's own proxy, cache and TLS serve it,
 * of a request that no client has sent: one of a client's would hold that
 * client's connection, and go when it goes.  Requests that need the keys wait in
 * the source's queue, each with a timer of its own (_auth_wait).
 */

#include "ngx_http_ihanoi_api.h"
#include "ngx_http_ihanoi_auth_fetch.h"
#include "ngx_http_ihanoi_auth_wait.h"
#include "ngx_http_ihanoi_inject.h"


/* One fetch; in the pool of the connection that is made for it. */
struct ngx_http_ihanoi_auth_fetch_s {
    ngx_http_ihanoi_auth_state_t   *state;     /* NULL: nobody cares any more */
    ngx_http_ihanoi_auth_keys_t    *keys;
    ngx_http_ihanoi_injected_t     *injected;
    ngx_http_request_t             *subrequest;
    ngx_time_t                      began;
    ngx_event_t                     begin;
    ngx_event_t                     timer;
    ngx_uint_t                      status;
    u_char                         *data;
    size_t                          len;
    unsigned                        refused:1; /* too large */
    unsigned                        special:1; /* nginx's error page went by */
    unsigned                        uncached:1;
};


extern ngx_module_t  ngx_http_ihanoi_auth_module;


static ngx_http_core_srv_conf_t *ngx_http_ihanoi_auth_fetch_server(
    ngx_http_ihanoi_auth_keys_t *keys, ngx_str_t *uri);
static ngx_uint_t ngx_http_ihanoi_auth_fetch_served(
    ngx_http_ihanoi_auth_keys_t *keys, ngx_http_ihanoi_auth_source_t *source);
static size_t ngx_http_ihanoi_auth_fetch_place(ngx_http_core_srv_conf_t *cscf,
    ngx_str_t *uri);
static void ngx_http_ihanoi_auth_fetch_begin(ngx_event_t *ev);
static ngx_int_t ngx_http_ihanoi_auth_fetch_request(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_ihanoi_auth_fetch_done(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);
static ngx_int_t ngx_http_ihanoi_auth_fetch_uncached(
    ngx_http_ihanoi_auth_fetch_t *fetch, ngx_http_request_t *sr);
static void ngx_http_ihanoi_auth_fetch_timeout(ngx_event_t *ev);
static void ngx_http_ihanoi_auth_fetch_cleanup(void *data);
static void ngx_http_ihanoi_auth_fetch_end(ngx_http_ihanoi_auth_fetch_t *fetch,
    const char *failure);
static ngx_http_ihanoi_auth_fetch_t *ngx_http_ihanoi_auth_fetch_of(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_auth_fetch_header_filter(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_auth_fetch_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_int_t
ngx_http_ihanoi_auth_fetch_init(ngx_conf_t *cf,
    ngx_http_ihanoi_auth_keys_t *keys)
{
    ngx_uint_t                       i;
    ngx_http_core_srv_conf_t        *cscf;
    ngx_http_ihanoi_auth_source_t  **sources;

    sources = keys->sources.elts;

    for (i = 0; i < keys->sources.nelts; i++) {

        cscf = sources[i]->server;

        if (cscf == NULL) {

            /* nobody asks for such tokens, and so not for the keys */

            if (keys->servers.nelts == 0) {
                continue;
            }

            cscf = ngx_http_ihanoi_auth_fetch_server(keys, &sources[i]->name);

        } else if (sources[i]->asked
                   && !ngx_http_ihanoi_auth_fetch_served(keys, sources[i]))
        {
            cscf = NULL;
        }

        if (cscf == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"%skey_request %V\": no location for it but the "
                          "API's in a server that asks for tokens in %s:%ui",
                          sources[i]->server ? "auth_jwt_" : "",
                          &sources[i]->name, sources[i]->file,
                          sources[i]->line);
            return NGX_ERROR;
        }

        sources[i]->listener = ngx_http_ihanoi_inject_listener(cf, cscf);
        if (sources[i]->listener == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * The one whose location says most of the URI: what holds for all servers holds
 * for one that only redirects, too.
 */

static ngx_http_core_srv_conf_t *
ngx_http_ihanoi_auth_fetch_server(ngx_http_ihanoi_auth_keys_t *keys,
    ngx_str_t *uri)
{
    size_t                      len, most;
    ngx_uint_t                  i;
    ngx_http_core_srv_conf_t  **servers, *found;

    servers = keys->servers.elts;
    found = NULL;
    most = 0;

    for (i = 0; i < keys->servers.nelts; i++) {
        len = ngx_http_ihanoi_auth_fetch_place(servers[i], uri);

        if (len > most) {
            most = len;
            found = servers[i];
        }
    }

    return found;
}


/* In its own server, or in another one for which the same line holds. */

static ngx_uint_t
ngx_http_ihanoi_auth_fetch_served(ngx_http_ihanoi_auth_keys_t *keys,
    ngx_http_ihanoi_auth_source_t *source)
{
    ngx_uint_t                       i;
    ngx_http_ihanoi_auth_source_t  **sources;

    sources = keys->sources.elts;

    for (i = 0; i < keys->sources.nelts; i++) {
        if (sources[i]->server
            && sources[i]->name.data == source->name.data
            && ngx_http_ihanoi_auth_fetch_place(sources[i]->server,
                                                &source->name))
        {
            return 1;
        }
    }

    return 0;
}


/*
 * How much of it, a regular expression nearly all; 0: there is none, or the API
 * serves it, which has no key sets.  A location of just this name may answer
 * before the API is asked: "return".
 */

static size_t
ngx_http_ihanoi_auth_fetch_place(ngx_http_core_srv_conf_t *cscf,
    ngx_str_t *uri)
{
    size_t                           len;
    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_ihanoi_api_loc_conf_t  *alcf;

#if (NGX_PCRE)
    ngx_http_core_loc_conf_t       **regex;
#endif

    clcf = ngx_http_ihanoi_inject_location(cscf, uri->data, uri->len);
    len = clcf ? clcf->name.len : 0;

    if (len && len < uri->len) {
        alcf = clcf->loc_conf[ngx_http_ihanoi_api_module.ctx_index];
        len = alcf->enable ? 0 : len;
    }

#if (NGX_PCRE)

    clcf = cscf->ctx->loc_conf[ngx_http_core_module.ctx_index];

    for (regex = clcf->regex_locations; regex && *regex; regex++) {
        if (ngx_regex_exec((*regex)->regex->regex, uri, NULL, 0) >= 0) {
            len = ngx_max(len, uri->len - 1);
        }
    }

#endif

    return len;
}


ngx_int_t
ngx_http_ihanoi_auth_fetch_start(ngx_http_ihanoi_auth_state_t *state)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_ihanoi_injected_t    *in;
    ngx_http_ihanoi_auth_fetch_t  *fetch;

    /* from now on, also when it fails here: no faster than the gaps allow */

    state->asked = ngx_current_msec;
    state->asked_once = 1;

    if (state->source->listener == NULL) {
        return NGX_ERROR;
    }

    in = ngx_http_ihanoi_inject_create(state->source->listener,
                                       sizeof(ngx_http_ihanoi_auth_fetch_t),
                                       ngx_cycle->log);
    if (in == NULL) {
        goto failed;
    }

    cln = ngx_pool_cleanup_add(in->pool, 0);
    if (cln == NULL) {
        ngx_http_ihanoi_inject_drop(in);
        goto failed;
    }

    in->handler = ngx_http_ihanoi_auth_fetch_request;

    fetch = in->data;

    fetch->state = state;
    fetch->keys = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                                 ngx_http_ihanoi_auth_module);
    fetch->injected = in;
    fetch->began = *ngx_timeofday();

    fetch->begin.handler = ngx_http_ihanoi_auth_fetch_begin;
    fetch->begin.data = fetch;
    fetch->begin.log = ngx_cycle->log;

    fetch->timer.handler = ngx_http_ihanoi_auth_fetch_timeout;
    fetch->timer.data = fetch;
    fetch->timer.log = ngx_cycle->log;
    fetch->timer.cancelable = 1;

    cln->handler = ngx_http_ihanoi_auth_fetch_cleanup;
    cln->data = fetch;

    state->fetch = fetch;
    ngx_add_timer(&fetch->timer, NGX_HTTP_IHANOI_AUTH_FETCH_TIMEOUT);

    /* not from inside the request that needs it: it may be over at once */

    ngx_post_event(&fetch->begin, &ngx_posted_events);

    return NGX_OK;

failed:

    /* no connection was left, or no memory */

    state->retry = ngx_max(state->retry, NGX_HTTP_IHANOI_AUTH_RETRY_MIN);

    return NGX_ERROR;
}


static void
ngx_http_ihanoi_auth_fetch_begin(ngx_event_t *ev)
{
    ngx_http_ihanoi_auth_fetch_t *fetch = ev->data;

    static ngx_str_t  uri = ngx_string("/-/keys");

    ngx_http_ihanoi_inject_go(fetch->injected, &uri);
}


static ngx_int_t
ngx_http_ihanoi_auth_fetch_request(ngx_http_request_t *r, void *data)
{
    ngx_http_ihanoi_auth_fetch_t *fetch = data;

    ngx_http_request_t          *sr;
    ngx_http_headers_in_t       *headers;
    ngx_http_post_subrequest_t  *ps;

    if (fetch->state == NULL) {
        return NGX_ERROR;
    }

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    if (ps == NULL) {
        return NGX_ERROR;
    }

    ps->handler = ngx_http_ihanoi_auth_fetch_done;
    ps->data = fetch;

    if (ngx_http_subrequest(r, &fetch->state->source->name, NULL, &sr, ps,
                            NGX_HTTP_SUBREQUEST_BACKGROUND)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* it has no headers and no body */

    headers = &sr->headers_in;
    ngx_memzero(headers, sizeof(ngx_http_headers_in_t));

    if (ngx_list_init(&headers->headers, r->pool, 1, sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    headers->content_length_n = -1;
    headers->keep_alive_n = -1;

    fetch->subrequest = sr;

    /* over, but for the subrequest, with which it goes */

    ngx_http_ihanoi_inject_end(r, NGX_HTTP_NO_CONTENT);

    return NGX_DONE;
}


/* Called by nginx when the subrequest is finalized; more than once maybe. */

static ngx_int_t
ngx_http_ihanoi_auth_fetch_done(ngx_http_request_t *sr, void *data,
    ngx_int_t rc)
{
    char                           reason[64];
    ngx_http_ihanoi_auth_fetch_t  *fetch = data;

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE && !fetch->special) {

        /* an error page may stand in: error_page of that location */

        fetch->special = 1;
        return rc;
    }

    if (rc == NGX_ERROR
        && ngx_http_ihanoi_auth_fetch_uncached(fetch, sr) == NGX_OK)
    {
        return NGX_OK;
    }

    if (rc == NGX_ERROR || rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        ngx_http_ihanoi_auth_fetch_end(fetch, "it failed");

    } else if (fetch->status != NGX_HTTP_OK) {
        ngx_sprintf((u_char *) reason, "it was answered with status %ui%Z",
                    fetch->status);
        ngx_http_ihanoi_auth_fetch_end(fetch, reason);

    } else if (fetch->refused) {
        ngx_http_ihanoi_auth_fetch_end(fetch, "the answer is too long");

    } else {
        ngx_http_ihanoi_auth_fetch_end(fetch, NULL);
    }

    return NGX_OK;
}


/*
 * An answer that nginx cannot write into its cache, on a disk that is full, ends
 * there: another fetch takes its place, whose answer goes past the cache.
 */

static ngx_int_t
ngx_http_ihanoi_auth_fetch_uncached(ngx_http_ihanoi_auth_fetch_t *fetch,
    ngx_http_request_t *sr)
{
    ngx_http_ihanoi_auth_state_t  *state;

    state = fetch->state;

    if (state == NULL || fetch->uncached || fetch->status != NGX_HTTP_OK
        || sr->upstream == NULL || !sr->upstream->cacheable)
    {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "the answer with key set \"%V\" broke off, it is asked for "
                  "past nginx's cache", &state->source->id);

    if (ngx_http_ihanoi_auth_fetch_start(state) != NGX_OK) {
        return NGX_ERROR;
    }

    state->fetch->uncached = 1;

    fetch->state = NULL;
    ngx_del_timer(&fetch->timer);

    return NGX_OK;
}


static void
ngx_http_ihanoi_auth_fetch_timeout(ngx_event_t *ev)
{
    ngx_connection_t              *c;
    ngx_http_request_t            *sr;
    ngx_http_ihanoi_auth_fetch_t  *fetch;

    fetch = ev->data;
    sr = fetch->subrequest;

    ngx_http_ihanoi_auth_fetch_end(fetch, "it took too long");

    /*
     * A provider that sends a byte now and then would keep the subrequest for
     * as long as it pleases: nginx's own time-outs count from byte to byte.
     */

    if (sr && sr->upstream && sr->upstream->peer.connection) {
        c = sr->upstream->peer.connection;
        ngx_add_timer(c->read, 1);
    }
}


static void
ngx_http_ihanoi_auth_fetch_cleanup(void *data)
{
    ngx_http_ihanoi_auth_fetch_t  *fetch = data;

    fetch->subrequest = NULL;
    ngx_http_ihanoi_auth_fetch_end(fetch, "it was closed");
}


static void
ngx_http_ihanoi_auth_fetch_end(ngx_http_ihanoi_auth_fetch_t *fetch,
    const char *failure)
{
    ngx_str_t                      text;
    ngx_msec_t                     longest;
    ngx_queue_t                   *q;
    ngx_http_ihanoi_auth_wait_t   *wait;
    ngx_http_ihanoi_auth_state_t  *state;

    state = fetch->state;

    if (state == NULL) {
        return;
    }

    fetch->state = NULL;
    state->fetch = NULL;

    if (fetch->timer.timer_set) {
        ngx_del_timer(&fetch->timer);
    }

    if (failure == NULL) {
        text.len = fetch->len;
        text.data = fetch->data;

        if (ngx_http_ihanoi_auth_state_swap(state, &text) != NGX_OK) {
            failure = "the set was not usable";
        }
    }

    if (failure == NULL) {
        state->got = ngx_current_msec;
        state->retry = 0;

        ngx_http_ihanoi_auth_text_store(state->record, &text);

        ngx_http_ihanoi_metric_inc(fetch->keys->fetched);

    } else {
        longest = state->set ? NGX_HTTP_IHANOI_AUTH_RETRY_MAX
                             : NGX_HTTP_IHANOI_AUTH_RETRY_NONE;

        state->retry = state->retry ? ngx_min(state->retry * 2, longest)
                                    : NGX_HTTP_IHANOI_AUTH_RETRY_MIN;

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "request for key set \"%V\" failed: %s%s",
                      &state->source->id, failure,
                      state->set ? ", the one before stays in use" : "");

        ngx_http_ihanoi_metric_inc(fetch->keys->failed);
    }

    while (!ngx_queue_empty(&state->waits)) {
        q = ngx_queue_head(&state->waits);
        wait = ngx_queue_data(q, ngx_http_ihanoi_auth_wait_t, queue);

        if (failure) {
            wait->joined = 0;
        }

        ngx_http_ihanoi_auth_wait_wake(wait);
    }
}


/*
 * The context of a subrequest does not survive an internal redirect (an error
 * page, X-Accel-Redirect), what is called at its end does.
 */

static ngx_http_ihanoi_auth_fetch_t *
ngx_http_ihanoi_auth_fetch_of(ngx_http_request_t *r)
{
    if (r == r->main || r->post_subrequest == NULL
        || r->post_subrequest->handler != ngx_http_ihanoi_auth_fetch_done)
    {
        return NULL;
    }

    return r->post_subrequest->data;
}


ngx_uint_t
ngx_http_ihanoi_auth_fetch_is_older(ngx_http_ihanoi_auth_fetch_t *fetch,
    ngx_http_request_t *r)
{
    return fetch->began.sec < r->start_sec
           || (fetch->began.sec == r->start_sec
               && fetch->began.msec < r->start_msec);
}


ngx_uint_t
ngx_http_ihanoi_auth_is_fetch(ngx_http_request_t *r)
{
    for ( /* void */ ; r && r != r->main; r = r->parent) {
        if (ngx_http_ihanoi_auth_fetch_of(r)) {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_ihanoi_auth_fetch_init_filters(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_ihanoi_auth_fetch_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_ihanoi_auth_fetch_body_filter;
}


static ngx_int_t
ngx_http_ihanoi_auth_fetch_header_filter(ngx_http_request_t *r)
{
    ngx_http_ihanoi_auth_fetch_t  *fetch;

    fetch = ngx_http_ihanoi_auth_fetch_of(r);

    if (fetch) {
        fetch->status = r->headers_out.status;
        fetch->len = 0;

        /* from nginx's cache or a file: the copy filter reads it for us */
        r->filter_need_in_memory = 1;

        if (fetch->uncached && r->upstream) {
            r->upstream->buffering = 0;
        }
    }

    return ngx_http_next_header_filter(r);
}


/* Nothing of it goes on: the answer belongs to another request. */

static ngx_int_t
ngx_http_ihanoi_auth_fetch_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    size_t                         size;
    ngx_buf_t                     *b;
    ngx_http_ihanoi_auth_fetch_t  *fetch;

    fetch = ngx_http_ihanoi_auth_fetch_of(r);

    if (fetch == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;

        if (!ngx_buf_in_memory(b)) {

            if (!ngx_buf_special(b)) {
                fetch->refused = 1;
            }

            b->file_pos = b->file_last;
            continue;
        }

        size = b->last - b->pos;

        if (fetch->len + size > IHANOI_JWKS_MAX_SIZE) {
            fetch->refused = 1;

        } else if (size && fetch->state) {

            if (fetch->data == NULL) {
                fetch->data = ngx_pnalloc(r->pool, IHANOI_JWKS_MAX_SIZE);
                if (fetch->data == NULL) {
                    return NGX_ERROR;
                }
            }

            ngx_memcpy(fetch->data + fetch->len, b->pos, size);
            fetch->len += size;
        }

        b->pos = b->last;
        b->file_pos = b->file_last;
    }

    return NGX_OK;
}
