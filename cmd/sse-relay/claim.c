#include "claim.h"

bool
claim_due(const struct claim *c, int64_t now_ms)
{
	return !c->off && now_ms >= c->due_ms;
}

void
claim_turn(struct claim *c, struct place next, int64_t now_ms)
{
	c->asked = false;
	c->from = next;
	/* What there is more of is asked for at once. */
	c->due_ms = place_is_zero(next) ? now_ms + CLAIM_EVERY_MS : now_ms;
}

void
claim_forget(struct claim *c)
{
	c->asked = false;
	c->from = PLACE_ZERO;
}
