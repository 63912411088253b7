/*
 * Copyright (C) iHaNoi contributors
 *
 * usage: LD_PRELOAD=sent.so SENT=file nginx …      (tests/http/pg_answers.t)
 *
 * Stands between nginx and libpq, and between nginx and the system: each time
 * nginx sends bytes from where a value of a result that is not cleared yet is,
 * a line of the file gets their number.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include <postgresql/libpq-fe.h>


#define VALUES  16


static struct {
    const PGresult  *res;
    const char      *data;
    size_t           len;
} values[VALUES];

static unsigned  next;
static int       fd = -1;


/* Before nginx gives its rights away: the file is not its workers' to open. */
static __attribute__((constructor)) void
begin(void)
{
    const char  *file;

    file = getenv("SENT");

    if (file) {
        fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0644);
    }
}


char *
PQgetvalue(const PGresult *res, int row, int column)
{
    char           *data;
    static char  *(*real)(const PGresult *res, int row, int column);

    if (real == NULL) {
        *(void **) &real = dlsym(RTLD_NEXT, "PQgetvalue");
    }

    data = real(res, row, column);

    values[next].res = res;
    values[next].data = data;
    values[next].len = (size_t) PQgetlength(res, row, column);
    next = (next + 1) % VALUES;

    return data;
}


void
PQclear(PGresult *res)
{
    unsigned       i;
    static void  (*real)(PGresult *res);

    if (real == NULL) {
        *(void **) &real = dlsym(RTLD_NEXT, "PQclear");
    }

    for (i = 0; i < VALUES; i++) {
        if (values[i].res == res) {
            values[i].len = 0;
        }
    }

    real(res);
}


ssize_t
writev(int s, const struct iovec *iov, int n)
{
    int               i;
    size_t            len, sent, left;
    ssize_t           rc;
    unsigned          v;
    const char       *p;
    static ssize_t  (*real)(int s, const struct iovec *iov, int n);

    if (real == NULL) {
        *(void **) &real = dlsym(RTLD_NEXT, "writev");
    }

    rc = real(s, iov, n);
    left = rc > 0 ? (size_t) rc : 0;
    sent = 0;

    for (i = 0; i < n && left; i++) {

        len = iov[i].iov_len < left ? iov[i].iov_len : left;
        left -= len;
        p = iov[i].iov_base;

        for (v = 0; v < VALUES; v++) {
            if (p >= values[v].data && p + len <= values[v].data + values[v].len)
            {
                sent += len;
                break;
            }
        }
    }

    if (sent && fd != -1) {
        (void) dprintf(fd, "%zu\n", sent);
    }

    return rc;
}
