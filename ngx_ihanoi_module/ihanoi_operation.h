/*
 * Copyright (C) iHaNoi contributors
 *
 * One operation of a document, compiled.
 *
 * ihanoi_operation.c reads the operation's own members,
 * ihanoi_operation_responses.c its answers, ihanoi_argument.c its parameters,
 * ihanoi_argument_body.c its body.
 */

#ifndef _IHANOI_OPERATION_H_INCLUDED_
#define _IHANOI_OPERATION_H_INCLUDED_


#include <stddef.h>

#include "ihanoi_document.h"
#include "ihanoi_route.h"
#include "ihanoi_schema.h"
#include "ihanoi_types.h"


#define IHANOI_ARGUMENTS   64
#define IHANOI_MEDIA       8


/* As OpenAPI writes them, by ihanoi_method_e. */
extern const char *const  ihanoi_methods[IHANOI_METHODS];


typedef struct {
    unsigned                  status;     /* 204, 4 of "4XX", 0: default */
    unsigned                  nmedia;     /* 0: has no body */
    ihanoi_media_t            media[IHANOI_MEDIA];
    const ihanoi_schema_t    *schemas[IHANOI_MEDIA];  /* NULL: is not JSON */
} ihanoi_response_t;


/* What the public part does not show stands behind it. */
typedef struct {
    ihanoi_operation_t        op;         /* must be the first */
    ihanoi_response_t        *responses;
    unsigned                  nresponses;
} ihanoi_compiled_t;


/* One operation on its way. */
typedef struct {
    ihanoi_documents_t       *documents;
    ihanoi_schemas_t         *schemas;
    ihanoi_compiled_t        *compiled;
    ihanoi_template_t         template;
    const char               *text;       /* of the template */
    ihanoi_place_t            path;       /* the path item */
    ihanoi_place_t            place;      /* the operation */
    json_t                   *security;   /* the document's, or NULL */

    ihanoi_argument_t         arguments[IHANOI_ARGUMENTS];
    unsigned                  narguments;
    unsigned                  visits;     /* of schemas with members */
    const ihanoi_schema_t    *format;     /* of the path's {format} */
    ihanoi_place_t            format_place;
} ihanoi_compiler_t;


/* Everything but op.index.  Results as of all that take documents. */
int ihanoi_operation_compile(ihanoi_compiler_t *compiler,
    ihanoi_method_e method);

/* Path, query and header parameters, then the body. */
int ihanoi_arguments_compile(ihanoi_compiler_t *compiler);
int ihanoi_argument_body(ihanoi_compiler_t *compiler);

/* The next argument, or NULL with the documents' err filled. */
ihanoi_argument_t *ihanoi_argument_add(ihanoi_compiler_t *compiler,
    const ihanoi_place_t *place, const char *name, ihanoi_in_e in);

/* Takes "default" of the schema over, as SQL text. */
int ihanoi_argument_default(ihanoi_compiler_t *compiler,
    ihanoi_argument_t *argument);

/* Its answers; then, for "/x/{id}.{format}", what of them has a suffix. */
int ihanoi_operation_responses(ihanoi_compiler_t *compiler);
int ihanoi_operation_formats(ihanoi_compiler_t *compiler);

/*
 * Reads "content": its media types, IHANOI_MEDIA at most, and the schema of each,
 * NULL for what is not JSON.  Those of a request are JSON, all of one schema.
 */
int ihanoi_media_compile(ihanoi_compiler_t *compiler,
    const ihanoi_place_t *content, int request, ihanoi_media_t *media,
    unsigned *n, const ihanoi_schema_t **schemas);

/* 1 for "application/json" and "application/…+json". */
int ihanoi_media_is_json(const char *type);

/* A fresh NUL-terminated copy in *s; IHANOI_OK or IHANOI_NOMEM. */
int ihanoi_operation_text(ihanoi_compiler_t *compiler, ihanoi_str_t *s,
    const char *text);

/* 1 when text is [a-z][a-z0-9_]*, at most 63 long as PostgreSQL's names. */
int ihanoi_name_is_snake(const char *text);


#endif /* _IHANOI_OPERATION_H_INCLUDED_ */
