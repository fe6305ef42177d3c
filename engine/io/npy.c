/* npy.c: one array to and from NumPy's .npy format; npy_header.c knows the header.
 *
 * Files are taken to be hostile: the size that a shape asks for is held against the bytes that are there before any memory is taken; a
 * stream is read no further than its header says, into memory that grows with what has arrived. Bytes behind the last element are an
 * error, since they mean that the header is not about this file. */
#include "engine/io/npy_header.h"
#include "engine/record/shape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 65536 };

static weft_status system_fail(const weft__npy_report *r, const char *what)
{
    return weft__npy_fail(r, WEFT_ERROR_FILE, "cannot %s: %s", what, errno ? strerror(errno) : "unknown reason");
}

/* --- the elements --- */

static weft_status wrong_size(const weft__npy_report *r, const weft__npy_header *h, size_t present)
{
    if (present > h->bytes)
        return weft__npy_fail(r, WEFT_ERROR_FORMAT, "bytes follow the last element; save one array a file");
    char shape[192];
    return weft__npy_fail(r, WEFT_ERROR_FORMAT, "%s %s needs %zu bytes of elements and %zu are there; copy or save the file again",
                          weft_dtype_name(h->dtype), weft__shape_print(&h->shape, shape, sizeof shape), h->bytes, present);
}

static void swap_elements(unsigned char *data, size_t bytes, size_t size)
{
    for (unsigned char *element = data; element < data + bytes; element += size)
        for (size_t i = 0; i < size / 2; i++) {
            unsigned char held = element[i];
            element[i] = element[size - 1 - i];
            element[size - 1 - i] = held;
        }
}

/* y in C order from x in Fortran order, both of h's shape. */
static void reorder(const weft__npy_header *h, const unsigned char *x, unsigned char *y)
{
    size_t size = weft_dtype_size(h->dtype), index[WEFT_MAX_RANK] = {0}, stride[WEFT_MAX_RANK], from = 0;
    for (int i = 0; i < h->shape.rank; i++)
        stride[i] = i ? stride[i - 1] * h->shape.dim[i - 1] : size;
    for (size_t to = 0; to < h->bytes; to += size) {
        memcpy(y + to, x + from, size);
        for (int i = h->shape.rank - 1; i >= 0; i--) {
            from += stride[i];
            if (++index[i] < h->shape.dim[i])
                break;
            from -= stride[i] * index[i];
            index[i] = 0;
        }
    }
}

/* Takes over data, the elements as the file has them. */
static weft_status finish(const weft__npy_report *r, const weft__npy_header *h, unsigned char *data, weft_array *array)
{
    if (h->fortran && h->shape.rank > 1) {
        unsigned char *ordered = malloc(h->bytes ? h->bytes : 1);
        if (ordered)
            reorder(h, data, ordered);
        free(data);
        if (!ordered)
            return weft__npy_fail(r, WEFT_ERROR_MEMORY, "out of memory for %zu bytes", h->bytes);
        data = ordered;
    }
    if (h->swapped)
        swap_elements(data, h->bytes, weft_dtype_size(h->dtype));
    *array = (weft_array){.dtype = h->dtype, .shape = h->shape, .data = data, .bytes = h->bytes};
    return WEFT_OK;
}

static weft_status begin(weft__npy_report *r, const char *name, weft_array *array, char *message)
{
    *r = (weft__npy_report){.name = name ? name : "array", .message = message};
    if (message)
        message[0] = 0;
    if (!array)
        return weft__npy_fail(r, WEFT_ERROR_ARGUMENT, "the array to fill is NULL");
    *array = (weft_array){0};
    return WEFT_OK;
}

weft_status weft_npy_decode(const void *bytes, size_t n, const char *name, weft_array *array, char *message)
{
    weft__npy_report r;
    weft__npy_header h;
    weft_status status = begin(&r, name, array, message);
    if (status != WEFT_OK)
        return status;
    if (!bytes && n)
        return weft__npy_fail(&r, WEFT_ERROR_ARGUMENT, "the bytes to decode are NULL");
    status = weft__npy_parse(&r, bytes, n, &h);
    if (status != WEFT_OK)
        return status;
    if (n - h.end != h.bytes)
        return wrong_size(&r, &h, n - h.end);
    unsigned char *data = malloc(h.bytes ? h.bytes : 1);
    if (!data)
        return weft__npy_fail(&r, WEFT_ERROR_MEMORY, "out of memory for %zu bytes", h.bytes);
    memcpy(data, (const unsigned char *)bytes + h.end, h.bytes);
    return finish(&r, &h, data, array);
}

/* --- files --- */

static weft_status read_header(FILE *file, const weft__npy_report *r, weft__npy_header *h)
{
    unsigned char *bytes = malloc(WEFT__NPY_LONG_PREFIX + WEFT__NPY_HEADER_LIMIT);
    if (!bytes)
        return weft__npy_fail(r, WEFT_ERROR_MEMORY, "out of memory");
    size_t n = fread(bytes, 1, WEFT__NPY_SHORT_PREFIX, file), start, length;
    if (n == WEFT__NPY_SHORT_PREFIX && bytes[6] == 2)
        n += fread(bytes + n, 1, WEFT__NPY_LONG_PREFIX - WEFT__NPY_SHORT_PREFIX, file);
    if (weft__npy_prefix(bytes, n, &start, &length) && length <= WEFT__NPY_HEADER_LIMIT)
        n += fread(bytes + n, 1, length, file);
    weft_status status = ferror(file) ? system_fail(r, "read") : weft__npy_parse(r, bytes, n, h);
    free(bytes);
    return status;
}

/* The memory doubles as the elements arrive, so that a small file cannot ask for much. */
static weft_status read_elements(FILE *file, const weft__npy_report *r, const weft__npy_header *h, unsigned char **data)
{
    size_t room = 0, n = 0;
    *data = NULL;
    do {
        room = h->bytes / 2 < room ? h->bytes : room ? 2 * room : FIRST_BLOCK;
        room = room < h->bytes ? room : h->bytes;
        unsigned char *grown = realloc(*data, room ? room : 1);
        if (!grown)
            return weft__npy_fail(r, WEFT_ERROR_MEMORY, "out of memory for %zu bytes", room);
        *data = grown;
        n += fread(*data + n, 1, room - n, file);
    } while (n == room && n < h->bytes);
    if (n == h->bytes && fgetc(file) != EOF)
        n++;
    if (ferror(file))
        return system_fail(r, "read");
    return n == h->bytes ? WEFT_OK : wrong_size(r, h, n);
}

static weft_status read_file(FILE *file, const weft__npy_report *r, weft_array *array)
{
    weft__npy_header h;
    unsigned char *data;
    weft_status status = read_header(file, r, &h);
    if (status != WEFT_OK)
        return status;
    status = read_elements(file, r, &h, &data);
    if (status == WEFT_OK)
        return finish(r, &h, data, array);
    free(data);
    return status;
}

weft_status weft_npy_read(const char *path, weft_array *array, char *message)
{
    weft__npy_report r;
    weft_status status = begin(&r, path, array, message);
    if (status != WEFT_OK)
        return status;
    if (!path)
        return weft__npy_fail(&r, WEFT_ERROR_ARGUMENT, "the path is NULL");
    errno = 0;
    FILE *file = fopen(path, "rb");
    if (!file)
        return system_fail(&r, "open");
    status = read_file(file, &r, array);
    fclose(file);
    return status;
}

static bool write_elements(FILE *file, const weft_array *array)
{
    size_t size = weft_dtype_size(array->dtype);
    if (!array->bytes || !weft__npy_big_endian())
        return !array->bytes || fwrite(array->data, 1, array->bytes, file) == array->bytes;
    for (size_t i = 0; i < array->bytes; i += size) {
        unsigned char element[8];
        memcpy(element, (const unsigned char *)array->data + i, size);
        swap_elements(element, size, size);
        if (fwrite(element, 1, size, file) != size)
            return false;
    }
    return true;
}

static weft_status check_array(const weft__npy_report *r, const weft_array *array)
{
    if (!array || (unsigned)array->dtype > WEFT_I64)
        return weft__npy_fail(r, WEFT_ERROR_ARGUMENT, "the array is NULL, or its dtype is none of WEFT_F32, WEFT_F64 and WEFT_I64");
    const char *wrong = weft__shape_check(&array->shape);
    if (wrong)
        return weft__npy_fail(r, WEFT_ERROR_ARGUMENT, "%s", wrong);
    size_t bytes = weft_shape_count(&array->shape) * weft_dtype_size(array->dtype);
    if (array->bytes != bytes)
        return weft__npy_fail(r, WEFT_ERROR_ARGUMENT, "the array has %zu bytes; its shape and dtype need %zu", array->bytes, bytes);
    if (bytes && !array->data)
        return weft__npy_fail(r, WEFT_ERROR_ARGUMENT, "the array's data is NULL");
    return WEFT_OK;
}

weft_status weft__npy_encode(const weft__npy_report *r, const weft_array *array, void **bytes, size_t *n)
{
    char text[WEFT__NPY_BUILT_SIZE];
    *bytes = NULL;
    weft_status status = check_array(r, array);
    if (status != WEFT_OK)
        return status;
    size_t header = weft__npy_build(array, text);
    unsigned char *whole = array->bytes < SIZE_MAX - header ? malloc(header + array->bytes) : NULL;
    if (!whole)
        return weft__npy_fail(r, WEFT_ERROR_MEMORY, "out of memory for %zu bytes", array->bytes);
    memcpy(whole, text, header);
    if (array->bytes)
        memcpy(whole + header, array->data, array->bytes);
    if (weft__npy_big_endian())
        swap_elements(whole + header, array->bytes, weft_dtype_size(array->dtype));
    *bytes = whole;
    *n = header + array->bytes;
    return WEFT_OK;
}

weft_status weft_npy_write(const char *path, const weft_array *array, char *message)
{
    weft__npy_report r = {.name = path ? path : "array", .message = message};
    if (message)
        message[0] = 0;
    if (!path)
        return weft__npy_fail(&r, WEFT_ERROR_ARGUMENT, "the path is NULL");
    weft_status status = check_array(&r, array);
    if (status != WEFT_OK)
        return status;
    char text[WEFT__NPY_BUILT_SIZE];
    size_t n = weft__npy_build(array, text);
    errno = 0;
    FILE *file = fopen(path, "wb");
    if (!file)
        return system_fail(&r, "open for writing");
    if (fwrite(text, 1, n, file) != n || !write_elements(file, array))
        status = system_fail(&r, "write");
    if (fclose(file) && status == WEFT_OK)
        status = system_fail(&r, "finish writing");
    return status;
}

void weft_array_free(weft_array *array)
{
    if (!array)
        return;
    free(array->data);
    *array = (weft_array){0};
}
