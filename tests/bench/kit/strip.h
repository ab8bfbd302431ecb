/*
 * The least that reading an event stream takes: recv(), the lines that begin
 * with "data: " without that, write().  It knows nothing of HTTP or of events
 * and sets the limit for who does.
 */
#ifndef STRIP_H
#define STRIP_H

/* url is http://127.0.0.1:PORT/PATH. */
void strip(const char *url);

#endif
