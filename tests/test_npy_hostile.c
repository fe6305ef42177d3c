/* test_npy_hostile.c: whatever the bytes are, reading them gives an array or a message, in bounded time and memory. */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include "tests/npy_files.h"

/* Decodes from a block of exactly n bytes, so that a sanitizer sees a read beyond them, and checks what holds for any bytes. */
static weft_status decode(const void *bytes, size_t n, char message[WEFT_MESSAGE_SIZE])
{
    weft_array array;
    void *copy = malloc(n ? n : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, n);
    memset(&array, 0xff, sizeof array);
    weft_status status = weft_npy_decode(copy, n, "x.npy", &array, message);
    free(copy);
    if (status == WEFT_OK) {
        ck_assert_str_eq(message, "");
        ck_assert_uint_eq(array.bytes, weft_shape_count(&array.shape) * weft_dtype_size(array.dtype));
        ck_assert_uint_le(array.bytes, n);
        weft_array_free(&array);
    } else {
        ck_assert_msg(status == WEFT_ERROR_FORMAT, "status %d: %s", status, message);
        ck_assert_msg(!strncmp(message, "x.npy: ", 7) && strlen(message) > 7, "message: %s", message);
    }
    ck_assert(is_zeroed(&array));
    return status;
}

/* --- hostile headers ---------------------------------------------------------------------------------------------------------------- */

#define SHAPED(shape) "{'descr': '<f8', 'fortran_order': False, 'shape': " shape "}"
#define TYPED(descr) "{'descr': " descr ", 'fortran_order': False, 'shape': (2,)}"

static const struct {
    const char *header, *says;
} hostile[] = {
    {"", "'{'"},
    {"    \n", "'{'"},
    {"{", "quoted key"},
    {"{}", "lacks the key 'descr'"},
    {"{,}", "quoted key"},
    {"{'descr': '<f8', 'fortran_order': False}", "lacks the key 'shape'"},
    {"{'descr': '<f8', 'shape': (2,)}", "lacks the key 'fortran_order'"},
    {"{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", "'descr' twice"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (2,), 'more': 1}", "unknown key 'more'"},
    {"{'descr\1': '<f8'}", "unknown key 'descr?'"},
    {"{'a key that goes on for longer than a message should': 1}", "..."},
    {"{'descr': '<f8' 'fortran_order': False, 'shape': (2,)}", "',' or '}'"},
    {"{'descr' '<f8', 'fortran_order': False, 'shape': (2,)}", "':'"},
    {"{'descr': '<f8', 'fortran_order': 0, 'shape': (2,)}", "True or False"},
    {"{'descr': '<f8', 'fortran_order': Falsehood, 'shape': (2,)}", "',' or '}'"},
    {SHAPED("(2,)") "x", "only padding"},
    {SHAPED("(2,)") "{}", "only padding"},
    {TYPED("'<i4'"), "dtype '<i4' is not supported, only f4, f8 and i8 are; convert with x.astype('int64')"},
    {TYPED("'|b1'"), "x.astype('int64')"},
    {TYPED("'<u8'"), "x.astype('int64')"},
    {TYPED("'<f2'"), "x.astype('float64')"},
    {TYPED("'<f16'"), "x.astype('float64')"},
    {TYPED("'<c16'"), "x.real and x.imag"},
    {TYPED("'<U5'"), "float32, float64 or int64"},
    {TYPED("'|O'"), "float32, float64 or int64"},
    {TYPED("'|f8'"), "dtype '|f8'"},
    {TYPED("'f8'"), "dtype 'f8'"},
    {TYPED("''"), "dtype ''"},
    {TYPED("'<f8\\''"), "a dtype such as"},
    {TYPED("'<f8\""), "dtype '<f8\""},
    {TYPED("[('a', '<f8')]"), "structured dtype"},
    {TYPED("[[[[[[[[[[[[[[[[[[[["), "structured dtype"},
    {TYPED("8"), "a dtype such as"},
    {SHAPED("2"), "a tuple"},
    {SHAPED("(2)"), "comma"},
    {SHAPED("(2 1)"), "',' or ')'"},
    {SHAPED("(,)"), "a dim"},
    {SHAPED("(2,,)"), "a dim"},
    {SHAPED("((2,),)"), "a dim"},
    {SHAPED("((((((((((((((((((((((((((((((((((((2"), "a dim"},
    {SHAPED("(2.0,)"), "',' or ')'"},
    {SHAPED("(None,)"), "a dim"},
    {SHAPED("(-1,)"), "negative"},
    {SHAPED("(1, 1, 1, 1, 1, 1, 1, 1, 2)"), "rank is above 8"},
    {SHAPED("(99999999999999999999999999,)"), "too large"},
    {SHAPED("(18446744073709551615,)"), "than memory"},
    {SHAPED("(4294967296, 4294967296)"), "than memory"},
    {SHAPED("(4294967296, 4294967296, 0)"), "than memory"},
    {SHAPED("(9223372036854775807, 2)"), "than memory"},
    {SHAPED("(100000000000,)"), "needs 800000000000 bytes of elements and 16 are there"},
    {SHAPED("(3,)"), "f64 (3) needs 24 bytes of elements and 16 are there"},
    {SHAPED("(1,)"), "bytes follow the last element"},
    {SHAPED("()"), "bytes follow the last element"},
};

START_TEST(refuses_hostile_headers)
{
    char file[1024], message[WEFT_MESSAGE_SIZE];
    size_t n = compose(hostile[_i].header, 16, file);
    ck_assert_int_eq(decode(file, n, message), WEFT_ERROR_FORMAT);
    ck_assert_msg(strstr(message, hostile[_i].says), "%s\nsays \"%s\", not \"%s\"", hostile[_i].header, message, hostile[_i].says);
}
END_TEST

static const struct {
    const char *bytes;
    size_t n;
    const char *says;
} prefixes[] = {
    {"", 0, "empty"},
    {"\223NUM", 4, "ends before its header"},
    {"\223NUMPY\1\0\166", 9, "ends before its header"},
    {"\223NUMPY\2\0\166\0\0", 11, "ends before its header"},
    {"\223NUMPY\3\0\166\0\0\0{}", 14, "version is 3.0"},
    {"\223NUMPY\1\1\166\0{}", 12, "version is 1.1"},
    {"\223NUMPY\0\0\166\0{}", 12, "version is 0.0"},
    {"\223NUMPY\1\0\377\377{}", 12, "claims 65535 bytes and the file has 2"},
    {"\223NUMPY\2\0\377\377\377\377{}", 14, "claims 4294967295 bytes, the limit is 65535"},
    {"PK\3\4....", 8, ".npz"},
    {"1,2,3\n4,5,6\n", 12, "no .npy file"},
};

START_TEST(refuses_hostile_prefixes)
{
    char message[WEFT_MESSAGE_SIZE];
    weft_array x;
    decode(prefixes[_i].bytes, prefixes[_i].n, message);
    ck_assert_msg(strstr(message, prefixes[_i].says), "says \"%s\", not \"%s\"", message, prefixes[_i].says);
    put_file(prefixes[_i].bytes, prefixes[_i].n);
    ck_assert_int_eq(weft_npy_read(path, &x, message), WEFT_ERROR_FORMAT);
    ck_assert_msg(strstr(message, prefixes[_i].says), "reading says \"%s\", not \"%s\"", message, prefixes[_i].says);
}
END_TEST

/* --- mutations ---------------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *bytes;
    size_t n;
} valid[] = {{FILE_BYTES(file_f4)}, {FILE_BYTES(file_f8_big)}, {FILE_BYTES(file_fortran)}, {FILE_BYTES(file_version_2)}};

START_TEST(survives_every_changed_byte)
{
    static const char values[] = "\0\1\177\200\377 09-+({[)}],:'\"\\L\n";
    char message[WEFT_MESSAGE_SIZE], file[1024];
    memcpy(file, valid[_i].bytes, valid[_i].n);
    for (size_t at = 0; at < valid[_i].n; at++) {
        for (size_t v = 0; v < sizeof values - 1; v++) {
            file[at] = values[v];
            decode(file, valid[_i].n, message);
        }
        for (int bit = 0; bit < 8; bit++) {
            file[at] = (char)(valid[_i].bytes[at] ^ (1 << bit));
            decode(file, valid[_i].n, message);
        }
        file[at] = valid[_i].bytes[at];
    }
}
END_TEST

START_TEST(survives_many_changed_bytes)
{
    char message[WEFT_MESSAGE_SIZE], file[1024];
    uint64_t random = 1;
    for (int round = 0; round < 5000; round++) {
        memcpy(file, valid[_i].bytes, valid[_i].n);
        for (int change = 0; change < 1 + round % 6; change++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            file[(random >> 33) % valid[_i].n] = (char)(random >> 25 & 0xff);
        }
        decode(file, valid[_i].n, message);
    }
}
END_TEST

START_TEST(refuses_every_truncation)
{
    char message[WEFT_MESSAGE_SIZE];
    weft_array x;
    for (size_t n = 0; n < valid[_i].n; n++) {
        ck_assert_int_eq(decode(valid[_i].bytes, n, message), WEFT_ERROR_FORMAT);
        put_file(valid[_i].bytes, n);
        ck_assert_int_eq(weft_npy_read(path, &x, message), WEFT_ERROR_FORMAT);
        ck_assert(is_zeroed(&x));
    }
    ck_assert_int_eq(decode(valid[_i].bytes, valid[_i].n, message), WEFT_OK);
}
END_TEST

START_TEST(refuses_bytes_behind_the_elements)
{
    char file[1024], message[WEFT_MESSAGE_SIZE];
    weft_array x;
    memcpy(file, valid[_i].bytes, valid[_i].n);
    file[valid[_i].n] = 0;
    ck_assert_int_eq(decode(file, valid[_i].n + 1, message), WEFT_ERROR_FORMAT);
    put_file(file, valid[_i].n + 1);
    ck_assert_int_eq(weft_npy_read(path, &x, message), WEFT_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(message, "bytes follow the last element"));
}
END_TEST

/* The shape says 800 GB; the file has 16 bytes. */
START_TEST(asks_for_no_memory_that_the_file_does_not_fill)
{
    char file[1024], message[WEFT_MESSAGE_SIZE];
    weft_array x;
    put_file(file, compose(SHAPED("(100000000000,)"), 16, file));
    ck_assert_int_eq(weft_npy_read(path, &x, message), WEFT_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(message, "and 16 are there"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("npy_hostile");
    TCase *files = tcase_create("files");
    tcase_add_unchecked_fixture(files, make_folder, remove_folder);
    tcase_set_timeout(files, 60);
    suite_add_tcase(suite, files);
    tcase_add_loop_test(files, refuses_hostile_headers, 0, (int)(sizeof hostile / sizeof *hostile));
    tcase_add_loop_test(files, refuses_hostile_prefixes, 0, (int)(sizeof prefixes / sizeof *prefixes));
    tcase_add_loop_test(files, survives_every_changed_byte, 0, (int)(sizeof valid / sizeof *valid));
    tcase_add_loop_test(files, survives_many_changed_bytes, 0, (int)(sizeof valid / sizeof *valid));
    tcase_add_loop_test(files, refuses_every_truncation, 0, (int)(sizeof valid / sizeof *valid));
    tcase_add_loop_test(files, refuses_bytes_behind_the_elements, 0, (int)(sizeof valid / sizeof *valid));
    tcase_add_test(files, asks_for_no_memory_that_the_file_does_not_fill);
    return run_suite(suite);
}
