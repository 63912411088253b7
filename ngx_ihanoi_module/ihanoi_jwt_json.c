/*
 * Copyright (C) iHaNoi contributors
 *
 * The JSON of a token: what two readers could take for two things is refused.
 */

#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "ihanoi_jansson.h"
#include "ihanoi_jwt_json.h"


static int ihanoi_jwt_guard(const char *data, size_t len);


json_t *
ihanoi_jwt_json(const char *data, size_t len, const char *const *names)
{
    json_t      *json, *value;
    const char  *name;
    int          i;

    errno = 0;

    if (ihanoi_jwt_guard(data, len) != 0) {
        return NULL;
    }

    json = ihanoi_jansson_read(data, len, JSON_REJECT_DUPLICATES, NULL);
    if (json == NULL) {
        return NULL;
    }

    if (!json_is_object(json)) {
        json_decref(json);
        return NULL;
    }

    json_object_foreach(json, name, value) {
        for (i = 0; names[i]; i++) {
            /* the first letter is cheaper, and nearly always another one */

            if ((name[0] | 0x20) == names[i][0]
                && strcasecmp(name, names[i]) == 0
                && strcmp(name, names[i]) != 0)
            {
                json_decref(json);
                return NULL;
            }
        }
    }

    return json;
}


/*
 * What jansson lets pass: depth beyond what anybody needs, names spelled with
 * \u escapes, which a reader that compares bytes does not recognise, and
 * numbers like 1e-99999, which a double reads as 0 and jsonb cannot hold.
 * Values may be escaped.  Looks at nesting, strings and exponents only; the
 * parser sees to the rest.
 */

static int
ihanoi_jwt_guard(const char *data, size_t len)
{
    int          escaped;
    unsigned     depth, digits;
    const char  *p, *end;

    depth = 0;
    p = data;
    end = data + len;

    while (p < end) {

        switch (*p++) {

        case 'e':
        case 'E':
            if (p - data < 2 || p[-2] < '0' || p[-2] > '9') {
                break;                      /* of true or false */
            }

            if (p < end && (*p == '+' || *p == '-')) {
                p++;
            }

            while (p < end && *p == '0') {
                p++;
            }

            for (digits = 0; p < end && *p >= '0' && *p <= '9'; p++) {
                digits++;
            }

            if (digits > IHANOI_JWT_EXPONENT_DIGITS) {
                return -1;
            }

            break;

        case '{':
        case '[':
            if (++depth > IHANOI_JWT_MAX_DEPTH) {
                return -1;
            }
            break;

        case '}':
        case ']':
            if (depth-- == 0) {
                return -1;
            }
            break;

        case '"':
            escaped = 0;

            while (p < end && *p != '"') {
                if (*p == '\\') {
                    p++;

                    if (p < end && *p == 'u') {
                        escaped = 1;
                    }
                }

                p++;
            }

            p++;

            while (p < end
                   && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
            {
                p++;
            }

            if (escaped && p < end && *p == ':') {
                return -1;
            }

            break;
        }
    }

    return 0;
}


int
ihanoi_jwt_time(json_t *claims, const char *name, double *value)
{
    json_t  *json;

    json = json_object_get(claims, name);

    if (json == NULL) {
        return 0;
    }

    if (!json_is_number(json)) {
        return -1;
    }

    *value = json_number_value(json);

    return isfinite(*value) && *value >= 0 ? 0 : -1;
}


int
ihanoi_jwt_string(json_t *object, const char *name, size_t max,
    ihanoi_jwt_str_t *value)
{
    size_t                i;
    json_t               *json;
    const unsigned char  *p;

    json = json_object_get(object, name);

    if (json == NULL) {
        return 0;
    }

    value->data = json_string_value(json);
    value->len = json_string_length(json);

    if (value->data == NULL || value->len == 0 || value->len > max) {
        return -1;
    }

    p = (const unsigned char *) value->data;

    for (i = 0; i < value->len; i++) {
        if (p[i] < 0x20 || p[i] == 0x7f) {
            return -1;
        }
    }

    return 0;
}
