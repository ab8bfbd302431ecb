#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "say.h"
#include "units.h"

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
	char text[1536], when[CLOCK_TEXT_LEN];
	va_list ap;

	if (o->verbose == 0 || o->silent)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	warnx("%s %s", clock_text(clock_unix_ms(), when), text);
}
