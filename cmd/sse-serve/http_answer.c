#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http_answer.h"

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 417, "Expectation Failed" },
	{ 421, "Misdirected Request" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
	{ 507, "Insufficient Storage" },
};

const char *
http_reason(int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

static int
put(struct sse_buf *b, const char *s)
{
	return sse_buf_append(b, s, strlen(s));
}

/* Not snprintf(), which is a tenth of what a new stream costs. */
static void
put_digits(char *p, int digits, int n)
{
	for (; digits > 0; n /= 10)
		p[--digits] = (char)('0' + n % 10);
}

/* Not strftime(): the names of days and months are the protocol's. */
static int
put_date(struct sse_buf *b, int64_t now_s)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t t = (time_t)now_s;
	char line[] = "Date: Sun, 00 Jan 0000 00:00:00 GMT\r\n";
	struct tm tm;

	if (now_s == 0 || gmtime_r(&t, &tm) == NULL)
		return 0;
	memcpy(line + 6, days[tm.tm_wday], 3);
	put_digits(line + 11, 2, tm.tm_mday);
	memcpy(line + 14, months[tm.tm_mon], 3);
	put_digits(line + 18, 4, tm.tm_year + 1900);
	put_digits(line + 23, 2, tm.tm_hour);
	put_digits(line + 26, 2, tm.tm_min);
	put_digits(line + 29, 2, tm.tm_sec);
	return put(b, line);
}

static int
put_status(struct sse_buf *b, int status, int64_t now_s)
{
	char line[] = "HTTP/1.1 000 ";

	put_digits(line + 9, 3, status);
	return put(b, line) == -1 || put(b, http_reason(status)) == -1 ||
		put(b, "\r\n") == -1 || put_date(b, now_s) == -1
	    ? -1
	    : 0;
}

static int
put_type(struct sse_buf *b, const char *type)
{
	if (type == NULL)
		return 0;
	return put(b, "Content-Type: ") == -1 || put(b, type) == -1 ||
		put(b, "\r\nX-Content-Type-Options: nosniff\r\n") == -1
	    ? -1
	    : 0;
}

static int
put_length(struct sse_buf *b, int status, size_t len)
{
	char line[48];

	if (status < 200 || status == 204)
		return 0;
	snprintf(line, sizeof(line), "Content-Length: %zu\r\n", len);
	return put(b, line);
}

/* All or nothing: an answer that is half there would be sent as one. */
static int
finish(struct sse_buf *b, size_t before, bool failed)
{
	if (!failed)
		return 0;
	b->len = before;
	return -1;
}

int
http_answer(struct sse_buf *b, const struct http_answer *a)
{
	size_t before = b->len;
	bool body = !a->head_only && a->status >= 200 && a->status != 204 &&
	    a->status != 304;

	return finish(b, before,
	    put_status(b, a->status, a->now_s) == -1 ||
		put_type(b, a->type) == -1 ||
		put_length(b, a->status, a->body.len) == -1 ||
		put(b,
		    a->close ? "Connection: close\r\n"
			     : "Connection: keep-alive\r\n") == -1 ||
		(a->fields != NULL && put(b, a->fields) == -1) ||
		put(b, "\r\n") == -1 ||
		(body && sse_buf_append(b, a->body.ptr, a->body.len) == -1));
}

int
http_refuse(
    struct sse_buf *b, int status, const char *why, bool close, int64_t now_s)
{
	char line[512];
	int len = snprintf(line, sizeof(line), "%s\n", why);
	size_t n = (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1;
	struct http_answer a = {
		.status = status,
		.fields = "Cache-Control: no-store\r\n",
		.type = "text/plain; charset=utf-8",
		.body = { line, n },
		.close = close,
		.now_s = now_s,
	};

	return http_answer(b, &a);
}

int
http_stream_head(struct sse_buf *b, const char *fields, int64_t now_s)
{
	size_t before = b->len;

	return finish(b, before,
	    put_status(b, 200, now_s) == -1 ||
		put_type(b, "text/event-stream") == -1 ||
		put(b,
		    "Cache-Control: no-cache, no-transform\r\n"
		    "X-Accel-Buffering: no\r\n"
		    "Connection: close\r\n") == -1 ||
		(fields != NULL && put(b, fields) == -1) ||
		put(b, "\r\n") == -1);
}

int
http_continue(struct sse_buf *b)
{
	return put(b, "HTTP/1.1 100 Continue\r\n\r\n");
}
