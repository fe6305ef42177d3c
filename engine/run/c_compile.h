/* c_compile.h: the printed loops of a program, compiled and loaded. */
#ifndef WEFT_RUN_C_COMPILE_H
#define WEFT_RUN_C_COMPILE_H

#include "engine/run/program.h"

/* Gives every loop that can be printed its compiled form. What fails is told by WEFT_ERROR_COMPILER or WEFT_ERROR_MEMORY and a message; then all
 * loops stay with the tile interpreter, and the program can be run all the same. */
weft_status weft__c_compile(weft_program *program, const weft_options *options);

bool weft__c_compiles(const loop *l); /* the loop can be printed, and has something to do */

/* cache.c: compiles C text to an object in memory, or takes it from the cache. Returns a handle of dlopen(), or NULL with why in message. */
void *weft__c_load(const weft_allocator *allocator, const char *text, size_t length, const weft_options *options, char *message, bool *no_memory);
void weft__c_unload(void *library); /* NULL is a no-op */

/* The address of a function in it, or NULL. */
typedef void (*weft__c_function)(void *const *base, size_t part);
weft__c_function weft__c_find(void *library, const char *name);

#endif
