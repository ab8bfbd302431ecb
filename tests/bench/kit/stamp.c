#include <string.h>
#include <time.h>

#include "stamp.h"

uint64_t
stamp_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

double
stamp_now_s(void)
{
	return (double)stamp_now_ns() / 1e9;
}

static void
put_hex(char *p, int digits, uint64_t v)
{
	while (digits-- > 0) {
		p[digits] = "0123456789abcdef"[v & 15];
		v >>= 4;
	}
}

void
stamp_write(char *p, size_t size, uint32_t n, uint64_t ns)
{
	put_hex(p, 8, n);
	put_hex(p + 8, 16, ns);
	memset(p + STAMP_LEN, 'x', size - STAMP_LEN);
}

static int
get_hex(const char *p, int digits, uint64_t *v)
{
	*v = 0;
	for (; digits > 0; digits--, p++) {
		unsigned int c = (unsigned char)*p;
		unsigned int d = c - '0' < 10 ? c - '0' : c - 'a' + 10;

		if (d > 15)
			return -1;
		*v = *v << 4 | d;
	}
	return 0;
}

int
stamp_read(const char *p, uint32_t *n, uint64_t *ns)
{
	uint64_t number;

	if (get_hex(p, 8, &number) == -1 || get_hex(p + 8, 16, ns) == -1)
		return -1;
	*n = (uint32_t)number;
	return 0;
}
