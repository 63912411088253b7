/*
 * Copyright (C) iHaNoi contributors
 *
 * The material of one JSON Web Key: numbers to what OpenSSL verifies with.
 */

#ifndef _IHANOI_JWK_KEY_MATERIAL_H_INCLUDED_
#define _IHANOI_JWK_KEY_MATERIAL_H_INCLUDED_


#include <stddef.h>
#include <jansson.h>

#include "ihanoi_jwk_key.h"


typedef struct {
    const char       *crv;
    ihanoi_kty_e      kty;
    const char       *group;       /* OpenSSL's name of the curve or key type */
    size_t            size;        /* of a coordinate or public key, bytes */
    size_t            signature;
} ihanoi_crv_t;


/* Ends with a row without a crv. */
extern const ihanoi_crv_t  ihanoi_crvs[];


/*
 * Fills in what *key, whose algorithm is known, verifies with; crv is NULL but
 * for EC and OKP.  Unless OK, load->reason says why not.
 */
ihanoi_jwk_e ihanoi_jwk_material(ihanoi_jwk_load_t *load, ihanoi_jwk_t *key,
    json_t *json, ihanoi_kty_e kty, const ihanoi_crv_t *crv);

/* Returns rc, and the reason is in load. */
ihanoi_jwk_e ihanoi_jwk_refuse(ihanoi_jwk_load_t *load, ihanoi_jwk_e rc,
    const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));


#endif /* _IHANOI_JWK_KEY_MATERIAL_H_INCLUDED_ */
