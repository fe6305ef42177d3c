/* test_npz.c: .npz archives: those that NumPy writes, those that Weft writes, and those that want to do harm, which give a message in bounded time
 * and memory. Without libzip there is only the message. */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include "tests/npy_files.h"

#include <sys/resource.h>
#include <sys/stat.h>

#ifdef WEFT_ZIP

/* numpy.savez_compressed(f, x=numpy.array([[1, 2, 3], [4, 5, 6.5]], '<f4'), label=numpy.array([7, -1, 2**40])), NumPy 2.4.6 */
static const char compressed[] =
    "PK\003\004-\000\000\000\010\000\000\000!\000-\216\034\350\377\377\377\377\377\377\377\377\005\000\024\000x.npy\001\000\020"
    "\000\230\000\000\000\000\000\000\000X\000\000\000\000\000\000\000\233\354\027\352\033\020\311\310P\306P\255\236\222Z\234\\"
    "\244n\245\240n\223f\242\256\243\240\236\226_TR\224\230\027\237_\224\222\012\022wK\314)N\005\212\027g$\026\244\002\371\032"
    "F:\012\306\232:\012\265\012d\003.\006\206\006{\006\006\006\007 \002\342\006 ^\000\304\027\034\000PK\003\004-\000\000\000\010"
    "\000\000\000!\000a\006\353\241\377\377\377\377\377\377\377\377\011\000\024\000label.npy\001\000\020\000\230\000\000\000\000"
    "\000\000\000O\000\000\000\000\000\000\000\233\354\027\352\033\020\311\310P\306P\255\236\222Z\234\\\244n\245\240n\223i\241"
    "\256\243\240\236\226_TR\224\230\027\237_\224\222\012\022wK\314)N\005\212\027g$\026\244\002\371\032\306:\232:\012\265\012\024"
    "\000.v\006\010\370\017\005`\016#\003\003\000PK\001\002-\003-\000\000\000\010\000\000\000!\000-\216\034\350X\000\000\000\230"
    "\000\000\000\005\000\000\000\000\000\000\000\000\000\000\000\200\001\000\000\000\000x.npyPK\001\002-\003-\000\000\000\010"
    "\000\000\000!\000a\006\353\241O\000\000\000\230\000\000\000\011\000\000\000\000\000\000\000\000\000\000\000\200\001\217\000"
    "\000\000label.npyPK\005\006\000\000\000\000\002\000\002\000j\000\000\000\031\001\000\000\000\000";

/* numpy.savez(f, numpy.array(3.25)) */
static const char unnamed[] =
    "PK\003\004-\000\000\000\000\000\000\000!\000\273\231\271\015\377\377\377\377\377\377\377\377\011\000\024\000arr_0.npy\001"
    "\000\020\000\210\000\000\000\000\000\000\000\210\000\000\000\000\000\000\000\223NUMPY\001\000v\000{'descr': '<f8', 'fortr"
    "an_order': False, 'shape': (), }                                                              \012\000\000\000\000\000\000"
    "\012@PK\001\002-\003-\000\000\000\000\000\000\000!\000\273\231\271\015\210\000\000\000\210\000\000\000\011\000\000\000\000"
    "\000\000\000\000\000\000\000\200\001\000\000\000\000arr_0.npyPK\005\006\000\000\000\000\001\000\001\0007\000\000\000\303\000"
    "\000\000\000\000";

static weft_status read_named(const void *bytes, size_t n, const char *name, weft_array *array, char *message)
{
    put_file(bytes, n);
    memset(array, 0xff, sizeof *array);
    weft_status status = weft_npz_read(path, name, array, message);
    if (status == WEFT_OK) {
        ck_assert_str_eq(message, "");
    } else {
        ck_assert(is_zeroed(array));
        ck_assert_msg(!strncmp(message, path, strlen(path)) && strlen(message) > strlen(path) + 2, "message: %s", message);
    }
    return status;
}

/* --- reading --- */

START_TEST(reads_what_numpy_compressed)
{
    weft_array x;
    char message[WEFT_MESSAGE_SIZE];
    for (int suffix = 0; suffix < 2; suffix++) {
        ck_assert_msg(read_named(FILE_BYTES(compressed), suffix ? "x.npy" : "x", &x, message) == WEFT_OK, "%s", message);
        ck_assert_int_eq(x.dtype, WEFT_F32);
        ck_assert_uint_eq(x.shape.dim[1], 3);
        ck_assert_mem_eq(x.data, ((float[]){1, 2, 3, 4, 5, 6.5f}), 6 * sizeof(float));
        weft_array_free(&x);
    }
    ck_assert_int_eq(read_named(FILE_BYTES(compressed), "label", &x, message), WEFT_OK);
    ck_assert_mem_eq(x.data, ((int64_t[]){7, -1, (int64_t)1 << 40}), 3 * sizeof(int64_t));
    weft_array_free(&x);
    ck_assert_int_eq(read_named(FILE_BYTES(unnamed), NULL, &x, message), WEFT_OK);
    ck_assert_double_eq(*(double *)x.data, 3.25);
    weft_array_free(&x);
}
END_TEST

START_TEST(says_which_arrays_there_are)
{
    weft_array x;
    char message[WEFT_MESSAGE_SIZE];
    ck_assert_int_eq(read_named(FILE_BYTES(compressed), "y", &x, message), WEFT_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(message, "has no array \"y\"; it has x, label"));
    ck_assert_int_eq(read_named(FILE_BYTES(compressed), NULL, &x, message), WEFT_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(message, "several arrays: x, label"));
    ck_assert_int_eq(read_named(FILE_BYTES(compressed), "", &x, message), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(read_named(FILE_BYTES(compressed), "lab", &x, message), WEFT_ERROR_ARGUMENT);
    char longest[300];
    memset(longest, 'x', sizeof longest);
    longest[299] = 0;
    ck_assert_int_eq(weft_npz_read(path, longest, &x, message), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_npz_read(NULL, "x", &x, message), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_npz_read(path, "x", NULL, message), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_npz_read("/no/such.npz", "x", &x, message), WEFT_ERROR_FILE);
    ck_assert_ptr_nonnull(strstr(message, "No such file"));
    ck_assert_int_ne(weft_npz_read(folder, "x", &x, message), WEFT_OK);
    ck_assert_int_ne(weft_npz_read("/dev/null", NULL, &x, NULL), WEFT_OK);
}
END_TEST

/* --- writing --- */

START_TEST(writes_what_it_reads)
{
    enum { MANY = 300000 };
    char message[WEFT_MESSAGE_SIZE];
    double *many = malloc(MANY * sizeof *many);
    for (size_t i = 0; i < MANY; i++)
        many[i] = (double)i / 7;
    const weft_array arrays[] = {{WEFT_F64, {2, {MANY / 100, 100}}, many, MANY * sizeof *many},
                                 {WEFT_I64, {1, {2}}, (int64_t[]){5, -6}, 16},
                                 {WEFT_F32, {2, {0, 3}}, NULL, 0},
                                 {WEFT_F64, {0}, (double[]){2.5}, 8}};
    const char *const names[] = {"many", "label", "none", "one"};
    struct stat first, second;
    for (int again = 0; again < 2; again++) {
        ck_assert_msg(weft_npz_write(path, names, arrays, 4, message) == WEFT_OK, "%s", message);
        ck_assert_int_eq(stat(path, again ? &second : &first), 0);
    }
    ck_assert_int_eq(first.st_size, second.st_size); /* replaced, not added to */
    for (int k = 0; k < 4; k++) {
        weft_array x;
        ck_assert_msg(weft_npz_read(path, names[k], &x, message) == WEFT_OK, "%s", message);
        ck_assert_int_eq(x.dtype, arrays[k].dtype);
        ck_assert_int_eq(x.shape.rank, arrays[k].shape.rank);
        ck_assert_uint_eq(x.bytes, arrays[k].bytes);
        if (x.bytes)
            ck_assert_mem_eq(x.data, arrays[k].data, x.bytes);
        weft_array_free(&x);
    }
    free(many);
}
END_TEST

START_TEST(reports_what_cannot_be_written)
{
    char message[WEFT_MESSAGE_SIZE], nowhere[96];
    double one = 1;
    weft_array x = {WEFT_F64, {0}, &one, 8}, wrong = {WEFT_F64, {0}, &one, 4};
    snprintf(nowhere, sizeof nowhere, "%s/no/x.npz", folder);
    ck_assert_int_eq(weft_npz_write(nowhere, (const char *[]){"x"}, &x, 1, message), WEFT_ERROR_FILE);
    ck_assert_int_eq(weft_npz_write(path, (const char *[]){"x"}, &wrong, 1, message), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_npz_write(path, (const char *[]){""}, &x, 1, message), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_npz_write(path, (const char *[]){NULL}, &x, 1, message), WEFT_ERROR_ARGUMENT);
    ck_assert_int_ne(weft_npz_write(path, (const char *[]){"x", "x"}, (const weft_array[]){x, x}, 2, message), WEFT_OK);
    ck_assert_int_eq(weft_npz_write(path, NULL, &x, 1, message), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_npz_write(path, (const char *[]){"x"}, &x, 0, message), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_npz_write(NULL, (const char *[]){"x"}, &x, 1, NULL), WEFT_ERROR_ARGUMENT);
}
END_TEST

/* --- archives put together by hand (APPNOTE.TXT, PKWARE, sections 4.3.7, 4.3.12 and 4.3.16) --- */

typedef struct maker {
    unsigned char bytes[4096], directory[2048];
    size_t n, n_directory, entries;
} maker;

typedef struct claim {
    const char *name;
    unsigned method, flags, crc, size; /* size: of the entry as it claims to be */
} claim;

static size_t put(unsigned char *to, size_t at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[at++] = (unsigned char)(value >> 8 * i);
    return at;
}

static size_t put_common(unsigned char *to, size_t at, const claim *c, size_t stored)
{
    at = put(to, at, 20, 2);
    at = put(to, at, c->flags, 2);
    at = put(to, at, c->method, 2);
    at = put(to, at, 0x00210000, 4);
    at = put(to, at, c->crc, 4);
    at = put(to, at, (unsigned)stored, 4);
    at = put(to, at, c->size, 4);
    return put(to, at, (unsigned)strlen(c->name), 2);
}

static void add_entry(maker *m, const claim *c, const void *data, size_t stored)
{
    size_t offset = m->n, name = strlen(c->name);
    m->n = put(m->bytes, m->n, 0x04034b50, 4);
    m->n = put_common(m->bytes, m->n, c, stored);
    m->n = put(m->bytes, m->n, 0, 2);
    memcpy(m->bytes + m->n, c->name, name);
    memcpy(m->bytes + m->n + name, data, stored);
    m->n += name + stored;
    m->n_directory = put(m->directory, m->n_directory, 0x02014b50, 4);
    m->n_directory = put(m->directory, m->n_directory, 20, 2);
    m->n_directory = put_common(m->directory, m->n_directory, c, stored);
    m->n_directory = put(m->directory, m->n_directory, 0, 4); /* extra field, comment */
    m->n_directory = put(m->directory, m->n_directory, 0, 8); /* disk, attributes */
    m->n_directory = put(m->directory, m->n_directory, (unsigned)offset, 4);
    memcpy(m->directory + m->n_directory, c->name, name);
    m->n_directory += name;
    m->entries++;
}

static void end_archive(maker *m)
{
    size_t start = m->n;
    memcpy(m->bytes + m->n, m->directory, m->n_directory);
    m->n = put(m->bytes, m->n + m->n_directory, 0x06054b50, 4);
    m->n = put(m->bytes, m->n, 0, 4);
    m->n = put(m->bytes, m->n, (unsigned)m->entries, 2);
    m->n = put(m->bytes, m->n, (unsigned)m->entries, 2);
    m->n = put(m->bytes, m->n, (unsigned)m->n_directory, 4);
    m->n = put(m->bytes, m->n, (unsigned)start, 4);
    m->n = put(m->bytes, m->n, 0, 2);
}

static unsigned checksum(const void *bytes, size_t n) /* CRC-32, bit by bit */
{
    unsigned crc = ~0u;
    for (size_t i = 0; i < n; i++) {
        crc ^= ((const unsigned char *)bytes)[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

#define HEADER(shape) "{'descr': '<f8', 'fortran_order': False, 'shape': " shape "}"
enum { STORED = 0, DEFLATED = 8 };

/* One entry x.npy of a header and 16 bytes of zeros; `size` and `crc` as claimed, 0: the true ones. Deflated, it is one block without compression. */
static weft_status read_one(const char *header, unsigned method, unsigned size, unsigned crc, unsigned flags, char *message)
{
    static maker m;
    char file[1024];
    unsigned char block[1100];
    weft_array x;
    memset(&m, 0, sizeof m);
    size_t n = compose(header, 16, file), stored = n;
    memcpy(block, file, n);
    if (method == DEFLATED) {
        size_t at = put(block, 0, 1, 1);
        at = put(block, at, (unsigned)n, 2);
        at = put(block, at, ~(unsigned)n, 2);
        memcpy(block + at, file, n);
        stored = at + n;
    }
    const claim c = {"x.npy", method, flags, crc ? crc : checksum(file, n), size ? size : (unsigned)n};
    add_entry(&m, &c, block, stored);
    end_archive(&m);
    weft_status status = read_named(m.bytes, m.n, "x", &x, message);
    weft_array_free(&x);
    return status;
}

static const struct {
    const char *header;
    unsigned method, size, crc, flags;
    const char *says;
} hostile[] = {
    {HEADER("(2,)"), STORED, 0, 1, 0, "CRC"},
    {HEADER("(2,)"), DEFLATED, 0, 1, 0, "CRC"},
    {HEADER("(2,)"), 77, 0, 0, 0, "cannot be read"},
    {HEADER("(2,)"), STORED, 0, 0, 1, "encrypted"},
    {HEADER("(3,)"), STORED, 0, 0, 0, "needs 24 bytes"},
    {HEADER("(1,)"), DEFLATED, 0, 0, 0, "needs 8 bytes"},
    {HEADER("(2,)"), DEFLATED, 0x7fffffff, 0, 0, "needs 16 bytes, and the entry claims 2147483647"},
    {HEADER("(268435000,)"), DEFLATED, 10 + sizeof HEADER("(268435000,)") - 1 + 268435000u * 8, 0, 0, "the limit is 1073741824"},
    {HEADER("(100000000,)"), DEFLATED, 10 + sizeof HEADER("(100000000,)") - 1 + 100000000u * 8, 0, 0,
     ": "}, /* within the limit; the bytes are not there */
    {HEADER("(100000000,)"), STORED, 10 + sizeof HEADER("(100000000,)") - 1 + 100000000u * 8, 0, 0, ": "},
    {HEADER("(1152921504606846976, 4)"), DEFLATED, 0, 0, 0, "than memory"},
    {HEADER("(1000000000000,)"), DEFLATED, 0, 0, 0, "needs 8000000000000 bytes"},
    {"nonsense", STORED, 0, 0, 0, "malformed"},
};

START_TEST(refuses_hostile_entries)
{
    char message[WEFT_MESSAGE_SIZE];
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    weft_status status = read_one(hostile[_i].header, hostile[_i].method, hostile[_i].size, hostile[_i].crc, hostile[_i].flags, message);
    getrusage(RUSAGE_SELF, &after);
    ck_assert_msg(status == WEFT_ERROR_FORMAT && strstr(message, hostile[_i].says), "must say %s, and says %s", hostile[_i].says, message);
    ck_assert_msg(after.ru_maxrss - before.ru_maxrss < 50000, "%ld KiB were taken", after.ru_maxrss - before.ru_maxrss);
}
END_TEST

START_TEST(archives_by_hand_are_read)
{
    char message[WEFT_MESSAGE_SIZE];
    ck_assert_msg(read_one(HEADER("(2,)"), STORED, 0, 0, 0, message) == WEFT_OK, "%s", message);
    ck_assert_msg(read_one(HEADER("(2,)"), DEFLATED, 0, 0, 0, message) == WEFT_OK, "%s", message);
}
END_TEST

START_TEST(names_are_hostile)
{
    static maker m;
    char message[WEFT_MESSAGE_SIZE], file[1024], longest[301];
    weft_array x;
    size_t n = compose(HEADER("(2,)"), 16, file);
    memset(longest, 'n', 300);
    longest[300] = 0;
    const char *const names[] = {"x.npy", "x.npy", "\x1b[31mred.npy", longest, ""};
    for (int k = 0; k < 5; k++)
        add_entry(&m, &(claim){names[k], STORED, 0, checksum(file, n), (unsigned)n}, file, n);
    end_archive(&m);
    ck_assert_int_ne(read_named(m.bytes, m.n, "x", &x, message), WEFT_OK);
    ck_assert_int_ne(read_named(m.bytes, m.n, NULL, &x, message), WEFT_OK);
    ck_assert_ptr_null(strchr(message, '\x1b'));
}
END_TEST

START_TEST(survives_every_truncation_and_changed_byte)
{
    char message[WEFT_MESSAGE_SIZE], file[sizeof compressed];
    weft_array x;
    for (size_t n = 0; n < sizeof compressed - 1; n += n < 100 ? 1 : 3) {
        read_named(compressed, n, "x", &x, message);
        weft_array_free(&x);
    }
    for (size_t at = 0; at < sizeof compressed - 1; at++)
        for (int bit = 0; bit < 8; bit += 3) {
            memcpy(file, compressed, sizeof compressed);
            file[at] = (char)(file[at] ^ 1 << bit);
            read_named(file, sizeof compressed - 1, "x", &x, message);
            weft_array_free(&x);
        }
}
END_TEST

#else

START_TEST(says_that_libzip_is_missing)
{
    char message[WEFT_MESSAGE_SIZE];
    weft_array x;
    ck_assert_int_eq(weft_npz_read(path, "x", &x, message), WEFT_ERROR_FILE);
    ck_assert_ptr_nonnull(strstr(message, "libzip"));
    ck_assert_int_eq(weft_npz_write(path, NULL, NULL, 0, message), WEFT_ERROR_FILE);
    ck_assert_ptr_nonnull(strstr(message, "libzip"));
}
END_TEST

#endif

int main(void)
{
    Suite *suite = suite_create("npz");
    TCase *files = tcase_create("files");
    tcase_add_unchecked_fixture(files, make_folder, remove_folder);
    tcase_set_timeout(files, 60);
    suite_add_tcase(suite, files);
#ifdef WEFT_ZIP
    tcase_add_test(files, reads_what_numpy_compressed);
    tcase_add_test(files, says_which_arrays_there_are);
    tcase_add_test(files, writes_what_it_reads);
    tcase_add_test(files, reports_what_cannot_be_written);
    tcase_add_loop_test(files, refuses_hostile_entries, 0, (int)(sizeof hostile / sizeof *hostile));
    tcase_add_test(files, archives_by_hand_are_read);
    tcase_add_test(files, names_are_hostile);
    tcase_add_test(files, survives_every_truncation_and_changed_byte);
#else
    tcase_add_test(files, says_that_libzip_is_missing);
#endif
    return run_suite(suite);
}
