/*
 * Those options that curl has too and that make a request.
 */
#ifndef OPTIONS_CURL_H
#define OPTIONS_CURL_H

#include "options.h"

/* Take the option whose argument is optarg, or end the program (opt.h). */
void options_curl(struct options *o, int letter);

#endif
