/*
 * Copyright (C) iHaNoi contributors
 *
 * What a worker knows of the key sets that are fetched: the set it uses, when
 * it asked, how long it must leave the provider alone.
 */

#include "ngx_http_ihanoi_auth_state.h"


/*
 * Tokens with unknown keys bring about so many fetches in a row, as several
 * rotations would need, and one more each so many milliseconds.
 */
#define NGX_HTTP_IHANOI_AUTH_KID_BURST      5
#define NGX_HTTP_IHANOI_AUTH_KID_GAP        5000


extern ngx_module_t  ngx_http_ihanoi_auth_module;


static ngx_http_ihanoi_auth_state_t *ngx_http_ihanoi_auth_states_init(void);
static void ngx_http_ihanoi_auth_states_cleanup(void *data);


/* The states of the running configuration, in the order of its sources. */
static ngx_http_ihanoi_auth_state_t      *ngx_http_ihanoi_auth_states;
static volatile ngx_cycle_t              *ngx_http_ihanoi_auth_states_cycle;


void
ngx_http_ihanoi_auth_source_note(void *ctx, const char *text)
{
    ngx_http_ihanoi_auth_source_t  *source = ctx;

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "key set \"%V\", left out: %s", &source->name, text);
}


ngx_http_ihanoi_auth_state_t *
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


ngx_uint_t
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

void
ngx_http_ihanoi_auth_state_sync(ngx_http_ihanoi_auth_state_t *state)
{
    time_t             fetched;
    ngx_int_t          rc;
    ngx_str_t          text;
    ngx_atomic_uint_t  generation;

    if (state->record == NULL || state->record->generation == state->shared) {
        return;
    }

    if (ngx_http_ihanoi_auth_text_load(state->record, &text, &generation,
                                       &fetched)
        != NGX_OK)
    {
        return;
    }

    rc = ngx_http_ihanoi_auth_state_swap(state, &text);

    /* one that is not good here will not be the next time either */

    if (rc != NGX_ERROR) {
        state->shared = generation;
    }

    if (rc == NGX_OK) {
        /* as old as it was there: a clock set back makes it new, no more */

        state->got = ngx_current_msec
                     - (ngx_msec_t) ngx_max(ngx_time() - fetched, 0) * 1000;

        /* the provider answers again: somebody has had it from there */

        state->retry = 0;
    }

    ngx_free(text.data);
}


ngx_int_t
ngx_http_ihanoi_auth_state_swap(ngx_http_ihanoi_auth_state_t *state,
    ngx_str_t *text)
{
    char                            error[256];
    u_char                          digest[IHANOI_SHA256_LEN];
    ngx_int_t                       rc;
    ihanoi_jwks_t                  *set;
    ihanoi_jwks_options_t           options;
    ngx_http_ihanoi_auth_source_t  *source;

    source = state->source;

    if (ihanoi_sha256(text->data, text->len, digest) != 0) {
        return NGX_ERROR;
    }

    if (state->set && !ihanoi_jwks_partial(state->set)
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
        rc = (errno == ENOMEM) ? NGX_ERROR : NGX_DECLINED;

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "key set \"%V\" is refused: %s", &source->id, error);
        return rc;
    }

    /* nobody holds a set beyond one call: the old one may go at once */

    ihanoi_jwks_free(state->set);

    state->set = set;
    state->generation++;
    ngx_memcpy(state->digest, digest, IHANOI_SHA256_LEN);

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "key set \"%V\" has %ui keys", &source->id,
                  (ngx_uint_t) ihanoi_jwks_count(set));

    return NGX_OK;
}
