/*
 * Copyright (C) iHaNoi contributors
 *
 * What fuzz targets share: the function that libFuzzer calls, and a
 * property, which ends the run when it does not hold.
 */

#ifndef _FUZZ_EXPECT_H_INCLUDED_
#define _FUZZ_EXPECT_H_INCLUDED_


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static inline void
expect(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}


#endif /* _FUZZ_EXPECT_H_INCLUDED_ */
