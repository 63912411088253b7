/*
 * Copyright (C) iHaNoi contributors
 *
 * Paths: which operation they find, and which find none.
 */

#include "tap.h"
#include "contract_fixture.h"


/* Operations named after their paths, each with the parameters it needs. */

static const char  *paths[] = {
    "/v1/units",
    "/v1/units/{id}",
    "/v1/units/mine",
    "/v1/units/{id}/children",
    "/v1/units/mine/history",
    "/v1/units/{unit}/officers/{officer}",
    "/v1/reports/{id}.{format}",
    "/v1/reports/{id}",
    "/v1/maps/{id}.{format}",
    "/v1/well-known_~x.json",
    "/V1/Units",
    "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}",
};


static ihanoi_contract_t *
load(void)
{
    char                text[16384], path[128], *p, *end;
    size_t              i, n;

    n = (size_t) snprintf(text, sizeof(text), "{'openapi':'3.1.0','info':"
                          "{'title':'t','version':'1'},'security':[],"
                          "'paths':{");

    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {

        n += (size_t) snprintf(text + n, sizeof(text) - n, "%s'%s':{'get':{"
                               "'operationId':'op_%zu','x-ihanoi-sql':'f',"
                               "'responses':{'200':{'description':'d',"
                               "'content':{'application/json':{'schema':{}},"
                               "'text/csv':{},'text/html':{}}}},'parameters':[",
                               i ? "," : "", paths[i], i);

        strcpy(path, paths[i]);

        for (p = strchr(path, '{'); p; p = strchr(end + 1, '{')) {

            end = strchr(p, '}');
            *end = '\0';

            n += (size_t) snprintf(text + n, sizeof(text) - n, "%s{'name':'%s'"
                                   ",'in':'path','required':true,'schema':{"
                                   "'type':'string','maxLength':99%s}}",
                                   p == strchr(path, '{') ? "" : ",", p + 1,
                                   strcmp(p + 1, "format") == 0
                                   ? ",'enum':['json','csv']" : "");
        }

        n += (size_t) snprintf(text + n, sizeof(text) - n, "]}}");
    }

    (void) snprintf(text + n, sizeof(text) - n, "}}");

    return fixture_load(text);
}


#define path(s)  s, sizeof(s) - 1

static const struct {
    const char  *path;
    size_t       len;
    const char  *template;      /* NULL: 404 */
    const char  *args;          /* "name=value ", ... */
} rows[] = {
    { path("/v1/units"), "/v1/units", "" },
    { path("/v1/units/7"), "/v1/units/{id}", "id=7 " },
    { path("/v1/units/mine"), "/v1/units/mine", "" },
    { path("/v1/units/min"), "/v1/units/{id}", "id=min " },
    { path("/v1/units/minee"), "/v1/units/{id}", "id=minee " },
    { path("/v1/units/7/children"), "/v1/units/{id}/children", "id=7 " },
    { path("/v1/units/mine/history"), "/v1/units/mine/history", "" },

    /* a literal that leads nowhere gives way */

    { path("/v1/units/mine/children"), "/v1/units/{id}/children",
      "id=mine " },
    { path("/v1/units/a/officers/b"), "/v1/units/{unit}/officers/{officer}",
      "unit=a officer=b " },
    { path("/v1/units/mine/officers/b"),
      "/v1/units/{unit}/officers/{officer}", "unit=mine officer=b " },

    /* suffixes */

    { path("/v1/reports/7"), "/v1/reports/{id}", "id=7 " },
    { path("/v1/reports/7.json"), "/v1/reports/{id}.{format}", "id=7 .json" },
    { path("/v1/reports/7.csv"), "/v1/reports/{id}.{format}", "id=7 .csv" },
    { path("/v1/reports/7.8.csv"), "/v1/reports/{id}.{format}",
      "id=7.8 .csv" },
    { path("/v1/reports/7.pdf"), "/v1/reports/{id}", "id=7.pdf " },
    { path("/v1/reports/.csv"), "/v1/reports/{id}", "id=.csv " },
    { path("/v1/reports/7."), "/v1/reports/{id}", "id=7. " },
    { path("/v1/maps/7.csv"), "/v1/maps/{id}.{format}", "id=7 .csv" },
    { path("/v1/maps/7"), NULL, NULL },
    { path("/v1/maps/7.pdf"), NULL, NULL },
    { path("/v1/maps/7.html"), NULL, NULL },
    { path("/v1/maps/7.CSV"), NULL, NULL },
    { path("/v1/maps/7%2Ecsv"), NULL, NULL },
    { path("/v1/maps/7.cs%76"), NULL, NULL },

    /* escapes */

    { path("/v1/%75nits"), "/v1/units", "" },
    { path("/v1/units/m%69ne"), "/v1/units/mine", "" },
    { path("/v1/units/a%20b"), "/v1/units/{id}", "id=a%20b " },
    { path("/v1/units/%C4%90%E1%BB%91ng"), "/v1/units/{id}",
      "id=%C4%90%E1%BB%91ng " },
    { path("/v1/well-known_~x.json"), "/v1/well-known_~x.json", "" },
    { path("/V1/Units"), "/V1/Units", "" },
    { path("/1/2/3/4/5/6/7/8"), "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}",
      "a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=8 " },

    /* what finds nothing */

    { path(""), NULL, NULL },
    { path("/"), NULL, NULL },
    { path("v1/units"), NULL, NULL },
    { path("*"), NULL, NULL },
    { path("/v1"), NULL, NULL },
    { path("/v1/units/"), NULL, NULL },
    { path("//v1/units"), NULL, NULL },
    { path("/v1//units"), NULL, NULL },
    { path("/v1/Units"), NULL, NULL },
    { path("/V1/units"), NULL, NULL },
    { path("/v1/units/7/other"), NULL, NULL },
    { path("/v1/units/7/children/8"), NULL, NULL },
    { path("/v1/units/."), NULL, NULL },
    { path("/v1/units/.."), NULL, NULL },
    { path("/v1/units/%2e%2E"), NULL, NULL },
    { path("/v1/units/.%2e"), NULL, NULL },
    { path("/v1/x/../units"), NULL, NULL },
    { path("/v1/units/..."), "/v1/units/{id}", "id=... " },
    { path("/v1/units/a%2Fb"), NULL, NULL },
    { path("/v1%2Funits"), NULL, NULL },
    { path("/v1/units/a%2fchildren"), NULL, NULL },
    { path("/v1/units/a%5Cb"), NULL, NULL },
    { path("/v1/units/a\\b"), NULL, NULL },
    { path("/v1/units/a%00"), NULL, NULL },
    { path("/v1/units/a\0"), NULL, NULL },
    { path("/v1/units/a%0A"), NULL, NULL },
    { path("/v1/units/a%7f"), NULL, NULL },
    { path("/v1/units/%"), NULL, NULL },
    { path("/v1/units/%4"), NULL, NULL },
    { path("/v1/units/%4g"), NULL, NULL },
    { path("/v1/units/%%34"), NULL, NULL },
    { path("/v1/units?x=1"), NULL, NULL },
    { path("/v1/units/7?x"), NULL, NULL },
    { path("/v1/units/7#x"), NULL, NULL },
    { path("/v1/units/7%3Fx"), "/v1/units/{id}", "id=7%3Fx " },
    { path("/1/2/3/4/5/6/7/8/9"), NULL, NULL },
    { path("/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6"), NULL, NULL },
    { path("/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7"), NULL, NULL },
};


static void
test_paths(const ihanoi_contract_t *contract)
{
    int             found;
    char            args[256], *exact;
    size_t          i;
    unsigned        k;
    ihanoi_match_t  match;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        /* a copy of its exact size, for the sanitizer's sake */

        exact = malloc(rows[i].len ? rows[i].len : 1);
        memcpy(exact, rows[i].path, rows[i].len);

        found = ihanoi_contract_match(contract, exact, rows[i].len, &match);

        if (rows[i].template == NULL) {
            ok(!found, "\"%s\" finds nothing", rows[i].path);
            free(exact);
            continue;
        }

        is_str(found ? match.by_method[IHANOI_GET]->path.data : NULL,
               rows[i].template, "\"%s\" finds %s", rows[i].path,
               rows[i].template);

        args[0] = '\0';

        for (k = 0; found && k < match.nargs; k++) {
            snprintf(args + strlen(args), sizeof(args) - strlen(args),
                     "%.*s=%.*s ", (int) match.names[k].len,
                     match.names[k].data, (int) match.args[k].len,
                     match.args[k].data);
        }

        if (found && match.suffix.data) {
            snprintf(args + strlen(args), sizeof(args) - strlen(args), ".%.*s",
                     (int) match.suffix.len, match.suffix.data);
        }

        is_str(args, rows[i].args, "with its arguments");

        free(exact);
    }
}


static void
test_methods(void)
{
    ihanoi_match_t      match;
    ihanoi_contract_t  *contract;

    contract = fixture_load(
        "{'openapi':'3.1.0','info':{'title':'t','version':'1'},"
        "'security':[{'bearer':[]}],'paths':{'/a':{"
        "'get':{'operationId':'r','x-ihanoi-sql':'r','responses':{'200':{"
        "'description':'d'}}},"
        "'delete':{'operationId':'d','x-ihanoi-sql':'d','responses':{'204':{"
        "'description':'d'}}}}}}");

    ok(contract != NULL, "two methods of one path");
    ok(ihanoi_contract_match(contract, "/a", 2, &match), "are found at once");
    ok(match.by_method[IHANOI_GET] && match.by_method[IHANOI_DELETE]
       && !match.by_method[IHANOI_POST] && !match.by_method[IHANOI_PUT]
       && !match.by_method[IHANOI_PATCH], "and no others, for Allow");

    ihanoi_contract_free(contract);
}


/* Templates that are none. */

static void
test_templates(void)
{
    size_t              i;
    ihanoi_contract_t  *contract;

    static const char  *templates[] = {
        "", "a", "/", "//", "/a/", "/a//b", "/a b", "/a%20b", "/\xc4\x91",
        "/..", "/a/.", "/{}", "/{a", "/a}", "/{a}b", "/a{b}", "/{a}{b}",
        "/{a}.{b}", "/{a}.json", "/{a}.{format}/b", "/{a}/{a}", "/{a-b}",
        "/{format}.{format}", "/.{format}", "/a?b", "/a#b", "/a*",
        "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}",
        "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7",
    };

    for (i = 0; i < sizeof(templates) / sizeof(templates[0]); i++) {

        contract = fixture_load_operation("get", templates[i], "", "");

        ok(contract == NULL && strstr(fixture_error.reason, "a path has"),
           "\"%s\" is no path", templates[i]);

        ihanoi_contract_free(contract);
    }
}


int
main(void)
{
    ihanoi_contract_t  *contract;

    contract = load();

    if (!ok(contract != NULL, "loads all paths")) {
        printf("# %s: %s\n", fixture_error.pointer, fixture_error.reason);
        return done_testing();
    }

    test_paths(contract);

    ihanoi_contract_free(contract);

    test_methods();
    test_templates();

    return done_testing();
}
