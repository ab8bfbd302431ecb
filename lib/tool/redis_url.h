/*
 * Where a Redis is: redis://[user:password@]host[:port][/db][?channel=A,B],
 * redis+unix://[user:password@]PATH[?db=N&channel=A],
 * sentinel://[user:password@]host[:port],host[:port].../MASTER[?db=N&channel=A],
 * redis:A,B (channels of the server in SSE_REDIS_URL), stream:KEY and
 * ?stream=KEY[&group=G] likewise.
 */
#ifndef REDIS_URL_H
#define REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>

#define REDIS_PORT 6379
#define SENTINEL_PORT 26379

struct redis_host {
	char *name;
	int port;
};

/* Of host, path and master one is set. */
struct redis_url {
	char *host;
	char *path;   /* a Unix socket's */
	char *master; /* what its sentinels call it */
	struct redis_host *sentinels;
	size_t nsentinels;
	int port;
	int db;
	char *user;      /* NULL: none */
	char *password;  /* NULL: none; goes by freezero */
	char **channels; /* decoded; may be none */
	size_t nchannels;
	char *stream; /* a plain Redis stream's key; NULL: none */
	char *group;  /* and the consumer group to read it in; NULL: none */
	char *shown;  /* the server's URL without password, for messages */
};

/*
 * Is s meant for this parser: "redis:", "rediss:", "redis+unix:", "sentinel:",
 * "stream:"?  (The second is refused, saying that TLS is not there.)
 */
bool redis_url_is(const char *s);

/*
 * Read s.  base is the server's URL for the short forms, whose own channels do
 * not count; NULL stands for redis://127.0.0.1:6379.  password (NULL: none,
 * see redis_auth.h) holds where the URL has none.  Text that is not plain in a
 * URL is percent-encoded.
 *
 * Returns 0 with *u set, to be freed; -1 with *fault a constant text, u then
 * holds nothing (EX_USAGE is the caller's).
 */
int redis_url_parse(struct redis_url *u, const char *s, const char *base,
    const char *password, const char **fault);
void redis_url_free(struct redis_url *u);

/* Release a password. */
void redis_url_forget(char *password);

#endif
