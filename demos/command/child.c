/* child.c: see child.h. */
#define _GNU_SOURCE
#include "child.h"

#include "terminal.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- arrays --- */

static size_t page(void)
{
    long size = sysconf(_SC_PAGESIZE);
    return size > 0 ? (size_t)size : 4096;
}

void *child_array(child_arrays *a, size_t bytes)
{
    size_t step = page(), used = (bytes + step - 1) / step * step, all = used + step;
    if (a->n == CHILD_ARRAYS)
        return NULL;
    char *region = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (region == MAP_FAILED)
        return NULL;
    if (mprotect(region + used, step, PROT_NONE)) {
        munmap(region, all);
        return NULL;
    }
    a->region[a->n] = region;
    a->mapped[a->n] = all;
    a->bytes[a->n] = bytes;
    return a->data[a->n++] = region + used - (bytes + 7) / 8 * 8; /* aligned to 8: of f32 the last 4 bytes may be spare */
}

void child_arrays_free(child_arrays *a)
{
    for (int i = 0; i < a->n; i++)
        munmap(a->region[i], a->mapped[i]);
    a->n = 0;
}

/* --- waiting --- */

/* Waits for a child, and ends it when its time is over; true when it ended by itself. */
static bool wait_for(pid_t child, double limit, int *status)
{
    double begin = seconds_now();
    const struct timespec moment = {.tv_nsec = 1000000};
    for (;;) {
        pid_t done = waitpid(child, status, WNOHANG);
        if (done == child || (done < 0 && errno != EINTR))
            return done == child;
        if (seconds_now() - begin > limit) {
            kill(child, SIGKILL);
            while (waitpid(child, status, 0) < 0 && errno == EINTR)
                continue;
            return false;
        }
        nanosleep(&moment, NULL);
    }
}

/* A compiler, say: words[0] with these arguments, its messages into a file. Returns the exit status, or -1. */
static int run_command(char *const *words, const char *messages, double limit)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        int to = open(messages, O_WRONLY | O_CREAT | O_TRUNC, 0600), from = open("/dev/null", O_RDONLY);
        if (to < 0 || from < 0 || dup2(from, 0) < 0 || dup2(to, 1) < 0 || dup2(to, 2) < 0)
            _exit(126);
        execvp(words[0], words);
        _exit(127);
    }
    int status = 0;
    return child > 0 && wait_for(child, limit, &status) && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void show_messages(const char *path)
{
    char line[256];
    FILE *file = fopen(path, "r");
    for (int k = 0; file && k < 12 && fgets(line, sizeof line, file); k++)
        fprintf(stderr, "  %s", line);
    if (file)
        fclose(file);
}

bool child_build(const child_library *l)
{
    enum { MOST_PATH = 4096, COMPILE_SECONDS = 120 };
    char first[MOST_PATH], second[MOST_PATH], messages[MOST_PATH];
    snprintf(first, sizeof first, "-I%s", l->beside);
    snprintf(second, sizeof second, "-I%s", l->folder);
    snprintf(messages, sizeof messages, "%s/messages", l->folder);
    char *words[] = {"cc", "-O3", "-march=native", "-fPIC", "-shared", first, second, "-o", (char *)(uintptr_t)l->out, (char *)(uintptr_t)l->shim,
                     (char *)(uintptr_t)l->source, "-lm", NULL};
    int status = run_command(words, messages, COMPILE_SECONDS);
    if (status == 0)
        return true;
    fprintf(stderr, "weft: %s: %s does not compile%s\n", l->command, l->source, status == 127 ? ": there is no cc" : status < 0 ? " in two minutes" : ":");
    show_messages(messages);
    return false;
}

/* --- what the child does --- */

typedef struct shared {
    bool returned, steady; /* both calls have come back; with the same bits */
    size_t times;
    double time[CHILD_TIMES];
    char words[120];
} shared;

typedef void (*entry)(void *const *arrays);

static void spoil(const child_request *r)
{
    for (int i = 0; i < r->outputs; i++)
        memset(r->arrays->data[r->first_output + i], 0xff, r->arrays->bytes[r->first_output + i]); /* NaN in f32 and f64 */
}

static double timed(entry call, void *const *data, size_t repeats)
{
    double begin = seconds_now();
    for (size_t k = 0; k < repeats; k++)
        call(data);
    return (seconds_now() - begin) / (double)repeats;
}

static void work(const child_request *r, shared *s)
{
    void *library = dlopen(r->library, RTLD_NOW | RTLD_LOCAL), *found = library ? dlsym(library, r->symbol) : NULL;
    if (!found) {
        snprintf(s->words, sizeof s->words, "%s", dlerror());
        _exit(1);
    }
    entry call;
    memcpy(&call, &found, sizeof call); /* POSIX lets a pointer to a function be kept as one to an object; ISO C does not */
    void *first[CHILD_ARRAYS] = {NULL};
    spoil(r);
    call(r->arrays->data);
    for (int i = 0; i < r->outputs; i++) {
        size_t bytes = r->arrays->bytes[r->first_output + i];
        if (!(first[i] = malloc(bytes + 1)))
            _exit(2);
        memcpy(first[i], r->arrays->data[r->first_output + i], bytes);
    }
    spoil(r);
    call(r->arrays->data);
    s->returned = s->steady = true;
    for (int i = 0; i < r->outputs; i++)
        s->steady &= !memcmp(first[i], r->arrays->data[r->first_output + i], r->arrays->bytes[r->first_output + i]);
    double once = timed(call, r->arrays->data, 1), begin = seconds_now();
    size_t repeats = once < 1e-3 ? (size_t)(1e-3 / (once > 1e-9 ? once : 1e-9)) + 1 : 1; /* a millisecond, so that the clock counts for nothing */
    while (s->times < CHILD_TIMES && r->seconds > 0 && (s->times < 5 || seconds_now() - begin < r->seconds))
        s->time[s->times++] = timed(call, r->arrays->data, repeats);
    _exit(0);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

child_result child_run(const child_request *r)
{
    child_result result = {.good = false, .words = "out of memory"};
    child_arrays own = {.n = 0};
    shared *s = child_array(&own, sizeof *s);
    if (!s)
        return result;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0, 0};
        int nowhere = open("/dev/null", O_RDWR);
        static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
        setrlimit(RLIMIT_CORE, &none);
        for (size_t k = 0; k < sizeof crashes / sizeof *crashes; k++)
            signal(crashes[k], SIG_DFL); /* whatever this process does with them, as one with sanitizers does */
        for (int i = 0; i < 3; i++)
            dup2(nowhere, i);
        work(r, s);
    }
    int status = 0;
    if (child < 0)
        snprintf(result.words, sizeof result.words, "no process for it: %s", strerror(errno));
    else if (!wait_for(child, r->limit, &status))
        snprintf(result.words, sizeof result.words, "it did not end within %g s", r->limit);
    else if (WIFSIGNALED(status))
        snprintf(result.words, sizeof result.words, "it crashed (%s)", strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) || !s->steady)
        snprintf(result.words, sizeof result.words, "%s",
                 *s->words ? s->words : !s->returned ? "it ended the process" : "it gives other numbers when it is called again");
    else
        result = (child_result){.good = true, .steady = true, .times = s->times};
    if (result.good && s->times) {
        qsort(s->time, s->times, sizeof *s->time, by_size);
        result.seconds = s->time[s->times / 2];
    }
    child_arrays_free(&own);
    return result;
}
