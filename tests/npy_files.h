/* npy_files.h: .npy files as NumPy 2.4 writes them, one composed by hand, and a folder to put them in, for the two tests of .npy. */
#ifndef WEFT_TESTS_NPY_FILES_H
#define WEFT_TESTS_NPY_FILES_H

#include "tests/suite.h"
#include "weft_op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* numpy.array([[1, 2, 3], [4, 5, 6.5]], '<f4') */
static const char file_f4[] = "\223NUMPY\001\000v\000"
                              "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
                              "                                                          \n"
                              "\000\000\200?\000\000\000@\000\000@@\000\000\200@\000\000\240@\000\000\320@";

/* numpy.array([1.5, -2], '>f8') */
static const char file_f8_big[] = "\223NUMPY\001\000v\000"
                                  "{'descr': '>f8', 'fortran_order': False, 'shape': (2,), }"
                                  "                                                            \n"
                                  "?\370\000\000\000\000\000\000\300\000\000\000\000\000\000\000";

/* numpy.array([7, -1, 2**40], '<i8') */
static const char file_i8[] = "\223NUMPY\001\000v\000"
                              "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }"
                              "                                                            \n"
                              "\007\000\000\000\000\000\000\000\377\377\377\377\377\377\377\377\000\000\000\000\000\001\000\000";

/* numpy.asfortranarray([[1., 2, 3], [4, 5, 6]]) */
static const char file_fortran[] = "\223NUMPY\001\000v\000"
                                   "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }"
                                   "                                                           \n"
                                   "\000\000\000\000\000\000\360?\000\000\000\000\000\000\020@\000\000\000\000\000\000\000@"
                                   "\000\000\000\000\000\000\024@\000\000\000\000\000\000\010@\000\000\000\000\000\000\030@";

/* numpy.array(3.25), with numpy.lib.format.write_array(version=(2, 0)) */
static const char file_version_2[] = "\223NUMPY\002\000t\000\000\000"
                                     "{'descr': '<f8', 'fortran_order': False, 'shape': (), }"
                                     "                                                            \n"
                                     "\000\000\000\000\000\000\012@";

#define FILE_BYTES(file) file, sizeof file - 1

static char folder[] = P_tmpdir "/weft_npy_XXXXXX"; /* removed outside the forks of the tests, so also when one fails */
static char path[64];

static inline void make_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/x.npy", folder);
}

static inline void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

static inline void put_file(const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
    ck_assert_int_eq(fclose(file), 0);
}

static inline bool is_zeroed(const weft_array *array)
{
    bool zero = array->dtype == (weft_dtype)0 && !array->data && !array->bytes && !array->shape.rank;
    for (int i = 0; i < WEFT_MAX_RANK; i++)
        zero &= !array->shape.dim[i];
    return zero;
}

/* A file of version 1.0 with this header and n bytes of zeros as elements. Returns its length. */
static inline size_t compose(const char *header, size_t n, char file[static 1024])
{
    size_t length = strlen(header);
    ck_assert_uint_lt(10 + length + n, 1024);
    memset(file, 0, 1024);
    memcpy(file, "\223NUMPY\1", 8);
    file[8] = (char)(length & 0xff);
    file[9] = (char)(length >> 8);
    memcpy(file + 10, header, length);
    return 10 + length + n;
}

#endif
