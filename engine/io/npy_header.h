/* npy_header.h: the header of a .npy file as the rest of io sees it. */
#ifndef WEFT_IO_NPY_HEADER_H
#define WEFT_IO_NPY_HEADER_H

#include "engine/weft.h"

/* The prefix is the magic string, the version and the header's length, which takes 2 bytes in version 1.0 and 4 in 2.0. */
enum {
    WEFT__NPY_SHORT_PREFIX = 10,
    WEFT__NPY_LONG_PREFIX = 12,
    WEFT__NPY_HEADER_LIMIT = 65535, /* longest header accepted; NumPy writes 118 bytes for the arrays read here */
    WEFT__NPY_BUILT_SIZE = 512      /* room for what weft__npy_build() writes */
};

/* Where errors go: the file they are about, and the caller's buffer or NULL. */
typedef struct weft__npy_report {
    const char *name;
    char *message;
} weft__npy_report;

typedef struct weft__npy_header {
    weft_dtype dtype;
    bool swapped; /* the bytes of an element stand in the other order than this machine's */
    bool fortran; /* the first axis is contiguous */
    weft_shape shape;
    size_t bytes; /* of all elements */
    size_t end;   /* where the elements begin */
} weft__npy_header;

weft_status weft__npy_fail(const weft__npy_report *r, weft_status status, const char *format, ...);
bool weft__npy_big_endian(void); /* this machine */

/* Where the header starts and how long it says it is; false when that cannot be known from these n bytes. */
bool weft__npy_prefix(const unsigned char *bytes, size_t n, size_t *start, size_t *length);

/* bytes: the start of a file, with all of the header if the file has it. */
weft_status weft__npy_parse(const weft__npy_report *r, const unsigned char *bytes, size_t n, weft__npy_header *h);

/* The prefix and header of version 1.0, padded so that the elements start at a multiple of 64. Returns their length. */
size_t weft__npy_build(const weft_array *array, char text[static WEFT__NPY_BUILT_SIZE]);

/* The whole file in memory, which the caller frees. */
weft_status weft__npy_encode(const weft__npy_report *r, const weft_array *array, void **bytes, size_t *n);

#endif
