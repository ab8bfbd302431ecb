/* The same of what processors without SSE2 are given. */
#undef __SSE2__
#include "chunk.c" /* NOLINT(bugprone-suspicious-include) */
