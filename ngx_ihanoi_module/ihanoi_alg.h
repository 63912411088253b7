/*
 * Copyright (C) iHaNoi contributors
 *
 * Signature algorithms of JOSE (RFC 7518 3, RFC 8037 3).
 */

#ifndef _IHANOI_ALG_H_INCLUDED_
#define _IHANOI_ALG_H_INCLUDED_


#include <stddef.h>


typedef enum {
    IHANOI_ALG_NONE = 0,           /* unknown or absent: verifies nothing */
    IHANOI_HS256,
    IHANOI_HS384,
    IHANOI_HS512,
    IHANOI_RS256,
    IHANOI_RS384,
    IHANOI_RS512,
    IHANOI_PS256,
    IHANOI_PS384,
    IHANOI_PS512,
    IHANOI_ES256,
    IHANOI_ES384,
    IHANOI_ES512,
    IHANOI_EDDSA,
    IHANOI_ALGS
} ihanoi_alg_e;


typedef enum {
    IHANOI_KTY_OCT = 0,
    IHANOI_KTY_RSA,
    IHANOI_KTY_EC,
    IHANOI_KTY_OKP,
    IHANOI_KTYS
} ihanoi_kty_e;


/* A row of the table.  Strings are OpenSSL's names, but name and crv. */
typedef struct {
    const char       *name;
    ihanoi_kty_e      kty;
    const char       *md;          /* NULL: the scheme brings its own */
    size_t            md_len;
    int               pss;
    const char       *crv;         /* EC: the only curve it may be used with */
} ihanoi_alg_t;


extern const ihanoi_alg_t  ihanoi_algs[IHANOI_ALGS];


/* By its exact name ("RS256"), IHANOI_ALG_NONE when it is not one of ours. */
ihanoi_alg_e ihanoi_alg_find(const char *name, size_t len);
const char *ihanoi_alg_name(ihanoi_alg_e alg);


#endif /* _IHANOI_ALG_H_INCLUDED_ */
