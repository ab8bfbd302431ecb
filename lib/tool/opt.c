#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "opt.h"
#include "sse.h"
#include "units.h"

#define OPTIONS_MAX 128
#define HELP_COLUMN 28

static void
help(const struct opts *o)
{
	printf("usage: %s %s\n%s\n\n", getprogname(), o->synopsis, o->summary);
	for (int i = 0; i < o->n; i++) {
		const struct opt *p = &o->table[i];
		int used;

		if (p->letter <= 255)
			used = printf("  -%c, --%s", p->letter, p->name);
		else
			used = printf("      --%s", p->name);
		if (p->arg != NULL)
			used += printf(" %s", p->arg);
		if (used > HELP_COLUMN - 2)
			used = printf("\n") - 1;
		printf("%*s%s\n", HELP_COLUMN - used, "", p->help);
	}
	printf("\nManual: man %s\n", getprogname());
}

static const char *stand_in;

const char *
opt_stand_in(const char *file)
{
	const char *before = stand_in;

	stand_in = file;
	return before;
}

void
opt_fault(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", getprogname());
	if (stand_in != NULL)
		fprintf(stderr, "%s: ", stand_in);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	fprintf(stderr, "Try: %s --help\n", getprogname());
	exit(EX_USAGE);
}

/* Output that could not be written must not look like success. */
static _Noreturn void
finish_stdout(void)
{
	if (fflush(stdout) == EOF)
		err(EX_IOERR, "standard output");
	exit(EX_OK);
}

static void
help_or_version(const struct opts *o, int letter, int argc, char **argv)
{
	if (letter != 'h' && letter != 'V')
		return;
	if (argc != 2 || (argv[1][1] != '-' && argv[1][2] != '\0'))
		opt_fault("-%c stands alone%s", letter,
		    letter == 'h' ? " (it asks for help, it names no host)"
				  : "");
	if (letter == 'h')
		help(o);
	else
		printf("%s (sse-tools) %s\n", getprogname(), sse_version());
	finish_stdout();
}

/* getopt_long() takes abbreviations; a script that used one would break. */
static void
refuse_abbreviation(const struct opt *p, char **argv, int before)
{
	const char *typed = NULL;
	size_t len;

	for (int i = before; i < optind && argv[i] != NULL; i++) {
		if (strncmp(argv[i], "--", 2) != 0 || argv[i][2] == '\0')
			continue;
		typed = argv[i] + 2;
		break;
	}
	if (typed == NULL)
		return;
	len = strcspn(typed, "=");
	if (len != strlen(p->name) || strncmp(typed, p->name, len) != 0)
		opt_fault("unknown option --%.*s (is it --%s?)", (int)len,
		    typed, p->name);
}

static const struct opt *
find(const struct opts *o, int letter)
{
	for (int i = 0; i < o->n; i++)
		if (o->table[i].letter == letter)
			return &o->table[i];
	return NULL;
}

int
opt_next(const struct opts *o, int argc, char **argv)
{
	struct option longs[OPTIONS_MAX + 1] = { { 0 } };
	char shorts[2 * OPTIONS_MAX + 3], *s = shorts;
	int before = optind, letter, index = -1;

	*s++ = o->permute ? '-' : '+';
	*s++ = ':';
	for (int i = 0; i < o->n && i < OPTIONS_MAX; i++) {
		const struct opt *p = &o->table[i];

		longs[i] = (struct option){ p->name,
			p->arg != NULL ? required_argument : no_argument, NULL,
			p->letter };
		if (p->letter > 255)
			continue;
		*s++ = (char)p->letter;
		if (p->arg != NULL)
			*s++ = ':';
	}
	*s = '\0';
	opterr = 0;
	letter = getopt_long(argc, argv, shorts, longs, &index);
	if (letter == -1 || letter == OPT_OPERAND)
		return letter;
	if (letter == '?' || letter == ':') {
		const char *word = argv[optind - 1];
		/* What stands behind '=' may be a password. */
		int len = (int)strcspn(word, "=");

		if (letter == ':')
			opt_fault("option %s needs an argument", word);
		if (optopt != 0 && find(o, optopt) == NULL)
			opt_fault("unknown option -%c", optopt);
		if (optopt != 0)
			opt_fault("option %.*s takes no argument", len, word);
		opt_fault("unknown option %.*s", len, word);
	}
	if (index >= 0)
		refuse_abbreviation(&o->table[index], argv, before);
	help_or_version(o, letter, argc, argv);
	return letter;
}

long long
opt_number(const char *what, long long min, long long max)
{
	const char *errstr;
	long long n = strtonum(optarg, min, max, &errstr);

	if (errstr != NULL)
		opt_fault("%s %s is %s (%lld to %lld)", what, optarg, errstr,
		    min, max);
	return n;
}

long long
opt_time_ms(
    const char *what, long long bare_ms, long long min_ms, long long max_ms)
{
	int64_t ms = 0;
	const char *fault = time_parse(optarg, bare_ms, min_ms, max_ms, &ms);

	if (fault != NULL)
		opt_fault("%s %s is %s (a time is 250ms, 15s, 2m, 1h or 7d%s)",
		    what, optarg, fault,
		    bare_ms == 1 ? "; a bare number is milliseconds" : "");
	return ms;
}

unsigned long long
opt_size(const char *what, unsigned long long min, unsigned long long max)
{
	size_t bytes = 0;
	const char *fault = size_parse(optarg, min, max, &bytes);

	if (fault != NULL)
		opt_fault("%s %s is %s (a size is 4096, 64k, 16m or 1g)", what,
		    optarg, fault);
	return bytes;
}
