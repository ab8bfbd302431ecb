/* Bodies of POST: all of their events, or none and the reason. */
#include "data.h"
#include "no_room.h"

#include "../../../cmd/sse-serve/post.h"

#define MAX 200
#define LONG                                                                  \
	"0123456789012345678901234567890123456789012345678901234567890123456" \
	"0123456789012345678901234567890123456789012345678901234567890123456" \
	"0123456789012345678901234567890123456789012345678901234567890123456"

static const struct {
	const char *what;
	enum input_format format;
	const char *type, *id; /* of the query; NULL: none */
	struct sse_text body;
	bool admin, open;
	int status;
	const char *want; /* "channel/type/id=data;" each, or the answer */
} cases[] = {
	{ "a body is the data", INPUT_WHOLE, NULL, NULL, TEXT_INIT("a\nb\n"),
	    true, false, 200, "news//=a\nb\n;" },
	{ "with type and ID", INPUT_WHOLE, "alert", "7", TEXT_INIT("x"), true,
	    false, 200, "news/alert/7=x;" },
	{ "an empty ID is one", INPUT_WHOLE, NULL, "", TEXT_INIT("x"), true,
	    false, 200, "news//(empty)=x;" },
	{ "no data is an event", INPUT_WHOLE, NULL, NULL, TEXT_INIT(""), true,
	    false, 200, "news//=;" },
	{ "what is not UTF-8 is mended", INPUT_WHOLE, NULL, NULL,
	    TEXT_INIT("a\xff"), true, false, 200, "news//=a\xef\xbf\xbd;" },
	{ "our own types are ours", INPUT_WHOLE, "sse:end", NULL,
	    TEXT_INIT("x"), true, false, 400, NULL },
	{ "too long", INPUT_WHOLE, NULL, NULL, TEXT_INIT(LONG), true, false,
	    413, "an event of more than 200 bytes is refused\n" },
	{ "a line too long, after one that is well", INPUT_JSON, NULL, NULL,
	    TEXT_INIT("{\"data\":\"x\"}\n{\"data\":\"" LONG "\"}\n"), true,
	    false, 413,
	    "line 2: an event of more than 200 bytes is refused\n" },
	{ "a fault before one too long", INPUT_JSON, NULL, NULL,
	    TEXT_INIT("[\n{\"data\":\"" LONG "\"}\n"), true, false, 400,
	    "line 1: " },
	{ "not anyone's", INPUT_WHOLE, NULL, NULL, TEXT_INIT("x"), false, false,
	    403, "publishing to this channel is not allowed\n" },
	{ "anyone's when open", INPUT_WHOLE, NULL, NULL, TEXT_INIT("x"), false,
	    true, 200, "news//=x;" },
	{ "type and ID of the query are of a whole body only", INPUT_JSON,
	    "alert", "7", TEXT_INIT("{\"data\":\"x\"}"), true, false, 200,
	    "news//=x;" },
	{ "JSON lines", INPUT_JSON, NULL, NULL,
	    TEXT_INIT("{\"data\":\"x\",\"id\":\"1\"}\n\n"
		      "{\"data\":\"y\",\"channel\":\"c\",\"event\":\"t\"}\n"),
	    true, false, 200, "news//1=x;c/t/=y;" },
	{ "a JSON line that is none", INPUT_JSON, NULL, NULL,
	    TEXT_INIT("{\"data\":\"x\"}\n[\n{\"data\":\"z\"}"), true, false,
	    400, "line 2: " },
	{ "a type that is ours, after one that is well", INPUT_JSON, NULL, NULL,
	    TEXT_INIT("{\"data\":\"x\"}\n"
		      "{\"data\":\"y\",\"event\":\"sse:gap\"}"),
	    true, false, 400, NULL },
	{ "a channel that none may write", INPUT_JSON, NULL, NULL,
	    TEXT_INIT("{\"data\":\"x\"}\n"
		      "{\"data\":\"y\",\"channel\":\"presence\"}"),
	    true, false, 403, NULL },
	{ "a channel that not anyone may write, among those they may",
	    INPUT_JSON, NULL, NULL,
	    TEXT_INIT("{\"data\":\"x\"}\n"
		      "{\"data\":\"y\",\"channel\":\"client:1\"}"),
	    false, true, 403, NULL },
	{ "a channel out of bounds", INPUT_JSON, NULL, NULL,
	    TEXT_INIT("{\"data\":\"y\",\"channel\":\"a b\"}"), true, false, 400,
	    NULL },
	{ "nothing but blank lines", INPUT_JSON, NULL, NULL,
	    TEXT_INIT("\n\n  \n"), true, false, 400,
	    "the body holds no event\n" },
	{ "nothing", INPUT_JSON, NULL, NULL, TEXT_INIT(""), true, false, 400,
	    "the body holds no event\n" },
	{ "a stream", INPUT_SSE, NULL, NULL,
	    TEXT_INIT(": c\ndata: x\ndata: y\n\nevent: t\nid: 1\nchannel: c\n"
		      "data:\n\n"),
	    true, false, 200, "news//=x\ny;c/t/1=;" },
	{ "a stream that breaks off", INPUT_SSE, NULL, NULL,
	    TEXT_INIT("data: x\n\ndata: y\n"), true, false, 400,
	    "the last event lacks its blank line\n" },
	{ "a stream that breaks off in a line", INPUT_SSE, NULL, NULL,
	    TEXT_INIT("data: x\n\ndata: y"), true, false, 400,
	    "the last event lacks its blank line\n" },
	{ "a stream without events", INPUT_SSE, NULL, NULL,
	    TEXT_INIT(": c\n\nid: 1\n\n"), true, false, 400,
	    "the body holds no event\n" },
	{ "a field that is malformed", INPUT_SSE, NULL, NULL,
	    TEXT_INIT("data: x\n\ndata: y\nexpires: soon\n\n"), true, false,
	    400, "line 3: " },
	{ "an event too long", INPUT_SSE, NULL, NULL,
	    TEXT_INIT("data: x\n\ndata: " LONG "\n\ndata: z\n\n"), true, false,
	    413, "line 3: an event of more than 200 bytes is refused\n" },
};

static struct route
route_of(size_t i)
{
	return (struct route){ .what = ROUTE_PUBLISH,
		.channel = TEXT("news"),
		.format = cases[i].format,
		.type = text_of(cases[i].type),
		.id = text_of(cases[i].id),
		.has_id = cases[i].id != NULL };
}

/* The events as text. */
static void
show(const struct post *p, char *to, size_t size)
{
	*to = '\0';
	for (size_t i = 0; i < p->n; i++) {
		const struct event *ev = p->events[i];
		size_t len = strlen(to);

		snprintf(to + len, size - len, "%.*s/%.*s/%.*s%s=%.*s;",
		    (int)ev->channel.len, ev->channel.ptr, (int)ev->type.len,
		    ev->type.len > 0 ? ev->type.ptr : "", (int)ev->id.len,
		    ev->id.len > 0 ? ev->id.ptr : "",
		    ev->has_id && ev->id.len == 0 ? "(empty)" : "",
		    (int)ev->data.len, ev->data.len > 0 ? ev->data.ptr : "");
	}
}

static void
bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		const struct identity *who = identity_anonymous(cases[i].admin);
		struct route r = route_of(i);
		struct post *p = post_new();
		char *body = malloc(cases[i].body.len + 1), text[1024];
		struct sse_text in = { body, cases[i].body.len };

		memcpy(body, cases[i].body.ptr, in.len);
		assert_int_equal(
		    post_read(p, &r, who, cases[i].open, in, MAX), 0);
		/* What it took is its own. */
		memset(body, '#', in.len);
		free(body);
		if (p->status != cases[i].status)
			fail_msg("%s: %d", cases[i].what, p->status);
		if (p->status == 200) {
			show(p, text, sizeof(text));
			assert_string_equal(text, cases[i].want);
			assert_int_equal(p->answer.len, 0);
		} else {
			const char *want = cases[i].want;

			/* One line. */
			assert_true(p->answer.len > 1);
			assert_ptr_equal(
			    memchr(p->answer.ptr, '\n', p->answer.len),
			    p->answer.ptr + p->answer.len - 1);
			if (want != NULL)
				assert_memory_equal(
				    p->answer.ptr, want, strlen(want));
		}
		post_free(p);
	}
	post_free(NULL);
}

static void
answers(void **state)
{
	struct post *p = post_new();

	(void)state;
	post_published(p, TEXT("1-0"));
	post_published(p, TEXT(""));
	post_published(p, TEXT("own"));
	assert_int_equal(p->done, 3);
	assert_int_equal(p->status, 200);
	assert_int_equal(p->answer.len, 9);
	assert_memory_equal(p->answer.ptr, "1-0\n\nown\n", 9);
	post_refuse(p, 503, "why");
	assert_int_equal(p->status, 503);
	assert_int_equal(p->answer.len, 4);
	assert_memory_equal(p->answer.ptr, "why\n", 4);
	post_published(p, TEXT("2-0"));
	assert_int_equal(p->done, 4);
	assert_int_equal(p->answer.len, 4);
	post_free(p);
}

/* p holds an event of each channel named, parted by spaces. */
static struct post *
post_to(const char *channels)
{
	const struct identity *who = identity_anonymous(true);
	struct route r = { .what = ROUTE_PUBLISH, .format = INPUT_JSON };
	struct sse_text rest = text_of(channels), body;
	struct post *p = post_new();
	char text[4096] = "";

	while (rest.len > 0) {
		struct sse_text name = text_cut(&rest, ' ');
		size_t len = strlen(text);

		snprintf(text + len, sizeof(text) - len,
		    "{\"channel\":\"%.*s\",\"data\":\"x\"}\n", (int)name.len,
		    name.ptr);
	}
	body = text_of(text);
	assert_int_equal(post_read(p, &r, who, false, body, MAX), 0);
	assert_int_equal(p->status, 200);
	return p;
}

static void
concludes(struct post *p, int status, const char *want)
{
	assert_int_equal(p->done, p->n);
	post_conclude(p);
	assert_int_equal(p->status, status);
	assert_int_equal(p->answer.len, strlen(want));
	assert_memory_equal(p->answer.ptr, want, p->answer.len);
	post_free(p);
}

static void
left_out(void **state)
{
	struct post *p = post_to("a odd a bad odd");

	(void)state;
	post_published(p, TEXT("1-0"));
	post_left_out(p, TEXT("it is\0odd"));
	post_published(p, TEXT("own"));
	post_left_out(p, TEXT("bad"));
	post_left_out(p, TEXT("odd"));
	concludes(p, 422,
	    "2 of 5 events are not published: channel odd: it is\n"
	    "1 of 5 events are not published: channel bad: bad\n"
	    "1-0\n\nown\n\n\n");
	p = post_to("odd");
	post_left_out(p, TEXT("why"));
	concludes(
	    p, 422, "1 of 1 event is not published: channel odd: why\n\n");
	p = post_to("a");
	post_published(p, TEXT("1-0"));
	concludes(p, 200, "1-0\n");
	/* What is wrong with all of it counts for more. */
	p = post_to("odd b");
	post_left_out(p, TEXT("why"));
	post_refuse(p, 503, "away");
	p->done++;
	concludes(p, 503, "away\n");
}

static void
left_out_of_many(void **state)
{
	struct post *p = post_to("0 1 2 3 4 5 6 7 8 9 a b c d e f g h i g 3");
	char reason[400];

	(void)state;
	memset(reason, 'x', sizeof(reason));
	for (size_t i = 0; i < 21; i++)
		post_left_out(p, (struct sse_text){ reason, sizeof(reason) });
	post_conclude(p);
	assert_int_equal(p->nleft, POST_LEFT_MAX + 1);
	assert_int_equal(p->left[3].n, 2);
	sse_buf_append(&p->answer, "", 1);
	assert_non_null(strstr(p->answer.ptr, "channel f: xxx"));
	assert_non_null(strstr(p->answer.ptr,
	    "\n4 of 21 events are not published: other channels\n\n\n"));
	assert_null(strstr(p->answer.ptr, "channel g"));
	post_free(p);
}

static void
without_room(void **state)
{
	const struct identity *who = identity_anonymous(true);
	struct route r = route_of(0);
	struct post *p = post_new();

	(void)state;
	no_room = true;
	assert_int_equal(post_read(p, &r, who, false, TEXT("x"), MAX), -1);
	no_room = false;
	assert_int_equal(p->n, 0);
	post_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies),
		cmocka_unit_test(answers),
		cmocka_unit_test(left_out),
		cmocka_unit_test(left_out_of_many),
		cmocka_unit_test(without_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
