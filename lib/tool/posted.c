#include "posted.h"

bool
posted_read(struct sse_text body, size_t n, struct posted *p)
{
	size_t at = body.len, lines = 0;

	*p = (struct posted){ .left_out = 0 };
	if (body.len == 0 || body.ptr[body.len - 1] != '\n')
		return false;
	/* From the end, a line at a time, its LF behind at. */
	while (lines < n && at > 0) {
		at--;
		p->left_out += at == 0 || body.ptr[at - 1] == '\n';
		while (at > 0 && body.ptr[at - 1] != '\n')
			at--;
		lines++;
	}
	p->words = (struct sse_text){ body.ptr, at };
	p->ids = (struct sse_text){ body.ptr + at, body.len - at };
	return lines == n && at > 1 && p->left_out > 0;
}
