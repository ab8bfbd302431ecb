#include <err.h>
#include <sysexits.h>

#include "hub.h"
#include "tell.h"

void
hub_tell(struct hub *h, unsigned int worker, const struct notice *n)
{
	struct notice mine = *n;

	/* One that is not told would be a loss without a word. */
	if (notices_add(&h->ports[worker].out, &mine) == -1)
		err(EX_SOFTWARE, "notices");
}

void
tell_message(struct hub *h, const struct history *hist, struct message *m)
{
	for (unsigned int i = 0; i < h->nports; i++)
		if (hist->followers >> i & 1)
			hub_tell(h, i,
			    &(struct notice){ .what = NOTICE_MESSAGE,
				.message = message_ref(m),
				.drop = hist->log.dropped });
}

static void
tell_drops(struct hub *h)
{
	struct history *hist;

	while ((hist = archive_next_mark(&h->archive)) != NULL)
		for (unsigned int i = 0; i < h->nports; i++) {
			struct notice n = { .what = NOTICE_DROP,
				.drop = hist->log.dropped };

			if (!(hist->followers >> i & 1))
				continue;
			n.name = name_dup(hist->named.name);
			if (n.name.ptr != NULL)
				hub_tell(h, i, &n);
		}
}

/* Events are served once the horizon has passed them, so it is told first. */
void
tell_horizon(struct hub *h, unsigned int worker)
{
	struct port *port = &h->ports[worker];

	if (place_cmp(port->told, h->horizon) >= 0)
		return;
	port->told = h->horizon;
	hub_tell(h, worker,
	    &(struct notice){ .what = NOTICE_HORIZON,
		.place = h->horizon,
		.birth = h->birth });
}

void
tell_all(struct hub *h, enum notice_what what)
{
	for (unsigned int i = 0; i < h->nports; i++) {
		tell_horizon(h, i);
		hub_tell(h, i, &(struct notice){ .what = what });
	}
}

void
tell_log(struct hub *h, const struct history *hist, unsigned int worker)
{
	struct notice n = { .what = NOTICE_ATTACHED,
		.place = h->horizon,
		.drop = hist->log.dropped,
		.birth = h->birth };

	n.name = name_dup(hist->named.name);
	n.backlog = history_backlog(hist);
	if (n.name.ptr == NULL || n.backlog == NULL)
		notice_clear(&n);
	else
		hub_tell(h, worker, &n);
}

void
tell_fork(struct hub *h, enum notice_what what, struct place p, struct place up)
{
	for (unsigned int i = 0; i < h->nports; i++)
		hub_tell(h, i,
		    &(struct notice){ .what = what, .place = p, .drop = up });
}

void
tell_flush(struct hub *h)
{
	tell_drops(h);
	for (unsigned int i = 0; i < h->nports; i++) {
		struct port *port = &h->ports[i];

		tell_horizon(h, i);
		if (mailbox_post(port->box, &port->out) == 1)
			port->full = true;
	}
}

bool
tell_waits(const struct hub *h)
{
	for (unsigned int i = 0; i < h->nports; i++)
		if (h->ports[i].out.n > 0)
			return true;
	return false;
}
