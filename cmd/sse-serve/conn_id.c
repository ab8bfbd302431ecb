#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conn_id.h"
#include "http.h"

#define DIGITS (INSTANCE_LEN - 1)

int
conn_id_format(const struct conn_id *id, char buf[static CONN_ID_LEN])
{
	return snprintf(buf, CONN_ID_LEN, "%s-%u-%" PRIu64, id->instance,
	    id->worker, id->serial);
}

/* A number in decimal up to max, cut off t.  False: there is none. */
static bool
take_number(struct sse_text *t, uint64_t max, uint64_t *n)
{
	size_t i = 0;

	*n = 0;
	for (; i < t->len && t->ptr[i] >= '0' && t->ptr[i] <= '9'; i++) {
		if (*n > (max - 9) / 10)
			return false;
		*n = *n * 10 + (uint64_t)(t->ptr[i] - '0');
	}
	t->ptr += i;
	t->len -= i;
	return i > 0;
}

static bool
take_dash(struct sse_text *t)
{
	if (t->len == 0 || *t->ptr != '-')
		return false;
	t->ptr++;
	t->len--;
	return true;
}

bool
conn_id_parse(struct conn_id *id, struct sse_text t)
{
	uint64_t worker;

	if (t.len <= DIGITS)
		return false;
	for (size_t i = 0; i < DIGITS; i++)
		if (http_hex(t.ptr[i]) < 0)
			return false;
	memcpy(id->instance, t.ptr, DIGITS);
	id->instance[DIGITS] = '\0';
	t.ptr += DIGITS;
	t.len -= DIGITS;
	if (!take_dash(&t) || !take_number(&t, 99999, &worker) ||
	    !take_dash(&t) || !take_number(&t, UINT64_MAX, &id->serial))
		return false;
	id->worker = (unsigned int)worker;
	return t.len == 0;
}

bool
conn_id_before(const struct conn_id *a, const struct conn_id *b)
{
	if (a->worker != b->worker)
		return a->worker < b->worker;
	return a->serial < b->serial;
}
