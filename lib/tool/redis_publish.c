#include <poll.h>
#include <stdlib.h>

#include "redis_link_inner.h"
#include "units.h"

#define TRY_FIRST_MS 50 /* between tries, doubled up to the last */
#define TRY_LAST_MS 1000

/* Sleep, at most until the deadline.  False when there is no more time. */
static bool
pause_until(struct redis_link *l, int64_t *pause_ms, int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_mono_ms();
	int64_t ms = *pause_ms / 2 +
	    (int64_t)arc4random_uniform((uint32_t)*pause_ms / 2 + 1);

	*pause_ms = *pause_ms * 2 < TRY_LAST_MS ? *pause_ms * 2 : TRY_LAST_MS;
	if (left <= 0)
		return false;
	poll(NULL, 0, (int)(ms < left ? ms : left));
	return ms < left && (l->stop == NULL || !*l->stop);
}

/* Send it once and read the answer. */
static enum redis_link_state
publish_once(struct redis_link *l, const struct bus_batch *batch, bool by_sha,
    int64_t deadline_ms, redisReply **r)
{
	enum redis_link_state state;
	struct bus_command c;

	if ((state = redis_link_open(l, deadline_ms)) != REDIS_LINK_OK)
		return state;
	if (bus_batch_command(batch, by_sha, &c) == -1)
		return redis_link_starve(l);
	state = redis_link_send(l, &c);
	bus_command_free(&c);
	if (state != REDIS_LINK_OK)
		return state;
	return redis_link_reply(l, r, deadline_ms);
}

enum redis_link_state
redis_link_publish(struct redis_link *l, const struct bus_batch *batch,
    int64_t deadline_ms, enum bus_answer *answer, struct bus_minted *minted,
    redisReply **reply, struct sse_text *mark)
{
	int64_t pause_ms = TRY_FIRST_MS;
	enum redis_link_state state;
	bool by_sha = true;

	for (;;) {
		*reply = NULL;
		state = publish_once(l, batch, by_sha, deadline_ms, reply);
		if (state == REDIS_LINK_OK) {
			*answer = bus_batch_answer(batch, *reply, minted, mark);
			if (*answer == BUS_OK || *answer == BUS_MARK_MOVED)
				return REDIS_LINK_OK;
			if (*answer == BUS_NOSCRIPT && !by_sha)
				*answer = BUS_REFUSED; /* no Redis says so */
			if (*answer != BUS_NOSCRIPT)
				state = redis_link_refused(l, *answer, *reply);
			if (*answer == BUS_ORDER || *answer == BUS_REFUSED)
				return REDIS_LINK_OK;
			by_sha = *answer != BUS_NOSCRIPT;
			freeReplyObject(*reply);
			*reply = NULL;
			if (!by_sha)
				continue; /* at once, by its text */
		}
		if (!redis_link_passes(state) ||
		    !pause_until(l, &pause_ms, deadline_ms))
			return state;
	}
}
