/*
 * Copyright (C) iHaNoi contributors
 *
 * Paths of a contract as a tree of segments.
 *
 * A path is split as it came, before anything is decoded, so that no encoding
 * can move a segment's border.  Segments that another reader might take for
 * something else ("..", an encoded slash, NUL, broken escapes) match nothing.
 */

#include <string.h>

#include "ihanoi_json.h"
#include "ihanoi_route.h"
#include "ihanoi_text.h"


/* Where a path ends: its operations by method. */
typedef struct {
    const ihanoi_operation_t *by_method[IHANOI_METHODS];
    ihanoi_str_t              names[IHANOI_MAX_PATH_ARGS];
    const char               *document;
} ihanoi_route_end_t;


struct ihanoi_route_s {
    ihanoi_route_t           *next;       /* literal siblings */
    ihanoi_str_t              literal;
    ihanoi_route_t           *children;
    ihanoi_route_t           *variable;   /* {name} */
    ihanoi_route_end_t       *end;        /* a path may end here */
    ihanoi_route_end_t       *suffixed;   /* or here after {name}.{format} */
};


typedef struct {
    ihanoi_str_t              segments[IHANOI_ROUTE_SEGMENTS];
    unsigned                  n;
    unsigned                  escaped;    /* something in it, by "%" */
    ihanoi_match_t           *match;
} ihanoi_route_path_t;


static int ihanoi_template_segment(ihanoi_template_t *template,
    const char *p, size_t len, int last);
static int ihanoi_template_name(ihanoi_template_t *template, const char *p,
    size_t len);
static ihanoi_route_t *ihanoi_route_child(ihanoi_documents_t *documents,
    ihanoi_route_t *node, const ihanoi_template_t *template, unsigned i);
static int ihanoi_route_split(ihanoi_route_path_t *path, const char *p,
    size_t len);
static int ihanoi_route_segment_is_plain(const ihanoi_str_t *segment);
static int ihanoi_route_find(const ihanoi_route_t *node,
    ihanoi_route_path_t *path, unsigned i, unsigned nargs);
static int ihanoi_route_find_suffixed(const ihanoi_route_t *node,
    ihanoi_route_path_t *path, unsigned i, unsigned nargs);
static int ihanoi_route_literal_is(const ihanoi_str_t *literal,
    const ihanoi_str_t *segment, unsigned escaped);
static int ihanoi_route_found(const ihanoi_route_end_t *end,
    ihanoi_match_t *match, unsigned nargs);


ihanoi_route_t *
ihanoi_route_create(ihanoi_arena_t *arena)
{
    return ihanoi_arena_alloc(arena, sizeof(ihanoi_route_t));
}


int
ihanoi_template_parse(ihanoi_documents_t *documents,
    const ihanoi_place_t *place, const char *text, ihanoi_template_t *template)
{
    size_t       len;
    const char  *p;

    memset(template, 0, sizeof(ihanoi_template_t));

    if (*text != '/') {
        goto invalid;
    }

    for (p = text; *p == '/'; p += len) {
        p++;
        len = strcspn(p, "/");

        if (len == 0 || template->n == IHANOI_ROUTE_SEGMENTS
            || !ihanoi_template_segment(template, p, len, p[len] == '\0'))
        {
            goto invalid;
        }
    }

    return IHANOI_OK;

invalid:

    return ihanoi_document_refuse(documents, place,
                                  "a path has segments like \"/units\", "
                                  "\"/{id}\" and at its end "
                                  "\"/{id}.{format}\"; at most %d, with %d "
                                  "different names", IHANOI_ROUTE_SEGMENTS,
                                  IHANOI_MAX_PATH_ARGS);
}


static int
ihanoi_template_segment(ihanoi_template_t *template, const char *p, size_t len,
    int last)
{
    size_t  i;

    static const char  format[] = ".{format}";

    template->segments[template->n].data = p;
    template->segments[template->n].len = len;

    if (*p == '{') {
        template->variable[template->n++] = 1;

        if (last && len > sizeof(format) - 1
            && memcmp(p + len - (sizeof(format) - 1), format,
                      sizeof(format) - 1) == 0)
        {
            template->format = 1;
            len -= sizeof(format) - 1;
        }

        return len > 2 && p[len - 1] == '}'
               && ihanoi_template_name(template, p + 1, len - 2);
    }

    template->n++;

    if (len <= 2 && memcmp(p, "..", len) == 0) {
        return 0;
    }

    /* RFC 3986, 2.3: what needs no escape, so that a path has one form */

    for (i = 0; i < len; i++) {

        if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z')
              || (p[i] >= '0' && p[i] <= '9') || strchr("-._~", p[i])))
        {
            return 0;
        }
    }

    return 1;
}


static int
ihanoi_template_name(ihanoi_template_t *template, const char *p, size_t len)
{
    size_t    i;
    unsigned  n;

    if (template->nnames == IHANOI_MAX_PATH_ARGS) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z')
              || (p[i] >= '0' && p[i] <= '9') || p[i] == '_'))
        {
            return 0;
        }
    }

    /* {format} is what the answer's suffix is called */

    if (template->format && len == 6 && memcmp(p, "format", 6) == 0) {
        return 0;
    }

    for (n = 0; n < template->nnames; n++) {
        if (template->names[n].len == len
            && memcmp(template->names[n].data, p, len) == 0)
        {
            return 0;
        }
    }

    template->names[n].data = p;
    template->names[n].len = len;
    template->nnames++;

    return 1;
}


int
ihanoi_route_add(ihanoi_documents_t *documents, const ihanoi_place_t *place,
    ihanoi_route_t *root, const ihanoi_template_t *template,
    const ihanoi_operation_t *op)
{
    unsigned              i, n;
    ihanoi_route_t       *node;
    ihanoi_route_end_t  **end;

    node = root;
    n = template->format ? template->n - 1 : template->n;

    for (i = 0; i < n; i++) {
        node = ihanoi_route_child(documents, node, template, i);

        if (node == NULL) {
            return ihanoi_document_no_memory(documents);
        }
    }

    end = template->format ? &node->suffixed : &node->end;

    if (*end == NULL) {
        *end = ihanoi_arena_alloc(documents->arena,
                                  sizeof(ihanoi_route_end_t));
        if (*end == NULL) {
            return ihanoi_document_no_memory(documents);
        }

        (*end)->document = place->document->path;
        memcpy((*end)->names, template->names, sizeof(template->names));
    }

    if ((*end)->by_method[op->method]
        || strcmp((*end)->document, place->document->path) != 0)
    {
        return ihanoi_document_refuse(documents, place,
                                      "this path is defined already in \"%s\"",
                                      (*end)->document);
    }

    for (i = 0; i < template->nnames; i++) {

        if ((*end)->names[i].len != template->names[i].len
            || memcmp((*end)->names[i].data, template->names[i].data,
                      template->names[i].len) != 0)
        {
            return ihanoi_document_refuse(documents, place,
                                          "this path is defined already with "
                                          "other names");
        }
    }

    (*end)->by_method[op->method] = op;

    return IHANOI_OK;
}


/* The node of a template's segment, made when it is new. */

static ihanoi_route_t *
ihanoi_route_child(ihanoi_documents_t *documents, ihanoi_route_t *node,
    const ihanoi_template_t *template, unsigned i)
{
    ihanoi_route_t      *child, **last;
    const ihanoi_str_t  *segment;

    segment = &template->segments[i];

    if (template->variable[i]) {

        if (node->variable == NULL) {
            node->variable = ihanoi_route_create(documents->arena);
        }

        return node->variable;
    }

    for (last = &node->children; *last; last = &(*last)->next) {

        if ((*last)->literal.len == segment->len
            && memcmp((*last)->literal.data, segment->data, segment->len) == 0)
        {
            return *last;
        }
    }

    child = ihanoi_route_create(documents->arena);

    if (child != NULL) {
        child->literal = *segment;
        *last = child;
    }

    return child;
}


int
ihanoi_route_match(const ihanoi_route_t *root, const char *path, size_t len,
    ihanoi_match_t *match)
{
    ihanoi_route_path_t  p;

    memset(match, 0, sizeof(ihanoi_match_t));

    p.n = 0;
    p.escaped = memchr(path, '%', len) != NULL;
    p.match = match;

    if (!ihanoi_route_split(&p, path, len)) {
        return 0;
    }

    return ihanoi_route_find(root, &p, 0, 0);
}


static int
ihanoi_route_split(ihanoi_route_path_t *path, const char *p, size_t len)
{
    const char    *end, *next;
    ihanoi_str_t  *segment;

    end = p + len;

    if (p == end || *p != '/') {
        return 0;
    }

    while (p < end) {

        p++;
        next = memchr(p, '/', (size_t) (end - p));

        if (next == NULL) {
            next = end;
        }

        if (path->n == IHANOI_ROUTE_SEGMENTS) {
            return 0;
        }

        segment = &path->segments[path->n++];
        segment->data = p;
        segment->len = (size_t) (next - p);

        if (!ihanoi_route_segment_is_plain(segment)) {
            return 0;
        }

        p = next;
    }

    return 1;
}


static int
ihanoi_route_segment_is_plain(const ihanoi_str_t *segment)
{
    int          c;
    size_t       n, dots;
    const char  *p, *end;

    p = segment->data;
    end = p + segment->len;
    dots = 0;

    for (n = 0; p < end; n++) {

        c = *p == '%' ? ihanoi_percent_next(&p, end, 0)
                      : (unsigned char) *p++;

        /* -1 is a broken escape; "?" and "#" unescaped end a path */

        if (c < 0x20 || c == 0x7f || c == '/' || c == '\\'
            || ((c == '?' || c == '#') && p[-1] == c))
        {
            return 0;
        }

        if (c == '.') {
            dots++;
        }
    }

    return n > 0 && !(dots == n && n <= 2);
}


/*
 * Literal segments first, then {name}.{format}, then {name}; goes back when a
 * choice leads nowhere.  The depth and so the work is bounded by the number
 * of segments.
 */

static int
ihanoi_route_find(const ihanoi_route_t *node, ihanoi_route_path_t *path,
    unsigned i, unsigned nargs)
{
    const ihanoi_route_t  *child;

    if (i == path->n) {
        return ihanoi_route_found(node->end, path->match, nargs);
    }

    for (child = node->children; child; child = child->next) {

        if (ihanoi_route_literal_is(&child->literal, &path->segments[i],
                                    path->escaped))
        {

            if (ihanoi_route_find(child, path, i + 1, nargs)) {
                return 1;
            }

            break;
        }
    }

    if (nargs == IHANOI_MAX_PATH_ARGS) {
        return 0;
    }

    if (node->suffixed && i + 1 == path->n
        && ihanoi_route_find_suffixed(node, path, i, nargs))
    {
        return 1;
    }

    if (node->variable == NULL) {
        return 0;
    }

    path->match->args[nargs] = path->segments[i];

    return ihanoi_route_find(node->variable, path, i + 1, nargs + 1);
}


static int
ihanoi_route_find_suffixed(const ihanoi_route_t *node,
    ihanoi_route_path_t *path, unsigned i, unsigned nargs)
{
    size_t                     n;
    unsigned                   m, k;
    ihanoi_str_t               suffix, *segment;
    const ihanoi_operation_t  *op;

    segment = &path->segments[i];

    for (n = segment->len; n > 1 && segment->data[n - 1] != '.'; n--) {
        /* void */
    }

    if (n <= 1) {
        return 0;
    }

    suffix.data = segment->data + n;
    suffix.len = segment->len - n;

    for (m = 0; m < IHANOI_METHODS; m++) {
        op = node->suffixed->by_method[m];

        for (k = 0; op && k < op->nproduces; k++) {

            if (suffix.len && op->produces[k].suffix.len == suffix.len
                && memcmp(op->produces[k].suffix.data, suffix.data,
                          suffix.len) == 0)
            {
                path->match->suffix = suffix;
                path->match->args[nargs].data = segment->data;
                path->match->args[nargs].len = n - 1;

                return ihanoi_route_found(node->suffixed, path->match,
                                          nargs + 1);
            }
        }
    }

    return 0;
}


static int
ihanoi_route_literal_is(const ihanoi_str_t *literal,
    const ihanoi_str_t *segment, unsigned escaped)
{
    size_t       n;
    const char  *p, *end;

    if (!escaped) {
        return literal->len == segment->len
               && memcmp(literal->data, segment->data, segment->len) == 0;
    }

    p = segment->data;
    end = p + segment->len;

    for (n = 0; p < end; n++) {

        if (n == literal->len
            || ihanoi_percent_next(&p, end, 0)
               != (unsigned char) literal->data[n])
        {
            return 0;
        }
    }

    return n == literal->len;
}


static int
ihanoi_route_found(const ihanoi_route_end_t *end, ihanoi_match_t *match,
    unsigned nargs)
{
    if (end == NULL) {
        return 0;
    }

    memcpy(match->by_method, end->by_method, sizeof(match->by_method));
    memcpy(match->names, end->names, sizeof(match->names));
    match->nargs = nargs;

    return 1;
}
