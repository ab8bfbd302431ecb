#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "say.h"
#include "trace.h"
#include "visible.h"

#define LINE_MAX_SAID 1024

static bool
contains(struct sse_text t, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i + len <= t.len; i++)
		if (strncasecmp(t.ptr + i, word, len) == 0)
			return true;
	return false;
}

/* By a word within it, for everyone has a name of their own for it. */
static bool
names_secret(struct sse_text name)
{
	static const char *const words[] = { "authorization", "x-auth",
		"cookie", "key", "token", "secret", "password", "signature",
		"session" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (contains(name, words[i]))
			return true;
	return false;
}

const char *
trace_line(struct sse_text line, char *buf, size_t cap)
{
	const char *colon = memchr(line.ptr, ':', line.len);
	struct sse_text name = { line.ptr, 0 };

	/* What goes on in a second line may be a secret's. */
	if (line.len > 0 && (*line.ptr == ' ' || *line.ptr == '\t'))
		return visible_line(TEXT(" ..."), buf, cap);
	if (colon != NULL)
		name.len = (size_t)(colon - line.ptr);
	/* A first line has no name. */
	if (memchr(name.ptr, ' ', name.len) != NULL || !names_secret(name))
		return visible_line(line, buf, cap);
	snprintf(buf, cap, "%.*s: ...", (int)name.len, name.ptr);
	return buf;
}

static void
say_head(const struct trace *t, char way, struct sse_text head)
{
	const char *p = head.ptr, *end = p + head.len, *lf;
	char said[LINE_MAX_SAID];

	for (; p < end; p = lf + 1) {
		struct sse_text line = { p, 0 };

		if ((lf = memchr(p, '\n', (size_t)(end - p))) == NULL)
			lf = end;
		line.len = (size_t)(lf - p);
		if (line.len > 0 && p[line.len - 1] == '\r')
			line.len--;
		if (line.len > 0)
			say_life(t->o, "%s: %c %s", t->shown, way,
			    trace_line(line, said, sizeof(said)));
	}
}

static int
on_debug(CURL *easy, curl_infotype type, char *p, size_t len, void *arg)
{
	struct sse_text head = { p, len };

	(void)easy;
	if (type == CURLINFO_HEADER_OUT)
		say_head(arg, '>', head);
	else if (type == CURLINFO_HEADER_IN)
		say_head(arg, '<', head);
	return 0;
}

#define SET(option, value) \
	(curl_easy_setopt(easy, (option), (value)) == CURLE_OK)

int
trace_begin(CURL *easy, const struct trace *t)
{
	return SET(CURLOPT_DEBUGFUNCTION, on_debug) &&
		SET(CURLOPT_DEBUGDATA, t) && SET(CURLOPT_VERBOSE, 1L)
	    ? 0
	    : -1;
}
