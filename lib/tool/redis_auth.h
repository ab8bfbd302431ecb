/*
 * The password of Redis where its URL bears none: from the file that an option
 * names, else from the environment, so that it need not stand in argv.
 */
#ifndef REDIS_AUTH_H
#define REDIS_AUTH_H

#include <stdbool.h>

#define REDIS_PASSWORD_MAX 1024 /* bytes of a password file's first line */

/*
 * The first line of the file named file; with file NULL, SSE_REDIS_PASSWORD,
 * else the first line of the file that SSE_REDIS_PASSWORD_FILE names.  *from
 * (NULL: not asked) is the file that was looked at, or NULL.
 *
 * Returns 0 with *password set or NULL, to be released with
 * redis_url_forget(); -1 with errno set when the file cannot be read, is empty
 * (EINVAL) or too long (EFBIG).  *lax (NULL: not asked) tells whether others
 * than the owner can read the file.
 */
int redis_auth_read(
    const char *file, char **password, const char **from, bool *lax);

/*
 * The same for a main(): a file that cannot be read ends the program with
 * EX_CONFIG, one that others can read is warned of unless quiet.
 */
char *redis_auth_get(const char *file, bool quiet);

#endif
