/*
 * A file of options in curl's syntax, made into words as if they were typed.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stddef.h>

struct config {
	char **words; /* owned: argv[0], then options, then NULL */
	int n;
};

/*
 * Read text, len bytes of it: a line is an option, "--name value", "name =
 * value", "name: value" or "-x value", whose value may stand in double quotes
 * with the escapes \\ \" \t \n \r \v; "#" begins a comment.  name is argv[0].
 * 0, or -1 with *fault a constant and *line the number of the line (0: none).
 */
int config_read(struct config *c, const char *name, const char *text,
    size_t len, const char **fault, size_t *line);
void config_free(struct config *c);

#endif
