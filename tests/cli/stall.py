#!/usr/bin/python3
"""Subscribers that do not read.

stall.py READY URL-OR-SOCKET COUNT PATH [SECONDS]

Opens COUNT streams of PATH, reads each one's head, and then nothing more until
it is told to: READY gets the number of streams once all are open.  A line on
standard input, "read N", reads the first N to their end (or for as long as they
give something) and prints what each had; "count" prints how many the server has
closed; the end of input ends it.
"""

import os
import resource
import select
import socket
import sys

ready, url, count, path = sys.argv[1:5]
count = int(count)
host, port = url.split("://")[1].rsplit(":", 1)
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def open_stream(i):
    """One that has begun; so that ports suffice, of many addresses."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.bind(("127.%d.%d.1" % (i // 250 % 250, i % 250), 0))
    s.connect((host, int(port)))
    s.sendall(b"GET %s HTTP/1.0\r\n\r\n" % path.encode())
    return s


def begun(s):
    """Read the head and the retry field behind it."""
    got = b""
    while b"\n\n" not in got:
        piece = s.recv(4096)
        if not piece:
            raise SystemExit("closed: %r" % got)
        got += piece
        if len(got) > 4096:
            raise SystemExit("no stream: %r" % got)


def drain(s):
    """What it gives until it pauses for a second or ends."""
    got = b""
    s.settimeout(1)
    try:
        while piece := s.recv(65536):
            got += piece
    except (TimeoutError, ConnectionError):
        pass
    return got


streams = []
for first in range(0, count, 500):
    some = [open_stream(i) for i in range(first, min(count, first + 500))]
    for s in some:
        begun(s)
    streams += some
with open(ready + ".tmp", "w") as f:
    print(len(streams), file=f)
os.rename(ready + ".tmp", ready)
for line in sys.stdin:
    words = line.split()
    if words[0] == "read":
        for s in streams[: int(words[1])]:
            sys.stdout.buffer.write(drain(s))
    elif words[0] == "count":
        poll = select.poll()
        for s in streams:
            poll.register(s, select.POLLRDHUP)
        print("\nclosed", len(poll.poll(0)))
    sys.stdout.flush()
