/*
 * Copyright (C) iHaNoi contributors
 *
 * Gives a fuzz target every file of its corpus once, and prints TAP: what the
 * fuzzer found must stay mended, in every build.  A crash ends the program
 * before its plan is kept, which prove reports.
 */

#include <dirent.h>
#include <string.h>

#include "expect.h"


#define INPUT_MAX  (1024 * 1024)


static int replay(const char *dir, const char *name);


int
main(void)
{
    int              n, i, count;
    struct dirent  **entries;

    n = scandir(CORPUS, &entries, NULL, alphasort);
    if (n < 0) {
        printf("Bail out! no corpus in %s\n", CORPUS);
        return 1;
    }

    count = 0;

    for (i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.') {
            count++;
        }
    }

    printf("1..%d\n", count);
    fflush(stdout);
    count = 0;

    for (i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.') {
            printf("%s %d - %s\n",
                   replay(CORPUS, entries[i]->d_name) == 0 ? "ok" : "not ok",
                   ++count, entries[i]->d_name);
            fflush(stdout);
        }

        free(entries[i]);
    }

    free(entries);

    return 0;
}


static int
replay(const char *dir, const char *name)
{
    FILE     *f;
    char      path[4096];
    size_t    size;
    uint8_t  *data;

    snprintf(path, sizeof(path), "%s/%s", dir, name);

    f = fopen(path, "rb");
    data = malloc(INPUT_MAX);

    if (f == NULL || data == NULL) {
        free(data);
        if (f != NULL) {
            fclose(f);
        }
        return -1;
    }

    size = fread(data, 1, INPUT_MAX, f);
    fclose(f);

    /* As long as the input is, so that a sanitizer sees reads past its end. */
    if (size != 0) {
        data = realloc(data, size);
    }

    (void) LLVMFuzzerTestOneInput(data, size);
    free(data);

    return 0;
}
