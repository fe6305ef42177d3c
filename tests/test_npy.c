/* test_npy.c: .npy files that NumPy wrote are read, what is written is read back, and what the system refuses is reported.
 * test_npy_hostile.c has the files that are not right. */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include "tests/npy_files.h"

#include <sys/stat.h>

static weft_status read_array(const void *bytes, size_t n, weft_array *array)
{
    char message[WEFT_MESSAGE_SIZE];
    put_file(bytes, n);
    weft_status status = weft_npy_read(path, array, message);
    ck_assert_msg(status == WEFT_OK, "%s", message);
    return status;
}

static bool same_shape(const weft_shape *a, const weft_shape *b)
{
    return a->rank == b->rank && !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim);
}

/* --- reading ------------------------------------------------------------------------------------------------------------------------ */

START_TEST(reads_f4)
{
    weft_array x;
    read_array(FILE_BYTES(file_f4), &x);
    ck_assert_int_eq(x.dtype, WEFT_F32);
    ck_assert_int_eq(x.shape.rank, 2);
    ck_assert_uint_eq(x.shape.dim[0], 2);
    ck_assert_uint_eq(x.shape.dim[1], 3);
    ck_assert_mem_eq(x.data, ((float[]){1, 2, 3, 4, 5, 6.5f}), 6 * sizeof(float));
    weft_array_free(&x);
    ck_assert(is_zeroed(&x));
}
END_TEST

START_TEST(reads_the_other_byte_order)
{
    weft_array x;
    read_array(FILE_BYTES(file_f8_big), &x);
    ck_assert_int_eq(x.dtype, WEFT_F64);
    ck_assert_int_eq(x.shape.rank, 1);
    ck_assert_uint_eq(x.bytes, 2 * sizeof(double));
    ck_assert_mem_eq(x.data, ((double[]){1.5, -2}), 2 * sizeof(double));
    weft_array_free(&x);
}
END_TEST

START_TEST(reads_i8)
{
    weft_array x;
    read_array(FILE_BYTES(file_i8), &x);
    ck_assert_int_eq(x.dtype, WEFT_I64);
    ck_assert_uint_eq(x.shape.dim[0], 3);
    ck_assert_mem_eq(x.data, ((int64_t[]){7, -1, (int64_t)1 << 40}), 3 * sizeof(int64_t));
    weft_array_free(&x);
}
END_TEST

START_TEST(turns_fortran_order_into_c_order)
{
    weft_array x;
    read_array(FILE_BYTES(file_fortran), &x);
    ck_assert_uint_eq(x.shape.dim[0], 2);
    ck_assert_uint_eq(x.shape.dim[1], 3);
    ck_assert_mem_eq(x.data, ((double[]){1, 2, 3, 4, 5, 6}), 6 * sizeof(double));
    weft_array_free(&x);
}
END_TEST

/* x[i, j, k] of shape (2, 3, 4) holds 100 i + 10 j + k; in Fortran order i moves fastest. */
START_TEST(turns_three_axes)
{
    char file[1024];
    size_t start = compose("{'descr': '=i8', 'fortran_order': True, 'shape': (2, 3, 4), }\n", 0, file), at = start;
    for (int64_t k = 0; k < 4; k++)
        for (int64_t j = 0; j < 3; j++)
            for (int64_t i = 0; i < 2; i++, at += sizeof i)
                memcpy(file + at, &(int64_t){100 * i + 10 * j + k}, sizeof i);
    weft_array x;
    ck_assert_int_eq(weft_npy_decode(file, at, NULL, &x, NULL), WEFT_OK);
    const int64_t *element = x.data;
    for (int64_t i = 0; i < 2; i++)
        for (int64_t j = 0; j < 3; j++)
            for (int64_t k = 0; k < 4; k++)
                ck_assert_int_eq(*element++, 100 * i + 10 * j + k);
    weft_array_free(&x);
}
END_TEST

START_TEST(reads_version_2_and_a_scalar)
{
    weft_array x;
    read_array(FILE_BYTES(file_version_2), &x);
    ck_assert_int_eq(x.shape.rank, 0);
    ck_assert_uint_eq(x.bytes, sizeof(double));
    ck_assert_double_eq(*(double *)x.data, 3.25);
    weft_array_free(&x);
}
END_TEST

START_TEST(accepts_any_order_of_keys_quotes_and_space)
{
    static const char *const headers[] = {
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }\n", "{\"shape\":(1,2),\"fortran_order\":False,\"descr\":\"<f8\"}",
        " { 'fortran_order' : True ,\n\t'shape' : ( 1 , 2 , ) , 'descr' : '<f8' } \r\n",
        "{'descr': '>f8', 'shape': (1L, 2L), 'fortran_order': False}", /* as Python 2 wrote dims */
    };
    char file[1024], message[WEFT_MESSAGE_SIZE];
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        weft_array x;
        size_t n = compose(headers[i], 16, file);
        ck_assert_msg(weft_npy_decode(file, n, NULL, &x, message) == WEFT_OK, "%s: %s", headers[i], message);
        ck_assert_uint_eq(x.shape.dim[1], 2);
        weft_array_free(&x);
    }
}
END_TEST

START_TEST(reads_an_array_without_elements)
{
    char file[1024];
    weft_array x;
    size_t n = compose("{'descr': '<f4', 'fortran_order': True, 'shape': (0, 3), }\n", 0, file);
    ck_assert_int_eq(weft_npy_decode(file, n, NULL, &x, NULL), WEFT_OK);
    ck_assert_int_eq(x.shape.rank, 2);
    ck_assert_uint_eq(x.shape.dim[1], 3);
    ck_assert_uint_eq(x.bytes, 0);
    weft_array_free(&x);
}
END_TEST

/* --- files -------------------------------------------------------------------------------------------------------------------------- */

START_TEST(names_the_file_that_cannot_be_read)
{
    char message[WEFT_MESSAGE_SIZE], missing[96];
    weft_array x;
    snprintf(missing, sizeof missing, "%s/none.npy", folder);
    ck_assert_int_eq(weft_npy_read(missing, &x, message), WEFT_ERROR_FILE);
    ck_assert(!strncmp(message, missing, strlen(missing)) && strstr(message, "No such file"));
    ck_assert(is_zeroed(&x));
    ck_assert_int_eq(weft_npy_read(folder, &x, message), WEFT_ERROR_FILE);
    ck_assert_ptr_nonnull(strstr(message, "directory"));
    ck_assert_int_eq(weft_npy_read(missing, &x, NULL), WEFT_ERROR_FILE);
    ck_assert_int_eq(weft_npy_read(NULL, &x, message), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_npy_read(missing, NULL, message), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_npy_decode(NULL, 3, NULL, &x, message), WEFT_ERROR_ARGUMENT);
}
END_TEST

/* 300000 elements go through several doublings of the reader's memory. */
START_TEST(writes_what_it_reads)
{
    enum { ROWS = 300, COLUMNS = 1000 };
    char message[WEFT_MESSAGE_SIZE];
    const weft_dtype dtypes[] = {WEFT_F32, WEFT_F64, WEFT_I64};
    for (int k = 0; k < 3; k++) {
        weft_array x = {.dtype = dtypes[k], .shape = {2, {ROWS, COLUMNS}}, .bytes = ROWS * COLUMNS * weft_dtype_size(dtypes[k])}, y;
        unsigned char *bytes = x.data = malloc(x.bytes);
        ck_assert_ptr_nonnull(bytes);
        for (size_t i = 0; i < x.bytes; i++)
            bytes[i] = (unsigned char)(i * 7 + i / 251);
        ck_assert_msg(weft_npy_write(path, &x, message) == WEFT_OK, "%s", message);
        ck_assert_msg(weft_npy_read(path, &y, message) == WEFT_OK, "%s", message);
        ck_assert_int_eq(y.dtype, x.dtype);
        ck_assert(same_shape(&y.shape, &x.shape));
        ck_assert_uint_eq(y.bytes, x.bytes);
        ck_assert_mem_eq(y.data, x.data, x.bytes);
        weft_array_free(&x);
        weft_array_free(&y);
    }
}
END_TEST

START_TEST(writes_the_bytes_of_numpy)
{
    char written[256], message[WEFT_MESSAGE_SIZE];
    weft_array x;
    read_array(FILE_BYTES(file_i8), &x);
    ck_assert_int_eq(weft_npy_write(path, &x, message), WEFT_OK);
    weft_array_free(&x);
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    size_t n = fread(written, 1, sizeof written, file);
    fclose(file);
    ck_assert_uint_eq(n, sizeof file_i8 - 1);
    ck_assert_mem_eq(written, file_i8, n);
}
END_TEST

START_TEST(starts_elements_at_a_multiple_of_64)
{
    char message[WEFT_MESSAGE_SIZE];
    struct stat info;
    weft_array x = {.dtype = WEFT_F32}, y;
    for (x.shape.rank = 0; x.shape.rank <= WEFT_MAX_RANK; x.shape.rank++) {
        weft_array empty = x;
        for (int i = 0; i < x.shape.rank; i++)
            empty.shape.dim[i] = i ? (size_t)100 * (size_t)i : 0;
        float one = 1;
        if (!x.shape.rank)
            empty.data = &one, empty.bytes = sizeof one;
        ck_assert_msg(weft_npy_write(path, &empty, message) == WEFT_OK, "%s", message);
        ck_assert_int_eq(stat(path, &info), 0);
        ck_assert_int_eq(((int)info.st_size - (int)empty.bytes) % 64, 0);
        ck_assert_msg(weft_npy_read(path, &y, message) == WEFT_OK, "%s", message);
        ck_assert(same_shape(&y.shape, &empty.shape));
        weft_array_free(&y);
    }
}
END_TEST

START_TEST(reports_what_cannot_be_written)
{
    char message[WEFT_MESSAGE_SIZE], nowhere[96];
    double data[3] = {1, 2, 3};
    weft_array x = {.dtype = WEFT_F64, .shape = {1, {3}}, .data = data, .bytes = sizeof data}, wrong = x;
    snprintf(nowhere, sizeof nowhere, "%s/no/x.npy", folder);
    ck_assert_int_eq(weft_npy_write(nowhere, &x, message), WEFT_ERROR_FILE);
    ck_assert_ptr_nonnull(strstr(message, "No such file"));
    if (!access("/dev/full", W_OK)) { /* it takes bytes into the buffer and refuses them when it is closed */
        ck_assert_int_eq(weft_npy_write("/dev/full", &x, message), WEFT_ERROR_FILE);
        ck_assert_ptr_nonnull(strstr(message, "No space"));
    }
    unlink(path);
    ck_assert_int_eq(weft_npy_write(NULL, &x, message), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_npy_write(path, NULL, message), WEFT_ERROR_ARGUMENT);
    wrong.bytes = 8;
    ck_assert_int_eq(weft_npy_write(path, &wrong, message), WEFT_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(message, "has 8 bytes; its shape and dtype need 24"));
    wrong = x;
    wrong.data = NULL;
    ck_assert_int_eq(weft_npy_write(path, &wrong, message), WEFT_ERROR_ARGUMENT);
    wrong = x;
    wrong.shape.rank = 9;
    ck_assert_int_eq(weft_npy_write(path, &wrong, NULL), WEFT_ERROR_ARGUMENT);
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(frees_what_was_never_filled)
{
    weft_array x = {0};
    weft_array_free(&x);
    weft_array_free(&x);
    weft_array_free(NULL);
    ck_assert(is_zeroed(&x));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("npy");
    TCase *files = tcase_create("files");
    tcase_add_unchecked_fixture(files, make_folder, remove_folder);
    tcase_set_timeout(files, 60);
    suite_add_tcase(suite, files);
    tcase_add_test(files, reads_f4);
    tcase_add_test(files, reads_the_other_byte_order);
    tcase_add_test(files, reads_i8);
    tcase_add_test(files, turns_fortran_order_into_c_order);
    tcase_add_test(files, turns_three_axes);
    tcase_add_test(files, reads_version_2_and_a_scalar);
    tcase_add_test(files, accepts_any_order_of_keys_quotes_and_space);
    tcase_add_test(files, reads_an_array_without_elements);
    tcase_add_test(files, names_the_file_that_cannot_be_read);
    tcase_add_test(files, writes_what_it_reads);
    tcase_add_test(files, writes_the_bytes_of_numpy);
    tcase_add_test(files, starts_elements_at_a_multiple_of_64);
    tcase_add_test(files, reports_what_cannot_be_written);
    tcase_add_test(files, frees_what_was_never_filled);
    return run_suite(suite);
}
