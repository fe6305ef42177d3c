/* commands.h: the commands of `weft`. Each gets its own arguments, argv[0] being its name, and returns the exit code:
 * 0 good, 1 a failed check, 2 bad usage or input. */
#ifndef WEFT_DEMOS_COMMANDS_H
#define WEFT_DEMOS_COMMANDS_H

enum { EXIT_GOOD = 0, EXIT_FAILED_CHECK = 1, EXIT_BAD_USAGE = 2 };

int command_compare(int argc, char **argv);
int command_train(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_emit(int argc, char **argv);
int command_derive(int argc, char **argv);
int command_eval(int argc, char **argv);
int command_check(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_trace(int argc, char **argv);
int command_why(int argc, char **argv);
int command_prove(int argc, char **argv);
int command_quiz(int argc, char **argv);
int command_ops(int argc, char **argv);

#endif
