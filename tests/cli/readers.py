#!/usr/bin/env python3
"""readers.py HOST:PORT COUNT CHANNELS LAST: COUNT readers, each of one of the
channels c0, c1, ..., that come back with their last event ID whenever they
are cut off, until each has LAST.  Says "ready" once all are connected.  A
reader has to see "event N" for each N once, in order, and no gap."""

import sys

import crowd

address, count, channels, last = sys.argv[1:]
failures = []


class Reader(crowd.Reader):
    def __init__(self, all_of_them, number):
        super().__init__(all_of_them)
        self.channel = 'c%d' % (number % int(channels))
        self.path = '/events/' + self.channel
        self.next = 0
        self.done = False

    def event(self, fields):
        self.opened = True
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


them = crowd.Crowd(address)
readers = [Reader(them, n) for n in range(int(count))]
them.run(readers, lambda: failures or all(r.done for r in readers))
for failure in failures[:10]:
    print(failure)
sys.exit(1 if failures else 0)
