/*
 * Copyright (C) iHaNoi contributors
 *
 * Between the files that read a manifest.
 */

#ifndef _IHANOI_MANIFEST_READER_H_INCLUDED_
#define _IHANOI_MANIFEST_READER_H_INCLUDED_


#include "ihanoi_document.h"
#include "ihanoi_manifest.h"


typedef struct {
    ihanoi_manifest_t        *manifest;
    ihanoi_documents_t        documents;
    ihanoi_place_t            root;       /* of plugin.json */
} ihanoi_manifest_reader_t;


/* ihanoi_manifest_members.c: all but the settings; the form is checked. */
int ihanoi_manifest_members(ihanoi_manifest_reader_t *reader);

/*
 * Of it, for its steps in other files.  A list has room for as many as there
 * are; NULL with err filled.
 */
int ihanoi_manifest_names(ihanoi_manifest_reader_t *reader,
    const json_t *list, ihanoi_names_t *names);
void *ihanoi_manifest_list(ihanoi_manifest_reader_t *reader,
    const json_t *list, size_t size, unsigned *n);
int ihanoi_manifest_handler(ihanoi_manifest_reader_t *reader,
    const char *pointer);

/* A member of type integer, "1" and "1.0" alike; initial when it is absent. */
unsigned ihanoi_manifest_integer(const json_t *object, const char *name,
    unsigned initial);

/* ihanoi_manifest_interfaces.c: steps of it. */
int ihanoi_manifest_offers(ihanoi_manifest_reader_t *reader);
int ihanoi_manifest_uses(ihanoi_manifest_reader_t *reader);

/* ihanoi_manifest_metrics.c: a step of it. */
int ihanoi_manifest_metrics(ihanoi_manifest_reader_t *reader);

/* ihanoi_manifest_settings.c: compiles the plugin's own schema. */
int ihanoi_manifest_settings_compile(ihanoi_manifest_reader_t *reader);

/* Fills err and returns IHANOI_INVALID. */
int ihanoi_manifest_refuse(ihanoi_manifest_reader_t *reader,
    const char *pointer, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));


#endif /* _IHANOI_MANIFEST_READER_H_INCLUDED_ */
