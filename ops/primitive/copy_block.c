/* copy_block.c: see copy_block.h. Axes of length 1 are left out, and neighbours that lie as one in both blocks are one, so that contiguous parts go
 * by memcpy(). */
#include "ops/primitive/copy_block.h"

#include <string.h>

typedef struct walked {
    size_t dim;
    ptrdiff_t to, from; /* bytes from one to the next */
} walked;

static void copy_row(const walked *row, size_t size, char *to, const char *from)
{
    ptrdiff_t apart = (ptrdiff_t)size;
    if (row->to == apart && row->from == apart)
        memcpy(to, from, row->dim * size);
    else if (size == 4)
        for (size_t i = 0; i < row->dim; i++, to += row->to, from += row->from)
            memcpy(to, from, 4);
    else
        for (size_t i = 0; i < row->dim; i++, to += row->to, from += row->from)
            memcpy(to, from, 8);
}

/* The last of n axes is a row. */
static void copy_axes(const walked *axis, int n, size_t size, char *to, const char *from)
{
    if (n == 1) {
        copy_row(axis, size, to, from);
        return;
    }
    for (size_t i = 0; i < axis->dim; i++)
        copy_axes(axis + 1, n - 1, size, to + (ptrdiff_t)i * axis->to, from + (ptrdiff_t)i * axis->from);
}

void weft__copy_block(int rank, const size_t *dim, size_t size, void *to, const ptrdiff_t *to_stride, const void *from, const ptrdiff_t *from_stride)
{
    walked axis[WEFT_MAX_RANK + 1];
    int n = 0;
    for (int i = 0; i < rank; i++) {
        const walked own = {dim[i], to_stride[i] * (ptrdiff_t)size, from_stride[i] * (ptrdiff_t)size};
        if (!own.dim)
            return;
        if (own.dim == 1)
            continue;
        bool joins = n && axis[n - 1].to == own.to * (ptrdiff_t)own.dim && axis[n - 1].from == own.from * (ptrdiff_t)own.dim;
        if (joins)
            axis[n - 1] = (walked){axis[n - 1].dim * own.dim, own.to, own.from};
        else
            axis[n++] = own;
    }
    if (!n)
        axis[n++] = (walked){1, (ptrdiff_t)size, (ptrdiff_t)size};
    copy_axes(axis, n, size, to, from);
}
