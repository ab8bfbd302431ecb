#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

static const char no_memory[] = "out of memory";

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Takes word. */
static int
add(struct config *c, char *word)
{
	char **longer;

	if (word == NULL)
		return -1;
	longer = reallocarray(c->words, (size_t)c->n + 2, sizeof(*longer));
	if (longer == NULL) {
		free(word);
		return -1;
	}
	c->words = longer;
	c->words[c->n++] = word;
	c->words[c->n] = NULL;
	return 0;
}

static char
unescaped(char c)
{
	switch (c) {
	case 't':
		return '\t';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 'v':
		return '\v';
	}
	return c;
}

/* Read the value that p is at, in its place.  NULL: a quote is not closed. */
static char *
read_value(char **p, const char **fault)
{
	char *value = *p, *to = *p, *s = *p;

	if (*s != '"') {
		while (*s != '\0' && !blank(*s))
			s++;
		*p = *s == '\0' ? s : s + 1;
		*s = '\0';
		return value;
	}
	for (s++; *s != '"'; s++) {
		bool escape = *s == '\\' && s[1] != '\0';

		if (escape)
			s++;
		if (*s == '\0') {
			*fault = "a quote is not closed";
			return NULL;
		}
		*to++ = escape ? unescaped(*s) : *s;
	}
	*to = '\0';
	*p = s + 1;
	return value;
}

/* The words of an option: "--name=value", or "-x" and "value". */
static int
add_option(struct config *c, const char *name, const char *value)
{
	bool letter = name[0] == '-' && name[1] != '-';
	const char *dashes = name[0] == '-' ? "" : "--";
	char *word = NULL;

	if (letter || value == NULL) {
		if (asprintf(&word, "%s%s", dashes, name) == -1 ||
		    add(c, word) == -1)
			return -1;
		return value == NULL ? 0 : add(c, strdup(value));
	}
	return asprintf(&word, "%s%s=%s", dashes, name, value) == -1
	    ? -1
	    : add(c, word);
}

static int
read_line(struct config *c, char *p, const char **fault)
{
	char *name, *value = NULL;
	bool dashed;

	while (blank(*p))
		p++;
	if (*p == '\0' || *p == '#')
		return 0;
	name = p;
	dashed = *p == '-';
	while (*p != '\0' && !blank(*p) && (dashed || (*p != '=' && *p != ':')))
		p++;
	if (p == name) {
		*fault = "it begins with no option";
		return -1;
	}
	if (*p != '\0') {
		char *end = p++;

		while (blank(*p) || (!dashed && (*p == '=' || *p == ':')))
			p++;
		*end = '\0';
		if (*p != '\0' && *p != '#' &&
		    (value = read_value(&p, fault)) == NULL)
			return -1;
		while (blank(*p))
			p++;
		if (value != NULL && *p != '\0' && *p != '#') {
			*fault = "there is more behind its value, which wants "
				 "quotes";
			return -1;
		}
	}
	*fault = no_memory;
	return add_option(c, name, value);
}

int
config_read(struct config *c, const char *name, const char *text, size_t len,
    const char **fault, size_t *line)
{
	char *copy = strndup(text, len), *rest = copy, *s;
	int r = 0;

	*c = (struct config){ 0 };
	*line = 0;
	*fault = no_memory;
	if (copy == NULL || add(c, strdup(name)) == -1)
		r = -1;
	while (r == 0 && (s = strsep(&rest, "\n")) != NULL) {
		++*line;
		r = read_line(c, s, fault);
	}
	if (copy != NULL)
		freezero(copy, strlen(copy));
	if (r == -1)
		config_free(c);
	return r;
}

void
config_free(struct config *c)
{
	for (int i = 0; i < c->n; i++)
		freezero(c->words[i], strlen(c->words[i]));
	free(c->words);
	*c = (struct config){ 0 };
}
