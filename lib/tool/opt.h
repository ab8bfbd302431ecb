/*
 * Options from one table, so that getopt, usage and --help cannot disagree.
 * getopt_long() does the work; here are the conventions of all the programs:
 * a long name for every option, never abbreviated; -h and -V alone or not at
 * all.  It prints and exits, and only main() calls it.
 */
#ifndef OPT_H
#define OPT_H

#include <stdbool.h>

struct opt {
	int letter;       /* the short form; above 255: there is none */
	const char *name; /* the long form */
	const char *arg;  /* what the argument is called; NULL: takes none */
	const char *help; /* one line, with unit and default */
};

struct opts {
	const struct opt *table; /* sorted by long name */
	int n;
	const char *synopsis; /* behind the name: "[options] url ..." */
	const char *summary;  /* one sentence on what the program does */
	bool permute;         /* operands between options, as curl allows */
};

#define OPT_OPERAND 1 /* with permute: optarg is an operand */

/*
 * The next option's letter with its argument in optarg, or OPT_OPERAND, or -1
 * when only operands are left, from argv[optind] on.  Another argv may be read
 * in between, when it is read to its end: set optind to 0 before, and after it
 * to what it was.  -h and -V are handled here: they
 * print on standard output and exit 0, and beside anything else they are a
 * usage error.  An unknown, abbreviated or incomplete option ends the program
 * with EX_USAGE, its message naming the option and the remedy (--help).
 */
int opt_next(const struct opts *o, int argc, char **argv);

/*
 * From now on options stand in this file, which faults name; NULL, as at first:
 * on the command line.  It is not copied.  Returns what was said before.
 */
const char *opt_stand_in(const char *file);

/* End with EX_USAGE and "PROGRAM: message", then where help is. */
_Noreturn void opt_fault(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/*
 * optarg as a number, time or size within bounds; a fault names the option
 * as it was typed, the argument and what is wrong with it.
 */
long long opt_number(const char *what, long long min, long long max);
long long opt_time_ms(
    const char *what, long long bare_ms, long long min_ms, long long max_ms);
unsigned long long opt_size(
    const char *what, unsigned long long min, unsigned long long max);

#endif
