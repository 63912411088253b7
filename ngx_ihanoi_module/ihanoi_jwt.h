/*
 * Copyright (C) iHaNoi contributors
 *
 * JSON Web Tokens (RFC 7515, 7519, 8725, 9068): strict reading, signature,
 * claims.
 *
 * A library without nginx in it.  A token is taken apart by ihanoi_jwt_parse(),
 * its signature is verified by ihanoi_jwt_verify() with keys that the caller
 * chose by the issuer, its claims are held against the issuer's rules by
 * ihanoi_jwt_check().  A token is good when all three say IHANOI_JWT_OK.
 */

#ifndef _IHANOI_JWT_H_INCLUDED_
#define _IHANOI_JWT_H_INCLUDED_


#include <stddef.h>
#include <jansson.h>

#include "ihanoi_jwk.h"
#include "ihanoi_jwt_json.h"


#define IHANOI_JWT_MAX_SIZE     8192
#define IHANOI_JWT_MAX_NAME     255    /* sub, jti, sid */
#define IHANOI_JWT_MAX_ISSUER   512

/* Characters of a header that is kept for the next token. */
#define IHANOI_JWT_KEPT_HEADER  256

/* A token without "kid" is tried with at most so many keys. */
#define IHANOI_JWT_MAX_TRIES    4

/* Seconds that "iat" may be ahead of our clock, whatever the leeway. */
#define IHANOI_JWT_IAT_SKEW     5


typedef enum {
    IHANOI_JWT_OK = 0,
    IHANOI_JWT_MEMORY,

    IHANOI_JWT_SIZE,
    IHANOI_JWT_SEGMENTS,
    IHANOI_JWT_BASE64,
    IHANOI_JWT_HEADER,
    IHANOI_JWT_PAYLOAD,
    IHANOI_JWT_ALG,
    IHANOI_JWT_KID,
    IHANOI_JWT_TYP,
    IHANOI_JWT_CRIT,
    IHANOI_JWT_NESTED,

    IHANOI_JWT_KEY,                /* no key of that kid: maybe a new one */
    IHANOI_JWT_KEY_ALG,            /* the key is pinned to another algorithm */
    IHANOI_JWT_SIGNATURE,

    IHANOI_JWT_ISS,
    IHANOI_JWT_SUB,
    IHANOI_JWT_AUD,
    IHANOI_JWT_EXP,
    IHANOI_JWT_EXPIRED,
    IHANOI_JWT_NBF,
    IHANOI_JWT_EARLY,
    IHANOI_JWT_IAT,
    IHANOI_JWT_LIFETIME,
    IHANOI_JWT_CLAIM,              /* jti or sid malformed */
    IHANOI_JWT_PURPOSE,            /* an ID, logout or refresh token */
    IHANOI_JWT_BOUND,              /* sender-constrained (cnf) */

    IHANOI_JWT_ERRORS
} ihanoi_jwt_e;


/* A token taken apart.  Nothing in it is true before it was verified. */
typedef struct {
    ihanoi_alg_e       alg;
    ihanoi_jwt_str_t   kid;
    ihanoi_jwt_str_t   iss;

    json_t            *header;
    json_t            *claims;     /* NULL after ihanoi_jws_parse() */
    ihanoi_jwt_str_t   payload;    /* as signed, NUL-terminated */

    ihanoi_jwt_str_t   input;      /* what is signed; in the caller's text */
    unsigned char     *signature;
    size_t             siglen;
    void              *memory;
} ihanoi_jwt_t;


/* What is asked of an issuer's tokens.  Numbers are seconds. */
typedef struct {
    const ihanoi_jwt_str_t  *audiences;   /* one must be meant; none: any */
    unsigned                 naudiences;
    const ihanoi_jwt_str_t  *types;       /* of "typ"; none: usual ones */
    unsigned                 ntypes;
    long                     leeway;
    long                     max_lifetime;  /* 0: not limited */
} ihanoi_jwt_rules_t;


/* The registered claims; strings belong to the token. */
typedef struct {
    ihanoi_jwt_str_t   iss;
    ihanoi_jwt_str_t   sub;
    ihanoi_jwt_str_t   jti;
    ihanoi_jwt_str_t   sid;
    double             exp;
    double             nbf;        /* 0: absent */
    double             iat;        /* 0: absent */
} ihanoi_jwt_claims_t;


/*
 * Takes a compact JWT apart.  text must live as long as *jwt; *jwt is given
 * back with ihanoi_jwt_free() in any case, also after an error.
 */
ihanoi_jwt_e ihanoi_jwt_parse(ihanoi_jwt_t *jwt, const char *text,
    size_t len);

/*
 * The same for a JWS whose payload need not be JSON; for published vectors.
 * Never a way to accept a token: claims are not looked at.
 */
ihanoi_jwt_e ihanoi_jws_parse(ihanoi_jwt_t *jwt, const char *text,
    size_t len);

void ihanoi_jwt_free(ihanoi_jwt_t *jwt);

/* Gives back what is kept from one token to the next: at an exit. */
void ihanoi_jwt_forget(void);

/*
 * Verifies the signature with the keys of all sets, those of one issuer (NULLs
 * are passed over).  A "kid" chooses the key; without one, keys of the token's
 * algorithm are tried, IHANOI_JWT_MAX_TRIES at most.
 */
ihanoi_jwt_e ihanoi_jwt_verify(const ihanoi_jwt_t *jwt,
    const ihanoi_jwks_t *const *sets, unsigned n);

/* Holds header type and claims against the rules; fills *claims. */
ihanoi_jwt_e ihanoi_jwt_check(const ihanoi_jwt_t *jwt,
    const ihanoi_jwt_rules_t *rules, double now, ihanoi_jwt_claims_t *claims);

/* Only the times, of claims that were checked before: a token seen again. */
ihanoi_jwt_e ihanoi_jwt_check_times(const ihanoi_jwt_claims_t *claims,
    const ihanoi_jwt_rules_t *rules, double now);

/* A sentence for logs and a name for metrics labels: nothing of the token. */
const char *ihanoi_jwt_reason(ihanoi_jwt_e error);
const char *ihanoi_jwt_result(ihanoi_jwt_e error);


#endif /* _IHANOI_JWT_H_INCLUDED_ */
