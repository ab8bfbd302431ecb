/*
 * Where a Redis is: redis://[user:password@]host[:port][/db][?channel=A,B],
 * redis+unix://[user:password@]PATH[?db=N&channel=A], redis:A,B (channels of
 * the server in SSE_REDIS_URL), stream:KEY and ?stream=KEY[&group=G] likewise.
 */
#ifndef REDIS_URL_H
#define REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>

#define REDIS_PORT 6379
#define REDIS_PASSWORD_MAX 1024 /* bytes of a password file's first line */

struct redis_url {
	char *host; /* NULL: a Unix socket */
	char *path; /* the Unix socket's */
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
 * Is s meant for this parser: "redis:", "rediss:", "redis+unix:", "stream:"?
 * (The second is refused, saying that TLS is not there.)
 */
bool redis_url_is(const char *s);

/*
 * Read s.  base is the server's URL for the short forms, whose own channels do
 * not count; NULL stands for redis://127.0.0.1:6379.  env_password (NULL: none,
 * see redis_url_env_password()) holds where the URL has no password.  Text that
 * is not plain in a URL is percent-encoded.
 *
 * Returns 0 with *u set, to be freed; -1 with *fault a constant text, u then
 * holds nothing (EX_USAGE is the caller's).
 */
int redis_url_parse(struct redis_url *u, const char *s, const char *base,
    const char *env_password, const char **fault);
void redis_url_free(struct redis_url *u);

/*
 * The password from the environment: SSE_REDIS_PASSWORD, else the first line
 * of the file that SSE_REDIS_PASSWORD_FILE names.  Returns 0 with *password set
 * or NULL, to be released with redis_url_forget(); -1 with errno set when the
 * file cannot be read, is empty (EINVAL) or too long (EFBIG).  *lax (NULL: not
 * asked) tells whether others than the owner can read the file.
 */
int redis_url_env_password(char **password, bool *lax);
void redis_url_forget(char *password);

#endif
