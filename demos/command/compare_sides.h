/* compare_sides.h: `weft compare 'EXPR' 'EXPR'`, for compare_command.c. */
#ifndef WEFT_DEMOS_COMPARE_SIDES_H
#define WEFT_DEMOS_COMPARE_SIDES_H

#include <stdio.h>

void compare_sides_usage(FILE *to);
int command_compare_sides(int argc, char **argv); /* as those of commands.h */

#endif
