#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "number.h"

int
number_count(const char *s, int max)
{
	const char *errstr;
	int n = (int)strtonum(s, 1, max, &errstr);

	if (errstr != NULL)
		errx(EX_USAGE, "count %s is %s", s, errstr);
	return n;
}

double
number_seconds(const char *s)
{
	char *end;
	double n = strtod(s, &end);

	if (end == s || *end != '\0' || !(n > 0 && n <= 86400))
		errx(EX_USAGE, "%s are no seconds", s);
	return n;
}

bool
number_in(const char *path, const char *key, uint64_t *n)
{
	size_t len = strlen(key);
	char line[256];
	FILE *f = fopen(path, "re");

	*n = 0;
	if (f == NULL)
		return false;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, key, len) == 0) {
			*n = strtoumax(line + len, NULL, 10);
			break;
		}
	fclose(f);
	return true;
}
