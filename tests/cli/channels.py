#!/usr/bin/env python3
"""channels.py HOST:PORT COUNT PER: readers of the channels c0 to c(COUNT - 1),
PER of them each.  Says "ready" once all streams are open, and "all" once an
event has come in every channel, whose data is the channel's name; then it
reads on.  A second event in a channel, or one that is another channel's, ends
it with 1."""

import selectors
import socket
import sys

address, count, per = sys.argv[1:]
host, port = address.rsplit(':', 1)
names = ['c%d' % n for n in range(int(count))]
left = set(names)
selector = selectors.DefaultSelector()
opened = 0


class Reader:
    def __init__(self, channels):
        self.channels = channels
        self.wants = set(channels)
        self.buffer = b''
        self.head = False
        self.socket = socket.create_connection((host, int(port)))
        self.socket.send((
            'GET /events/%s?last=1 HTTP/1.1\r\nHost: x\r\n\r\n' %
            ','.join(channels)).encode())
        selector.register(self.socket, selectors.EVENT_READ, self)

    def ready(self):
        global opened
        data = self.socket.recv(65536)
        if not data:
            sys.exit('%s: the stream has ended' % self.channels[0])
        self.buffer += data
        if not self.head and b'\r\n\r\n' in self.buffer:
            if not self.buffer.startswith(b'HTTP/1.1 200 '):
                sys.exit(self.buffer.split(b'\r\n')[0].decode())
            self.head = True
            self.buffer = self.buffer.split(b'\r\n\r\n', 1)[1]
            opened += 1
        while self.head and b'\n' in self.buffer:
            line, self.buffer = self.buffer.split(b'\n', 1)
            if line.startswith(b'data: '):
                self.take(line[6:].strip().decode())

    def take(self, name):
        if name not in self.wants:
            sys.exit('%s: %s has come' % (self.channels[0], name))
        self.wants.remove(name)
        left.remove(name)


readers = [Reader(names[at:at + int(per)])
           for at in range(0, len(names), int(per))]
told = []
while True:
    for key, _ in selector.select():
        key.data.ready()
    for what, is_so in ('ready', opened == len(readers)), ('all', not left):
        if is_so and what not in told:
            told.append(what)
            print(what, flush=True)
