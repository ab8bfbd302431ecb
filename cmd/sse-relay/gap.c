#include <stdio.h>

#include <jansson.h>

#include "gap.h"
#include "json.h"
#include "mark.h"
#include "visible.h"

bool
gap_is(const struct event *ev)
{
	return text_is(ev->type, GAP_TYPE);
}

static int
put_id(struct sse_buf *b, struct sse_text id)
{
	return id.len > 0 ? json_encode_text(b, id)
			  : sse_buf_append(b, "null", 4);
}

int
gap_event(struct event *ev, struct sse_buf *b, struct sse_text after,
    struct sse_text oldest)
{
	b->len = 0;
	if (sse_buf_append(b, "{\"after\":", 9) == -1 ||
	    put_id(b, after) == -1 ||
	    sse_buf_append(b, ",\"oldest\":", 10) == -1 ||
	    put_id(b, oldest) == -1 || sse_buf_append(b, "}", 1) == -1)
		return -1;
	*ev = EVENT_NONE;
	ev->type = TEXT(GAP_TYPE);
	ev->data = (struct sse_text){ b->ptr, b->len };
	ev->has_data = true;
	return 0;
}

/* An ID named in a gap's data, fit for a message. */
static const char *
member(json_t *root, const char *name, char buf[static SHOWN_BYTES])
{
	json_t *v = json_object_get(root, name);

	if (!json_is_string(v) || json_string_length(v) == 0)
		return "none";
	return visible_line(
	    (struct sse_text){ json_string_value(v), json_string_length(v) },
	    buf, SHOWN_BYTES);
}

void
gap_say(const struct event *ev, const char *from, char *buf, size_t cap)
{
	json_t *root = json_loadb(ev->data.ptr, ev->data.len, 0, NULL);
	char after[SHOWN_BYTES], oldest[SHOWN_BYTES];

	snprintf(buf, cap,
	    "%s: gap: events behind %s are lost, the oldest kept is %s", from,
	    member(root, "after", after), member(root, "oldest", oldest));
	json_decref(root);
}
