/* clones.h: one source, several instruction sets. WEFT_CLONES before a function has it compiled for AVX-512, AVX2 and the baseline; the
 * dynamic linker picks one at load. The build sets -ffp-contract=off, so all of them give the same bits. Sanitized builds do without:
 * the selection runs before their runtime is ready. */
#ifndef WEFT_OPS_CLONES_H
#define WEFT_OPS_CLONES_H

#include <features.h>

#if defined(__x86_64__) && defined(__GLIBC__) && !defined(WEFT_NO_CLONES)
#define WEFT_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WEFT_CLONES
#endif

#endif
