#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

static const char no_memory[] = "out of memory";
static const char too_large[] = "it is larger than 16m";

static int
read_all(int fd, struct sse_buf *b, const char **fault)
{
	char piece[16384];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) != 0) {
		if (n == -1) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		*fault = b->len + (size_t)n > FILE_READ_MAX ? too_large
							    : no_memory;
		if (*fault == too_large ||
		    sse_buf_append(b, piece, (size_t)n) == -1)
			return -1;
		*fault = NULL;
	}
	return 0;
}

int
file_read(const char *path, struct sse_buf *b, const char **fault)
{
	int fd = STDIN_FILENO, r, saved;

	*fault = NULL;
	if (strcmp(path, "-") != 0 &&
	    (fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return -1;
	r = read_all(fd, b, fault);
	saved = errno;
	if (fd != STDIN_FILENO)
		(void)close(fd);
	errno = saved;
	return r;
}

char *
file_line(const char *path, const char **fault)
{
	struct sse_buf b = { 0 };
	char *line = NULL;

	if (file_read(path, &b, fault) == 0) {
		*fault = no_memory;
		if (sse_buf_append(&b, "", 1) == 0)
			line = strndup(b.ptr, strcspn(b.ptr, "\r\n"));
	}
	if (b.ptr != NULL)
		explicit_bzero(b.ptr, b.len);
	sse_buf_free(&b);
	return line;
}
