/*
 * Copyright (C) iHaNoi contributors
 *
 * Schedules of five fields: minute, hour, day, month, weekday.
 */

#ifndef _IHANOI_CRON_H_INCLUDED_
#define _IHANOI_CRON_H_INCLUDED_


#include <stdint.h>
#include <time.h>


/* A bit for each value that is due. */
typedef struct {
    uint64_t                  minutes;
    uint32_t                  hours;
    uint32_t                  days;         /* 1 .. 31 */
    uint16_t                  months;       /* 1 .. 12 */
    uint8_t                   weekdays;     /* 0 .. 6, Sunday is 0 */
    unsigned                  any_day:1;    /* "*": only the other counts */
    unsigned                  any_weekday:1;
} ihanoi_cron_t;


/*
 * Reads "30 2 * * 1-5": numbers, lists, ranges, steps and "*", nothing else.
 * A day and a weekday that are both given are alternatives, as in crontab(5).
 * 0, or -1 with *reason set to a static text.
 */
int ihanoi_cron_parse(ihanoi_cron_t *cron, const char *text,
    const char **reason);

/*
 * The first minute after "after" at which the schedule is due, both in seconds
 * since 1970 and offset seconds east of UTC all the year (Hanoi: 25200).  -1:
 * there is none.
 */
time_t ihanoi_cron_next(const ihanoi_cron_t *cron, time_t after, long offset);


#endif /* _IHANOI_CRON_H_INCLUDED_ */
