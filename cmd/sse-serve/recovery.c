#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "hub.h"
#include "message.h"
#include "recovery.h"
#include "units.h"

/* While it is read. */
struct reading {
	struct hub *hub;
	struct journal_reader reader;
	struct place top; /* of the events read so far */
	struct place last;
	size_t events;
};

static int
read_note(const struct journal_note *n, void *arg)
{
	struct reading *r = arg;
	struct hub *h = r->hub;
	struct history *hist;

	if (n->channel.len == 0) {
		h->birth = place_max(h->birth, n->birth);
		r->last = place_max(r->last, n->last);
		h->archive.forgotten = place_max(
		    h->archive.forgotten, n->forgotten);
		return 0;
	}
	if (!channel_valid(n->channel)) {
		r->reader.passed_over++;
		return 0;
	}
	if ((hist = archive_get(&h->archive, n->channel)) == NULL)
		return -1;
	hist->loaded = true;
	archive_dropped(&h->archive, hist, n->dropped);
	return 0;
}

static int
read_event(const struct event *ev, struct place p, void *arg)
{
	static const struct place all = { UINT64_MAX, UINT64_MAX };
	struct reading *r = arg;
	struct hub *h = r->hub;
	struct history *hist;
	struct message *m;

	if (event_fault(ev) != NULL || place_cmp(p, r->top) <= 0) {
		r->reader.passed_over++;
		return 0;
	}
	if ((hist = archive_get(&h->archive, ev->channel)) == NULL)
		return -1;
	hist->loaded = true;
	m = message_new(&h->scratch, ev, p, replay_last(&hist->log));
	if (m == NULL)
		return -1;
	if (archive_append(&h->archive, hist, m, all) == -1) {
		message_unref(m);
		return -1;
	}
	r->top = p;
	r->events++;
	if (place_is_zero(h->birth))
		h->birth = p;
	return 0;
}

static void
report(const struct journal_file *f, const struct reading *r)
{
	if (r->reader.passed_over > 0)
		warnx("journal %s: %llu blocks that are none of ours are "
		      "passed over",
		    f->path, r->reader.passed_over);
	if (r->hub->conf->verbose > 0)
		warnx("journal %s: %zu events read", f->path, r->events);
}

/* A file that is new, or was never begun, gets its first block. */
static int
begin(struct journal_file *f, char fault[static JOURNAL_FAULT_MAX])
{
	struct journal_note none = { .channel = { NULL, 0 } };
	struct sse_buf b = { 0 };
	int status = 0;

	if (f->size > 0)
		return 0;
	if (journal_encode_note(&b, &none) == -1 ||
	    journal_file_append(f, b.ptr, b.len) < b.len ||
	    journal_file_sync(f) == -1) {
		snprintf(fault, JOURNAL_FAULT_MAX, "journal %s: %s", f->path,
		    strerror(errno));
		journal_file_cut(f, 0);
		status = EX_IOERR;
	}
	sse_buf_free(&b);
	return status;
}

int
recovery_read(
    struct hub *h, struct journal_file *f, char fault[static JOURNAL_FAULT_MAX])
{
	struct reading r = { .hub = h };
	int status;

	r.reader = (struct journal_reader){ read_note, read_event, &r, 0 };
	status = journal_file_read(f, &r.reader, fault);
	if (status != 0)
		return status;
	archive_expire(&h->archive, clock_unix_ms(),
	    (struct place){ UINT64_MAX, UINT64_MAX });
	h->last = h->horizon = place_max(
	    place_max(r.top, r.last), h->archive.forgotten);
	report(f, &r);
	return begin(f, fault);
}
