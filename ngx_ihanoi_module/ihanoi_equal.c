/*
 * Copyright (C) iHaNoi contributors
 *
 * Equality of JSON values as JSON Schema has it, and hashes that agree with it.
 */

#include <string.h>

#include "ihanoi_equal.h"
#include "ihanoi_json.h"
#include "ihanoi_number.h"


int
ihanoi_json_equal(const json_t *a, const json_t *b, size_t *steps)
{
    int           rc;
    void         *iter;
    size_t        i, n;
    const json_t  *other;

    if (*steps == 0) {
        return IHANOI_BUDGET;
    }

    (*steps)--;

    if (json_is_number(a) && json_is_number(b)) {
        return ihanoi_number_compare(a, b) == 0;
    }

    if (json_typeof(a) != json_typeof(b)) {
        return 0;
    }

    switch (json_typeof(a)) {

    case JSON_STRING:
        n = json_string_length(a);

        return n == json_string_length(b)
               && memcmp(json_string_value(a), json_string_value(b), n) == 0;

    case JSON_ARRAY:
        n = json_array_size(a);

        if (n != json_array_size(b)) {
            return 0;
        }

        for (i = 0; i < n; i++) {
            rc = ihanoi_json_equal(json_array_get(a, i), json_array_get(b, i),
                                   steps);
            if (rc != 1) {
                return rc;
            }
        }

        return 1;

    case JSON_OBJECT:
        if (json_object_size(a) != json_object_size(b)) {
            return 0;
        }

        for (iter = json_object_iter((json_t *) a);
             iter;
             iter = json_object_iter_next((json_t *) a, iter))
        {
            other = json_object_get(b, json_object_iter_key(iter));

            if (other == NULL) {
                return 0;
            }

            rc = ihanoi_json_equal(json_object_iter_value(iter), other, steps);
            if (rc != 1) {
                return rc;
            }
        }

        return 1;

    default:
        return 1;
    }
}


static unsigned long long
ihanoi_equal_hash_bytes(unsigned long long h, const void *data, size_t len)
{
    size_t                i;
    const unsigned char  *p;

    p = data;

    for (i = 0; i < len; i++) {
        h = (h ^ p[i]) * 1099511628211ULL;
    }

    return h ^ (h >> 29);
}


int
ihanoi_json_hash(const json_t *value, size_t *steps, unsigned long long *hash)
{
    int                  rc;
    void                *iter;
    double               d;
    size_t               i;
    const char          *key;
    unsigned long long   h, sub;

    if (*steps == 0) {
        return IHANOI_BUDGET;
    }

    (*steps)--;

    h = 14695981039346656037ULL;

    switch (json_typeof(value)) {

    case JSON_STRING:
        h = ihanoi_equal_hash_bytes(h, json_string_value(value),
                                   json_string_length(value));
        break;

    case JSON_INTEGER:
    case JSON_REAL:

        /* + 0.0 makes -0.0 and 0 one; big integers may share a double */

        d = json_number_value(value) + 0.0;
        h = ihanoi_equal_hash_bytes(h + 1, &d, sizeof(double));
        break;

    case JSON_ARRAY:
        h += 2;

        for (i = 0; i < json_array_size(value); i++) {
            rc = ihanoi_json_hash(json_array_get(value, i), steps, &sub);
            if (rc != IHANOI_OK) {
                return rc;
            }

            h = ihanoi_equal_hash_bytes(h, &sub, sizeof(sub));
        }

        break;

    case JSON_OBJECT:

        /* a sum, so that the order of members does not matter */

        h += 3;

        for (iter = json_object_iter((json_t *) value);
             iter;
             iter = json_object_iter_next((json_t *) value, iter))
        {
            rc = ihanoi_json_hash(json_object_iter_value(iter), steps, &sub);
            if (rc != IHANOI_OK) {
                return rc;
            }

            key = json_object_iter_key(iter);
            h += ihanoi_equal_hash_bytes(sub, key, strlen(key));
        }

        break;

    case JSON_TRUE:
        h += 4;
        break;

    case JSON_FALSE:
        h += 5;
        break;

    default:
        h += 6;
        break;
    }

    *hash = h;

    return IHANOI_OK;
}
