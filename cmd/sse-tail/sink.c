#include <err.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <jansson.h>

#include "say.h"
#include "sink.h"
#include "stdout.h"
#include "units.h"
#include "visible.h"

#define FLUSH_BYTES \
	((size_t)48 << 10) /* with what follows, all that a pipe takes */

void
sink_begin(struct sink *k, const struct options *o)
{
	*k = (struct sink){ .o = o };
	k->many = output_plain(o->output) && select_all(&o->select) &&
	    o->exec == NULL && !o->stats;
	k->command = (struct command_conf){ .text = o->exec,
		.retries = o->exec_retries,
		.timeout_ms = o->exec_ms,
		.secret = o->secret_name };
	k->ctx.json.data = o->json_data;
	stats_begin(&k->stats, clock_mono_ms());
}

void
sink_free(struct sink *k)
{
	sse_buf_free(&k->out);
	sse_buf_free(&k->scratch);
}

bool
sink_flush(struct sink *k)
{
	/* Behind what could not be written nothing must be. */
	if (!k->broken)
		k->broken = !stdout_write(
		    k->out.ptr, k->out.len, k->gone, k->arg);
	k->out.len = 0;
	return !k->broken;
}

/* A member of what sse:gap tells, fit for a message. */
static const char *
gap_id(const json_t *gap, const char *name, char *buf, size_t cap)
{
	const char *id = json_string_value(json_object_get(gap, name));

	return id == NULL ? "?" : visible_line(text_of(id), buf, cap);
}

/* Not inlined, so that its buffers do not burden events of other types. */
__attribute__((noinline)) static int
gap(const struct sink *k, const struct event *ev, const char *url)
{
	char after[128], oldest[128];
	json_t *root;
	bool kept;

	if (k->o->gap == GAP_IGNORE)
		return GO_ON;
	root = json_loadb(ev->data.ptr, ev->data.len, 0, NULL);
	/* Nothing is kept when it is null. */
	kept = json_is_string(json_object_get(root, "oldest"));
	say_warning(k->o, "%s: gap: events after %s%s%s are lost", url,
	    gap_id(root, "after", after, sizeof(after)),
	    kept ? " and before " : "",
	    kept ? gap_id(root, "oldest", oldest, sizeof(oldest)) : "");
	json_decref(root);
	return k->o->gap == GAP_FAIL ? STATUS_GAP : GO_ON;
}

/* The clock is asked once for all that came together. */
static int64_t
now_ms(struct sink *k)
{
	if (k->ctx.now_ms == 0)
		k->ctx.now_ms = clock_unix_ms();
	return k->ctx.now_ms;
}

/* One that is larger than what is written at a time is not copied once more. */
static void
print_large(struct sink *k, struct sse_text data)
{
	struct sse_text end = output_end(k->o->output);

	if (sink_flush(k))
		k->broken = !stdout_write(data.ptr, data.len, k->gone, k->arg);
	if (sse_buf_append(&k->out, end.ptr, end.len) == -1)
		err(EX_SOFTWARE, NULL);
}

static void
print(struct sink *k, const struct event *ev, const struct sse_decoder *d,
    const char *url)
{
	struct output_context *ctx = &k->ctx;

	if (ev->data.len > FLUSH_BYTES && output_plain(k->o->output) &&
	    k->o->exec == NULL) {
		print_large(k, ev->data);
		return;
	}
	if (ctx->url.ptr != url)
		ctx->url = text_of(url);
	ctx->count = k->count;
	ctx->block = d;
	if (k->o->nurls > 1)
		ctx->json.url = ctx->url;
	(void)now_ms(k);
	if (output_event(k->o->output, &k->out, ev, ctx) == -1)
		err(EX_SOFTWARE, NULL);
}

__attribute__((noinline)) static int
run(struct sink *k, const struct event *ev, const char *url)
{
	struct command_event what = {
		.type = ev->type.len > 0 ? ev->type : TEXT("message"),
		.id = ev->id,
		.channel = ev->channel,
		.url = text_of(url),
	};
	char fault[128], id[128];

	k->refused = command_run(&k->command,
			 (struct sse_text){ k->out.ptr, k->out.len }, &what,
			 fault, sizeof(fault)) == -1;
	k->out.len = 0;
	if (!k->refused)
		return GO_ON;
	say_fault(k->o, "%s: event %s: --exec: %s", url,
	    ev->id.len > 0 ? visible_line(ev->id, id, sizeof(id))
			   : "without ID",
	    fault);
	return EX_TEMPFAIL;
}

int
sink_event(struct sink *k, const struct event *ev, const struct sse_decoder *d,
    const char *url)
{
	int status = GO_ON;

	if (text_is(ev->type, "sse:gap"))
		status = gap(k, ev, url);
	if (select_takes(&k->o->select, ev, &k->scratch)) {
		k->count++;
		print(k, ev, d, url);
		if (k->o->exec != NULL && status == GO_ON)
			status = run(k, ev, url);
		else if (k->out.len >= FLUSH_BYTES)
			(void)sink_flush(k);
		if (k->o->stats)
			stats_event(&k->stats, ev, now_ms(k));
	}
	if (status != GO_ON)
		return status;
	k->met = k->met || select_ends(&k->o->select, ev);
	return k->met || (k->o->count > 0 && k->count == k->o->count) ? EX_OK
								      : GO_ON;
}

unsigned long long
sink_room(const struct sink *k)
{
	if (!k->many)
		return 0;
	return k->o->count > 0 ? k->o->count - k->count : ULLONG_MAX;
}

int
sink_many(struct sink *k, const struct sse_event *ev, size_t n)
{
	if (output_many(k->o->output, &k->out, ev, n) == -1)
		err(EX_SOFTWARE, NULL);
	if (k->out.len >= FLUSH_BYTES)
		(void)sink_flush(k);
	k->count += n;
	return k->count == k->o->count ? EX_OK : GO_ON;
}

void
sink_block(struct sink *k, const struct event *ev, const struct sse_decoder *d,
    const char *url)
{
	if (output_takes_blocks(k->o->output) && k->o->exec == NULL)
		print(k, ev, d, url);
}

int
sink_time_is_up(const struct sink *k)
{
	const struct options *o = k->o;

	if (o->count > 0)
		say_warning(o, "time is up: %llu of %llu events came", k->count,
		    o->count);
	else if (o->select.until != NULL)
		say_warning(o, "time is up: the event of --until did not come");
	else
		return EX_OK;
	return STATUS_UNMET;
}
