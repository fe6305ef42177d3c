/* test_backend.c: the C backend's dealings with the system: compilers that are missing, fail or work, and a cache that nobody else can write
 * to and that may be damaged. That compiled loops are right is for the other tests, in the way "compiled". */
#define _GNU_SOURCE
#include "tests/suite.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], compiler[128], said[128]; /* folder: of this test alone; compiler: a script there that counts its calls in `said` */
static weft_tape *t;
static weft_node x, y;

enum { N = 5 };
static const double data[N] = {1, 2, 3, 4, 5};

static void write_text(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path, mode), 0);
}

static void set_up(void)
{
    snprintf(folder, sizeof folder, "%s/weft-backend-XXXXXX", P_tmpdir);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(compiler, sizeof compiler, "%s/compiler", folder);
    snprintf(said, sizeof said, "%s/said", folder);
    char script[512];
    snprintf(script, sizeof script, "#!/bin/sh\necho called >> %s\nexec cc \"$@\"\n", said);
    write_text(compiler, script, 0700);
    t = weft_tape_new(NULL);
    x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){N});
    y = weft_sum(weft_mul(x, x), WEFT_ALL_AXES, false);
}

static void tear_down(void)
{
    char path[512];
    const char *const folders[] = {"/cache", ""};
    weft_tape_free(t);
    for (int k = 0; k < 2; k++) {
        snprintf(path, sizeof path, "%s%s", folder, folders[k]);
        DIR *listing = opendir(path);
        for (struct dirent *entry; listing && (entry = readdir(listing));) {
            char inner[1024];
            snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
            unlink(inner);
        }
        if (listing)
            closedir(listing);
        rmdir(path);
    }
}

static weft_options options(void)
{
    static char cache[128];
    snprintf(cache, sizeof cache, "%s/cache", folder);
    return (weft_options){.backend = WEFT_BACKEND_C, .compiler = compiler, .cache = cache};
}

static size_t calls(void)
{
    FILE *file = fopen(said, "r");
    size_t lines = 0;
    for (int c; file && (c = getc(file)) != EOF;)
        lines += c == '\n';
    if (file)
        fclose(file);
    return lines;
}

/* Compiles, checks status and backend, runs, and checks the sum of squares. */
static void expect(const weft_options *o, weft_status status, const char *words)
{
    weft_program *p = weft_compile_with(&y, 1, o);
    ck_assert_msg(weft_program_status(p) == status, "%s", weft_program_message(p));
    ck_assert_msg(strstr(weft_program_message(p), words) != NULL, "\"%s\" does not say \"%s\"", weft_program_message(p), words);
    ck_assert_int_eq(weft_program_backend(p), status == WEFT_OK ? WEFT_BACKEND_C : WEFT_BACKEND_TILES);
    weft_bind(p, x, data, sizeof data);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    ck_assert_double_eq(*(const double *)weft_output(p, 0), 55);
    weft_program_free(p);
}

START_TEST(what_was_compiled_is_found_again)
{
    weft_options o = options();
    expect(&o, WEFT_OK, "");
    ck_assert_uint_eq(calls(), 1);
    expect(&o, WEFT_OK, "");
    ck_assert_uint_eq(calls(), 1);
    y = weft_neg(weft_neg(weft_sum(weft_mul(x, x), WEFT_ALL_AXES, true))); /* another text */
    o.rewriting = WEFT_REWRITE_NONE;
    expect(&o, WEFT_OK, "");
    ck_assert_uint_eq(calls(), 2);
}
END_TEST

START_TEST(without_a_compiler_it_runs_on_tiles)
{
    weft_options o = options();
    o.compiler = "/nowhere/cc";
    expect(&o, WEFT_ERROR_COMPILER, "/nowhere/cc");
    o.compiler = "weft-has-no-such-compiler";
    expect(&o, WEFT_ERROR_COMPILER, "weft-has-no-such-compiler");
}
END_TEST

START_TEST(a_compiler_that_fails_is_quoted)
{
    weft_options o = options();
    write_text(compiler, "#!/bin/sh\necho first line\necho 'an error: of its own' >&2\nexit 3\n", 0700);
    expect(&o, WEFT_ERROR_COMPILER, "error: of its own");
    write_text(compiler, "#!/bin/sh\nexit 0\n", 0700); /* says that all is well and makes nothing */
    expect(&o, WEFT_ERROR_COMPILER, "runs all the same");
    write_text(compiler, "#!/bin/sh\nkill -9 $$\n", 0700);
    expect(&o, WEFT_ERROR_COMPILER, "failed");
    DIR *listing = opendir(o.cache);
    size_t files = 0;
    for (struct dirent *entry; listing && (entry = readdir(listing));)
        files += entry->d_name[0] != '.';
    closedir(listing);
    ck_assert_uint_eq(files, 0); /* and leaves nothing behind */
}
END_TEST

START_TEST(a_cache_that_others_could_write_to_is_refused)
{
    weft_options o = options();
    ck_assert_int_eq(mkdir(o.cache, 0700), 0);
    ck_assert_int_eq(chmod(o.cache, 0770), 0);
    expect(&o, WEFT_ERROR_COMPILER, "mode 0700");
    ck_assert_int_eq(rmdir(o.cache), 0);
    ck_assert_int_eq(symlink(P_tmpdir, o.cache), 0);
    expect(&o, WEFT_ERROR_COMPILER, "mode 0700");
    ck_assert_int_eq(unlink(o.cache), 0);
    write_text(o.cache, "no folder", 0600);
    expect(&o, WEFT_ERROR_COMPILER, "mode 0700");
    ck_assert_int_eq(unlink(o.cache), 0);
    ck_assert_uint_eq(calls(), 0);
}
END_TEST

/* Damages each file of the cache in turn. */
static void damage(const char *cache, const char *ending, bool cut)
{
    DIR *listing = opendir(cache);
    size_t found = 0;
    for (struct dirent *entry; listing && (entry = readdir(listing));) {
        size_t length = strlen(entry->d_name), tail = strlen(ending);
        char path[512];
        if (length < tail || strcmp(entry->d_name + length - tail, ending) != 0)
            continue;
        found++;
        snprintf(path, sizeof path, "%s/%s", cache, entry->d_name);
        if (cut) {
            ck_assert_int_eq(truncate(path, 100), 0);
        } else {
            int file = open(path, O_WRONLY);
            ck_assert_int_ge(file, 0);
            ck_assert_int_eq(pwrite(file, "?", 1, 900), 1);
            close(file);
        }
    }
    closedir(listing);
    ck_assert_uint_eq(found, 1);
}

START_TEST(a_damaged_cache_is_not_loaded)
{
    static const struct {
        const char *ending;
        bool cut;
    } ways[] = {{".so", true}, {".so", false}, {".c", true}, {".c", false}};
    weft_options o = options();
    expect(&o, WEFT_OK, "");
    for (size_t k = 0; k < 4; k++) {
        damage(o.cache, ways[k].ending, ways[k].cut);
        expect(&o, WEFT_OK, "");
        ck_assert_uint_eq(calls(), 2 + k); /* compiled again */
    }
}
END_TEST

/* Its own counting allocator. */
typedef struct counter {
    size_t allocations;
} counter;

static void *count_allocate(void *context, size_t bytes)
{
    ((counter *)context)->allocations++;
    return malloc(bytes ? bytes : 1);
}

static void count_release(void *context, void *memory, size_t bytes)
{
    (void)context, (void)bytes;
    free(memory);
}

START_TEST(running_allocates_nothing)
{
    counter c = {0};
    weft_tape *tape = weft_tape_new(&(weft_allocator){count_allocate, count_release, &c});
    weft_node h = weft_input(tape, "h", WEFT_F64, 1, (size_t[]){N}), z = weft_sum(weft_exp(h), WEFT_ALL_AXES, false);
    weft_options o = options();
    weft_program *p = weft_compile_with(&z, 1, &o);
    weft_bind(p, h, data, sizeof data);
    size_t before = c.allocations;
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    ck_assert_uint_eq(c.allocations, before);
    weft_program_free(p);
    weft_tape_free(tape);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backend");
    TCase *all = tcase_create("backend");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 120);
    tcase_add_test(all, what_was_compiled_is_found_again);
    tcase_add_test(all, without_a_compiler_it_runs_on_tiles);
    tcase_add_test(all, a_compiler_that_fails_is_quoted);
    tcase_add_test(all, a_cache_that_others_could_write_to_is_refused);
    tcase_add_test(all, a_damaged_cache_is_not_loaded);
    tcase_add_test(all, running_allocates_nothing);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
