/*
 * Copyright (C) iHaNoi contributors
 *
 * Keys of plugins for tokens: secrets and PEM texts, for one algorithm that
 * the plugin names.
 */

#ifndef _IHANOI_HOST_JWT_KEY_H_INCLUDED_
#define _IHANOI_HOST_JWT_KEY_H_INCLUDED_


#include <stddef.h>

#include "ihanoi_jwk.h"


#define IHANOI_HOST_JWT_MAX_KEY      16384
#define IHANOI_HOST_JWT_MAX_BITS     4096     /* of RSA: 6 ms a signature */
#define IHANOI_HOST_JWT_MAX_SIGNATURE  512


/*
 * Signs with a secret (HS...) or a private key in PEM without a passphrase.
 * sig has room for IHANOI_HOST_JWT_MAX_SIGNATURE bytes.  Returns NULL, or why
 * it cannot be done: a static text.
 */
const char *ihanoi_host_jwt_sign_input(ihanoi_alg_e alg, const char *key,
    size_t keylen, const char *input, size_t len, unsigned char *sig,
    size_t *siglen);

/*
 * The set to verify with, out of a secret, a public key in PEM, or the JSON of
 * a set ("{...}"); all its keys are pinned to alg.  NULL: error, of 256 bytes,
 * says why not.  *named is 1 when "kid" chooses among them.
 */
ihanoi_jwks_t *ihanoi_host_jwt_keys(ihanoi_alg_e alg, const char *key,
    size_t keylen, int *named, char *error);


#endif /* _IHANOI_HOST_JWT_KEY_H_INCLUDED_ */
