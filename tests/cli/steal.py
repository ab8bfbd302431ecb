#!/usr/bin/env python3
"""A proxy that steals an answer: steal.py PORT WORD READY

Passes each connection on to PORT of this machine.  Once a client has sent WORD,
the first answer that comes after it is not passed back, "stolen" is said, and
the connection is closed; those after it are left alone.  READY holds the port
once it listens.
"""
import selectors
import socket
import sys
import threading

stolen = threading.Event()


def serve(client, port, word):
    selector = selectors.DefaultSelector()
    sent = b''
    with client, socket.create_connection(('127.0.0.1', port)) as peer:
        selector.register(client, selectors.EVENT_READ, peer)
        selector.register(peer, selectors.EVENT_READ, client)
        while True:
            for key, _ in selector.select():
                piece = key.fileobj.recv(65536)
                if not piece:
                    return
                if key.fileobj is client:
                    sent += piece
                elif word in sent and not stolen.is_set():
                    stolen.set()
                    print('stolen', flush=True)
                    return
                key.data.sendall(piece)


def main():
    listener = socket.create_server(('127.0.0.1', 0))
    with open(sys.argv[3], 'w') as ready:
        print(listener.getsockname()[1], file=ready)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, daemon=True, args=(
            client, int(sys.argv[1]), sys.argv[2].encode())).start()


main()
