#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "endpoint.h"
#include "request.h"
#include "sse.h"

void
endpoint_free(struct endpoint *e)
{
	if (e->kind == ENDPOINT_REDIS)
		redis_url_free(&e->redis);
	free(e->shown);
	free(e->identity);
	*e = (struct endpoint){ 0 };
}

static bool
begins(const char *s, const char *with)
{
	return strncasecmp(s, with, strlen(with)) == 0;
}

static bool
is_loopback(const char *host)
{
	return strcasecmp(host, "localhost") == 0 ||
	    strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
	    strcmp(host, "[::1]") == 0;
}

static int
http_parse(struct endpoint *e, const char **fault)
{
	CURLU *u = curl_url();
	CURLUcode rc = CURLUE_OUT_OF_MEMORY;
	char *text, *host = NULL;

	if (u != NULL)
		rc = curl_url_set(u, CURLUPART_URL, e->text, 0);
	if (rc != CURLUE_OK && rc != CURLUE_OUT_OF_MEMORY)
		*fault = curl_url_strerror(rc);
	if (rc == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK) {
		e->local = is_loopback(host);
		e->identity = strdup(text);
		e->shown = request_shown(text);
		curl_free(text);
	}
	curl_free(host);
	curl_url_cleanup(u);
	return e->identity != NULL && e->shown != NULL ? 0 : -1;
}

/* Server and channels, whatever the spelling of the URL was. */
static char *
redis_identity(const struct redis_url *u)
{
	struct sse_buf b = { NULL, 0, 0 };
	char number[64];
	int bad = 0;

	snprintf(number, sizeof(number), ":%d/%d", u->port, u->db);
	if (u->path != NULL)
		snprintf(number, sizeof(number), ":/%d", u->db);
	bad |= sse_buf_append(&b, "redis ", 6);
	if (u->path != NULL)
		bad |= sse_buf_append(&b, u->path, strlen(u->path));
	else
		bad |= sse_buf_append(&b, u->host, strlen(u->host));
	bad |= sse_buf_append(&b, number, strlen(number));
	for (size_t i = 0; i < u->nchannels; i++) {
		bad |= sse_buf_append(&b, i == 0 ? "?" : ",", 1);
		bad |= sse_buf_append(
		    &b, u->channels[i], strlen(u->channels[i]));
	}
	bad |= sse_buf_append(&b, "", 1);
	if (bad == 0)
		return b.ptr;
	sse_buf_free(&b);
	return NULL;
}

static int
redis_parse(struct endpoint *e, const char *base, const char *password,
    const char **fault)
{
	e->kind = ENDPOINT_REDIS;
	if (strcmp(e->text, "redis:") == 0) {
		*fault = "no channel is named; redis://HOST names a server "
			 "alone";
		return -1;
	}
	if (redis_url_parse(&e->redis, e->text, base, password, fault) == -1)
		return -1;
	e->local = e->redis.path != NULL || is_loopback(e->redis.host);
	if (e->redis.stream != NULL) {
		*fault = "plain Redis streams are not carried yet";
		return -1;
	}
	*fault = NULL;
	e->shown = strdup(e->redis.shown);
	e->identity = redis_identity(&e->redis);
	return e->shown != NULL && e->identity != NULL ? 0 : -1;
}

int
endpoint_parse(struct endpoint *e, const char *s, const char *base,
    const char *password, const char **fault)
{
	*e = (struct endpoint){ .text = s };
	*fault = NULL;
	if (redis_url_is(s))
		return redis_parse(e, base, password, fault);
	if (begins(s, "http://") || begins(s, "https://")) {
		e->kind = ENDPOINT_HTTP;
		return http_parse(e, fault);
	}
	if (strcmp(s, "-") != 0) {
		*fault =
		    "is none of http://HOST/..., https://HOST/..., "
		    "redis:CHANNEL, redis://HOST/..., redis+unix://PATH, -";
		return -1;
	}
	e->kind = ENDPOINT_STANDARD;
	e->local = true;
	e->shown = strdup("-");
	e->identity = strdup("-");
	return e->shown != NULL && e->identity != NULL ? 0 : -1;
}

static bool
same_server(const struct redis_url *a, const struct redis_url *b)
{
	if (a->db != b->db || (a->path == NULL) != (b->path == NULL))
		return false;
	if (a->path != NULL)
		return strcmp(a->path, b->path) == 0;
	return a->port == b->port && strcasecmp(a->host, b->host) == 0;
}

static bool
has_channel(const struct endpoint_pair *p, const char *name)
{
	for (size_t i = 0; i < p->nchannels; i++)
		if (strcmp(p->channels[i], name) == 0)
			return true;
	return false;
}

/* Would what it writes come back at once? */
static bool
circle(const struct endpoint_pair *p, const struct endpoint *source,
    const struct endpoint *sink)
{
	return source->kind == ENDPOINT_REDIS && sink->kind == ENDPOINT_REDIS &&
	    same_server(&source->redis, &sink->redis) &&
	    (p->channel == NULL || has_channel(p, p->channel));
}

static const char *
channels_fault(struct endpoint_pair *p, const struct endpoint *source,
    const struct endpoint *sink)
{
	size_t to = sink->kind == ENDPOINT_REDIS ? sink->redis.nchannels : 0;

	if (to == 1)
		p->channel = sink->redis.channels[0];
	if (source->kind != ENDPOINT_REDIS)
		return to > 1 ? "the sink names several channels: name one, or "
				"none to leave each event in its own"
			      : NULL;
	p->channels = source->redis.channels;
	p->nchannels = source->redis.nchannels;
	if (p->nchannels == 0 && to > 0) {
		p->channels = sink->redis.channels;
		p->nchannels = to;
		return NULL;
	}
	if (p->nchannels == 0)
		return "no channel is named (redis:CHANNEL or ?channel=)";
	if (to > 1)
		return "source and sink both name channels, the sink several: "
		       "name one there, or none to mirror the source's";
	return NULL;
}

int
endpoint_join(struct endpoint_pair *p, const struct endpoint *source,
    const struct endpoint *sink, const char **fault)
{
	*p = (struct endpoint_pair){ 0 };
	*fault = NULL;
	if (sink->kind == ENDPOINT_HTTP)
		*fault = "a sink over HTTP is not supported yet";
	else if (source->kind == ENDPOINT_STANDARD &&
	    sink->kind == ENDPOINT_STANDARD)
		*fault = "source and sink are both -; to convert between "
			 "formats use sse-tail -";
	else if ((*fault = channels_fault(p, source, sink)) == NULL &&
	    circle(p, source, sink))
		*fault = "source and sink are the same channel";
	return *fault == NULL ? 0 : -1;
}
