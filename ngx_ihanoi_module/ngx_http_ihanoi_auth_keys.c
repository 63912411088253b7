/*
 * Copyright (C) iHaNoi contributors
 *
 * Where keys come from: files and subrequests.
 *
 * A fetch is a background subrequest of whichever request needed it, so that
 * nginx's own proxy, cache and TLS serve it.  It has no part in that request's
 * answer: requests that need the keys wait in the source's queue, the first
 * one like all others, each with a timer of its own.
 */

#include "ngx_http_ihanoi_auth_keys.h"
#include "ngx_http_ihanoi_auth_shared.h"


/* Milliseconds that a fetch may take, and a request may wait for it. */
#define NGX_HTTP_IHANOI_AUTH_FETCH_TIMEOUT  5000

/*
 * Tokens with unknown keys bring about so many fetches in a row, as several
 * rotations would need, and one more each so many milliseconds.
 */
#define NGX_HTTP_IHANOI_AUTH_KID_BURST      5
#define NGX_HTTP_IHANOI_AUTH_KID_GAP        5000

/*
 * Milliseconds from a failed fetch to the next: doubled each time, but not far
 * while there is no set at all and every request fails.
 */
#define NGX_HTTP_IHANOI_AUTH_RETRY_MIN      1000
#define NGX_HTTP_IHANOI_AUTH_RETRY_NONE     2000
#define NGX_HTTP_IHANOI_AUTH_RETRY_MAX      30000

/*
 * A fetch dies with the client that lent its request; so many times in a row
 * the next one may begin at once, then clients that hang up gain nothing.
 */
#define NGX_HTTP_IHANOI_AUTH_MAX_ABORTS     3


typedef struct ngx_http_ihanoi_auth_fetch_s  ngx_http_ihanoi_auth_fetch_t;


/* What a worker knows of a fetched source. */
typedef struct {
    ngx_http_ihanoi_auth_source_t  *source;
    ihanoi_jwks_t                  *set;
    ngx_uint_t                      generation;
    u_char                          digest[IHANOI_SHA256_LEN];  /* its text */
    ngx_http_ihanoi_auth_text_t    *record;
    ngx_atomic_uint_t               shared;    /* generation taken over */

    ngx_msec_t                      asked;     /* start of the last fetch */
    ngx_msec_t                      got;       /* set known to be current */
    ngx_msec_t                      retry;     /* pause after failures */
    ngx_uint_t                      asked_once;
    ngx_uint_t                      aborts;    /* clients gone, in a row */
    ngx_uint_t                      kid_spent; /* of the burst */
    ngx_msec_t                      kid_since; /* when it was last refilled */

    ngx_queue_t                     waits;
    ngx_http_ihanoi_auth_fetch_t   *fetch;     /* under way */
} ngx_http_ihanoi_auth_state_t;


/* One fetch; in the pool of the request that it belongs to. */
struct ngx_http_ihanoi_auth_fetch_s {
    ngx_http_ihanoi_auth_state_t   *state;     /* NULL: nobody cares any more */
    ngx_http_ihanoi_auth_keys_t    *keys;
    ngx_http_request_t             *owner;     /* for comparison only */
    ngx_http_request_t             *subrequest;
    ngx_event_t                     timer;
    ngx_uint_t                      status;
    u_char                         *data;
    size_t                          len;
    unsigned                        refused:1; /* too large */
    unsigned                        special:1; /* nginx's error page went by */
};


static void ngx_http_ihanoi_auth_source_note(void *ctx, const char *text);
static ngx_http_ihanoi_auth_state_t *ngx_http_ihanoi_auth_state(
    ngx_http_ihanoi_auth_source_t *source);
static ngx_http_ihanoi_auth_state_t *ngx_http_ihanoi_auth_states_init(void);
static void ngx_http_ihanoi_auth_states_cleanup(void *data);
static ngx_uint_t ngx_http_ihanoi_auth_state_may_ask(
    ngx_http_ihanoi_auth_state_t *state);
static void ngx_http_ihanoi_auth_state_sync(
    ngx_http_ihanoi_auth_state_t *state);
static ngx_int_t ngx_http_ihanoi_auth_state_swap(
    ngx_http_ihanoi_auth_state_t *state, ngx_str_t *text, ngx_log_t *log);
static ngx_int_t ngx_http_ihanoi_auth_fetch_start(
    ngx_http_ihanoi_auth_state_t *state, ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_auth_fetch_done(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);
static void ngx_http_ihanoi_auth_fetch_timeout(ngx_event_t *ev);
static void ngx_http_ihanoi_auth_fetch_cleanup(void *data);
static void ngx_http_ihanoi_auth_fetch_end(ngx_http_ihanoi_auth_fetch_t *fetch,
    const char *failure);
static void ngx_http_ihanoi_auth_wait_wake(ngx_http_ihanoi_auth_wait_t *wait);
static void ngx_http_ihanoi_auth_wait_timeout(ngx_event_t *ev);
static void ngx_http_ihanoi_auth_wait_cleanup(void *data);
static ngx_http_ihanoi_auth_fetch_t *ngx_http_ihanoi_auth_fetch_of(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_auth_fetch_header_filter(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_auth_fetch_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


extern ngx_module_t  ngx_http_ihanoi_auth_module;


static const char  ngx_http_ihanoi_auth_gone[] = "client went away";

/* The states of the running configuration, in the order of its sources. */
static ngx_http_ihanoi_auth_state_t      *ngx_http_ihanoi_auth_states;
static volatile ngx_cycle_t              *ngx_http_ihanoi_auth_states_cycle;

static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_http_ihanoi_auth_source_t *
ngx_http_ihanoi_auth_source_file(ngx_conf_t *cf, ngx_str_t *path,
    const ihanoi_alg_e *algorithms, unsigned nalgorithms)
{
    char                            error[256];
    u_char                         *buf;
    size_t                          size;
    ssize_t                         n;
    ngx_fd_t                        fd;
    ngx_str_t                       name;
    ngx_file_info_t                 fi;
    ngx_pool_cleanup_t             *cln;
    ihanoi_jwks_options_t           options;
    ngx_http_ihanoi_auth_source_t  *source;

    source = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_auth_source_t));
    if (source == NULL) {
        return NULL;
    }

    name = *path;

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NULL;
    }

    source->name = name;

    fd = ngx_open_file(name.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "could not open key file \"%V\"", &name);
        return NULL;
    }

    buf = NULL;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "could not read key file \"%V\"", &name);
        goto failed;
    }

    if (ngx_file_size(&fi) > IHANOI_JWKS_MAX_SIZE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key file \"%V\" is larger than %d bytes", &name,
                           IHANOI_JWKS_MAX_SIZE);
        goto failed;
    }

    size = (size_t) ngx_file_size(&fi);

    buf = ngx_alloc(size + 1, cf->log);
    if (buf == NULL) {
        goto failed;
    }

    n = ngx_read_fd(fd, buf, size);

    if (n == -1 || (size_t) n != size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, (n == -1) ? ngx_errno : 0,
                           "could not read key file \"%V\"", &name);
        goto failed;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        goto failed;
    }

    ngx_memzero(&options, sizeof(ihanoi_jwks_options_t));

    options.algorithms = algorithms;
    options.nalgorithms = nalgorithms;
    options.note = ngx_http_ihanoi_auth_source_note;
    options.ctx = source;

    source->set = ihanoi_jwks_parse((char *) buf, size, &options, error);

    if (source->set == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key file \"%V\" is refused: %s", &name, error);
        goto failed;
    }

    cln->handler = (ngx_pool_cleanup_pt) ihanoi_jwks_free;
    cln->data = source->set;

    ngx_close_file(fd);
    ngx_explicit_memzero(buf, size);
    ngx_free(buf);

    return source;

failed:

    ngx_close_file(fd);

    if (buf) {
        ngx_free(buf);
    }

    return NULL;
}


static void
ngx_http_ihanoi_auth_source_note(void *ctx, const char *text)
{
    ngx_http_ihanoi_auth_source_t  *source = ctx;

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "key set \"%V\", left out: %s", &source->name, text);
}


ngx_http_ihanoi_auth_source_t *
ngx_http_ihanoi_auth_source_request(ngx_conf_t *cf,
    ngx_http_ihanoi_auth_keys_t *keys, ngx_str_t *uri, ngx_str_t *issuer,
    ngx_msec_t fresh, const ihanoi_alg_e *algorithms, unsigned nalgorithms)
{
    ngx_http_ihanoi_auth_source_t  *source, **slot;

    if (uri->len == 0 || uri->data[0] != '/') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "URI \"%V\" of a key request must begin with \"/\"",
                           uri);
        return NULL;
    }

    source = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_auth_source_t));
    if (source == NULL) {
        return NULL;
    }

    source->name = *uri;
    source->fresh = fresh;
    source->algorithms = algorithms;
    source->nalgorithms = nalgorithms;
    source->index = keys->sources.nelts;
    source->shared = (issuer->len != 0);

    source->id.len = issuer->len + 1 + uri->len;
    source->id.data = ngx_pnalloc(cf->pool, source->id.len);
    if (source->id.data == NULL) {
        return NULL;
    }

    ngx_sprintf(source->id.data, "%V %V", issuer, uri);

    slot = ngx_array_push(&keys->sources);
    if (slot == NULL) {
        return NULL;
    }

    *slot = source;

    return source;
}


static ngx_http_ihanoi_auth_state_t *
ngx_http_ihanoi_auth_state(ngx_http_ihanoi_auth_source_t *source)
{
    ngx_http_ihanoi_auth_state_t  *states;

    states = ngx_http_ihanoi_auth_states;

    if (ngx_http_ihanoi_auth_states_cycle != ngx_cycle) {
        states = ngx_http_ihanoi_auth_states_init();
        if (states == NULL) {
            return NULL;
        }
    }

    return &states[source->index];
}


static ngx_http_ihanoi_auth_state_t *
ngx_http_ihanoi_auth_states_init(void)
{
    ngx_uint_t                       i;
    ngx_cycle_t                     *cycle;
    ngx_pool_cleanup_t              *cln;
    ngx_http_ihanoi_auth_keys_t     *keys;
    ngx_http_ihanoi_auth_state_t    *states;
    ngx_http_ihanoi_auth_source_t  **sources;

    cycle = (ngx_cycle_t *) ngx_cycle;

    /* the sources are the first member of the module's main configuration */

    keys = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_ihanoi_auth_module);
    sources = keys->sources.elts;

    cln = ngx_pool_cleanup_add(cycle->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    /* one more with nothing in it ends the list for the clean-up */

    states = ngx_pcalloc(cycle->pool, (keys->sources.nelts + 1)
                                      * sizeof(ngx_http_ihanoi_auth_state_t));
    if (states == NULL) {
        return NULL;
    }

    for (i = 0; i < keys->sources.nelts; i++) {
        states[i].source = sources[i];
        states[i].record = sources[i]->shared
                           ? ngx_http_ihanoi_auth_text(&sources[i]->id) : NULL;
        ngx_queue_init(&states[i].waits);
    }

    cln->handler = ngx_http_ihanoi_auth_states_cleanup;
    cln->data = states;

    ngx_http_ihanoi_auth_states = states;
    ngx_http_ihanoi_auth_states_cycle = ngx_cycle;

    return states;
}


static void
ngx_http_ihanoi_auth_states_cleanup(void *data)
{
    ngx_http_ihanoi_auth_state_t  *state;

    if (ngx_http_ihanoi_auth_states == data) {
        ngx_http_ihanoi_auth_states_cycle = NULL;
    }

    for (state = data; state->source; state++) {
        ihanoi_jwks_free(state->set);
        state->set = NULL;
    }
}


const ihanoi_jwks_t *
ngx_http_ihanoi_auth_source_set(ngx_http_ihanoi_auth_source_t *source)
{
    ngx_http_ihanoi_auth_state_t  *state;

    if (source->set) {
        return source->set;
    }

    state = ngx_http_ihanoi_auth_state(source);

    return state ? state->set : NULL;
}


ngx_uint_t
ngx_http_ihanoi_auth_source_generation(ngx_http_ihanoi_auth_source_t *source)
{
    ngx_http_ihanoi_auth_state_t  *state;

    if (source->set) {
        return 0;
    }

    state = ngx_http_ihanoi_auth_state(source);

    return state ? state->generation : 0;
}


void
ngx_http_ihanoi_auth_source_refresh(ngx_http_ihanoi_auth_source_t *source,
    ngx_http_request_t *r)
{
    ngx_http_ihanoi_auth_state_t  *state;

    if (source->set) {
        return;
    }

    state = ngx_http_ihanoi_auth_state(source);
    if (state == NULL) {
        return;
    }

    ngx_http_ihanoi_auth_state_sync(state);

    if (r == NULL || state->fetch) {
        return;
    }

    if (state->set && ngx_current_msec - state->got < source->fresh) {
        return;
    }

    if (state->asked_once
        && ngx_current_msec - state->asked
           < ngx_max(state->retry, NGX_HTTP_IHANOI_AUTH_RETRY_MIN))
    {
        return;
    }

    /* a failure to start is like one to fetch: what is there is good enough */
    (void) ngx_http_ihanoi_auth_fetch_start(state, r);
}


ngx_int_t
ngx_http_ihanoi_auth_source_wait(ngx_http_ihanoi_auth_source_t *source,
    ngx_http_request_t *r, ngx_http_ihanoi_auth_wait_t *wait)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_ihanoi_auth_state_t  *state;

    if (source->set) {
        return NGX_DECLINED;
    }

    state = ngx_http_ihanoi_auth_state(source);
    if (state == NULL) {
        return NGX_ERROR;
    }

    if (state->fetch == NULL && !ngx_http_ihanoi_auth_state_may_ask(state)) {
        return NGX_DECLINED;
    }

    /* the way out first: the request may end while it waits */

    if (!wait->cleanup) {
        cln = ngx_pool_cleanup_add(r->pool, 0);
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = ngx_http_ihanoi_auth_wait_cleanup;
        cln->data = wait;
        wait->cleanup = 1;
    }

    wait->joined = (state->fetch && state->fetch->owner != r);

    if (state->fetch == NULL
        && ngx_http_ihanoi_auth_fetch_start(state, r) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* a client that goes away is noticed */

    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;

    wait->request = r;
    wait->active = 1;
    wait->timer.handler = ngx_http_ihanoi_auth_wait_timeout;
    wait->timer.data = wait;
    wait->timer.log = r->connection->log;

    ngx_queue_insert_tail(&state->waits, &wait->queue);
    ngx_add_timer(&wait->timer, NGX_HTTP_IHANOI_AUTH_FETCH_TIMEOUT);

    return NGX_AGAIN;
}


ngx_uint_t
ngx_http_ihanoi_auth_source_retry_after(ngx_http_ihanoi_auth_source_t *source)
{
    ngx_msec_t                     pause;
    ngx_http_ihanoi_auth_state_t  *state;

    if (source->set) {
        return 1;
    }

    state = ngx_http_ihanoi_auth_state(source);
    if (state == NULL) {
        return 1;
    }

    pause = ngx_max(state->retry, NGX_HTTP_IHANOI_AUTH_RETRY_MIN);

    return (pause + 999) / 1000;
}


/* For a token that no key was found for. */

static ngx_uint_t
ngx_http_ihanoi_auth_state_may_ask(ngx_http_ihanoi_auth_state_t *state)
{
    ngx_uint_t  n;

    if (state->asked_once
        && (state->set == NULL || state->retry)
        && ngx_current_msec - state->asked
           < ngx_max(state->retry, NGX_HTTP_IHANOI_AUTH_RETRY_MIN))
    {
        return 0;
    }

    if (state->set == NULL) {
        return 1;
    }

    n = (ngx_current_msec - state->kid_since) / NGX_HTTP_IHANOI_AUTH_KID_GAP;

    if (n) {
        state->kid_spent -= ngx_min(n, state->kid_spent);
        state->kid_since += n * NGX_HTTP_IHANOI_AUTH_KID_GAP;
    }

    if (state->kid_spent == NGX_HTTP_IHANOI_AUTH_KID_BURST) {
        return 0;
    }

    state->kid_spent++;

    return 1;
}


/* Another worker, or the one before us, may have a newer set. */

static void
ngx_http_ihanoi_auth_state_sync(ngx_http_ihanoi_auth_state_t *state)
{
    time_t             fetched;
    ngx_str_t          text;
    ngx_atomic_uint_t  generation;

    if (state->record == NULL || state->record->generation == state->shared) {
        return;
    }

    if (ngx_http_ihanoi_auth_text_load(state->record, &text, &generation,
                                       &fetched, ngx_cycle->log)
        != NGX_OK)
    {
        return;
    }

    state->shared = generation;

    if (ngx_http_ihanoi_auth_state_swap(state, &text, ngx_cycle->log)
        == NGX_OK)
    {
        /* as old as it was there: a clock set back makes it new, no more */

        state->got = ngx_current_msec
                     - (ngx_msec_t) ngx_max(ngx_time() - fetched, 0) * 1000;
    }

    ngx_free(text.data);
}


static ngx_int_t
ngx_http_ihanoi_auth_state_swap(ngx_http_ihanoi_auth_state_t *state,
    ngx_str_t *text, ngx_log_t *log)
{
    char                            error[256];
    u_char                          digest[IHANOI_SHA256_LEN];
    ihanoi_jwks_t                  *set;
    ihanoi_jwks_options_t           options;
    ngx_http_ihanoi_auth_source_t  *source;

    source = state->source;

    if (ihanoi_sha256(text->data, text->len, digest) != 0) {
        return NGX_ERROR;
    }

    if (state->set
        && ngx_memcmp(digest, state->digest, IHANOI_SHA256_LEN) == 0)
    {
        return NGX_OK;
    }

    ngx_memzero(&options, sizeof(ihanoi_jwks_options_t));

    options.remote = 1;
    options.algorithms = source->algorithms;
    options.nalgorithms = source->nalgorithms;
    options.previous = state->set;
    options.note = ngx_http_ihanoi_auth_source_note;
    options.ctx = source;

    set = ihanoi_jwks_parse((char *) text->data, text->len, &options, error);

    if (set == NULL) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "key set \"%V\" is refused: %s",
                      &source->id, error);
        return NGX_DECLINED;
    }

    /* nobody holds a set beyond one call: the old one may go at once */

    ihanoi_jwks_free(state->set);

    state->set = set;
    state->generation++;
    ngx_memcpy(state->digest, digest, IHANOI_SHA256_LEN);

    ngx_log_error(NGX_LOG_NOTICE, log, 0, "key set \"%V\" has %ui keys",
                  &source->id, (ngx_uint_t) ihanoi_jwks_count(set));

    return NGX_OK;
}


static ngx_int_t
ngx_http_ihanoi_auth_fetch_start(ngx_http_ihanoi_auth_state_t *state,
    ngx_http_request_t *r)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_request_t            *sr;
    ngx_http_headers_in_t         *headers;
    ngx_http_ihanoi_auth_fetch_t  *fetch;
    ngx_http_post_subrequest_t    *ps;

    /* from now on, also when it fails here: no faster than the gaps allow */

    state->asked = ngx_current_msec;
    state->asked_once = 1;

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_ihanoi_auth_fetch_t));

    if (ps == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    fetch = cln->data;
    ngx_memzero(fetch, sizeof(ngx_http_ihanoi_auth_fetch_t));

    fetch->keys = ngx_http_get_module_main_conf(r,
                                                ngx_http_ihanoi_auth_module);

    ps->handler = ngx_http_ihanoi_auth_fetch_done;
    ps->data = fetch;

    if (ngx_http_subrequest(r, &state->source->name, NULL, &sr, ps,
                            NGX_HTTP_SUBREQUEST_BACKGROUND)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /*
     * The subrequest is not the citizen's: their token, cookies and conditions
     * must not go to the identity provider.
     */

    headers = &sr->headers_in;
    ngx_memzero(headers, sizeof(ngx_http_headers_in_t));

    if (ngx_list_init(&headers->headers, r->pool, 1, sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        /* an empty list without memory is as good */
        headers->headers.last = &headers->headers.part;
    }

    headers->content_length_n = -1;
    headers->keep_alive_n = -1;
    headers->server = r->headers_in.server;

    sr->request_body = NULL;

    fetch->state = state;
    fetch->owner = r;
    fetch->subrequest = sr;
    fetch->timer.handler = ngx_http_ihanoi_auth_fetch_timeout;
    fetch->timer.data = fetch;
    fetch->timer.log = ngx_cycle->log;
    fetch->timer.cancelable = 1;

    cln->handler = ngx_http_ihanoi_auth_fetch_cleanup;

    state->fetch = fetch;
    ngx_add_timer(&fetch->timer, NGX_HTTP_IHANOI_AUTH_FETCH_TIMEOUT);

    return NGX_OK;
}


/* Called by nginx when the subrequest is finalized; more than once maybe. */

static ngx_int_t
ngx_http_ihanoi_auth_fetch_done(ngx_http_request_t *sr, void *data,
    ngx_int_t rc)
{
    char                           reason[64];
    ngx_http_ihanoi_auth_fetch_t  *fetch = data;

    if (rc == NGX_HTTP_CLIENT_CLOSED_REQUEST || sr->connection->error) {
        ngx_http_ihanoi_auth_fetch_end(fetch, ngx_http_ihanoi_auth_gone);
        return rc;
    }

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE && !fetch->special) {

        /* an error page may stand in: error_page of that location */

        fetch->special = 1;
        return rc;
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

    /* the request that lent itself has nothing to do with a failure */
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
     * A provider that sends a byte now and then would keep the subrequest, and
     * with it the connection of the client that lent it, for as long as it
     * pleases: nginx's own time-outs count from byte to byte.
     */

    if (sr->upstream && sr->upstream->peer.connection) {
        c = sr->upstream->peer.connection;
        ngx_add_timer(c->read, 1);
    }
}


static void
ngx_http_ihanoi_auth_fetch_cleanup(void *data)
{
    ngx_http_ihanoi_auth_fetch_t  *fetch = data;

    fetch->subrequest = NULL;
    ngx_http_ihanoi_auth_fetch_end(fetch, ngx_http_ihanoi_auth_gone);
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

        if (ngx_http_ihanoi_auth_state_swap(state, &text, ngx_cycle->log)
            != NGX_OK)
        {
            failure = "the set was not usable";
        }
    }

    if (failure == NULL) {
        state->got = ngx_current_msec;
        state->retry = 0;
        state->aborts = 0;

        ngx_http_ihanoi_auth_text_store(state->record, &text, ngx_cycle->log);

        ngx_http_ihanoi_metric_inc(fetch->keys->fetched);

    } else if (failure == ngx_http_ihanoi_auth_gone) {

        /* not the provider's fault */

        if (state->aborts++ < NGX_HTTP_IHANOI_AUTH_MAX_ABORTS) {
            state->asked_once = 0;
        }

    } else {
        state->aborts = 0;
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

        wait->again = (failure == ngx_http_ihanoi_auth_gone);

        if (failure) {
            wait->joined = 0;
        }

        ngx_http_ihanoi_auth_wait_wake(wait);
    }
}


/*
 * Its phases run again from an event, not from here: we may be inside the
 * finalization of another request, or of this one.
 */

static void
ngx_http_ihanoi_auth_wait_wake(ngx_http_ihanoi_auth_wait_t *wait)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    ngx_queue_remove(&wait->queue);
    wait->active = 0;

    if (wait->timer.timer_set) {
        ngx_del_timer(&wait->timer);
    }

    r = wait->request;
    c = r->connection;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    /* a subrequest is not the one that an event of the connection runs */

    if (c->data != r) {
        (void) ngx_http_post_request(r, NULL);
    }

    ngx_post_event(c->write, &ngx_posted_events);
}


static void
ngx_http_ihanoi_auth_wait_timeout(ngx_event_t *ev)
{
    ngx_http_ihanoi_auth_wait_wake(ev->data);
}


static void
ngx_http_ihanoi_auth_wait_cleanup(void *data)
{
    ngx_http_ihanoi_auth_wait_t  *wait = data;

    if (wait->active) {
        ngx_queue_remove(&wait->queue);
        wait->active = 0;
    }

    if (wait->timer.timer_set) {
        ngx_del_timer(&wait->timer);
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
ngx_http_ihanoi_auth_keys_init_filters(void)
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
