/* bench_mlp.c: `weft bench mlp`: training steps of network.h on the digits, without normalization, staged and fused, on both backends. */
#include "bench.h"
#include "network.h"

#include <stdio.h>

typedef struct trainer {
    network net;
    int64_t rows[BATCH];
} trainer;

static void run_step(void *context)
{
    trainer *t = context;
    network_step(&t->net, t->rows);
}

enum { BACKENDS = 2 };

static bool add_network(const bench *b, norm kind, bool compiled, const digits *d, trainer *to, table *t)
{
    const double rate = 1e-4; /* small: the numbers stay what they are, however many steps are run */
    char name[NAME_BYTES];
    weft_options options = way_options(b, compiled ? COMPILED : TILES);
    snprintf(name, sizeof name, "%s, %s", norm_name[kind], compiled ? "compiled C" : "tiles");
    if (compiled && *b->no_compiled) {
        table_absent(t, name, "", b->no_compiled);
        return true;
    }
    for (int64_t i = 0; i < BATCH; i++)
        to->rows[i] = i * 20;
    table_job(t, name, "", (job){run_step, to});
    return network_make(&to->net, kind, d, rate, 1, &options);
}

bool bench_mlp(bench *b)
{
    static trainer trainers[NORMS * BACKENDS];
    static table t;
    digits d;
    if (!digits_load(NULL, &d))
        return false;
    table_heading(b, "training steps of 64-100-10 on the digits, batches of 64, f32");
    table_start(&t, b, "fused, tiles");
    bool good = true;
    for (int k = 0; good && k < NORMS * BACKENDS; k++)
        good = add_network(b, (norm)(k / BACKENDS), k % BACKENDS, &d, &trainers[k], &t);
    if (good) {
        table_measure(&t);
        table_print(&t, "a step");
    }
    for (int k = 0; k < NORMS * BACKENDS; k++)
        network_free(&trainers[k].net);
    table_free(&t);
    digits_free(&d);
    return good;
}
