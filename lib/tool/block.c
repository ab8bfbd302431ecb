#include "block.h"

/* A routing field that is malformed is one that nobody knows. */
static bool
known(const struct sse_field *f)
{
	struct event none = EVENT_NONE;

	return event_set_field(&none, f->name, f->value) == 1;
}

static int
encode_field(struct sse_buf *b, const struct sse_field *f)
{
	if (f->name.len == 0)
		return sse_encode_comment(b, f->value);
	return known(f) ? 0 : sse_encode_field(b, f->name, f->value);
}

int
block_encode(
    struct sse_buf *b, const struct event *ev, const struct sse_decoder *d)
{
	size_t before = b->len, iter = 0;
	struct sse_field f;
	int r = 0;

	while (r == 0 && d != NULL && sse_decoder_field(d, &iter, &f) == 1)
		r = encode_field(b, &f);
	if (r == 0 && (ev->has_data || d == NULL))
		r = event_encode(b, ev);
	else if (r == 0 && b->len > before)
		r = sse_encode_end(b);
	if (r == -1)
		b->len = before;
	return r;
}
