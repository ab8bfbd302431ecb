/*
 * The environment of a command of --exec: ours without its secrets, and what
 * describes the event.
 */
#ifndef COMMAND_ENV_H
#define COMMAND_ENV_H

#include "command.h"

/*
 * SSE_EVENT, SSE_ID, SSE_CHANNEL and SSE_URL, empty where the event has none,
 * a NUL within written as U+FFFD.  Of the variables of this program
 * SSE_REDIS_PASSWORD and the one called secret are left out, and passwords are
 * taken from the URLs in SSE_REDIS_URL and those of proxies.
 * To be freed.  NULL with ENOMEM.
 */
char **command_env(const struct command_event *ev, const char *secret);
void command_env_free(char **env);

#endif
