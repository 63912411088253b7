/*
 * Copyright (C) iHaNoi contributors
 *
 * SHA-256, HMAC-SHA-256, random bytes, hex, and comparison in constant time.
 */

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "ihanoi_digest.h"


struct ihanoi_sha256_s {
    EVP_MD_CTX  *ctx;
    int          failed;
};


/*
 * Fetching an algorithm by name costs more than digesting a token, so it is
 * done once.
 */
static EVP_MD *ihanoi_digest_md;
static int     ihanoi_digest_users;


static int ihanoi_digest_fetch(void);
static void ihanoi_sha256_free(ihanoi_sha256_t *state);


int
ihanoi_digest_init(void)
{
    if (ihanoi_digest_fetch() != 0) {
        return -1;
    }

    __atomic_add_fetch(&ihanoi_digest_users, 1, __ATOMIC_ACQ_REL);

    return 0;
}


void
ihanoi_digest_done(void)
{
    if (__atomic_sub_fetch(&ihanoi_digest_users, 1, __ATOMIC_ACQ_REL) == 0) {
        EVP_MD_free(__atomic_exchange_n(&ihanoi_digest_md, NULL,
                                        __ATOMIC_ACQ_REL));
    }
}


static int
ihanoi_digest_fetch(void)
{
    EVP_MD  *md, *expected;

    if (__atomic_load_n(&ihanoi_digest_md, __ATOMIC_ACQUIRE) != NULL) {
        return 0;
    }

    md = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (md == NULL) {
        ERR_clear_error();
        return -1;
    }

    expected = NULL;

    if (!__atomic_compare_exchange_n(&ihanoi_digest_md, &expected, md, 0,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    {
        /* another thread was first */
        EVP_MD_free(md);
    }

    return 0;
}


int
ihanoi_sha256(const void *data, size_t len,
    unsigned char out[IHANOI_SHA256_LEN])
{
    if (ihanoi_digest_fetch() != 0) {
        return -1;
    }

    if (EVP_Digest(data, len, out, NULL, ihanoi_digest_md, NULL) != 1) {
        ERR_clear_error();
        return -1;
    }

    return 0;
}


ihanoi_sha256_t *
ihanoi_sha256_new(void)
{
    ihanoi_sha256_t  *state;

    if (ihanoi_digest_fetch() != 0) {
        return NULL;
    }

    state = OPENSSL_malloc(sizeof(ihanoi_sha256_t));
    if (state == NULL) {
        ERR_clear_error();
        return NULL;
    }

    state->failed = 0;
    state->ctx = EVP_MD_CTX_new();

    if (state->ctx == NULL
        || EVP_DigestInit_ex(state->ctx, ihanoi_digest_md, NULL) != 1)
    {
        ERR_clear_error();
        ihanoi_sha256_free(state);
        return NULL;
    }

    return state;
}


void
ihanoi_sha256_update(ihanoi_sha256_t *state, const void *data, size_t len)
{
    if (EVP_DigestUpdate(state->ctx, data, len) != 1) {
        ERR_clear_error();
        state->failed = 1;
    }
}


int
ihanoi_sha256_final(ihanoi_sha256_t *state,
    unsigned char out[IHANOI_SHA256_LEN])
{
    int  failed;

    failed = state->failed;

    if (EVP_DigestFinal_ex(state->ctx, out, NULL) != 1) {
        ERR_clear_error();
        failed = 1;
    }

    ihanoi_sha256_free(state);

    return failed ? -1 : 0;
}


static void
ihanoi_sha256_free(ihanoi_sha256_t *state)
{
    EVP_MD_CTX_free(state->ctx);
    OPENSSL_free(state);
}


int
ihanoi_hmac_sha256(const void *key, size_t keylen, const void *data,
    size_t len, unsigned char out[IHANOI_SHA256_LEN])
{
    size_t           i;
    ihanoi_sha256_t  *state;
    unsigned char    block[64], inner[IHANOI_SHA256_LEN];
    int              rc;

    /* two digests: the EVP_MAC interface would fetch by name on every call */

    memset(block, 0, sizeof(block));

    if (keylen > sizeof(block)) {
        if (ihanoi_sha256(key, keylen, block) != 0) {
            return -1;
        }

    } else if (keylen) {
        memcpy(block, key, keylen);
    }

    for (i = 0; i < sizeof(block); i++) {
        block[i] ^= 0x36;
    }

    rc = -1;

    state = ihanoi_sha256_new();
    if (state == NULL) {
        goto done;
    }

    ihanoi_sha256_update(state, block, sizeof(block));
    ihanoi_sha256_update(state, data, len);

    if (ihanoi_sha256_final(state, inner) != 0) {
        goto done;
    }

    for (i = 0; i < sizeof(block); i++) {
        block[i] ^= 0x36 ^ 0x5c;
    }

    state = ihanoi_sha256_new();
    if (state == NULL) {
        goto done;
    }

    ihanoi_sha256_update(state, block, sizeof(block));
    ihanoi_sha256_update(state, inner, sizeof(inner));

    rc = ihanoi_sha256_final(state, out);

done:

    OPENSSL_cleanse(block, sizeof(block));

    return rc;
}


int
ihanoi_random(void *out, size_t len)
{
    if (RAND_bytes(out, (int) len) != 1) {
        ERR_clear_error();
        return -1;
    }

    return 0;
}


void
ihanoi_hex(const void *data, size_t len, char *out)
{
    const unsigned char  *p, *last;
    static const char     digits[] = "0123456789abcdef";

    p = data;
    last = p + len;

    while (p < last) {
        *out++ = digits[*p >> 4];
        *out++ = digits[*p++ & 0xf];
    }
}


int
ihanoi_secret_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}
