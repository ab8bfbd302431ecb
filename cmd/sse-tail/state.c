#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <jansson.h>

#include <sys/file.h>
#include <sys/stat.h>

#include "state.h"
#include "units.h"

#define STATE_MAX ((size_t)64 << 20)

struct entry {
	char *url, *id; /* owned; id NULL: not known yet */
};

struct state {
	char *path, *temporary, *directory; /* owned */
	int fd;                             /* of the file, locked */
	struct entry *entries; /* owned: first those of this run, in order */
	size_t ours, n;
	bool dirty;
	int64_t saved_ms;
};

static void *
need(void *p)
{
	if (p == NULL)
		err(EX_SOFTWARE, NULL);
	return p;
}

static void
add(struct state *s, const char *url, const char *id)
{
	s->entries = need(
	    reallocarray(s->entries, s->n + 1, sizeof(*s->entries)));
	s->entries[s->n++] = (struct entry){ need(strdup(url)),
		id == NULL ? NULL : need(strdup(id)) };
}

/* Is what is open still what the path names? */
static bool
current(const struct state *s)
{
	struct stat open, named;

	return fstat(s->fd, &open) == 0 && stat(s->path, &named) == 0 &&
	    open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/*
 * The lock goes with the file, which each save replaces; a new one is locked
 * before it gets the name.
 */
static void
lock(struct state *s)
{
	for (;;) {
		s->fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (s->fd == -1)
			err(EX_CANTCREAT, "%s", s->path);
		if (flock(s->fd, LOCK_EX | LOCK_NB) == -1) {
			if (errno == EWOULDBLOCK)
				errx(EX_TEMPFAIL,
				    "%s: another sse-tail uses it", s->path);
			err(EX_CANTCREAT, "%s", s->path);
		}
		if (current(s))
			return;
		(void)close(s->fd);
	}
}

static char *
read_file(const struct state *s)
{
	struct stat st;
	char *text;
	ssize_t n;
	size_t len = 0, size;

	if (fstat(s->fd, &st) == -1)
		err(EX_IOERR, "%s", s->path);
	if (!S_ISREG(st.st_mode) || (size_t)st.st_size > STATE_MAX)
		errx(EX_DATAERR, "%s: it is no state of sse-tail", s->path);
	size = (size_t)st.st_size;
	text = need(malloc(size + 1));
	while (len < size &&
	    (n = pread(s->fd, text + len, size - len, (off_t)len)) != 0) {
		if (n == -1)
			err(EX_IOERR, "%s", s->path);
		len += (size_t)n;
	}
	text[len] = '\0';
	return text;
}

static void
take_line(struct state *s, const char *line)
{
	json_t *root = json_loads(line, 0, NULL);
	const char *url = json_string_value(json_object_get(root, "url"));
	const char *id = json_string_value(json_object_get(root, "id"));
	size_t i = 0;

	if (url == NULL || id == NULL || strpbrk(id, "\r\n") != NULL)
		errx(EX_DATAERR, "%s: it is no state of sse-tail", s->path);
	while (i < s->n && strcmp(s->entries[i].url, url) != 0)
		i++;
	if (i == s->n)
		add(s, url, id);
	else if (s->entries[i].id == NULL)
		s->entries[i].id = need(strdup(id));
	json_decref(root);
}

static void
load(struct state *s)
{
	char *text = read_file(s), *rest = text, *line;
	bool known = s->ours == 0 || *text == '\0';

	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			take_line(s, line);
	free(text);
	for (size_t i = 0; i < s->ours; i++)
		known = known || s->entries[i].id != NULL;
	if (!known)
		errx(EX_CONFIG, "%s: it is the state of %s", s->path,
		    s->entries[s->ours].url);
}

/* A link stays one: what it points to is replaced. */
static char *
resolve(const char *path)
{
	char *real = realpath(path, NULL);

	return real != NULL ? real : need(strdup(path));
}

struct state *
state_open(const char *path, const char *const *urls, size_t n)
{
	struct state *s = need(calloc(1, sizeof(*s)));
	char *copy;

	s->path = resolve(path);
	if (asprintf(&s->temporary, "%s.new", s->path) == -1)
		err(EX_SOFTWARE, NULL);
	copy = need(strdup(s->path));
	s->directory = need(strdup(dirname(copy)));
	free(copy);
	for (size_t i = 0; i < n; i++)
		add(s, urls[i], NULL);
	s->ours = n;
	lock(s);
	load(s);
	return s;
}

const char *
state_id(const struct state *s, size_t i)
{
	return s->entries[i].id;
}

void
state_set(struct state *s, size_t i, struct sse_text id)
{
	struct entry *e = &s->entries[i];
	char *copy;

	if (e->id == NULL ? id.len == 0
			  : strlen(e->id) == id.len &&
		    memcmp(e->id, id.len > 0 ? id.ptr : "", id.len) == 0)
		return;
	copy = need(strndup(id.len > 0 ? id.ptr : "", id.len));
	free(e->id);
	e->id = copy;
	s->dirty = true;
}

int64_t
state_due_ms(const struct state *s)
{
	return s->dirty ? s->saved_ms + STATE_EVERY_MS : INT64_MAX;
}

/* The name that was replaced is safe only once its directory is. */
static void
sync_directory(const struct state *s)
{
	int fd = open(s->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1 || fsync(fd) == -1)
		warn("%s", s->directory);
	if (fd != -1)
		(void)close(fd);
}

static int
write_entries(const struct state *s, FILE *to)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct entry *e = &s->entries[i];
		json_t *line;
		int r;

		if (e->id == NULL)
			continue;
		line = need(
		    json_pack("{s:s, s:s}", "url", e->url, "id", e->id));
		r = json_dumpf(line, to, JSON_COMPACT);
		json_decref(line);
		if (r == -1 || fputc('\n', to) == EOF)
			return -1;
	}
	return fflush(to) == EOF ? -1 : 0;
}

/* Not replaced by what is not on the disk, nor while it is not locked. */
static int
replace(struct state *s)
{
	int fd = open(s->temporary,
	    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *to = fd == -1 ? NULL : fdopen(dup(fd), "w");
	int r = -1;

	if (to != NULL && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	    write_entries(s, to) == 0 && fsync(fd) == 0 &&
	    rename(s->temporary, s->path) == 0)
		r = 0;
	if (to != NULL)
		(void)fclose(to);
	if (r == -1) {
		if (fd != -1)
			(void)close(fd);
		return -1;
	}
	(void)close(s->fd);
	s->fd = fd;
	return 0;
}

void
state_save(struct state *s)
{
	if (!s->dirty)
		return;
	s->dirty = false;
	if (replace(s) == -1)
		err(EX_IOERR, "%s", s->temporary);
	sync_directory(s);
	s->saved_ms = clock_mono_ms();
}

void
state_close(struct state *s)
{
	if (s == NULL)
		return;
	state_save(s);
	(void)close(s->fd);
	for (size_t i = 0; i < s->n; i++) {
		free(s->entries[i].url);
		free(s->entries[i].id);
	}
	free(s->entries);
	free(s->path);
	free(s->temporary);
	free(s->directory);
	free(s);
}
