#!/usr/bin/env python3
"""order.py HOST:PORT READERS CHANNELS LAST: READERS readers, each of a random set
of the channels c0, c1, ..., cut off at random, until each has the event LAST in
each of its channels.  Each writes what it has read to reader.N, a line "ID
CHANNEL DATA" for each event.  Says "ready" once all are connected."""

import random
import sys

import crowd

address, count, channels, last = sys.argv[1:]


class Reader(crowd.Reader):
    pause = (0, 0.1)

    def __init__(self, all_of_them, number):
        super().__init__(all_of_them)
        names = random.sample(
            ['c%d' % n for n in range(int(channels))], random.randint(1, 6))
        self.path = '/events/%s?show=channel,place' % ','.join(names)
        self.file = open('reader.%d' % number, 'w')
        self.left = set(names)

    def ready(self):
        self.piece = random.randint(1, 65536)
        super().ready()
        if self.opened and self.here() and random.random() < 0.02:
            self.again()

    def event(self, fields):
        if 'id' in fields:
            self.id = fields['id']
            self.opened = True
        if fields.get('event') == 'sse:gap':
            print('0-0 gap gap', file=self.file)
        elif fields.get('data', 'start') != 'start':
            print(self.id, fields['channel'], fields['data'], file=self.file)
            if fields['data'] == last:
                self.left.discard(fields['channel'])


them = crowd.Crowd(address)
readers = [Reader(them, n) for n in range(int(count))]
them.run(readers, lambda: not any(r.left for r in readers))
for reader in readers:
    reader.file.close()
