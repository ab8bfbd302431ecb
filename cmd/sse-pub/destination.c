#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "destination.h"
#include "http.h"
#include "opt.h"
#include "redis_auth.h"
#include "sink_http.h"
#include "sink_raw.h"
#include "sink_redis.h"

/* Where Redis is.  The password, if it comes from elsewhere, is copied. */
static void
read_redis_url(struct redis_url *u, const struct conf *c)
{
	const char *url = c->redis, *fault;
	const char *from = url != NULL ? "--redis" : "SSE_REDIS_URL";
	char *password;

	if (url == NULL && (url = getenv("SSE_REDIS_URL")) == NULL)
		url = "redis://127.0.0.1:6379";
	password = redis_auth_get(c->redis_auth, false);
	if (redis_url_parse(u, url, NULL, password, &fault) == -1)
		opt_fault("%s: %s", from, fault);
	redis_url_forget(password);
	if (u->nchannels > 0 || u->stream != NULL)
		opt_fault("%s names a channel, which is an operand", from);
}

void
destination_init(struct destination *d, const struct conf *c)
{
	*d = (struct destination){ .conf = c };
	if (c->http.url == NULL)
		read_redis_url(&d->redis, c);
}

void
destination_clear(struct destination *d)
{
	redis_url_free(&d->redis);
}

/* What a file holds is not for a message, hence only its name is told. */
static _Noreturn void
refuse(struct http *h, const char *what, const char *arg, const char *fault)
{
	int saved = errno;

	http_free(h);
	errno = saved;
	if (fault == NULL)
		err(EX_NOINPUT, "%s", arg + 1);
	if (*arg == '@')
		errx(EX_NOINPUT, "%s %s: %s", what, arg, fault);
	opt_fault("%s: %s", what, fault);
}

static struct sink *
http_sink(const struct conf *c)
{
	const struct options_http *o = &c->http;
	const char *fault;
	struct http *h = http_new(o->url, &fault);
	struct sink *s;

	if (h == NULL)
		errx(EX_SOFTWARE, "%s", fault);
	if (http_set_tls(h, &o->tls) == -1)
		errx(EX_SOFTWARE, "out of memory");
	for (size_t i = 0; i < o->nheaders; i++)
		if (http_add_header(h, o->headers[i], &fault) == -1)
			refuse(h, "--header", o->headers[i], fault);
	if (o->bearer != NULL && http_set_bearer(h, o->bearer, &fault) == -1)
		refuse(h, "--oauth2-bearer", o->bearer, fault);
	s = sink_http_new(h, o->url, c->max_batch, c->wait > 0, c->timeout_ms);
	if (s == NULL)
		http_free(h);
	return s;
}

struct sink *
destination_sink(const struct destination *d)
{
	const struct conf *c = d->conf;
	struct sink *s;

	if (c->http.url != NULL)
		s = http_sink(c);
	else if (c->raw)
		s = sink_raw_new(
		    &d->redis, &c->bus, c->max_batch, c->timeout_ms);
	else
		s = sink_redis_new(&d->redis, &c->bus, c->max_batch,
		    c->replicas, c->timeout_ms);
	if (s == NULL)
		errx(EX_SOFTWARE, "out of memory");
	return s;
}

enum sink_state
destination_open(const struct destination *d, struct sink *s)
{
	if (d->conf->http.url != NULL)
		return SINK_READY;
	return d->conf->raw ? sink_raw_open(s) : sink_redis_open(s);
}
