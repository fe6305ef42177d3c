/* no_system.c: the module imports nothing. wasi-libc's printf() and strtod() hold a refusal of long double, written to stderr, and with it come three
 * calls of the system. No code of Weft prints a long double, so none of them is ever made; they stand here so that the linker need not import them. */
#include <wasi/api.h>

__wasi_errno_t __wasi_fd_close(__wasi_fd_t fd)
{
    (void)fd;
    return __WASI_ERRNO_NOSYS;
}

__wasi_errno_t __wasi_fd_seek(__wasi_fd_t fd, __wasi_filedelta_t offset, __wasi_whence_t whence, __wasi_filesize_t *position)
{
    (void)fd, (void)offset, (void)whence, (void)position;
    return __WASI_ERRNO_NOSYS;
}

__wasi_errno_t __wasi_fd_write(__wasi_fd_t fd, const __wasi_ciovec_t *parts, size_t n, __wasi_size_t *written)
{
    (void)fd, (void)parts, (void)n, (void)written;
    return __WASI_ERRNO_NOSYS;
}
