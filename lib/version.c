#include "sse.h"

const char *
sse_version(void)
{
	return SSE_VERSION;
}
