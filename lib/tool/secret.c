#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <sys/stat.h>

#include "secret.h"

void
secret_hide(char *arg)
{
	explicit_bzero(arg, strlen(arg));
}

void
secret_keep(char **secret, char *text)
{
	if (text == NULL)
		err(EX_SOFTWARE, NULL);
	if (*secret != NULL)
		freezero(*secret, strlen(*secret));
	*secret = text;
}

static bool
is_lax(const struct stat *st)
{
	return S_ISREG(st->st_mode) && (st->st_mode & (S_IRGRP | S_IROTH)) != 0;
}

bool
secret_lax(const char *path)
{
	struct stat st;

	return strcmp(path, "-") != 0 && stat(path, &st) == 0 && is_lax(&st);
}

bool
secret_lax_fd(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && is_lax(&st);
}
