/*
 * Where a Redis is: redis://[user:password@]host[:port][/db][?channel=A,B],
 * redis+unix://PATH[?db=N&channel=A], redis:A,B (channels of the server in
 * SSE_REDIS_URL), stream:KEY and ?stream=KEY[&group=G] likewise.
 */
#ifndef REDIS_URL_H
#define REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>

struct redis_url {
	char *host; /* NULL: a Unix socket */
	char *path; /* the Unix socket's */
	int port;   /* 6379 by default */
	int db;
	char *user;      /* NULL: none */
	char *password;  /* NULL: none; goes by freezero */
	char **channels; /* decoded; may be none */
	size_t nchannels;
	char *stream; /* a plain Redis stream's key; NULL: none */
	char *shown;  /* the URL without password, for messages */
};

/* Is s meant for this parser: "redis:", "redis+unix:", "stream:"? */
bool redis_url_is(const char *s);

/*
 * Read s.  base is the server's URL for the short forms; NULL stands for
 * redis://127.0.0.1:6379.  A password may also come from SSE_REDIS_PASSWORD or
 * the file that SSE_REDIS_PASSWORD_FILE names, as *env_password (NULL: none).
 * Returns 0, or -1 with *fault a constant text (EX_USAGE is the caller's).
 */
int redis_url_parse(struct redis_url *u, const char *s, const char *base,
    const char *env_password, const char **fault);
void redis_url_free(struct redis_url *u);

#endif
