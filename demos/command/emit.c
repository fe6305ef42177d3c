/* emit.c: `weft emit`: a staged function and its gradient as one .c and one .h. */
#define _GNU_SOURCE
#include "arguments.h"
#include "commands.h"
#include "emit_graph.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>


typedef struct options {
    emit_request r;
    const char *folder;
    bool json;
} options;

static void usage(FILE *to)
{
    fputs("usage: weft emit NAME [OPTION...]\n\n"
          "Writes a function and its gradient as plain C99: PREFIX.c and PREFIX.h, which need nothing but <math.h>, allocate nothing, and\n"
          "state the workspace that they want. The .h says what each function computes and takes.\n\n", to);
    for (size_t i = 0; i < EMIT_KNOWN; i++)
        fprintf(to, "  %-18s %s\n", emit_known[i].name, emit_known[i].what);
    fputs("\n"
          "  --size N,D         rows and columns (default 64,10)\n"
          "  --dtype f32|f64    of the arrays (default f32); sums are made in double in any case\n"
          "  --eps NUMBER       of the normalizations (default 1e-5)\n"
          "  --no-gradient      the forward function only\n"
          "  --name PREFIX      of the files and functions (default NAME)\n"
          "  -o DIR             where the files go (default: here; made if it is not there)\n"
          "  --json             what was written, as one JSON document\n\n"
          "PREFIX_forward takes the inputs and gives the output; PREFIX_gradient takes the inputs that it needs and the cotangent of the\n"
          "output, dy, and gives the gradient of each input. It keeps nothing from the forward function and computes what it needs again.\n"
          "softmax_cross_entropy is not here: it looks up labels, which is a kernel that refuses those out of range, and no loop.\n\n"
          "examples:\n  weft emit softmax --size 64,10\n  weft emit batchnorm --size 4096,1024 --name bn -o src\n"
          "  weft emit layernorm --size 1,256 --dtype f64 --no-gradient --json\n\n"
          "Exit: 0 written, 2 bad usage or input.\n",
          to);
}

/* --- what was written --- */

static void print_written(const weft_emit_function *f, size_t n, const char *source, const char *header)
{
    printf("%s\n%s\n", source, header);
    for (size_t i = 0; i < n; i++)
        printf("  %-28s workspace %zu bytes, stack %zu; passes over the largest arrays %zu, bytes read %zu, written %zu\n", f[i].name,
               f[i].workspace, f[i].stack, f[i].traffic.passes, f[i].traffic.bytes_read, f[i].traffic.bytes_written);
}

static bool print_json(const options *o, const weft_emit_function *f, size_t n, const char *source, const char *header)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "command", "emit");
    cJSON_AddStringToObject(root, "function", emit_known[o->r.which].name);
    cJSON_AddNumberToObject(root, "n", (double)o->r.rows);
    cJSON_AddNumberToObject(root, "d", (double)o->r.columns);
    cJSON_AddStringToObject(root, "dtype", weft_dtype_name(o->r.dtype));
    cJSON *files = cJSON_AddArrayToObject(root, "files"), *functions = cJSON_AddArrayToObject(root, "functions");
    cJSON_AddItemToArray(files, cJSON_CreateString(source));
    cJSON_AddItemToArray(files, cJSON_CreateString(header));
    for (size_t i = 0; i < n; i++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "name", f[i].name);
        cJSON_AddNumberToObject(one, "bytes_workspace", (double)f[i].workspace);
        cJSON_AddNumberToObject(one, "bytes_stack", (double)f[i].stack);
        cJSON_AddNumberToObject(one, "loops", (double)f[i].traffic.loops);
        cJSON_AddNumberToObject(one, "passes", (double)f[i].traffic.passes);
        cJSON_AddNumberToObject(one, "bytes_read", (double)f[i].traffic.bytes_read);
        cJSON_AddNumberToObject(one, "bytes_written", (double)f[i].traffic.bytes_written);
        cJSON_AddItemToArray(functions, one);
    }
    char *printed = cJSON_Print(root);
    if (printed)
        puts(printed);
    else
        fprintf(stderr, "weft: emit: out of memory\n");
    cJSON_free(printed);
    cJSON_Delete(root);
    return printed != NULL;
}

static bool emit(const options *o)
{
    emitted e;
    weft_tape *t = weft_tape_new(NULL);
    bool good = emit_write(t, &o->r, o->folder, &e);
    if (good && o->json)
        good = print_json(o, e.function, e.n, e.source, e.header);
    else if (good)
        print_written(e.function, e.n, e.source, e.header);
    weft_tape_free(t);
    return good;
}

/* --- the command --- */

static bool set_option(void *command, int option, const char *value)
{
    options *o = command;
    switch (option) {
    case 's':
        return emit_read_size("emit", value, &o->r);
    case 'd':
        o->r.dtype = !strcmp(value, "f64") ? WEFT_F64 : WEFT_F32;
        return !strcmp(value, "f64") || !strcmp(value, "f32") || argument_refuse("emit", "--dtype", value, "it must be f32 or f64");
    case 'e':
        return argument_real("emit", "--eps", value, 0, 1e300, &o->r.eps);
    case 'g':
        o->r.no_gradient = true;
        return true;
    case 'n':
        o->r.prefix = value;
        return emit_is_prefix("emit", value);
    case 'o':
        o->folder = value;
        return true;
    case 'j':
        o->json = true;
        return true;
    default:
        return false;
    }
}

int command_emit(int argc, char **argv)
{
    static const struct option long_options[] = {{"size", required_argument, NULL, 's'}, {"dtype", required_argument, NULL, 'd'},
                                                 {"eps", required_argument, NULL, 'e'},  {"no-gradient", no_argument, NULL, 'g'},
                                                 {"name", required_argument, NULL, 'n'}, {"json", no_argument, NULL, 'j'},
                                                 {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0}};
    options o = {.folder = ".", .r = emit_default};
    int status = arguments_read(argc, argv, &(argument_options){"ho:", long_options, set_option, usage}, &o);
    if (status != ARGUMENTS_READ)
        return status;
    if (!emit_find("emit", argc, argv, &o.r)) {
        usage(stderr);
        return EXIT_BAD_USAGE;
    }
    return emit(&o) ? EXIT_GOOD : EXIT_BAD_USAGE;
}
