#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "redis_url.h"

#define DB_MAX 65535

static const char no_memory[] = "out of memory";

bool
redis_url_is(const char *s)
{
	static const char *const schemes[] = {
		"redis:", "rediss:", "redis+unix:", "sentinel:", "stream:"
	};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncmp(s, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return false;
}

static int
hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, tolower((unsigned char)c));

	return c == '\0' || at == NULL ? -1 : (int)(at - digits);
}

/*
 * A copy of the len bytes at s, percent-decoded.  NULL with *fault: an encoding
 * that is none, or a NUL, which would cut the text short unseen.
 */
static char *
decode(const char *s, size_t len, const char **fault)
{
	char *to = malloc(len + 1), *p = to;

	if (to == NULL) {
		*fault = no_memory;
		return NULL;
	}
	for (size_t i = 0; i < len; i++) {
		int high, low;

		if (s[i] != '%') {
			*p++ = s[i];
			continue;
		}
		if (i + 2 >= len || (high = hex(s[i + 1])) < 0 ||
		    (low = hex(s[i + 2])) < 0 || high + low == 0) {
			*fault = "% is not followed by two hex digits of a "
				 "character (write % itself as %25)";
			freezero(to, len + 1);
			return NULL;
		}
		*p++ = (char)(high << 4 | low);
		i += 2;
	}
	*p = '\0';
	return to;
}

/* Replace *field, which is not secret, by the decoded text. */
static int
set(char **field, const char *s, size_t len, const char **fault)
{
	char *text = decode(s, len, fault);

	if (text == NULL)
		return -1;
	free(*field);
	*field = text;
	return 0;
}

static int
number(const char *s, size_t len, int min, int max, int *n)
{
	char text[12];
	const char *errstr;

	if (len == 0 || len >= sizeof(text) || !isdigit((unsigned char)s[0]))
		return -1;
	memcpy(text, s, len);
	text[len] = '\0';
	*n = (int)strtonum(text, min, max, &errstr);
	return errstr == NULL ? 0 : -1;
}

static int
parse_db(struct redis_url *u, const char *s, size_t len, const char **fault)
{
	if (number(s, len, 0, DB_MAX, &u->db) == 0)
		return 0;
	*fault = "the database is no number from 0 to 65535 (channels are "
		 "named by ?channel=)";
	return -1;
}

static int
add_channel(struct redis_url *u, const char *s, size_t len, const char **fault)
{
	char **grown, *name;

	if ((name = decode(s, len, fault)) == NULL)
		return -1;
	if (!channel_valid(text_of(name))) {
		*fault = "a channel's name has 1 to 200 bytes without "
			 "white space and *?[]\\";
		free(name);
		return -1;
	}
	for (size_t i = 0; i < u->nchannels; i++)
		if (strcmp(u->channels[i], name) == 0) {
			free(name);
			return 0; /* named twice is read once */
		}
	grown = reallocarray(u->channels, u->nchannels + 1, sizeof(*grown));
	if (grown == NULL) {
		*fault = no_memory;
		free(name);
		return -1;
	}
	u->channels = grown;
	u->channels[u->nchannels++] = name;
	return 0;
}

static int
add_channels(struct redis_url *u, const char *s, size_t len, const char **fault)
{
	const char *end = s + len;

	for (;;) {
		const char *comma = memchr(s, ',', (size_t)(end - s));
		const char *stop = comma != NULL ? comma : end;

		if (add_channel(u, s, (size_t)(stop - s), fault) == -1)
			return -1;
		if (comma == NULL)
			return 0;
		s = comma + 1;
	}
}

static int
parse_parameter(struct redis_url *u, const char *name, size_t namelen,
    const char *value, size_t len, const char **fault)
{
	struct sse_text n = { name, namelen };

	if (text_is(n, "channel"))
		return add_channels(u, value, len, fault);
	if (text_is(n, "db"))
		return parse_db(u, value, len, fault);
	if (len == 0 || (!text_is(n, "stream") && !text_is(n, "group"))) {
		*fault = "what follows ? is none of channel=, db=, stream=, "
			 "group=";
		return -1;
	}
	return set(
	    text_is(n, "stream") ? &u->stream : &u->group, value, len, fault);
}

static int
parse_query(struct redis_url *u, const char *s, const char **fault)
{
	while (*s != '\0') {
		size_t len = strcspn(s, "&");
		const char *equals = memchr(s, '=', len);
		const char *end = s + len;

		if (equals == NULL)
			equals = end;
		if (parse_parameter(u, s, (size_t)(equals - s),
			equals < end ? equals + 1 : end,
			equals < end ? (size_t)(end - equals - 1) : 0,
			fault) == -1)
			return -1;
		s = *end == '&' ? end + 1 : end;
	}
	if (u->group != NULL && u->stream == NULL) {
		*fault = "group= needs stream=";
		return -1;
	}
	return 0;
}

/* What stands before the last @ of the authority.  Returns what follows it. */
static const char *
parse_user(
    struct redis_url *u, const char *s, const char *end, const char **fault)
{
	const char *at = memrchr(s, '@', (size_t)(end - s)), *colon;

	if (at == NULL)
		return s;
	colon = memchr(s, ':', (size_t)(at - s));
	if (colon == NULL) {
		*fault = "before @ stands user:password or :password";
		return NULL;
	}
	if (colon > s && set(&u->user, s, (size_t)(colon - s), fault) == -1)
		return NULL;
	if (colon + 1 < at)
		u->password = decode(
		    colon + 1, (size_t)(at - colon - 1), fault);
	return colon + 1 < at && u->password == NULL ? NULL : at + 1;
}

/* host[:port], with *port as it is when none is said. */
static int
parse_host(const char *s, const char *end, char **name, int *port_at,
    const char **fault)
{
	const char *host = s, *stop, *port;

	if (s < end && *s == '[') {
		host = s + 1;
		stop = memchr(s, ']', (size_t)(end - s));
		port = stop != NULL ? stop + 1 : NULL;
	} else {
		stop = memchr(s, ':', (size_t)(end - s));
		stop = stop != NULL ? stop : end;
		port = stop;
	}
	if (port == NULL || (port < end && *port != ':')) {
		*fault = "an IPv6 address stands in brackets: [::1]";
		return -1;
	}
	if (port < end &&
	    number(port + 1, (size_t)(end - port - 1), 1, 65535, port_at) ==
		-1) {
		*fault = "the port is no number from 1 to 65535";
		return -1;
	}
	if (stop == host)
		return set(name, "127.0.0.1", 9, fault);
	return set(name, host, (size_t)(stop - host), fault);
}

/* Behind redis:// */
static int
parse_tcp(struct redis_url *u, const char *s, const char **fault)
{
	const char *end = s + strcspn(s, "/?"), *rest;

	u->port = REDIS_PORT;
	if ((s = parse_user(u, s, end, fault)) == NULL ||
	    parse_host(s, end, &u->host, &u->port, fault) == -1)
		return -1;
	rest = end + strcspn(end, "?");
	if (rest - end > 1 &&
	    parse_db(u, end + 1, (size_t)(rest - end - 1), fault) == -1)
		return -1;
	return *rest == '?' ? parse_query(u, rest + 1, fault) : 0;
}

/* Behind redis+unix:// */
static int
parse_unix(struct redis_url *u, const char *s, const char **fault)
{
	const char *end = s + strcspn(s, "?");

	s = parse_user(u, s, s + strcspn(s, "/?"), fault);
	if (s == NULL)
		return -1;
	if (s == end) {
		*fault = "the path of the Unix socket is missing";
		return -1;
	}
	if (set(&u->path, s, (size_t)(end - s), fault) == -1)
		return -1;
	return *end == '?' ? parse_query(u, end + 1, fault) : 0;
}

static int
add_sentinel(
    struct redis_url *u, const char *s, const char *end, const char **fault)
{
	struct redis_host h = { NULL, SENTINEL_PORT }, *grown;

	if (parse_host(s, end, &h.name, &h.port, fault) == -1)
		return -1;
	grown = reallocarray(u->sentinels, u->nsentinels + 1, sizeof(*grown));
	if (grown == NULL) {
		*fault = no_memory;
		free(h.name);
		return -1;
	}
	u->sentinels = grown;
	u->sentinels[u->nsentinels++] = h;
	return 0;
}

/* Behind sentinel:// */
static int
parse_sentinel(struct redis_url *u, const char *s, const char **fault)
{
	const char *end = s + strcspn(s, "/?"), *master = end + 1, *stop;

	if ((s = parse_user(u, s, end, fault)) == NULL)
		return -1;
	for (;; s = stop + 1) {
		stop = memchr(s, ',', (size_t)(end - s));
		if (add_sentinel(u, s, stop != NULL ? stop : end, fault) == -1)
			return -1;
		if (stop == NULL)
			break;
	}
	if (*end != '/' || (stop = master + strcspn(master, "?")) == master) {
		*fault = "the master's name is missing: "
			 "sentinel://host:port,host:port/master";
		return -1;
	}
	if (set(&u->master, master, (size_t)(stop - master), fault) == -1)
		return -1;
	return *stop == '?' ? parse_query(u, stop + 1, fault) : 0;
}

/* A server in full.  Returns 1 when s is one, 0 when it is a short form. */
static int
parse_server(struct redis_url *u, const char *s, const char **fault)
{
	if (strncmp(s, "redis://", 8) == 0)
		return parse_tcp(u, s + 8, fault) == 0 ? 1 : -1;
	if (strncmp(s, "redis+unix://", 13) == 0)
		return parse_unix(u, s + 13, fault) == 0 ? 1 : -1;
	if (strncmp(s, "sentinel://", 11) == 0)
		return parse_sentinel(u, s + 11, fault) == 0 ? 1 : -1;
	if (strncmp(s, "rediss:", 7) != 0)
		return 0;
	*fault = "TLS to Redis is not supported; use a tunnel or a Unix socket";
	return -1;
}

static void
forget_channels(struct redis_url *u)
{
	for (size_t i = 0; i < u->nchannels; i++)
		free(u->channels[i]);
	free(u->channels);
	free(u->stream);
	free(u->group);
	u->channels = NULL;
	u->nchannels = 0;
	u->stream = u->group = NULL;
}

static int
parse_short(
    struct redis_url *u, const char *s, const char *base, const char **fault)
{
	int rc = parse_server(
	    u, base != NULL ? base : "redis://127.0.0.1:6379", fault);

	if (rc == -1)
		return -1;
	if (rc == 0) {
		*fault = "the server's URL is none of redis://, redis+unix://, "
			 "sentinel://";
		return -1;
	}
	forget_channels(u);
	if (strncmp(s, "redis:", 6) == 0)
		return add_channels(u, s + 6, strlen(s + 6), fault);
	if (strncmp(s, "stream:", 7) == 0 && s[7] != '\0')
		return set(&u->stream, s + 7, strlen(s + 7), fault);
	*fault = s[0] == 's' ? "stream: names no key"
			     : "it is none of redis://HOST, "
			       "redis+unix://PATH, sentinel://HOST/MASTER";
	return -1;
}

/* The hosts of a URL as they are typed: the sentinels, or the one. */
static int
show_hosts(const struct redis_url *u, struct sse_buf *b)
{
	const struct redis_host one = { u->host, u->port };
	const struct redis_host *h = u->master != NULL ? u->sentinels : &one;
	size_t n = u->master != NULL ? u->nsentinels : 1;

	assert(u->host != NULL || u->master != NULL);
	for (size_t i = 0; i < n; i++) {
		bool v6 = strchr(h[i].name, ':') != NULL;
		char *text;
		int len = asprintf(&text, "%s%s%s%s:%d", i > 0 ? "," : "",
		    v6 ? "[" : "", h[i].name, v6 ? "]" : "", h[i].port);
		int error = len == -1 ? -1
				      : sse_buf_append(b, text, (size_t)len);

		if (len != -1)
			free(text);
		if (error == -1)
			return -1;
	}
	return 0;
}

static int
show(struct redis_url *u)
{
	const char *user = u->user != NULL ? u->user : "";
	const char *at = u->user != NULL ? "@" : "";
	struct sse_buf hosts = { NULL, 0, 0 };
	char db[16] = "";
	int n = -1;

	if (u->db != 0)
		snprintf(db, sizeof(db), "%s%d",
		    u->host != NULL ? "/" : "?db=", u->db);
	if (u->path != NULL)
		n = asprintf(
		    &u->shown, "redis+unix://%s%s%s%s", user, at, u->path, db);
	else if ((u->master != NULL || u->host != NULL) &&
	    show_hosts(u, &hosts) == 0)
		n = asprintf(&u->shown, "%s://%s%s%.*s%s%s%s",
		    u->master != NULL ? "sentinel" : "redis", user, at,
		    (int)hosts.len, hosts.ptr, u->master != NULL ? "/" : "",
		    u->master != NULL ? u->master : "", db);
	sse_buf_free(&hosts);
	if (n == -1)
		u->shown = NULL;
	return n == -1 ? -1 : 0;
}

int
redis_url_parse(struct redis_url *u, const char *s, const char *base,
    const char *password, const char **fault)
{
	int rc;

	memset(u, 0, sizeof(*u));
	rc = parse_server(u, s, fault);
	if (rc == 0)
		rc = parse_short(u, s, base, fault);
	if (rc == -1) {
		redis_url_free(u);
		return -1;
	}
	*fault = no_memory;
	if (u->password == NULL && password != NULL &&
	    (u->password = strdup(password)) == NULL)
		rc = -1;
	if (rc == -1 || show(u) == -1) {
		redis_url_free(u);
		return -1;
	}
	return 0;
}

void
redis_url_free(struct redis_url *u)
{
	forget_channels(u);
	for (size_t i = 0; i < u->nsentinels; i++)
		free(u->sentinels[i].name);
	free(u->sentinels);
	free(u->master);
	free(u->host);
	free(u->path);
	free(u->user);
	free(u->shown);
	redis_url_forget(u->password);
	memset(u, 0, sizeof(*u));
}

void
redis_url_forget(char *password)
{
	if (password != NULL)
		freezero(password, strlen(password) + 1);
}
