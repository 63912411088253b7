/*
 * Copyright (C) iHaNoi contributors
 *
 * The values of "format" that are asserted: a fixed list.
 *
 * What passes here must pass the cast in PostgreSQL and mean the same there,
 * so some are narrower than their RFC: no leap seconds (PostgreSQL would move
 * them to the next minute), offsets below 16 hours, years whose shifted dates
 * still have four digits.  A moment may have nanoseconds, as Go, Java and .NET
 * write it: PostgreSQL rounds it to microseconds.
 */

#include <string.h>

#include "ihanoi_format.h"


typedef struct {
    const char               *p;
    const char               *end;
} ihanoi_format_cursor_t;


static int ihanoi_format_date_time(const char *p, size_t len);
static int ihanoi_format_date(const char *p, size_t len);
static int ihanoi_format_time(const char *p, size_t len);
static int ihanoi_format_duration(const char *p, size_t len);
static int ihanoi_format_email(const char *p, size_t len);
static int ihanoi_format_hostname(const char *p, size_t len);
static int ihanoi_format_ipv4(const char *p, size_t len);
static int ihanoi_format_ipv6(const char *p, size_t len);
static int ihanoi_format_uuid(const char *p, size_t len);
static int ihanoi_format_uri(const char *p, size_t len);
static int ihanoi_format_uri_reference(const char *p, size_t len);
static int ihanoi_format_json_pointer(const char *p, size_t len);


static const ihanoi_format_t  ihanoi_formats[] = {

    { "date-time", "timestamptz", 0, 0, 1, ihanoi_format_date_time,
      ", with Z or an offset: 2026-11-24T18:00:00+07:00 (in a query %2B07:00)" },
    { "date", "date", 0, 0, 1, ihanoi_format_date,
      ", without a time: 2026-11-24" },
    { "time", NULL, 0, 0, 1, ihanoi_format_time, ", with Z or an offset" },
    { "duration", NULL, 0, 0, 1, ihanoi_format_duration, "" },
    { "email", NULL, 0, 0, 1, ihanoi_format_email, "" },
    { "hostname", NULL, 0, 0, 1, ihanoi_format_hostname, "" },
    { "ipv4", NULL, 0, 0, 1, ihanoi_format_ipv4, "" },
    { "ipv6", NULL, 0, 0, 1, ihanoi_format_ipv6, "" },
    { "uuid", "uuid", 0, 0, 1, ihanoi_format_uuid, "" },
    { "uri", NULL, 0, 0, 0, ihanoi_format_uri, "" },
    { "uri-reference", NULL, 0, 0, 0, ihanoi_format_uri_reference, "" },
    { "json-pointer", NULL, 0, 0, 0, ihanoi_format_json_pointer, "" },
    { "int32", "int4", 1, 1, 0, NULL, "" },
    { "int64", "int8", 1, 1, 0, NULL, "" },
    { "float", "float8", 1, 0, 0, NULL, "" },
    { "double", "float8", 1, 0, 0, NULL, "" },
    { "decimal", "numeric", 1, 0, 0, NULL, "" },
    { NULL, NULL, 0, 0, 0, NULL, NULL }
};


const ihanoi_format_t *
ihanoi_format_find(const char *name)
{
    const ihanoi_format_t  *format;

    for (format = ihanoi_formats; format->name; format++) {
        if (strcmp(format->name, name) == 0) {
            return format;
        }
    }

    return NULL;
}


static int
ihanoi_format_is_digit(char c)
{
    return c >= '0' && c <= '9';
}


static int
ihanoi_format_is_hex(char c)
{
    return ihanoi_format_is_digit(c) || (c >= 'a' && c <= 'f')
           || (c >= 'A' && c <= 'F');
}


static int
ihanoi_format_is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}


static int
ihanoi_format_is_alnum(char c)
{
    return ihanoi_format_is_alpha(c) || ihanoi_format_is_digit(c);
}


/* Takes exactly n digits; -1 when they are not there. */

static int
ihanoi_format_take_digits(ihanoi_format_cursor_t *c, unsigned n)
{
    int  value;

    for (value = 0; n; n--) {

        if (c->p == c->end || !ihanoi_format_is_digit(*c->p)) {
            return -1;
        }

        value = value * 10 + (*c->p++ - '0');
    }

    return value;
}


static int
ihanoi_format_take(ihanoi_format_cursor_t *c, char ch)
{
    if (c->p == c->end || *c->p != ch) {
        return 0;
    }

    c->p++;

    return 1;
}


static int
ihanoi_format_take_date(ihanoi_format_cursor_t *c, int *year)
{
    int                month, day, days;
    static const char  lengths[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    *year = ihanoi_format_take_digits(c, 4);
    if (*year < 1 || !ihanoi_format_take(c, '-')) {
        return 0;
    }

    month = ihanoi_format_take_digits(c, 2);
    if (month < 1 || month > 12 || !ihanoi_format_take(c, '-')) {
        return 0;
    }

    days = lengths[month - 1];

    if (month == 2
        && (*year % 4 == 0 && (*year % 100 != 0 || *year % 400 == 0)))
    {
        days = 29;
    }

    day = ihanoi_format_take_digits(c, 2);

    return day >= 1 && day <= days;
}


/*
 * digits: of a second's fraction, at most.  Gives the minutes since that day began
 * in UTC, where it may be another one, also for what rounds to the next minute.
 */

static int
ihanoi_format_take_time(ihanoi_format_cursor_t *c, int digits, int *minutes)
{
    int          n, sign;
    const char  *fraction;

    n = ihanoi_format_take_digits(c, 2);
    if (n < 0 || n > 23 || !ihanoi_format_take(c, ':')) {
        return 0;
    }

    *minutes = n * 60;

    n = ihanoi_format_take_digits(c, 2);
    if (n < 0 || n > 59 || !ihanoi_format_take(c, ':')) {
        return 0;
    }

    *minutes += n;

    n = ihanoi_format_take_digits(c, 2);
    if (n < 0 || n > 59) {
        return 0;
    }

    if (ihanoi_format_take(c, '.')) {

        fraction = c->p;

        while (c->p < c->end && ihanoi_format_is_digit(*c->p)) {
            c->p++;
        }

        if (c->p == fraction || c->p - fraction > digits) {
            return 0;
        }

        if (n == 59 && c->p - fraction > 6
            && memcmp(fraction, "999999", 6) == 0 && fraction[6] >= '5')
        {
            *minutes += 1;
        }
    }

    if (ihanoi_format_take(c, 'Z') || ihanoi_format_take(c, 'z')) {
        return 1;
    }

    if (ihanoi_format_take(c, '+')) {
        sign = 1;

    } else if (ihanoi_format_take(c, '-')) {
        sign = -1;

    } else {
        return 0;
    }

    n = ihanoi_format_take_digits(c, 2);
    if (n < 0 || n > 15 || !ihanoi_format_take(c, ':')) {
        return 0;
    }

    *minutes -= sign * n * 60;

    n = ihanoi_format_take_digits(c, 2);

    *minutes -= sign * n;

    return n >= 0 && n <= 59;
}


/*
 * The year that is bounded is that in UTC: a moment that is accepted with one
 * offset, and comes back with another one, is then valid there, too.
 */

static int
ihanoi_format_date_time(const char *p, size_t len)
{
    int                     year, minutes;
    ihanoi_format_cursor_t  c;

    c.p = p;
    c.end = p + len;

    if (!ihanoi_format_take_date(&c, &year)) {
        return 0;
    }

    if (!ihanoi_format_take(&c, 'T') && !ihanoi_format_take(&c, 't')) {
        return 0;
    }

    if (!ihanoi_format_take_time(&c, 9, &minutes) || c.p != c.end) {
        return 0;
    }

    if (minutes < 0 && memcmp(p + 5, "01-01", 5) == 0) {
        year--;

    } else if (minutes >= 24 * 60 && memcmp(p + 5, "12-31", 5) == 0) {
        year++;
    }

    return year >= 1000 && year <= 9998;
}


static int
ihanoi_format_date(const char *p, size_t len)
{
    int                     year;
    ihanoi_format_cursor_t  c;

    c.p = p;
    c.end = p + len;

    return ihanoi_format_take_date(&c, &year) && c.p == c.end;
}


/* No nanoseconds: PostgreSQL would make 24:00:00 of the last ones of a day. */

static int
ihanoi_format_time(const char *p, size_t len)
{
    int                     minutes;
    ihanoi_format_cursor_t  c;

    c.p = p;
    c.end = p + len;

    return ihanoi_format_take_time(&c, 6, &minutes) && c.p == c.end;
}


/*
 * RFC 3339, appendix A: units in order without gaps; weeks stand alone.  Five
 * digits each keep within PostgreSQL's interval.
 */

static int
ihanoi_format_duration(const char *p, size_t len)
{
    char                     unit;
    int                      last, place, time;
    unsigned                 digits;
    const char              *found;
    ihanoi_format_cursor_t   c;
    static const char        date_units[] = "YMD";
    static const char        time_units[] = "HMS";

    c.p = p;
    c.end = p + len;

    if (!ihanoi_format_take(&c, 'P')) {
        return 0;
    }

    time = 0;
    last = -1;

    while (c.p < c.end) {

        if (*c.p == 'T') {

            if (time || ++c.p == c.end) {
                return 0;
            }

            time = 1;
            last = -1;
            continue;
        }

        for (digits = 0; c.p < c.end && ihanoi_format_is_digit(*c.p); c.p++) {
            digits++;
        }

        if (digits < 1 || digits > 5 || c.p == c.end) {
            return 0;
        }

        unit = *c.p++;

        if (unit == 'W') {
            return !time && last == -1 && c.p == c.end;
        }

        found = strchr(time ? time_units : date_units, unit);
        if (found == NULL || unit == '\0') {
            return 0;
        }

        place = (int) (found - (time ? time_units : date_units));

        if (last != -1 && place != last + 1) {
            return 0;
        }

        last = place;
    }

    return time || last != -1;
}


static int
ihanoi_format_hostname(const char *p, size_t len)
{
    size_t  i, label;

    if (len == 0 || len > 253) {
        return 0;
    }

    /* RFC 1123, 2.1 */

    for (i = 0, label = 0; i < len; i++) {

        if (p[i] == '.') {
            if (label == 0 || p[i - 1] == '-') {
                return 0;
            }

            label = 0;
            continue;
        }

        if (!ihanoi_format_is_alnum(p[i]) && (p[i] != '-' || label == 0)) {
            return 0;
        }

        if (++label > 63) {
            return 0;
        }
    }

    return label > 0 && p[len - 1] != '-';
}


/* RFC 5321, 4.1.2 without quoted names and address literals. */

static int
ihanoi_format_email(const char *p, size_t len)
{
    size_t       i;
    const char  *at;

    if (len > 254) {
        return 0;
    }

    at = memchr(p, '@', len);

    if (at == NULL || at == p || at - p > 64) {
        return 0;
    }

    for (i = 0; p + i < at; i++) {

        if (p[i] == '.') {
            if (i == 0 || p[i - 1] == '.' || p + i + 1 == at) {
                return 0;
            }

            continue;
        }

        if (!ihanoi_format_is_alnum(p[i])
            && (p[i] == '\0' || strchr("!#$%&'*+-/=?^_`{|}~", p[i]) == NULL))
        {
            return 0;
        }
    }

    return ihanoi_format_hostname(at + 1, len - (size_t) (at + 1 - p));
}


static int
ihanoi_format_ipv4(const char *p, size_t len)
{
    unsigned     n, digits, parts;
    const char  *end;

    end = p + len;

    for (parts = 1; /* void */ ; parts++) {

        for (n = 0, digits = 0; p < end && ihanoi_format_is_digit(*p); p++) {

            /* a leading zero is octal to some readers */

            if (++digits > 3 || (digits == 2 && n == 0)) {
                return 0;
            }

            n = n * 10 + (unsigned) (*p - '0');
        }

        if (digits == 0 || n > 255) {
            return 0;
        }

        if (parts == 4) {
            return p == end;
        }

        if (p == end || *p++ != '.') {
            return 0;
        }
    }
}


static int
ihanoi_format_ipv6(const char *p, size_t len)
{
    int          gap;
    unsigned     groups, digits;
    const char  *end, *first;

    end = p + len;
    gap = 0;
    groups = 0;

    if (len >= 2 && p[0] == ':' && p[1] == ':') {
        gap = 1;
        p += 2;
    }

    while (p < end) {

        first = p;

        for (digits = 0; p < end && ihanoi_format_is_hex(*p); p++) {
            digits++;
        }

        if (p < end && *p == '.') {

            if (!ihanoi_format_ipv4(first, (size_t) (end - first))) {
                return 0;
            }

            groups += 2;
            break;
        }

        if (digits < 1 || digits > 4 || ++groups > 8) {
            return 0;
        }

        if (p == end) {
            break;
        }

        if (*p++ != ':' || p == end) {
            return 0;
        }

        if (*p == ':') {

            if (gap) {
                return 0;
            }

            gap = 1;
            p++;
        }
    }

    return gap ? groups < 8 : groups == 8;
}


static int
ihanoi_format_uuid(const char *p, size_t len)
{
    size_t  i;

    if (len != 36) {
        return 0;
    }

    for (i = 0; i < 36; i++) {

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (p[i] != '-') {
                return 0;
            }

        } else if (!ihanoi_format_is_hex(p[i])) {
            return 0;
        }
    }

    return 1;
}


/*
 * Takes characters of RFC 3986's unreserved and sub-delims, of the extra set,
 * and percent-encoded ones; stops at the first other.
 */

static const char *
ihanoi_format_skip_uri(const char *p, const char *end, const char *extra)
{
    while (p < end) {

        if (*p == '%') {
            if (end - p < 3 || !ihanoi_format_is_hex(p[1])
                || !ihanoi_format_is_hex(p[2]))
            {
                return p;
            }

            p += 3;
            continue;
        }

        if (!ihanoi_format_is_alnum(*p)
            && (*p == '\0' || (strchr("-._~!$&'()*+,;=", *p) == NULL
                               && strchr(extra, *p) == NULL)))
        {
            return p;
        }

        p++;
    }

    return p;
}


/* RFC 3986, 3.2: [ userinfo "@" ] host [ ":" port ] */

static int
ihanoi_format_authority(const char *p, const char *end)
{
    size_t       len;
    const char  *at, *close;

    at = memchr(p, '@', (size_t) (end - p));

    if (at != NULL) {
        if (ihanoi_format_skip_uri(p, at, ":") != at) {
            return 0;
        }

        p = at + 1;
    }

    if (p < end && *p == '[') {
        close = memchr(p, ']', (size_t) (end - p));

        if (close == NULL) {
            return 0;
        }

        p++;
        len = (size_t) (close - p);

        if (!ihanoi_format_ipv6(p, len)) {
            return 0;
        }

        p = close + 1;

    } else {
        p = ihanoi_format_skip_uri(p, end, "");
    }

    if (p < end && *p == ':') {
        for (p++; p < end && ihanoi_format_is_digit(*p); p++) { /* void */ }
    }

    return p == end;
}


static int
ihanoi_format_reference(const char *p, size_t len, int absolute)
{
    int          authority, first;
    const char  *end, *q, *colon;

    end = p + len;
    colon = NULL;

    if (len && ihanoi_format_is_alpha(*p)) {

        for (q = p; q < end && (ihanoi_format_is_alnum(*q) || *q == '+'
                                || *q == '-' || *q == '.'); q++)
        { /* void */ }

        if (q < end && *q == ':') {
            colon = q;
        }
    }

    if (colon) {
        p = colon + 1;

    } else if (absolute) {
        return 0;
    }

    authority = 0;

    if (end - p >= 2 && p[0] == '/' && p[1] == '/') {
        p += 2;

        for (q = p; q < end && *q != '/' && *q != '?' && *q != '#'; q++) {
            /* void */
        }

        if (!ihanoi_format_authority(p, q)) {
            return 0;
        }

        p = q;
        authority = 1;
    }

    /* without scheme and authority, the first segment has no colon */

    first = !colon && !authority;

    if (first) {
        p = ihanoi_format_skip_uri(p, end, "@");

        if (p < end && *p == ':') {
            return 0;
        }
    }

    p = ihanoi_format_skip_uri(p, end, ":@/");

    if (p < end && *p == '?') {
        p = ihanoi_format_skip_uri(p + 1, end, ":@/?");
    }

    if (p < end && *p == '#') {
        p = ihanoi_format_skip_uri(p + 1, end, ":@/?");
    }

    return p == end;
}


static int
ihanoi_format_uri(const char *p, size_t len)
{
    return ihanoi_format_reference(p, len, 1);
}


static int
ihanoi_format_uri_reference(const char *p, size_t len)
{
    return ihanoi_format_reference(p, len, 0);
}


static int
ihanoi_format_json_pointer(const char *p, size_t len)
{
    size_t  i;

    if (len && p[0] != '/') {
        return 0;
    }

    for (i = 0; i < len; i++) {

        if (p[i] == '~'
            && (i + 1 == len || (p[i + 1] != '0' && p[i + 1] != '1')))
        {
            return 0;
        }
    }

    return 1;
}
