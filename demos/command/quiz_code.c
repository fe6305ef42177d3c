/* quiz_code.c: the exercise of CS classes everywhere: write the gradient of batch normalization as code. What is written is compiled, run in a process
 * of its own, and held to the graph's own derivative; weft_diagnose() names the mistake. */
#define _GNU_SOURCE
#include "quiz.h"

#include "child.h"
#include "commands.h"
#include "terminal.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_PATH = 4096, GIVEN = 3, ASKED = 3, SHAPES = 2, H = 0, GAMMA, BETA, LIMIT_SECONDS = 10 };

static const char skeleton[] =
    "/* Your gradient of batch normalization, over n rows and d columns:\n"
    " *\n"
    " *     mu     = sum(h, 0) / n                  one of each column\n"
    " *     sigma2 = sum((h - mu)**2, 0) / n\n"
    " *     hath   = (h - mu) * (sigma2 + eps)**(-1/2)\n"
    " *     y      = gamma * hath + beta\n"
    " *\n"
    " * dy is what arrives from the loss, of the shape of y. Write dh, dgamma and dbeta. Arrays are row after row: h of row i and column j is\n"
    " * h[i * d + j]. Then type: weft quiz code THIS_FILE.c */\n"
    "#include <math.h>\n"
    "#include <stddef.h>\n"
    "\n"
    "void my_batchnorm_backward(size_t n, size_t d, double eps, const double *h, const double *gamma, const double *dy,\n"
    "                           double *dh, double *dgamma, double *dbeta)\n"
    "{\n"
    "    for (size_t j = 0; j < d; j++) {\n"
    "        dbeta[j] = 0; /* beta was added to every row */\n"
    "        dgamma[j] = 0;\n"
    "        for (size_t i = 0; i < n; i++)\n"
    "            dh[i * d + j] = 0;\n"
    "    }\n"
    "}\n";

bool quiz_code_start(const char *path)
{
    errno = 0;
    FILE *out = fopen(path, "wx");
    bool good = out && fputs(skeleton, out) >= 0;
    if (out && fclose(out))
        good = false;
    if (!good)
        fprintf(stderr, "weft: quiz: cannot write %s: %s\n", path, errno == EEXIST ? "it is there already" : strerror(errno));
    return good;
}

typedef struct answered { /* of one gradient */
    const char *name;
    weft_diagnosis diagnosis;
    bool judged;
    char words[QUIZ_LINE]; /* why not */
} answered;

typedef struct exercise {
    char folder[MOST_PATH], library[MOST_PATH + 16];
    answered of[ASKED]; /* dbeta, dgamma, dh: from the easiest on */
    char words[QUIZ_LINE]; /* why nothing could be judged */
} exercise;

static const size_t lengths[SHAPES][2] = {{5, 3}, {4, 6}}; /* the second for who takes n for d */

static bool build(exercise *e, const char *path)
{
    char shim[MOST_PATH + 16];
    snprintf(shim, sizeof shim, "%s/shim.c", e->folder);
    snprintf(e->library, sizeof e->library, "%s/answer.so", e->folder);
    FILE *out = fopen(shim, "w");
    bool good = out && fputs("#include <stddef.h>\nvoid my_batchnorm_backward(size_t n, size_t d, double eps, const double *h, const double *gamma, const double *dy,\n"
                             "                           double *dh, double *dgamma, double *dbeta);\n", out) >= 0;
    for (int s = 0; s < SHAPES && good; s++)
        good = fprintf(out, "void weft_call_%d(void *const *a) { my_batchnorm_backward(%zu, %zu, 1e-5, a[0], a[1], a[2], a[3], a[4], a[5]); }\n", s, lengths[s][0],
                       lengths[s][1]) > 0;
    if (out && fclose(out))
        good = false;
    if (!good) {
        fprintf(stderr, "weft: quiz: cannot write %s\n", shim);
        return false;
    }
    return child_build(&(child_library){.command = "quiz", .folder = e->folder, .source = path, .shim = shim, .beside = ".", .out = e->library});
}

static bool is_written(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] != x[i])
            return false;
    return true;
}

static const char graph[] = "mu = mean(h, 0)\nsigma2 = mean((h - mu)**2, 0)\nhath = (h - mu) * (sigma2 + 1e-5)**(-1/2)\ny = gamma * hath + beta";

/* Holds what the child wrote to the graph. False when the engine refuses. */
static bool judge(exercise *e, weft_tape *tape, const child_arrays *a, const double *beta, size_t n, size_t d)
{
    static const char *const names[GIVEN] = {"h", "gamma", "beta"};
    static const int asked[ASKED] = {BETA, GAMMA, H}, written[ASKED] = {5, 4, 3}; /* the child's array of each */
    const size_t dim[] = {n, d};
    weft_node x[GIVEN], y, dy = weft_input(tape, "dy", WEFT_F64, 2, dim);
    weft_binding_name known[GIVEN];
    for (int i = 0; i < GIVEN; i++) {
        x[i] = i == H ? weft_input(tape, names[i], WEFT_F64, 2, dim) : weft_input(tape, names[i], WEFT_F64, 1, &d);
        known[i] = (weft_binding_name){names[i], x[i]};
    }
    const weft_binding bind[] = {{x[H], a->data[0], a->bytes[0]}, {x[GAMMA], a->data[1], a->bytes[1]}, {x[BETA], beta, d * sizeof *beta},
                                 {dy, a->data[2], a->bytes[2]}};
    if (weft_parse(tape, graph, known, GIVEN, &y, NULL) != WEFT_OK)
        return false;
    for (int k = 0; k < ASKED; k++) {
        answered *at = &e->of[k];
        const double *data = a->data[written[k]];
        at->name = k == 0 ? "dbeta" : k == 1 ? "dgamma" : "dh";
        at->judged = is_written(data, a->bytes[written[k]] / sizeof *data);
        if (!at->judged) {
            snprintf(at->words, sizeof at->words, "it is not written, or NaN");
            continue;
        }
        const weft_diagnose_options options = {.bind = bind, .n_bind = 4, .data = data, .dtype = WEFT_F64, .shape = weft_node_shape(x[asked[k]])};
        if (weft_diagnose(y, dy, x[asked[k]], &options, &at->diagnosis) != WEFT_OK)
            return false;
    }
    return true;
}

static bool is_right(const answered *at)
{
    return at->judged && at->diagnosis.verdict == WEFT_GRADIENT_RIGHT;
}

/* One shape: false when there is nothing to judge, as `words` or stderr say. */
static bool try_shape(exercise *e, int s)
{
    size_t n = lengths[s][0], d = lengths[s][1];
    child_arrays a = {.n = 0};
    const size_t count[] = {n * d, d, n * d, n * d, d, d};
    double beta[8];
    generator g = {11 + (uint64_t)s};
    bool good = true;
    for (int i = 0; i < 6 && good; i++) {
        double *x = child_array(&a, count[i] * sizeof *x);
        good = x != NULL;
        for (size_t k = 0; good && i < 3 && k < count[i]; k++)
            x[k] = next_normal(&g);
    }
    for (size_t k = 0; k < d; k++)
        beta[k] = next_normal(&g);
    char symbol[32];
    snprintf(symbol, sizeof symbol, "weft_call_%d", s);
    child_result ran = {.words = "out of memory"};
    if (good)
        ran = child_run(&(child_request){.library = e->library, .symbol = symbol, .arrays = &a, .first_output = 3, .outputs = 3, .limit = LIMIT_SECONDS});
    if (!ran.good)
        snprintf(e->words, sizeof e->words, "with %zu rows and %zu columns %.90s", n, d, ran.words);
    else if (!ran.steady)
        snprintf(e->words, sizeof e->words, "a second call on the same numbers gave others: does it read what it should write?");
    good = ran.good && ran.steady;
    weft_tape *tape = weft_tape_new(NULL);
    if (good && !judge(e, tape, &a, beta, n, d)) {
        fprintf(stderr, "weft: quiz: %s\n", weft_tape_message(tape));
        good = false;
    }
    weft_tape_free(tape);
    child_arrays_free(&a);
    return good;
}

static int score(const exercise *e)
{
    int right = 0;
    for (int k = 0; k < ASKED; k++)
        right += is_right(&e->of[k]);
    return right;
}

/* --- what is said --- */

static void print_answers(const exercise *e, int s)
{
    if (s)
        printf("With %zu rows and %zu columns:\n", lengths[s][0], lengths[s][1]);
    for (int k = 0; k < ASKED; k++) {
        const answered *at = &e->of[k];
        printf("  %s%-6s %s%s\n", paint(is_right(at) ? 1 : -1), at->name, is_right(at) ? "right" : "wrong", paint_end());
    }
    for (int k = 0; k < ASKED; k++) /* the first that is wrong: what comes later may be so for its sake */
        if (!is_right(&e->of[k])) {
            const answered *at = &e->of[k];
            printf("\n%s: %s\n", at->name, at->judged ? at->diagnosis.message : at->words);
            for (size_t i = 1; at->judged && i < at->diagnosis.n; i++)
                printf("  or: %s\n", at->diagnosis.finding[i].words);
            break;
        }
}

static void print_json(const exercise *e)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "command", "quiz code");
    cJSON_AddStringToObject(root, "error", e->words);
    cJSON *answers = cJSON_AddArrayToObject(root, "answers");
    for (int k = 0; k < ASKED && e->of[k].name; k++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(answers, one);
        cJSON_AddStringToObject(one, "name", e->of[k].name);
        cJSON_AddBoolToObject(one, "right", is_right(&e->of[k]));
        cJSON_AddStringToObject(one, "message", e->of[k].judged ? e->of[k].diagnosis.message : e->of[k].words);
    }
    cJSON_AddNumberToObject(root, "score", score(e));
    cJSON_AddNumberToObject(root, "of", ASKED);
    char *text = cJSON_Print(root);
    if (text)
        puts(text);
    cJSON_free(text);
    cJSON_Delete(root);
}

static void remove_folder(const char *folder)
{
    static const char *const names[] = {"shim.c", "answer.so", "messages"};
    char path[MOST_PATH + 16];
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[k]);
        unlink(path);
    }
    rmdir(folder);
}

int quiz_code_check(const char *path, bool json)
{
    static exercise e;
    const char *temporary = getenv("TMPDIR");
    snprintf(e.folder, sizeof e.folder, "%.1000s/weft-XXXXXX", temporary && *temporary ? temporary : "/tmp");
    if (access(path, R_OK)) {
        fprintf(stderr, "weft: quiz: %s cannot be read: %s. `weft quiz code --write %s` makes one to begin with\n", path, strerror(errno), path);
        return EXIT_BAD_USAGE;
    }
    if (!mkdtemp(e.folder)) {
        fprintf(stderr, "weft: quiz: cannot make a folder in %s\n", e.folder);
        return EXIT_BAD_USAGE;
    }
    int status = EXIT_BAD_USAGE, s = 0;
    if (build(&e, path)) {
        bool good = true;
        for (s = 0; s < SHAPES && good; s += good && score(&e) == ASKED) {
            good = try_shape(&e, s);
            if (good && score(&e) < ASKED)
                break;
        }
        s = s == SHAPES ? 0 : s;
        if (json)
            print_json(&e);
        else if (*e.words)
            printf("%s%s%s\n", paint(-1), e.words, paint_end());
        else if (good)
            print_answers(&e, s);
        if (!json && good)
            printf("\n%d of %d right\n", score(&e), ASKED);
        status = good && score(&e) == ASKED ? EXIT_GOOD : EXIT_FAILED_CHECK;
    }
    remove_folder(e.folder);
    return status;
}
