/* file.c: the writer for text that goes to a stdio stream. Flushing and closing stay with the caller. */
#include "engine/weft.h"

#include <stdio.h>

bool weft_write_file(void *file, const char *text, size_t bytes)
{
    return file && fwrite(text, 1, bytes, file) == bytes;
}
