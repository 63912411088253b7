/*
 * Copyright (C) iHaNoi contributors
 *
 * One JSON Web Key (RFC 7517, 7518, 8037): a public key, or a secret, that
 * verifies.
 *
 * It is checked when it is loaded and pinned to one algorithm for good: what a
 * token says about its algorithm is compared with it, never obeyed.
 */

#ifndef _IHANOI_JWK_KEY_H_INCLUDED_
#define _IHANOI_JWK_KEY_H_INCLUDED_


#include <stddef.h>
#include <jansson.h>

#include "ihanoi_alg.h"
#include "ihanoi_digest.h"


#define IHANOI_JWK_MAX_KID      255

#define IHANOI_RSA_MIN_BITS     2048
#define IHANOI_RSA_MAX_BITS     8192


typedef struct ihanoi_jwk_s  ihanoi_jwk_t;


/* What became of one key of a set. */
typedef enum {
    IHANOI_JWK_OK = 0,
    IHANOI_JWK_FOREIGN,            /* honest, but not for us */
    IHANOI_JWK_FAULTY,             /* must not be there */
    IHANOI_JWK_MEMORY
} ihanoi_jwk_e;


struct ihanoi_jwk_s {
    char                   *kid;
    size_t                  kid_len;
    ihanoi_alg_e            alg;
    struct evp_pkey_st     *pkey;  /* NULL: oct */
    size_t                  size;  /* of a signature; EC: of a coordinate */
    unsigned                ec:1;

    /* initialised for verification; copied for each signature */
    struct evp_md_ctx_st   *verify;
    struct evp_mac_ctx_st  *mac;

    unsigned char           material[IHANOI_SHA256_LEN];  /* RSA: n and e */
};


/* What the keys of a set have in common while they are loaded. */
typedef struct {
    const ihanoi_alg_e       *algorithms;    /* allowed; first that fits */
    unsigned                  nalgorithms;   /* 0: all */
    const ihanoi_jwk_t       *previous;      /* of the set before */
    unsigned                  nprevious;
    long                      max_rsa_bits;  /* to check anew; 0: any */
    long                      rsa_bits;      /* checked so far */
    unsigned                  rsa_new;       /* keys that were good */
    unsigned                  postponed:1;   /* a key was beyond max_rsa_bits */
    char                      reason[160];   /* why the last one is not OK */
} ihanoi_jwk_load_t;


/*
 * Fills *key, which is zeroed, from its JSON; unless OK, load->reason says why
 * not.  Given back with ihanoi_jwk_free() in any case.
 */
ihanoi_jwk_e ihanoi_jwk_load(ihanoi_jwk_load_t *load, ihanoi_jwk_t *key,
    json_t *json);

/* Its contents, not *key itself. */
void ihanoi_jwk_free(ihanoi_jwk_t *key);

ihanoi_alg_e ihanoi_jwk_alg(const ihanoi_jwk_t *key);

/*
 * Verifies a JWS signature, as its bytes, over data.  Returns 1 when it is
 * this key's, 0 when it is not, -1 when memory failed (not verified either).
 * Leaves the OpenSSL error queue empty.
 */
int ihanoi_jwk_verify(const ihanoi_jwk_t *key, const void *data, size_t len,
    const unsigned char *signature, size_t siglen);


#endif /* _IHANOI_JWK_KEY_H_INCLUDED_ */
