/*
 * Copyright (C) iHaNoi contributors
 *
 * Parameters of a plugin's SQL.
 */

#include <string.h>

#include "tap.h"
#include "ihanoi_sql.h"


typedef struct {
    const char  *sql;
    int          parameters;
} test_sql_t;


static const test_sql_t  cases[] = {
    { "", 0 },
    { "select 1", 0 },
    { "select $1", 1 },
    { "select $2, $1", 2 },
    { "select $12+$3", 12 },
    { "select $100", 100 },
    { "select $101", -1 },
    { "select $99999999999999999999", -1 },
    { "select '$1', $2", 2 },
    { "select 'it''s $4', $2", 2 },
    { "select E'it\\'s $4', $2", 2 },
    { "select e'a\\\\', $2", 2 },
    { "select e'a''\\' $7', $2", 2 },
    { "select type'a\\', $2 -- '", 2 },
    { "select 'a\\', $2", 2 },
    { "select \"$1\", $2", 2 },
    { "select $1 -- $5\n, $2", 2 },
    { "select $1 /* $5 /* $6 */ $7 */ - $2", 2 },
    { "select $1 /* $5", 1 },
    { "select $$ $5 $$, $1", 1 },
    { "select $a$ $5 $$ $b$ $a$, $1", 1 },
    { "select $a$ $5 $", 0 },
    { "select a$1, $2", 2 },
    { "select $", 0 },
    { "select '$1", 0 },
    { "select 4 - $1 / $2", 2 },
    { "-", 0 },
    { "/", 0 },
};


int
main(void)
{
    size_t  i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(ihanoi_sql_parameters(cases[i].sql, strlen(cases[i].sql)),
               cases[i].parameters, "%s", cases[i].sql);
    }

    ok(ihanoi_sql_is_name("bench_find2", 11), "a name");
    ok(ihanoi_sql_is_name("_", 1), "an underscore is one");
    ok(!ihanoi_sql_is_name("", 0), "nothing is not");
    ok(!ihanoi_sql_is_name("2a", 2), "nor what begins with a digit");
    ok(!ihanoi_sql_is_name("a b", 3), "nor with a space");
    ok(!ihanoi_sql_is_name("A", 1), "nor with capitals");
    ok(!ihanoi_sql_is_name("a\0b", 3), "nor with a NUL");
    ok(!ihanoi_sql_is_name("a.b", 3), "nor with a schema");

    return done_testing();
}
