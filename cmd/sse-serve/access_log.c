#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access_log.h"

#define KEEP_BYTES ((size_t)256 * 1024) /* while it does not take them */

static int
open_file(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

int
access_log_open(
    struct access_log *log, const char *path, enum access_format format)
{
	struct stat st;

	*log = (struct access_log){ .path = path, .format = format };
	log->fd = path == NULL ? STDERR_FILENO : open_file(path);
	if (log->fd == -1 || fstat(log->fd, &st) == -1)
		return -1;
	log->never_waits = S_ISREG(st.st_mode);
	return 0;
}

int
access_log_reopen(const struct access_log *log)
{
	int fd, error;

	if (log->fd == -1 || log->path == NULL)
		return 0;
	if ((fd = open_file(log->path)) == -1)
		return -1;
	/* Under the number that all threads know, at one stroke. */
	error = dup3(fd, log->fd, O_CLOEXEC);
	close(fd);
	return error == -1 ? -1 : 0;
}

void
access_log_close(struct access_log *log)
{
	if (log->fd != -1 && log->path != NULL)
		close(log->fd);
	log->fd = -1;
}

void
access_lines_add(struct access_lines *l, const struct access *a)
{
	if (l->log == NULL)
		return;
	if (l->buf.len > KEEP_BYTES ||
	    access_append(&l->buf, a, l->log->format) == -1)
		l->lost++;
}

/*
 * How much of it to write at once: whole lines, and to a pipe no more than it
 * takes without waiting once it takes anything.
 */
static size_t
piece(const struct access_lines *l)
{
	const char *end;

	if (l->log->never_waits || l->buf.len <= PIPE_BUF)
		return l->buf.len;
	end = memrchr(l->buf.ptr, '\n', PIPE_BUF);
	return end == NULL ? PIPE_BUF : (size_t)(end - l->buf.ptr) + 1;
}

static bool
takes(const struct access_log *log)
{
	struct pollfd p = { .fd = log->fd, .events = POLLOUT };

	return log->never_waits || (poll(&p, 1, 0) == 1 && p.revents & POLLOUT);
}

/* What cannot be written for good is lost. */
static void
lose_all(struct access_lines *l)
{
	for (size_t i = 0; i < l->buf.len; i++)
		l->lost += l->buf.ptr[i] == '\n';
	l->buf.len = 0;
}

void
access_lines_flush(struct access_lines *l)
{
	while (l->buf.len > 0 && takes(l->log)) {
		ssize_t n = write(l->log->fd, l->buf.ptr, piece(l));

		if (n == -1 && (errno == EINTR || errno == EAGAIN))
			return;
		if (n == -1) {
			lose_all(l);
			return;
		}
		l->buf.len -= (size_t)n;
		memmove(l->buf.ptr, l->buf.ptr + n, l->buf.len);
	}
}

void
access_lines_free(struct access_lines *l)
{
	access_lines_flush(l);
	sse_buf_free(&l->buf);
}
