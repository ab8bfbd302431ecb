#include <sys/socket.h>
#include <sys/un.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "listener_addr.h"

static bool
port_parse(const char *s, char port[6])
{
	const char *errstr;

	if (*s == '\0' || s[strspn(s, "0123456789")] != '\0')
		return false;
	snprintf(port, 6, "%d", (int)strtonum(s, 0, 65535, &errstr));
	return errstr == NULL;
}

static int
parse_unix(struct listener_addr *a, const char *path, const char **fault)
{
	struct sockaddr_un un;

	a->kind = LISTENER_UNIX;
	a->path = path;
	if (*path == '\0') {
		*fault = "the path of the Unix socket is missing";
		return -1;
	}
	if (strlen(path) >= sizeof(un.sun_path)) {
		*fault = "the path of a Unix socket is at most 107 bytes long";
		return -1;
	}
	return 0;
}

int
listener_addr_parse(
    struct listener_addr *a, const char *text, const char **fault)
{
	const char *colon = strrchr(text, ':'), *host = text;
	size_t len;

	*a = (struct listener_addr){ .kind = LISTENER_PORT, .text = text };
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(a, text + 5, fault);
	if (!port_parse(colon != NULL ? colon + 1 : text, a->port)) {
		*fault =
		    "it is PORT, HOST:PORT, [IPV6]:PORT or unix:PATH, with "
		    "a port up to 65535";
		return -1;
	}
	if (colon == NULL)
		return 0;
	a->kind = LISTENER_HOST;
	len = (size_t)(colon - text);
	if (len > 1 && text[0] == '[' && text[len - 1] == ']') {
		host++;
		len -= 2;
	} else if (memchr(text, ':', len) != NULL) {
		*fault = "an IPv6 address goes in brackets: [::1]:8080";
		return -1;
	}
	if (len == 0) {
		*fault =
		    "the host is missing (*:PORT stands for all addresses)";
		return -1;
	}
	if (len >= sizeof(a->host)) {
		*fault = "the host is too long";
		return -1;
	}
	memcpy(a->host, host, len);
	return 0;
}
