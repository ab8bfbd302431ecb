/*
 * The terms on which rivals compete, as the command line has them.
 */
#ifndef TERMS_H
#define TERMS_H

struct terms {
	const char *dir;         /* -d: what is written lies there */
	int rounds;              /* -n: in which all take turns */
	const char *subscribers; /* -s: how many, or a list of that */
	double seconds;          /* -t: that a turn takes */
};

/*
 * Read those of the options that letters name ("dns"); the others, and what is
 * not said, stay as they are.  The program ends with EX_USAGE where they are
 * wrong.
 */
void terms_read(struct terms *t, const char *letters, int argc, char **argv);

#endif
