#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "say.h"

void
say_warning(const struct options *o, const char *fmt, ...)
{
	va_list ap;

	if (o->quiet || o->silent)
		return;
	va_start(ap, fmt);
	vwarnx(fmt, ap);
	va_end(ap);
}

void
say_fault(const struct options *o, const char *fmt, ...)
{
	va_list ap;

	if (o->silent && !o->show_error)
		return;
	va_start(ap, fmt);
	vwarnx(fmt, ap);
	va_end(ap);
}

void
say_life(const struct options *o, const char *fmt, ...)
{
	char text[1536], when[32];
	struct timespec now;
	struct tm tm;
	va_list ap;

	if (o->verbose == 0 || o->silent)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	warnx("%s.%03ldZ %s", when, now.tv_nsec / 1000000, text);
}
