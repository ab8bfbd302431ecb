#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "endpoint.h"
#include "endpoint_http.h"
#include "sse.h"

void
endpoint_free(struct endpoint *e)
{
	if (e->kind == ENDPOINT_REDIS || e->kind == ENDPOINT_STREAM)
		redis_url_free(&e->redis);
	for (size_t i = 0; i < e->nchannels; i++)
		free(e->channels[i]);
	free(e->channels);
	free(e->url);
	free(e->shown);
	free(e->identity);
	*e = (struct endpoint){ 0 };
}

static bool
begins(const char *s, const char *with)
{
	return strncasecmp(s, with, strlen(with)) == 0;
}

bool
endpoint_loopback(const char *host)
{
	return strcasecmp(host, "localhost") == 0 ||
	    strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
	    strcmp(host, "[::1]") == 0;
}

static int
append_named(struct sse_buf *b, const char *name, const char *value)
{
	if (value == NULL)
		return 0;
	return sse_buf_append(b, name, strlen(name)) == -1
	    ? -1
	    : sse_buf_append(b, value, strlen(value));
}

/* The host that the URL names, or the first of the sentinels. */
static const char *
first_host(const struct redis_url *u)
{
	return u->master != NULL ? u->sentinels[0].name : u->host;
}

/* Server and channels, whatever the spelling of the URL was. */
static char *
redis_identity(const struct redis_url *u)
{
	struct sse_buf b = { NULL, 0, 0 };
	char number[64];
	int bad = 0;

	snprintf(number, sizeof(number), ":%d/%d", u->port, u->db);
	if (u->path != NULL || u->master != NULL)
		snprintf(number, sizeof(number), ":/%d", u->db);
	bad |= sse_buf_append(&b, "redis ", 6);
	if (u->path != NULL)
		bad |= sse_buf_append(&b, u->path, strlen(u->path));
	else if (u->master != NULL)
		bad |= sse_buf_append(&b, u->master, strlen(u->master));
	else
		bad |= sse_buf_append(&b, u->host, strlen(u->host));
	bad |= sse_buf_append(&b, number, strlen(number));
	for (size_t i = 0; i < u->nchannels; i++) {
		bad |= sse_buf_append(&b, i == 0 ? "?" : ",", 1);
		bad |= sse_buf_append(
		    &b, u->channels[i], strlen(u->channels[i]));
	}
	bad |= append_named(&b, "?stream=", u->stream);
	bad |= append_named(&b, "&group=", u->group);
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
	e->local = e->redis.path != NULL ||
	    endpoint_loopback(first_host(&e->redis));
	if (e->redis.stream != NULL && e->redis.nchannels > 0) {
		*fault = "it names both a Redis stream and channels";
		return -1;
	}
	if (e->redis.stream != NULL)
		e->kind = ENDPOINT_STREAM;
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
		return endpoint_http_parse(e, fault);
	}
	if (strcmp(s, "-") != 0) {
		*fault = "is none of http://HOST/..., https://HOST/..., "
			 "redis:CHANNEL, redis://HOST/..., redis+unix://PATH, "
			 "stream:KEY, -";
		return -1;
	}
	e->kind = ENDPOINT_STANDARD;
	e->local = true;
	e->shown = strdup("-");
	e->identity = strdup("-");
	return e->shown != NULL && e->identity != NULL ? 0 : -1;
}

bool
endpoint_same_server(const struct redis_url *a, const struct redis_url *b)
{
	if (a->db != b->db || (a->path == NULL) != (b->path == NULL))
		return false;
	if ((a->master == NULL) != (b->master == NULL))
		return false;
	if (a->master != NULL)
		return strcmp(a->master, b->master) == 0;
	if (a->path != NULL)
		return strcmp(a->path, b->path) == 0;
	return a->port == b->port && strcasecmp(a->host, b->host) == 0;
}
