/*
 * Copyright (C) iHaNoi contributors
 *
 * SipHash-2-4, by Aumasson and Bernstein: a hash with a secret, for tables
 * whose keys others choose.
 *
 * A library without nginx in it.
 */

#ifndef _IHANOI_SIPHASH_H_INCLUDED_
#define _IHANOI_SIPHASH_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


/* Of data[0 .. len-1]; the seed is the secret, 16 random bytes. */
uint64_t ihanoi_siphash(const unsigned char seed[16], const void *data,
    size_t len);


#endif /* _IHANOI_SIPHASH_H_INCLUDED_ */
