/*
 * Copyright (C) iHaNoi contributors
 *
 * The files of one version of a plugin, read once and never again: what was
 * checked is what runs.
 */

#ifndef _IHANOI_PLUGIN_FILES_H_INCLUDED_
#define _IHANOI_PLUGIN_FILES_H_INCLUDED_


#include "ihanoi_arena.h"
#include "ihanoi_sandbox.h"
#include "ihanoi_types.h"


#define IHANOI_PLUGIN_FILES      200
#define IHANOI_PLUGIN_SIZE       2097152   /* bytes, of all files together */
#define IHANOI_PLUGIN_LUA_SIZE   262144    /* of one Lua file */
#define IHANOI_PLUGIN_DEPTH      8         /* folders within one another */
#define IHANOI_PLUGIN_PATH       200       /* characters of a file's path */


typedef struct {
    const char               *path;       /* "lib/fees.lua" */
    const char               *text;       /* NUL-terminated */
    size_t                    len;
    char                      sha256[65];
} ihanoi_plugin_file_t;


typedef struct {
    const char               *folder;     /* realpath() */
    ihanoi_plugin_file_t     *all;        /* sorted by path, bytewise */
    unsigned                  n;

    /* what the sandbox may load: "handler", "lib.fees"; the same memory */
    ihanoi_sandbox_file_t    *lua;
    unsigned                  nlua;

    /*
     * Names the contents: SHA-256, in hex, of the text that FILES.sha256 has
     * or would have, a line "<sha256 in hex>  <path>\n" for each of all.
     */
    char                      hash[65];
} ihanoi_plugin_files_t;


/*
 * Reads a folder into the arena.  Taken are files whose path has no part that
 * begins with a dot; FILES.sha256, FILES.sig and FILES.review.sig are about
 * the contents and do not count among them.
 *
 * Refused: symbolic links and whatever else is no file or folder; names that
 * are not of letters, digits and "._-"; too many, too large, too deep; Lua
 * files that are bytecode or not UTF-8, and those at places where nothing
 * could load them; a FILES.sha256 that says something else than the files do.
 * The folder itself may be named through a link: that is how a version is
 * switched.
 *
 * IHANOI_OK, or IHANOI_INVALID or IHANOI_NOMEM with err filled.
 */
int ihanoi_plugin_files_read(ihanoi_arena_t *arena, const char *folder,
    ihanoi_plugin_files_t *files, ihanoi_contract_error_t *err);

/* By its path, or NULL. */
const ihanoi_plugin_file_t *ihanoi_plugin_files_find(
    const ihanoi_plugin_files_t *files, const char *path);


#endif /* _IHANOI_PLUGIN_FILES_H_INCLUDED_ */
