/* limits.c: see limits.h. */
#define _GNU_SOURCE
#include "limits.h"
#include "arguments.h"
#include "demos/work.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GIB ((uint64_t)1 << 30)

limits limits_default(const char *command)
{
    return (limits){.command = command, .memory = 4 * GIB, .work = 1e11};
}

static bool read_memory(limits *l, const char *text)
{
    static const char units[] = "KMGT";
    char *end;
    double size = strtod(text, &end);
    const char *unit = *end ? strchr(units, *end) : NULL;
    size *= unit ? ldexp(1, 10 * (int)(unit - units + 1)) : 1;
    end += unit != NULL;
    if (*text < '0' || *text > '9' || *end || !(size >= 1 && size <= 0x1p62))
        return argument_refuse(l->command, "--memory", text, "it must be a size such as 500M or 16G");
    l->memory = (uint64_t)size;
    return true;
}

bool limits_read(limits *l, int argc, char **argv, const char *brief, const struct option *known)
{
    int option;
    bool good = true;
    opterr = 0;
    while (good && (option = getopt_long(argc, argv, brief, known, NULL)) != -1)
        if (option == LIMITS_MEMORY)
            good = read_memory(l, optarg);
        else if (option == LIMITS_WORK)
            good = argument_real(l->command, "--work", optarg, 1, 1e300, &l->work);
    opterr = 1;
    optind = 0; /* as the GNU library begins anew */
    return good;
}

/* --- memory --- */

/* "74.5 GiB" */
static const char *size_text(uint64_t bytes, char text[32])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double size = (double)bytes;
    size_t k = 0;
    for (; size >= 1024 && k < 6; k++)
        size /= 1024;
    snprintf(text, 32, "%.3g %s", size, units[k]);
    return text;
}

static bool refuse(const limits *l, uint64_t bytes, uint64_t beside, const char *what)
{
    char asked[32], taken[32], allowed[32], most[32];
    uint64_t needed = bytes > UINT64_MAX - beside ? UINT64_MAX : beside + bytes;
    snprintf(most, sizeof most, "%.0f%c", ceil((double)needed / (double)(needed < GIB ? (uint64_t)1 << 20 : GIB)), needed < GIB ? 'M' : 'G');
    fprintf(stderr, "weft: %s: %s needs %s beside the %s that are taken, and --memory allows %s; try --memory %s\n", l->command, what,
            size_text(bytes, asked), size_text(beside, taken), size_text(l->memory, allowed), most);
    return false;
}

static bool fits(const limits *l, uint64_t bytes)
{
    return l->used <= l->memory && bytes <= l->memory - l->used;
}

bool limits_take(limits *l, uint64_t bytes, const char *what)
{
    if (!fits(l, bytes))
        return refuse(l, bytes, l->used, what);
    l->used += bytes;
    return true;
}

void limits_give_back(limits *l, uint64_t bytes)
{
    l->used -= bytes;
}

static void *allocate(void *context, size_t bytes)
{
    limits *l = context;
    if (!fits(l, bytes)) {
        l->refused = bytes;
        l->beside = l->used;
        return NULL;
    }
    void *memory = malloc(bytes);
    if (memory)
        l->used += bytes;
    return memory;
}

static void release(void *context, void *memory, size_t bytes)
{
    if (memory)
        ((limits *)context)->used -= bytes;
    free(memory);
}

weft_allocator limits_allocator(limits *l)
{
    return (weft_allocator){allocate, release, l};
}

bool limits_fail(const limits *l, weft_status status, const char *message)
{
    if (status == WEFT_ERROR_MEMORY && l->refused)
        return refuse(l, l->refused, l->beside, "the expression");
    fprintf(stderr, "weft: %s: %s\n", l->command, message);
    return false;
}

/* --- work --- */

bool limits_allow(limits *l, const weft_node *outputs, size_t n, double times)
{
    double work = graph_work(outputs, n) * times;
    if (isnan(work))
        fprintf(stderr, "weft: %s: out of memory\n", l->command);
    else if (work > l->work)
        fprintf(stderr, "weft: %s: it takes about %.2g additions, and --work allows %.2g; --work %.2g would do\n", l->command, work, l->work, work * 1.1);
    return work <= l->work;
}
