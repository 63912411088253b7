/*
 * Copyright (C) iHaNoi contributors
 *
 * The deny list.
 */

#include "ngx_http_ihanoi_auth_deny.h"
#include "ngx_http_ihanoi_auth_shared.h"
#include "ngx_http_ihanoi_pg.h"


/*
 * Seconds between looks for rows that may be forgotten, also for how long those
 * are over by then: clocks are set back a little.
 */
#define NGX_HTTP_IHANOI_AUTH_DENY_SWEEP  60

/* beyond two intervals, in seconds: a question may wait for its answer */
#define NGX_HTTP_IHANOI_AUTH_DENY_ASKED  10

/* milliseconds of a worker in which its requests wait for the list */
#define NGX_HTTP_IHANOI_AUTH_DENY_FIRST  3000

/* milliseconds between logs */
#define NGX_HTTP_IHANOI_AUTH_DENY_QUIET  60000


typedef struct {
    ngx_rbtree_node_t    node;           /* by the digest's first bytes */
    u_char               digest[IHANOI_SHA256_LEN];
    double               denied_before;
    time_t               forget_at;
} ngx_http_ihanoi_auth_deny_node_t;


typedef struct {
    ngx_str_t            kind;           /* jti, sid, sub */
    ngx_str_t            iss;
    ngx_str_t            value;
    double               denied_before;  /* 0: at any time */
    time_t               forget_at;
} ngx_http_ihanoi_auth_deny_row_t;


static ngx_int_t ngx_http_ihanoi_auth_deny_add(
    ngx_http_ihanoi_auth_deny_row_t *row);
static ngx_int_t ngx_http_ihanoi_auth_deny_insert(ngx_slab_pool_t *shpool,
    ngx_http_ihanoi_auth_deny_sh_t *deny, u_char *digest,
    ngx_http_ihanoi_auth_deny_row_t *row);
static void ngx_http_ihanoi_auth_deny_loaded(ngx_str_t *next);
static ngx_int_t ngx_http_ihanoi_auth_deny_digest(const char *kind,
    size_t kind_len, const char *iss, size_t iss_len, const char *value,
    size_t value_len, u_char *digest);
static ngx_http_ihanoi_auth_deny_node_t *ngx_http_ihanoi_auth_deny_find(
    ngx_http_ihanoi_auth_deny_sh_t *deny, u_char *digest);
static ngx_rbtree_key_t ngx_http_ihanoi_auth_deny_key(u_char *digest);
static void ngx_http_ihanoi_auth_deny_sweep(ngx_slab_pool_t *shpool,
    ngx_http_ihanoi_auth_deny_sh_t *deny, ngx_uint_t always);
static ngx_uint_t ngx_http_ihanoi_auth_deny_forget(
    ngx_http_ihanoi_auth_deny_sh_t *deny, time_t forget_at);
static ngx_uint_t ngx_http_ihanoi_auth_deny_lacks(
    ngx_http_ihanoi_auth_deny_sh_t *deny);
static const char *ngx_http_ihanoi_auth_deny_since(void *data);
static void ngx_http_ihanoi_auth_deny_restart(void);
static void ngx_http_ihanoi_auth_deny_recall(void);
static void ngx_http_ihanoi_auth_deny_done(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec);


/* The question under way is for the whole list. */
static ngx_uint_t  ngx_http_ihanoi_auth_deny_all;

/* Of this worker: when it began, and for how many seconds a question is enough. */
static ngx_msec_t  ngx_http_ihanoi_auth_deny_began;
static time_t      ngx_http_ihanoi_auth_deny_enough;


ngx_int_t
ngx_http_ihanoi_auth_deny_poll(ngx_conf_t *cf, ngx_str_t *database,
    ngx_msec_t interval)
{
    ngx_http_ihanoi_pgdb_t    *db;
    ngx_http_ihanoi_pgtask_t   task;

    db = ngx_http_ihanoi_pg_database(cf, database);
    if (db == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&task, sizeof(ngx_http_ihanoi_pgtask_t));

    task.sql = "select next, kind, iss, value, denied_before, forget_at"
               " from denied_tokens(since => $1::text)";
    task.trouble = "deny list could not be read";
    task.interval = interval;
    task.first_worker_only = 1;
    task.parameter = ngx_http_ihanoi_auth_deny_since;
    task.handler = ngx_http_ihanoi_auth_deny_done;

    return ngx_http_ihanoi_pg_task_add(db, &task);
}


void
ngx_http_ihanoi_auth_deny_begin(ngx_msec_t interval)
{
    ngx_slab_pool_t                *shpool;
    ngx_http_ihanoi_auth_shared_t  *sh;

    /* its clock is as old as the configuration, which may have taken long */

    ngx_time_update();

    ngx_http_ihanoi_auth_deny_began = ngx_current_msec;
    ngx_http_ihanoi_auth_deny_enough = (time_t) interval / 500
                                       + NGX_HTTP_IHANOI_AUTH_DENY_ASKED;

    sh = ngx_http_ihanoi_auth_shared(&shpool);
    if (sh == NULL) {
        return;
    }

    ngx_shmtx_lock(&shpool->mutex);

    /* by the interval of who asked last: a reload may bring another */

    if (ngx_time() > sh->deny.good_until) {
        sh->deny.state = NGX_HTTP_IHANOI_AUTH_DENY_UNKNOWN;
        sh->deny.next[0] = '\0';
    }

    ngx_shmtx_unlock(&shpool->mutex);
}


ngx_uint_t
ngx_http_ihanoi_auth_deny_awaited(void)
{
    ngx_slab_pool_t                *shpool;
    ngx_http_ihanoi_auth_shared_t  *sh;

    sh = ngx_http_ihanoi_auth_shared(&shpool);

    return sh && sh->deny.state == NGX_HTTP_IHANOI_AUTH_DENY_UNKNOWN
           && ngx_current_msec - ngx_http_ihanoi_auth_deny_began
              < NGX_HTTP_IHANOI_AUTH_DENY_FIRST;
}


static const char *
ngx_http_ihanoi_auth_deny_since(void *data)
{
    ngx_slab_pool_t                *shpool;
    ngx_http_ihanoi_auth_shared_t  *sh;
    static u_char                   since[sizeof(sh->deny.next)];

    sh = ngx_http_ihanoi_auth_shared(&shpool);
    if (sh == NULL) {
        return NULL;
    }

    ngx_shmtx_lock(&shpool->mutex);

    sh->deny.good_until = ngx_time() + ngx_http_ihanoi_auth_deny_enough;
    ngx_memcpy(since, sh->deny.next, sizeof(since));

    ngx_http_ihanoi_auth_deny_all =
                  since[0] == '\0' || ngx_http_ihanoi_auth_deny_lacks(&sh->deny);

    ngx_shmtx_unlock(&shpool->mutex);

    /* no mark of theirs: everything, also what is over by the server's clock */

    return ngx_http_ihanoi_auth_deny_all ? "0" : (char *) since;
}


static void
ngx_http_ihanoi_auth_deny_done(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t db_usec)
{
    ngx_str_t                         next, value;
    ngx_uint_t                        i, n;
    static ngx_msec_t                 quiet;
    ngx_http_ihanoi_auth_deny_row_t   row;

    if (outcome != NGX_HTTP_IHANOI_PG_OK) {

        /* what was loaded stays in force */

        if (outcome == NGX_HTTP_IHANOI_PG_SQLERROR) {

            /* a mark of another release's may be what it cannot read */

            ngx_http_ihanoi_auth_deny_restart();
        }

        return;
    }

    if (ngx_http_ihanoi_auth_deny_all) {
        ngx_http_ihanoi_auth_deny_recall();
    }

    n = ngx_http_ihanoi_pgresult_rows(res);
    ngx_str_null(&next);

    for (i = 0; i < n; i++) {

        next = ngx_http_ihanoi_pgresult_value(res, i, 0);

        row.kind = ngx_http_ihanoi_pgresult_value(res, i, 1);
        row.iss = ngx_http_ihanoi_pgresult_value(res, i, 2);
        row.value = ngx_http_ihanoi_pgresult_value(res, i, 3);

        if (row.kind.data == NULL) {
            continue;
        }

        value = ngx_http_ihanoi_pgresult_value(res, i, 4);
        row.denied_before = value.data
                            ? (double) ngx_atotm(value.data, value.len) : 0;

        value = ngx_http_ihanoi_pgresult_value(res, i, 5);
        row.forget_at = value.data ? ngx_atotm(value.data, value.len)
                                   : NGX_MAX_TIME_T_VALUE;

        if (ngx_http_ihanoi_auth_deny_add(&row) != NGX_OK) {

            if ((ngx_msec_int_t) (ngx_current_msec - quiet) >= 0) {
                quiet = ngx_current_msec + NGX_HTTP_IHANOI_AUTH_DENY_QUIET;
                ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                              "no room for the deny list: tokens are not "
                              "accepted until \"ihanoi_zone\" is larger");
            }

            goto done;
        }
    }

    if (next.data) {
        ngx_http_ihanoi_auth_deny_loaded(&next);
    }

done:

    ngx_http_ihanoi_pgresult_free(res);
}


/* The next time everything is asked for. */

static void
ngx_http_ihanoi_auth_deny_restart(void)
{
    ngx_slab_pool_t                *shpool;
    ngx_http_ihanoi_auth_shared_t  *sh;

    sh = ngx_http_ihanoi_auth_shared(&shpool);
    if (sh == NULL) {
        return;
    }

    ngx_shmtx_lock(&shpool->mutex);
    sh->deny.next[0] = '\0';
    ngx_shmtx_unlock(&shpool->mutex);
}


/*
 * All rows come: what was forgotten too early does, too, and until it is there
 * the list says of itself that it is not, and all is asked for.
 */

static void
ngx_http_ihanoi_auth_deny_recall(void)
{
    ngx_slab_pool_t                *shpool;
    ngx_http_ihanoi_auth_shared_t  *sh;

    sh = ngx_http_ihanoi_auth_shared(&shpool);
    if (sh == NULL) {
        return;
    }

    ngx_shmtx_lock(&shpool->mutex);

    if (ngx_http_ihanoi_auth_deny_lacks(&sh->deny)) {
        sh->deny.state = NGX_HTTP_IHANOI_AUTH_DENY_UNKNOWN;
        sh->deny.forgotten = 0;
        sh->deny.next[0] = '\0';
    }

    ngx_shmtx_unlock(&shpool->mutex);
}


/*
 * Puts a row into the list.  NGX_ERROR when there is no room: the list then
 * says so of itself until a load succeeds.
 */

static ngx_int_t
ngx_http_ihanoi_auth_deny_add(ngx_http_ihanoi_auth_deny_row_t *row)
{
    u_char                             digest[IHANOI_SHA256_LEN];
    ngx_int_t                          rc;
    ngx_slab_pool_t                   *shpool;
    ngx_http_ihanoi_auth_shared_t     *sh;
    ngx_http_ihanoi_auth_deny_node_t  *node;

    sh = ngx_http_ihanoi_auth_shared(&shpool);
    if (sh == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_ihanoi_auth_deny_digest((char *) row->kind.data,
                                         row->kind.len,
                                         (char *) row->iss.data, row->iss.len,
                                         (char *) row->value.data,
                                         row->value.len, digest)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    ngx_shmtx_lock(&shpool->mutex);

    node = ngx_http_ihanoi_auth_deny_find(&sh->deny, digest);

    if (node && node->denied_before == row->denied_before
        && node->forget_at == row->forget_at)
    {
        goto done;
    }

    if (node) {
        node->denied_before = row->denied_before;
        node->forget_at = row->forget_at;

    } else {
        rc = ngx_http_ihanoi_auth_deny_insert(shpool, &sh->deny, digest, row);
    }

    /*
     * Its token may be in the caches: also of a row that found no room, or that
     * is over only by a clock that is ahead.
     */

    ngx_memory_barrier();
    sh->deny.epoch++;

done:

    ngx_shmtx_unlock(&shpool->mutex);

    return rc;
}


/* With the lock held. */

static ngx_int_t
ngx_http_ihanoi_auth_deny_insert(ngx_slab_pool_t *shpool,
    ngx_http_ihanoi_auth_deny_sh_t *deny, u_char *digest,
    ngx_http_ihanoi_auth_deny_row_t *row)
{
    ngx_http_ihanoi_auth_deny_node_t  *node;

    if (ngx_http_ihanoi_auth_deny_forget(deny, row->forget_at)) {
        return NGX_OK;
    }

    node = ngx_slab_alloc_locked(shpool,
                                 sizeof(ngx_http_ihanoi_auth_deny_node_t));
    if (node == NULL) {
        ngx_http_ihanoi_auth_deny_sweep(shpool, deny, 1);

        node = ngx_slab_alloc_locked(shpool,
                                     sizeof(ngx_http_ihanoi_auth_deny_node_t));
    }

    if (node == NULL) {
        deny->state = NGX_HTTP_IHANOI_AUTH_DENY_FULL;
        return NGX_ERROR;
    }

    node->node.key = ngx_http_ihanoi_auth_deny_key(digest);
    ngx_memcpy(node->digest, digest, IHANOI_SHA256_LEN);
    node->denied_before = row->denied_before;
    node->forget_at = row->forget_at;

    ngx_rbtree_insert(&deny->rbtree, &node->node);
    deny->entries++;

    return NGX_OK;
}


/* All rows up to next are there. */

static void
ngx_http_ihanoi_auth_deny_loaded(ngx_str_t *next)
{
    ngx_slab_pool_t                *shpool;
    ngx_http_ihanoi_auth_shared_t  *sh;

    sh = ngx_http_ihanoi_auth_shared(&shpool);
    if (sh == NULL) {
        return;
    }

    ngx_shmtx_lock(&shpool->mutex);

    /* a mark that is too long asks for everything again, which is right too */

    sh->deny.next[0] = '\0';

    if (next->len < sizeof(sh->deny.next)) {
        ngx_memcpy(sh->deny.next, next->data, next->len);
        sh->deny.next[next->len] = '\0';
    }

    sh->deny.state = NGX_HTTP_IHANOI_AUTH_DENY_LOADED;

    ngx_http_ihanoi_auth_deny_sweep(shpool, &sh->deny, 0);

    ngx_shmtx_unlock(&shpool->mutex);
}


/* With the lock held: forgets rows whose tokens have expired by themselves. */

static void
ngx_http_ihanoi_auth_deny_sweep(ngx_slab_pool_t *shpool,
    ngx_http_ihanoi_auth_deny_sh_t *deny, ngx_uint_t always)
{
    time_t                             now;
    ngx_rbtree_node_t                 *node, *next;
    ngx_http_ihanoi_auth_deny_node_t  *dn;

    now = ngx_time();

    if (deny->rbtree.root == &deny->sentinel
        || (!always && now - deny->swept < NGX_HTTP_IHANOI_AUTH_DENY_SWEEP))
    {
        return;
    }

    deny->swept = now;

    for (node = ngx_rbtree_min(deny->rbtree.root, &deny->sentinel);
         node;
         node = next)
    {
        next = ngx_rbtree_next(&deny->rbtree, node);
        dn = (ngx_http_ihanoi_auth_deny_node_t *) node;

        if (ngx_http_ihanoi_auth_deny_forget(deny, dn->forget_at)) {
            ngx_rbtree_delete(&deny->rbtree, node);
            ngx_slab_free_locked(shpool, dn);
            deny->entries--;
        }
    }
}


/* With the lock held: whether a row may go, which then is told. */

static ngx_uint_t
ngx_http_ihanoi_auth_deny_forget(ngx_http_ihanoi_auth_deny_sh_t *deny,
    time_t forget_at)
{
    if (forget_at > ngx_time() - NGX_HTTP_IHANOI_AUTH_DENY_SWEEP) {
        return 0;
    }

    deny->forgotten = ngx_max(deny->forgotten, forget_at);

    return 1;
}


/* The clock was ahead: a row is gone that is not over. */

static ngx_uint_t
ngx_http_ihanoi_auth_deny_lacks(ngx_http_ihanoi_auth_deny_sh_t *deny)
{
    return ngx_time() < deny->forgotten;
}


ngx_atomic_uint_t
ngx_http_ihanoi_auth_deny_epoch(void)
{
    ngx_slab_pool_t                *shpool;
    ngx_http_ihanoi_auth_shared_t  *sh;

    sh = ngx_http_ihanoi_auth_shared(&shpool);

    return sh ? sh->deny.epoch : 0;
}


ngx_int_t
ngx_http_ihanoi_auth_deny_check(ngx_uint_t wanted,
    const ihanoi_jwt_claims_t *claims)
{
    u_char                             digest[3][IHANOI_SHA256_LEN];
    time_t                             now;
    ngx_int_t                          rc;
    ngx_uint_t                         i;
    ngx_slab_pool_t                   *shpool;
    ngx_http_ihanoi_auth_shared_t     *sh;
    ngx_http_ihanoi_auth_deny_node_t  *node;

    struct {
        const char              *kind;
        const ihanoi_jwt_str_t  *value;
    } looks[3];

    sh = ngx_http_ihanoi_auth_shared(&shpool);

    if (sh == NULL) {
        return wanted ? NGX_ABORT : NGX_OK;
    }

    if (wanted
        && (sh->deny.state != NGX_HTTP_IHANOI_AUTH_DENY_LOADED
            || ngx_http_ihanoi_auth_deny_lacks(&sh->deny)))
    {
        return NGX_ABORT;
    }

    if (sh->deny.entries == 0) {
        return NGX_OK;
    }

    looks[0].kind = "jti";
    looks[0].value = &claims->jti;
    looks[1].kind = "sid";
    looks[1].value = &claims->sid;
    looks[2].kind = "sub";
    looks[2].value = &claims->sub;

    for (i = 0; i < 3; i++) {
        if (looks[i].value->data
            && ngx_http_ihanoi_auth_deny_digest(looks[i].kind, 3,
                                                claims->iss.data,
                                                claims->iss.len,
                                                looks[i].value->data,
                                                looks[i].value->len,
                                                digest[i])
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    rc = NGX_OK;
    now = ngx_time();

    ngx_shmtx_lock(&shpool->mutex);

    for (i = 0; i < 3; i++) {

        if (looks[i].value->data == NULL) {
            continue;
        }

        node = ngx_http_ihanoi_auth_deny_find(&sh->deny, digest[i]);

        /*
         * A denial that was lifted, or is over, waits for the sweep.  A token
         * that does not say when it was issued may be an old one.
         */

        if (node
            && node->forget_at > now
            && (node->denied_before == 0
                || claims->iat == 0
                || claims->iat < node->denied_before))
        {
            rc = NGX_DECLINED;
            break;
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return rc;
}


static ngx_int_t
ngx_http_ihanoi_auth_deny_digest(const char *kind, size_t kind_len,
    const char *iss, size_t iss_len, const char *value, size_t value_len,
    u_char *digest)
{
    ihanoi_sha256_t  *state;

    /* neither holds a NUL: JSON strings with one were refused */

    state = ihanoi_sha256_new();
    if (state == NULL) {
        return NGX_ERROR;
    }

    ihanoi_sha256_update(state, kind, kind_len);
    ihanoi_sha256_update(state, "\0", 1);
    ihanoi_sha256_update(state, iss, iss_len);
    ihanoi_sha256_update(state, "\0", 1);
    ihanoi_sha256_update(state, value, value_len);

    return ihanoi_sha256_final(state, digest) == 0 ? NGX_OK : NGX_ERROR;
}


static ngx_rbtree_key_t
ngx_http_ihanoi_auth_deny_key(u_char *digest)
{
    ngx_rbtree_key_t  key;

    ngx_memcpy(&key, digest, sizeof(ngx_rbtree_key_t));

    return key;
}


static ngx_http_ihanoi_auth_deny_node_t *
ngx_http_ihanoi_auth_deny_find(ngx_http_ihanoi_auth_deny_sh_t *deny,
    u_char *digest)
{
    ngx_rbtree_key_t                   key;
    ngx_rbtree_node_t                 *node;
    ngx_http_ihanoi_auth_deny_node_t  *dn;

    key = ngx_http_ihanoi_auth_deny_key(digest);
    node = deny->rbtree.root;

    while (node != &deny->sentinel) {

        if (key == node->key) {
            dn = (ngx_http_ihanoi_auth_deny_node_t *) node;

            if (ngx_memcmp(digest, dn->digest, IHANOI_SHA256_LEN) == 0) {
                return dn;
            }
        }

        node = (key < node->key) ? node->left : node->right;
    }

    return NULL;
}
