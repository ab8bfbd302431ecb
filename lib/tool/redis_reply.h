/*
 * Replies in few pieces of memory: of a page of a log hiredis makes thousands of
 * parts, and to allocate and free each of them takes longer than all else that
 * is done with it.
 */
#ifndef REDIS_REPLY_H
#define REDIS_REPLY_H

#include <hiredis/hiredis.h>

/* From now on r makes such replies, which redis_reply_free() frees. */
void redis_reply_pool(redisReader *r);

/* NULL is no reply. */
void redis_reply_free(redisReply *r);

#endif
