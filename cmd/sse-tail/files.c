#include <sys/resource.h>

#include "files.h"
#include "say.h"

#define SPARE_FILES 64 /* descriptors besides those of connections */

void
files_allow(const struct options *o, size_t n)
{
	rlim_t wanted = n + SPARE_FILES;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == -1 || r.rlim_cur >= wanted)
		return;
	r.rlim_cur = wanted < r.rlim_max ? wanted : r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
	if (n > 1 && r.rlim_cur < wanted)
		say_warning(o,
		    "%zu urls may need %llu open files, and ulimit -n is %llu",
		    n, (unsigned long long)wanted,
		    (unsigned long long)r.rlim_cur);
}
