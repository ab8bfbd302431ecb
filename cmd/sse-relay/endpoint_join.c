#include <string.h>

#include "endpoint.h"
#include "endpoint_http.h"

/* The channels that an endpoint names. */
static char **
named(const struct endpoint *e, size_t *n)
{
	*n = 0;
	if (e->kind == ENDPOINT_REDIS) {
		*n = e->redis.nchannels;
		return e->redis.channels;
	}
	if (e->kind == ENDPOINT_HTTP) {
		*n = e->nchannels;
		return e->channels;
	}
	return NULL;
}

static bool
has_channel(const struct endpoint_pair *p, struct sse_text name)
{
	for (size_t i = 0; i < p->nchannels; i++)
		if (text_is(name, p->channels[i]))
			return true;
	return false;
}

/* Would what it writes come back at once? */
static bool
circle(const struct endpoint_pair *p, const struct endpoint *source,
    const struct endpoint *sink, const struct map *maps, size_t n)
{
	if (source->kind != sink->kind ||
	    (source->kind != ENDPOINT_REDIS &&
		source->kind != ENDPOINT_STREAM) ||
	    !endpoint_same_server(&source->redis, &sink->redis))
		return false;
	if (source->kind == ENDPOINT_STREAM)
		return strcmp(source->redis.stream, sink->redis.stream) == 0;
	for (size_t i = 0; i < p->nchannels; i++) {
		struct sse_text from = text_of(p->channels[i]), to = from;
		char buf[CHANNEL_MAX];

		if (!map_apply(maps, n, from, buf, &to) && p->channel != NULL)
			to = text_of(p->channel);
		if (has_channel(p, to))
			return true;
	}
	return false;
}

/* The source names no channel: those of the sink, if it can be told so. */
static int
read_sinks(struct endpoint_pair *p, struct endpoint *source, char **channels,
    size_t n, const char **fault)
{
	p->channels = channels;
	p->nchannels = n;
	if (source->kind == ENDPOINT_HTTP)
		return endpoint_http_read(source, channels, n);
	if (n > 0)
		return 0;
	*fault = "no channel is named (redis:CHANNEL or ?channel=)";
	return -1;
}

static int
join_channels(struct endpoint_pair *p, struct endpoint *source,
    const struct endpoint *sink, const char **fault)
{
	size_t nto;
	char **to = named(sink, &nto);
	bool asks = source->kind == ENDPOINT_REDIS ||
	    (source->kind == ENDPOINT_HTTP && source->bare && nto > 0);

	p->channels = named(source, &p->nchannels);
	if (nto == 1)
		p->channel = to[0];
	if (asks && p->nchannels == 0)
		return read_sinks(p, source, to, nto, fault);
	if (nto <= 1)
		return 0;
	*fault = p->nchannels > 0
	    ? "source and sink both name channels, the sink several: "
	      "name one there, or none to mirror the source's"
	    : "the sink names several channels: name one, or none to leave "
	      "each event in its own";
	return -1;
}

int
endpoint_join(struct endpoint_pair *p, struct endpoint *source,
    struct endpoint *sink, const struct map *maps, size_t n, const char **fault)
{
	*p = (struct endpoint_pair){ 0 };
	*fault = NULL;
	if (source->kind == ENDPOINT_STANDARD &&
	    sink->kind == ENDPOINT_STANDARD)
		*fault = "source and sink are both -; to convert between "
			 "formats use sse-tail -";
	else if (sink->kind == ENDPOINT_STREAM && sink->redis.group != NULL)
		*fault = "a group is for reading; the sink has none";
	else if (join_channels(p, source, sink, fault) == -1)
		return -1;
	else if (circle(p, source, sink, maps, n))
		*fault = "source and sink are the same channel";
	else if (sink->kind == ENDPOINT_HTTP && sink->serve)
		return endpoint_http_base(sink);
	return *fault == NULL ? 0 : -1;
}
