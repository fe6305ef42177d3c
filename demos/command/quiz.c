/* quiz.c: `weft quiz`: predict, then reveal. Asks for shapes, values, missing sums and forgotten paths, and counts; or writes all that on paper; or judges
 * a gradient that the learner wrote in C. */
#define _GNU_SOURCE
#include "quiz.h"

#include "arguments.h"
#include "array_text.h"
#include "commands.h"
#include "terminal.h"

#include <cjson/cJSON.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_QUESTIONS = 100, DEFAULT_QUESTIONS = 8 };

static void usage(FILE *to)
{
    fputs("usage: weft quiz [TOPIC] [OPTION...]\n"
          "       weft quiz code FILE.c\n\n"
          "Questions about derivatives: predict, then see. Topics: shapes, values, sums (which sum is missing?), paths (which path was forgotten?);\n"
          "without one all four in turn. A shape is typed as 4,3 and a choice as its letter; ? gives up, q ends. The same seed asks the same questions.\n\n"
          "code: write the gradient of batch normalization as a function in C. FILE.c is compiled and run in a process of its own, and the first\n"
          "gradient that is wrong is named, with the mistake.\n\n"
          "  --seed N           which questions (default: others each time)\n"
          "  --questions N      how many (default 8, at most 100)\n"
          "  --worksheet FILE   writes the questions instead, for paper: a .tex file is LaTeX, any other plain text, - the terminal\n"
          "  --key FILE         the same with the answers\n"
          "  --write FILE.c     code: writes a function to begin with\n"
          "  --json             questions and answers, or the judgement of code, as one JSON document\n\n"
          "examples:\n"
          "  weft quiz shapes\n"
          "  weft quiz --seed 7 --worksheet sheet.tex --key key.tex\n"
          "  weft quiz code --write my_batchnorm_backward.c\n"
          "  weft quiz code my_batchnorm_backward.c\n\n"
          "Exit: 0 asked or written, or the code is right; 1 the code is wrong; 2 bad usage or input.\n",
          to);
}

typedef struct options {
    uint64_t seed, questions;
    bool seeded, json;
    const char *worksheet, *key, *write;
} options;

/* --- asking --- */

static void print_lines(const char *text, const char *indent)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        printf("%s%.*s\n", indent, (int)n, text);
        text += n + (text[n] == '\n');
    }
}

static void print_question(const quiz_question *q, size_t i, size_t n)
{
    printf("\n%s%zu of %zu: %s%s\n", paint(0), i + 1, n, quiz_topic_name[q->topic], paint_end());
    print_lines(q->given, "  ");
    print_lines(q->ask, "  ");
    for (int k = 0; k < q->choices; k++)
        printf("    %c) %s\n", 'a' + k, q->choice[k]);
}

static const char *how(const quiz_question *q)
{
    return q->kind == QUIZ_SHAPE ? "Type a shape, as 4,3 or () for one number; ? gives up, q ends."
           : q->kind == QUIZ_NUMBER ? "Type a number, as -1.5 or 3/2; ? gives up, q ends."
                                    : "Type the letter of an answer; ? gives up, q ends.";
}

/* Asks until there is an answer: 1 right, 0 wrong or given up, -1 the end. */
static int ask(const quiz_question *q)
{
    char line[256];
    for (;;) {
        printf("> ");
        fflush(stdout);
        if (!fgets(line, sizeof line, stdin) || !strcmp(line, "q\n")) {
            puts("");
            return -1;
        }
        if (!isatty(0))
            printf("%s", line); /* as a terminal would have shown it */
        if (!strcmp(line, "?\n"))
            return 0;
        int verdict = quiz_judge(q, line);
        if (verdict >= 0)
            return verdict;
        puts(how(q));
    }
}

static int play(const quiz_question *q, size_t n, const options *o)
{
    size_t right = 0, asked = 0;
    printf("Seed %llu.\n", (unsigned long long)o->seed);
    for (size_t i = 0; i < n; i++) {
        print_question(&q[i], i, n);
        int verdict = ask(&q[i]);
        if (verdict < 0)
            break;
        asked++;
        right += verdict == 1;
        printf("%s%s%s%s\n", paint(verdict ? 1 : -1), verdict ? "Right: " : "It is ", q[i].answer, paint_end());
        print_lines(q[i].because, "  ");
    }
    printf("\n%zu of %zu right.\n", right, asked);
    return EXIT_GOOD;
}

/* --- for programs --- */

static void add_shape(cJSON *to, const char *name, const weft_shape *shape)
{
    cJSON *list = cJSON_AddArrayToObject(to, name);
    for (int i = 0; i < shape->rank; i++)
        cJSON_AddItemToArray(list, cJSON_CreateNumber((double)shape->dim[i]));
}

static void add_question(cJSON *to, const quiz_question *q)
{
    static const char *const kinds[] = {"shape", "number", "choice"};
    cJSON_AddStringToObject(to, "topic", quiz_topic_name[q->topic]);
    cJSON_AddStringToObject(to, "kind", kinds[q->kind]);
    cJSON_AddStringToObject(to, "given", q->given);
    cJSON_AddStringToObject(to, "ask", q->ask);
    cJSON *arrays = cJSON_AddArrayToObject(to, "arrays");
    for (int i = 0; i < q->arrays; i++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(arrays, one);
        cJSON_AddStringToObject(one, "name", q->array[i].name);
        add_shape(one, "shape", &q->array[i].shape);
        if (q->kind == QUIZ_NUMBER)
            cJSON_AddNumberToObject(one, "value", q->array[i].value);
    }
    cJSON_AddStringToObject(to, "expression", q->expression);
    if (q->wrt)
        cJSON_AddStringToObject(to, "wrt", q->wrt);
    if (*q->claimed)
        cJSON_AddStringToObject(to, "claimed", q->claimed);
    cJSON *choices = q->choices ? cJSON_AddArrayToObject(to, "choices") : NULL;
    for (int i = 0; i < q->choices; i++)
        cJSON_AddItemToArray(choices, cJSON_CreateString(q->choice[i]));
    if (q->kind == QUIZ_SHAPE)
        add_shape(to, "answer", &q->shape);
    else
        cJSON_AddNumberToObject(to, "answer", q->kind == QUIZ_NUMBER ? q->number : q->right);
    cJSON_AddStringToObject(to, "answer_text", q->answer);
    cJSON_AddStringToObject(to, "because", q->because);
}

static bool print_json(const quiz_question *q, size_t n, const options *o)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "command", "quiz");
    cJSON_AddNumberToObject(root, "seed", (double)o->seed);
    cJSON *questions = cJSON_AddArrayToObject(root, "questions");
    for (size_t i = 0; i < n; i++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(questions, one);
        add_question(one, &q[i]);
    }
    char *text = cJSON_Print(root);
    if (text)
        puts(text);
    else
        fprintf(stderr, "weft: quiz: out of memory\n");
    cJSON_free(text);
    cJSON_Delete(root);
    return text != NULL;
}

/* --- the command --- */

static int quiz(const options *o, int topic)
{
    generator g = {o->seed};
    size_t n = (size_t)o->questions;
    quiz_question *q = calloc(n, sizeof *q);
    bool good = q != NULL;
    for (size_t i = 0; i < n && good; i++) /* each question from numbers of its own: the first ones stay when more are asked */
        good = quiz_draw(topic < 0 ? (quiz_topic)(i % QUIZ_TOPICS) : (quiz_topic)topic, &(generator){next_bits(&g)}, &q[i]);
    int status = good ? EXIT_GOOD : EXIT_BAD_USAGE;
    if (good && (o->worksheet || o->key))
        status = (!o->worksheet || quiz_sheet_write(o->worksheet, q, n, o->seed, false)) && (!o->key || quiz_sheet_write(o->key, q, n, o->seed, true))
                     ? EXIT_GOOD : EXIT_BAD_USAGE;
    else if (good && o->json)
        status = print_json(q, n, o) ? EXIT_GOOD : EXIT_BAD_USAGE;
    else if (good)
        status = play(q, n, o);
    free(q);
    return status;
}

static int code(const options *o, int argc, char **argv)
{
    if (o->write && argc - optind == 1) {
        if (!quiz_code_start(o->write))
            return EXIT_BAD_USAGE;
        printf("Write your gradient into %s, then type: weft quiz code %s\n", o->write, o->write);
        return EXIT_GOOD;
    }
    if (!o->write && argc - optind == 2)
        return quiz_code_check(argv[optind + 1], o->json);
    fprintf(stderr, "weft: quiz: code takes a file of C, or --write and a name for one\n\n");
    usage(stderr);
    return EXIT_BAD_USAGE;
}

static bool set_option(void *command, int option, const char *value)
{
    options *o = command;
    switch (option) {
    case 's':
        o->seeded = true;
        return argument_whole("quiz", "--seed", value, 0, (uint64_t)1 << 53, &o->seed);
    case 'n':
        return argument_whole("quiz", "--questions", value, 1, MOST_QUESTIONS, &o->questions);
    case 'w':
        o->worksheet = value;
        return true;
    case 'k':
        o->key = value;
        return true;
    case 'W':
        o->write = value;
        return true;
    default:
        return o->json = true;
    }
}

int command_quiz(int argc, char **argv)
{
    static const struct option known[] = {{"seed", required_argument, NULL, 's'},      {"questions", required_argument, NULL, 'n'},
                                          {"worksheet", required_argument, NULL, 'w'}, {"key", required_argument, NULL, 'k'},
                                          {"write", required_argument, NULL, 'W'},     {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},            {NULL, 0, NULL, 0}};
    options o = {.questions = DEFAULT_QUESTIONS};
    int status = arguments_read(argc, argv, &(argument_options){"h", known, set_option, usage}, &o);
    if (status != ARGUMENTS_READ)
        return status;
    if (!o.seeded)
        o.seed = (uint64_t)(seconds_now() * 1e6) % 1000000;
    const char *topic = optind < argc ? argv[optind] : NULL;
    if (topic && !strcmp(topic, "code"))
        return code(&o, argc, argv);
    int which = -1;
    for (int i = 0; i < QUIZ_TOPICS && topic; i++)
        which = !strcmp(topic, quiz_topic_name[i]) ? i : which;
    if ((topic && which < 0) || argc - optind > 1 || o.write) {
        fprintf(stderr, "weft: quiz: %s\n\n", o.write ? "--write goes with code" : "the topics are shapes, values, sums, paths and code; give one, or none for all but code");
        usage(stderr);
        return EXIT_BAD_USAGE;
    }
    return quiz(&o, which);
}
