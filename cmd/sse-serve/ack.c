#include <stdio.h>
#include <stdlib.h>

#include "ack.h"
#include "named.h"

struct ack *
ack_new(struct conn *c, unsigned int worker, struct sse_text client,
    const struct identity *who, struct sse_text id)
{
	struct ack *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->conn = c;
	a->worker = worker;
	a->status = 200;
	a->client = name_dup(client);
	a->id = name_dup(id);
	if (a->client.ptr == NULL || a->id.ptr == NULL) {
		ack_free(a);
		return NULL;
	}
	a->who = who;
	return a;
}

void
ack_free(struct ack *a)
{
	if (a == NULL)
		return;
	free((char *)(uintptr_t)a->client.ptr);
	free((char *)(uintptr_t)a->id.ptr);
	identity_free(a->who);
	free(a);
}

size_t
ack_answer(const struct ack *a, char buf[static ACK_ANSWER_MAX])
{
	char place[PLACE_LEN];
	const char *text = a->status == 404
	    ? "no event of this ID is kept for this client"
	    : a->status == 409 ? "no event of this ID has been published yet"
			       : "Redis is awaited, try again later";

	if (a->status == 200) {
		place_format(a->place, place);
		text = place;
	}
	return (size_t)snprintf(buf, ACK_ANSWER_MAX, "%s\n", text);
}
