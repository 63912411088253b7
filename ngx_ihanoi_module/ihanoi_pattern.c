/*
 * Copyright (C) iHaNoi contributors
 *
 * Regular expressions of contracts.  Only this file sees PCRE2.
 *
 * A pattern runs on bytes that a stranger chose, so it has a match limit; one
 * that exceeds it neither matches nor fails to: the request is refused.
 */

#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH  8
#include <pcre2.h>

#include "ihanoi_json.h"
#include "ihanoi_pattern.h"


/*
 * Calls of PCRE2's inner match(): some milliseconds at worst.  A group that
 * repeats takes two levels of depth a time; the heap has room for them all.
 */
#define IHANOI_PATTERN_LIMIT      20000
#define IHANOI_PATTERN_DEPTH      4000
#define IHANOI_PATTERN_HEAP_KB    2048

/* what a match costs at least, and a match that hit the limit */
#define IHANOI_PATTERN_STEPS      8
#define IHANOI_PATTERN_LIMIT_COST 2000


struct ihanoi_pattern_s {
    pcre2_general_context    *general;
    pcre2_compile_context    *compile;
    pcre2_match_context      *match;
    pcre2_code               *code;
};


static const char *ihanoi_pattern_check_end(const char *text);
static size_t ihanoi_pattern_escape(const char *p);
static int ihanoi_pattern_is_count(const char *p);
static void ihanoi_pattern_free(void *data);
static void *ihanoi_pattern_malloc(size_t size, void *data);
static void ihanoi_pattern_release(void *p, void *data);


ihanoi_pattern_t *
ihanoi_pattern_compile(ihanoi_arena_t *arena, const char *text,
    const char **reason)
{
    int                 code;
    void              **cleanup;
    size_t              offset;
    uint32_t            options;
    PCRE2_UCHAR         message[128];
    ihanoi_pattern_t   *pattern;

    *reason = ihanoi_pattern_check_end(text);
    if (*reason != NULL) {
        return NULL;
    }

    cleanup = ihanoi_arena_cleanup(arena, ihanoi_pattern_free);
    if (cleanup == NULL) {
        return NULL;
    }

    pattern = ihanoi_arena_alloc(arena, sizeof(ihanoi_pattern_t));
    if (pattern == NULL) {
        return NULL;
    }

    *cleanup = pattern;

    pattern->general = pcre2_general_context_create(ihanoi_pattern_malloc,
                                                    ihanoi_pattern_release,
                                                    NULL);
    if (pattern->general == NULL) {
        return NULL;
    }

    pattern->compile = pcre2_compile_context_create(pattern->general);
    pattern->match = pcre2_match_context_create(pattern->general);

    if (pattern->compile == NULL || pattern->match == NULL) {
        return NULL;
    }

    (void) pcre2_set_newline(pattern->compile, PCRE2_NEWLINE_ANYCRLF);
    (void) pcre2_set_compile_extra_options(pattern->compile,
                                           PCRE2_EXTRA_ALT_BSUX);

    (void) pcre2_set_match_limit(pattern->match, IHANOI_PATTERN_LIMIT);
    (void) pcre2_set_depth_limit(pattern->match, IHANOI_PATTERN_DEPTH);
    (void) pcre2_set_heap_limit(pattern->match, IHANOI_PATTERN_HEAP_KB);

    /* the dialect of ECMA-262, which JSON Schema names, as near as it goes */

    options = PCRE2_UTF|PCRE2_NEVER_UCP|PCRE2_NEVER_BACKSLASH_C
              |PCRE2_ALT_BSUX|PCRE2_MATCH_UNSET_BACKREF
              |PCRE2_DOLLAR_ENDONLY|PCRE2_ENDANCHORED;

    pattern->code = pcre2_compile((PCRE2_SPTR) text, PCRE2_ZERO_TERMINATED,
                                  options, &code, &offset, pattern->compile);
    if (pattern->code != NULL) {
        return pattern;
    }

    if (code == PCRE2_ERROR_HEAP_FAILED) {
        return NULL;
    }

    if (pcre2_get_error_message(code, message, sizeof(message)) < 0) {
        message[0] = '\0';
    }

    *reason = ihanoi_arena_printf(arena, "\"pattern\": %s at character %u",
                                  (char *) message, (unsigned) offset);
    return NULL;
}


static const char *
ihanoi_pattern_check_end(const char *text)
{
    int          class;
    size_t       len;
    unsigned     level;
    const char  *p;

    class = 0;
    level = 0;

    for (p = text; *p; p++) {

        if (*p == '\\') {

            len = ihanoi_pattern_escape(p + 1);

            if (len == 0) {
                return "\"pattern\" has an escape that is not ECMA-262 or not "
                       "the same to PCRE2";
            }

            p += len;
            continue;
        }

        if (class) {

            if (*p == ']') {
                class = 0;

            } else if (*p == '[') {
                return "\"pattern\" has an unescaped \"[\" in a class";
            }

            continue;
        }

        switch (*p) {

        case '[':
            class = 1;

            if (p[1] == '^') {
                p++;
            }

            /* PCRE2 takes "]" here as a character, ECMA as the end */

            if (p[1] == ']') {
                return "\"pattern\" has an empty class";
            }

            break;

        case '(':
            level++;

            if (p[1] == '*'
                || (p[1] == '?' && (p[2] == '\0'
                                    || strchr(":=!<", p[2]) == NULL)))
            {
                return "\"pattern\" has a group that is not ECMA-262";
            }

            break;

        case ')':
            if (level) {
                level--;
            }

            break;

        case '|':
            if (level == 0) {
                return "\"pattern\" must have its alternatives in a group";
            }

            break;

        case '{':
            if (!ihanoi_pattern_is_count(p)) {
                return "\"pattern\" has a quantifier that is not ECMA-262";
            }

            break;

        case '*':
        case '+':
        case '?':
        case '}':

            /* PCRE2's never gives back what it took */

            if (p[1] == '+') {
                return "\"pattern\" has a quantifier that is not ECMA-262";
            }

            break;

        case '$':
            if (p[1] == '\0' && level == 0) {
                return NULL;
            }

            break;
        }
    }

    return "\"pattern\" must end with \"$\"";
}


/*
 * The length of an escape behind its backslash; 0: not one that ECMA-262 has,
 * with its flag "u", and PCRE2 reads likewise.  To PCRE2 "\v" is every vertical
 * space, "\u41" a letter and two digits; \Q...\E would hide what
 * ihanoi_pattern_check_end() counts.
 */

static size_t
ihanoi_pattern_escape(const char *p)
{
    size_t              len;
    const char         *end;
    static const char   hex[] = "0123456789abcdefABCDEF";

    switch (*p) {

    case '\0':
        return 0;

    case '0':
        return p[1] < '0' || p[1] > '9';

    case 'k':
        return p[1] == '<';

    case 'x':
        return strspn(p + 1, hex) >= 2 ? 3 : 0;

    case 'u':
        if (p[1] != '{') {
            return strspn(p + 1, hex) >= 4 ? 5 : 0;
        }

        len = strspn(p + 2, hex);

        return len && p[2 + len] == '}' ? len + 3 : 0;

    case 'p':
    case 'P':
        end = strchr(p, '}');

        return p[1] == '{' && end ? (size_t) (end - p) + 1 : 0;

    default:
        return !((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'))
               || strchr("bBcdDfnrsStwW", *p) != NULL;
    }
}


/* "{3}", "{3,}" or "{3,5}" at p: anything else is text to PCRE2. */

static int
ihanoi_pattern_is_count(const char *p)
{
    size_t              n;
    static const char   digits[] = "0123456789";

    n = strspn(++p, digits);
    if (n == 0) {
        return 0;
    }

    p += n;

    if (*p == ',') {
        p++;
        p += strspn(p, digits);
    }

    return *p == '}';
}


int
ihanoi_pattern_match(const ihanoi_pattern_t *pattern, const char *p,
    size_t len, size_t *steps)
{
    int                rc;
    size_t             cost;
    pcre2_match_data  *data;

    cost = IHANOI_PATTERN_STEPS + len / 16;

    if (*steps < cost) {
        *steps = 0;
        return IHANOI_BUDGET;
    }

    *steps -= cost;

    data = pcre2_match_data_create(1, pattern->general);
    if (data == NULL) {
        return IHANOI_NOMEM;
    }

    rc = pcre2_match(pattern->code, (PCRE2_SPTR) p, len, 0,
                     PCRE2_NO_UTF_CHECK, data, pattern->match);

    pcre2_match_data_free(data);

    if (rc >= 0) {
        return 1;
    }

    switch (rc) {

    case PCRE2_ERROR_NOMATCH:
        return 0;

    case PCRE2_ERROR_NOMEMORY:
        return IHANOI_NOMEM;

    default:

        /* a limit: the next such match must not be for free */

        *steps = *steps > IHANOI_PATTERN_LIMIT_COST
                 ? *steps - IHANOI_PATTERN_LIMIT_COST : 0;

        return IHANOI_BUDGET;
    }
}


static void
ihanoi_pattern_free(void *data)
{
    ihanoi_pattern_t  *pattern = data;

    pcre2_code_free(pattern->code);
    pcre2_match_context_free(pattern->match);
    pcre2_compile_context_free(pattern->compile);
    pcre2_general_context_free(pattern->general);
}


static void *
ihanoi_pattern_malloc(size_t size, void *data)
{
    (void) data;

    return ihanoi_malloc(size);
}


static void
ihanoi_pattern_release(void *p, void *data)
{
    (void) data;

    ihanoi_free(p);
}
