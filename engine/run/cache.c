/* cache.c: C text to loaded code, by the system's compiler, once. Results are kept in a folder of the user's own, under a name made of all
 * that they depend on: the text, the compiler, its options and the processor. Beside each object lies the text that it was made from, with the
 * object's size and checksum; before an object is loaded the text is compared whole and the checksum computed, so neither a hash that two
 * texts share nor a file cut short does harm. Files appear by rename, so that two processes may compile the same text at once.
 * The folder must belong to the user and be closed to all others, since what lies in it is run. No shell is involved. */
#define _GNU_SOURCE
#include "engine/run/c_compile.h"
#include "engine/run/c_text.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Loops are vectorised, straight-line code is not: where a double is rounded to float and widened again, gcc 12.2's pass over straight-line
 * code drops both conversions, and a node then has two values. */
static const char *const flags[] = {"-std=c99", "-O3", "-march=native", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
                                    "-fno-tree-slp-vectorize", "-mprefer-vector-width=512", "-fPIC", "-shared"};
enum { FLAGS = sizeof flags / sizeof *flags, PATH_BYTES = 1024, MOST_TEXT = 1 << 23, MOST_OBJECT = 1 << 28 };

typedef struct job {
    const weft_allocator *allocator;
    char folder[PATH_BYTES], compiler[PATH_BYTES];
    char object[PATH_BYTES], source[PATH_BYTES]; /* in the cache */
    c_text text; /* that is compiled, with a first line for the rest of the key */
    char *message; /* WEFT_MESSAGE_SIZE bytes */
    bool no_memory;
} job;

static bool complain(const job *j, const char *what, const char *path)
{
    snprintf(j->message, WEFT_MESSAGE_SIZE, "%s %.200s: %s", what, path, strerror(errno));
    return false;
}

static uint64_t checksum(uint64_t from, const void *data, size_t bytes) /* FNV-1a */
{
    for (const unsigned char *c = data, *end = c + bytes; c < end; c++)
        from = (from ^ *c) * 1099511628211u;
    return from;
}

static const uint64_t seed = 14695981039346656037u;

/* --- files --- */

/* The content of a file of at most `limit` bytes, with a 0 behind it; NULL: none. released with *bytes + 1. */
static char *read_file(job *j, const char *path, size_t limit, size_t *bytes)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat about;
    char *data = NULL;
    if (file < 0)
        return NULL;
    if (!fstat(file, &about) && S_ISREG(about.st_mode) && about.st_uid == geteuid() && (size_t)about.st_size <= limit)
        j->no_memory |= !(data = weft__allocate(j->allocator, (size_t)about.st_size + 1));
    *bytes = data ? (size_t)about.st_size : 0;
    for (size_t done = 0; data && done < *bytes;) {
        ssize_t got = read(file, data + done, *bytes - done);
        if (got > 0) {
            done += (size_t)got;
        } else if (!got || errno != EINTR) {
            weft__release(j->allocator, data, *bytes + 1);
            data = NULL;
        }
    }
    if (data)
        data[*bytes] = 0;
    close(file);
    return data;
}

static bool write_all(int file, const char *data, size_t bytes)
{
    while (bytes) {
        ssize_t put = write(file, data, bytes);
        if (put < 0 && errno != EINTR)
            return false;
        data += put > 0 ? put : 0;
        bytes -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

/* A new file in the folder, open for writing; its path goes to `path`. */
static int temporary(const job *j, char *path)
{
    if (snprintf(path, PATH_BYTES, "%.*s/new-XXXXXX", PATH_BYTES - 20, j->folder) >= PATH_BYTES)
        return -1;
    return mkostemp(path, O_CLOEXEC);
}

/* --- the folder --- */

static bool own_folder(job *j, const char *asked)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n;
    if (asked) {
        n = snprintf(j->folder, PATH_BYTES, "%s", asked);
    } else if (cache && *cache == '/') {
        n = snprintf(j->folder, PATH_BYTES, "%s/weft", cache);
    } else if (home && *home == '/') {
        n = snprintf(j->folder, PATH_BYTES, "%s/.cache/weft", home);
    } else {
        snprintf(j->message, WEFT_MESSAGE_SIZE, "no folder for the cache: give one as weft_options.cache, or set HOME");
        return false;
    }
    if (n >= PATH_BYTES - 64) {
        errno = ENAMETOOLONG;
        return complain(j, "the cache folder", "");
    }
    for (char *slash = strchr(j->folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(j->folder, 0700); /* there already, in most cases; what fails here fails below as well */
        *slash = '/';
    }
    struct stat about;
    mkdir(j->folder, 0700);
    if (lstat(j->folder, &about))
        return complain(j, "the cache folder", j->folder);
    if (!S_ISDIR(about.st_mode) || about.st_uid != geteuid() || about.st_mode & (S_IRWXG | S_IRWXO)) {
        snprintf(j->message, WEFT_MESSAGE_SIZE, "the cache folder %.200s must be a folder of yours with mode 0700", j->folder);
        return false;
    }
    return true;
}

/* --- the key --- */

static bool find_compiler(job *j, const char *asked)
{
    const char *name = asked ? asked : "cc", *path = getenv("PATH");
    if (strchr(name, '/')) {
        snprintf(j->compiler, PATH_BYTES, "%s", name);
        return !access(j->compiler, X_OK) || complain(j, "the compiler", name);
    }
    for (const char *c = path ? path : "/usr/local/bin:/usr/bin:/bin"; *c;) {
        size_t n = strcspn(c, ":");
        if (n && snprintf(j->compiler, PATH_BYTES, "%.*s/%s", (int)n, c, name) < PATH_BYTES && !access(j->compiler, X_OK))
            return true;
        c += n + (c[n] == ':');
    }
    errno = ENOENT;
    return complain(j, "the compiler", name);
}

/* What this processor can do, as far as it is told; objects made for another may not run. */
static uint64_t processor(void)
{
    char line[4096];
    uint64_t sum = seed;
    FILE *about = fopen("/proc/cpuinfo", "re");
    while (about && fgets(line, sizeof line, about))
        if (!strncmp(line, "flags", 5) || !strncmp(line, "Features", 8) || !strncmp(line, "model", 5))
            sum = checksum(sum, line, strlen(line));
        else if (*line == '\n')
            break;
    if (about)
        fclose(about);
    return sum;
}

static bool make_key(job *j, const char *text, size_t length)
{
    struct stat about;
    if (stat(j->compiler, &about))
        return complain(j, "the compiler", j->compiler);
    weft__c_put(&j->text, "/* %s, %lld bytes of %lld;", j->compiler, (long long)about.st_size, (long long)about.st_mtime);
    for (size_t i = 0; i < FLAGS; i++)
        weft__c_put(&j->text, " %s", flags[i]);
    weft__c_put(&j->text, "; processor %016llx */\n%s", (unsigned long long)processor(), text);
    j->no_memory |= j->text.failed;
    if (j->text.failed || length > MOST_TEXT) {
        snprintf(j->message, WEFT_MESSAGE_SIZE, length > MOST_TEXT ? "the program is too large: more than 8 MiB as C text" : "out of memory");
        return false;
    }
    unsigned long long sum = checksum(seed, j->text.text, j->text.length);
    snprintf(j->object, PATH_BYTES, "%.*s/%016llx.so", PATH_BYTES - 32, j->folder, sum);
    snprintf(j->source, PATH_BYTES, "%.*s/%016llx.c", PATH_BYTES - 32, j->folder, sum);
    return true;
}

/* --- what is there already --- */

/* The line behind the text: size and checksum of the object. */
static int object_line(const char *object, size_t bytes, char *line, size_t size)
{
    return snprintf(line, size, "/* object: %zu bytes, %016llx */\n", bytes, (unsigned long long)checksum(seed, object, bytes));
}

static bool is_cached(job *j)
{
    size_t source_bytes, object_bytes;
    char line[96];
    char *source = read_file(j, j->source, MOST_TEXT + sizeof line, &source_bytes), *object = NULL;
    bool good = source && source_bytes > j->text.length && !memcmp(source, j->text.text, j->text.length);
    good = good && (object = read_file(j, j->object, MOST_OBJECT, &object_bytes)) != NULL;
    if (good) {
        object_line(object, object_bytes, line, sizeof line);
        good = !strcmp(source + j->text.length, line);
    }
    if (object)
        weft__release(j->allocator, object, object_bytes + 1);
    if (source)
        weft__release(j->allocator, source, source_bytes + 1);
    return good;
}

/* --- the compiler --- */

/* Runs it, with what it says going to a file; false when it cannot be started or fails. */
static bool run_compiler(job *j, const char *source, const char *object, const char *said)
{
    char *arguments[FLAGS + 9];
    int n = 0, state = 0;
    pid_t child;
    posix_spawn_file_actions_t actions;
    arguments[n++] = (char *)(uintptr_t)j->compiler;
    for (size_t i = 0; i < FLAGS; i++)
        arguments[n++] = (char *)(uintptr_t)flags[i];
    arguments[n++] = (char *)(uintptr_t) "-o";
    arguments[n++] = (char *)(uintptr_t)object;
    arguments[n++] = (char *)(uintptr_t) "-x";
    arguments[n++] = (char *)(uintptr_t) "c";
    arguments[n++] = (char *)(uintptr_t)source;
    arguments[n++] = (char *)(uintptr_t) "-lm";
    arguments[n] = NULL;
    if ((errno = posix_spawn_file_actions_init(&actions)))
        return complain(j, "starting", j->compiler);
    int failed = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    failed = failed ? failed : posix_spawn_file_actions_addopen(&actions, 1, said, O_WRONLY, 0);
    failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, 1, 2);
    failed = failed ? failed : posix_spawn(&child, j->compiler, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) {
        errno = failed;
        return complain(j, "starting", j->compiler);
    }
    while (waitpid(child, &state, 0) < 0)
        if (errno != EINTR)
            return errno == ECHILD || complain(j, "waiting for", j->compiler); /* ECHILD: the caller's process has its children reaped */
    if (WIFEXITED(state) && !WEXITSTATUS(state))
        return true;
    size_t bytes = 0;
    char *words = read_file(j, said, MOST_TEXT, &bytes);
    const char *first = words ? strstr(words, "error") : NULL;
    first = first ? first : words ? words : "";
    snprintf(j->message, WEFT_MESSAGE_SIZE, "%.100s failed: %.*s", j->compiler, (int)strcspn(first, "\n"), first);
    if (words)
        weft__release(j->allocator, words, bytes + 1);
    return false;
}

/* Moves the object and then its source to their places in the cache. */
static bool keep(job *j, const char *source, const char *object)
{
    size_t bytes;
    char line[96], *data = read_file(j, object, MOST_OBJECT, &bytes);
    if (!data || !bytes) {
        if (data)
            weft__release(j->allocator, data, bytes + 1);
        return complain(j, "no object from", j->compiler);
    }
    int n = object_line(data, bytes, line, sizeof line), file = open(source, O_WRONLY | O_APPEND | O_CLOEXEC);
    weft__release(j->allocator, data, bytes + 1);
    bool good = file >= 0 && write_all(file, line, (size_t)n);
    good &= file >= 0 && !close(file);
    return (good && !rename(object, j->object) && !rename(source, j->source)) || complain(j, "writing to", j->folder);
}

static bool compile(job *j)
{
    char source[PATH_BYTES], object[PATH_BYTES], said[PATH_BYTES];
    int files[3] = {temporary(j, source), temporary(j, object), temporary(j, said)};
    bool good = files[0] >= 0 && files[1] >= 0 && files[2] >= 0 && write_all(files[0], j->text.text, j->text.length);
    if (!good)
        complain(j, "writing to", j->folder);
    for (int i = 0; i < 3; i++)
        if (files[i] >= 0)
            close(files[i]);
    good = good && run_compiler(j, source, object, said) && keep(j, source, object);
    if (files[0] >= 0)
        unlink(source); /* gone already when all went well */
    if (files[1] >= 0)
        unlink(object);
    if (files[2] >= 0)
        unlink(said);
    return good;
}

void *weft__c_load(const weft_allocator *allocator, const char *text, size_t length, const weft_options *options, char *message, bool *no_memory)
{
    job j = {.allocator = allocator, .text = {.allocator = *allocator}, .message = message};
    void *library = NULL;
    if (own_folder(&j, options->cache) && find_compiler(&j, options->compiler) && make_key(&j, text, length) && (is_cached(&j) || compile(&j))) {
        library = dlopen(j.object, RTLD_NOW | RTLD_LOCAL);
        if (!library)
            snprintf(message, WEFT_MESSAGE_SIZE, "loading %.200s", dlerror());
    }
    weft__c_free(&j.text);
    *no_memory = !library && j.no_memory;
    return library;
}

void weft__c_unload(void *library)
{
    if (library)
        dlclose(library);
}

weft__c_function weft__c_find(void *library, const char *name)
{
    weft__c_function found = NULL;
    void *symbol = dlsym(library, name);
    memcpy(&found, &symbol, sizeof found); /* POSIX lets a pointer to a function be kept as one to an object; ISO C does not */
    return found;
}
