#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/resource.h>
#include <unistd.h>

#include "process.h"

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/*
 * The nth number, from 0 on, of a file of words with one space between them,
 * behind the last of the character from; 0: there is none.
 */
static uint64_t
number_in(const char *path, char from, unsigned int n)
{
	char line[1024], *p = NULL;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return 0;
	if (fgets(line, sizeof(line), f) != NULL)
		p = from == '\0' ? line : strrchr(line, from);
	(void)fclose(f);
	if (p != NULL && from != '\0')
		n++;
	for (; p != NULL && n > 0; n--)
		if ((p = strchr(p, ' ')) != NULL)
			p++;
	return p == NULL ? 0 : strtoull(p, NULL, 10);
}

static uint64_t
resident(void)
{
	return number_in("/proc/self/statm", '\0', 1) *
	    (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	uint64_t n = 0;

	if (d == NULL)
		return 0;
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n > 3 ? n - 3 : 0; /* ".", ".." and the directory itself */
}

/* Both are counted from the start of the machine.  Spec: proc(5), stat. */
static double
started(void)
{
	uint64_t ticks = number_in("/proc/self/stat", ')', 19);
	struct timespec now, up;

	if (ticks == 0 || clock_gettime(CLOCK_REALTIME, &now) == -1 ||
	    clock_gettime(CLOCK_BOOTTIME, &up) == -1)
		return 0;
	return (double)(now.tv_sec - up.tv_sec) +
	    (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

void
process_look(struct process *p)
{
	struct rusage ru;
	struct rlimit rl;

	memset(p, 0, sizeof(*p));
	if (getrusage(RUSAGE_SELF, &ru) == 0)
		p->cpu_s = seconds(ru.ru_utime) + seconds(ru.ru_stime);
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0)
		p->max_fds = rl.rlim_cur;
	p->started_s = started();
	p->resident_bytes = resident();
	p->open_fds = open_fds();
}
