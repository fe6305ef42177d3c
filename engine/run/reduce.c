/* reduce.c: reductions over any axes.
 * The folded elements are cut into leaves of fixed size, and the leaves are merged as a binary counter adds: two of one level make one of
 * the next. The order depends on shape and strides alone, so repeats give the same bits, and a sum's error grows with the logarithm of its
 * length. A view may be added up in another order than the same elements stored in C order.
 *
 * Along: the innermost axis is folded, a leaf is a run of it. Across: the innermost axis stays, a leaf is a block of rows folded into a
 * row of accumulators; wide rows are taken in strips, so that the accumulators stay in the first cache. */
#include "engine/run/program.h"

enum { RUN = 4096, ROWS = 64, STRIP = 1024 };

static size_t product(const size_t *extent, int n)
{
    size_t all = 1;
    for (int i = 0; i < n; i++)
        all *= extent[i];
    return all;
}

/* Leaves that one result is merged from. */
static size_t leaf_count(const fold_nest *loops)
{
    size_t inner = loops->n_folded ? loops->folded[loops->n_folded - 1] : 1, size = loops->across ? ROWS : RUN;
    return (inner + size - 1) / size * product(loops->folded, loops->n_folded ? loops->n_folded - 1 : 0);
}

static size_t strip_width(const fold_nest *loops)
{
    size_t n = loops->across ? loops->kept[loops->n_kept - 1] : 1;
    return n < STRIP ? n : STRIP;
}

size_t weft__reduce_workspace(const fold_nest *loops)
{
    size_t levels = 2; /* the leaf being folded, and one for each bit of the count */
    for (size_t leaves = leaf_count(loops); leaves; leaves >>= 1)
        levels++;
    return levels * strip_width(loops) * sizeof(double);
}

/* Moves one position of the outer loops; returns false after the last. */
static bool advance(int n, const size_t *extent, const ptrdiff_t *stride, size_t *position, ptrdiff_t *offset)
{
    for (int i = n - 1; i >= 0; i--) {
        if (++position[i] < extent[i]) {
            *offset += stride[i];
            return true;
        }
        *offset -= stride[i] * (ptrdiff_t)(extent[i] - 1);
        position[i] = 0;
    }
    return false;
}

typedef struct fold_job {
    const weft_fold *fold;
    const fold_nest *loops;
    const char *x; /* where this result's elements start */
    size_t element;
    int type;      /* 0 f32, 1 f64 */
    size_t width;  /* accumulators: 1 along */
    double *leaf, *level; /* (width), (levels, width) */
    size_t merged; /* leaves so far */
} fold_job;

static void merge_into(const fold_job *job, double *y, const double *earlier)
{
    for (size_t i = 0; i < job->width; i++)
        y[i] = job->fold->merge(earlier[i], y[i]);
}

static void take_leaf(fold_job *job)
{
    size_t bits = job->merged++, l = 0;
    for (; bits & 1; bits >>= 1, l++)
        merge_into(job, job->leaf, job->level + l * job->width);
    double *to = job->level + l * job->width;
    for (size_t i = 0; i < job->width; i++)
        to[i] = job->leaf[i];
}

/* Merges what the counter holds into y. */
static void finish(fold_job *job, double *y)
{
    bool any = false;
    size_t bits = job->merged;
    for (size_t l = 0; bits; bits >>= 1, l++) {
        if (!(bits & 1))
            continue;
        const double *level = job->level + l * job->width;
        if (any)
            merge_into(job, y, level);
        else
            for (size_t i = 0; i < job->width; i++)
                y[i] = level[i];
        any = true;
    }
    if (!any)
        for (size_t i = 0; i < job->width; i++)
            y[i] = job->fold->identity;
}

static void fold_one(fold_job *job, double *y, ptrdiff_t inner_stride)
{
    const fold_nest *loops = job->loops;
    int outer = loops->n_folded ? loops->n_folded - 1 : 0;
    size_t n = loops->n_folded ? loops->folded[outer] : 1, position[WEFT_MAX_RANK] = {0};
    ptrdiff_t stride = loops->n_folded ? loops->folded_stride[outer] : 0, offset = 0;
    job->merged = 0;
    if (product(loops->folded, loops->n_folded))
        do {
            for (size_t i = 0; i < n;) {
                size_t left = n - i, take = loops->across ? ROWS : RUN;
                take = left < take ? left : take;
                const char *x = job->x + (offset + (ptrdiff_t)i * stride) * (ptrdiff_t)job->element;
                if (loops->across) {
                    for (size_t k = 0; k < job->width; k++)
                        job->leaf[k] = job->fold->identity;
                    job->fold->across[job->type](take, job->width, x, stride, inner_stride, job->leaf);
                } else {
                    *job->leaf = job->fold->along[job->type](take, x, stride);
                }
                take_leaf(job);
                i += take;
            }
        } while (advance(outer, loops->folded, loops->folded_stride, position, &offset));
    finish(job, y);
}

void weft__run_reduce(const step *s, void *const *base)
{
    if (!s->count)
        return;
    const fold_nest *loops = s->loops;
    fold_job job = {.fold = s->op->fold,
                    .loops = loops,
                    .element = weft_dtype_size((weft_dtype)s->port[1].dtype),
                    .type = s->port[1].dtype == WEFT_F64,
                    .leaf = base[s->workspace]};
    const char *x = base[s->port[1].storage];
    double *y = base[s->port[0].storage];
    size_t inner = loops->across ? loops->kept[loops->n_kept - 1] : 1, position[WEFT_MAX_RANK] = {0};
    ptrdiff_t inner_stride = loops->across ? loops->kept_stride[loops->n_kept - 1] : 0, offset = 0;
    int outer = loops->across ? loops->n_kept - 1 : loops->n_kept;
    size_t strip = strip_width(loops);
    job.level = job.leaf + strip;
    do {
        for (size_t i = 0; i < inner; i += strip) {
            job.width = inner - i < strip ? inner - i : strip;
            job.x = x + (offset + (ptrdiff_t)i * inner_stride) * (ptrdiff_t)job.element;
            fold_one(&job, y + i, inner_stride);
        }
        y += inner;
    } while (advance(outer, loops->kept, loops->kept_stride, position, &offset));
}
