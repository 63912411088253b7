/*
 * Copyright (C) iHaNoi contributors
 *
 * The nouns that need no nginx.
 */

#include <stddef.h>

#include "ihanoi_host.h"


const ihanoi_host_noun_t *const  ihanoi_host_nouns[] = {
    &ihanoi_host_json,
    &ihanoi_host_store,
    &ihanoi_host_lock,
    &ihanoi_host_crypto,
    &ihanoi_host_jwt,
    &ihanoi_host_time,
    &ihanoi_host_money,
    &ihanoi_host_uuid,
    &ihanoi_host_text,
    NULL
};
