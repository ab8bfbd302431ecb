#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "name.h"

bool
name_valid(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t len = strlen(name);

	return len > 0 && len <= NAME_MAX_BYTES && strspn(name, allowed) == len;
}

/* FNV-1a, 64 bits; the NUL counts, so that it separates. */
static uint64_t
hash(uint64_t h, const char *s)
{
	do {
		h ^= (unsigned char)*s;
		h *= UINT64_C(0x100000001b3);
	} while (*s++ != '\0');
	return h;
}

void
name_make(const char *source, const char *sink, const char *host,
    char name[static NAME_MADE])
{
	uint64_t h = hash(hash(UINT64_C(0xcbf29ce484222325), source), sink);

	if (*host != '\0')
		h = hash(h, host);
	snprintf(name, NAME_MADE, "%016" PRIx64, h);
}

bool
name_in(const char *name, struct sse_text via)
{
	size_t len = strlen(name);

	while (via.len > 0) {
		const char *space = memchr(via.ptr, ' ', via.len);
		size_t n = space != NULL ? (size_t)(space - via.ptr) : via.len;

		if (n == len && memcmp(via.ptr, name, n) == 0)
			return true;
		if (space == NULL)
			break;
		via.ptr += n + 1;
		via.len -= n + 1;
	}
	return false;
}
