/*
 * Copyright (C) iHaNoi contributors
 *
 * Sets of JSON Web Keys (RFC 7517 5).
 *
 * A library without nginx in it, over jansson and OpenSSL.  A set is built
 * once, is immutable afterwards and may be read by any number of users.
 */

#ifndef _IHANOI_JWK_H_INCLUDED_
#define _IHANOI_JWK_H_INCLUDED_


#include <stddef.h>

#include "ihanoi_jwk_key.h"


#define IHANOI_JWKS_MAX_SIZE    65536
#define IHANOI_JWKS_MAX_KEYS    64


typedef struct ihanoi_jwks_s  ihanoi_jwks_t;


/* Told about each key that is left out, and why.  text lives for the call. */
typedef void (*ihanoi_jwks_note_pt)(void *ctx, const char *text);


typedef struct {
    /*
     * A set that came over the network: a faulty key is left out and told to
     * note; secrets and public keys in one set are refused.  Otherwise (a file
     * that an operator wrote) a faulty key refuses the set.  Keys that are
     * merely not for us (encryption, unknown types and algorithms) are left
     * out in both cases.
     */
    unsigned              remote:1;

    /*
     * Algorithms that keys may have; a key that names none is pinned to the
     * first of them that fits it.  With none listed all may be used, and such
     * a key gets RS256, HS256, EdDSA or what its curve says.
     */
    const ihanoi_alg_e   *algorithms;
    unsigned              nalgorithms;

    /* RSA keys found in it are not checked again, which takes 5 ms each. */
    const ihanoi_jwks_t  *previous;

    ihanoi_jwks_note_pt   note;    /* may be NULL */
    void                 *ctx;
} ihanoi_jwks_options_t;


/*
 * Builds a set from its JSON text.  Returns NULL with a sentence in error
 * (of at least 256 bytes) when the set is refused or has no usable key; errno
 * is ENOMEM when only memory failed.
 */
ihanoi_jwks_t *ihanoi_jwks_parse(const char *text, size_t len,
    const ihanoi_jwks_options_t *options, char *error);

/* Accepts NULL. */
void ihanoi_jwks_free(ihanoi_jwks_t *set);

/*
 * 1 when RSA keys were left out only because to check them all at once would
 * have taken too long: with this set as the previous one, more are taken.
 */
int ihanoi_jwks_partial(const ihanoi_jwks_t *set);

unsigned ihanoi_jwks_count(const ihanoi_jwks_t *set);
const ihanoi_jwk_t *ihanoi_jwks_key(const ihanoi_jwks_t *set, unsigned i);

/* The key of that kid, or NULL; a kid stands once in a set. */
const ihanoi_jwk_t *ihanoi_jwks_find(const ihanoi_jwks_t *set,
    const char *kid, size_t len);


#endif /* _IHANOI_JWK_H_INCLUDED_ */
