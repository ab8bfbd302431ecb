/*
 * libsse: event streams (text/event-stream), decoded and encoded.
 *
 * Spec: HTML Living Standard, "Server-sent events"; below, sections are cited
 * by title.  The library needs libc alone.  It does no input or output, keeps
 * no state outside its objects, starts no thread and is safe to use from
 * several, as long as each object is used by one at a time.
 *
 * Functions that fail return -1 or NULL with errno set as said with each.
 */
#ifndef SSE_H
#define SSE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SSE_VERSION "0.1.0"

/* len bytes at ptr.  No NUL ends them, and they may contain some. */
struct sse_text {
	const char *ptr;
	size_t len;
};

/* Which fields an event's own block bore, or is to bear when encoded. */
#define SSE_HAS_EVENT 0x1u /* event, and not empty */
#define SSE_HAS_ID 0x2u    /* id, perhaps empty */
#define SSE_HAS_RETRY 0x4u /* retry, well-formed */
#define SSE_HAS_DATA 0x8u  /* data: only such a block dispatches an event */

/*
 * One event.  One that a decoder hands out belongs to the decoder and stays
 * good until the next sse_decoder_feed(), sse_decoder_set_last_id(),
 * sse_decoder_reset() or sse_decoder_free(); copy what you keep.
 */
struct sse_event {
	struct sse_text type; /* "message" when the stream named none */
	struct sse_text data; /* lines joined by LF, no final LF */
	struct sse_text id;   /* last event ID in force, may be empty */
	int64_t retry_ms;     /* the block's own retry, else -1 */
	unsigned int has;     /* SSE_HAS_*: what this very block bore */
};

/* A field the standard does not know, or a comment, as it stood in a block. */
struct sse_field {
	struct sse_text name; /* empty: a comment */
	struct sse_text value;
};

/*
 * Decoder.
 * Spec: HTML, "Parsing an event stream", "Interpreting an event stream".
 */
struct sse_decoder;

#define SSE_MAX_BYTES_DEFAULT ((size_t)16 << 20)
#define SSE_RETRY_MAX_MS INT64_C(86400000) /* larger ones are clamped */

/* What sse_decoder_ask() may ask for. */
#define SSE_ASK_FIELDS 0x1u   /* fields the standard does not know */
#define SSE_ASK_COMMENTS 0x2u /* comments */
#define SSE_ASK_BLOCKS 0x4u   /* blocks that dispatch no event, too */

/*
 * A decoder that refuses events of more than max_bytes; 0 stands for
 * SSE_MAX_BYTES_DEFAULT.  What counts is every byte of the block, the lines
 * that are ignored included, so that no stream makes it hold more than a few
 * times that; a line end counts as one byte, the blank line does not, and bytes
 * that are no UTF-8 count as the U+FFFD that replaces them.
 * NULL with ENOMEM.
 */
struct sse_decoder *sse_decoder_new(size_t max_bytes);

/* NULL is let pass. */
void sse_decoder_free(struct sse_decoder *d);

/*
 * Make ready for the next connection: an unfinished event is discarded, a BOM
 * may come again, an error is forgotten.  The last event ID, the reconnection
 * time and what was asked for stay.
 */
void sse_decoder_reset(struct sse_decoder *d);

/* Ask for more than events: SSE_ASK_* or-ed.  Holds from the next block on. */
void sse_decoder_ask(struct sse_decoder *d, unsigned int what);

/*
 * Read len bytes at buf, which may break off anywhere, up to the first event.
 *
 * Returns  1 with *ev pointing at the event that was dispatched,
 *          2 with *ev at a block that dispatched none (it had no data), but
 *            bore a field or a comment; only when asked with SSE_ASK_BLOCKS.
 *            Its id, if it bore one, is in force,
 *          0 when every byte was read and no event is complete,
 *         -1 with errno
 *            EMSGSIZE when an event outgrew max_bytes: it is dropped whole and
 *            its id is not committed.  Whoever feeds on skips to its end and
 *            decodes what follows; told once for each such event,
 *            ENOMEM when memory ran out: nothing is lost, the same call may
 *            be made again with the bytes from *used on.
 * *used is set to the bytes read; after anything but 0, call again with the
 * rest.  The event may point into buf: keep buf as long as the event.
 */
int sse_decoder_feed(struct sse_decoder *d, const void *buf, size_t len,
    size_t *used, const struct sse_event **ev);

/*
 * Take many events in one call, for whoever passes on data and has no use for
 * the rest: of the len bytes at buf those up to the first block that is not
 * plain, and max at most.  Plain is a block that lies whole in buf and is made
 * of one line of data, perhaps empty, and perhaps an id, ended by LF.
 *
 * Returns how many events there are in ev, each as sse_decoder_feed() would
 * have handed it out; 0 when the first block is not plain, cut, or too large, or
 * memory ran out: that is for sse_decoder_feed().
 * *used is set to the bytes these events took.  They may point into buf; they
 * and the decoder's last event ID, the one of the last of them, are good until
 * the next call.
 */
size_t sse_decoder_feed_many(struct sse_decoder *d, const void *buf, size_t len,
    size_t *used, struct sse_event *ev, size_t max);

/*
 * The fields and comments that were asked for, of the block that the last feed
 * handed out, in their order: set *iter to 0, then call until 0 is returned.
 * They are good as long as the event.  Returns 1 with *f set, else 0.
 */
int sse_decoder_field(
    const struct sse_decoder *d, size_t *iter, struct sse_field *f);

/*
 * The last event ID in force: what a reconnection sends as Last-Event-ID.
 * Good until the next feed or set.  Empty at the start.
 */
struct sse_text sse_decoder_last_id(const struct sse_decoder *d);

/*
 * Seed the last event ID, as from a state file.  -1 with EINVAL when it
 * contains NUL, CR or LF, with ENOMEM when memory ran out; it is then as before.
 */
int sse_decoder_set_last_id(struct sse_decoder *d, const char *id, size_t len);

/* The reconnection time in milliseconds; -1 until a retry field came. */
int64_t sse_decoder_retry_ms(const struct sse_decoder *d);

/* Seed the reconnection time; below 0 it is unset, too large it is clamped. */
void sse_decoder_set_retry_ms(struct sse_decoder *d, int64_t ms);

/*
 * Encoder.  It appends to a buffer that the caller owns; { NULL, 0, 0 } is an
 * empty one.  The buffer grows by realloc(); none is made when cap suffices.
 * When a function fails the buffer holds what it held before the call.  What is
 * to be appended must not lie in the buffer itself.
 * Spec: HTML, "Parsing an event stream" (the ABNF).
 */
struct sse_buf {
	char *ptr;
	size_t len;
	size_t cap;
};

/* Room for n more bytes behind len.  -1 with ENOMEM. */
int sse_buf_reserve(struct sse_buf *b, size_t n);

/* Append n bytes.  -1 with ENOMEM. */
int sse_buf_append(struct sse_buf *b, const void *p, size_t n);

/* Release the memory and leave an empty buffer. */
void sse_buf_free(struct sse_buf *b);

/*
 * Append the block of an event, blank line included: event unless it is empty
 * or "message", id if has says SSE_HAS_ID, retry if SSE_HAS_RETRY, data if
 * SSE_HAS_DATA.  CR, LF and CRLF in data each end a line, so that decoding
 * gives lines joined by LF.  A block with none of these is refused.
 * Bytes are not checked to be UTF-8; sse_utf8_append() makes them so.
 * -1 with EINVAL when it cannot be represented (CR or LF in type or id, NUL in
 * id, retry_ms below 0), with ENOMEM.
 */
int sse_encode_event(struct sse_buf *b, const struct sse_event *ev);

/*
 * Append one line of a block, "name: value".  Name is any field; whoever
 * writes fields one by one ends the block with sse_encode_end().
 * -1 with EINVAL when name is empty or has a colon, CR or LF, or value has CR
 * or LF, with ENOMEM.
 */
int sse_encode_field(
    struct sse_buf *b, struct sse_text name, struct sse_text value);

/* Append text as one data line for each of its lines.  -1 with ENOMEM. */
int sse_encode_data(struct sse_buf *b, struct sse_text data);

/* Append the blank line that ends a block.  -1 with ENOMEM. */
int sse_encode_end(struct sse_buf *b);

/* Append text as one comment for each of its lines.  -1 with ENOMEM. */
int sse_encode_comment(struct sse_buf *b, struct sse_text text);

/*
 * Append len bytes as UTF-8, each maximal subpart that is none replaced by
 * U+FFFD, which is how every decoder would read them.  -1 with ENOMEM.
 * Spec: Encoding, "UTF-8 decode"; Unicode, "U+FFFD Substitution of Maximal
 * Subparts".
 */
int sse_utf8_append(struct sse_buf *b, const void *p, size_t len);

/* How many of the len bytes at p, from the first on, are whole valid UTF-8. */
size_t sse_utf8_valid(const void *p, size_t len);

/* The version of the library that runs, as SSE_VERSION. */
const char *sse_version(void);

#ifdef __cplusplus
}
#endif

#endif
