/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.money: exact, or an error.
 */

#include "host_fixture.h"


#define MB  (1024 * 1024)

#define M  "local m = ihanoi.money "

/* the value, or the error */
#define F  M "local function f(v, err) if v == nil then return err end " \
             "return v end "

#define LIST  M "local function list(t) return table.concat(t, ' ') end "


int
main(void)
{
    start(8 * MB);

    says(M "for _, s in ipairs({'1250000', '1.250.000', '1.250.000 ₫', "
         "'1.250.000₫', '1250000đ', '1.250.000\\194\\160₫', '1.250.000 VND', "
         "'1250000 vnđ', '1.250.000 đồng'}) do "
         "if m.parse(s) ~= 1250000 then return s end end return 'all'", "all");
    says(M "return m.parse('0') .. m.parse('-5.000 ₫') .. m.parse('12.000')",
         "0-500012000");
    says(M "for _, s in ipairs({'', '-', '₫', ' 5', '5 ', '5  ₫', '1.25', "
         "'12.5000', '1250.000', '1..000', '.000', '1.000.', '0.000', '007', "
         "'1,250,000', '1.250,50', '1.250 USD', '--5', '+5', '1 000', '0x10', "
         "'1e6', '5\\0', '1.000.00', '₫5', '5.000 ₫ ₫'}) do "
         "if m.parse(s) then return s end end return 'none'", "none");
    says(F "return f(m.parse('1,5'))", "not an amount of đồng");
    says(M "return ('%.0f'):format(m.parse('9.007.199.254.740.992'))",
         "9007199254740992");
    says(F "return f(m.parse('9007199254740993'))", "more than 2^53 đồng");
    says(F "return f(m.parse(('9'):rep(100000)))", "more than 2^53 đồng");

    says(M "return m.format(1250000)", "1.250.000 ₫");
    says(M "return m.format(0) .. m.format(999) .. m.format(1000)",
         "0 ₫999 ₫1.000 ₫");
    says(M "return m.format(-1250000)", "-1.250.000 ₫");
    says(M "return m.format(2^53)", "9.007.199.254.740.992 ₫");
    says(M "for i = 1, 5000 do local n = math.random(-2^31, 2^31 - 1) * 1000 "
         "+ math.random(999) if m.parse(m.format(n)) ~= n then return n end "
         "end return 'all'", "all");
    says(M "local x = m.format(0.5)",
         "t:1: bad argument #1 to 'format' (not an integer of at most 2^53)");
    says(M "local x = m.format(2^53 + 2)",
         "t:1: bad argument #1 to 'format' (not an integer of at most 2^53)");
    says(M "local x = m.format(0/0)",
         "t:1: bad argument #1 to 'format' (not an integer of at most 2^53)");

    says(M "return m.add(1, 2, 3) .. ' ' .. m.sub(1, 3) .. ' ' .. m.mul(-2, 3)",
         "6 -2 -6");
    says(M "local x = m.add(2^53, 1)", "t:1: more than 2^53 đồng");
    says(M "return m.add(2^53, -1, 1) == 2^53", "true");
    says(M "local x = m.sub(-2^53, 1)", "t:1: more than 2^53 đồng");
    says(M "local x = m.mul(2^27, 2^27)", "t:1: more than 2^53 đồng");
    says(M "local x = m.mul(2^53, 2^53)", "t:1: more than 2^53 đồng");
    says(M "local x = m.mul(94906267, 94906267)", "t:1: more than 2^53 đồng");
    says(M "return m.mul(94906265, 94906265) == 94906265 * 94906265", "true");
    says(M "local x = m.add(1, 2.5)",
         "t:1: bad argument #2 to 'add' (not an integer of at most 2^53)");

    /* what the host itself gives as a text, because a double would lose a đồng */

    says(M "local x = m.add(1, '9007199254740993')",
         "t:1: bad argument #2 to 'add' (number expected, got string)");
    says(M "local x = m.format('0x10')",
         "t:1: bad argument #1 to 'format' (number expected, got string)");

    says(LIST "return list(m.share(100000, {1, 1, 1}))", "33334 33333 33333");
    says(LIST "return list(m.share(-100, {1, 1, 1}))", "-34 -33 -33");
    says(LIST "return list(m.share(10, {0, 1, 0}))", "0 10 0");
    says(LIST "return list(m.share(2, {0, 1, 1, 1}))", "0 1 1 0");
    says(LIST "return list(m.share(0, {1, 2}))", "0 0");
    says(LIST "return list(m.share(100, {50, 30, 20}))", "50 30 20");
    says(LIST "return list(m.share(1000, {2, 3, 3}))", "250 375 375");
    says(LIST "return list(m.share(7, {3, 2, 2}))", "3 2 2");
    says(LIST "return list(m.share(8, {3, 2, 2}))", "4 2 2");
    says(M "local p = m.share(2^53, {2^53, 2^53, 2^53}) "
         "return m.add(p[1], p[2], p[3]) == 2^53", "true");
    says(M "for i = 1, 500 do local w, n = {}, math.random(40)\n"
         "  for k = 1, n do w[k] = math.random(0, 1000) end w[1] = 1\n"
         "  local total = math.random(0, 2^31 - 1)\n"
         "  local p, sum, all = m.share(total, w), 0, 0\n"
         "  for k = 1, n do all = all + w[k] end\n"
         "  for k = 1, n do sum = sum + p[k]\n"
         "    if math.abs(p[k] - total * w[k] / all) >= 1 "
         "then return 'unfair' end end\n"
         "  if #p ~= n or sum ~= total then return 'lost' end end\n"
         "return 'fair'", "fair");

    says(M "local x = m.share(1, {})",
         "t:1: bad argument #2 to 'share' (1 to 1000 weights)");
    says(M "local t = {} for i = 1, 1001 do t[i] = 1 end m.share(1, t)",
         "t:1: bad argument #2 to 'share' (1 to 1000 weights)");
    says(M "local t = {} for i = 1, 1000 do t[i] = 2^53 end "
         "return #m.share(2^53, t)", "1000");
    says(M "local x = m.share(1, {0, 0})",
         "t:1: bad argument #2 to 'share' (all weights are 0)");
    says(M "for _, w in ipairs({-1, 0.5, '1', 0/0, 2^60, 1/0}) do "
         "if pcall(m.share, 1, {1, w}) then return w end end return 'none'",
         "none");

    end();
    ihanoi_sandbox_destroy(sandbox);

    return done_testing();
}
