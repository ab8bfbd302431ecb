#include <langinfo.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "visible.h"

/* Spec: Unicode Standard Annex 9, "Bidi_Control". */
static bool
bidi_control(wchar_t c)
{
	return c == 0x61c || c == 0x200e || c == 0x200f ||
	    (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/*
 * How the next character of the len bytes at p is shown: as it is, or as what
 * is put into buf.  *used is the bytes it takes.
 */
static struct sse_text
next(const char *p, size_t len, size_t *used, char buf[static 16])
{
	mbstate_t state = { 0 };
	wchar_t c = 0;
	size_t n;
	int w;

	if ((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f) {
		*used = 1;
		return (struct sse_text){ p, 1 };
	}
	n = mbrtowc(&c, p, len, &state);
	if (n == (size_t)-1 || n == (size_t)-2) {
		*used = 1;
		w = snprintf(buf, 16, "\\x%02x", (unsigned char)*p);
		return (struct sse_text){ buf, (size_t)w };
	}
	*used = n == 0 ? 1 : n;
	if (n != 0 && iswprint((wint_t)c) && !bidi_control(c))
		return (struct sse_text){ p, n };
	w = snprintf(
	    buf, 16, c > 0xffff ? "\\U%08lx" : "\\u%04lx", (unsigned long)c);
	return (struct sse_text){ buf, (size_t)w };
}

int
visible_append(struct sse_buf *b, struct sse_text t)
{
	struct sse_text shown;
	char buf[16];
	size_t used;

	if (sse_buf_reserve(b, t.len) == -1)
		return -1;
	for (size_t i = 0; i < t.len; i += used) {
		if (t.ptr[i] == '\n' || t.ptr[i] == '\t') {
			shown = (struct sse_text){ t.ptr + i, 1 };
			used = 1;
		} else
			shown = next(t.ptr + i, t.len - i, &used, buf);
		if (sse_buf_append(b, shown.ptr, shown.len) == -1)
			return -1;
	}
	return 0;
}

const char *
visible_line(struct sse_text t, char *buf, size_t cap)
{
	static const char cut[] = "...";
	size_t len = 0, room = 0, used; /* room: up to here, cut fits too */
	char one[16];

	for (size_t i = 0; i < t.len; i += used) {
		struct sse_text shown = next(t.ptr + i, t.len - i, &used, one);

		if (len + shown.len >= cap) {
			memcpy(buf + room, cut, sizeof(cut));
			return buf;
		}
		memcpy(buf + len, shown.ptr, shown.len);
		len += shown.len;
		if (len + sizeof(cut) <= cap)
			room = len;
	}
	buf[len] = '\0';
	return buf;
}

void
visible_locale(void)
{
	if (setlocale(LC_CTYPE, "") == NULL ||
	    strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
}
