#!/usr/bin/env python3
"""A proxy that cuts: cut.py HOST:PORT SEED READY-FILE

Passes each connection on to HOST:PORT and cuts it, with a reset or an end,
after some hundred to some ten thousand bytes of answer, wherever that falls.
READY-FILE holds its URL once it listens.
"""
import random
import selectors
import socket
import struct
import sys
import threading


def pump(client, upstream, budget, reset):
    selector = selectors.DefaultSelector()
    selector.register(client, selectors.EVENT_READ, upstream)
    selector.register(upstream, selectors.EVENT_READ, client)
    while budget > 0:
        for key, _ in selector.select():
            try:
                piece = key.fileobj.recv(4096)
                if key.fileobj is upstream:
                    piece = piece[:budget]
                    budget -= len(piece)
                if not piece:
                    return
                key.data.sendall(piece)
            except OSError:
                return
    if reset:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                          struct.pack('ii', 1, 0))


def serve(client, target, budget, reset):
    try:
        with socket.create_connection(target) as upstream:
            pump(client, upstream, budget, reset)
    except OSError:
        pass
    client.close()


def main():
    host, port = sys.argv[1].rsplit(':', 1)
    rng = random.Random(int(sys.argv[2]))
    listener = socket.create_server(('127.0.0.1', 0))
    with open(sys.argv[3], 'w') as ready:
        print('http://127.0.0.1:%d' % listener.getsockname()[1], file=ready)
    while True:
        client, _ = listener.accept()
        budget = int(300 * 100 ** rng.random())
        threading.Thread(target=serve, daemon=True, args=(
            client, (host, int(port)), budget, rng.random() < 0.5)).start()


main()
