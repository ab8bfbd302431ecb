#!/usr/bin/env python3
"""readers.py HOST:PORT COUNT CHANNELS LAST: COUNT readers, each of one of the
channels c0, c1, ..., that come back with their last event ID whenever they
are cut off, until each has LAST.  Says "ready" once all are connected.  A
reader has to see "event N" for each N once, in order, and no gap."""

import random
import selectors
import socket
import sys
import time

address, count, channels, last = sys.argv[1:]
host, port = address.rsplit(':', 1)
selector = selectors.DefaultSelector()
waiting = []  # (when, reader)
failures = []


class Reader:
    def __init__(self, number):
        self.channel = 'c%d' % (number % int(channels))
        self.next = 0
        self.id = None
        self.opened = False
        self.done = False

    def connect(self):
        self.buffer = b''
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex((host, int(port)))
        self.sent = False
        selector.register(self.socket, selectors.EVENT_WRITE, self)

    def again(self):
        selector.unregister(self.socket)
        self.socket.close()
        waiting.append((time.time() + random.uniform(0.05, 0.3), self))

    def ready(self):
        try:
            if not self.sent:
                self.socket.send((
                    'GET /events/%s HTTP/1.1\r\nHost: x\r\n%s\r\n' % (
                        self.channel, '' if self.id is None else
                        'Last-Event-ID: %s\r\n' % self.id)).encode())
                self.sent = True
                selector.modify(self.socket, selectors.EVENT_READ, self)
                return
            data = self.socket.recv(65536)
        except OSError:
            data = b''
        if not data:
            self.again()
            return
        self.buffer += data
        while b'\n\n' in self.buffer:
            block, self.buffer = self.buffer.split(b'\n\n', 1)
            self.block(block.decode())

    def block(self, block):
        self.opened = True
        fields = dict(line.split(': ', 1) for line in block.split('\n')
                      if ': ' in line)
        if fields.get('event') == 'sse:gap':
            failures.append('%s: a gap' % self.channel)
        if 'data' not in fields or not fields['data'].startswith('event '):
            return
        if fields['data'] != 'event %d' % self.next:
            failures.append('%s: %s, not event %d' % (
                self.channel, fields['data'], self.next))
        self.next += 1
        self.id = fields['id']
        self.done = fields['data'] == last


readers = [Reader(n) for n in range(int(count))]
for reader in readers:
    reader.connect()
told = False
while not all(r.done for r in readers) and not failures:
    for key, _ in selector.select(0.05):
        key.data.ready()
    now = time.time()
    for when, reader in [w for w in waiting if w[0] <= now]:
        waiting.remove((when, reader))
        reader.connect()
    if not told and all(r.opened for r in readers):
        told = True
        print('ready', flush=True)
for failure in failures[:10]:
    print(failure)
sys.exit(1 if failures else 0)
