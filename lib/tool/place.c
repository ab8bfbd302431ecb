#include <string.h>

#include "place.h"

#define AHEAD_MAX_MS 60000

static bool
number_parse(const char *s, size_t len, uint64_t *n)
{
	uint64_t v = 0;

	if (len == 0 || len > 20 || (s[0] == '0' && len > 1))
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned int digit = (unsigned int)(unsigned char)s[i] - '0';

		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*n = v;
	return true;
}

bool
place_parse(const char *s, size_t len, struct place *p)
{
	const char *dash = len > 0 ? memchr(s, '-', len) : NULL;
	size_t left;

	if (dash == NULL)
		return false;
	left = (size_t)(dash - s);
	return number_parse(s, left, &p->ms) &&
	    number_parse(dash + 1, len - left - 1, &p->seq) &&
	    !place_is_zero(*p);
}

/* Returns where the digits end. */
static char *
number_format(uint64_t n, char *to)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	memcpy(to, digits + i, sizeof(digits) - i);
	return to + sizeof(digits) - i;
}

size_t
place_format(struct place p, char buf[static PLACE_LEN])
{
	char *end = number_format(p.ms, buf);

	*end++ = '-';
	end = number_format(p.seq, end);
	*end = '\0';
	return (size_t)(end - buf);
}

struct place
place_next(struct place last, uint64_t now_ms)
{
	if (now_ms > last.ms)
		return (struct place){ now_ms, 0 };
	if (last.seq < UINT64_MAX)
		return (struct place){ last.ms, last.seq + 1 };
	return (struct place){ last.ms + 1, 0 };
}

bool
place_adoptable(struct place p, struct place last, uint64_t now_ms)
{
	return place_cmp(p, last) > 0 && p.ms <= now_ms + AHEAD_MAX_MS;
}
