/*
 * Copyright (C) iHaNoi contributors
 *
 * Templates and a path: lines of templates, the last line is the path.
 *
 * A slow and simple matcher must find the path where the tree finds it, and
 * what the tree finds must keep its template.
 */

#include <string.h>

#include "expect.h"
#include "ihanoi_json.h"
#include "ihanoi_route.h"
#include "ihanoi_text.h"


#define TEMPLATES  32


static ihanoi_template_t   templates[TEMPLATES];
static ihanoi_operation_t  ops[TEMPLATES];


/* Decodes a segment; 0 when it is one that no path may have. */

static int
plain(const char *p, size_t len, char *out, size_t *n)
{
    int          c;
    const char  *end;

    *n = 0;
    end = p + len;

    if (memchr(p, '?', len) || memchr(p, '#', len)) {
        return 0;
    }

    while (p < end) {
        c = ihanoi_percent_next(&p, end, 0);

        if (c < 32 || c == 127 || c == '/' || c == '\\') {
            return 0;
        }

        out[(*n)++] = (char) c;
    }

    return !(*n == 0 || (*n == 1 && out[0] == '.')
             || (*n == 2 && out[0] == '.' && out[1] == '.'));
}


/* 1 when the path is one of the template's. */

static int
keeps(const ihanoi_template_t *t, const char *path, size_t len)
{
    char         out[65536];
    size_t       n, seglen;
    unsigned     i;
    const char  *p, *end, *next;

    p = path;
    end = path + len;

    for (i = 0; p < end; i++) {

        if (*p++ != '/' || i == t->n) {
            return 0;
        }

        next = memchr(p, '/', (size_t) (end - p));
        seglen = next ? (size_t) (next - p) : (size_t) (end - p);

        if (!plain(p, seglen, out, &n)) {
            return 0;
        }

        if (!t->variable[i]) {
            if (n != t->segments[i].len
                || memcmp(out, t->segments[i].data, n) != 0)
            {
                return 0;
            }

        } else if (t->format && i + 1 == t->n) {

            /* the one suffix that all our operations have */

            if (seglen < 6 || memcmp(p + seglen - 5, ".json", 5) != 0) {
                return 0;
            }
        }

        p += seglen;
    }

    return i == t->n && i > 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                        found, any;
    char                      *text, *line, *next;
    unsigned                   n, i, k;
    ihanoi_match_t             match;
    ihanoi_place_t             place;
    ihanoi_route_t            *root;
    ihanoi_document_t          document;
    ihanoi_documents_t         documents;
    ihanoi_contract_error_t    err;
    const ihanoi_operation_t  *op;

    static ihanoi_media_t      json = { { "application/json", 16 },
                                        { "json", 4 } };

    if (size == 0 || size > 16384) {
        return 0;
    }

    memset(&documents, 0, sizeof(documents));
    memset(&document, 0, sizeof(document));

    documents.arena = ihanoi_arena_create();
    documents.err = &err;
    document.path = "fuzz";
    place.document = &document;
    place.pointer = "";
    place.value = NULL;

    text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';

    root = ihanoi_route_create(documents.arena);
    n = 0;
    line = text;

    while ((next = memchr(line, '\n', (size_t) (text + size - line))) != NULL
           && n < TEMPLATES)
    {
        *next = '\0';
        memset(&ops[n], 0, sizeof(ihanoi_operation_t));
        ops[n].produces = &json;
        ops[n].nproduces = 1;

        if (ihanoi_template_parse(&documents, &place, line, &templates[n])
            == IHANOI_OK
            && ihanoi_route_add(&documents, &place, root, &templates[n],
                                &ops[n]) == IHANOI_OK)
        {
            n++;
        }

        line = next + 1;
    }

    size -= (size_t) (line - text);
    found = ihanoi_route_match(root, line, size, &match);

    any = 0;

    for (i = 0; i < n; i++) {
        any |= keeps(&templates[i], line, size);
    }

    expect(found == any, found ? "a path is found that no template has"
                               : "a path is not found that a template has");

    if (found) {
        op = match.by_method[IHANOI_GET];
        expect(op >= ops && op < ops + n, "no operation of ours");

        i = (unsigned) (op - ops);
        expect(keeps(&templates[i], line, size),
               "another template's operation");
        expect(match.nargs == templates[i].nnames, "arguments are missing");

        for (k = 0; k < match.nargs; k++) {
            expect(match.args[k].data >= line
                   && match.args[k].data + match.args[k].len <= line + size
                   && match.args[k].len > 0
                   && memchr(match.args[k].data, '/', match.args[k].len)
                      == NULL, "an argument is no part of a segment");
        }

        expect((match.suffix.data != NULL) == templates[i].format,
               "a suffix without format");
    }

    free(text);
    ihanoi_arena_destroy(documents.arena);

    return 0;
}
