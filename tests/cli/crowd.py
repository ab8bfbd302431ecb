"""Many readers of event streams in one loop, who come back with their last event
ID whenever they are cut off; for the scripts beside this one."""

import random
import selectors
import socket
import time


class Reader:
    """One of them.  path and event() are its own; done ends its part."""

    path = None
    pause = (0.05, 0.3)  # before it comes back, in seconds
    piece = 65536  # how much it reads at most at a time

    def __init__(self, crowd):
        self.crowd = crowd
        self.id = None
        self.opened = False

    def connect(self):
        self.buffer = b''
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(self.crowd.address)
        self.asked = False
        self.crowd.selector.register(
            self.socket, selectors.EVENT_WRITE, self)

    def here(self):
        return self.socket.fileno() != -1

    def again(self):
        self.crowd.selector.unregister(self.socket)
        self.socket.close()
        self.crowd.waiting.append(
            (time.time() + random.uniform(*self.pause), self))

    def ask(self):
        again = '' if self.id is None else 'Last-Event-ID: %s\r\n' % self.id
        self.socket.send(('GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n' % (
            self.path, again)).encode())
        self.asked = True
        self.crowd.selector.modify(self.socket, selectors.EVENT_READ, self)

    def ready(self):
        try:
            if not self.asked:
                self.ask()
                return
            data = self.socket.recv(self.piece)
        except OSError:
            data = b''
        if not data:
            self.again()
            return
        self.buffer += data
        while b'\n\n' in self.buffer:
            block, self.buffer = self.buffer.split(b'\n\n', 1)
            self.event(dict(
                line.split(': ', 1) for line in block.decode().split('\n')
                if ': ' in line))


class Crowd:
    """All of them, at HOST:PORT."""

    def __init__(self, address):
        host, port = address.rsplit(':', 1)
        self.address = (host, int(port))
        self.selector = selectors.DefaultSelector()
        self.waiting = []  # (when, reader)

    def run(self, readers, over):
        """Until over() is true.  Says "ready" once all have read something."""
        told = False
        for reader in readers:
            reader.connect()
        while not over():
            for key, _ in self.selector.select(0.02):
                key.data.ready()
            now = time.time()
            for when, reader in [w for w in self.waiting if w[0] <= now]:
                self.waiting.remove((when, reader))
                reader.connect()
            if not told and all(r.opened for r in readers):
                told = True
                print('ready', flush=True)
