#!/usr/bin/python3
"""A server of event streams that misbehaves, each path in a way of its own.

misbehave.py READY LOG [CERTIFICATE KEY [CLIENT-CA]]

READY gets the URL once it listens, LOG a line for each request: the method,
the path and the last event ID.  It listens on the Unix socket READY.sock, too.
"""

import gzip
import hashlib
import os
import socket
import ssl
import struct
import sys
import threading
import time

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
END = b"event: sse:end\ndata\n\n"
log_lock = threading.Lock()
counts = {}


class Request:
    def __init__(self, conn):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = conn.recv(65536)
            if not piece:
                raise ConnectionError
            head += piece
        head, self.body = head.split(b"\r\n\r\n", 1)
        lines = head.split(b"\r\n")
        self.method, self.target = lines[0].split(b" ")[:2]
        self.lines = lines
        self.headers = {}
        for line in lines[1:]:
            name, value = line.split(b":", 1)
            self.headers[name.lower()] = value.strip()
        length = int(self.headers.get(b"content-length", 0))
        while len(self.body) < length:
            self.body += conn.recv(65536)
        # To a proxy the whole URL is sent.
        self.path = self.target.split(b"?")[0].decode()
        if "://" in self.path:
            self.path = "/" + self.path.split("/", 3)[3]
        self.last_id = self.headers.get(b"last-event-id", b"").decode()
        with log_lock:
            counts[self.path] = counts.get(self.path, 0) + 1
            self.count = counts[self.path]


def stay(conn):
    """Until the peer hangs up."""
    try:
        while conn.recv(65536):
            pass
    except OSError:
        pass


def reset(conn):
    conn.setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    conn.close()


def status(line, more=b""):
    def answer(conn, request):
        conn.sendall(b"HTTP/1.1 " + line + b"\r\n" + more + b"\r\n")

    return answer


def refusal(line, kind, body):
    def answer(conn, request):
        conn.sendall(
            b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
            % (line, kind, len(body), body)
        )

    return answer


def stream(body, hold=False, head=HEAD):
    def answer(conn, request):
        conn.sendall(head + b"\r\n" + body)
        if hold:
            stay(conn)

    return answer


def busy_first(conn, request):
    if request.count == 1:
        return status(b"503 Busy")(conn, request)
    return stream(b"data: at last\n\n" + END)(conn, request)


def busy_later(conn, request):
    """Good, busy three times, good again."""
    if request.count == 1:
        return stream(b"retry: 1\nid: 1\ndata: first\n\n")(conn, request)
    if request.count <= 4:
        return status(b"503 Busy")(conn, request)
    return stream(b"data: then\n\n" + END)(conn, request)


def reset_midway(conn, request):
    """Numbers from the last event ID on, torn off within every third."""
    n = int(request.last_id or 0)
    conn.sendall(HEAD + b"\r\nretry: 1\n\n")
    for i in range(n + 1, n + 3):
        if i > 20:
            conn.sendall(END)
            return
        conn.sendall(b"id: %d\ndata: %d\n\n" % (i, i))
    conn.sendall(b"id: %d\ndata: to" % (n + 3))
    time.sleep(0.02)
    reset(conn)


def count(conn, request):
    """Numbers behind the last event ID, up to that in the query; then none."""
    n = int(request.last_id or 0)
    last = request.target.split(b"?")[-1]
    last = int(last) if last.isdigit() else 10
    body = b"".join(b"id: %d\ndata: %d\n\n" % (i, i) for i in range(n + 1, last + 1))
    stream(body, hold=True)(conn, request)


def later(conn, request):
    """Too many requests, behind a success, with a time to come back at."""
    if request.count == 1:
        return stream(b"retry: 1\ndata: first\n\n")(conn, request)
    if request.count == 2:
        return status(b"429 Later", b"Retry-After: 1\r\n")(conn, request)
    return stream(b"data: then\n\n" + END)(conn, request)


def twice(conn, request):
    """What was posted, again and again; the third time there is no more."""
    if request.count > 2:
        return status(b"204 No")(conn, request)
    return stream(
        b"retry: 1\ndata: " + request.method + b" " + request.body + b"\n\n"
    )(conn, request)


def slow(conn, request):
    for byte in HEAD + b"\r\nid: 7\nevent: x\ndata: caf\xc3\xa9\n\n" + END:
        conn.sendall(bytes([byte]))
        time.sleep(0.002)


def huge_line(conn, request):
    conn.sendall(HEAD + b"X: ")
    while True:
        conn.sendall(b"x" * 65536)


def huge_head(conn, request):
    conn.sendall(HEAD)
    while True:
        conn.sendall(b"X: " + b"x" * 1000 + b"\r\n")


def retry_zero(conn, request):
    if request.count > 5:
        return status(b"204 No")(conn, request)
    return stream(b"retry: 0\n\n")(conn, request)


def zipped(conn, request):
    if b"gzip" not in request.headers.get(b"accept-encoding", b""):
        return stream(b"data: plain\n\n" + END)(conn, request)
    body = gzip.compress(b"data: zipped\n\n" + END)
    return stream(body, head=HEAD + b"Content-Encoding: gzip\r\n")(
        conn, request
    )


def echo(conn, request):
    """The request itself, each of its lines an event."""
    body = b"".join(b"data: " + line + b"\n\n" for line in request.lines)
    stream(body + b"event: body\ndata: " + request.body + b"\n\n" + END)(
        conn, request
    )


def password(conn, request):
    if request.headers.get(b"authorization") == b"Basic dTpw":  # u:p
        return stream(b"data: welcome\n\n" + END)(conn, request)
    return status(b"401 No", b'WWW-Authenticate: Basic realm="x"\r\n')(
        conn, request
    )


def digest(conn, request):
    """Digest of RFC 7616 without qop, for u and p."""
    said = request.headers.get(b"authorization", b"").decode()
    ha1, ha2 = (
        hashlib.md5(text).hexdigest() for text in (b"u:x:p", b"GET:/digest")
    )
    want = hashlib.md5(f"{ha1}:once:{ha2}".encode()).hexdigest()
    if said.startswith("Digest ") and f'response="{want}"' in said:
        return stream(b"data: welcome\n\n" + END)(conn, request)
    return status(
        b"401 No",
        b'WWW-Authenticate: Digest realm="x", nonce="once"\r\n'
        b"Content-Length: 0\r\n",
    )(conn, request)


def flood(conn, request):
    conn.sendall(HEAD + b"\r\n")
    n = 0
    while True:
        conn.sendall(
            b"".join(b"data: %d\n\n" % i for i in range(n, n + 1000))
        )
        n += 1000


def drip(conn, request):
    """Each event by itself, as far as the reader keeps up."""
    conn.sendall(HEAD + b"\r\n")
    n = 0
    while True:
        conn.sendall(b"data: %d\n\n" % n)
        n += 1


def large(conn, request):
    """An event of as many bytes as the query says, and one after it."""
    size = int(request.target.split(b"?")[1])
    conn.sendall(HEAD + b"\r\ndata: ")
    while size > 0:
        conn.sendall(b"x" * min(size, 65536))
        size -= 65536
    conn.sendall(b"\n\ndata: after\n\n" + END)


ANSWERS = {
    "/away": status(b"302 On", b"Location: http://other.invalid/echo\r\n"),
    "/busy-first": busy_first,
    "/busy-later": busy_later,
    "/close": stream(b"data: a\n\n"),
    "/comments": stream(
        b": keep\n\n: two\nx: y\nid: 4\n\n: of a\nz: 1\ndata: a\n\nid: 9\n\n"
        + END
    ),
    "/count": count,
    "/digest": digest,
    "/done": stream(
        b'data: {"a": 1,\ndata: "b": 12345678901234567890}\n\ndata: a\x00b\n\n'
        b"data: [DONE]\n\ndata: more\n\n",
        hold=True,
    ),
    "/echo": echo,
    "/ended": stream(b"data: a\n\n" + END, hold=True),
    "/denied": refusal(
        b"403 No", b"text/plain; charset=utf-8", b"not yours \x1b[2J%s\nmore\n"
    ),
    "/denied-at-length": refusal(b"403 No", b"text/plain", b"x" * 50000),
    "/denied-in-html": refusal(b"403 No", b"text/html", b"<p>no</p>"),
    "/denied-in-json": refusal(
        b"401 No", b"application/json", b'{"error": {"message": "bad key"}}'
    ),
    "/fields": stream(
        b"channel: c\nmatch: a=b c=d\npriority: high\nexpires: 17.5\n"
        b"origin: o\nvia: v w\nevent: t\nid: 5\nretry: 9\ndata: 1\ndata: 2\n\n"
        b"channel: not ours\nunknown: x\ndata\n\n" + END
    ),
    "/drip": drip,
    "/flood": flood,
    "/forbidden": status(b"403 No"),
    "/gap": stream(
        b'event: sse:gap\ndata: {"after":"1-0","oldest":"5\\u001b"}\n\n'
        b"data: b\n\n" + END
    ),
    "/gzip": zipped,
    "/half": stream(
        b"data: a\n\ndata: b\n\n",
        head=HEAD + b"Content-Length: 1000\r\n",
    ),
    "/huge-head": huge_head,
    "/huge-line": huge_line,
    "/large": large,
    "/later": later,
    "/loop": status(b"302 On", b"Location: /loop\r\n"),
    "/mute": lambda conn, request: stay(conn),
    "/no-more": status(b"204 No"),
    "/not-found": status(b"404 No"),
    "/not-http": lambda conn, request: conn.sendall(b"220 ready\r\n"),
    "/one": stream(b"id: 1\ndata: one\n\n", hold=True),
    "/password": password,
    "/redirect": status(b"302 On", b"Location: /ended\r\n"),
    # What CONNECT asks a proxy for.
    "refused.invalid:443": status(b"407 No", b"Content-Length: 0\r\n"),
    "/reset": reset_midway,
    "/retry-zero": retry_zero,
    "/slow": slow,
    "/soft": stream(b"retry: 1\n: too many \x1bconnections\n\n"),
    "/terminal": stream(b"data: \x1b[2J\xe2\x80\xaex\n\n" + END),
    "/to-denied": status(b"302 On", b"Location: /denied-in-json\r\n"),
    "/to-file": status(b"302 On", b"Location: file:///etc/passwd\r\n"),
    "/to-not-found": status(b"302 On", b"Location: /not-found\r\n"),
    "/twice": twice,
    "/type": stream(
        b"data: a\n\n", head=b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
    ),
    "/types": stream(
        b"event: a\ndata: 1\n\ndata: 2\n\nevent: b\ndata: 3\n\n"
        b"event: sse:hello\ndata: 4\n\nevent: a\ndata: 5\n\n" + END
    ),
    "/unauthorized": status(b"401 No"),
    "/utf8": stream(b"data: a\xff\xc3b\n\n" + END),
}


def serve(conn, context, log):
    try:
        if context is not None:
            conn = context.wrap_socket(conn, server_side=True)
        request = Request(conn)
        with log_lock:
            print(
                request.method.decode(),
                request.target.decode(),
                request.last_id,
                file=log,
                flush=True,
            )
        ANSWERS.get(request.path, ANSWERS["/not-found"])(conn, request)
        conn.shutdown(socket.SHUT_WR)
        stay(conn)
    except (OSError, ConnectionError):
        pass
    conn.close()


def tls(certificate, key, client_ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def accept(listener, context, log):
    while True:
        conn, _ = listener.accept()
        threading.Thread(
            target=serve, args=(conn, context, log), daemon=True
        ).start()


def main():
    ready, log = sys.argv[1:3]
    context = tls(*sys.argv[3:]) if len(sys.argv) > 3 else None
    listener = socket.create_server(("127.0.0.1", 0), backlog=50)
    if os.path.exists(ready + ".sock"):
        os.unlink(ready + ".sock")
    local = socket.create_server(ready + ".sock", family=socket.AF_UNIX)
    with open(ready + ".new", "w") as f:
        scheme = "http" if context is None else "https"
        print(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", file=f)
    os.rename(ready + ".new", ready)
    with open(log, "a") as log:
        threading.Thread(
            target=accept, args=(local, context, log), daemon=True
        ).start()
        accept(listener, context, log)


main()
