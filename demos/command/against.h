/* against.h: `weft compare NAME --against FILE.c`, for compare_command.c. */
#ifndef WEFT_DEMOS_AGAINST_H
#define WEFT_DEMOS_AGAINST_H

#include <stdio.h>

void against_usage(FILE *to);
int command_compare_against(int argc, char **argv); /* as those of commands.h */

#endif
