#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "units.h"

static const struct unit {
	const char *name;
	int64_t ms;
} units[] = {
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", INT64_C(60) * 1000 },
	{ "h", INT64_C(60) * 60 * 1000 },
	{ "d", INT64_C(24) * 60 * 60 * 1000 },
};

static int64_t
unit_ms(const char *name, int64_t bare_ms)
{
	if (*name == '\0')
		return bare_ms;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(name, units[i].name) == 0)
			return units[i].ms;
	return 0;
}

const char *
time_parse(
    const char *s, int64_t bare_ms, int64_t min_ms, int64_t max_ms, int64_t *ms)
{
	size_t whole = strspn(s, "0123456789"), digits = whole;
	char *end;
	double value;
	int64_t unit;

	if (whole > 0 && s[whole] == '.')
		digits += 1 + strspn(s + whole + 1, "0123456789");
	if (whole == 0 || whole > 15 || s[digits - 1] == '.' ||
	    (unit = unit_ms(s + digits, bare_ms)) == 0)
		return "invalid";
	/* Only digits and a point are left to read, and LC_NUMERIC is C. */
	value = strtod(s, &end) * (double)unit;
	if (value > (double)max_ms)
		return "too large";
	if (value < (double)min_ms)
		return "too small";
	*ms = (int64_t)(value + 0.5);
	return NULL;
}

const char *
size_parse(const char *s, size_t min, size_t max, size_t *bytes)
{
	static const char suffixes[] = "kmgt";
	size_t digits = strspn(s, "0123456789");
	char number[20] = "";
	const char *errstr, *suffix;
	unsigned int shift = 0;
	size_t n;

	if (digits == 0 || digits >= sizeof(number))
		return "invalid";
	memcpy(number, s, digits);
	if (s[digits] != '\0') {
		suffix = strchr(suffixes, s[digits] | 0x20);
		if (suffix == NULL || s[digits + 1] != '\0')
			return "invalid";
		shift = 10 * (unsigned int)(suffix - suffixes + 1);
	}
	n = (size_t)strtonum(number, 0, INT64_MAX, &errstr);
	if (errstr != NULL || n > max >> shift)
		return "too large";
	if (n << shift < min)
		return "too small";
	*bytes = n << shift;
	return NULL;
}

static int64_t
clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_unix_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

int64_t
clock_mono_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

const char *
clock_text(int64_t unix_ms, char buf[static CLOCK_TEXT_LEN])
{
	time_t s = (time_t)(unix_ms / 1000);
	size_t len = 0;
	struct tm tm;

	if (unix_ms >= 0 && gmtime_r(&s, &tm) != NULL)
		len = strftime(buf, CLOCK_TEXT_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
	if (len != sizeof("9999-12-31T23:59:59") - 1)
		strlcpy(buf, "?", CLOCK_TEXT_LEN);
	else
		snprintf(buf + len, CLOCK_TEXT_LEN - len, ".%03dZ",
		    (int)(unix_ms % 1000));
	return buf;
}
