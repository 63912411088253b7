/*
 * Copyright (C) iHaNoi contributors
 *
 * The nouns that need no nginx.
 */

#include <stddef.h>

#include "ihanoi_host.h"


const ihanoi_host_noun_t *const  ihanoi_host_nouns[] = {
    &ihanoi_host_json,
    NULL
};
