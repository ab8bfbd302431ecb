#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "post.h"
#include "repeats.h"
#include "units.h"

void
repeats_init(
    struct repeats *r, size_t max_bytes, int64_t once_ms, int64_t producer_ms)
{
	ledger_init(&r->onces, max_bytes / 2, once_ms);
	ledger_init(&r->producers, max_bytes / 2, producer_ms);
	r->scratch = (struct sse_buf){ NULL, 0, 0 };
}

void
repeats_clear(struct repeats *r)
{
	ledger_clear(&r->onces);
	ledger_clear(&r->producers);
	sse_buf_free(&r->scratch);
}

/* No channel's name has a comma in it.  ptr NULL: ENOMEM. */
static struct sse_text
once_key(struct repeats *r, const struct post *p)
{
	struct sse_text channel = p->events[0]->channel;

	r->scratch.len = 0;
	if (sse_buf_append(&r->scratch, channel.ptr, channel.len) == -1 ||
	    sse_buf_append(&r->scratch, ",", 1) == -1 ||
	    sse_buf_append(&r->scratch, p->once, strlen(p->once)) == -1)
		return (struct sse_text){ NULL, 0 };
	return (struct sse_text){ r->scratch.ptr, r->scratch.len };
}

static bool
answer_once(struct repeats *r, struct post *p, int64_t now_ms)
{
	struct sse_text key = once_key(r, p), ids;

	if (key.ptr == NULL)
		return false;
	ids = ledger_find(&r->onces, key, now_ms);
	if (ids.ptr == NULL)
		return false;
	p->known = true;
	post_repeated(p, ids);
	return true;
}

static bool
answer_number(struct repeats *r, struct post *p, int64_t now_ms)
{
	struct sse_text ids = ledger_find(
	    &r->producers, text_of(p->producer), now_ms);
	char *end;
	uint64_t last;

	if (ids.ptr == NULL)
		return false;
	last = strtoull(ids.ptr, &end, 10);
	if (p->number == last + 1)
		return false;
	if (p->number == last) {
		end++;
		post_repeated(p,
		    (struct sse_text){
			end, ids.len - (size_t)(end - ids.ptr) });
		return true;
	}
	post_refuse(p, 409, POST_OUT_OF_ORDER);
	p->done = p->n;
	return true;
}

bool
repeats_answer(struct repeats *r, struct post *p)
{
	int64_t now_ms = clock_mono_ms();

	if (p->once != NULL)
		return answer_once(r, p, now_ms);
	return p->producer != NULL && answer_number(r, p, now_ms);
}

int
repeats_note(struct repeats *r, const struct post *p)
{
	struct sse_text ids = { p->answer.ptr, p->answer.len }, key;
	char number[24];
	int n = snprintf(number, sizeof(number), "%" PRIu64 "\n", p->number);

	if (p->once != NULL) {
		key = once_key(r, p);
		return key.ptr == NULL
		    ? -1
		    : ledger_keep(&r->onces, key, ids, clock_mono_ms());
	}
	if (p->producer == NULL)
		return 0;
	r->scratch.len = 0;
	if (sse_buf_append(&r->scratch, number, (size_t)n) == -1 ||
	    sse_buf_append(&r->scratch, ids.ptr, ids.len) == -1)
		return -1;
	ids = (struct sse_text){ r->scratch.ptr, r->scratch.len };
	return ledger_keep(
	    &r->producers, text_of(p->producer), ids, clock_mono_ms());
}
