/*
 * Copyright (C) iHaNoi contributors
 *
 * SipHash-2-4.
 */

#include "ihanoi_siphash.h"


#define ihanoi_siphash_rotate(x, n)  ((x) << (n) | (x) >> (64 - (n)))


static uint64_t ihanoi_siphash_word(const unsigned char *p, size_t len);


uint64_t
ihanoi_siphash(const unsigned char seed[16], const void *data, size_t len)
{
    int                   n;
    size_t                left;
    uint64_t              k0, k1, v0, v1, v2, v3, m;
    const unsigned char  *p;

    p = data;

    k0 = ihanoi_siphash_word(seed, 8);
    k1 = ihanoi_siphash_word(seed + 8, 8);

    v0 = k0 ^ 0x736f6d6570736575ULL;
    v1 = k1 ^ 0x646f72616e646f6dULL;
    v2 = k0 ^ 0x6c7967656e657261ULL;
    v3 = k1 ^ 0x7465646279746573ULL;

#define ihanoi_siphash_round()                                                \
    v0 += v1; v1 = ihanoi_siphash_rotate(v1, 13); v1 ^= v0;                   \
    v0 = ihanoi_siphash_rotate(v0, 32);                                       \
    v2 += v3; v3 = ihanoi_siphash_rotate(v3, 16); v3 ^= v2;                   \
    v0 += v3; v3 = ihanoi_siphash_rotate(v3, 21); v3 ^= v0;                   \
    v2 += v1; v1 = ihanoi_siphash_rotate(v1, 17); v1 ^= v2;                   \
    v2 = ihanoi_siphash_rotate(v2, 32)

    for (left = len; /* void */ ; left -= 8, p += 8) {

        /* the last word: what is left, and the length on top */

        m = left >= 8 ? ihanoi_siphash_word(p, 8)
                      : ihanoi_siphash_word(p, left) | (uint64_t) len << 56;

        v3 ^= m;
        ihanoi_siphash_round();
        ihanoi_siphash_round();
        v0 ^= m;

        if (left < 8) {
            break;
        }
    }

    v2 ^= 0xff;

    for (n = 0; n < 4; n++) {
        ihanoi_siphash_round();
    }

    return v0 ^ v1 ^ v2 ^ v3;
}


/* Little-endian. */
static uint64_t
ihanoi_siphash_word(const unsigned char *p, size_t len)
{
    uint64_t  w;

    for (w = 0; len; len--) {
        w = w << 8 | p[len - 1];
    }

    return w;
}
