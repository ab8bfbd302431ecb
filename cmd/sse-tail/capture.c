#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "capture.h"

struct capture {
	int fd;
	int64_t begun_ms, said_ms; /* said: in the last comment; -1: none */
	struct sse_buf buf;
};

struct capture *
capture_open(const char *path, int64_t mono_ms)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (c->fd == -1) {
		free(c);
		return NULL;
	}
	c->begun_ms = mono_ms;
	c->said_ms = -1;
	return c;
}

static int
say_time(struct capture *c, int64_t ms)
{
	char text[48];
	int len;

	if (ms == c->said_ms)
		return 0;
	c->said_ms = ms;
	len = snprintf(text, sizeof(text), ": +%" PRId64 ".%03" PRId64 "s\n",
	    ms / 1000, ms % 1000);
	return sse_buf_append(&c->buf, text, (size_t)len);
}

int
capture_block(struct capture *c, struct sse_text raw, int64_t mono_ms)
{
	static const char bom[] = "\xef\xbb\xbf";

	/* It would be one only at the beginning of the file. */
	if (raw.len >= 3 && raw.ptr[0] == bom[0] && raw.ptr[1] == bom[1] &&
	    raw.ptr[2] == bom[2])
		raw = (struct sse_text){ raw.ptr + 3, raw.len - 3 };
	/* Blank lines, or the LF of the CRLF that ended the last block. */
	while (raw.len > 0 && (*raw.ptr == '\n' || *raw.ptr == '\r'))
		raw = (struct sse_text){ raw.ptr + 1, raw.len - 1 };
	if (say_time(c, mono_ms - c->begun_ms) == -1 ||
	    sse_buf_append(&c->buf, raw.ptr, raw.len) == -1)
		return -1;
	/* The LF of a CRLF may yet come, and a comment begin behind it. */
	if (raw.len > 0 && raw.ptr[raw.len - 1] == '\r')
		return sse_buf_append(&c->buf, "\n", 1);
	return 0;
}

int
capture_flush(struct capture *c)
{
	const char *p = c->buf.ptr;
	ssize_t n;

	for (size_t left = c->buf.len; left > 0; left -= (size_t)n) {
		n = write(c->fd, p, left);
		if (n == -1 && errno == EINTR)
			n = 0;
		if (n == -1)
			return -1;
		p += n;
	}
	c->buf.len = 0;
	return 0;
}

int
capture_close(struct capture *c)
{
	int r;

	if (c == NULL)
		return 0;
	r = capture_flush(c);
	if (close(c->fd) == -1)
		r = -1;
	sse_buf_free(&c->buf);
	free(c);
	return r;
}
