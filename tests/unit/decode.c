#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decoding.h"

/* How a stream is fed: in pieces of step bytes behind a first one of cut. */
struct cut {
	size_t cut, step, many;
};

static void
check_cut(const char *what, const char *in, size_t len, const char *want,
    struct cut c, unsigned int ask, size_t max)
{
	struct report r = { .len = 0 };
	struct sse_decoder *d;

	assert_non_null(d = sse_decoder_new(max));
	sse_decoder_ask(d, ask);
	feed_piece(d, in, c.cut, &r, c.many);
	for (size_t at = c.cut; at < len; at += c.step)
		feed_piece(d, in + at, len - at < c.step ? len - at : c.step,
		    &r, c.many);
	report_state(&r, d);
	sse_decoder_free(d);
	if (strcmp(r.text, want) != 0)
		fail_msg("%s: cut at %zu, then every %zu, %zu at once:\n"
			 " got %s\nwant %s",
		    what, c.cut, c.step, c.many, r.text, want);
}

/* The answer may not depend on how the bytes are cut, nor on how many it takes. */
static void
check_all(const char *what, const char *in, size_t len, const char *want,
    unsigned int ask, size_t max)
{
	static const size_t many[] = { 0, 1, MANY_MAX };

	for (size_t i = 0; i < nitems(many); i++) {
		size_t m = many[i];

		check_cut(
		    what, in, len, want, (struct cut){ len, 1, m }, ask, max);
		for (size_t cut = 0; cut < len; cut++) {
			check_cut(what, in, len, want,
			    (struct cut){ cut, len, m }, ask, max);
			check_cut(what, in, len, want,
			    (struct cut){ cut, 1, m }, ask, max);
			check_cut(what, in, len, want,
			    (struct cut){ cut, 3, m }, ask, max);
		}
	}
}

#define IN(s) s, sizeof(s) - 1

struct example {
	const char *what, *in;
	size_t len;
	const char *want;
};

/* Spec: HTML, "Parsing an event stream". */
static const struct example parsing[] = {
	{ "nothing", IN(""), "" },
	{ "LF ends a line", IN("data: a\ndata: b\n\n"), "message=a\nb;" },
	{ "CR ends a line", IN("data: a\rdata: b\r\r"), "message=a\nb;" },
	{ "CRLF ends a line", IN("data: a\r\ndata: b\r\n\r\n"),
	    "message=a\nb;" },
	{ "line ends mixed", IN("data: a\r\ndata: b\ndata: c\r\n\r"),
	    "message=a\nb\nc;" },
	{ "CR LF LF is two line ends", IN("data: a\r\n\ndata: b\n\n"),
	    "message=a;message=b;" },
	{ "LF CR is two line ends", IN("data: a\n\rdata: b\n\r"),
	    "message=a;message=b;" },
	{ "CR CR LF is two line ends", IN("data: a\r\r\ndata: b\r\r\n"),
	    "message=a;message=b;" },
	{ "CRLF CRLF, then an event at once",
	    IN("data: a\r\n\r\ndata: b\r\n\r\n"), "message=a;message=b;" },
	{ "other line ends of Unicode are none",
	    IN("data: a\vb\fc\xc2\x85"
	       "d\u2028"
	       "e\n\n"),
	    "message=a\vb\fc\xc2\x85"
	    "d\u2028"
	    "e;" },
	{ "blank lines in a row", IN("\n\n\r\n\r\rdata: a\n\n\n\n\r\r"),
	    "message=a;" },
	{ "one BOM at the start is dropped",
	    IN("\xef\xbb\xbf"
	       "data: a\n\n"),
	    "message=a;" },
	{ "a second BOM is part of the field's name",
	    IN("\xef\xbb\xbf\xef\xbb\xbf"
	       "data: a\n\ndata: b\n\n"),
	    "message=b;" },
	{ "a BOM on a later line is part of the name",
	    IN("\n\xef\xbb\xbf"
	       "data: a\n\n"),
	    "" },
	{ "a BOM in data stays", IN("data: \xef\xbb\xbf\n\n"),
	    "message=\xef\xbb\xbf;" },
	{ "a BOM alone", IN("\xef\xbb\xbf"), "" },
	{ "a BOM before a blank line", IN("\xef\xbb\xbf\r\n\ndata: a\n\n"),
	    "message=a;" },
	{ "half a BOM is not UTF-8, hence no field",
	    IN("\xef\xbb"
	       "data: a\ndata: b\n\n"),
	    "message=b;" },
	{ "a BOM before a comment", IN("\xef\xbb\xbf: a\ndata: b\n\n"),
	    "message=b;" },
	{ "UTF-8 of every length",
	    IN("data: a\u00e9\u6771\U0001f642z\nevent: \u00e9\nid: \u6771\n\n"),
	    "\u00e9=a\u00e9\u6771\U0001f642z#\u6771;#\u6771" },
	{ "a byte that is never UTF-8",
	    IN("data: a\xff"
	       "b\n\n"),
	    "message=a\ufffd"
	    "b;" },
	{ "a lone continuation", IN("data: \x80\n\n"), "message=\ufffd;" },
	{ "an overlong form: each byte by itself", IN("data: \xc0\xaf\n\n"),
	    "message=\ufffd\ufffd;" },
	{ "a surrogate: each byte by itself", IN("data: \xed\xa0\x80\n\n"),
	    "message=\ufffd\ufffd\ufffd;" },
	{ "beyond U+10FFFF: each byte by itself",
	    IN("data: \xf4\x90\x80\x80\n\n"),
	    "message=\ufffd\ufffd\ufffd\ufffd;" },
	{ "a cut sequence is one subpart", IN("data: \xf0\x9f\x99.\n\n"),
	    "message=\ufffd.;" },
	{ "a sequence that the line end cuts", IN("data: \xe6\x9d\n\n"),
	    "message=\ufffd;" },
	{ "a sequence that another begins in",
	    IN("data: \xe6\x9d\xe6\x9d\xb1\n\n"), "message=\ufffd\u6771;" },
	{ "not UTF-8 in type and ID", IN("event: \xff\nid: \xfe\ndata\n\n"),
	    "\ufffd=#\ufffd;#\ufffd" },
	{ "not UTF-8 in the second line of data",
	    IN("id: 1\nevent: e\ndata: a\ndata: \xff\ndata: b\n\n"),
	    "e=a\n\ufffd\nb#1;#1" },
	{ "not UTF-8 in a name", IN("data\xff: a\n\ndata: b\n\n"),
	    "message=b;" },
};

/* Spec: HTML, "Interpreting an event stream". */
static const struct example interpreting[] = {
	/* A blank line dispatches the event. */
	{ "an event is whole with its blank line", IN("data: a\n"), "" },
	{ "an unfinished event is discarded, and its ID",
	    IN("data: a\n\nid: 7\ndata: b\n"), "message=a;" },
	{ "without a line end, too", IN("data: a\n\nid: 7\ndata: b"),
	    "message=a;" },

	/* A line that begins with a colon is ignored. */
	{ "a comment", IN(": data: a\n\n"), "" },
	{ "a colon alone", IN(":\n\ndata: a\n:\ndata: b\n\n"),
	    "message=a\nb;" },

	/* A colon parts name and value; one space behind it goes. */
	{ "no space", IN("data:a\n\n"), "message=a;" },
	{ "one space goes", IN("data: a\n\n"), "message=a;" },
	{ "one of two spaces goes", IN("data:  a \n\n"), "message= a ;" },
	{ "a TAB stays", IN("data:\ta\n\n"), "message=\ta;" },
	{ "only the first colon parts", IN("data: a: b\ndata::\n\n"),
	    "message=a: b\n:;" },
	{ "a space alone is no value", IN("data: \n\n"), "message=;" },

	/* Without a colon the line is a name, and the value empty. */
	{ "data alone", IN("data\n\n"), "message=;" },
	{ "data alone, twice", IN("data\ndata\n\n"), "message=\n;" },
	{ "event alone is empty", IN("event: a\nevent\ndata: b\n\n"),
	    "message=b;" },

	/* event */
	{ "a type", IN("event: add\ndata: a\n\n"), "add=a;" },
	{ "a type behind the data", IN("data: a\nevent: add\n\n"), "add=a;" },
	{ "the last type holds", IN("event: a\nevent: b\ndata: c\n\n"),
	    "b=c;" },
	{ "an empty type is message", IN("event: a\nevent:\ndata: b\n\n"),
	    "message=b;" },
	{ "a type is for one event", IN("event: a\ndata: b\n\ndata: c\n\n"),
	    "a=b;message=c;" },
	{ "a type without data is forgotten", IN("event: a\n\ndata: b\n\n"),
	    "message=b;" },
	{ "a type with NUL", IN("event: a\0b\ndata: c\n\n"), "a\\0b=c;" },

	/* data */
	{ "data of many lines", IN("data: a\ndata\ndata:\ndata: b\ndata: \n\n"),
	    "message=a\n\n\nb\n;" },
	{ "data with NUL", IN("data: a\0b\n\n"), "message=a\\0b;" },
	{ "data with other fields between its lines",
	    IN("data: a\nid: 1\ndata: b\nevent: e\nx: y\ndata: c\n: d\n\n"),
	    "e=a\nb\nc#1;#1" },

	/* id */
	{ "an ID", IN("id: 1\ndata: a\n\n"), "message=a#1;#1" },
	{ "an ID stays in force", IN("id: 1\ndata: a\n\ndata: b\n\n"),
	    "message=a#1;message=b#1;#1" },
	{ "the last ID holds", IN("id: 1\nid: 2\ndata: a\n\n"),
	    "message=a#2;#2" },
	{ "an empty ID clears",
	    IN("id: 1\ndata: a\n\nid\ndata: b\n\nid: 2\ndata\n\nid:\ndata\n\n"),
	    "message=a#1;message=b;message=#2;message=;" },
	{ "an ID with NUL is ignored",
	    IN("id: 1\ndata: a\n\nid: 2\0\ndata: b\n\nid: \0\n\n"),
	    "message=a#1;message=b#1;#1" },
	{ "an ID with NUL behind one without",
	    IN("id: 1\nid: 2\0\ndata: a\n\n"), "message=a#1;#1" },
	{ "an ID without data is committed", IN("id: 1\n\n"), "#1" },
	{ "such an ID holds for what follows", IN("id: 1\n\ndata: a\n\n"),
	    "message=a#1;#1" },
	{ "an ID with spaces", IN("id:  1 2 \ndata\n\n"),
	    "message=# 1 2 ;# 1 2 " },

	/* retry */
	{ "a reconnection time", IN("retry: 3000\n\n"), "~3000" },
	{ "it is in force before the blank line", IN("retry:3000\n"), "~3000" },
	{ "not before its line end", IN("retry: 3000"), "" },
	{ "with an event", IN("retry: 10\ndata: a\n\ndata: b\n\n"),
	    "message=a~10;message=b;~10" },
	{ "the last holds", IN("retry: 10\nretry: 20\n"), "~20" },
	{ "zero", IN("retry: 0\ndata\n\n"), "message=~0;~0" },
	{ "leading zeros", IN("retry: 0000000000000000000000000000007\n"),
	    "~7" },
	{ "empty is ignored", IN("retry: 10\nretry\nretry:\nretry: \n"),
	    "~10" },
	{ "a sign is ignored", IN("retry: -1\nretry: +1\n"), "" },
	{ "spaces are ignored", IN("retry:  1\nretry: 1 \n"), "" },
	{ "a fraction is ignored", IN("retry: 1.5\nretry: 1e3\n"), "" },
	{ "letters are ignored", IN("retry: 0x1\nretry: 3s\n"), "" },
	{ "digits beyond ASCII are ignored", IN("retry: \u0663\n"), "" },
	{ "the largest", IN("retry: 86400000\n"), "~86400000" },
	{ "too large is clamped", IN("retry: 86400001\n"), "~86400000" },
	{ "far too large is clamped",
	    IN("retry: 99999999999999999999999999999999999999\n"),
	    "~86400000" },

	/* Otherwise the field is ignored. */
	{ "names are case-sensitive", IN("Data: a\nDATA: b\ndata: c\n\n"),
	    "message=c;" },
	{ "a space before the name", IN(" data: a\n\n"), "" },
	{ "a space behind the name", IN("data : a\n\n"), "" },
	{ "a longer name", IN("datas: a\ndatas\n\n"), "" },
	{ "a shorter name", IN("dat: a\nd\neven: b\ni: c\nretr: 1\n\n"), "" },

	/* Examples of the standard. */
	{ "YHOO", IN("data: YHOO\ndata: +2\ndata: 10\n\n"),
	    "message=YHOO\n+2\n10;" },
	{ "a test stream",
	    IN(": test stream\n\ndata: first event\nid: 1\n\n"
	       "data:second event\nid\n\ndata:  third event\n"),
	    "message=first event#1;message=second event;" },
	{ "data and nothing else", IN("data\n\ndata\ndata\n\ndata:"),
	    "message=;message=\n;" },
	{ "the space is optional", IN("data:test\n\ndata: test\n\n"),
	    "message=test;message=test;" },

	/* Lines that reach over more than one chunk of a scan. */
	{ "long lines",
	    IN("event: 0123456789012345678901234567890123456789012345678901234"
	       "567890123456789\ndata: \u6771\u6771\u6771\u6771\u6771\u6771"
	       "\u6771\u6771\u6771\u6771\u6771\u6771\u6771\u6771\u6771\u6771"
	       "\u6771\u6771\u6771\u6771\u6771\u6771\u6771\u6771\u6771\u6771\n"
	       "data: 01234567890123456789012345678901234567890123456789012345"
	       "678901234567890123456789012345678901234567890123456789\xff\n\n"),
	    "01234567890123456789012345678901234567890123456789012345678901234"
	    "56789=\u6771\u6771\u6771\u6771\u6771\u6771\u6771\u6771\u6771"
	    "\u6771\u6771\u6771\u6771\u6771\u6771\u6771\u6771\u6771\u6771"
	    "\u6771\u6771\u6771\u6771\u6771\u6771\u6771\n"
	    "01234567890123456789012345678901234567890123456789012345678901234"
	    "567890123456789012345678901234567890123456789\ufffd;" },
};

static void
parses(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(parsing); i++)
		check_all(parsing[i].what, parsing[i].in, parsing[i].len,
		    parsing[i].want, 0, 0);
}

static void
interprets(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(interpreting); i++)
		check_all(interpreting[i].what, interpreting[i].in,
		    interpreting[i].len, interpreting[i].want, 0, 0);
}

/* Fields, comments and blocks without data reach whoever asks. */
static const struct {
	struct example e;
	unsigned int ask;
} asking[] = {
	{ { "fields", IN("x: y\ndata: a\nchannel\nz:  w\n: c\n\n"),
	      "message=a,x:y,channel:,z: w;" },
	    SSE_ASK_FIELDS },
	{ { "comments", IN(": a\nx: y\n:b\ndata: c\n:\n\n"),
	      "message=c,:a,:b,:;" },
	    SSE_ASK_COMMENTS },
	{ { "both, in their order", IN(": a\nx: y\ndata: c\n:b\nz\n\n"),
	      "message=c,:a,x:y,:b,z:;" },
	    SSE_ASK_FIELDS | SSE_ASK_COMMENTS },
	{ { "each block its own", IN("x: 1\ndata: a\n\ndata: b\n\ny\ndata\n\n"),
	      "message=a,x:1;message=b;message=,y:;" },
	    SSE_ASK_FIELDS },
	{ { "not those of a block without data", IN("x: 1\n\ndata: b\n\n"),
	      "message=b;" },
	    SSE_ASK_FIELDS },
	{ { "a field with NUL", IN("x\0: \0y\ndata\n\n"),
	      "message=,x\\0:\\0y;" },
	    SSE_ASK_FIELDS },
	{ { "a field that is not UTF-8", IN("\xff: \xfe\ndata: a\n\n"),
	      "message=a,\ufffd:\ufffd;" },
	    SSE_ASK_FIELDS },
	{ { "standard fields ignored for their value are not shown",
	      IN("retry: x\nid: \0\ndata: a\n\n"), "message=a;" },
	    SSE_ASK_FIELDS },
	{ { "blocks",
	      IN("id: 1\n\nevent: e\n\n: c\n\nretry: 5\n\nx\n\ndata\n\n"),
	      "{message=#1};{e=#1};{message=#1};{message=#1~5};{message=#1};"
	      "message=#1;#1~5" },
	    SSE_ASK_BLOCKS },
	{ { "blank lines are no blocks",
	      IN("\xef\xbb\xbf\n\r\n\r: \r\n\r\n\ndata\n\n\n"),
	      "{message=};message=;" },
	    SSE_ASK_BLOCKS },
	{ { "everything", IN("x: 1\n: 2\nid: 3\n\nx: 4\ndata: 5\n: 6\n\n"),
	      "{message=#3,x:1,:2};message=5#3,x:4,:6;#3" },
	    SSE_ASK_FIELDS | SSE_ASK_COMMENTS | SSE_ASK_BLOCKS },
};

static void
shows_what_was_asked_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(asking); i++)
		check_all(asking[i].e.what, asking[i].e.in, asking[i].e.len,
		    asking[i].e.want, asking[i].ask, 0);
}

/* Events of more than 16 bytes are refused, whatever makes them large. */
static const struct example limits[] = {
	{ "exactly as large", IN("data: 123456789\n\n"), "message=123456789;" },
	{ "a byte too large", IN("data: 1234567890\n\ndata: a\n\n"),
	    "!;message=a;" },
	{ "CRLF counts as one byte", IN("data: 123456789\r\n\r\n"),
	    "message=123456789;" },
	{ "of two lines", IN("data: 1\ndata: 2\n\n"), "message=1\n2;" },
	{ "of two lines, too large", IN("data: 1\ndata: 23\n\ndata\n\n"),
	    "!;message=;" },
	{ "ignored lines count", IN("ignored\ndata: 12\n\ndata\n\n"),
	    "!;message=;" },
	{ "comments count", IN(":::::::\n:::::::\n:\n\ndata\n\n"),
	    "!;message=;" },
	{ "each block has its own limit",
	    IN("data: 123456789\n\ndata: 123456789\n\n"),
	    "message=123456789;message=123456789;" },
	{ "told once for each event",
	    IN("data: 1234567890\ndata: 1234567890\ndata: 1234567890\n\n"
	       "data: 1234567890\n\n"),
	    "!;!;" },
	{ "its ID is not committed",
	    IN("id: 1\n\nid: 2\ndata: 123456789\nid: 3\n\ndata\n\n"),
	    "!;message=#1;#1" },
	{ "its type does not stay",
	    IN("event: e\ndata: 123456789\nevent: f\n\ndata\n\n"),
	    "!;message=;" },
	{ "its retry is in force when it was read, not when it was skipped",
	    IN("retry: 5\ndata: 123456789\nretry: 6\n\n"), "!;~5" },
	{ "skipped over CR", IN("data: 1234567890\rdata\r\rdata: a\r\r"),
	    "!;message=a;" },
	{ "skipped over CRLF",
	    IN("data: 1234567890\r\ndata\r\n\r\ndata: a\r\n\r\n"),
	    "!;message=a;" },
	{ "a line without end", IN("data: 12345678901234567890"), "!;" },
	{ "a BOM counts",
	    IN("\xef\xbb\xbf"
	       "data: 1234567\n\ndata\n\n"),
	    "!;message=;" },
	{ "no BOM is expected behind it",
	    IN("0123456789abcdefg\n\n\xef\xbb\xbf"
	       "data\n\ndata\n\n"),
	    "!;message=;" },
	{ "U+FFFD counts, not what it replaces",
	    IN("data: \xff\xff\xff\n\ndata: \xff\xff\xff\xff\n\n"),
	    "message=\ufffd\ufffd\ufffd;!;" },
};

static void
refuses_large_events(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(limits); i++)
		check_all(limits[i].what, limits[i].in, limits[i].len,
		    limits[i].want, 0, 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(interprets),
		cmocka_unit_test(shows_what_was_asked_for),
		cmocka_unit_test(refuses_large_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
