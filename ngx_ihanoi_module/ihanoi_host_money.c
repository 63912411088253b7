/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.money: amounts of đồng, which are integers: it has no parts.
 */

#include <stdint.h>
#include <string.h>

#include <lauxlib.h>

#include "ihanoi_host.h"


#define IHANOI_MONEY_MAX      9007199254740992LL    /* 2^53 */
#define IHANOI_MONEY_WEIGHTS  1000


__extension__ typedef unsigned __int128  ihanoi_money_wide_t;


static int ihanoi_host_money_parse(lua_State *L);
static int ihanoi_host_money_format(lua_State *L);
static int ihanoi_host_money_add(lua_State *L);
static int ihanoi_host_money_sub(lua_State *L);
static int ihanoi_host_money_mul(lua_State *L);
static int ihanoi_host_money_share(lua_State *L);

static const char *ihanoi_money_digits(const char *p, int64_t *amount);
static int ihanoi_money_unit(const char *p, const char *end);
static int ihanoi_money_push(lua_State *L, int64_t amount);


static const ihanoi_host_function_t  ihanoi_host_money_functions[] = {

    { "money", "parse", ihanoi_host_money_parse, IHANOI_PHASE_ANY,
      "text string",
      "amount? integer\n"
      "err? string",
      "An amount as people write it: \"1250000\", \"1.250.000\", \"1.250.000 "
      "₫\", \"-5.000đ\", \"1.250.000 VND\", \"1.250.000 đồng\". Points stand "
      "between groups of three digits, all of them or none. nil and a reason "
      "for anything else, commas included: they may mean two things." },

    { "money", "format", ihanoi_host_money_format, IHANOI_PHASE_ANY,
      "amount integer",
      "text string",
      "An amount as \"1.250.000 ₫\". Raises when it is not an integer of at "
      "most 2^53." },

    { "money", "add", ihanoi_host_money_add, IHANOI_PHASE_ANY,
      "amount integer\n"
      "... integer",
      "sum integer",
      "The sum of all amounts. Raises when one of them, or the sum, is not an "
      "integer of at most 2^53." },

    { "money", "sub", ihanoi_host_money_sub, IHANOI_PHASE_ANY,
      "a integer\n"
      "b integer",
      "difference integer",
      "a less b. Raises when one of them, or the difference, is not an "
      "integer of at most 2^53." },

    { "money", "mul", ihanoi_host_money_mul, IHANOI_PHASE_ANY,
      "amount integer\n"
      "times integer",
      "product integer",
      "An amount taken some times. Raises when one of them, or the product, "
      "is not an integer of at most 2^53. For parts of an amount there is "
      "share()." },

    { "money", "share", ihanoi_host_money_share, IHANOI_PHASE_ANY,
      "total integer\n"
      "weights integer[]",
      "parts integer[]",
      "Splits an amount by weights so that not a đồng is lost: each part is "
      "total * weight / sum of weights, rounded down, and what is left goes, "
      "one đồng each, to the parts that lost most by it, the first ones among "
      "equals. share(100000, {1, 1, 1}) is {33334, 33333, 33333}. Raises "
      "unless there are 1 to 1000 weights, integers from 0 to 2^53, not all "
      "of them 0." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ihanoi_host_money = {
    "money",
    "Amounts of đồng: integers up to 2^53 (nine million billion), exact.",
    ihanoi_host_money_functions,
    NULL
};


static int
ihanoi_host_money_parse(lua_State *L)
{
    int          negative;
    size_t       len;
    int64_t      amount;
    const char  *p, *end;

    p = luaL_checklstring(L, 1, &len);
    end = p + len;

    negative = *p == '-';
    p += negative;

    p = ihanoi_money_digits(p, &amount);

    if (p == NULL || !ihanoi_money_unit(p, end)) {
        return ihanoi_host_fail(L, "not an amount of đồng");
    }

    if (amount > IHANOI_MONEY_MAX) {
        return ihanoi_host_fail(L, "more than 2^53 đồng");
    }

    return ihanoi_money_push(L, negative ? -amount : amount);
}


/*
 * Groups of digits, as far as they go: behind them, or NULL when they are
 * none.  A string of Lua ends with a zero.
 */

static const char *
ihanoi_money_digits(const char *p, int64_t *amount)
{
    unsigned  n, groups;

    *amount = 0;

    if (*p == '0' && p[1] >= '0' && p[1] <= '9') {
        return NULL;
    }

    for (groups = 0; ; groups++) {

        for (n = 0; *p >= '0' && *p <= '9'; n++, p++) {

            /* some more digits than it can have are not wrong, but too much */

            if (*amount <= IHANOI_MONEY_MAX) {
                *amount = *amount * 10 + (*p - '0');
            }
        }

        if (groups == 0 ? n == 0 : n != 3) {
            return NULL;
        }

        if (*p != '.') {
            return p;
        }

        /* the first group of several */

        if (groups == 0 && (n > 3 || *amount == 0)) {
            return NULL;
        }

        p++;
    }
}


/* Nothing, or a space (maybe one that does not break) and a unit. */

static int
ihanoi_money_unit(const char *p, const char *end)
{
    unsigned  i;

    static const char *const  units[] = {
        "₫", "đ", "Đ", "đồng", "VND", "VNĐ", "vnd", "vnđ", NULL
    };

    if (p == end) {
        return 1;
    }

    if (*p == ' ') {
        p++;

    } else if (end - p > 2 && memcmp(p, "\xc2\xa0", 2) == 0) {
        p += 2;
    }

    for (i = 0; units[i]; i++) {
        if (strlen(units[i]) == (size_t) (end - p)
            && memcmp(p, units[i], (size_t) (end - p)) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static int
ihanoi_host_money_format(lua_State *L)
{
    char      text[64], *p;
    double    amount;
    int64_t   rest;
    unsigned  n;

    amount = ihanoi_host_integer(L, 1);
    rest = (int64_t) (amount < 0 ? -amount : amount);

    p = text + sizeof(text);
    p -= sizeof(" ₫") - 1;
    memcpy(p, " ₫", sizeof(" ₫") - 1);

    n = 0;

    do {
        if (n && n % 3 == 0) {
            *--p = '.';
        }

        *--p = (char) ('0' + rest % 10);
        rest /= 10;
        n++;
    } while (rest);

    if (amount < 0) {
        *--p = '-';
    }

    lua_pushlstring(L, p, (size_t) (text + sizeof(text) - p));

    return 1;
}


static int
ihanoi_host_money_add(lua_State *L)
{
    int      i, n;
    int64_t  sum;

    n = lua_gettop(L);
    sum = (int64_t) ihanoi_host_integer(L, 1);

    for (i = 2; i <= n; i++) {
        sum += (int64_t) ihanoi_host_integer(L, i);

        /* no more than 2^54 at any time: it cannot overflow */

        if (sum > IHANOI_MONEY_MAX || sum < -IHANOI_MONEY_MAX) {
            break;
        }
    }

    return ihanoi_money_push(L, sum);
}


static int
ihanoi_host_money_sub(lua_State *L)
{
    return ihanoi_money_push(L, (int64_t) ihanoi_host_integer(L, 1)
                                - (int64_t) ihanoi_host_integer(L, 2));
}


static int
ihanoi_host_money_mul(lua_State *L)
{
    int64_t  a, b, product;

    a = (int64_t) ihanoi_host_integer(L, 1);
    b = (int64_t) ihanoi_host_integer(L, 2);

    if (__builtin_mul_overflow(a, b, &product)) {
        product = INT64_MAX;
    }

    return ihanoi_money_push(L, product);
}


static int
ihanoi_host_money_share(lua_State *L)
{
    int                  negative;
    double               weight;
    int64_t              total;
    uint64_t             amount, left, sum, weights[IHANOI_MONEY_WEIGHTS];
    uint64_t             parts[IHANOI_MONEY_WEIGHTS];
    unsigned             i, n, most;
    ihanoi_money_wide_t  product, lost[IHANOI_MONEY_WEIGHTS];

    total = (int64_t) ihanoi_host_integer(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);

    luaL_argcheck(L, lua_objlen(L, 2) >= 1
                     && lua_objlen(L, 2) <= IHANOI_MONEY_WEIGHTS, 2,
                  "1 to 1000 weights");

    negative = total < 0;
    amount = (uint64_t) (negative ? -total : total);
    n = (unsigned) lua_objlen(L, 2);
    sum = 0;

    for (i = 0; i < n; i++) {
        lua_rawgeti(L, 2, (int) i + 1);

        weight = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;

        if (!(weight >= 0 && weight <= (double) IHANOI_MONEY_MAX)
            || weight != (double) (uint64_t) weight)
        {
            luaL_argerror(L, 2, "a weight that is not an integer from 0 to "
                                "2^53");
        }

        weights[i] = (uint64_t) weight;
        sum += weights[i];
        lua_pop(L, 1);
    }

    luaL_argcheck(L, sum > 0, 2, "all weights are 0");

    left = amount;

    for (i = 0; i < n; i++) {
        product = (ihanoi_money_wide_t) amount * weights[i];
        parts[i] = (uint64_t) (product / sum);
        lost[i] = product % sum + (weights[i] ? 1 : 0);
        left -= parts[i];
    }

    /* less than n are left; who got one has lost nothing any more */

    for ( /* void */ ; left; left--) {

        most = 0;

        for (i = 1; i < n; i++) {
            if (lost[i] > lost[most]) {
                most = i;
            }
        }

        parts[most]++;
        lost[most] = 0;
    }

    lua_createtable(L, (int) n, 0);

    for (i = 0; i < n; i++) {
        lua_pushnumber(L, negative ? -(double) parts[i] : (double) parts[i]);
        lua_rawseti(L, -2, (int) i + 1);
    }

    return 1;
}


static int
ihanoi_money_push(lua_State *L, int64_t amount)
{
    if (amount > IHANOI_MONEY_MAX || amount < -IHANOI_MONEY_MAX) {
        return luaL_error(L, "more than 2^53 đồng");
    }

    lua_pushnumber(L, (double) amount);

    return 1;
}
