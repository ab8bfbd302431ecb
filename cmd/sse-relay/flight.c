#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "flight.h"

#define RING (FLIGHT_ROW + 1)

int
flights_init(struct flights *f, const struct cargo_kind *kind, const char *name)
{
	f->name = name;
	flights_new_producer(f);
	for (size_t i = 0; i < RING; i++)
		if ((f->of[i].cargo = kind->make(kind)) == NULL)
			return -1;
	return 0;
}

void
flights_free(struct flights *f)
{
	for (size_t i = 0; i < RING; i++) {
		if (f->of[i].cargo != NULL)
			f->of[i].cargo->ops->free(f->of[i].cargo);
		mark_free(&f->of[i].to);
	}
	mark_free(&f->mark);
}

struct flight *
flights_sent(struct flights *f, size_t i)
{
	return &f->of[(f->first + i) % RING];
}

struct flight *
flights_next(struct flights *f)
{
	return flights_sent(f, f->n);
}

const struct cargo *
flights_gathering(const struct flights *f)
{
	return f->of[(f->first + f->n) % RING].cargo;
}

size_t
flights_gathered(const struct flights *f)
{
	const struct cargo *c = flights_gathering(f);

	return c->ops->count(c);
}

struct sse_text
flights_next_mark(const struct flights *f)
{
	return mark_text(&f->of[(f->first + f->n) % RING].to);
}

void
flights_new_producer(struct flights *f)
{
	unsigned char bytes[FLIGHT_PRODUCER_BYTES];

	arc4random_buf(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(f->producer + 2 * i, 3, "%02x", bytes[i]);
	f->number = 0;
}

static int
number(struct flights *f, struct flight *one)
{
	one->number = ++f->number;
	return one->cargo->ops->set_producer(
	    one->cargo, f->producer, one->number);
}

int
flights_launch(struct flights *f)
{
	struct flight *one = flights_next(f), *next;

	f->n++;
	next = flights_next(f);
	next->cargo->ops->clear(next->cargo);
	return mark_set(&next->to, mark_text(&one->to)) == -1 ? -1
							      : number(f, one);
}

int
flights_renumber(struct flights *f)
{
	flights_new_producer(f);
	for (size_t i = 0; i < f->n; i++)
		if (number(f, flights_sent(f, i)) == -1)
			return -1;
	return 0;
}

int
flights_command(struct flights *f, size_t i, bool by_sha, struct bus_command *c)
{
	struct flight *one = flights_sent(f, i);
	struct mark *from = i == 0 ? &f->mark : &flights_sent(f, i - 1)->to;

	if (f->name != NULL && !mark_none(&one->to) &&
	    one->cargo->ops->set_mark(one->cargo, f->name, mark_text(from),
		mark_text(&one->to)) == -1)
		return -1;
	return one->cargo->ops->command(one->cargo, by_sha, c);
}

int
flights_landed(struct flights *f)
{
	struct flight *one = flights_sent(f, 0);

	f->first = (f->first + 1) % RING;
	f->n--;
	one->cargo->ops->clear(one->cargo);
	return mark_none(&one->to) ? 0
				   : mark_set(&f->mark, mark_text(&one->to));
}

int
flights_settle(struct flights *f, struct sse_text mark, bool *known)
{
	size_t i = 0;

	while (i < f->n && !mark_is(&flights_sent(f, i)->to, mark))
		i++;
	*known = i < f->n && mark.len > 0;
	if (!*known)
		return 0;
	for (; i < SIZE_MAX; i--)
		if (flights_landed(f) == -1)
			return -1;
	/*
	 * One behind it that moves no mark, for its events have no IDs, may be
	 * there, too: by its number Redis knows.
	 */
	if (f->n > 0 && mark_is(&flights_sent(f, 0)->to, mark))
		return 0;
	return flights_renumber(f);
}

int
flights_drop(struct flights *f, struct sse_text mark)
{
	for (size_t i = 0; i < RING; i++)
		f->of[i].cargo->ops->clear(f->of[i].cargo);
	flights_new_producer(f);
	f->n = 0;
	return flights_stand(f, mark);
}

int
flights_stand(struct flights *f, struct sse_text mark)
{
	return mark_set(&f->mark, mark) == -1
	    ? -1
	    : mark_set(&flights_next(f)->to, mark);
}

size_t
flights_waiting(const struct flights *f)
{
	size_t n = 0;

	for (size_t i = 0; i <= f->n; i++) {
		const struct cargo *c = f->of[(f->first + i) % RING].cargo;

		n += c->ops->count(c);
	}
	return n;
}
