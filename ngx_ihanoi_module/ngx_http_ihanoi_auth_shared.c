/*
 * Copyright (C) iHaNoi contributors
 *
 * What authentication keeps in the shared zone.
 */

#include "ngx_http_ihanoi_auth_shared.h"
#include "ngx_http_ihanoi_zone.h"


static ngx_int_t ngx_http_ihanoi_auth_shared_init_zone(
    ngx_slab_pool_t *shpool, void **root, void *data, ngx_log_t *log);
static void ngx_http_ihanoi_auth_shared_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);


static const char  ngx_http_ihanoi_auth_shared_name[] = "auth";


ngx_int_t
ngx_http_ihanoi_auth_shared_init(ngx_conf_t *cf)
{
    return ngx_http_ihanoi_zone_add(cf, ngx_http_ihanoi_auth_shared_name,
                                    sizeof(ngx_http_ihanoi_auth_shared_t),
                                    ngx_http_ihanoi_auth_shared_init_zone,
                                    NULL);
}


static ngx_int_t
ngx_http_ihanoi_auth_shared_init_zone(ngx_slab_pool_t *shpool, void **root,
    void *data, ngx_log_t *log)
{
    ngx_http_ihanoi_auth_shared_t  *sh;

    if (*root) {
        return NGX_OK;
    }

    sh = ngx_slab_calloc(shpool, sizeof(ngx_http_ihanoi_auth_shared_t));
    if (sh == NULL) {
        return NGX_ABORT;
    }

    ngx_rbtree_init(&sh->deny.rbtree, &sh->deny.sentinel,
                    ngx_http_ihanoi_auth_shared_insert);

    ngx_queue_init(&sh->texts);

    if (ihanoi_random(sh->subject_key, sizeof(sh->subject_key)) != 0) {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "no random bytes to be had");
        return NGX_ERROR;
    }

    *root = sh;

    return NGX_OK;
}


/* Keys are parts of digests: equal ones are as good as never there. */

static void
ngx_http_ihanoi_auth_shared_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t  **p;

    for ( ;; ) {
        p = (node->key < temp->key) ? &temp->left : &temp->right;

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


ngx_http_ihanoi_auth_shared_t *
ngx_http_ihanoi_auth_shared(ngx_slab_pool_t **shpool)
{
    void                                   **root;
    static ngx_slab_pool_t                  *pool;
    static volatile ngx_cycle_t             *cycle;
    static ngx_http_ihanoi_auth_shared_t    *sh;

    /* asked by every request: looked up once for a configuration */

    if (cycle != ngx_cycle || sh == NULL) {

        cycle = ngx_cycle;
        sh = NULL;

        pool = ngx_http_ihanoi_zone_pool();

        if (pool) {
            root = ngx_http_ihanoi_zone_root(ngx_http_ihanoi_auth_shared_name);
            sh = root ? *root : NULL;
        }
    }

    *shpool = pool;

    return sh;
}


ngx_http_ihanoi_auth_text_t *
ngx_http_ihanoi_auth_text(ngx_str_t *name)
{
    ngx_queue_t                    *q;
    ngx_slab_pool_t                *shpool;
    ngx_http_ihanoi_auth_text_t    *record;
    ngx_http_ihanoi_auth_shared_t  *sh;

    sh = ngx_http_ihanoi_auth_shared(&shpool);
    if (sh == NULL) {
        return NULL;
    }

    ngx_shmtx_lock(&shpool->mutex);

    for (q = ngx_queue_head(&sh->texts);
         q != ngx_queue_sentinel(&sh->texts);
         q = ngx_queue_next(q))
    {
        record = ngx_queue_data(q, ngx_http_ihanoi_auth_text_t, queue);

        if (record->name_len == name->len
            && ngx_memcmp(record->name, name->data, name->len) == 0)
        {
            goto done;
        }
    }

    record = ngx_slab_calloc_locked(shpool,
                      offsetof(ngx_http_ihanoi_auth_text_t, name) + name->len);

    if (record) {
        record->name_len = name->len;
        ngx_memcpy(record->name, name->data, name->len);
        ngx_queue_insert_tail(&sh->texts, &record->queue);
    }

done:

    ngx_shmtx_unlock(&shpool->mutex);

    return record;
}


void
ngx_http_ihanoi_auth_text_store(ngx_http_ihanoi_auth_text_t *record,
    ngx_str_t *text)
{
    u_char           *p;
    ngx_slab_pool_t  *shpool;

    if (record == NULL || ngx_http_ihanoi_auth_shared(&shpool) == NULL) {
        return;
    }

    ngx_shmtx_lock(&shpool->mutex);

    if (record->text && record->len == text->len
        && ngx_memcmp(record->text, text->data, text->len) == 0)
    {
        /* the same generation, known to be good for longer */
        record->fetched = ngx_time();
        ngx_shmtx_unlock(&shpool->mutex);
        return;
    }

    p = ngx_slab_alloc_locked(shpool, text->len);

    if (p) {
        ngx_memcpy(p, text->data, text->len);

        if (record->text) {
            ngx_slab_free_locked(shpool, record->text);
        }

        record->text = p;
        record->len = text->len;
        record->fetched = ngx_time();

        ngx_memory_barrier();
        record->generation++;
    }

    ngx_shmtx_unlock(&shpool->mutex);

    if (p == NULL) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "no room for a key set in the zone \"ihanoi\"");
    }
}


ngx_int_t
ngx_http_ihanoi_auth_text_load(ngx_http_ihanoi_auth_text_t *record,
    ngx_str_t *text, ngx_atomic_uint_t *generation, time_t *fetched)
{
    ngx_slab_pool_t  *shpool;

    if (record == NULL || record->generation == 0
        || ngx_http_ihanoi_auth_shared(&shpool) == NULL)
    {
        return NGX_DECLINED;
    }

    ngx_shmtx_lock(&shpool->mutex);

    /* malloc under the lock: once for each new set, 64 KB at most */

    text->len = record->len;
    text->data = ngx_alloc(record->len, ngx_cycle->log);

    if (text->data) {
        ngx_memcpy(text->data, record->text, record->len);
        *generation = record->generation;
        *fetched = record->fetched;
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return text->data ? NGX_OK : NGX_ERROR;
}
