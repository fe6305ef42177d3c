/* npz.c: arrays in NumPy's .npz: a zip archive whose entries are .npy files. libzip reads the archive; built without it, both functions say so.
 *
 * Archives are taken to be hostile. Of the size that an entry claims nothing is believed: its first bytes are read for the header of the .npy, the
 * size that follows from the shape is held against the claim, and what is compressed may not grow beyond LARGEST_INFLATED; memory then grows with
 * what has really arrived. An entry is read to its end, where libzip compares the checksum. Of two entries with one name neither is read. */
#include "engine/io/npy_header.h"

#ifdef WEFT_ZIP

#include <stdlib.h>
#include <string.h>
#include <zip.h>

enum { MOST_ENTRIES = 4096, LONGEST_NAME = 200, FIRST_BLOCK = 65536 };
static const zip_uint64_t LARGEST_INFLATED = (zip_uint64_t)1 << 30; /* as zip bombs are: 1 MiB of them holds a GiB */

/* --- reading --- */

static const char *entry_name(zip_t *archive, zip_uint64_t i)
{
    const char *name = zip_get_name(archive, i, 0);
    return name && strlen(name) <= LONGEST_NAME ? name : NULL;
}

/* "x" and "x.npy" both name the entry x.npy. */
static bool is_called(const char *entry, const char *name)
{
    size_t n = strlen(name);
    return entry && !strncmp(entry, name, n) && (!entry[n] || !strcmp(entry + n, ".npy"));
}

/* The names in the archive, as many as fit, fit for a message. */
static void list_names(zip_t *archive, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (zip_int64_t i = 0; i < zip_get_num_entries(archive, 0); i++) {
        const char *name = entry_name(archive, (zip_uint64_t)i);
        size_t n = name ? strlen(name) : 0;
        n -= n > 4 && !strcmp(name + n - 4, ".npy") ? 4 : 0;
        if (used + n + 8 > size) {
            strcpy(text + used, ", ...");
            return;
        }
        if (used && n) {
            strcpy(text + used, ", ");
            used += 2;
        }
        for (size_t k = 0; k < n; k++)
            text[used++] = (unsigned char)name[k] < ' ' || (unsigned char)name[k] == 0x7f ? '?' : name[k];
        text[used] = 0;
    }
}

static weft_status find_entry(const weft__npy_report *r, zip_t *archive, const char *name, zip_uint64_t *found)
{
    char names[200];
    zip_int64_t n = zip_get_num_entries(archive, 0);
    int hits = 0;
    if (n > MOST_ENTRIES)
        return weft__npy_fail(r, WEFT_ERROR_FORMAT, "the archive has %lld entries, the limit is %d; save fewer arrays a file", (long long)n,
                              MOST_ENTRIES);
    for (zip_int64_t i = 0; i < n; i++)
        if (name ? is_called(entry_name(archive, (zip_uint64_t)i), name) : true) {
            *found = (zip_uint64_t)i;
            hits++;
        }
    if (hits == 1)
        return WEFT_OK;
    list_names(archive, names, sizeof names);
    if (!n)
        return weft__npy_fail(r, WEFT_ERROR_FORMAT, "the archive has no arrays");
    if (!name)
        return weft__npy_fail(r, WEFT_ERROR_ARGUMENT, "the archive has several arrays: %s; name one of them", names);
    if (hits)
        return weft__npy_fail(r, WEFT_ERROR_FORMAT, "the archive has %d arrays \"%.60s\"; save it again with numpy.savez", hits, name);
    return weft__npy_fail(r, WEFT_ERROR_ARGUMENT, "the archive has no array \"%.60s\"; it has %s", name, names);
}

/* What its shape asks for against what the entry claims. */
static weft_status check_sizes(const weft__npy_report *r, const weft__npy_header *h, const zip_stat_t *entry)
{
    if (h->bytes > SIZE_MAX - h->end || entry->size != h->end + h->bytes)
        return weft__npy_fail(r, WEFT_ERROR_FORMAT, "its shape needs %zu bytes, and the entry claims %llu; save it again with numpy.savez", h->bytes,
                              (unsigned long long)entry->size);
    if (entry->comp_method != ZIP_CM_STORE && entry->size > LARGEST_INFLATED)
        return weft__npy_fail(r, WEFT_ERROR_FORMAT,
                              "compressed, %llu bytes long, and the limit is %llu; save it with numpy.savez, which does not compress",
                              (unsigned long long)entry->size, (unsigned long long)LARGEST_INFLATED);
    return WEFT_OK;
}

static weft_status read_error(const weft__npy_report *r, zip_file_t *file)
{
    return weft__npy_fail(r, WEFT_ERROR_FORMAT, "cannot be read: %.100s; copy or save the file again", zip_error_strerror(zip_file_get_error(file)));
}

/* Up to `wanted` bytes behind the *n that are there already, fewer at the end of the entry. */
static bool fill(zip_file_t *file, unsigned char *bytes, size_t *n, size_t wanted)
{
    while (*n < wanted) {
        zip_int64_t got = zip_fread(file, bytes + *n, wanted - *n);
        if (got <= 0)
            return got == 0;
        *n += (size_t)got;
    }
    return true;
}

/* The whole entry in memory that grows with it. The header, at most 64 KiB of it, is in the first block. */
static weft_status read_bytes(const weft__npy_report *r, zip_file_t *file, const zip_stat_t *entry, unsigned char **bytes, size_t *n)
{
    size_t room = WEFT__NPY_LONG_PREFIX + WEFT__NPY_HEADER_LIMIT + FIRST_BLOCK;
    weft__npy_header h;
    unsigned char beyond;
    *n = 0;
    *bytes = malloc(room);
    if (!*bytes)
        return weft__npy_fail(r, WEFT_ERROR_MEMORY, "out of memory");
    if (!fill(file, *bytes, n, room))
        return read_error(r, file);
    weft_status status = weft__npy_parse(r, *bytes, *n, &h);
    if (status == WEFT_OK)
        status = check_sizes(r, &h, entry);
    size_t all = status == WEFT_OK ? h.end + h.bytes : 0;
    while (status == WEFT_OK && *n == room && *n < all) {
        room = all / 2 < room ? all : 2 * room;
        unsigned char *grown = realloc(*bytes, room);
        if (!grown)
            return weft__npy_fail(r, WEFT_ERROR_MEMORY, "out of memory for %zu bytes", room);
        *bytes = grown;
        if (!fill(file, *bytes, n, room))
            return read_error(r, file);
    }
    if (status != WEFT_OK)
        return status;
    zip_int64_t more = zip_fread(file, &beyond, 1); /* at the end the checksum is compared */
    if (more < 0)
        return read_error(r, file);
    return more ? weft__npy_fail(r, WEFT_ERROR_FORMAT, "it is longer than the archive claims; save it again with numpy.savez") : WEFT_OK;
}

static weft_status read_entry(const weft__npy_report *r, zip_t *archive, zip_uint64_t i, weft_array *array)
{
    zip_stat_t entry;
    unsigned char *bytes = NULL;
    size_t n = 0;
    const zip_uint64_t wanted = ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if (zip_stat_index(archive, i, 0, &entry) || (entry.valid & wanted) != wanted)
        return weft__npy_fail(r, WEFT_ERROR_FORMAT, "the archive does not say how long its entry is; save it again with numpy.savez");
    if (entry.encryption_method != ZIP_EM_NONE)
        return weft__npy_fail(r, WEFT_ERROR_FORMAT, "it is encrypted; save it with numpy.savez");
    zip_file_t *file = zip_fopen_index(archive, i, 0);
    if (!file)
        return weft__npy_fail(r, WEFT_ERROR_FORMAT, "cannot be read: %.100s", zip_strerror(archive));
    weft_status status = read_bytes(r, file, &entry, &bytes, &n);
    zip_fclose(file);
    if (status == WEFT_OK)
        status = weft_npy_decode(bytes, n, r->name, array, r->message);
    free(bytes);
    return status;
}

static weft_status open_error(const weft__npy_report *r, int code)
{
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    bool malformed = code == ZIP_ER_NOZIP || code == ZIP_ER_INCONS || code == ZIP_ER_MULTIDISK || code == ZIP_ER_EOF;
    weft_status status = weft__npy_fail(r, code == ZIP_ER_MEMORY ? WEFT_ERROR_MEMORY : malformed ? WEFT_ERROR_FORMAT : WEFT_ERROR_FILE,
                                        malformed ? "this is no .npz archive (%.100s); write it with numpy.savez" : "cannot open: %.100s",
                                        zip_error_strerror(&error));
    zip_error_fini(&error);
    return status;
}

weft_status weft_npz_read(const char *path, const char *name, weft_array *array, char *message)
{
    weft__npy_report r = {.name = path ? path : "array", .message = message};
    int code = 0;
    if (message)
        message[0] = 0;
    if (array)
        *array = (weft_array){0};
    if (!array || !path || (name && strlen(name) > LONGEST_NAME))
        return weft__npy_fail(&r, WEFT_ERROR_ARGUMENT, "the path or the array to fill is NULL, or the name longer than %d", LONGEST_NAME);
    zip_t *archive = zip_open(path, ZIP_RDONLY, &code);
    if (!archive)
        return open_error(&r, code);
    zip_uint64_t i = 0;
    weft_status status = find_entry(&r, archive, name, &i);
    if (status == WEFT_OK)
        status = read_entry(&r, archive, i, array);
    zip_discard(archive);
    return status;
}

/* --- writing --- */

enum { DATE_1980 = 1 << 5 | 1 }; /* 1 January 1980, as NumPy dates entries: equal arrays make equal files */

static bool add_array(zip_t *archive, const char *name, void *bytes, size_t n)
{
    char entry[LONGEST_NAME + 8];
    zip_source_t *source = zip_source_buffer(archive, bytes, n, 1); /* frees bytes with the archive */
    if (!source) {
        free(bytes);
        return false;
    }
    strcat(strcpy(entry, name), ".npy");
    zip_int64_t i = zip_file_add(archive, entry, source, 0);
    if (i < 0)
        zip_source_free(source);
    return i >= 0 && !zip_set_file_compression(archive, (zip_uint64_t)i, ZIP_CM_STORE, 0) &&
           !zip_file_set_dostime(archive, (zip_uint64_t)i, 0, DATE_1980, 0);
}

static weft_status add_arrays(const weft__npy_report *r, zip_t *archive, const char *const *names, const weft_array *arrays, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        void *bytes;
        size_t length;
        if (!names[k] || !*names[k] || strlen(names[k]) > LONGEST_NAME)
            return weft__npy_fail(r, WEFT_ERROR_ARGUMENT, "array %zu needs a name, of at most %d bytes", k, LONGEST_NAME);
        weft_status status = weft__npy_encode(r, &arrays[k], &bytes, &length);
        if (status != WEFT_OK)
            return status;
        if (!add_array(archive, names[k], bytes, length))
            return weft__npy_fail(r, WEFT_ERROR_ARGUMENT, "cannot add \"%.60s\": %.100s", names[k], zip_strerror(archive));
    }
    return WEFT_OK;
}

weft_status weft_npz_write(const char *path, const char *const *names, const weft_array *arrays, size_t n, char *message)
{
    weft__npy_report r = {.name = path ? path : "array", .message = message};
    int code = 0;
    if (message)
        message[0] = 0;
    if (!path || !n || n > MOST_ENTRIES || !names || !arrays)
        return weft__npy_fail(&r, WEFT_ERROR_ARGUMENT, "the path, the names or the arrays are NULL, or there are not 1 to %d of them", MOST_ENTRIES);
    zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    if (!archive)
        return open_error(&r, code);
    weft_status status = add_arrays(&r, archive, names, arrays, n);
    if (status == WEFT_OK && zip_close(archive)) /* the archive is written here, beside its place, and then put there */
        status = weft__npy_fail(&r, WEFT_ERROR_FILE, "cannot write: %.100s", zip_strerror(archive));
    else if (status == WEFT_OK)
        return WEFT_OK;
    zip_discard(archive);
    return status;
}

#else

static weft_status without_libzip(const char *path, char *message)
{
    const weft__npy_report r = {.name = path ? path : "array", .message = message};
    return weft__npy_fail(&r, WEFT_ERROR_FILE, ".npz needs libzip, and this Weft was built without it; save one array a file with numpy.save");
}

weft_status weft_npz_read(const char *path, const char *name, weft_array *array, char *message)
{
    (void)name;
    if (array)
        *array = (weft_array){0};
    return without_libzip(path, message);
}

weft_status weft_npz_write(const char *path, const char *const *names, const weft_array *arrays, size_t n, char *message)
{
    (void)names, (void)arrays, (void)n;
    return without_libzip(path, message);
}

#endif
