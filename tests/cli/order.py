#!/usr/bin/env python3
"""order.py HOST:PORT READERS CHANNELS LAST: READERS readers, each of a random set
of the channels c0, c1, ..., cut off at random, until each has the event LAST in
each of its channels.  Each writes what it has read to reader.N, a line "ID
CHANNEL DATA" for each event.  Says "ready" once all are connected."""

import random
import selectors
import socket
import sys
import time

address, count, channels, last = sys.argv[1:]
host, port = address.rsplit(':', 1)
selector = selectors.DefaultSelector()
waiting = []


class Reader:
    def __init__(self, number):
        self.channels = random.sample(
            ['c%d' % n for n in range(int(channels))], random.randint(1, 6))
        self.file = open('reader.%d' % number, 'w')
        self.left = set(self.channels)
        self.id = None
        self.opened = False

    def connect(self):
        self.buffer = b''
        self.socket = socket.create_connection((host, int(port)))
        again = '' if self.id is None else 'Last-Event-ID: %s\r\n' % self.id
        self.socket.send((
            'GET /events/%s?show=channel,place HTTP/1.1\r\nHost: x\r\n%s\r\n' % (
                ','.join(self.channels), again)).encode())
        self.socket.setblocking(False)
        selector.register(self.socket, selectors.EVENT_READ, self)

    def cut(self):
        selector.unregister(self.socket)
        self.socket.close()
        waiting.append((time.time() + random.uniform(0, 0.1), self))

    def ready(self):
        try:
            data = self.socket.recv(random.randint(1, 65536))
        except OSError:
            data = b''
        if not data:
            self.cut()
            return
        self.buffer += data
        while b'\n\n' in self.buffer:
            block, self.buffer = self.buffer.split(b'\n\n', 1)
            self.block(block.decode())
        if self.opened and random.random() < 0.02:
            self.cut()

    def block(self, block):
        fields = dict(line.split(': ', 1) for line in block.split('\n')
                      if ': ' in line)
        if 'id' in fields:
            self.id = fields['id']
            self.opened = True
        if fields.get('event') == 'sse:gap':
            print('0-0 gap gap', file=self.file)
        elif fields.get('data', 'start') != 'start':
            print(self.id, fields['channel'], fields['data'], file=self.file)
            if fields['data'] == last:
                self.left.discard(fields['channel'])


readers = [Reader(n) for n in range(int(count))]
for reader in readers:
    reader.connect()
told = False
while any(r.left for r in readers):
    for key, _ in selector.select(0.02):
        key.data.ready()
    now = time.time()
    for when, reader in [w for w in waiting if w[0] <= now]:
        waiting.remove((when, reader))
        reader.connect()
    if not told and all(r.opened for r in readers):
        told = True
        print('ready', flush=True)
for reader in readers:
    reader.file.close()
