#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyring.h"
#include "secret.h"

struct keyring {
	const char *path;
	pthread_rwlock_t lock;
	struct token_key *key; /* owned */
};

/* All of the file, up to one byte more than a key has.  -1 with errno. */
static ssize_t
slurp(const char *path, char *buf, size_t size, bool *lax)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = -1;

	if (fd == -1)
		return -1;
	while (len < size && (n = read(fd, buf + len, size - len)) > 0)
		len += (size_t)n;
	*lax = secret_lax_fd(fd);
	close(fd);
	return n == -1 ? -1 : (ssize_t)len;
}

static struct token_key *
read_key(const char *path, char fault[static KEYRING_FAULT_MAX])
{
	char buf[TOKEN_KEY_MAX + 1];
	struct token_key *key = NULL;
	const char *why = NULL;
	ssize_t len;
	bool lax;

	len = slurp(path, buf, sizeof(buf), &lax);
	if (len == -1)
		why = strerror(errno);
	else
		key = token_key_new(buf, (size_t)len, &why);
	explicit_bzero(buf, sizeof(buf));
	if (key == NULL)
		snprintf(fault, KEYRING_FAULT_MAX, "key %s: %s", path, why);
	else if (lax && token_key_is_secret(key))
		warnx(SECRET_LAX, path);
	return key;
}

struct keyring *
keyring_open(const char *path, char fault[static KEYRING_FAULT_MAX])
{
	struct keyring *k = calloc(1, sizeof(*k));

	snprintf(
	    fault, KEYRING_FAULT_MAX, "key %s: %s", path, strerror(ENOMEM));
	if (k == NULL || (k->key = read_key(path, fault)) == NULL) {
		free(k);
		return NULL;
	}
	k->path = path;
	pthread_rwlock_init(&k->lock, NULL);
	return k;
}

void
keyring_close(struct keyring *k)
{
	if (k == NULL)
		return;
	token_key_free(k->key);
	pthread_rwlock_destroy(&k->lock);
	free(k);
}

void
keyring_reload(struct keyring *k)
{
	char fault[KEYRING_FAULT_MAX];
	struct token_key *old, *key = read_key(k->path, fault);

	if (key == NULL) {
		warnx("%s; the one before it stays", fault);
		return;
	}
	pthread_rwlock_wrlock(&k->lock);
	old = k->key;
	k->key = key;
	pthread_rwlock_unlock(&k->lock);
	token_key_free(old);
}

const struct token_key *
keyring_hold(struct keyring *k)
{
	if (k == NULL)
		return NULL;
	pthread_rwlock_rdlock(&k->lock);
	return k->key;
}

void
keyring_release(struct keyring *k)
{
	if (k != NULL)
		pthread_rwlock_unlock(&k->lock);
}
