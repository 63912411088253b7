/*
 * Copyright (C) iHaNoi contributors
 *
 * The grammar of ihanoi_json, a token at a time: for who makes values of a text in
 * the pass that checks it.
 *
 * All but ihanoi_json_scan_space() return IHANOI_OK, or IHANOI_INVALID with the
 * reason and p at what is wrong.
 */

#ifndef _IHANOI_JSON_SCAN_H_INCLUDED_
#define _IHANOI_JSON_SCAN_H_INCLUDED_


#include "ihanoi_json.h"
#include "ihanoi_utf8.h"


typedef struct {
    const char                   *p;
    const char                   *end;
    const char                   *polled;
    unsigned                      level;      /* of objects and arrays */
    unsigned                      more:1;     /* another member or element */
    const char                   *escaped;    /* of the last string: its first
                                                 escape, NULL: there is none */
    ihanoi_spans_t               *spans;
    ihanoi_span_t                *span;       /* of spans: what is begun last */
    const ihanoi_json_options_t  *options;
    const char                   *reason;
} ihanoi_json_scan_t;


/* Before the value, and behind it.  options stay the caller's. */
int ihanoi_json_scan_begin(ihanoi_json_scan_t *s, const char *data,
    size_t len, const ihanoi_json_options_t *options);
int ihanoi_json_scan_end(ihanoi_json_scan_t *s);

/* p is at a quote; at anything, and it is a number then; at anything. */
static inline int ihanoi_json_scan_string(ihanoi_json_scan_t *s);
int ihanoi_json_scan_number(ihanoi_json_scan_t *s);
int ihanoi_json_scan_word(ihanoi_json_scan_t *s, const char *word, size_t len);

/*
 * Of an object or array that ends by close: p is at its first byte, then behind a
 * value in it.  more is set while another one follows; without, p is behind it.
 */
int ihanoi_json_scan_open(ihanoi_json_scan_t *s, char close);
int ihanoi_json_scan_next(ihanoi_json_scan_t *s, char close);

/* Behind a member's name. */
int ihanoi_json_scan_colon(ihanoi_json_scan_t *s);

/* The rest of a string: p is at what does not stand in one as it is, or at the end. */
int ihanoi_json_scan_rest(ihanoi_json_scan_t *s);

/* Always IHANOI_INVALID: the reason is a static text. */
int ihanoi_json_refuse(ihanoi_json_scan_t *s, const char *reason);


static inline void
ihanoi_json_scan_space(ihanoi_json_scan_t *s)
{
    while (s->p < s->end
           && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n'
               || *s->p == '\r'))
    {
        s->p++;
    }
}


static inline const char *
ihanoi_json_scan_plain(ihanoi_json_scan_t *s, const char *p)
{
    return s->options->utf8 ? ihanoi_utf8_unescaped(p, s->end)
                            : ihanoi_utf8_plain(p, s->end);
}


static inline int
ihanoi_json_scan_string(ihanoi_json_scan_t *s)
{
    s->escaped = NULL;
    s->p = ihanoi_json_scan_plain(s, s->p + 1);

    /* most have nothing in them but their end */

    if (s->p < s->end && *s->p == '"') {
        s->p++;
        return IHANOI_OK;
    }

    return ihanoi_json_scan_rest(s);
}


#endif /* _IHANOI_JSON_SCAN_H_INCLUDED_ */
