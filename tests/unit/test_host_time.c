/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.time and ihanoi.uuid, by a clock of ours.
 */

#include <time.h>

#include "host_fixture.h"


#define MB  (1024 * 1024)

#define T  "local t = ihanoi.time "

/* the value, or the error */
#define F  T "local function f(v, err) if v == nil then return err end " \
             "return v end "


static double  clock_now;


static double
fake(void)
{
    return clock_now;
}


static void
instants(void)
{
    /* 2026-11-24 17:00 UTC is midnight in Hà Nội */

    clock_now = 1795539600 - 0.25;
    says(T "return ('%.2f'):format(t.now())", "1795539599.75");
    says(T "return t.today()", "2026-11-24");
    clock_now = 1795539600;
    says(T "return t.today()", "2026-11-25");
    says(T "return t.format(t.now())", "2026-11-25T00:00:00+07:00");
    says(T "return t.format(t.now() - 0.5)", "2026-11-24T23:59:59+07:00");
    says(T "return t.format(t.now() + 3661.9, 'time')", "01:01:01");
    says(T "return t.format(t.now(), 'date')", "2026-11-25");
    says(T "return t.format(0)", "1970-01-01T07:00:00+07:00");
    says(T "return t.format(-1e9)", "1938-04-25T05:13:20+07:00");
    says(T "return t.format(253402275599)", "9999-12-31T23:59:59+07:00");
    says(T "local x = t.format(253402275600)",
         "t:1: bad argument #1 to 'format' (outside the years 1 to 9999)");
    says(T "return t.format(-62135622000)", "0001-01-01T00:00:00+07:00");
    says(T "local x = t.format(-62135622001)",
         "t:1: bad argument #1 to 'format' (outside the years 1 to 9999)");
    says(T "local x = t.format(0/0)",
         "t:1: bad argument #1 to 'format' (outside the years 1 to 9999)");
    says(T "local x = t.format(0, 'iso')",
         "t:1: bad argument #2 to 'format' (invalid option 'iso')");
    says(T "local x = t.format(0, {})",
         "t:1: bad argument #2 to 'format' (string expected, got table)");

    says(T "return t.parse('2026-11-25')", "1795539600");
    says(T "return t.parse('2026-11-25T00:00:00+07:00')", "1795539600");
    says(T "return t.parse('2026-11-24T17:00:00Z')", "1795539600");
    says(T "return t.parse('2026-11-24t12:30:00-04:30')", "1795539600");
    says(T "return ('%.3f'):format(t.parse('2026-11-24T17:00:00.125Z'))",
         "1795539600.125");
    says(T "return t.parse('1970-01-01T00:00:00.5Z')", "0.5");
    says(T "return t.parse('1969-12-31T23:59:59.5Z')", "-0.5");
    says(T "return t.parse(t.format(1234567890))", "1234567890");

    says(F "return f(t.parse('2026-02-30'))",
         "neither a date nor a time with an offset");
    says(F "for _, s in ipairs({'', '2026-11-24T17:00:00', '24/11/2026', "
         "'2026-11-24 17:00:00Z', '2026-11-24T24:00:00Z', '1795539600', "
         "'2026-11-24T17:00:60Z', '2026-11-24T17:00Z', '2026-11-24Z', "
         "'2026-11-24\\0', ' 2026-11-24', '2026-1-1'}) do "
         "if t.parse(s) then return s end end return 'none'", "none");
}


static void
days(void)
{
    long       i, bad;
    char       text[32], expected[32], lua[128];
    time_t     seconds;
    struct tm  tm;

    says(T "return t.weekday('2026-11-24')", "2");
    says(T "return t.weekday('1970-01-01')", "4");
    says(T "return t.weekday('2024-02-29')", "4");
    says(T "return t.weekday('0001-01-01')", "1");
    says(T "return t.add_days('2024-02-28', 1)", "2024-02-29");
    says(T "return t.add_days('2023-02-28', 1)", "2023-03-01");
    says(T "return t.add_days('2026-01-01', -1)", "2025-12-31");
    says(T "return t.add_days('2000-02-29', 365)", "2001-02-28");
    says(T "return t.add_days('2026-11-24', 0)", "2026-11-24");
    says(T "return t.between('2026-11-24', '2026-12-01')", "7");
    says(T "return t.between('2026-12-01', '2026-11-24')", "-7");
    says(T "return t.between('0001-01-01', '9999-12-31')", "3652058");
    says(T "return t.add_days('0001-01-01', 3652058)", "9999-12-31");
    says(F "return f(t.add_days('9999-12-31', 1))",
         "outside the years 1 to 9999");
    says(F "return f(t.add_days('0001-01-01', -1))",
         "outside the years 1 to 9999");
    says(F "return f(t.add_days('2026-02-29', 1))", "not a date");
    says(F "return f(t.weekday('2026-13-01'))", "not a date");
    says(F "return f(t.between('2026-11-24', 'x'))", "not a date");
    says(T "local x = t.add_days('2026-11-24', 1.5)",
         "t:1: bad argument #2 to 'add_days' (not an integer of at most "
         "2^53)");

    /* every 97th day of what the C library knows */

    bad = 0;

    for (i = -700000; i < 2900000; i += 9973) {
        seconds = i * 86400;
        gmtime_r(&seconds, &tm);

        snprintf(expected, sizeof(expected), "%04d-%02d-%02d %d",
                 (tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday,
                 tm.tm_wday ? tm.tm_wday : 7);
        snprintf(lua, sizeof(lua), T "local d = t.add_days('1970-01-01', %ld) "
                 "return d .. ' ' .. t.weekday(d)", i);
        snprintf(text, sizeof(text), "%s", said(lua));

        if (strcmp(text, expected) != 0) {
            printf("# %s, not %s\n", text, expected);
            bad++;
        }
    }

    is_int(bad, 0, "the calendar is that of the C library");
}


static void
uuids(void)
{
    clock_now = 1795539600.123;

    says("return ihanoi.uuid.v4():match('^%x%x%x%x%x%x%x%x%-%x%x%x%x%-"
         "4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$') ~= nil", "true");
    says("return ihanoi.uuid.v4() ~= ihanoi.uuid.v4()", "true");
    says("return ihanoi.uuid.v7():sub(1, 15)", "01a20e80-02fb-7");
    says("local last = '' for i = 1, 20000 do local u = ihanoi.uuid.v7() "
         "if u <= last or not ihanoi.uuid.valid(u) "
         "or not u:find('^%x+%-%x+%-7%x+%-[89ab]') then "
         "return last .. u end last = u end return 'sorted'", "sorted");

    /* the clock goes back: the order stays */

    says("last = ihanoi.uuid.v7() return 1", "1");
    clock_now -= 1000;
    says("return ihanoi.uuid.v7() > last", "true");
    clock_now += 2000;
    says("return ihanoi.uuid.v7() > last", "true");

    says("return ihanoi.uuid.valid('01938F3A-0000-7000-8000-000000000000')",
         "true");
    says("for _, s in ipairs({'', '01938f3a00007000800000000000000', "
         "'{01938f3a-0000-7000-8000-000000000000}', "
         "'01938f3a-0000-7000-8000-00000000000g', "
         "'01938f3a-0000-7000-8000-000000000000\\n'}) do "
         "if ihanoi.uuid.valid(s) then return s end end return 'none'",
         "none");
}


int
main(void)
{
    start(8 * MB);

    ok(ihanoi_host_time_now() > 1.7e9, "the clock runs");
    ihanoi_host_time_now = fake;

    instants();
    days();
    uuids();

    end();
    ihanoi_sandbox_destroy(sandbox);

    return done_testing();
}
