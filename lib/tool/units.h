/*
 * Times and sizes as they are typed: "15s", "2m", "1h", "7d", "250ms",
 * "64k", "1m", "2g".  Nothing but the number and its unit is let pass.
 */
#ifndef UNITS_H
#define UNITS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Read a time; a bare number counts bare_ms each (1000: seconds).  A fraction
 * is allowed ("0.5s").  Returns 0 with *ms set, or a constant that says what is
 * wrong: "invalid", "too small", "too large" (as strtonum's).
 */
const char *time_parse(const char *s, int64_t bare_ms, int64_t min_ms,
    int64_t max_ms, int64_t *ms);

/* Read a size in bytes: k, m, g, t are powers of 1024. */
const char *size_parse(const char *s, size_t min, size_t max, size_t *bytes);

/* Milliseconds of Unix time, and of a clock that never steps. */
int64_t clock_unix_ms(void);
int64_t clock_mono_ms(void);

/*
 * A moment as people and machines read it, RFC 3339 in UTC to the millisecond;
 * of one past the year 9999 nothing is said but "?".  Returns buf.
 */
#define CLOCK_TEXT_LEN sizeof("9999-12-31T23:59:59.999Z")
const char *clock_text(int64_t unix_ms, char buf[static CLOCK_TEXT_LEN]);

#endif
