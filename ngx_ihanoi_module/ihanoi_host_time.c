/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.time: instants as seconds, days as texts, in Hà Nội.
 *
 * The offset is +07:00 all year round.  The tz database has it so for
 * Asia/Ho_Chi_Minh since 13 June 1975; instants before that are shown with
 * +07:00 as well, which is not what clocks showed then.
 */

#include <math.h>
#include <stdio.h>
#include <time.h>

#include <lauxlib.h>

#include "ihanoi_format.h"
#include "ihanoi_host.h"


#define IHANOI_TIME_OFFSET    (7 * 3600)
#define IHANOI_TIME_DAY       86400

/* 0001-01-01 and 10000-01-01, in days since 1970 */
#define IHANOI_TIME_FIRST     -719162
#define IHANOI_TIME_END       2932897


static int ihanoi_host_time_get_now(lua_State *L);
static int ihanoi_host_time_today(lua_State *L);
static int ihanoi_host_time_parse(lua_State *L);
static int ihanoi_host_time_format(lua_State *L);
static int ihanoi_host_time_weekday(lua_State *L);
static int ihanoi_host_time_add_days(lua_State *L);
static int ihanoi_host_time_between(lua_State *L);

static double ihanoi_time_clock(void);
static int ihanoi_time_check(const char *format, const char *text,
    size_t len);
static int ihanoi_time_number(const char *p, unsigned n);
static int ihanoi_time_date(lua_State *L, int index, long *day);
static long ihanoi_time_to_days(int year, int month, int day);
static void ihanoi_time_from_days(long days, int *year, int *month,
    int *day);
static int ihanoi_time_push_date(lua_State *L, long days);


double (*ihanoi_host_time_now)(void) = ihanoi_time_clock;


static const ihanoi_host_function_t  ihanoi_host_time_functions[] = {

    { "time", "now", ihanoi_host_time_get_now, IHANOI_PHASE_ANY,
      "", "seconds number",
      "Seconds since 1970-01-01 00:00 UTC, with a fraction." },

    { "time", "today", ihanoi_host_time_today, IHANOI_PHASE_ANY,
      "", "date string",
      "The date in Hà Nội, \"2026-11-24\"." },

    { "time", "parse", ihanoi_host_time_parse, IHANOI_PHASE_ANY,
      "text string",
      "seconds? number\n"
      "err? string",
      "Seconds since 1970 of a time with an offset as in RFC 3339, "
      "\"2026-11-24T18:00:00.5+07:00\", of the years 1000 to 9998 in UTC and "
      "with at most 9 digits after the point; or of a date, \"2026-11-24\": when it "
      "begins in Hà Nội. nil and a reason for anything else, such as 30 "
      "February, a second 60, or a time without an offset." },

    { "time", "format", ihanoi_host_time_format, IHANOI_PHASE_ANY,
      "seconds number\n"
      "form? \"rfc3339\"|\"date\"|\"time\"",
      "text string",
      "Seconds since 1970 as a text in Hà Nội: "
      "\"2026-11-24T18:00:00+07:00\", its date \"2026-11-24\" or its time "
      "\"18:00:00\". Fractions of a second are left out. Raises outside the "
      "years 1 to 9999." },

    { "time", "weekday", ihanoi_host_time_weekday, IHANOI_PHASE_ANY,
      "date string",
      "day? integer\n"
      "err? string",
      "The day of the week of a date \"2026-11-24\": 1 is Monday, 7 is Sunday "
      "(ISO 8601). nil and a reason when it is not a date." },

    { "time", "add_days", ihanoi_host_time_add_days, IHANOI_PHASE_ANY,
      "date string\n"
      "n integer",
      "date? string\n"
      "err? string",
      "The date n days later, or earlier when n is negative. nil and a reason "
      "when it is not a date, or leaves the years 1 to 9999." },

    { "time", "between", ihanoi_host_time_between, IHANOI_PHASE_ANY,
      "from string\n"
      "to string",
      "days? integer\n"
      "err? string",
      "The number of days from one date to another: 1 for tomorrow, negative "
      "when the second is earlier. nil and a reason when one is not a date." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ihanoi_host_time = {
    "time",
    "Instants are numbers of seconds since 1970 in UTC; days are texts such "
    "as \"2026-11-24\". Where a day begins is decided in Hà Nội: +07:00 all "
    "year round, also for times before 13 June 1975, when clocks there "
    "showed something else.",
    ihanoi_host_time_functions,
    NULL
};


static double
ihanoi_time_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


static int
ihanoi_host_time_get_now(lua_State *L)
{
    lua_pushnumber(L, ihanoi_host_time_now());

    return 1;
}


static int
ihanoi_host_time_today(lua_State *L)
{
    return ihanoi_time_push_date(L,
                        (long) floor((ihanoi_host_time_now()
                                      + IHANOI_TIME_OFFSET) / IHANOI_TIME_DAY));
}


static int
ihanoi_host_time_parse(lua_State *L)
{
    long         day, seconds, offset;
    double       fraction, unit;
    size_t       len;
    const char  *p;

    p = luaL_checklstring(L, 1, &len);

    if (ihanoi_time_check("date", p, len)) {
        (void) ihanoi_time_date(L, 1, &day);
        lua_pushnumber(L, (double) day * IHANOI_TIME_DAY - IHANOI_TIME_OFFSET);
        return 1;
    }

    if (!ihanoi_time_check("date-time", p, len)) {
        return ihanoi_host_fail(L, "neither a date nor a time with an offset");
    }

    /* "2026-11-24T18:00:00": the check knows all the places */

    day = ihanoi_time_to_days(ihanoi_time_number(p, 4),
                              ihanoi_time_number(p + 5, 2),
                              ihanoi_time_number(p + 8, 2));

    seconds = ihanoi_time_number(p + 11, 2) * 3600L
              + ihanoi_time_number(p + 14, 2) * 60
              + ihanoi_time_number(p + 17, 2);

    p += 19;
    fraction = 0;
    unit = 1;

    if (*p == '.') {
        for (p++; *p >= '0' && *p <= '9'; p++) {
            fraction = fraction * 10 + (*p - '0');
            unit *= 10;
        }
    }

    offset = 0;

    if (*p == '+' || *p == '-') {
        offset = ihanoi_time_number(p + 1, 2) * 3600L
                 + ihanoi_time_number(p + 4, 2) * 60;
        offset = *p == '-' ? -offset : offset;
    }

    lua_pushnumber(L, (double) day * IHANOI_TIME_DAY
                      + (double) (seconds - offset) + fraction / unit);

    return 1;
}


static int
ihanoi_host_time_format(lua_State *L)
{
    int     year, month, day, form;
    char    text[64], *p;
    long    days, rest;
    double  seconds;

    static const char *const  forms[] = { "rfc3339", "date", "time", NULL };

    seconds = floor(luaL_checknumber(L, 1)) + IHANOI_TIME_OFFSET;
    form = ihanoi_host_option(L, 2, "rfc3339", forms);

    luaL_argcheck(L, seconds >= (double) IHANOI_TIME_FIRST * IHANOI_TIME_DAY
                     && seconds < (double) IHANOI_TIME_END * IHANOI_TIME_DAY,
                  1, "outside the years 1 to 9999");

    days = (long) floor(seconds / IHANOI_TIME_DAY);
    rest = (long) (seconds - (double) days * IHANOI_TIME_DAY);

    if (form == 1) {
        return ihanoi_time_push_date(L, days);
    }

    ihanoi_time_from_days(days, &year, &month, &day);

    p = text;

    if (form == 0) {
        p += snprintf(p, 32, "%04d-%02d-%02dT", year, month, day);
    }

    p += snprintf(p, 32, "%02ld:%02ld:%02ld%s", rest / 3600, rest / 60 % 60,
                  rest % 60, form == 0 ? "+07:00" : "");

    lua_pushlstring(L, text, (size_t) (p - text));

    return 1;
}


static int
ihanoi_host_time_weekday(lua_State *L)
{
    long  day;

    if (ihanoi_time_date(L, 1, &day) != 0) {
        return ihanoi_host_fail(L, "not a date");
    }

    /* 1970-01-01 was a Thursday */

    lua_pushinteger(L, (day - IHANOI_TIME_FIRST) % 7 + 1);

    return 1;
}


static int
ihanoi_host_time_add_days(lua_State *L)
{
    long    day;
    double  n;

    n = ihanoi_host_integer(L, 2);

    if (ihanoi_time_date(L, 1, &day) != 0) {
        return ihanoi_host_fail(L, "not a date");
    }

    n += (double) day;

    if (n < IHANOI_TIME_FIRST || n >= IHANOI_TIME_END) {
        return ihanoi_host_fail(L, "outside the years 1 to 9999");
    }

    return ihanoi_time_push_date(L, (long) n);
}


static int
ihanoi_host_time_between(lua_State *L)
{
    int   bad;
    long  from, to;

    bad = ihanoi_time_date(L, 1, &from);
    bad |= ihanoi_time_date(L, 2, &to);

    if (bad) {
        return ihanoi_host_fail(L, "not a date");
    }

    lua_pushinteger(L, to - from);

    return 1;
}


static int
ihanoi_time_check(const char *format, const char *text, size_t len)
{
    return ihanoi_format_find(format)->check(text, len);
}


static int
ihanoi_time_number(const char *p, unsigned n)
{
    int  value;

    for (value = 0; n; n--) {
        value = value * 10 + (*p++ - '0');
    }

    return value;
}


static int
ihanoi_time_date(lua_State *L, int index, long *day)
{
    size_t       len;
    const char  *p;

    p = luaL_checklstring(L, index, &len);

    if (!ihanoi_time_check("date", p, len)) {
        return -1;
    }

    *day = ihanoi_time_to_days(ihanoi_time_number(p, 4),
                               ihanoi_time_number(p + 5, 2),
                               ihanoi_time_number(p + 8, 2));

    return 0;
}


/*
 * Days since 1970-01-01.  Years begin in March here, so that the leap day is
 * the last one; the months from March on have 153 days in every five.
 */

static long
ihanoi_time_to_days(int year, int month, int day)
{
    long  y, m;

    y = month > 2 ? year : year - 1;
    m = month > 2 ? month - 3 : month + 9;

    /* 306 days of the year 0 are before its March; 1970 is 719468 after */

    return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1
           - 719468;
}


static void
ihanoi_time_from_days(long days, int *year, int *month, int *day)
{
    int  y;

    /* a guess that is at most a year off */

    y = 1970 + (int) (days / 366);
    y = days < 0 ? 1969 + (int) (days / 365) : y;

    while (ihanoi_time_to_days(y + 1, 1, 1) <= days) {
        y++;
    }

    while (ihanoi_time_to_days(y, 1, 1) > days) {
        y--;
    }

    *year = y;

    for (*month = 12; ihanoi_time_to_days(y, *month, 1) > days; (*month)--) {
        /* void */
    }

    *day = (int) (days - ihanoi_time_to_days(y, *month, 1)) + 1;
}


static int
ihanoi_time_push_date(lua_State *L, long days)
{
    int   year, month, day;
    char  text[32];

    ihanoi_time_from_days(days, &year, &month, &day);

    lua_pushlstring(L, text, (size_t) snprintf(text, sizeof(text),
                                               "%04d-%02d-%02d", year, month,
                                               day));

    return 1;
}
