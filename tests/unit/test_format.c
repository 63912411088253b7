/*
 * Copyright (C) iHaNoi contributors
 *
 * The formats that are asserted.  formats.t beside it holds those that are cast
 * to what PostgreSQL accepts.
 */

#include <stdlib.h>

#include "tap.h"
#include "ihanoi_format.h"


static const struct {
    const char  *format;
    const char  *valid[24];
    const char  *invalid[44];
} rows[] = {

    { "date-time",
      { "2026-11-24T11:12:13Z", "2026-11-24t11:12:13z",
        "2026-11-24T11:12:13.5+07:00", "2026-11-24T11:12:13.123456-15:59",
        "2024-02-29T00:00:00Z", "2000-02-29T23:59:59+00:00",
        "1000-01-01T00:00:00Z", "9998-12-31T23:59:59.999999Z",
        "0999-12-31T08:01:00-15:59", "1000-01-01T15:59:00+15:59",
        "9998-12-31T08:00:59-15:59", "9999-01-01T15:58:59+15:59",
        "2026-11-24T11:12:13.1234567Z", "2026-11-24T11:12:13.123456789+07:00",
        "9998-12-31T23:59:59.9999994Z", "0999-12-31T23:59:59.9999995Z" },
      { "", "2026-11-24", "2026-11-24T11:12:13", "2026-11-24 11:12:13Z",
        "2026-11-24T11:12Z", "2026-11-24T11:12:60Z", "2016-12-31T23:59:60Z",
        "2026-11-24T24:00:00Z", "2026-11-24T11:60:00Z",
        "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z", "0000-01-01T00:00:00Z",
        "0999-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
        "1000-01-01T15:58:59+15:59", "9998-12-31T08:01:00-15:59",
        "12026-01-01T00:00:00Z", "-026-01-01T00:00:00Z",
        "2026-11-24T11:12:13.Z", "2026-11-24T11:12:13.1234567890Z",
        "9998-12-31T23:59:59.9999995Z", "0999-12-31T23:59:59.9999994Z",
        "2026-11-24T11:12:13,5Z", "2026-11-24T11:12:13+16:00",
        "2026-11-24T11:12:13+07:60", "2026-11-24T11:12:13+0700",
        "2026-11-24T11:12:13+07", "2026-11-24T11:12:13ZZ",
        " 2026-11-24T11:12:13Z", "2026-11-24T11:12:13Z ",
        "2026-1-24T11:12:13Z", "26-11-24T11:12:13Z", "20261124T111213Z",
        "2026-11-24T11:12:13 BC", "infinity", "now", "2026-W48-2T00:00:00Z",
        "\xef\xbc\x92" "026-11-24T11:12:13Z" } },

    { "date",
      { "2026-11-24", "2024-02-29", "0001-01-01", "9999-12-31" },
      { "", "2026-02-29", "2026-11-31", "2026-11-24Z", "2026-11-24T00:00:00Z",
        "0000-01-01", "2026-11-2", "2026/11/24", "24-11-2026", "2026-328",
        "2026-W48-2", "10000-01-01", "today", "epoch", "2026-11-24 BC" } },

    { "time",
      { "11:12:13Z", "00:00:00+07:00", "23:59:59.999999-01:30" },
      { "", "11:12:13", "24:00:00Z", "23:59:60Z", "11:12Z", "1:12:13Z",
        "11:12:13.1234567Z", "11:12:13+16:00" } },

    { "duration",
      { "P1Y", "P1Y2M3D", "P1Y2M3DT4H5M6S", "PT1H", "PT1M", "PT1S", "P1M",
        "PT36H", "P4W", "P0D", "PT0S", "P1DT12H", "P99999D" },
      { "", "P", "PT", "P1", "1Y", "P1DT", "PT1D", "P1H", "P1Y3D", "PT1H1S",
        "P2D1Y", "P1W2D", "P1D2W", "P-1D", "-P1D", "P1.5D", "PT1.5S", "p1d",
        "P1YT", "P100000D", "P1Y1Y", "P 1D", "PTT1H", "P1S" } },

    { "email",
      { "a@b", "an.nguyen@hanoi.gov.vn", "a+b_c-d@x.vn", "a@xn--h-jhb.vn",
        "!#$%&'*+-/=?^_`{|}~@x.vn" },
      { "", "a", "@x.vn", "a@", "a@b@c", ".a@x.vn", "a.@x.vn", "a..b@x.vn",
        "a b@x.vn", "a@x .vn", "a@-x.vn", "a@x-.vn", "a@x..vn", "a@.vn",
        "a@vn.", "\"a\"@x.vn", "a@[127.0.0.1]", "a@x_y.vn", "a(c)@x.vn",
        "\xc4\x91@x.vn", "a@\xc4\x91.vn",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@x"
      } },

    { "hostname",
      { "a", "hanoi.gov.vn", "a-b.c", "1.2.3.4", "xn--h-jhb.vn", "A.B",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
      { "", ".", "a.", ".a", "a..b", "-a", "a-", "a-.b", "a.-b", "a_b", "a b",
        "\xc4\x91",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" } },

    { "ipv4",
      { "0.0.0.0", "127.0.0.1", "255.255.255.255" },
      { "", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.1000", "01.2.3.4",
        "1.2.3.04", "1..2.3", "1.2.3.", ".1.2.3", "1.2.3.4 ", "0x1.2.3.4",
        "1.2.3.4/24", "2130706433" } },

    { "ipv6",
      { "::", "::1", "1::", "1:2:3:4:5:6:7:8", "fe80::1", "::ffff:1.2.3.4",
        "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
        "A:b::C", "1::3:4:5:6:7:8", "0001::" },
      { "", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::",
        "1::2::3", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", "::g", "1.2.3.4",
        "::1.2.3", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "fe80::1%eth0",
        "[::1]", "::1/64", "1:2:3:4:5:6:7:8::", "::256.1.1.1", " ::1" } },

    { "uuid",
      { "0d8f0e1c-1234-4abc-8def-00000000abcd",
        "0D8F0E1C-1234-4ABC-8DEF-00000000ABCD",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff" },
      { "", "0d8f0e1c12344abc8def00000000abcd",
        "{0d8f0e1c-1234-4abc-8def-00000000abcd}",
        "0d8f0e1c-1234-4abc-8def-00000000abc",
        "0d8f0e1c-1234-4abc-8def-00000000abcde",
        "0d8f0e1c-1234-4abc-8def-00000000abcg",
        "0d8f0e1c1-234-4abc-8def-00000000abcd",
        "0d8f0e1c-1234-4abc-8def--0000000abcd",
        "urn:uuid:0d8f0e1c-1234-4abc-8def-000000" } },

    { "uri",
      { "http://x.vn", "https://u:p@x.vn:8080/a/b;c?q=1&r=/?#f/?",
        "mailto:a@b.vn", "urn:ihanoi:problem:x", "tel:+84-24",
        "http://[::1]:80/", "a:", "file:///etc/hosts", "http://x.vn/%C4%91",
        "http://x.vn:", "http://1.2.3.4/" },
      { "", "x", "/a", "//x.vn/a", "http", ":a", "1a:b", "http://x.vn/ a",
        "http://x.vn/%4", "http://x.vn/%zz", "http://x.vn/<a>",
        "http://x.vn/\xc4\x91", "http://x.vn:8a/", "http://[::1",
        "http://[1.2.3.4]/", "http://a@b@c/", "http://x.vn/a\"b",
        "http://x.vn/a\\b", "http://x.vn/#a#b", "http://x.vn/{a}",
        "http://[::1]x/", "http://x[y/" } },

    { "uri-reference",
      { "", "x", "/a", "//x.vn/a", "?q", "#f", "../a", "a/b:c", "./a:b",
        "http://x.vn/", "a@b" },
      { "1a:b", ":a", "a b", "%", "a%2", "\\a", "#a#b", "//[x]/" } },

    { "json-pointer",
      { "", "/", "/a", "/a/b", "/a~0b/~1", "/ /\xc4\x91", "//" },
      { "a", "#/a", "/~", "/~2", "/a~" } },
};


static int
check(const ihanoi_format_t *format, const char *text)
{
    int     rc;
    char   *exact;
    size_t  len;

    len = strlen(text);
    exact = malloc(len ? len : 1);
    memcpy(exact, text, len);

    rc = format->check(exact, len);

    free(exact);

    return rc;
}


/* With a format's name: prints those lines of the input that are of it. */

static int
filter(const char *name)
{
    char                    line[256];
    size_t                  len;
    const ihanoi_format_t  *format;

    format = ihanoi_format_find(name);

    if (format == NULL || format->check == NULL) {
        return 1;
    }

    while (fgets(line, sizeof(line), stdin)) {

        len = strcspn(line, "\n");

        if (format->check(line, len)) {
            printf("%.*s\n", (int) len, line);
        }
    }

    return 0;
}


int
main(int argc, char **argv)
{
    size_t                  i, k;
    const ihanoi_format_t  *format;

    if (argc > 1) {
        return filter(argv[1]);
    }

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        format = ihanoi_format_find(rows[i].format);

        if (!ok(format && format->check, "%s is in the list",
                rows[i].format))
        {
            continue;
        }

        for (k = 0; k < 24 && rows[i].valid[k]; k++) {
            ok(check(format, rows[i].valid[k]), "%s accepts \"%s\"",
               rows[i].format, rows[i].valid[k]);
        }

        for (k = 0; k < 40 && rows[i].invalid[k]; k++) {
            ok(!check(format, rows[i].invalid[k]), "%s refuses \"%s\"",
               rows[i].format, rows[i].invalid[k]);
        }
    }

    format = ihanoi_format_find("date");
    ok(!format->check("2026-11-24\n", 11), "a line feed at the end is seen");
    ok(!format->check("2026-11-24\0", 11), "and so is NUL");

    ok(ihanoi_format_find("regex") == NULL, "regex is not in the list");
    ok(ihanoi_format_find("") == NULL, "nor is nothing");

    return done_testing();
}
