/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.text: Vietnamese by characters.
 */

#include "host_fixture.h"


#define MB  (1024 * 1024)

/* of a call that may use 20 ms; a sanitizer looks at each byte that is freed, too */
#ifdef __SANITIZE_ADDRESS__
#define IN_TIME  300000
#else
#define IN_TIME  60000
#endif

#define T  "local t = ihanoi.text "

/* the value, or the error */
#define F  T "local function f(v, err) if v == nil then return err end " \
             "return v end "

/* "Việt" with marks apart, in both orders */
#define APART  "'Vie\\204\\163\\204\\130t'"
#define OTHER  "'Vie\\204\\130\\204\\163t'"


static void
letters(void)
{
    says(T "return t.lower('PHƯỜNG ĐỐNG ĐA ỂỄỸỴ')", "phường đống đa ểễỹỵ");
    says(T "return t.upper('phường đống đa ểễỹỵ')", "PHƯỜNG ĐỐNG ĐA ỂỄỸỴ");
    says(T "return t.lower('') .. t.lower('A\\0B') == 'a\\0b'", "true");
    says(T "local all = 'ăằẳẵắặâầẩẫấậàảãáạđêềểễếệèẻẽéẹìỉĩíịôồổỗốộơờởỡớợòỏõóọ"
         "ưừửữứựùủũúụỳỷỹýỵ' return t.lower(t.upper(all)) == all "
         "and t.length(all) == t.length(t.upper(all)) and t.length(all)",
         "67");

    says(T "return t.nfc(" APART ") == 'Việt' and t.nfc(" OTHER ") == 'Việt'",
         "true");
    says(T "return t.length(" APART ") .. t.length(t.nfc(" APART "))", "64");
    says(T "return t.nfc('Hà Nội') == 'Hà Nội' and t.nfc('') == ''", "true");
    says(T "return t.nfc('\\226\\132\\171') == 'Å'", "true");

    says(T "return t.unaccent('Đường Láng, quận Đống Đa')",
         "Duong Lang, quan Dong Da");
    says(T "return t.unaccent(" APART ")", "Viet");
    says(T "return t.unaccent('ăằẳẵắặâầẩẫấậàảãáạđêềểễếệèẻẽéẹìỉĩíịôồổỗốộ"
         "ơờởỡớợòỏõóọưừửữứựùủũúụỳỷỹýỵ')",
         "aaaaaaaaaaaaaaaaadeeeeeeeeeeeiiiiiooooooooooooooooouuuuuuuuuuuyyyyy");
    says(T "return t.unaccent('한국 日本 ไทย ₫ 😀')", "한국 日本 ไทย ₫ 😀");

    says(T "return t.length('Hà Nội ₫😀')", "9");
    says(T "return t.length('')", "0");
    says(T "return t.valid('Hà Nội')", "true");
    says(T "return t.valid('\\192\\128')", "false");
    says(T "return t.valid('\\237\\160\\128')", "false");
    says(T "return t.valid('a\\0')", "true");

    says(T "return t.truncate('Hà Nội', 2)", "Hà");
    says(T "return t.truncate('Hà Nội', 6)", "Hà Nội");
    says(T "return t.truncate('Hà Nội', 100)", "Hà Nội");
    says(T "return t.truncate('Hà Nội', 0)", "");
    says(T "return t.truncate('', 5)", "");
    says(T "return t.truncate(" APART ", 3) .. t.truncate(" APART ", 4)",
         "ViVi");
    says(T "return t.length(t.truncate(" APART ", 5))", "5");
    says(T "local x = t.truncate('a', -1)",
         "t:1: bad argument #2 to 'truncate' (less than nothing)");

    says(F "for _, n in ipairs({'nfc', 'unaccent', 'lower', 'upper', 'length'"
         "}) do local v, err = t[n]('Hà \\255') "
         "if v or err ~= 'not valid UTF-8' then return n end end "
         "return f(t.truncate('\\225\\187', 1))", "not valid UTF-8");
}


/* Pieces are joined where they do not depend on each other. */

static void
long_texts(void)
{
    char      text[128];
    unsigned  i;

    static const char *const  names[] = {
        "nfc", "unaccent", "lower", "upper", "length", "truncate", "valid",
        NULL
    };

    says(T "local a, b = " APART " .. ' ', 'Việt ' "
         "for n = 1, 600, 7 do "
         "  for pad = 0, 9 do local x = ('x'):rep(pad) "
         "    if t.nfc(x .. a:rep(n)) ~= x .. b:rep(n) then "
         "      return n end end end return 'same'", "same");
    says(T "local a, b = " APART ", 'Việt' "
         "return t.nfc(a:rep(5000)) == b:rep(5000)", "true");
    says(T "return t.nfc(('đ'):rep(100000)) == ('đ'):rep(100000)", "true");
    says(T "return t.unaccent(('ệ'):rep(100000)) == ('e'):rep(100000)",
         "true");

    /* nothing but marks: they would have to be sorted as a whole */

    says(F "return f(t.nfc(('\\204\\163\\204\\130'):rep(50000)))",
         "more than 8192 bytes that may belong together");
    says(T "return #t.nfc('e' .. ('\\204\\163\\204\\130'):rep(2000) .. ' ')",
         "8000");

    /* each function is ended when the time is over */

    is_int(run_for("while true do pcall(ihanoi.text.nfc, "
                   "('\\204\\163\\204\\130'):rep(2000) .. ' ') end", 50000),
           IHANOI_RUN_CPU, "sorting marks is killed");
    end();
    says("text = ('Việt '):rep(1e4):rep(400) return #text", "28000000");

    for (i = 0; names[i]; i++) {
        snprintf(text, sizeof(text), "pcall(ihanoi.text.%s, text, 1) "
                 "return 1", names[i]);

        is_int(run_for(text, 20000), IHANOI_RUN_CPU,
               "%s() of a long text is killed", names[i]);
        ok(ihanoi_call_usec(call) < IN_TIME, "in time: %u usec",
           ihanoi_call_usec(call));
        end();
    }
}


int
main(void)
{
    (void) ihanoi_sandbox_start_timer(SIGRTMIN, NULL, 20000, stuck);

    start(256 * MB);

    letters();
    long_texts();

    end();
    ihanoi_sandbox_destroy(sandbox);
    ihanoi_sandbox_stop_timer();

    return done_testing();
}
