/*
 * Copyright (C) iHaNoi contributors
 *
 * Stores: what is kept, what goes first, that a store agrees with a simple one
 * over many changes, and that it outlives processes that die in it.
 */

#define _GNU_SOURCE

#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"
#include "ihanoi_siphash.h"
#include "ihanoi_store.h"
#include "ihanoi_store_block.h"


#define SIZE       (256 * 1024)
#define PROCESSES  4
#define KEYS       512


static const unsigned char  seed[16] = "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16";

static ihanoi_store_t       *store;
static ihanoi_store_item_t   item;
static char                  buf[IHANOI_STORE_VALUE_MAX];
static char                  big[IHANOI_STORE_VALUE_MAX + 1];
static uint64_t              now = 1000;


static void
start(void)
{
    if (store == NULL) {
        store = mmap(NULL, SIZE, PROT_READ|PROT_WRITE,
                     MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    }

    memset(store, 0xa5, SIZE);
    store = ihanoi_store_create(store, SIZE, seed, 100);
}


static ihanoi_store_rc_e
put(ihanoi_store_how_e how, const char *key, const char *value, size_t len,
    uint64_t expires)
{
    item.key = key;
    item.key_len = strlen(key);
    item.value = value;
    item.len = len;
    item.type = IHANOI_STORE_STRING;
    item.expires = expires;

    return ihanoi_store_put(store, now, &item, how);
}


static ihanoi_store_rc_e
set(const char *key, const char *value)
{
    return put(IHANOI_STORE_SET, key, value, strlen(value), 0);
}


static const char *
get(const char *key)
{
    item.key = key;
    item.key_len = strlen(key);

    if (ihanoi_store_get(store, now, &item, buf) != IHANOI_STORE_OK) {
        return NULL;
    }

    buf[item.len] = '\0';

    return buf;
}


static ihanoi_store_rc_e
delete(const char *key, uint64_t version)
{
    item.key = key;
    item.key_len = strlen(key);
    item.version = version;

    return ihanoi_store_delete(store, now, &item);
}


static ihanoi_store_rc_e
increment(const char *key, double by, const double *first, double *result)
{
    item.key = key;
    item.key_len = strlen(key);
    item.expires = 0;

    return ihanoi_store_increment(store, now, &item, by, first, result);
}


/* NULL: all orders hold the same entries, all chunks are accounted for. */
static const char *
wrong(void)
{
    uint32_t              i, n, m, entries, used, locks, expiring, listed;
    uint32_t              unused, locked;
    ihanoi_store_head_t  *head;

    entries = used = locks = expiring = listed = locked = 0;

    for (i = 0; i < store->nbuckets; i++) {
        for (n = store->buckets[i]; n; n = head->chain) {
            head = ihanoi_store_head(store, n);

            if ((head->hash & (store->nbuckets - 1)) != i) {
                return "an entry in another's bucket";
            }

            for (m = n; m; m = ihanoi_store_head(store, m)->next) {
                used++;
                locks += head->lock;
            }

            entries++;
            locked += head->lock;
            expiring += head->heap != 0;

            if (head->heap && store->heap[head->heap] != n) {
                return "an entry that does not know its place";
            }

            if ((head->heap != 0) != (head->expires != 0)) {
                return "an entry that is not where it expires";
            }

            if (entries > store->nchunks) {
                return "a ring of entries";
            }
        }
    }

    for (i = 2; i <= store->expiring; i++) {
        if (ihanoi_store_head(store, store->heap[i / 2])->expires
            > ihanoi_store_head(store, store->heap[i])->expires)
        {
            return "a heap out of order";
        }
    }

    for (n = store->newest, m = 0; n; n = head->older) {
        head = ihanoi_store_head(store, n);

        if (head->newer != m || head->lock) {
            return "a broken list of uses";
        }

        m = n;
        listed++;
    }

    for (n = store->free, unused = 0; n; n = ihanoi_store_head(store, n)->next) {
        unused++;
    }

    if (m != store->oldest) {
        return "an oldest that is not";
    }

    if (listed + locked != entries) {
        return "a list of another length";
    }

    if (entries != store->entries || used != store->used
        || locks != store->locks || expiring != store->expiring
        || unused + used != store->fresh - 1 || store->used > store->nchunks
        || store->fresh > store->nchunks + 1)
    {
        return "wrong sums";
    }

    return NULL;
}


static void
test_values(void)
{
    uint64_t             version;
    ihanoi_store_stat_t  stat;

    start();

    ok(get("a") == NULL, "nothing is there");
    is_int(set("a", "one"), IHANOI_STORE_OK, "set");
    version = item.version;
    is_str(get("a"), "one", "get");
    ok(version > 100 && item.version == version, "with its version");

    is_int(set("a", "two"), IHANOI_STORE_OK, "set again");
    is_str(get("a"), "two", "the new one");
    ok(item.version > version, "and a new version");
    version = item.version;

    is_int(put(IHANOI_STORE_ADD, "a", "x", 1, 0), IHANOI_STORE_EXISTS,
           "add: it is there");
    is_int(put(IHANOI_STORE_ADD, "b", "x", 1, 0), IHANOI_STORE_OK,
           "add: it is not");

    item.version = version - 1;
    is_int(put(IHANOI_STORE_REPLACE, "a", "three", 5, 0),
           IHANOI_STORE_CHANGED, "replace: another version");
    is_str(get("a"), "two", "nothing was changed");
    item.version = version;
    is_int(put(IHANOI_STORE_REPLACE, "a", "three", 5, 0), IHANOI_STORE_OK,
           "replace: that version");
    is_str(get("a"), "three", "replaced");
    is_int(put(IHANOI_STORE_REPLACE, "c", "x", 1, 0), IHANOI_STORE_NOT_FOUND,
           "replace: not there");

    is_int(delete("a", version), IHANOI_STORE_CHANGED,
           "delete: another version");
    is_int(delete("a", 0), IHANOI_STORE_OK, "delete");
    ok(get("a") == NULL, "gone");
    is_int(delete("a", 0), IHANOI_STORE_NOT_FOUND, "delete: not there");

    set("a", "");
    is_str(get("a"), "", "an empty value");
    is_int(put(IHANOI_STORE_SET, "", "x", 1, 0), IHANOI_STORE_INVALID,
           "no empty key");

    memset(big, 'k', sizeof(big));
    big[IHANOI_STORE_KEY_MAX] = '\0';
    is_int(set(big, "long"), IHANOI_STORE_OK, "a key of 250 bytes");
    is_str(get(big), "long", "is found");
    big[IHANOI_STORE_KEY_MAX - 1] = 'x';
    ok(get(big) == NULL, "its last byte counts");
    big[IHANOI_STORE_KEY_MAX] = 'k';
    big[IHANOI_STORE_KEY_MAX + 1] = '\0';
    is_int(set(big, "x"), IHANOI_STORE_INVALID, "none of 251");

    is_int(put(IHANOI_STORE_SET, "big", big, IHANOI_STORE_VALUE_MAX + 1, 0),
           IHANOI_STORE_INVALID, "no value of 64 KiB and one byte");

    ihanoi_store_stat(store, &stat);
    ok(stat.entries == 3 && stat.used >= 4 * 128 && stat.size > SIZE * 9 / 10,
       "%u entries, %u of %u bytes", stat.entries, (unsigned) stat.used,
       (unsigned) stat.size);

    is_str(wrong(), NULL, "in order");
}


/* Of a length that ends anywhere in a chunk. */
static void
test_lengths(void)
{
    size_t    len, bad;
    unsigned  i;

    start();

    for (i = 0; i < sizeof(big); i++) {
        big[i] = (char) (i * 7 + i / 256);
    }

    for (len = 0, bad = 0; len < 700; len++) {
        put(IHANOI_STORE_SET, "k", big, len, 0);
        bad += get("k") == NULL || item.len != len
               || memcmp(buf, big, len) != 0;
    }

    is_int(bad, 0, "values of 0 to 699 bytes come back");

    is_int(put(IHANOI_STORE_SET, "k", big, IHANOI_STORE_VALUE_MAX, 0),
           IHANOI_STORE_OK, "so does one of 64 KiB");
    item.key = "k";
    ok(ihanoi_store_get(store, now, &item, buf) == IHANOI_STORE_OK
       && item.len == IHANOI_STORE_VALUE_MAX
       && memcmp(buf, big, IHANOI_STORE_VALUE_MAX) == 0, "all of it");

    is_str(wrong(), NULL, "in order");
}


static void
test_expiry(void)
{
    ihanoi_store_stat_t  stat;

    start();
    now = 1000;

    put(IHANOI_STORE_SET, "soon", "x", 1, 1500);
    put(IHANOI_STORE_SET, "later", "x", 1, 2500);
    set("never", "x");

    now = 1499;
    ok(get("soon") && item.expires == 1500, "not yet");
    now = 1500;
    ok(get("soon") == NULL, "expired");
    is_int(delete("soon", 0), IHANOI_STORE_NOT_FOUND, "and not there");

    put(IHANOI_STORE_SET, "soon", "x", 1, 1600);
    now = 1700;
    is_int(put(IHANOI_STORE_ADD, "soon", "y", 1, 0), IHANOI_STORE_OK,
           "added anew after it expired");
    now = 99999;
    is_str(get("soon"), "y", "for ever this time");

    is_int(set("other", "x"), IHANOI_STORE_OK, "a change");
    ihanoi_store_stat(store, &stat);
    is_int(stat.entries, 3, "forgets in passing what has expired");
    is_int(stat.expired, 3, "which is counted");
    is_str(wrong(), NULL, "in order");
}


static void
test_eviction(void)
{
    char                 key[16];
    unsigned             i, n;
    ihanoi_store_stat_t  stat;

    start();
    now = 1000;

    put(IHANOI_STORE_SET, "expires", "x", 1, 2000);

    for (i = 0; store->evicted == 0 && i < 10000; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        set(key, "x");
        (void) get("k0");
    }

    ok(i > SIZE / 136 - 20 && get("expires") == NULL && get("k1"),
       "full at %u entries: the one not used for longest goes", i);

    set("more", "x");
    ok(get("k2") == NULL && get("k0") && get("k1"),
       "then the next; what is used stays");

    for (i = 0; i < 20; i++) {
        snprintf(key, sizeof(key), "e%u", i);
        put(IHANOI_STORE_SET, key, "x", 1, 2000);
    }

    now = 2000;
    n = store->evicted;
    put(IHANOI_STORE_SET, "more still", big, 20 * 120, 0);
    is_int(store->evicted, n, "what has expired goes first");

    is_int(put(IHANOI_STORE_SET, "big", big, IHANOI_STORE_VALUE_MAX, 0),
           IHANOI_STORE_OK, "the greatest value finds room");
    ihanoi_store_stat(store, &stat);
    ok(stat.evicted >= n + 500 && stat.used <= stat.size,
       "%u were evicted for it", (unsigned) (stat.evicted - n));
    is_str(wrong(), NULL, "in order");

    for (i = 0, n = 0; i < 20; i++) {
        snprintf(key, sizeof(key), "big%u", i);
        n += put(IHANOI_STORE_SET, key, big, IHANOI_STORE_VALUE_MAX, 0) != 0;
    }

    is_int(n, 0, "so do many, one after the other");
    is_str(wrong(), NULL, "in order");
}


static void
test_locks(void)
{
    char                key[16];
    unsigned            i, n;
    uint64_t            token;
    ihanoi_store_rc_e   rc;

    start();
    now = 1000;

    set("a", "value");
    item.lock = 1;
    is_int(put(IHANOI_STORE_ADD, "a", "", 0, 5000), IHANOI_STORE_OK,
           "a lock has a name of its own");
    token = item.version;
    is_int(put(IHANOI_STORE_ADD, "a", "", 0, 5000), IHANOI_STORE_EXISTS,
           "and is held");
    item.lock = 0;
    is_str(get("a"), "value", "the value of that name is another");
    is_int(delete("a", 0), IHANOI_STORE_OK, "as is its end");

    for (i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        set(key, "x");
    }

    ok(store->evicted > 2000, "much was evicted");

    item.lock = 1;
    is_int(put(IHANOI_STORE_ADD, "a", "", 0, 5000), IHANOI_STORE_EXISTS,
           "never the lock");
    is_int(delete("a", token + 1), IHANOI_STORE_CHANGED, "another's token");
    is_int(delete("a", token), IHANOI_STORE_OK, "its own");

    for (i = 0, rc = 0; rc == IHANOI_STORE_OK && i < 10000; i++) {
        snprintf(key, sizeof(key), "l%u", i);
        rc = put(IHANOI_STORE_ADD, key, "", 0, 5000);
    }

    ok(rc == IHANOI_STORE_FULL && i > store->nchunks / 4 - 2
       && i <= store->nchunks / 4 + 2, "full at %u locks", i);

    item.lock = 0;
    for (i = 0, n = 0; i < 10; i++) {
        n += put(IHANOI_STORE_SET, "big", big, IHANOI_STORE_VALUE_MAX, 0) != 0;
    }

    is_int(n, 0, "values still find room");
    is_str(wrong(), NULL, "in order");

    now = 5000;
    item.lock = 1;
    is_int(put(IHANOI_STORE_ADD, "a", big, 1000, 9000), IHANOI_STORE_OK,
           "locks that expired make room for others");
    item.lock = 0;
    is_str(wrong(), NULL, "in order");
}


static void
test_numbers(void)
{
    double    n, first;
    uint64_t  version;

    start();
    now = 1000;
    first = 10;

    is_int(increment("n", 1, NULL, &n), IHANOI_STORE_NOT_FOUND, "not there");
    ok(increment("n", 1, &first, &n) == IHANOI_STORE_OK && n == 11,
       "begins as it was said, and is incremented");
    version = item.version;
    ok(increment("n", -0.5, NULL, &n) == IHANOI_STORE_OK && n == 10.5,
       "goes on");
    ok(item.version > version, "with a new version");

    version = item.version;
    (void) get("n");
    is_int(item.version, version, "which get gives");
    memcpy(&n, buf, sizeof(double));
    ok(item.type == IHANOI_STORE_NUMBER && item.len == 8 && n == 10.5,
       "get gives a number");

    is_int(increment("n", INFINITY, NULL, &n), IHANOI_STORE_RANGE,
           "not to infinity");
    is_int(increment("n", NAN, NULL, &n), IHANOI_STORE_RANGE, "or nowhere");
    ok(increment("n", 0, NULL, &n) == IHANOI_STORE_OK && n == 10.5,
       "it stayed");

    set("s", "12");
    is_int(increment("s", 1, &first, &n), IHANOI_STORE_TYPE, "not a number");
    is_str(get("s"), "12", "it stayed");

    /* the key's length puts the number over the end of a chunk */

    memset(big, 'n', 100);

    for (version = 60, first = 0; version < 90; version++) {
        big[version] = '\0';
        (void) increment(big, version, &first, &n);
        (void) increment(big, 1, &first, &n);
        big[version] = 'n';

        if (n != version + 1) {
            break;
        }
    }

    is_int(version, 90, "numbers over the end of a chunk");
    is_str(wrong(), NULL, "in order");
}


/* Against a table: an operation a step, keys few enough to meet again. */
static void
test_model(void)
{
    char      key[32], text[2000];
    size_t    len;
    unsigned  i, k, bad;

    static struct {
        size_t    len;
        unsigned  there;
        unsigned  step;
        uint64_t  expires;
    } model[64];

    start();
    now = 1;
    srandom(1);

    for (i = 0, bad = 0; i < 100000 && bad == 0; i++) {
        k = random() % 64;
        snprintf(key, sizeof(key), "%0*u", (int) (1 + k % 30), k);
        now += random() % 3;

        if (model[k].expires && model[k].expires <= now) {
            model[k].there = 0;
        }

        switch (random() % 4) {

        case 0:
            model[k].there = 1;
            model[k].step = i;
            model[k].len = random() % sizeof(text);
            model[k].expires = random() % 2 ? now + random() % 200 : 0;
            memset(text, 'a' + i % 26, model[k].len);
            bad += put(IHANOI_STORE_SET, key, text, model[k].len,
                       model[k].expires) != IHANOI_STORE_OK;

            if (model[k].expires && model[k].expires <= now) {
                model[k].there = 0;
            }

            break;

        case 1:
            bad += (delete(key, 0) == IHANOI_STORE_OK) != model[k].there;
            model[k].there = 0;
            break;

        default:
            bad += (get(key) != NULL) != model[k].there;

            if (model[k].there) {
                for (len = 0; len < item.len; len++) {
                    bad += buf[len] != (char) ('a' + model[k].step % 26);
                }

                bad += item.len != model[k].len;
            }
        }

        if (i % 64 == 0 && wrong()) {
            printf("# step %u: %s\n", i, wrong());
            bad++;
        }
    }

    is_int(bad, 0, "100000 steps as in a table");
    is_int(store->evicted, 0, "which fits");
    is_str(wrong(), NULL, "in order");
}


static void
test_hash(void)
{
    unsigned       i;
    unsigned char  key[16], data[15];

    for (i = 0; i < 15; i++) {
        data[i] = i;
    }

    memcpy(key, data, 15);
    key[15] = 15;

    ok(ihanoi_siphash(key, data, 15) == 0xa129ca6149be45e5ULL,
       "SipHash-2-4: the example of its paper");
    ok(ihanoi_siphash(key, data, 8) == 0x93f5f5799a932462ULL
       && ihanoi_siphash(key, data, 0) == 0x726fdb47dd0e0e31ULL,
       "and its authors' of 8 and 0 bytes");
}


typedef struct {
    pid_t                     lock;
    uint64_t                  operations;
    uint64_t                  bad;
} shared_t;


static shared_t  *shared;


static void
take(void)
{
    pid_t  none;

    do {
        none = 0;
    } while (!__atomic_compare_exchange_n(&shared->lock, &none, getpid(), 0,
                                          __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
             && (sched_yield(), 1));
}


static void
give(void)
{
    __atomic_store_n(&shared->lock, 0, __ATOMIC_RELEASE);
}


/* As nginx's master does with the mutexes of a worker that has died. */
static void
give_of(pid_t pid)
{
    (void) __atomic_compare_exchange_n(&shared->lock, &pid, 0, 0,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}


/* Values are one letter over and over: a torn one is seen. */
static void
process(unsigned operations)
{
    char      key[32];
    double    n, first;
    size_t    i, len;
    unsigned  k;

    srandom(getpid());
    first = 0;

    while (operations--) {
        k = random() % KEYS;
        snprintf(key, sizeof(key), "key %u", k);

        take();

        switch (random() % 4) {
        case 0:
            len = random() % (k % 16 ? 300 : 20000);
            memset(big, 'a' + k % 26, len);
            put(IHANOI_STORE_SET, key, big, len, k % 3 ? 0 : now + 10);
            break;

        case 1:
            (void) increment("count", 1, &first, &n);
            break;

        case 2:
            (void) delete(key, 0);
            break;

        default:
            if (get(key)) {
                for (i = 0; i < item.len; i++) {
                    shared->bad += buf[i] != (char) ('a' + k % 26);
                }
            }
        }

        shared->operations++;
        now += random() % 2;

        give();
    }

    _exit(0);
}


static pid_t
child(unsigned operations)
{
    pid_t  pid;

    pid = fork();
    if (pid == 0) {
        process(operations);
    }

    return pid;
}


static void
test_processes(void)
{
    int                  status;
    pid_t                pids[PROCESSES];
    double               n;
    unsigned             i, bad, hung;
    ihanoi_store_stat_t  stat;

    shared = mmap(NULL, sizeof(shared_t), PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    start();
    now = 1000;

    for (i = 0; i < PROCESSES; i++) {
        pids[i] = child(10000);
    }

    for (i = 0, bad = 0; i < PROCESSES; i++) {
        waitpid(pids[i], &status, 0);
        bad += status != 0;
    }

    is_int(bad, 0, "processes ended well");
    is_int(shared->operations, PROCESSES * 10000, "all operations were done");
    is_int(shared->bad, 0, "no torn value");
    is_str(wrong(), NULL, "in order");

    (void) increment("count", 0, NULL, &n);
    ok(n > 9000 && n < 11000, "about a fourth of them counted: %.0f", n);

    /* killed anywhere */

    for (i = 0, hung = 0; i < 300; i++) {
        pids[0] = child(1000000);
        pids[1] = child(1000000);

        usleep(1000 + i * 7 % 1000);

        kill(pids[0], SIGKILL);
        waitpid(pids[0], &status, 0);
        give_of(pids[0]);

        usleep(1000);
        hung += waitpid(pids[1], &status, WNOHANG) != 0;

        kill(pids[1], SIGKILL);
        waitpid(pids[1], &status, 0);
        give_of(pids[1]);

        ihanoi_store_stat(store, &stat);

        if (wrong()) {
            printf("# %s\n", wrong());
            bad++;
        }
    }

    is_int(hung, 0, "300 times one was killed, the other went on");
    is_int(bad, 0, "in order each time");
    is_int(shared->bad, 0, "still no torn value");
    ok(stat.emptied > 0, "%u times it was killed in a change, and emptied",
       (unsigned) stat.emptied);

    i = store->version;
    set("a", "x");
    ok(item.version == i + 1 && item.version > 10000,
       "versions go on after that");
}


int
main(void)
{
    ok(ihanoi_store_create(NULL, IHANOI_STORE_SIZE_MIN - 1, seed, 0) == NULL,
       "a block that is too small");

    test_hash();
    test_values();
    test_lengths();
    test_expiry();
    test_eviction();
    test_locks();
    test_numbers();
    test_model();
    test_processes();

    return done_testing();
}
