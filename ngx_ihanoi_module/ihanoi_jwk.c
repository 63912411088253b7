/*
 * Copyright (C) iHaNoi contributors
 *
 * Sets of JSON Web Keys, and verification with one of them.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "ihanoi_jansson.h"
#include "ihanoi_jwk.h"


/*
 * Bits of all RSA moduli of a set that are checked anew: the check blocks the
 * worker, about 5 ms for each 2048 bits, and more than linearly above.
 */
#define IHANOI_JWKS_MAX_RSA_BITS  65536

#define IHANOI_EC_MAX_FIELD       66

/* From 3.5 on OpenSSL says so for those who refuse a signature and say nothing. */
#ifndef EVP_R_PROVIDER_SIGNATURE_FAILURE
#define EVP_R_PROVIDER_SIGNATURE_FAILURE  234
#endif


struct ihanoi_jwks_s {
    unsigned          n;
    unsigned          partial:1;
    ihanoi_jwk_t      keys[];
};


static ihanoi_jwk_e ihanoi_jwks_fill(ihanoi_jwks_t *set, const json_t *keys,
    const ihanoi_jwks_options_t *options, char *error);
static int ihanoi_jwks_together(const ihanoi_jwks_t *set,
    const ihanoi_jwks_options_t *options, char *error);
static int ihanoi_jwk_refuted(void);
static size_t ihanoi_ecdsa_der(unsigned char *der, const unsigned char *raw,
    size_t size);


ihanoi_jwks_t *
ihanoi_jwks_parse(const char *text, size_t len,
    const ihanoi_jwks_options_t *options, char *error)
{
    size_t          n;
    json_t         *json, *keys;
    unsigned        memory;
    json_error_t    jerr;
    ihanoi_jwk_e    rc;
    ihanoi_jwks_t  *set;

    set = NULL;
    memory = 0;
    errno = EINVAL;

    if (len > IHANOI_JWKS_MAX_SIZE) {
        snprintf(error, 256, "larger than %d bytes", IHANOI_JWKS_MAX_SIZE);
        return NULL;
    }

    json = ihanoi_jansson_read(text, len, JSON_REJECT_DUPLICATES, &jerr);
    if (json == NULL) {
        snprintf(error, 256, "not JSON: line %d: %.200s", jerr.line,
                 jerr.text);
        return NULL;
    }

    keys = json_object_get(json, "keys");
    if (!json_is_array(keys)) {
        snprintf(error, 256, "no member \"keys\" that is an array");
        goto failed;
    }

    n = json_array_size(keys);
    if (n > IHANOI_JWKS_MAX_KEYS) {
        snprintf(error, 256, "more than %d keys", IHANOI_JWKS_MAX_KEYS);
        goto failed;
    }

    set = calloc(1, sizeof(ihanoi_jwks_t) + n * sizeof(ihanoi_jwk_t));
    if (set == NULL) {
        goto memory;
    }

    rc = ihanoi_jwks_fill(set, keys, options, error);

    if (rc == IHANOI_JWK_MEMORY) {
        goto memory;
    }

    if (rc != IHANOI_JWK_OK) {
        goto failed;
    }

    if (ihanoi_jwks_together(set, options, error) != 0) {
        goto failed;
    }

    json_decref(json);

    /* OpenSSL also notes failures that it got over by itself */
    ERR_clear_error();

    return set;

memory:

    memory = 1;
    snprintf(error, 256, "out of memory");

failed:

    json_decref(json);
    ihanoi_jwks_free(set);
    ERR_clear_error();

    errno = memory ? ENOMEM : EINVAL;

    return NULL;
}


/*
 * Loads the keys that can be used, and notes the others.  IHANOI_JWK_FAULTY, with
 * error: one of a set that the operator has written is wrong.
 */

static ihanoi_jwk_e
ihanoi_jwks_fill(ihanoi_jwks_t *set, const json_t *keys,
    const ihanoi_jwks_options_t *options, char *error)
{
    char                note[256];
    size_t              i;
    ihanoi_jwk_e        rc;
    ihanoi_jwk_t       *key;
    ihanoi_jwk_load_t   load;

    memset(&load, 0, sizeof(load));

    load.algorithms = options->algorithms;
    load.nalgorithms = options->nalgorithms;
    load.max_rsa_bits = options->remote ? IHANOI_JWKS_MAX_RSA_BITS : 0;

    if (options->previous) {
        load.previous = options->previous->keys;
        load.nprevious = options->previous->n;
    }

    for (i = 0; i < json_array_size(keys); i++) {
        key = &set->keys[set->n];
        load.reason[0] = '\0';

        rc = ihanoi_jwk_load(&load, key, json_array_get(keys, i));

        if (rc == IHANOI_JWK_OK) {
            set->n++;
            continue;
        }

        ihanoi_jwk_free(key);

        if (rc == IHANOI_JWK_MEMORY) {
            return rc;
        }

        memset(key, 0, sizeof(ihanoi_jwk_t));

        snprintf(note, sizeof(note), "key %u: %s", (unsigned) i + 1,
                 load.reason);

        if (rc == IHANOI_JWK_FAULTY && !options->remote) {
            snprintf(error, 256, "%.255s", note);
            return rc;
        }

        if (options->note) {
            options->note(options->ctx, note);
        }
    }

    /* no progress, no use in another try: faulty keys are checked each time */

    set->partial = (load.postponed && load.rsa_new);

    return IHANOI_JWK_OK;
}


/*
 * Which of two keys with one kid is meant cannot be known, and with secrets
 * beside public keys a mix-up of algorithms is one mistake away.
 */

static int
ihanoi_jwks_together(const ihanoi_jwks_t *set,
    const ihanoi_jwks_options_t *options, char *error)
{
    unsigned             i, k, secrets;
    const ihanoi_jwk_t  *key;

    secrets = 0;

    for (i = 0; i < set->n; i++) {
        key = &set->keys[i];
        secrets += (key->pkey == NULL);

        for (k = i + 1; k < set->n; k++) {
            if (key->kid && set->keys[k].kid
                && key->kid_len == set->keys[k].kid_len
                && memcmp(key->kid, set->keys[k].kid, key->kid_len) == 0)
            {
                snprintf(error, 256, "two keys have one \"kid\"");
                return -1;
            }
        }
    }

    if (options->remote && secrets && secrets != set->n) {
        snprintf(error, 256, "secrets and public keys in one set");
        return -1;
    }

    if (set->n == 0) {
        snprintf(error, 256, "no usable key");
        return -1;
    }

    return 0;
}


void
ihanoi_jwks_free(ihanoi_jwks_t *set)
{
    unsigned  i;

    if (set == NULL) {
        return;
    }

    for (i = 0; i < set->n; i++) {
        ihanoi_jwk_free(&set->keys[i]);
    }

    free(set);
}


int
ihanoi_jwks_partial(const ihanoi_jwks_t *set)
{
    return set->partial;
}


unsigned
ihanoi_jwks_count(const ihanoi_jwks_t *set)
{
    return set->n;
}


const ihanoi_jwk_t *
ihanoi_jwks_key(const ihanoi_jwks_t *set, unsigned i)
{
    return &set->keys[i];
}


const ihanoi_jwk_t *
ihanoi_jwks_find(const ihanoi_jwks_t *set, const char *kid, size_t len)
{
    unsigned             i;
    const ihanoi_jwk_t  *key;

    for (i = 0; i < set->n; i++) {
        key = &set->keys[i];

        if (key->kid && key->kid_len == len && memcmp(key->kid, kid, len) == 0)
        {
            return key;
        }
    }

    return NULL;
}


int
ihanoi_jwk_verify(const ihanoi_jwk_t *key, const void *data, size_t len,
    const unsigned char *signature, size_t siglen)
{
    int            rc;
    size_t         n;
    EVP_MD_CTX    *ctx;
    EVP_MAC_CTX   *mac;
    unsigned char  out[EVP_MAX_MD_SIZE];
    unsigned char  der[2 * IHANOI_EC_MAX_FIELD + 16];

    rc = -1;

    if (key->mac) {
        if (siglen != key->size) {
            return 0;
        }

        mac = EVP_MAC_CTX_dup(key->mac);

        if (mac
            && EVP_MAC_update(mac, data, len) == 1
            && EVP_MAC_final(mac, out, &n, sizeof(out)) == 1
            && n == key->size)
        {
            rc = CRYPTO_memcmp(out, signature, n) == 0;
        }

        EVP_MAC_CTX_free(mac);
        ERR_clear_error();

        return rc;
    }

    if (key->ec) {

        /* RFC 7518 3.4: r and s, each of the field's size, not DER */

        if (siglen != 2 * key->size) {
            return 0;
        }

        siglen = ihanoi_ecdsa_der(der, signature, key->size);
        signature = der;

    } else if (siglen != key->size) {
        return 0;
    }

    ctx = EVP_MD_CTX_new();

    if (ctx && EVP_MD_CTX_copy_ex(ctx, key->verify) == 1) {

        /* the copy is for one signature: OpenSSL needs none of it */
        EVP_MD_CTX_set_flags(ctx, EVP_MD_CTX_FLAG_FINALISE);

        /* others leave theirs, too, and what follows is asked for its own */
        ERR_clear_error();

        rc = EVP_DigestVerify(ctx, signature, siglen, data, len) == 1;

        if (rc == 0 && !ihanoi_jwk_refuted()) {
            rc = -1;
        }
    }

    EVP_MD_CTX_free(ctx);

    /* a refusal leaves errors behind, nginx would blame them on somebody */
    ERR_clear_error();

    return rc;
}


/*
 * Whether a signature that was not verified is a wrong one: those who look at it
 * say so, or nobody says anything.
 */

static int
ihanoi_jwk_refuted(void)
{
    int            silent, refuted;
    unsigned long  e;

    silent = 1;
    refuted = 0;

    while ((e = ERR_get_error()) != 0) {

        if (ERR_GET_LIB(e) == ERR_LIB_EVP
            && ERR_GET_REASON(e) == EVP_R_PROVIDER_SIGNATURE_FAILURE)
        {
            continue;
        }

        silent = 0;

        if (ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE) {
            return 0;
        }

        if (ERR_GET_LIB(e) == ERR_LIB_RSA || ERR_GET_LIB(e) == ERR_LIB_EC) {
            refuted = 1;
        }
    }

    return silent || refuted;
}


/*
 * Writes ECDSA-Sig-Value (RFC 3279 2.2.3) of r and s, size bytes each, and
 * returns its length.  Zero and values above the order are OpenSSL's to refuse.
 */

static size_t
ihanoi_ecdsa_der(unsigned char *der, const unsigned char *raw, size_t size)
{
    int                   i;
    size_t                len;
    unsigned char        *p, *body;
    const unsigned char  *v, *end;
    unsigned char         integers[2 * IHANOI_EC_MAX_FIELD + 8];

    body = integers;

    for (i = 0; i < 2; i++) {
        v = raw + i * size;
        end = v + size;

        while (v < end - 1 && *v == 0) {
            v++;
        }

        len = (size_t) (end - v);

        *body++ = 0x02;
        *body++ = (unsigned char) (len + (*v >> 7));

        if (*v & 0x80) {
            *body++ = 0;
        }

        memcpy(body, v, len);
        body += len;
    }

    len = (size_t) (body - integers);
    p = der;

    *p++ = 0x30;

    if (len > 127) {
        *p++ = 0x81;
    }

    *p++ = (unsigned char) len;

    memcpy(p, integers, len);

    return (size_t) (p - der) + len;
}
