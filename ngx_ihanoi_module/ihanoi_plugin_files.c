/*
 * Copyright (C) iHaNoi contributors
 *
 * The files of one version of a plugin, read once and never again: what was
 * checked is what runs.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ihanoi_digest.h"
#include "ihanoi_json.h"
#include "ihanoi_plugin_files.h"
#include "ihanoi_utf8.h"


#define IHANOI_PLUGIN_LISTING  "FILES.sha256"


typedef struct {
    ihanoi_arena_t           *arena;
    ihanoi_plugin_files_t    *files;
    ihanoi_contract_error_t  *err;
    size_t                    size;
    const char               *listing;    /* the text of FILES.sha256 */
} ihanoi_plugin_reader_t;


static int ihanoi_plugin_folder(ihanoi_plugin_reader_t *reader, int fd,
    const char *path, unsigned depth);
static int ihanoi_plugin_entries(ihanoi_plugin_reader_t *reader, DIR *dir,
    const char *path, unsigned depth);
static int ihanoi_plugin_entry(ihanoi_plugin_reader_t *reader, int dir,
    const char *name, const char *path, unsigned depth);
static int ihanoi_plugin_read(ihanoi_plugin_reader_t *reader, int fd,
    size_t size, ihanoi_plugin_file_t *file);
static int ihanoi_plugin_take(ihanoi_plugin_reader_t *reader,
    const ihanoi_plugin_file_t *file);
static int ihanoi_plugin_lua(ihanoi_plugin_reader_t *reader,
    const ihanoi_plugin_file_t *file);
static int ihanoi_plugin_module(ihanoi_plugin_reader_t *reader,
    const ihanoi_plugin_file_t *file);
static int ihanoi_plugin_finish(ihanoi_plugin_reader_t *reader);
static int ihanoi_plugin_listed(ihanoi_plugin_reader_t *reader,
    const char *text);
static int ihanoi_plugin_name_good(const char *name);
static int ihanoi_plugin_compare(const void *a, const void *b);
static int ihanoi_plugin_refuse(ihanoi_plugin_reader_t *reader,
    const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static int ihanoi_plugin_no_memory(ihanoi_plugin_reader_t *reader);


/* Not contents, but about them. */

static const char *const  ihanoi_plugin_seals[] = {
    IHANOI_PLUGIN_LISTING, "FILES.sig", "FILES.review.sig", NULL
};


int
ihanoi_plugin_files_read(ihanoi_arena_t *arena, const char *folder,
    ihanoi_plugin_files_t *files, ihanoi_contract_error_t *err)
{
    int                     fd, rc;
    char                    real[PATH_MAX];
    ihanoi_plugin_reader_t  reader;

    memset(files, 0, sizeof(ihanoi_plugin_files_t));
    memset(&reader, 0, sizeof(ihanoi_plugin_reader_t));

    reader.arena = arena;
    reader.files = files;
    reader.err = err;
    files->folder = folder;

    if (realpath(folder, real) == NULL) {
        return ihanoi_plugin_refuse(&reader, "", "cannot be opened: %s",
                                    strerror(errno));
    }

    files->folder = ihanoi_arena_strndup(arena, real, strlen(real));
    files->all = ihanoi_arena_alloc(arena, IHANOI_PLUGIN_FILES
                                           * sizeof(ihanoi_plugin_file_t));
    files->lua = ihanoi_arena_alloc(arena, IHANOI_PLUGIN_FILES
                                           * sizeof(ihanoi_sandbox_file_t));

    if (files->folder == NULL || files->all == NULL || files->lua == NULL) {
        files->folder = folder;
        return ihanoi_plugin_no_memory(&reader);
    }

    fd = open(real, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    if (fd == -1) {
        return ihanoi_plugin_refuse(&reader, "", "cannot be opened: %s",
                                    strerror(errno));
    }

    /* before anything in it: another folder may be full of what is refused */

    if (faccessat(fd, "plugin.json", F_OK, AT_SYMLINK_NOFOLLOW) == -1
        && errno == ENOENT)
    {
        (void) close(fd);
        return ihanoi_plugin_refuse(&reader, "plugin.json", "is not there; it "
                                    "says what the plugin is");
    }

    rc = ihanoi_plugin_folder(&reader, fd, "", 0);

    return rc == IHANOI_OK ? ihanoi_plugin_finish(&reader) : rc;
}


const ihanoi_plugin_file_t *
ihanoi_plugin_files_find(const ihanoi_plugin_files_t *files, const char *path)
{
    unsigned  i;

    for (i = 0; i < files->n; i++) {
        if (strcmp(files->all[i].path, path) == 0) {
            return &files->all[i];
        }
    }

    return NULL;
}


/* Owns fd.  path ends with "/", or is "" for the plugin's folder. */

static int
ihanoi_plugin_folder(ihanoi_plugin_reader_t *reader, int fd, const char *path,
    unsigned depth)
{
    int   rc;
    DIR  *dir;

    dir = fdopendir(fd);

    if (dir == NULL) {
        (void) close(fd);
        return ihanoi_plugin_no_memory(reader);
    }

    rc = ihanoi_plugin_entries(reader, dir, path, depth);

    (void) closedir(dir);

    return rc;
}


static int
ihanoi_plugin_entries(ihanoi_plugin_reader_t *reader, DIR *dir,
    const char *path, unsigned depth)
{
    int             rc;
    char           *whole;
    struct dirent  *entry;

    for ( ;; ) {
        errno = 0;
        entry = readdir(dir);

        if (entry == NULL) {
            return errno ? ihanoi_plugin_refuse(reader, path,
                                                "cannot be read: %s",
                                                strerror(errno))
                         : IHANOI_OK;
        }

        /* what editors and version control leave there is not the plugin */

        if (entry->d_name[0] == '.') {
            continue;
        }

        whole = ihanoi_arena_printf(reader->arena, "%s%s", path,
                                    entry->d_name);
        if (whole == NULL) {
            return ihanoi_plugin_no_memory(reader);
        }

        if (!ihanoi_plugin_name_good(entry->d_name)) {
            return ihanoi_plugin_refuse(reader, whole,
                                        "a name is of letters of English, "
                                        "digits and \"._-\"");
        }

        if (strlen(whole) > IHANOI_PLUGIN_PATH) {
            return ihanoi_plugin_refuse(reader, whole, "longer than %d "
                                        "characters", IHANOI_PLUGIN_PATH);
        }

        rc = ihanoi_plugin_entry(reader, dirfd(dir), entry->d_name, whole,
                                 depth);
        if (rc != IHANOI_OK) {
            return rc;
        }
    }
}


static int
ihanoi_plugin_entry(ihanoi_plugin_reader_t *reader, int dir, const char *name,
    const char *path, unsigned depth)
{
    int                    fd, rc;
    char                  *below;
    struct stat            info;
    ihanoi_plugin_file_t   file;

    /* looked at before it is opened: opening a device may do something */

    if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return ihanoi_plugin_refuse(reader, path, "cannot be opened: %s",
                                    strerror(errno));
    }

    if (S_ISLNK(info.st_mode)) {
        return ihanoi_plugin_refuse(reader, path, "is a symbolic link; a "
                                    "plugin has none");
    }

    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
        return ihanoi_plugin_refuse(reader, path,
                                    "is neither a file nor a folder");
    }

    fd = openat(dir, name, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    if (fd == -1 || fstat(fd, &info) != 0) {
        rc = ihanoi_plugin_refuse(reader, path, "cannot be opened: %s",
                                  strerror(errno));
        goto done;
    }

    if (S_ISDIR(info.st_mode)) {

        if (depth + 1 == IHANOI_PLUGIN_DEPTH) {
            rc = ihanoi_plugin_refuse(reader, path, "more than %d folders "
                                      "within one another",
                                      IHANOI_PLUGIN_DEPTH);
            goto done;
        }

        below = ihanoi_arena_printf(reader->arena, "%s/", path);
        if (below == NULL) {
            rc = ihanoi_plugin_no_memory(reader);
            goto done;
        }

        return ihanoi_plugin_folder(reader, fd, below, depth + 1);
    }

    file.path = path;

    rc = S_ISREG(info.st_mode)
         ? ihanoi_plugin_read(reader, fd, (size_t) info.st_size, &file)
         : ihanoi_plugin_refuse(reader, path, "changed while it was read");

    if (rc == IHANOI_OK) {
        rc = ihanoi_plugin_take(reader, &file);
    }

done:

    if (fd != -1) {
        (void) close(fd);
    }

    return rc;
}


static int
ihanoi_plugin_read(ihanoi_plugin_reader_t *reader, int fd, size_t size,
    ihanoi_plugin_file_t *file)
{
    char           *text;
    ssize_t         n;
    unsigned char   digest[IHANOI_SHA256_LEN];

    if (size > IHANOI_PLUGIN_SIZE
        || reader->size + size > IHANOI_PLUGIN_SIZE)
    {
        return ihanoi_plugin_refuse(reader, file->path, "with it the plugin "
                                    "is larger than %d bytes",
                                    IHANOI_PLUGIN_SIZE);
    }

    text = ihanoi_arena_alloc(reader->arena, size + 1);
    if (text == NULL) {
        return ihanoi_plugin_no_memory(reader);
    }

    file->text = text;
    file->len = 0;

    /* one byte more than there should be: the file may be growing */

    for ( ;; ) {
        n = read(fd, text + file->len, size + 1 - file->len);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n == -1) {
            return ihanoi_plugin_refuse(reader, file->path,
                                        "cannot be read: %s",
                                        strerror(errno));
        }

        file->len += (size_t) n;

        if (n == 0 || file->len > size) {
            break;
        }
    }

    if (file->len != size) {
        return ihanoi_plugin_refuse(reader, file->path,
                                    "changed while it was read");
    }

    text[size] = '\0';
    reader->size += size;

    if (ihanoi_sha256(text, size, digest) != 0) {
        return ihanoi_plugin_no_memory(reader);
    }

    ihanoi_hex(digest, IHANOI_SHA256_LEN, file->sha256);
    file->sha256[IHANOI_SHA256_HEX_LEN] = '\0';

    return IHANOI_OK;
}


static int
ihanoi_plugin_take(ihanoi_plugin_reader_t *reader,
    const ihanoi_plugin_file_t *file)
{
    int                     rc;
    unsigned                i;
    ihanoi_plugin_files_t  *files;

    for (i = 0; ihanoi_plugin_seals[i]; i++) {

        if (strcmp(file->path, ihanoi_plugin_seals[i]) == 0) {

            if (i == 0) {
                reader->listing = file->text;
            }

            return IHANOI_OK;
        }
    }

    files = reader->files;

    if (files->n == IHANOI_PLUGIN_FILES) {
        return ihanoi_plugin_refuse(reader, "", "has more than %d files",
                                    IHANOI_PLUGIN_FILES);
    }

    /* whatever it is called: nothing compiled is loaded by anybody */

    if (file->len && (file->text[0] == '\033'
                      || (file->len > 4
                          && memcmp(file->text, "\177ELF", 4) == 0)))
    {
        return ihanoi_plugin_refuse(reader, file->path, "is compiled; a "
                                    "plugin is source code");
    }

    rc = ihanoi_plugin_lua(reader, file);

    if (rc == IHANOI_OK) {
        files->all[files->n++] = *file;
    }

    return rc;
}


static int
ihanoi_plugin_lua(ihanoi_plugin_reader_t *reader,
    const ihanoi_plugin_file_t *file)
{
    size_t       len;
    unsigned     line;
    const char  *p, *end;

    len = strlen(file->path);

    if (len < 4 || strcmp(file->path + len - 4, ".lua") != 0) {

        if (strncmp(file->path, "lib/", 4) == 0) {
            return ihanoi_plugin_refuse(reader, file->path, "lib/ is for "
                                        "Lua files, \"*.lua\"");
        }

        return IHANOI_OK;
    }

    if (file->len > IHANOI_PLUGIN_LUA_SIZE) {
        return ihanoi_plugin_refuse(reader, file->path, "larger than %d "
                                    "bytes, the most of a Lua file",
                                    IHANOI_PLUGIN_LUA_SIZE);
    }

    line = 1;
    end = file->text + file->len;

    for (p = file->text; p < end; p += len) {
        len = ihanoi_utf8_length(p, end);

        if (len == 0 || *p == '\0') {
            return ihanoi_plugin_refuse(reader, file->path, "line %u is not "
                                        "UTF-8", line);
        }

        if (*p == '\n') {
            line++;
        }
    }

    if (strcmp(file->path, "handler.lua") == 0
        || strncmp(file->path, "lib/", 4) == 0)
    {
        return ihanoi_plugin_module(reader, file);
    }

    /* not loaded by the gateway; in tests/ the command does it */

    if (strchr(file->path, '/') == NULL) {
        return ihanoi_plugin_refuse(reader, file->path, "nothing loads it; "
                                    "Lua files besides handler.lua belong "
                                    "in lib/");
    }

    return IHANOI_OK;
}


/* "lib/fees.lua" is require("lib.fees"). */

static int
ihanoi_plugin_module(ihanoi_plugin_reader_t *reader,
    const ihanoi_plugin_file_t *file)
{
    char                   *name, *p;
    ihanoi_sandbox_file_t  *lua;

    name = ihanoi_arena_strndup(reader->arena, file->path,
                                strlen(file->path) - 4);
    if (name == NULL) {
        return ihanoi_plugin_no_memory(reader);
    }

    for (p = name; *p; p++) {

        if (*p == '.' || *p == '-') {
            return ihanoi_plugin_refuse(reader, file->path, "require() names "
                                        "it with dots between folders, so "
                                        "there is no \"%c\" in its name", *p);
        }

        if (*p == '/') {
            *p = '.';
        }
    }

    lua = &reader->files->lua[reader->files->nlua++];
    lua->name = name;
    lua->text = file->text;
    lua->len = file->len;

    return IHANOI_OK;
}


static int
ihanoi_plugin_finish(ihanoi_plugin_reader_t *reader)
{
    char                   *text, *p;
    size_t                  len;
    unsigned                i;
    unsigned char           digest[IHANOI_SHA256_LEN];
    ihanoi_plugin_files_t  *files;

    files = reader->files;

    qsort(files->all, files->n, sizeof(ihanoi_plugin_file_t),
          ihanoi_plugin_compare);

    /* "64 digits, two spaces, path, end of line" */

    len = files->n * (IHANOI_SHA256_HEX_LEN + 3 + IHANOI_PLUGIN_PATH) + 1;

    text = ihanoi_malloc(len);
    if (text == NULL) {
        return ihanoi_plugin_no_memory(reader);
    }

    for (i = 0, p = text; i < files->n; i++) {
        p += sprintf(p, "%s  %s\n", files->all[i].sha256, files->all[i].path);
    }

    *p = '\0';

    if (reader->listing && ihanoi_plugin_listed(reader, text) != IHANOI_OK) {
        ihanoi_free(text);
        return IHANOI_INVALID;
    }

    if (ihanoi_sha256(text, (size_t) (p - text), digest) != 0) {
        ihanoi_free(text);
        return ihanoi_plugin_no_memory(reader);
    }

    ihanoi_free(text);

    ihanoi_hex(digest, IHANOI_SHA256_LEN, files->hash);

    return IHANOI_OK;
}


/* The packed list against the files: names the first line that differs. */

static int
ihanoi_plugin_listed(ihanoi_plugin_reader_t *reader, const char *text)
{
    size_t       a, b;
    const char  *is, *said;

    is = text;
    said = reader->listing;

    while (*is || *said) {
        a = strcspn(is, "\n");
        b = strcspn(said, "\n");

        if (a != b || memcmp(is, said, a) != 0 || is[a] != said[b]) {
            return ihanoi_plugin_refuse(reader, IHANOI_PLUGIN_LISTING,
                       "is not about these files, from \"%.*s\" on: it was "
                       "changed after it was packed",
                       (int) (a > 66 ? a - 66 : 0), is + (a > 66 ? 66 : 0));
        }

        is += a + 1;
        said += b + 1;
    }

    return IHANOI_OK;
}


static int
ihanoi_plugin_name_good(const char *name)
{
    return name[0] != '-'
           && strspn(name, "abcdefghijklmnopqrstuvwxyz"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
              == strlen(name);
}


static int
ihanoi_plugin_compare(const void *a, const void *b)
{
    const ihanoi_plugin_file_t  *x = a, *y = b;

    return strcmp(x->path, y->path);
}


static int
ihanoi_plugin_refuse(ihanoi_plugin_reader_t *reader, const char *path,
    const char *fmt, ...)
{
    char                     *p;
    va_list                   args;
    ihanoi_contract_error_t  *err;

    err = reader->err;

    (void) snprintf(err->file, sizeof(err->file), "%s%s%s",
                    reader->files->folder, *path ? "/" : "", path);

    /* a name may be anything, and this goes to a log */

    for (p = err->file; *p; p++) {
        if (*p < ' ' || *p > '~') {
            *p = '?';
        }
    }

    err->pointer[0] = '\0';

    va_start(args, fmt);
    (void) vsnprintf(err->reason, sizeof(err->reason), fmt, args);
    va_end(args);

    return IHANOI_INVALID;
}


static int
ihanoi_plugin_no_memory(ihanoi_plugin_reader_t *reader)
{
    ihanoi_contract_error_t  *err;

    err = reader->err;
    err->file[0] = '\0';
    err->pointer[0] = '\0';

    (void) snprintf(err->reason, sizeof(err->reason), "out of memory");

    return IHANOI_NOMEM;
}
