#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "redis_auth.h"
#include "secret.h"

/* The first line of what fd holds. */
static char *
first_line(int fd)
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
redis_auth_read(const char *file, char **password, const char **from, bool *lax)
{
	const char *text = getenv("SSE_REDIS_PASSWORD");
	const char *named = getenv("SSE_REDIS_PASSWORD_FILE");
	int fd, saved;

	*password = NULL;
	if (lax != NULL)
		*lax = false;
	if (from != NULL)
		*from = NULL;
	if (file == NULL && text != NULL && *text != '\0')
		return (*password = strdup(text)) == NULL ? -1 : 0;
	if (file == NULL && (file = named) != NULL && *file == '\0')
		file = NULL;
	if (file == NULL)
		return 0;
	if (from != NULL)
		*from = file;
	if ((fd = open(file, O_RDONLY | O_CLOEXEC)) == -1)
		return -1;
	if (lax != NULL)
		*lax = secret_lax_fd(fd);
	*password = first_line(fd);
	saved = errno;
	close(fd);
	errno = saved;
	return *password == NULL ? -1 : 0;
}

char *
redis_auth_get(const char *file, bool quiet)
{
	const char *from;
	char *password;
	bool lax;

	if (redis_auth_read(file, &password, &from, &lax) == -1)
		err(EX_CONFIG, "the password of Redis, %s",
		    from != NULL ? from : "SSE_REDIS_PASSWORD");
	if (lax && !quiet)
		warnx(SECRET_LAX, from);
	return password;
}
