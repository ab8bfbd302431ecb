#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "retention.h"
#include "units.h"

#define BYTES_MIN 1024
#define BYTES_MAX ((size_t)1 << 40)

/* The comma list behind the "=", cut up. */
static const char *
read_keep(struct retention *keep, char *list)
{
	char *count = strsep(&list, ","), *age = strsep(&list, ",");
	char *bytes = strsep(&list, ",");
	const char *fault;

	keep->count = (size_t)strtonum(count, 0, RETENTION_COUNT_MAX, &fault);
	if (fault != NULL || *count < '0' || *count > '9')
		return "the count is none (0 to 10000000)";
	if (age != NULL &&
	    time_parse(age, 1000, 1000, RETENTION_AGE_MAX_MS, &keep->age_ms) !=
		NULL)
		return "the age is none (1s to 3650d)";
	if (bytes != NULL &&
	    size_parse(bytes, BYTES_MIN, BYTES_MAX, &keep->bytes) != NULL)
		return "the size is none (1k to 1t)";
	return list == NULL ? NULL : "there is more than COUNT,AGE,BYTES";
}

const char *
retentions_add(struct retentions *r, const char *text)
{
	const char *equals = strrchr(text, '='), *fault;
	struct retention keep = { .age_ms = -1 };
	size_t len;
	char *list;

	if (equals == NULL)
		return "it is no PATTERN=COUNT[,AGE[,BYTES]]";
	len = (size_t)(equals - text);
	if (len == 0 || len > CHANNEL_MAX)
		return "the pattern is empty or too long";
	if (r->n == RETENTION_FAMILIES_MAX)
		return "there are more than 32 families";
	if ((list = strdup(equals + 1)) == NULL)
		return "out of memory";
	fault = read_keep(&keep, list);
	free(list);
	if (fault != NULL)
		return fault;
	memcpy(r->families[r->n].pattern, text, len);
	r->families[r->n].pattern[len] = '\0';
	r->families[r->n++].keep = keep;
	return NULL;
}

size_t
retention_family(const struct retentions *r, struct sse_text channel)
{
	char name[CHANNEL_MAX + 1];

	if (r->n == 0 || channel.len > CHANNEL_MAX)
		return 0;
	memcpy(name, channel.ptr, channel.len);
	name[channel.len] = '\0';
	for (size_t i = 0; i < r->n; i++)
		if (fnmatch(r->families[i].pattern, name, 0) == 0)
			return i + 1;
	return 0;
}

struct retention
retention_of_family(const struct retentions *r, size_t family)
{
	struct retention keep = r->base;

	if (family == 0)
		return keep;
	keep = r->families[family - 1].keep;
	if (keep.age_ms < 0)
		keep.age_ms = r->base.age_ms;
	return keep;
}

struct retention
retention_of(const struct retentions *r, struct sse_text channel)
{
	return retention_of_family(r, retention_family(r, channel));
}
