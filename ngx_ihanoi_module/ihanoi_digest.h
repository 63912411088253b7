/*
 * Copyright (C) iHaNoi contributors
 *
 * SHA-256, HMAC-SHA-256, random bytes, hex, and comparison in constant time.
 *
 * A library without nginx in it, over OpenSSL.  May be used in threads.
 */

#ifndef _IHANOI_DIGEST_H_INCLUDED_
#define _IHANOI_DIGEST_H_INCLUDED_


#include <stddef.h>


#define IHANOI_SHA256_LEN       32
#define IHANOI_SHA256_HEX_LEN   64


typedef struct ihanoi_sha256_s  ihanoi_sha256_t;


/*
 * Looks the digest up once; the functions below do it on their first use.  0,
 * or -1 when memory failed.  Whoever called it, each nginx configuration does,
 * gives it back with _done(); with the last one what was looked up is freed.
 */
int ihanoi_digest_init(void);
void ihanoi_digest_done(void);

/* One digest of data[0 .. len-1].  0, or -1 when memory failed. */
int ihanoi_sha256(const void *data, size_t len,
    unsigned char out[IHANOI_SHA256_LEN]);

/*
 * The same in pieces.  _new() returns NULL when memory failed; _final() frees
 * the state in any case and fails (-1) when any step before it did.
 */
ihanoi_sha256_t *ihanoi_sha256_new(void);
void ihanoi_sha256_update(ihanoi_sha256_t *state, const void *data,
    size_t len);
int ihanoi_sha256_final(ihanoi_sha256_t *state,
    unsigned char out[IHANOI_SHA256_LEN]);

/* RFC 2104.  0, or -1 when memory failed. */
int ihanoi_hmac_sha256(const void *key, size_t keylen, const void *data,
    size_t len, unsigned char out[IHANOI_SHA256_LEN]);

/* Cryptographically strong.  0, or -1 when the system has none. */
int ihanoi_random(void *out, size_t len);

/* Writes 2 * len lower-case digits to out, without a NUL. */
void ihanoi_hex(const void *data, size_t len, char *out);

/* 1 when both are the same; the time taken tells only len. */
int ihanoi_secret_equal(const void *a, const void *b, size_t len);


#endif /* _IHANOI_DIGEST_H_INCLUDED_ */
