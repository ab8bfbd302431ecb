#!/usr/bin/env python3
"""A proxy before Redis that swallows an answer: swallow.py PORT WORD READY SAID [GO]

Passes each connection on to PORT of this machine until a client sends WORD as
an argument of a command for the first time.  Redis gets that, too, but nothing
comes back over this connection any more, unless there is a file GO at last, and
the file SAID is made.  READY holds the port once it listens.
"""
import os
import selectors
import socket
import sys
import threading


def serve(client, port, word, said, go):
    selector = selectors.DefaultSelector()
    swallows, before, held = False, b'', b''
    with client, socket.create_connection(('127.0.0.1', port)) as redis:
        selector.register(client, selectors.EVENT_READ, redis)
        selector.register(redis, selectors.EVENT_READ, client)
        while True:
            if swallows and go and os.path.exists(go):
                client.sendall(held)
                swallows = False
            for key, _ in selector.select(0.02 if swallows else None):
                try:
                    piece = key.fileobj.recv(65536)
                    if not piece:
                        return
                    if key.fileobj is client and not os.path.exists(said):
                        swallows = word in before + piece
                        before = piece[-len(word):]
                        if swallows:
                            open(said, 'w').close()
                    if key.fileobj is client or not swallows:
                        key.data.sendall(piece)
                    else:
                        held += piece
                except OSError:
                    return


def main():
    port, word, ready, said = sys.argv[1:5]
    go = sys.argv[5] if len(sys.argv) > 5 else None
    word = b'$%d\r\n%s\r\n' % (len(word), word.encode())
    listener = socket.create_server(('127.0.0.1', 0))
    with open(ready, 'w') as file:
        print(listener.getsockname()[1], file=file)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, daemon=True,
                         args=(client, int(port), word, said, go)).start()


main()
