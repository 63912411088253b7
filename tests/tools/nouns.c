/*
 * Copyright (C) iHaNoi contributors
 *
 * usage: nouns      (tests/tools/reference calls it)
 *
 * Prints what plugins find under "ihanoi" as one JSON document:
 *
 *   {"nouns": [{"noun", "text", "functions": [{"name", "phases": ["load",
 *   "request", "job"], "params", "returns", "text"}]}],
 *    "classes": [{"name", "fields", "text"}]}
 *
 * It reads the tables themselves, not their C text: macros, "#if" and other
 * ways to write a row need no parser.  Those of nouns that need nginx are in
 * the objects of the module, which are linked here with all that they miss of
 * nginx at address 0: nothing of them is called, only their rows are read.
 */

#include <stdio.h>

#include <jansson.h>

#include "ihanoi_host.h"


/* As in ngx_http_ihanoi_host.h, which needs nginx's headers. */
extern const ihanoi_host_noun_t *const  ngx_http_ihanoi_host_nouns[];


static json_t *
phases(unsigned set)
{
    unsigned   i;
    json_t    *list;

    static const struct {
        unsigned     phase;
        const char  *name;
    } names[] = {
        { IHANOI_PHASE_LOAD, "load" },
        { IHANOI_PHASE_REQUEST, "request" },
        { IHANOI_PHASE_JOB, "job" },
        { IHANOI_PHASE_INTERFACE, "interface" }
    };

    list = json_array();

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (set & names[i].phase) {
            json_array_append_new(list, json_string(names[i].name));
        }
    }

    return list;
}


static json_t *
functions(const ihanoi_host_noun_t *noun)
{
    json_t                        *list;
    const ihanoi_host_function_t  *f;

    list = json_array();

    for (f = noun->functions; f->name; f++) {
        json_array_append_new(list,
            json_pack("{s:s, s:o, s:s, s:s, s:s}", "name", f->name,
                      "phases", phases(f->phases), "params", f->params,
                      "returns", f->returns, "text", f->text));
    }

    return list;
}


int
main(void)
{
    json_t                           *nouns, *classes, *all;
    const ihanoi_host_class_t        *class;
    const ihanoi_host_noun_t *const  *noun;

    nouns = json_array();
    classes = json_array();

    for (noun = ngx_http_ihanoi_host_nouns; *noun; noun++) {
        json_array_append_new(nouns,
            json_pack("{s:s, s:s, s:o}", "noun", (*noun)->noun,
                      "text", (*noun)->text, "functions", functions(*noun)));
    }

    for (class = ihanoi_host_classes; class->name; class++) {
        json_array_append_new(classes,
            json_pack("{s:s, s:s, s:s}", "name", class->name,
                      "fields", class->fields, "text", class->text));
    }

    all = json_pack("{s:o, s:o}", "nouns", nouns, "classes", classes);

    if (all == NULL || json_dumpf(all, stdout, JSON_INDENT(1)) != 0) {
        fprintf(stderr, "nouns: a row is incomplete or not UTF-8\n");
        return 1;
    }

    json_decref(all);
    printf("\n");

    return 0;
}
