#include <time.h>

#include "admission.h"

int
tally_open(struct tally *t, const struct conf *conf)
{
	atomic_init(&t->connections, 0);
	t->addresses = census_new(conf->max_per_address, conf->max_rate);
	t->clients = census_new(conf->max_per_client, 0);
	return t->addresses == NULL || t->clients == NULL ? -1 : 0;
}

void
tally_close(struct tally *t)
{
	census_free(t->addresses);
	census_free(t->clients);
}

static int64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static struct sse_text
key_of(const struct addr *owner)
{
	return (struct sse_text){ (const char *)owner->b, sizeof(owner->b) };
}

static enum refusal
reason_of(enum census_answer answer)
{
	switch (answer) {
	case CENSUS_MANY:
		return REFUSAL_ADDRESS;
	case CENSUS_FAST:
		return REFUSAL_RATE;
	case CENSUS_NOMEM:
		return REFUSAL_MEMORY;
	default:
		return REFUSAL_NONE;
	}
}

/* Is anyone counted by address at all?  Asking the time costs something. */
static bool
counts(const struct conf *conf)
{
	return conf->max_per_address > 0 || conf->max_rate > 0;
}

/* Count one more connection from addr. */
static enum refusal
enter(struct tally *t, struct admission *a, const struct addr *addr)
{
	struct addr owner = addr_owner(addr);
	enum refusal reason = reason_of(
	    census_enter(t->addresses, key_of(&owner), now_us()));

	a->counted = reason == REFUSAL_NONE;
	return reason;
}

struct admission
admission_accept(
    struct tally *t, const struct conf *conf, const struct peer *peer)
{
	struct admission a = { .refused = REFUSAL_NONE };

	if (counts(conf) && !peer->admin && !addr_is_unix(&peer->addr) &&
	    !trust_has(&conf->trust, &peer->addr))
		a.refused = (uint8_t)enter(t, &a, &peer->addr);
	return a;
}

/* A request that a proxy has passed on. */
static enum refusal
passed_on(struct tally *t, struct admission *a, const struct request *r)
{
	struct addr owner = addr_owner(&r->client);

	if (addr_is_unix(&r->client))
		return REFUSAL_NONE;
	if (r->route.what == ROUTE_EVENTS)
		return enter(t, a, &r->client);
	return reason_of(census_pass(t->addresses, key_of(&owner), now_us()));
}

/* A stream of somebody in particular. */
static enum refusal
enter_client(struct tally *t, struct admission *a, struct sse_text client)
{
	switch (census_enter(t->clients, client, now_us())) {
	case CENSUS_WELCOME:
		a->known = true;
		return REFUSAL_NONE;
	case CENSUS_NOMEM:
		return REFUSAL_MEMORY;
	default:
		return REFUSAL_CLIENT;
	}
}

enum refusal
admission_request(struct tally *t, const struct conf *conf, struct admission *a,
    const struct peer *peer, const struct request *r)
{
	enum refusal reason = REFUSAL_NONE;

	if (a->refused != REFUSAL_NONE)
		return a->refused;
	if (r->route.what == ROUTE_EVENTS &&
	    atomic_load(&t->connections) > conf->max_connections)
		return REFUSAL_CONNECTIONS;
	if (counts(conf) && !peer->admin &&
	    trust_has(&conf->trust, &peer->addr))
		reason = passed_on(t, a, r);
	if (reason == REFUSAL_NONE && conf->max_per_client > 0 &&
	    r->route.what == ROUTE_EVENTS && r->who->client.len > 0)
		reason = enter_client(t, a, r->who->client);
	return reason;
}

void
admission_end(struct tally *t, struct admission *a, struct sse_text client)
{
	if (a->known)
		census_leave(t->clients, client, now_us());
	a->known = false;
}

void
admission_leave(struct tally *t, struct admission *a, const struct addr *addr)
{
	struct addr owner = addr_owner(addr);

	if (a->counted)
		census_leave(t->addresses, key_of(&owner), now_us());
	a->counted = false;
}
