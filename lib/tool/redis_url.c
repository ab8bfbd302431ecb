#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event.h"
#include "redis_url.h"

#define DB_MAX 65535

static const char no_memory[] = "out of memory";

bool
redis_url_is(const char *s)
{
	static const char *const schemes[] = {
		"redis:", "rediss:", "redis+unix:", "stream:"
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
	*fault = "the database is no number from 0 to 65535";
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

static int
parse_host(
    struct redis_url *u, const char *s, const char *end, const char **fault)
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
	u->port = REDIS_PORT;
	if (port == NULL || (port < end && *port != ':')) {
		*fault = "an IPv6 address stands in brackets: [::1]";
		return -1;
	}
	if (port < end &&
	    number(port + 1, (size_t)(end - port - 1), 1, 65535, &u->port) ==
		-1) {
		*fault = "the port is no number from 1 to 65535";
		return -1;
	}
	if (stop == host)
		return set(&u->host, "127.0.0.1", 9, fault);
	return set(&u->host, host, (size_t)(stop - host), fault);
}

/* Behind redis:// */
static int
parse_tcp(struct redis_url *u, const char *s, const char **fault)
{
	const char *end = s + strcspn(s, "/?"), *rest;

	if ((s = parse_user(u, s, end, fault)) == NULL ||
	    parse_host(u, s, end, fault) == -1)
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

/* A server in full.  Returns 1 when s is one, 0 when it is a short form. */
static int
parse_server(struct redis_url *u, const char *s, const char **fault)
{
	if (strncmp(s, "redis://", 8) == 0)
		return parse_tcp(u, s + 8, fault) == 0 ? 1 : -1;
	if (strncmp(s, "redis+unix://", 13) == 0)
		return parse_unix(u, s + 13, fault) == 0 ? 1 : -1;
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
		*fault = "the server's URL is neither redis:// nor "
			 "redis+unix://";
		return -1;
	}
	forget_channels(u);
	if (strncmp(s, "redis:", 6) == 0)
		return add_channels(u, s + 6, strlen(s + 6), fault);
	if (strncmp(s, "stream:", 7) == 0 && s[7] != '\0')
		return set(&u->stream, s + 7, strlen(s + 7), fault);
	*fault = s[0] == 's' ? "stream: names no key"
			     : "it is none of redis://, redis+unix://, redis:, "
			       "stream:";
	return -1;
}

static int
show(struct redis_url *u)
{
	const char *user = u->user != NULL ? u->user : "";
	const char *at = u->user != NULL ? "@" : "";
	char db[16] = "";
	bool v6 = u->host != NULL && strchr(u->host, ':') != NULL;
	int n;

	if (u->db != 0)
		snprintf(db, sizeof(db), "%s%d",
		    u->host != NULL ? "/" : "?db=", u->db);
	if (u->host == NULL)
		n = asprintf(
		    &u->shown, "redis+unix://%s%s%s%s", user, at, u->path, db);
	else
		n = asprintf(&u->shown, "redis://%s%s%s%s%s:%d%s", user, at,
		    v6 ? "[" : "", u->host, v6 ? "]" : "", u->port, db);
	if (n == -1)
		u->shown = NULL;
	return n == -1 ? -1 : 0;
}

int
redis_url_parse(struct redis_url *u, const char *s, const char *base,
    const char *env_password, const char **fault)
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
	if (u->password == NULL && env_password != NULL &&
	    (u->password = strdup(env_password)) == NULL)
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

/* The first line of what fd holds. */
static char *
read_password(int fd)
{
	char buf[REDIS_PASSWORD_MAX + 2], *password = NULL;
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(buf) - 1) {
		n = read(fd, buf + len, sizeof(buf) - 1 - len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			goto wipe;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	len = strcspn(buf, "\r\n");
	buf[len] = '\0';
	if (len == 0)
		errno = EINVAL;
	else if (len > REDIS_PASSWORD_MAX)
		errno = EFBIG;
	else
		password = strdup(buf);
wipe:
	explicit_bzero(buf, sizeof(buf));
	return password;
}

int
redis_url_env_password(char **password, bool *lax)
{
	const char *text = getenv("SSE_REDIS_PASSWORD");
	const char *file = getenv("SSE_REDIS_PASSWORD_FILE");
	struct stat st;
	int fd, saved;

	*password = NULL;
	if (lax != NULL)
		*lax = false;
	if (text != NULL && *text != '\0')
		return (*password = strdup(text)) == NULL ? -1 : 0;
	if (file == NULL || *file == '\0')
		return 0;
	if ((fd = open(file, O_RDONLY | O_CLOEXEC)) == -1)
		return -1;
	if (lax != NULL && fstat(fd, &st) == 0)
		*lax = (st.st_mode & (S_IRGRP | S_IROTH)) != 0;
	*password = read_password(fd);
	saved = errno;
	close(fd);
	errno = saved;
	return *password == NULL ? -1 : 0;
}
