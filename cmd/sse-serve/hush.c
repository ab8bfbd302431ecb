#include <err.h>
#include <inttypes.h>

#include "hush.h"

static bool
is_over(const struct hush *h, int64_t now_ms)
{
	return now_ms - h->began_ms >= HUSH_MS || now_ms < h->began_ms;
}

bool
hush_pass(struct hush *h, int64_t now_ms)
{
	if (is_over(h, now_ms))
		*h = (struct hush){ .began_ms = now_ms };
	if (h->said < HUSH_LINES) {
		h->said++;
		return true;
	}
	h->kept++;
	return false;
}

uint64_t
hush_over(struct hush *h, int64_t now_ms)
{
	uint64_t kept = h->kept;

	if (kept == 0 || !is_over(h, now_ms))
		return 0;
	h->kept = 0;
	return kept;
}

int64_t
hush_due_ms(const struct hush *h)
{
	return h->kept > 0 ? h->began_ms + HUSH_MS : -1;
}

static void
tell(uint64_t kept)
{
	if (kept > 0)
		warnx("%" PRIu64 " more suppressed", kept);
}

void
hush_tell(struct hush *h, int64_t now_ms)
{
	tell(hush_over(h, now_ms));
}

void
hush_end(struct hush *h)
{
	tell(h->kept);
	h->kept = 0;
}

bool
hush_says(struct hush *h, int64_t now_ms)
{
	hush_tell(h, now_ms);
	return hush_pass(h, now_ms);
}
