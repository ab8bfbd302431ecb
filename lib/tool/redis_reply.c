#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "redis_reply.h"

#define PIECE_FIRST ((size_t)1024)
#define PIECE_MAX ((size_t)64 << 10)

struct piece {
	struct piece *next;
	size_t used, size; /* of mem, in bytes */
	max_align_t mem[];
};

/* A reply and all that belongs to it. */
struct pool {
	struct piece *pieces; /* owned: the last first, each larger */
	redisReply root;
};

static struct piece *
piece_new(size_t size, struct piece *next)
{
	struct piece *p = malloc(sizeof(*p) + size);

	if (p == NULL)
		return NULL;
	p->next = next;
	p->used = 0;
	p->size = size;
	return p;
}

/* n bytes, or NULL. */
static void *
take(struct pool *pool, size_t n)
{
	struct piece *p = pool->pieces;
	size_t size;
	void *at;

	n = (n + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
	if (p == NULL || p->size - p->used < n) {
		size = p == NULL ? PIECE_FIRST : 2 * p->size;
		size = size < PIECE_MAX ? size : PIECE_MAX;
		if ((p = piece_new(size > n ? size : n, p)) == NULL)
			return NULL;
		pool->pieces = p;
	}
	at = (char *)p->mem + p->used;
	p->used += n;
	return at;
}

static struct pool *
pool_of(void *root)
{
	return (
	    struct pool *)(void *)((char *)root - offsetof(struct pool, root));
}

/* The part of a reply that task is; *pool is where what it needs is taken. */
static redisReply *
part(const redisReadTask *task, struct pool **pool)
{
	const redisReadTask *top = task;
	redisReply *r, *parent;

	if (task->parent == NULL) {
		if ((*pool = calloc(1, sizeof(**pool))) == NULL)
			return NULL;
		(*pool)->root.type = task->type;
		return &(*pool)->root;
	}
	while (top->parent != NULL)
		top = top->parent;
	*pool = pool_of(top->obj);
	if ((r = take(*pool, sizeof(*r))) == NULL)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->type = task->type;
	parent = task->parent->obj;
	parent->element[task->idx] = r;
	return r;
}

static void
free_reply(void *root)
{
	struct pool *pool = pool_of(root);
	struct piece *p;

	while ((p = pool->pieces) != NULL) {
		pool->pieces = p->next;
		free(p);
	}
	free(pool);
}

/* A part that lacks its memory: hiredis frees a root alone that it was given. */
static void *
starve(const redisReadTask *task, redisReply *r)
{
	if (task->parent == NULL)
		free_reply(r);
	return NULL;
}

static void *
create_string(const redisReadTask *task, char *s, size_t len)
{
	struct pool *pool;
	redisReply *r = part(task, &pool);

	if (r == NULL)
		return NULL;
	if ((r->str = take(pool, len + 1)) == NULL)
		return starve(task, r);
	memcpy(r->str, s, len);
	r->str[len] = '\0';
	r->len = len;
	return r;
}

static void *
create_array(const redisReadTask *task, int n)
{
	size_t bytes = (size_t)n * sizeof(redisReply *);
	struct pool *pool;
	redisReply *r = part(task, &pool);

	if (r == NULL || n <= 0)
		return r;
	if ((r->element = take(pool, bytes)) == NULL)
		return starve(task, r);
	memset(r->element, 0, bytes);
	r->elements = (size_t)n;
	return r;
}

static void *
create_integer(const redisReadTask *task, long long value)
{
	struct pool *pool;
	redisReply *r = part(task, &pool);

	if (r != NULL)
		r->integer = value;
	return r;
}

static void *
create_nil(const redisReadTask *task)
{
	struct pool *pool;
	redisReply *r = part(task, &pool);

	/* It is a string or an array that is none. */
	if (r != NULL)
		r->type = REDIS_REPLY_NIL;
	return r;
}

/* hiredis takes no const. */
static redisReplyObjectFunctions functions = {
	.createString = create_string,
	.createArray = create_array,
	.createInteger = create_integer,
	.createNil = create_nil,
	.freeObject = free_reply,
};

void
redis_reply_pool(redisReader *r)
{
	r->fn = &functions;
}

void
redis_reply_free(redisReply *r)
{
	if (r != NULL)
		free_reply(r);
}
