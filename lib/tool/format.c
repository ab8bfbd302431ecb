#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "format.h"

static const struct name {
	const char *name;
	enum piece_what what;
} names[] = {
	{ "channel", PIECE_CHANNEL },
	{ "count", PIECE_COUNT },
	{ "data", PIECE_DATA },
	{ "event", PIECE_TYPE },
	{ "id", PIECE_ID },
	{ "json", PIECE_JSON },
	{ "time", PIECE_TIME },
	{ "url", PIECE_URL },
};

/* The formats with a name are templates whose names cannot be typed. */
static const struct named {
	const char *name;
	enum piece_what what;
	struct sse_text end;
} formats[] = {
	{ "line", PIECE_DATA, TEXT_INIT("\n") },
	{ "nul", PIECE_DATA, TEXT_INIT("\0") },
	{ "sse", PIECE_SSE, TEXT_INIT("") },
	{ "json", PIECE_JSON, TEXT_INIT("\n") },
};

static unsigned int
digit(char c)
{
	if (c <= '9')
		return (unsigned int)(c - '0');
	return (unsigned int)((c | 0x20) - 'a') + 10;
}

/*
 * Read one escape behind its backslash: the letters of C, up to three octal
 * digits, or x and two hexadecimal ones.  Returns how many bytes it takes, 0
 * when it is none.
 */
static size_t
read_escape(const char *s, char *to)
{
	static const char letters[] = "a\ab\bf\fn\nr\rt\tv\ve\033\\\\\"\"''??";
	static const char hex[] = "0123456789abcdefABCDEF";
	unsigned int value = 0;
	size_t n;

	for (size_t i = 0; *s != '\0' && i + 1 < sizeof(letters); i += 2)
		if (letters[i] == *s) {
			*to = letters[i + 1];
			return 1;
		}
	if (*s == 'x') {
		if (strspn(s + 1, hex) < 2)
			return 0;
		for (size_t i = 1; i <= 2; i++)
			value = value * 16 + digit(s[i]);
		*to = (char)value;
		return 3;
	}
	n = strspn(s, "01234567");
	if (n > 3)
		n = 3;
	for (size_t i = 0; i < n; i++)
		value = value * 8 + (unsigned int)(s[i] - '0');
	*to = (char)value;
	return value > 255 ? 0 : n;
}

/* Where the template is being read, and where its texts are put. */
struct reading {
	const char *s;
	char *to;
	const char *fault;
};

static int
read_literal(struct reading *r, struct piece *p)
{
	*p = (struct piece){ PIECE_LITERAL, { r->to, 0 } };
	while (*r->s != '\0') {
		size_t used = 1;

		if (r->s[0] == '{' && r->s[1] != '{')
			break;
		if (*r->s == '\\') {
			if ((used = read_escape(r->s + 1, r->to)) == 0) {
				r->fault = "it has an escape that C does not "
					   "know (\\\\ is a backslash)";
				return -1;
			}
			used++;
		} else {
			*r->to = *r->s;
			used += *r->s == '{';
		}
		r->to++;
		p->text.len++;
		r->s += used;
	}
	return 0;
}

static int
read_name(struct reading *r, struct piece *p)
{
	const char *s = r->s + 1, *end = strchr(s, '}');
	size_t len;

	if (end == NULL) {
		r->fault = "a brace is not closed ({{ stands for one)";
		return -1;
	}
	len = strcspn(s, "}:");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i].name) != len ||
		    memcmp(names[i].name, s, len) != 0 ||
		    (s[len] == ':' && names[i].what != PIECE_TIME))
			continue;
		*p = (struct piece){ names[i].what, { r->to, 0 } };
		if (s[len] == ':')
			p->text.len = (size_t)(end - s) - len - 1;
		memcpy(r->to, s + len + 1, p->text.len);
		r->to += p->text.len;
		*r->to++ = '\0';
		r->s = end + 1;
		return 0;
	}
	r->fault = "braces hold none of data, event, id, channel, url, count, "
		   "json, time, time:FORMAT ({{ stands for a brace)";
	return -1;
}

static int
read_braces(struct format *f, const char *typed, const char **fault)
{
	size_t len = strlen(typed);
	struct reading r = { typed, NULL, "out of memory" };

	/* More than there can be: a name in braces takes three bytes. */
	f->pieces = calloc(len + 1, sizeof(*f->pieces));
	f->mem = malloc(len + 1);
	r.to = f->mem;
	if (f->pieces == NULL || f->mem == NULL) {
		*fault = r.fault;
		return -1;
	}
	while (*r.s != '\0') {
		struct piece *p = &f->pieces[f->n++];
		bool name = r.s[0] == '{' && r.s[1] != '{';

		if ((name ? read_name(&r, p) : read_literal(&r, p)) == -1) {
			*fault = r.fault;
			return -1;
		}
	}
	return 0;
}

int
format_read(struct format *f, const char *typed, const char **fault)
{
	const struct named *name = formats;
	const struct named *end = name + sizeof(formats) / sizeof(formats[0]);

	*f = (struct format){ 0 };
	if (strchr(typed, '{') != NULL)
		return read_braces(f, typed, fault);
	while (name < end && strcmp(typed, name->name) != 0)
		name++;
	if (name == end) {
		*fault = "it is none of line, nul, sse, json, or a template "
			 "with names in braces";
		return -1;
	}
	f->pieces = calloc(2, sizeof(*f->pieces));
	if (f->pieces == NULL) {
		*fault = "out of memory";
		return -1;
	}
	f->pieces[f->n++] = (struct piece){ name->what, { "", 0 } };
	if (name->end.len > 0)
		f->pieces[f->n++] = (struct piece){ PIECE_LITERAL, name->end };
	f->data_only = name->what == PIECE_DATA;
	return 0;
}

void
format_free(struct format *f)
{
	free(f->pieces);
	free(f->mem);
}

bool
format_has(const struct format *f, enum piece_what what)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->pieces[i].what == what)
			return true;
	return false;
}
