/* c_none.c: in place of c_compile.c and cache.c where nothing can be compiled or loaded: every loop stays with the tile interpreter. */
#include "engine/run/c_compile.h"

bool weft__c_compiles(const loop *l)
{
    (void)l;
    return false;
}

weft_status weft__c_compile(weft_program *program, const weft_options *options)
{
    (void)options;
    return weft__program_fail(program, WEFT_ERROR_COMPILER, "this build has no C backend; the program runs all the same, on the tile interpreter");
}

void weft__c_unload(void *library)
{
    (void)library;
}
