/*
 * Copyright (C) iHaNoi contributors
 *
 * The JSON of a token: strictly read objects, and their members.
 */

#ifndef _IHANOI_JWT_JSON_H_INCLUDED_
#define _IHANOI_JWT_JSON_H_INCLUDED_


#include <stddef.h>
#include <jansson.h>


#define IHANOI_JWT_MAX_DEPTH        32
#define IHANOI_JWT_EXPONENT_DIGITS  3   /* a double's range has so many */


typedef struct {
    const char        *data;       /* NULL: absent */
    size_t             len;
} ihanoi_jwt_str_t;


/*
 * Parses a JSON object; the caller has a reference.  names, in lower case and
 * ended by NULL, are refused in another case.  NULL with errno ENOMEM when memory
 * failed.
 */
json_t *ihanoi_jwt_json(const char *data, size_t len,
    const char *const *names);

/*
 * RFC 7519 2, NumericDate: an optional number, which may have a fraction.  0,
 * and *value is left alone where there is none; -1 when it is malformed.
 */
int ihanoi_jwt_time(json_t *claims, const char *name, double *value);

/*
 * An optional string of 1 to max bytes without control characters, which
 * belongs to the object.  0, and *value is left alone where there is none; -1
 * when it is malformed.
 */
int ihanoi_jwt_string(json_t *object, const char *name, size_t max,
    ihanoi_jwt_str_t *value);


#endif /* _IHANOI_JWT_JSON_H_INCLUDED_ */
