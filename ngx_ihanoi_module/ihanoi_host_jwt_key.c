/*
 * Copyright (C) iHaNoi contributors
 *
 * Keys of plugins for tokens.
 *
 * For verification a key is written as a JWK and loaded as any other: what is
 * checked there (curves, sizes, points of small order) is checked here, too.
 */

#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "ihanoi_base64.h"
#include "ihanoi_host_jwt_key.h"


#define IHANOI_JWT_KEY_JSON     4096
#define IHANOI_JWT_KEY_MEMBER   1024      /* bytes: n of RSA-8192, a secret */
#define IHANOI_JWT_KEY_SECRET   1024


typedef struct {
    const char               *crv;
    const char               *group;     /* OpenSSL's name */
    size_t                    size;      /* of a coordinate */
} ihanoi_jwt_curve_t;


static EVP_PKEY *ihanoi_jwt_key_read(const char *key, size_t keylen,
    int private);
static int ihanoi_jwt_key_passphrase(char *buf, int size, int rwflag,
    void *data);
static const char *ihanoi_jwt_key_fits(ihanoi_alg_e alg, EVP_PKEY *pkey);
static const char *ihanoi_jwt_key_sign(ihanoi_alg_e alg, EVP_PKEY *pkey,
    const char *input, size_t len, unsigned char *sig, size_t *siglen);
static int ihanoi_jwt_key_raw(unsigned char *sig, size_t *siglen,
    size_t size);
static int ihanoi_jwt_key_json(ihanoi_alg_e alg, EVP_PKEY *pkey, char *json);
static int ihanoi_jwt_key_number(EVP_PKEY *pkey, const char *param,
    size_t size, char *out);


static const ihanoi_jwt_curve_t  ihanoi_jwt_curves[] = {
    { "P-256", "prime256v1", 32 },
    { "P-384", "secp384r1",  48 },
    { "P-521", "secp521r1",  66 },
    { NULL, NULL, 0 }
};


static const ihanoi_jwt_curve_t *
ihanoi_jwt_key_curve(const char *crv)
{
    const ihanoi_jwt_curve_t  *curve;

    for (curve = ihanoi_jwt_curves; strcmp(curve->crv, crv) != 0; curve++) {
        /* void */
    }

    return curve;
}


const char *
ihanoi_host_jwt_sign_input(ihanoi_alg_e alg, const char *key, size_t keylen,
    const char *input, size_t len, unsigned char *sig, size_t *siglen)
{
    EVP_PKEY    *pkey;
    const char  *reason;

    if (ihanoi_algs[alg].kty == IHANOI_KTY_OCT) {

        if (keylen < ihanoi_algs[alg].md_len) {
            return "the secret is shorter than the digest of \"alg\"";
        }

        if (keylen > IHANOI_JWT_KEY_SECRET) {
            return "the secret is longer than 1024 bytes";
        }

        if (EVP_Q_mac(NULL, "HMAC", NULL, ihanoi_algs[alg].md, NULL, key,
                      keylen, (const unsigned char *) input, len, sig,
                      IHANOI_HOST_JWT_MAX_SIGNATURE, siglen)
            == NULL)
        {
            ERR_clear_error();
            return "out of memory";
        }

        return NULL;
    }

    pkey = ihanoi_jwt_key_read(key, keylen, 1);
    if (pkey == NULL) {
        return "the key is not a private key in PEM without a passphrase";
    }

    reason = ihanoi_jwt_key_fits(alg, pkey);

    if (reason == NULL) {
        reason = ihanoi_jwt_key_sign(alg, pkey, input, len, sig, siglen);
    }

    EVP_PKEY_free(pkey);
    ERR_clear_error();

    return reason;
}


static EVP_PKEY *
ihanoi_jwt_key_read(const char *key, size_t keylen, int private)
{
    BIO       *bio;
    EVP_PKEY  *pkey;

    if (keylen > IHANOI_HOST_JWT_MAX_KEY) {
        return NULL;
    }

    bio = BIO_new_mem_buf(key, (int) keylen);
    if (bio == NULL) {
        ERR_clear_error();
        return NULL;
    }

    pkey = private
           ? PEM_read_bio_PrivateKey(bio, NULL, ihanoi_jwt_key_passphrase, NULL)
           : PEM_read_bio_PUBKEY(bio, NULL, ihanoi_jwt_key_passphrase, NULL);

    BIO_free(bio);
    ERR_clear_error();

    return pkey;
}


/* OpenSSL's own would ask on the terminal. */

static int
ihanoi_jwt_key_passphrase(char *buf, int size, int rwflag, void *data)
{
    return -1;
}


static const char *
ihanoi_jwt_key_fits(ihanoi_alg_e alg, EVP_PKEY *pkey)
{
    char    group[64];
    int     bits;
    size_t  n;

    switch (ihanoi_algs[alg].kty) {

    case IHANOI_KTY_RSA:

        if (!EVP_PKEY_is_a(pkey, "RSA")) {
            break;
        }

        bits = EVP_PKEY_get_bits(pkey);

        if (bits < IHANOI_RSA_MIN_BITS) {
            return "the RSA key has less than 2048 bits";
        }

        if (bits > IHANOI_HOST_JWT_MAX_BITS) {
            return "the RSA key has more than 4096 bits";
        }

        return NULL;

    case IHANOI_KTY_EC:

        if (EVP_PKEY_is_a(pkey, "EC")
            && EVP_PKEY_get_group_name(pkey, group, sizeof(group), &n) == 1
            && strcmp(group, ihanoi_jwt_key_curve(ihanoi_algs[alg].crv)->group)
               == 0)
        {
            return NULL;
        }

        break;

    default: /* IHANOI_KTY_OKP */

        if (EVP_PKEY_is_a(pkey, "ED25519") || EVP_PKEY_is_a(pkey, "ED448")) {
            return NULL;
        }

        break;
    }

    return "the key's type or curve is not that of \"alg\"";
}


static const char *
ihanoi_jwt_key_sign(ihanoi_alg_e alg, EVP_PKEY *pkey, const char *input,
    size_t len, unsigned char *sig, size_t *siglen)
{
    int            ok;
    EVP_MD_CTX    *ctx;
    EVP_PKEY_CTX  *pctx;

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return "out of memory";
    }

    *siglen = IHANOI_HOST_JWT_MAX_SIGNATURE;

    ok = EVP_DigestSignInit_ex(ctx, &pctx, ihanoi_algs[alg].md, NULL, NULL,
                               pkey, NULL) == 1;

    if (ok && ihanoi_algs[alg].pss) {
        ok = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1
             && EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST)
                == 1;
    }

    ok = ok && EVP_DigestSign(ctx, sig, siglen, (const unsigned char *) input,
                              len) == 1;

    EVP_MD_CTX_free(ctx);

    if (ok && ihanoi_algs[alg].kty == IHANOI_KTY_EC) {
        ok = ihanoi_jwt_key_raw(sig, siglen,
                         ihanoi_jwt_key_curve(ihanoi_algs[alg].crv)->size);
    }

    return ok ? NULL : "the key could not sign";
}


/* RFC 7518 3.4: the two numbers, not their DER. */

static int
ihanoi_jwt_key_raw(unsigned char *sig, size_t *siglen, size_t size)
{
    int                   ok;
    ECDSA_SIG            *ecdsa;
    const unsigned char  *p;

    p = sig;

    ecdsa = d2i_ECDSA_SIG(NULL, &p, (long) *siglen);
    if (ecdsa == NULL) {
        return 0;
    }

    ok = BN_bn2binpad(ECDSA_SIG_get0_r(ecdsa), sig, (int) size) == (int) size
         && BN_bn2binpad(ECDSA_SIG_get0_s(ecdsa), sig + size, (int) size)
            == (int) size;

    ECDSA_SIG_free(ecdsa);

    *siglen = 2 * size;

    return ok;
}


ihanoi_jwks_t *
ihanoi_host_jwt_keys(ihanoi_alg_e alg, const char *key, size_t keylen,
    int *named, char *error)
{
    int                     ok;
    char                    json[IHANOI_JWT_KEY_JSON];
    char                    secret[IHANOI_JWT_KEY_SECRET / 3 * 4 + 8];
    size_t                  n;
    EVP_PKEY               *pkey;
    ihanoi_jwks_t          *set;
    ihanoi_jwks_options_t   options;

    memset(&options, 0, sizeof(ihanoi_jwks_options_t));
    options.algorithms = &alg;
    options.nalgorithms = 1;

    *named = 0;

    if (ihanoi_algs[alg].kty == IHANOI_KTY_OCT) {

        if (keylen > IHANOI_JWT_KEY_SECRET) {
            snprintf(error, 256, "the secret is longer than 1024 bytes");
            return NULL;
        }

        n = ihanoi_base64url_encode(secret, (const unsigned char *) key,
                                    keylen);

        n = (size_t) snprintf(json, sizeof(json),
                              "{\"keys\":[{\"kty\":\"oct\",\"alg\":\"%s\","
                              "\"k\":\"%.*s\"}]}",
                              ihanoi_algs[alg].name, (int) n, secret);

        set = ihanoi_jwks_parse(json, n, &options, error);

        OPENSSL_cleanse(secret, sizeof(secret));
        OPENSSL_cleanse(json, sizeof(json));

        return set;
    }

    if (keylen && key[0] == '{') {

        /* most likely it came over the network */

        *named = 1;
        options.remote = 1;

        return ihanoi_jwks_parse(key, keylen, &options, error);
    }

    pkey = ihanoi_jwt_key_read(key, keylen, 0);
    if (pkey == NULL) {
        snprintf(error, 256, "the key is neither a public key in PEM nor a "
                             "set of keys in JSON");
        return NULL;
    }

    ok = ihanoi_jwt_key_json(alg, pkey, json);

    EVP_PKEY_free(pkey);
    ERR_clear_error();

    if (!ok) {
        snprintf(error, 256, "the key's type or curve is not that of "
                             "\"alg\"");
        return NULL;
    }

    return ihanoi_jwks_parse(json, strlen(json), &options, error);
}


/* The public key as a set of one; 0: it is not for that algorithm. */

static int
ihanoi_jwt_key_json(ihanoi_alg_e alg, EVP_PKEY *pkey, char *json)
{
    char                       x[IHANOI_JWT_KEY_MEMBER / 3 * 4 + 8];
    char                       y[IHANOI_JWT_KEY_MEMBER / 3 * 4 + 8];
    size_t                     n;
    const char                *name;
    unsigned char              raw[64];
    const ihanoi_jwt_curve_t  *curve;

    name = ihanoi_algs[alg].name;

    switch (ihanoi_algs[alg].kty) {

    case IHANOI_KTY_RSA:

        if (!EVP_PKEY_is_a(pkey, "RSA")
            || !ihanoi_jwt_key_number(pkey, OSSL_PKEY_PARAM_RSA_N, 0, x)
            || !ihanoi_jwt_key_number(pkey, OSSL_PKEY_PARAM_RSA_E, 0, y))
        {
            return 0;
        }

        snprintf(json, IHANOI_JWT_KEY_JSON,
                 "{\"keys\":[{\"kty\":\"RSA\",\"alg\":\"%s\",\"n\":\"%s\","
                 "\"e\":\"%s\"}]}", name, x, y);

        return 1;

    case IHANOI_KTY_EC:

        curve = ihanoi_jwt_key_curve(ihanoi_algs[alg].crv);

        if (ihanoi_jwt_key_fits(alg, pkey) != NULL
            || !ihanoi_jwt_key_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X,
                                      curve->size, x)
            || !ihanoi_jwt_key_number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y,
                                      curve->size, y))
        {
            return 0;
        }

        snprintf(json, IHANOI_JWT_KEY_JSON,
                 "{\"keys\":[{\"kty\":\"EC\",\"alg\":\"%s\",\"crv\":\"%s\","
                 "\"x\":\"%s\",\"y\":\"%s\"}]}", name, curve->crv, x, y);

        return 1;

    default: /* IHANOI_KTY_OKP */

        n = sizeof(raw);

        if (ihanoi_jwt_key_fits(alg, pkey) != NULL
            || EVP_PKEY_get_raw_public_key(pkey, raw, &n) != 1)
        {
            return 0;
        }

        x[ihanoi_base64url_encode(x, raw, n)] = '\0';

        snprintf(json, IHANOI_JWT_KEY_JSON,
                 "{\"keys\":[{\"kty\":\"OKP\",\"alg\":\"%s\",\"crv\":\"%s\","
                 "\"x\":\"%s\"}]}", name,
                 EVP_PKEY_is_a(pkey, "ED25519") ? "Ed25519" : "Ed448", x);

        return 1;
    }
}


/* In base64url, of size bytes; 0: as many as it has. */

static int
ihanoi_jwt_key_number(EVP_PKEY *pkey, const char *param, size_t size,
    char *out)
{
    BIGNUM         *number;
    unsigned char   bytes[IHANOI_JWT_KEY_MEMBER];

    number = NULL;

    if (EVP_PKEY_get_bn_param(pkey, param, &number) != 1) {
        return 0;
    }

    if (size == 0) {
        size = (size_t) BN_num_bytes(number);
    }

    if (size > sizeof(bytes)
        || BN_bn2binpad(number, bytes, (int) size) != (int) size)
    {
        BN_free(number);
        return 0;
    }

    BN_free(number);

    out[ihanoi_base64url_encode(out, bytes, size)] = '\0';

    return 1;
}
