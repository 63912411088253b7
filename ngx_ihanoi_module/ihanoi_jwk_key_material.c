/*
 * Copyright (C) iHaNoi contributors
 *
 * The material of one JSON Web Key.
 *
 * OpenSSL builds keys that nobody should trust without complaint (RSA with
 * e = 1 verifies forgeries, 512 bits pass its own check), so the limits that
 * matter are checked here, on top of EVP_PKEY_public_check().
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "ihanoi_base64.h"
#include "ihanoi_jwk_key.h"
#include "ihanoi_jwk_key_material.h"


#define IHANOI_EC_MAX_FIELD       66
#define IHANOI_OKP_MAX_KEY        57
#define IHANOI_HMAC_MAX_SECRET    1024


const ihanoi_crv_t ihanoi_crvs[] = {
    { "P-256",   IHANOI_KTY_EC,  "P-256",   32, 64 },
    { "P-384",   IHANOI_KTY_EC,  "P-384",   48, 96 },
    { "P-521",   IHANOI_KTY_EC,  "P-521",   66, 132 },
    { "Ed25519", IHANOI_KTY_OKP, "ED25519", 32, 64 },
    { "Ed448",   IHANOI_KTY_OKP, "ED448",   57, 114 },
    { NULL,      IHANOI_KTYS,    NULL,      0,  0 }
};


/*
 * Ed25519 public keys of small order, least significant byte first, without
 * the sign: 0, 1, the two of order 8, -1, and 0 and 1 written as p and p + 1.
 * With such a key one signature can be valid for many messages, and OpenSSL
 * takes them.
 */
static const unsigned char ihanoi_ed25519_small[][32] = {
    { 0x00 },
    { 0x01 },
    { 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0,
      0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
      0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39,
      0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
    { 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f,
      0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
      0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6,
      0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },
    { 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
    { 0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
    { 0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f }
};


static ihanoi_jwk_e ihanoi_jwk_load_oct(ihanoi_jwk_load_t *load,
    ihanoi_jwk_t *key, json_t *json);
static ihanoi_jwk_e ihanoi_jwk_load_rsa(ihanoi_jwk_load_t *load,
    ihanoi_jwk_t *key, json_t *json);
static ihanoi_jwk_e ihanoi_jwk_build_rsa(ihanoi_jwk_load_t *load,
    ihanoi_jwk_t *key, const unsigned char *material, size_t nlen,
    size_t elen);
static ihanoi_jwk_e ihanoi_jwk_load_ec(ihanoi_jwk_load_t *load,
    ihanoi_jwk_t *key, json_t *json, const ihanoi_crv_t *crv);
static ihanoi_jwk_e ihanoi_jwk_load_okp(ihanoi_jwk_load_t *load,
    ihanoi_jwk_t *key, json_t *json, const ihanoi_crv_t *crv);
static ihanoi_jwk_e ihanoi_jwk_build(ihanoi_jwk_load_t *load,
    ihanoi_jwk_t *key, const char *type, OSSL_PARAM *params);
static ihanoi_jwk_e ihanoi_jwk_prepare(ihanoi_jwk_load_t *load,
    ihanoi_jwk_t *key);
static ihanoi_jwk_e ihanoi_jwk_openssl(ihanoi_jwk_load_t *load,
    const char *reason);
static ssize_t ihanoi_jwk_member(json_t *json, const char *name,
    unsigned char *out, size_t size);


ihanoi_jwk_e
ihanoi_jwk_material(ihanoi_jwk_load_t *load, ihanoi_jwk_t *key, json_t *json,
    ihanoi_kty_e kty, const ihanoi_crv_t *crv)
{
    ihanoi_jwk_e  rc;

    switch (kty) {

    case IHANOI_KTY_OCT:
        return ihanoi_jwk_load_oct(load, key, json);

    case IHANOI_KTY_RSA:
        rc = ihanoi_jwk_load_rsa(load, key, json);
        break;

    case IHANOI_KTY_EC:
        rc = ihanoi_jwk_load_ec(load, key, json, crv);
        break;

    default: /* IHANOI_KTY_OKP */
        rc = ihanoi_jwk_load_okp(load, key, json, crv);
        break;
    }

    if (rc != IHANOI_JWK_OK) {
        return rc;
    }

    return ihanoi_jwk_prepare(load, key);
}


static ihanoi_jwk_e
ihanoi_jwk_load_oct(ihanoi_jwk_load_t *load, ihanoi_jwk_t *key, json_t *json)
{
    char                 *md;
    EVP_MAC              *mac;
    ssize_t               len;
    OSSL_PARAM            params[2];
    ihanoi_jwk_e          rc;
    unsigned char         secret[IHANOI_HMAC_MAX_SECRET];
    const ihanoi_alg_t   *alg;

    alg = &ihanoi_algs[key->alg];

    len = ihanoi_jwk_member(json, "k", secret, sizeof(secret));
    if (len < 0) {
        return ihanoi_jwk_refuse(load, IHANOI_JWK_FAULTY,
                                 "\"k\" is not base64url of at most %d bytes",
                                 IHANOI_HMAC_MAX_SECRET);
    }

    /* RFC 7518 3.2: at least as long as the hash */

    if ((size_t) len < alg->md_len) {
        OPENSSL_cleanse(secret, sizeof(secret));
        return ihanoi_jwk_refuse(load, IHANOI_JWK_FAULTY,
                                 "secret is shorter than the %u bytes that %s "
                                 "needs", (unsigned) alg->md_len, alg->name);
    }

    md = (char *) alg->md;

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, md, 0);
    params[1] = OSSL_PARAM_construct_end();

    rc = IHANOI_JWK_OK;

    mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    key->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);

    if (key->mac == NULL
        || EVP_MAC_init(key->mac, secret, (size_t) len, params) != 1)
    {
        rc = ihanoi_jwk_openssl(load, "secret is not usable");
    }

    key->size = alg->md_len;

    OPENSSL_cleanse(secret, sizeof(secret));

    return rc;
}


static ihanoi_jwk_e
ihanoi_jwk_load_rsa(ihanoi_jwk_load_t *load, ihanoi_jwk_t *key, json_t *json)
{
    ssize_t              nlen, elen;
    unsigned             i;
    unsigned char        material[IHANOI_RSA_MAX_BITS / 8 + 16];
    const ihanoi_jwk_t  *previous;

    /* a place for n, and 8 bytes for e right after it */

    nlen = ihanoi_jwk_member(json, "n", material, sizeof(material) - 16);

    /* some write a leading zero byte that RFC 7518 6.3.1.1 forbids */

    for (i = 0; (ssize_t) i < nlen && material[i] == 0; i++) {
        /* void */
    }

    if (nlen > 0) {
        nlen -= i;
        memmove(material, material + i, (size_t) nlen);
    }

    if (nlen <= 0) {
        return ihanoi_jwk_refuse(load, IHANOI_JWK_FAULTY,
                                 "\"n\" is not base64url of at most %d bits",
                                 IHANOI_RSA_MAX_BITS);
    }

    elen = ihanoi_jwk_member(json, "e", material + nlen, 8);
    if (elen <= 0) {
        return ihanoi_jwk_refuse(load, IHANOI_JWK_FAULTY,
                                 "\"e\" is not base64url of at most 64 bits");
    }

    if (ihanoi_sha256(material, (size_t) (nlen + elen), key->material) != 0) {
        return IHANOI_JWK_MEMORY;
    }

    /* the length of n, which is the key's size, tells where e begins */

    for (i = 0; i < load->nprevious; i++) {
        previous = &load->previous[i];

        if (previous->pkey
            && ihanoi_algs[previous->alg].kty == IHANOI_KTY_RSA
            && previous->size == (size_t) nlen
            && memcmp(previous->material, key->material, IHANOI_SHA256_LEN)
               == 0)
        {
            EVP_PKEY_up_ref(previous->pkey);

            key->pkey = previous->pkey;
            key->size = (size_t) nlen;

            return IHANOI_JWK_OK;
        }
    }

    return ihanoi_jwk_build_rsa(load, key, material, (size_t) nlen,
                                (size_t) elen);
}


/* n and, behind it, e: a key that is not known yet. */

static ihanoi_jwk_e
ihanoi_jwk_build_rsa(ihanoi_jwk_load_t *load, ihanoi_jwk_t *key,
    const unsigned char *material, size_t nlen, size_t elen)
{
    long             bits;
    BIGNUM          *n, *e;
    OSSL_PARAM      *params;
    ihanoi_jwk_e     rc;
    OSSL_PARAM_BLD  *bld;

    bld = NULL;
    params = NULL;

    n = BN_bin2bn(material, (int) nlen, NULL);
    e = BN_bin2bn(material + nlen, (int) elen, NULL);

    if (n == NULL || e == NULL) {
        rc = IHANOI_JWK_MEMORY;
        goto done;
    }

    bits = BN_num_bits(n);

    if (bits < IHANOI_RSA_MIN_BITS) {
        rc = ihanoi_jwk_refuse(load, IHANOI_JWK_FAULTY,
                               "RSA key of %ld bits, at least %d are needed",
                               bits, IHANOI_RSA_MIN_BITS);
        goto done;
    }

    if (!BN_is_odd(n) || !BN_is_odd(e) || BN_is_one(e)) {
        rc = ihanoi_jwk_refuse(load, IHANOI_JWK_FAULTY,
                               "RSA modulus or exponent is even, or the "
                               "exponent is 1");
        goto done;
    }

    load->rsa_bits += bits;

    if (load->max_rsa_bits && load->rsa_bits > load->max_rsa_bits) {
        load->postponed = 1;
        rc = ihanoi_jwk_refuse(load, IHANOI_JWK_FAULTY,
                               "too many RSA keys to check at once");
        goto done;
    }

    bld = OSSL_PARAM_BLD_new();

    if (bld == NULL
        || OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) != 1
        || OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) != 1)
    {
        rc = IHANOI_JWK_MEMORY;
        goto done;
    }

    params = OSSL_PARAM_BLD_to_param(bld);
    if (params == NULL) {
        rc = IHANOI_JWK_MEMORY;
        goto done;
    }

    key->size = nlen;

    rc = ihanoi_jwk_build(load, key, "RSA", params);

    if (rc == IHANOI_JWK_OK) {
        load->rsa_new++;
    }

done:

    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    BN_free(n);
    BN_free(e);
    ERR_clear_error();

    return rc;
}


static ihanoi_jwk_e
ihanoi_jwk_load_ec(ihanoi_jwk_load_t *load, ihanoi_jwk_t *key, json_t *json,
    const ihanoi_crv_t *crv)
{
    ssize_t        x, y;
    OSSL_PARAM     params[3];
    unsigned char  point[1 + 2 * IHANOI_EC_MAX_FIELD];

    /* RFC 7518 6.2.1.2: always the full size of the field */

    x = ihanoi_jwk_member(json, "x", point + 1, crv->size);
    y = ihanoi_jwk_member(json, "y", point + 1 + crv->size, crv->size);

    if (x != (ssize_t) crv->size || y != (ssize_t) crv->size) {
        return ihanoi_jwk_refuse(load, IHANOI_JWK_FAULTY,
                                 "\"x\" or \"y\" is not base64url of %u bytes",
                                 (unsigned) crv->size);
    }

    point[0] = 0x04;   /* uncompressed, SEC 1 2.3.3 */

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                 (char *) crv->group, 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                  point, 1 + 2 * crv->size);
    params[2] = OSSL_PARAM_construct_end();

    key->size = crv->size;
    key->ec = 1;

    return ihanoi_jwk_build(load, key, "EC", params);
}


static ihanoi_jwk_e
ihanoi_jwk_load_okp(ihanoi_jwk_load_t *load, ihanoi_jwk_t *key, json_t *json,
    const ihanoi_crv_t *crv)
{
    size_t         i, n;
    ssize_t        len;
    unsigned char  x[IHANOI_OKP_MAX_KEY], y[IHANOI_OKP_MAX_KEY], zeros, ones;

    len = ihanoi_jwk_member(json, "x", x, crv->size);

    if (len != (ssize_t) crv->size) {
        return ihanoi_jwk_refuse(load, IHANOI_JWK_FAULTY,
                                 "\"x\" is not base64url of %u bytes",
                                 (unsigned) crv->size);
    }

    memcpy(y, x, crv->size);

    if (crv->size == 32) {
        y[31] &= 0x7f;
        n = sizeof(ihanoi_ed25519_small) / sizeof(ihanoi_ed25519_small[0]);

        for (i = 0; i < n; i++) {
            if (memcmp(y, ihanoi_ed25519_small[i], 32) == 0) {
                goto small;
            }
        }

    } else {

        /* Ed448 has cofactor 4: 0, 1 and -1, p is 2^448 - 2^224 - 1 */

        zeros = 0;
        ones = (unsigned char) (y[28] ^ 0x01);

        for (i = 1; i < crv->size - 1; i++) {
            zeros |= y[i];

            if (i != 28) {
                ones &= y[i];
            }
        }

        if ((zeros == 0 && y[0] <= 1) || (ones == 0xff && y[0] == 0xfe)) {
            goto small;
        }
    }

    key->pkey = EVP_PKEY_new_raw_public_key_ex(NULL, crv->group, NULL, x,
                                               crv->size);
    if (key->pkey == NULL) {
        return ihanoi_jwk_openssl(load, "public key is not usable");
    }

    key->size = crv->signature;

    return IHANOI_JWK_OK;

small:

    return ihanoi_jwk_refuse(load, IHANOI_JWK_FAULTY,
                             "public key is a point of small order");
}


static ihanoi_jwk_e
ihanoi_jwk_build(ihanoi_jwk_load_t *load, ihanoi_jwk_t *key,
    const char *type, OSSL_PARAM *params)
{
    ihanoi_jwk_e   rc;
    EVP_PKEY_CTX  *ctx;

    rc = IHANOI_JWK_OK;

    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    if (ctx == NULL
        || EVP_PKEY_fromdata_init(ctx) != 1
        || EVP_PKEY_fromdata(ctx, &key->pkey, EVP_PKEY_PUBLIC_KEY, params)
           != 1)
    {
        rc = ihanoi_jwk_openssl(load, "public key is not on its curve or "
                                      "not usable");
        goto done;
    }

    EVP_PKEY_CTX_free(ctx);

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);

    if (ctx == NULL || EVP_PKEY_public_check(ctx) != 1) {
        rc = ihanoi_jwk_openssl(load, "public key fails OpenSSL's check");
    }

done:

    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();

    return rc;
}


static ihanoi_jwk_e
ihanoi_jwk_prepare(ihanoi_jwk_load_t *load, ihanoi_jwk_t *key)
{
    EVP_PKEY_CTX        *pctx;
    const ihanoi_alg_t  *alg;

    alg = &ihanoi_algs[key->alg];

    key->verify = EVP_MD_CTX_new();

    if (key->verify == NULL
        || EVP_DigestVerifyInit_ex(key->verify, &pctx, alg->md, NULL, NULL,
                                   key->pkey, NULL)
           != 1)
    {
        return ihanoi_jwk_openssl(load, "public key cannot verify");
    }

    /* RFC 7518 3.5: MGF1 with the same hash, salt as long as the hash */

    if (alg->pss
        && (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) != 1
            || EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST)
               != 1))
    {
        return ihanoi_jwk_openssl(load, "public key cannot verify");
    }

    return IHANOI_JWK_OK;
}


/* Tells a refusal from a lack of memory; the queue is empty afterwards. */

static ihanoi_jwk_e
ihanoi_jwk_openssl(ihanoi_jwk_load_t *load, const char *reason)
{
    int            found;
    ihanoi_jwk_e   rc;
    unsigned long  e;

    found = 0;
    rc = IHANOI_JWK_FAULTY;

    while ((e = ERR_get_error()) != 0) {
        found = 1;

        if (ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE) {
            rc = IHANOI_JWK_MEMORY;
        }
    }

    /* a refusal always says why: silence is a lack of memory as well */

    if (!found) {
        rc = IHANOI_JWK_MEMORY;
    }

    return ihanoi_jwk_refuse(load, rc, "%s", reason);
}


/* Decodes a base64url member of at most size bytes; -1 when it is not one. */

static ssize_t
ihanoi_jwk_member(json_t *json, const char *name, unsigned char *out,
    size_t size)
{
    size_t   len;
    json_t  *value;

    value = json_object_get(json, name);
    len = json_string_length(value);

    if (value == NULL || !json_is_string(value)
        || len > ihanoi_base64url_encoded(size))
    {
        return -1;
    }

    return ihanoi_base64url_decode(out, json_string_value(value), len);
}


ihanoi_jwk_e
ihanoi_jwk_refuse(ihanoi_jwk_load_t *load, ihanoi_jwk_e rc, const char *fmt,
    ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(load->reason, sizeof(load->reason), fmt, args);
    va_end(args);

    return rc;
}


void
ihanoi_jwk_free(ihanoi_jwk_t *key)
{
    EVP_MD_CTX_free(key->verify);
    EVP_MAC_CTX_free(key->mac);
    EVP_PKEY_free(key->pkey);
    free(key->kid);
}
