#include <err.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "figures.h"
#include "number.h"
#include "terms.h"

void
terms_read(struct terms *t, const char *letters, int argc, char **argv)
{
	int ch;

	while ((ch = getopt(argc, argv, "d:n:s:t:")) != -1) {
		if (strchr(letters, ch) == NULL)
			errx(EX_USAGE, "its options are of -%s", letters);
		if (ch == 'd')
			t->dir = optarg;
		else if (ch == 'n')
			t->rounds = number_count(optarg, ROUNDS_MAX);
		else if (ch == 's')
			t->subscribers = optarg;
		else
			t->seconds = number_seconds(optarg);
	}
}
