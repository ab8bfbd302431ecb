#include <string.h>

#include "event.h"
#include "inspect.h"

#define READ "GET, HEAD, OPTIONS"
#define END "DELETE, OPTIONS"

static const struct {
	const char *path;
	enum inspect_what what;
} paths[] = {
	{ "/metrics", INSPECT_METRICS },
	{ "/healthz", INSPECT_HEALTH },
	{ "/readyz", INSPECT_READY },
	{ "/connections", INSPECT_CONNECTIONS },
};

/* No number and no ID has anything in it that a URL would escape. */
static const char *
take_param(struct inspect *in, struct sse_text name, struct sse_text value)
{
	size_t n = 0;

	if (text_is(name, "after"))
		return conn_id_parse(&in->after, value)
		    ? NULL
		    : "after= is no connection's ID";
	if (text_is(name, "all")) {
		in->all = text_is(value, "1");
		return in->all || text_is(value, "0") ? NULL : "all= is 0 or 1";
	}
	if (!text_is(name, "limit"))
		return NULL;
	for (size_t i = 0; i < value.len && n <= INSPECT_LIMIT_MAX; i++) {
		if (value.ptr[i] < '0' || value.ptr[i] > '9')
			return "limit= is 1 to 10000";
		n = n * 10 + (size_t)(value.ptr[i] - '0');
	}
	in->limit = n;
	return n == 0 || n > INSPECT_LIMIT_MAX ? "limit= is 1 to 10000" : NULL;
}

static const char *
take_query(struct inspect *in, struct sse_text query)
{
	while (query.len > 0) {
		struct sse_text value = text_cut(&query, '&');
		struct sse_text name = text_cut(&value, '=');
		const char *why = take_param(in, name, value);

		if (why != NULL)
			return why;
	}
	return NULL;
}

/* "/connections/ID"; false: it is no such path. */
static bool
one_connection(struct inspect *in, const struct http_head *h, int *status,
    const char **why)
{
	static const char under[] = "/connections/";
	const size_t skip = sizeof(under) - 1;
	struct sse_text id = h->path;

	if (id.len <= skip || memcmp(id.ptr, under, skip) != 0)
		return false;
	id.ptr += skip;
	id.len -= skip;
	in->what = INSPECT_END;
	if (!conn_id_parse(&in->id, id)) {
		*status = 404;
		*why = "this is no connection's ID: GET /connections";
	}
	return true;
}

static bool
whole_path(struct inspect *in, struct sse_text path)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (text_is(path, paths[i].path)) {
			in->what = paths[i].what;
			return true;
		}
	return false;
}

static bool
takes_method(const struct inspect *in, const struct http_head *h)
{
	if (in->what == INSPECT_END)
		return http_method_is(h, "DELETE");
	return http_method_is(h, "GET") || http_method_is(h, "HEAD");
}

bool
inspect_parse(struct inspect *in, const struct http_head *h, int *status,
    const char **why, const char **allow)
{
	*in = (struct inspect){ .limit = INSPECT_LIMIT };
	*status = 0;
	*allow = NULL;
	if (!whole_path(in, h->path) && !one_connection(in, h, status, why))
		return false;
	if (*status != 0)
		return true;
	*allow = in->what == INSPECT_END ? END : READ;
	if (http_method_is(h, "OPTIONS"))
		return true;
	if (!takes_method(in, h)) {
		*status = 405;
		*why = "this path does not take this method";
	} else if (in->what == INSPECT_CONNECTIONS &&
	    (*why = take_query(in, h->query)) != NULL)
		*status = 400;
	return true;
}
