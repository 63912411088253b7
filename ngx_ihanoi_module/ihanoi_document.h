/*
 * Copyright (C) iHaNoi contributors
 *
 * The files of a contract: reading them, and finding what "$ref" names.
 */

#ifndef _IHANOI_DOCUMENT_H_INCLUDED_
#define _IHANOI_DOCUMENT_H_INCLUDED_


#include <stddef.h>
#include <jansson.h>

#include "ihanoi_arena.h"
#include "ihanoi_types.h"


#define IHANOI_DOCUMENT_SIZE    4194304
#define IHANOI_DOCUMENT_DEPTH   64
#define IHANOI_DOCUMENTS        64


typedef struct ihanoi_document_s  ihanoi_document_t;

struct ihanoi_document_s {
    ihanoi_document_t        *next;       /* in the order of opening */
    const char               *path;       /* as given */
    const char               *real;       /* realpath() */
    const char               *name;       /* "feedback.json" */
    const char               *ns;         /* "feedback" */
    json_t                   *root;
    unsigned                  listed:1;   /* named by the caller */
};


typedef struct {
    ihanoi_arena_t           *arena;
    ihanoi_document_t        *first;
    ihanoi_document_t       **last;
    unsigned                  n;
    ihanoi_contract_error_t  *err;
} ihanoi_documents_t;


/* A place in a document; pointer is RFC 6901. */
typedef struct {
    ihanoi_document_t        *document;
    const char               *pointer;
    json_t                   *value;
} ihanoi_place_t;


/* Reads a file or finds it among those read.  NULL with err filled. */
ihanoi_document_t *ihanoi_document_open(ihanoi_documents_t *documents,
    const char *path, int listed);

/*
 * Resolves the "$ref" of a place's value: "#/components/..." or
 * "file.json#/components/..." with a file of the same folder, which is read
 * when it was not yet.  Returns IHANOI_OK, or IHANOI_INVALID or IHANOI_NOMEM
 * with err filled.
 */
int ihanoi_document_resolve(ihanoi_documents_t *documents,
    const ihanoi_place_t *from, const char *ref, ihanoi_place_t *to);

/*
 * Follows Reference Objects until the place is something else: for parameters,
 * responses and bodies.  kind is the member of "components" they stand in.
 */
int ihanoi_document_follow(ihanoi_documents_t *documents,
    ihanoi_place_t *place, const char *kind);

/*
 * A member of an object: to->value is NULL when it is absent.  IHANOI_OK or
 * IHANOI_NOMEM with err filled.
 */
int ihanoi_place_member(ihanoi_documents_t *documents,
    const ihanoi_place_t *from, const char *name, ihanoi_place_t *to);
int ihanoi_place_item(ihanoi_documents_t *documents,
    const ihanoi_place_t *from, size_t i, ihanoi_place_t *to);

/*
 * Every member must be in the NULL-terminated list, or begin with "x-" and not
 * with "x-ihanoi-".  what names the object for the error's text.
 */
int ihanoi_place_members_known(ihanoi_documents_t *documents,
    const ihanoi_place_t *place, const char *const *known, const char *what);

/* Fills err and returns IHANOI_INVALID. */
int ihanoi_document_refuse(ihanoi_documents_t *documents,
    const ihanoi_place_t *place, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Fills err and returns IHANOI_NOMEM. */
int ihanoi_document_no_memory(ihanoi_documents_t *documents);

/*
 * The last step of a refusal: names and values in pointer and reason are a
 * stranger's, and go to logs and terminals.  Control characters, and what is
 * no UTF-8 (any more: texts are cut), become "?".
 */
void ihanoi_document_printable(ihanoi_contract_error_t *err);


#endif /* _IHANOI_DOCUMENT_H_INCLUDED_ */
