#include <sysexits.h>

#include "redis_link.h"

bool
redis_link_passes(enum redis_link_state state)
{
	return state == REDIS_LINK_DOWN || state == REDIS_LINK_BUSY;
}

int
redis_link_status(enum redis_link_state state)
{
	switch (state) {
	case REDIS_LINK_OK:
		return EX_OK;
	case REDIS_LINK_DOWN:
		return EX_UNAVAILABLE;
	case REDIS_LINK_BUSY:
		return EX_TEMPFAIL;
	case REDIS_LINK_DENIED:
		return EX_NOPERM;
	case REDIS_LINK_CONFIG:
		return EX_CONFIG;
	case REDIS_LINK_BAD:
		return EX_PROTOCOL;
	case REDIS_LINK_STARVED:
		break;
	}
	return EX_SOFTWARE;
}
