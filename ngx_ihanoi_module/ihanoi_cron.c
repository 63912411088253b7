/*
 * Copyright (C) iHaNoi contributors
 *
 * Schedules of five fields: minute, hour, day, month, weekday.
 */

#include "ihanoi_cron.h"


/* a 29 February of one weekday may be forty years after another */
#define IHANOI_CRON_DAYS  (41 * 366)


static int ihanoi_cron_field(const char **p, unsigned least, unsigned most,
    uint64_t *bits);
static int ihanoi_cron_number(const char **p, unsigned *n);
static int ihanoi_cron_day(const ihanoi_cron_t *cron, const struct tm *tm);


static const struct {
    unsigned                  least;
    unsigned                  most;
    const char               *reason;
} ihanoi_cron_fields[] = {
    { 0, 59, "the minute is not 0 to 59" },
    { 0, 23, "the hour is not 0 to 23" },
    { 1, 31, "the day is not 1 to 31" },
    { 1, 12, "the month is not 1 to 12" },
    { 0, 7, "the weekday is not 0 to 7" }
};


int
ihanoi_cron_parse(ihanoi_cron_t *cron, const char *text, const char **reason)
{
    unsigned     i;
    uint64_t     bits[5];
    const char  *p, *fields[5];

    p = text;

    for (i = 0; i < 5; i++) {

        while (*p == ' ' || *p == '\t') {
            p++;
        }

        if (*p == '\0') {
            *reason = "a schedule has five fields";
            return -1;
        }

        fields[i] = p;

        if (ihanoi_cron_field(&p, ihanoi_cron_fields[i].least,
                              ihanoi_cron_fields[i].most, &bits[i])
            != 0)
        {
            *reason = ihanoi_cron_fields[i].reason;
            return -1;
        }
    }

    if (*p != '\0') {
        *reason = "a schedule has five fields";
        return -1;
    }

    cron->minutes = bits[0];
    cron->hours = (uint32_t) bits[1];
    cron->days = (uint32_t) bits[2];
    cron->months = (uint16_t) bits[3];
    cron->weekdays = (uint8_t) ((bits[4] | bits[4] >> 7) & 0x7f);
    cron->any_day = *fields[2] == '*';
    cron->any_weekday = *fields[4] == '*';

    /* 30 February: nobody would ever notice that it does not run */

    if (!cron->any_day && cron->any_weekday
        && ihanoi_cron_next(cron, 0, 0) == -1)
    {
        *reason = "no month it names has that day";
        return -1;
    }

    return 0;
}


/* One field, "1,5-20/5", until a space or the end. */

static int
ihanoi_cron_field(const char **p, unsigned least, unsigned most,
    uint64_t *bits)
{
    unsigned  from, to, step;

    *bits = 0;

    for ( ;; ) {
        step = 1;

        if (**p == '*') {
            from = least;
            to = most;
            (*p)++;

        } else {
            if (ihanoi_cron_number(p, &from) != 0) {
                return -1;
            }

            to = from;

            if (**p == '-') {
                (*p)++;

                if (ihanoi_cron_number(p, &to) != 0) {
                    return -1;
                }

            } else if (**p == '/') {
                to = most;
            }
        }

        if (**p == '/') {
            (*p)++;

            if (ihanoi_cron_number(p, &step) != 0 || step == 0) {
                return -1;
            }
        }

        if (from < least || to > most || from > to) {
            return -1;
        }

        for ( /* void */ ; from <= to; from += step) {
            *bits |= (uint64_t) 1 << from;
        }

        if (**p != ',') {
            break;
        }

        (*p)++;
    }

    return (**p == '\0' || **p == ' ' || **p == '\t') ? 0 : -1;
}


static int
ihanoi_cron_number(const char **p, unsigned *n)
{
    const char  *first;

    first = *p;
    *n = 0;

    while (**p >= '0' && **p <= '9' && *p - first < 2) {
        *n = *n * 10 + (unsigned) (**p - '0');
        (*p)++;
    }

    return *p == first ? -1 : 0;
}


time_t
ihanoi_cron_next(const ihanoi_cron_t *cron, time_t after, long offset)
{
    time_t     minute, day;
    unsigned   i, m;
    struct tm  tm;

    minute = (after + offset) / 60 + 1;
    day = minute / 1440;
    m = (unsigned) (minute % 1440);

    for (i = 0; i < IHANOI_CRON_DAYS; i++, day++, m = 0) {

        minute = day * 86400;

        if (gmtime_r(&minute, &tm) == NULL) {
            return -1;
        }

        if (!ihanoi_cron_day(cron, &tm)) {
            continue;
        }

        for ( /* void */ ; m < 1440; m++) {

            if ((cron->hours >> (m / 60) & 1)
                && (cron->minutes >> (m % 60) & 1))
            {
                return day * 86400 + m * 60 - offset;
            }
        }
    }

    return -1;
}


static int
ihanoi_cron_day(const ihanoi_cron_t *cron, const struct tm *tm)
{
    int  day, weekday;

    if (!(cron->months >> (tm->tm_mon + 1) & 1)) {
        return 0;
    }

    day = cron->days >> tm->tm_mday & 1;
    weekday = cron->weekdays >> tm->tm_wday & 1;

    if (cron->any_day || cron->any_weekday) {
        return day && weekday;
    }

    return day || weekday;
}
