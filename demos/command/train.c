/* train.c: `weft train digits`: the network of network.h learns, with a progress line, and what it did is told, drawn and saved. */
#define _GNU_SOURCE
#include "arguments.h"
#include "commands.h"
#include "network.h"
#include "plot.h"
#include "terminal.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_EPOCHS = 2000, DEFAULT_EPOCHS = 900 };
static const double goal = 0.965; /* of the 297 rows that are held out */

static void usage(FILE *to)
{
    fprintf(to,
            "usage: weft train digits [OPTION...]\n\n"
            "A network 64-100-10 (affine, batch normalization, ReLU, affine, softmax cross-entropy) learns the first 1,500 digits in f32\n"
            "and is tried on the other 297. It sees copies of them that are turned, moved and bent a little. Without --norm it learns three\n"
            "times from one seed: without normalization, with the staged graph, and with the fused node; the last two follow one curve.\n\n"
            "  --norm none|staged|fused   one of the three\n"
            "  --epochs N                 (default %d, at most %d)\n"
            "  --rate NUMBER              of learning, the same for all (default 0.3, which a network without normalization hardly bears:\n"
            "                             try 0.1)\n"
            "  --seed N                   of weights, order and distortions (default 1)\n"
            "  --plot FILE.svg            loss and accuracy, drawn\n"
            "  --csv FILE.csv             loss and accuracy of every epoch\n"
            "  --data DIR                 where digits_x.npy and digits_y.npy are\n"
            "  --json                     the result as one JSON document\n\n"
            "examples:\n  weft train digits\n  weft train digits --norm staged --epochs 30 --plot loss.svg\n",
            DEFAULT_EPOCHS, MOST_EPOCHS);
}

typedef struct options {
    int first, last; /* norms */
    uint64_t epochs, seed;
    double rate;
    const char *plot, *csv, *data;
    bool json;
} options;

/* What one training run leaves behind; arrays of an entry an epoch. */
typedef struct history {
    double loss[MOST_EPOCHS], accuracy[MOST_EPOCHS];
    size_t reached; /* the first epoch at the goal, from 1; 0: none */
    double seconds;
} history;

static double epoch(network *net, generator *g, int64_t *order)
{
    size_t steps = DIGITS_TO_TRAIN / BATCH;
    int64_t batch[BATCH];
    double sum = 0;
    shuffle(g, order, DIGITS_TO_TRAIN);
    for (size_t s = 0; s < steps; s++) {
        for (size_t i = 0; i < BATCH; i++)
            batch[i] = digit_copy(net->data, order[s * BATCH + i], (int)(next_bits(g) % COPIES));
        sum += network_step(net, batch);
    }
    return sum / (double)steps;
}

static bool train(norm kind, const digits *d, const options *o, history *h)
{
    network net;
    generator g = {o->seed * 77};
    int64_t order[DIGITS_TO_TRAIN];
    for (int64_t i = 0; i < DIGITS_TO_TRAIN; i++)
        order[i] = i;
    bool good = network_make(&net, kind, d, o->rate, o->seed, NULL);
    double start = seconds_now();
    h->reached = 0;
    for (size_t e = 0; good && e < o->epochs; e++) {
        char text[80];
        h->loss[e] = epoch(&net, &g, order);
        h->accuracy[e] = network_accuracy(&net);
        good = !isnan(h->loss[e]) && !isnan(h->accuracy[e]);
        if (!h->reached && h->accuracy[e] >= goal)
            h->reached = e + 1;
        snprintf(text, sizeof text, "epoch %zu/%zu  loss %.4f  accuracy %.2f%%", e + 1, o->epochs, h->loss[e], 100 * h->accuracy[e]);
        progress(norm_name[kind], e + 1, o->epochs, text);
    }
    h->seconds = seconds_now() - start;
    progress_end();
    network_free(&net);
    return good;
}

/* The largest difference of the staged and the fused loss, over the first `n` epochs. */
static double furthest(const history *h, size_t n)
{
    double off = 0;
    for (size_t e = 0; e < n; e++)
        off = fmax(off, fabs(h[NORM_STAGED].loss[e] - h[NORM_FUSED].loss[e]));
    return off;
}

static bool both_kinds(const options *o)
{
    return o->first <= NORM_STAGED && o->last >= NORM_FUSED;
}

static void print_table(const history *h, const options *o)
{
    size_t last = o->epochs - 1;
    printf("64-100-10 on the digits, %zu epochs of %d steps, batches of %d, rate %g, seed %llu\n\n", last + 1, DIGITS_TO_TRAIN / BATCH, BATCH,
           o->rate, (unsigned long long)o->seed);
    printf("%s%-16s %12s %22s %14s %9s%s\n", paint(0), "normalization", "accuracy", "first epoch at 96.5%", "training loss", "seconds", paint_end());
    for (int k = o->first; k <= o->last; k++) {
        char reached[24] = "never";
        if (h[k].reached)
            snprintf(reached, sizeof reached, "%zu", h[k].reached);
        printf("%-16s %11.2f%% %22s %14.5f %9.2f\n", norm_name[k], 100 * h[k].accuracy[last], reached, h[k].loss[last], h[k].seconds);
    }
    if (both_kinds(o))
        printf("\nlargest difference of the staged and the fused loss curve: %.2g in the first epoch, %.2g in all\n", furthest(h, 1), furthest(h, o->epochs));
}

static cJSON *numbers(const double *x, size_t n)
{
    return cJSON_CreateDoubleArray(x, (int)n);
}

static bool print_json(const history *h, const options *o)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "command", "train digits");
    cJSON_AddNumberToObject(root, "epochs", (double)o->epochs);
    cJSON_AddNumberToObject(root, "rate", o->rate);
    cJSON_AddNumberToObject(root, "seed", (double)o->seed);
    for (int k = o->first; k <= o->last; k++) {
        cJSON *run = cJSON_AddObjectToObject(root, norm_name[k]);
        cJSON_AddNumberToObject(run, "accuracy", h[k].accuracy[o->epochs - 1]);
        if (h[k].reached)
            cJSON_AddNumberToObject(run, "first_epoch_at_goal", (double)h[k].reached);
        else
            cJSON_AddNullToObject(run, "first_epoch_at_goal");
        cJSON_AddNumberToObject(run, "seconds", h[k].seconds);
        cJSON_AddItemToObject(run, "loss_by_epoch", numbers(h[k].loss, o->epochs));
        cJSON_AddItemToObject(run, "accuracy_by_epoch", numbers(h[k].accuracy, o->epochs));
    }
    if (both_kinds(o)) {
        cJSON_AddNumberToObject(root, "staged_from_fused_first_epoch", furthest(h, 1));
        cJSON_AddNumberToObject(root, "staged_from_fused", furthest(h, o->epochs));
    }
    char *text = cJSON_Print(root);
    if (text)
        puts(text);
    cJSON_free(text);
    cJSON_Delete(root);
    return text != NULL;
}

static bool write_csv(const history *h, const options *o)
{
    errno = 0;
    FILE *out = fopen(o->csv, "w");
    if (out) {
        fputs("epoch", out);
        for (int k = o->first; k <= o->last; k++)
            fprintf(out, ",%s_loss,%s_accuracy", norm_name[k], norm_name[k]);
        for (size_t e = 0; e < o->epochs; e++) {
            fprintf(out, "\n%zu", e + 1);
            for (int k = o->first; k <= o->last; k++)
                fprintf(out, ",%.9g,%.9g", h[k].loss[e], h[k].accuracy[e]);
        }
        fputc('\n', out);
        if (!ferror(out) && !fclose(out))
            return true;
    }
    fprintf(stderr, "weft: cannot write %s: %s\n", o->csv, strerror(errno));
    return false;
}

static bool write_plot(const history *h, const options *o)
{
    series loss[NORMS], accuracy[NORMS];
    size_t n = 0;
    for (int k = o->first; k <= o->last; k++, n++) {
        loss[n] = (series){norm_name[k], h[k].loss, o->epochs};
        accuracy[n] = (series){norm_name[k], h[k].accuracy, o->epochs};
    }
    const chart charts[] = {{"Training loss on the digits", "epoch", "loss", true, NULL, loss, n},
                            {"Share of the 297 held-out digits that is right", "epoch", "accuracy", false, NULL, accuracy, n}};
    return plot_write(o->plot, charts, 2);
}

static bool set_norm(options *o, const char *value)
{
    for (int k = 0; k < NORMS; k++)
        if (!strcmp(value, norm_name[k])) {
            o->first = o->last = k;
            return true;
        }
    return argument_refuse("train", "--norm", value, "it must be none, staged or fused");
}

static bool set_option(void *command, int option, const char *value)
{
    options *o = command;
    switch (option) {
    case 'n':
        return set_norm(o, value);
    case 'e':
        return argument_whole("train", "--epochs", value, 1, MOST_EPOCHS, &o->epochs);
    case 's':
        return argument_whole("train", "--seed", value, 0, UINT64_MAX, &o->seed);
    case 'r':
        return argument_real("train", "--rate", value, 0, 100, &o->rate);
    case 'p':
        o->plot = value;
        return true;
    case 'c':
        o->csv = value;
        return true;
    case 'D':
        o->data = value;
        return true;
    case 'j':
        o->json = true;
        return true;
    default:
        return false;
    }
}

int command_train(int argc, char **argv)
{
    static const struct option known[] = {{"norm", required_argument, NULL, 'n'}, {"epochs", required_argument, NULL, 'e'},
                                          {"seed", required_argument, NULL, 's'}, {"plot", required_argument, NULL, 'p'},
                                          {"csv", required_argument, NULL, 'c'},  {"data", required_argument, NULL, 'D'},
                                          {"json", no_argument, NULL, 'j'},       {"help", no_argument, NULL, 'h'},
                                          {"rate", required_argument, NULL, 'r'},
                                          {NULL, 0, NULL, 0}};
    options o = {.first = 0, .last = NORMS - 1, .epochs = DEFAULT_EPOCHS, .seed = 1, .rate = 0.3};
    int status = arguments_read(argc, argv, &(argument_options){"h", known, set_option, usage}, &o);
    if (status != ARGUMENTS_READ)
        return status;
    if (!argument_subject("train", argc, argv, "digits")) {
        usage(stderr);
        return EXIT_BAD_USAGE;
    }
    static history runs[NORMS];
    digits d;
    bool good = digits_load(o.data, &d) && digits_distort(&d, o.seed);
    for (int k = o.first; good && k <= o.last; k++)
        good = train((norm)k, &d, &o, &runs[k]);
    digits_free(&d);
    if (good && !o.json)
        print_table(runs, &o);
    else if (good)
        good = print_json(runs, &o);
    good = good && (!o.csv || write_csv(runs, &o)) && (!o.plot || write_plot(runs, &o));
    return good ? EXIT_GOOD : EXIT_BAD_USAGE;
}
