#!/usr/bin/python3
"""What EventSource does, case by case, on sse-tail.

conform.py GROUP    runs the cases of one group; a line for each that failed
conform.py --count  the number of all cases

A case is a server of its own that answers its connections one after the other
from a list, and with 204 when that is used up, which ends sse-tail with 0.
Compared are the events as -f json has them, which is with IDs of their own, the
last event IDs that the requests bore, and the exit status.  The cases are those
of web-platform-tests' eventsource directory and of LaunchDarkly's contract tests
that a client without a page can show, and what servers do wrong beside.
"""

import concurrent.futures
import email.utils
import gzip
import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

SLOW = int(os.environ.get("SLOW", "1"))
# Sanitizers keep what was freed, and a shadow of what is there.
RSS_KIB = 40000 if not os.environ.get("BIN", "").endswith("san") else 400000
CASES = []
TYPE = b"Content-Type: text/event-stream\r\n"
OK = b"HTTP/1.1 200 OK\r\n"


class Case:
    def __init__(self, group, name, answers, want, args=(), status=0,
                 ids=None, said=None, requests=None, check=None, lines=1):
        self.group, self.name = group, name
        self.answers = answers if isinstance(answers, list) else [answers]
        self.want, self.status = want, status
        # Between connections it may be quick; retry tells for itself.
        quick = [] if group == "retry" else ["--retry-max", "100ms"]
        self.args = quick + list(args)
        self.ids, self.said, self.requests = ids, said, requests
        self.check, self.lines = check, lines
        CASES.append(self)


# Answers: functions of the connection and the request.

def raw(*pieces, delay=0.0, rst=False):
    """These bytes; a float among them is a pause."""

    def answer(conn, request):
        for piece in pieces:
            if isinstance(piece, float):
                time.sleep(piece)
            else:
                conn.sendall(piece)
                time.sleep(delay)
        if rst:
            time.sleep(0.05)
            conn.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )

    return answer


def stream(body, more=b"", **how):
    """An event stream that the close ends."""
    return raw(OK + TYPE + more + b"\r\n" + body, **how)


def status(line, more=b"Content-Length: 0\r\n"):
    return raw(
        b"HTTP/1.1 " + line + b"\r\nConnection: close\r\n" + more + b"\r\n"
    )


def chunks(*pieces, extension=b"", trailer=b"", last=b"0"):
    body = b"".join(
        b"%x%s\r\n%s\r\n" % (len(p), extension, p) for p in pieces
    )
    end = last + b"\r\n" + trailer + b"\r\n" if last is not None else b""
    return stream(body + end, b"Transfer-Encoding: chunked\r\n")


def bytewise(head, body):
    return raw(head, *[bytes([b]) for b in body], delay=0.0005)


def ev(data, event="message", id=""):
    return (event, data, id)


# --- What a stream means: HTML, "Interpreting an event stream". ---

def means(name, body, *want, **more):
    """The events of one connection."""
    Case("format", name, stream(body), list(want), **more)


means("a BOM at the start is no part of the first field",
      b"\xef\xbb\xbfdata:1\n\n\xef\xbb\xbfdata:2\n\ndata:3\n\n",
      ev("1"), ev("3"))
means("a second BOM is part of the field's name",
      b"\xef\xbb\xbf\xef\xbb\xbfdata:1\n\ndata:2\n\ndata:3\n\n",
      ev("2"), ev("3"))
means("a BOM in the data stays",
      b"\xef\xbb\xbfdata: \xef\xbb\xbf1\n\ndata: \xef\xbb\xbf2\n\n",
      ev("\ufeff1"), ev("\ufeff2"))
means("a BOM before a type and an ID",
      b"\xef\xbb\xbfevent: t\nid: 1\ndata: x\n\n", ev("x", "t", "1"))
means("a BOM before a comment",
      b"\xef\xbb\xbf:comment\ndata: x\n\n", ev("x"))
means("a BOM before empty data", b"\xef\xbb\xbfdata:\n\n", ev(""))
means("half a BOM is part of the field's name",
      b"\xef\xbbdata:1\n\ndata:2\n\n", ev("2"))
means("comments, long ones too",
      b"data:1\n:\0\n:\r\ndata:2\n:" + b"x" * 2048 + b"\rdata:3\n:data:fail\r"
      b":" + b"x" * 2048 + b"\ndata:4\n\n", ev("1\n2\n3\n4"))
means("data before the end, without the blank line, is no event",
      b"retry:1000\ndata:test1\n\nid:test\ndata:test2", ev("test1"))
means("data, empty ones too",
      b"data:\n\ndata\ndata\n\ndata:test\n\n",
      ev(""), ev("\n"), ev("test"))
means("a type is for one event",
      b"event:test\ndata:x\n\ndata:x\n\n", ev("x", "test"), ev("x"))
means("an empty type is message",
      b"event: \ndata:data\n\n", ev("data"))
means("event without a colon is message",
      b"event:a\nevent\ndata:data\n\n", ev("data"))
means("the last type of a block holds",
      b"event:a\nevent:b\ndata:x\n\n", ev("x", "b"))
means("a type without data is nothing, and is forgotten",
      b"event:test\n\ndata:x\n\n", ev("x"))
means("a type with blanks, all but the first",
      b"event:  a b \ndata:x\n\n", ev("x", " a b "))
means("field names are taken as they are",
      b"data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\r"
      b"data_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n",
      ev("\0\n 2\n1\n3\n\n4"))
means("fields that nobody knows",
      b"data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\n"
      b"data:test\n\n", ev("test\n\ntest"))
means("fields that nobody knows are no event",
      b"data:a\ndata: b\n\n:\nfalse:x\n\nfalse:x\nText\n\ndata\n\n"
      b"data:end\n\n", ev("a\nb"), ev(""), ev("end"))
means("the fields in reverse",
      b"data: x\nid: 1\nevent: t\n\n", ev("x", "t", "1"))
means("one leading blank goes, a tab stays",
      b"data:\ttest\rdata: \ndata:test\n\n", ev("\ttest\n\ntest"))
means("two leading blanks: one stays", b"data:  x\n\n", ev(" x"))
means("line ends of every kind",
      b"data:test\r\ndata\ndata:test\r\n\r\n", ev("test\n\ntest"))
means("CR alone", b"data:a\rdata:b\r\rdata:c\r\r", ev("a\nb"), ev("c"))
means("LF CR is two ends", b"data:a\n\rdata:b\n\r", ev("a"), ev("b"))
means("CRLF CR", b"data:a\r\n\rdata:b\r\n\r", ev("a"), ev("b"))
means("CR CRLF", b"data:a\r\r\ndata:b\r\r\n", ev("a"), ev("b"))
means("NUL in data", b"data:\0\n\n\n\n", ev("\0"))
means("NUL in the middle of data", b"data:a\0b\n\n", ev("a\0b"))
means("UTF-8", "data:ok…\ud7ff\ue000\U0010ffff🙂\n\n".encode(),
      ev("ok…\ud7ff\ue000\U0010ffff🙂"))
means("what is not UTF-8 is U+FFFD",
      b"data:a\xffb\xc3(\xe2\x82x\xf0\x9f\x92\n\n",
      ev("a\ufffdb\ufffd(\ufffdx\ufffd"))
means("surrogates and overlong forms are not UTF-8",
      b"data:\xed\xa0\x80\xc0\xaf\xf4\x90\x80\x80\n\n", ev("\ufffd" * 9))
means("UTF-8 in the type and the ID",
      "event:é\nid:ü\ndata:x\n\n".encode(), ev("x", "é", "ü"))
means("an ID is of one event, and stays the last",
      b"id:1\ndata:a\n\ndata:b\n\nid:2\ndata:c\n\n",
      ev("a", id="1"), ev("b"), ev("c", id="2"))
means("an empty ID clears it",
      b"id:1\ndata:a\n\nid\ndata:b\n\n", ev("a", id="1"), ev("b"))
means("an ID with NUL is none",
      b"id:1\ndata:a\n\nid:2\0x\ndata:b\n\n",
      ev("a", id="1"), ev("b"))
means("an ID with blanks", b"id:  1 2 \ndata:a\n\n", ev("a", id=" 1 2 "))
means("an ID behind the data holds",
      b"data:a\nid:9\n\n", ev("a", id="9"))
means("an ID without data is taken by the blank line",
      b"id:9\n\ndata:a\n\n", ev("a"), ids=[None, "9"])
means("a large event", b"data:" + b"x" * 300000 + b"\n\n", ev("x" * 300000))
means("ten thousand lines of data",
      b"data:y\n" * 10000 + b"\n", ev("\n".join(["y"] * 10000)))
means("a thousand events at once",
      b"".join(b"data:%d\n\n" % i for i in range(1000)),
      *[ev(str(i)) for i in range(1000)])
means("nothing but blank lines", b"\n\n\r\r\r\n\r\n")
means("nothing but comments", b":\n: x\n:x\n\n:\n")
means("a colon in the data", b"data:a:b: c\n\n", ev("a:b: c"))
means("only a colon is a comment", b":\ndata:a\n:\n\n", ev("a"))
means("data at the end without any line end", b"data:a\n\ndata:b", ev("a"))
means("one line end is not enough at the end", b"data:a\n\ndata:b\n", ev("a"))
means("CR and the close", b"data:a\n\ndata:b\r", ev("a"))
means("an event larger than --max-event is dropped, the next is not",
      b"data:" + b"x" * 5000 + b"\n\ndata:b\n\n", ev("b"),
      args=["--max-event", "1k"], said="")

# LaunchDarkly's cases of line ends, each whole and byte by byte.
SHAPES = [
    ("one line", "data: 1||", ["1"]),
    ("one line, two lines", "data: 1||data: 2|data: 3||", ["1", "2\n3"]),
    ("an empty line first", "data:|data: 2|data: 3||", ["\n2\n3"]),
    ("an empty line between", "data: 1|data:|data: 3||", ["1\n\n3"]),
    ("a blank line more", "data: 1|||data: 2||", ["1", "2"]),
    ("two blank lines more", "data: 1||||data: 2||", ["1", "2"]),
]
for end, named in (("\n", "LF"), ("\r\n", "CRLF"), ("\r", "CR")):
    for shape, text, data in SHAPES:
        text = text.replace("|", end).encode()
        want = [ev(d) for d in data]
        means("%s, %s" % (named, shape), text, *want)
        Case("format", "%s, %s, byte by byte" % (named, shape),
             bytewise(OK + TYPE + b"\r\n", text), want)

# --- Reconnection time. ---

# Were it 3 s, or what the next line says, these would outlast the run.
SOON = [stream(b"data:x\n\n")] * 8
Case("retry", "retry holds from the line on, for connections to come",
     [stream(b"retry:100\n")] + SOON, [ev("x")] * 8)
Case("retry", "retry without data is no event, and holds",
     [stream(b"retry:100\n\n")] + SOON, [ev("x")] * 8)
for text in (b"90000x", b"90000.5", b"90000 0", b"90000 ", b"  90000",
             b"0x15f90", b"90000\xc2\xb2", b"+90000", b"\t90000"):
    Case("retry", "retry %r is none" % text,
         [stream(b"retry:100\nretry:" + text + b"\n\n"), SOON[0]],
         [ev("x")])
for text in (b"", b" ", b"-1", b"-", b"x", b"\xd9\xa3"):
    Case("retry", "retry %r is no reason to hurry" % text,
         [stream(b"retry:700\nretry:" + text + b"\n\n"), SOON[0]],
         [ev("x")], check=lambda run: run.seconds >= 1.4)
Case("retry", "retry is decimal whatever it begins with",
     [stream(b"retry:02000\n\n")], [],
     check=lambda run: run.seconds >= 2)
Case("retry", "a retry that is too large is an hour",
     stream(b"retry:99999999999999999999\n\n"), [],
     ["-v", "-m", str(2 * SLOW)],
     check=lambda run: re.search(r"again in (3[6-9]|4[0-5])..\.. s", run.said))
Case("retry", "retry 0 does not make it spin",
     [stream(b"retry:0\n\n")] * 3, [],
     check=lambda run: run.seconds >= 0.25)
Case("retry", "the last retry holds",
     [stream(b"retry:100000\nretry:100\n\n"), SOON[0]], [ev("x")])

# --- Last event ID over connections. ---

def again(name, bodies, want, ids, **more):
    answers = [stream(b"retry:100\n" + b) for b in bodies]
    Case("id", name, answers, want, ids=ids, **more)


again("no ID, no header", [b"data:a\n\n", b"data:b\n\n"],
      [ev("a"), ev("b")], [None, None, None])
again("the ID comes with the next request", [b"id:7\ndata:a\n\n"],
      [ev("a", id="7")], [None, "7"])
again("an ID of UTF-8", ["id:…\ndata:a\n\n".encode()],
      [ev("a", id="…")], [None, "…"])
again("an empty ID clears the header",
      [b"id:7\ndata:a\n\n", b"id\ndata:b\n\n"],
      [ev("a", id="7"), ev("b")], [None, "7", None])
again("an ID with NUL does not",
      [b"id:7\ndata:a\n\n", b"id:8\0\ndata:b\n\n"],
      [ev("a", id="7"), ev("b")], [None, "7", "7"])
again("the ID of an unfinished event is not sent",
      [b"id:7\ndata:a\n\nid:8\ndata:b\n"],
      [ev("a", id="7")], [None, "7"])
again("an ID in a block without data is sent",
      [b"id:7\n\n"], [], [None, "7"])
again("the ID survives a connection without events",
      [b"id:7\ndata:a\n\n", b"", b":\n\n"],
      [ev("a", id="7")], [None, "7", "7", "7"])
again("it stays in force for events of the next connection",
      [b"id:7\ndata:a\n\n", b"data:b\n\n"],
      [ev("a", id="7"), ev("b")], [None, "7", "7"])
again("-i is sent with the first request",
      [b"data:a\n\n"], [ev("a")], ["5", "5"], args=["-i", "5"])
again("an unfinished event is gone with its connection",
      [b"data:a\n", b"data:b\n\n"], [ev("b")], [None, None, None])
again("an unfinished type is gone with its connection",
      [b"event:t\n", b"data:b\n\n"], [ev("b")], [None, None, None])
again("a BOM is passed over on each connection",
      [b"data:a\n\n"], [ev("a")], [None, None])
Case("id", "BOM on the second connection",
     [stream(b"retry:100\ndata:a\n\n"),
      stream(b"\xef\xbb\xbfdata:b\n\n")], [ev("a"), ev("b")])
Case("id", "CR at the end of one connection, LF at the start of the next",
     [stream(b"retry:100\ndata:a\r\r"), stream(b"\ndata:b\n\n")],
     [ev("a"), ev("b")])
Case("id", "a filter by type does not lose the ID",
     [stream(b"retry:100\nid:3\nevent:x\ndata:a\n\n")], [],
     args=["-e", "y"], ids=[None, "3"])

# --- Answers: HTTP status, type, redirects. ---

def refused(name, answer, status, said=None, **more):
    Case("http", name, answer, [], status=status, said=said, requests=1,
         **more)


refused("204 is the end", status(b"204 No Content", b""), 0, said="")
for code in (b"205 Reset", b"206 Partial", b"210 Odd", b"299 Odd", b"400 Bad", b"404 Not Found",
             b"410 Gone", b"500 Oh", b"502 Bad", b"503 Busy", b"599 Odd"):
    refused("%s first" % code.decode(),
            raw(b"HTTP/1.1 " + code + b"\r\n" + TYPE +
                b"Content-Length: 8\r\n\r\ndata:x\n\n"),
            76, said=code[:3].decode())
for code in (b"401 No", b"403 No", b"407 No"):
    refused("%s first" % code.decode(), status(code), 77,
            said=code[:3].decode())
for kind in (b"text/x-bogus", b"x bogus", b"text/event-streamx",
             b"text/event-stream bogus", b"text/plain", b"application/json",
             b"", b"text/event", b"text/html; x=text/event-stream"):
    refused("type %r" % kind.decode(),
            raw(OK + b"Content-Type: " + kind + b"\r\n\r\ndata:x\n\n"), 76)
refused("no type", raw(OK + b"\r\ndata:x\n\n"), 76)
for kind in (b"text/event-stream;", b"text/event-stream; charset=utf-8",
             b"text/event-stream;charset=windows-1252",
             b"TEXT/Event-Stream", b"text/event-stream ; charset=UTF-8",
             b"  text/event-stream  ", b"text/event-stream;charset=\"x;y\"",
             b"text/event-stream;charset=utf-16"):
    Case("http", "type %r, and the data are UTF-8" % kind.decode(),
         raw(OK + b"Content-Type: " + kind + b"\r\n\r\ndata:\xc3\xa9\n\n"),
         [ev("é")])
for code in (b"301 M", b"302 F", b"303 S", b"307 T", b"308 P"):
    Case("http", "%s leads on" % code.decode(),
         [status(code, b"Location: /on\r\nContent-Length: 0\r\n"),
          stream(b"retry:100\ndata:x\n\n")], [ev("x")],
         check=lambda run: run.paths[:3] == ["/", "/on", "/"])
Case("http", "a redirect with an ID: it is sent on",
     [stream(b"retry:100\nid:4\n\n"),
      status(b"307 T", b"Location: /on\r\nContent-Length: 0\r\n"),
      stream(b"data:x\n\n")], [ev("x")],
     ids=[None, "4", "4", "4"])
refused("a redirect to nowhere",
        status(b"302 F", b"Content-Length: 0\r\n"), 76)
Case("http", "redirects in a circle",
     [status(b"302 F", b"Location: /\r\nContent-Length: 0\r\n")] * 100, [],
     status=76, check=lambda run: 10 <= len(run.paths) <= 25)
for to in (b"file:///etc/passwd", b"ftp://127.0.0.1/", b"gopher://x/",
           b"data:text/event-stream,data:x", b"mailto:a@example.org"):
    refused("a redirect to %s" % to.decode(),
            status(b"302 F", b"Location: " + to + b"\r\n"
                   b"Content-Length: 0\r\n"), 76)
Case("http", "100 before the answer is passed over",
     raw(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + TYPE +
         b"\r\ndata:x\n\n"), [ev("x")])
Case("http", "103 before the answer is passed over",
     raw(b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + OK + TYPE +
         b"\r\ndata:x\n\n"), [ev("x")])
Case("http", "HTTP/1.0",
     raw(b"HTTP/1.0 200 OK\r\n" + TYPE + b"\r\ndata:x\n\n"), [ev("x")])
refused("no HTTP at all", raw(b"220 ready\r\n"), 76)
refused("closed without a word", raw(b""), 69)
refused("reset without a word", raw(b"", rst=True), 69)
refused("closed in the middle of the head", raw(OK + b"Content-"), 69)
refused("a flood of header lines",
        raw(OK + TYPE + b"".join(b"X-%d: %s\r\n" % (i, b"y" * 1000)
                                 for i in range(2000))), 76)
refused("a header line without end",
        raw(OK + TYPE + b"X: ", *[b"y" * 65536] * 40), 76)
Case("http", "the request is EventSource's",
     stream(b"data:x\n\n"), [ev("x")],
     check=lambda run: run.heads[0].get("accept") == "text/event-stream"
     and run.heads[0].get("cache-control") == "no-store"
     and run.lines[0].startswith("GET / HTTP/1.1"))

Case("http", "another method, with a body",
     stream(b"data:x\n\n"), [ev("x")],
     ["-X", "REPORT", "-H", "Content-Type: application/json; charset=utf-8",
      "-d", '{"hello": "world"}'], requests=1,
     check=lambda run: run.lines[0].startswith("REPORT / ")
     and run.heads[0]["content-type"] == "application/json; charset=utf-8"
     and run.bodies == ['{"hello": "world"}'])
for args, want in ([], None), (["-b", ""], "a=1"):
    Case("http", "a cookie is %s" % ("kept" if args else "not kept"),
         [stream(b"retry:100\ndata:x\n\n", b"Set-Cookie: a=1\r\n"),
          stream(b"data:x\n\n")], [ev("x")] * 2, args,
         check=lambda run, want=want: run.heads[1].get("cookie") == want)

# --- Bodies: how they are framed, and how they end. ---

def framed(name, answer, *want, **more):
    Case("body", name, answer, list(want), **more)


framed("chunked", chunks(b"data:a\n\n", b"data:b\n\n"), ev("a"), ev("b"))
framed("chunks that cut a line", chunks(b"da", b"ta:a\n", b"\n"), ev("a"))
framed("chunks of one byte",
       chunks(*[bytes([b]) for b in "data:é…🙂\r\n\r\n".encode()]),
       ev("é…🙂"))
framed("chunks with extensions",
       chunks(b"data:a\n\n", extension=b";a=b;c=\"d;e\""), ev("a"))
framed("chunks with a trailer",
       chunks(b"data:a\n\n", trailer=b"X-End: 1\r\n"), ev("a"))
framed("chunk sizes with zeros before them",
       stream(b"0008\r\ndata:a\n\n\r\n0\r\n\r\n",
              b"Transfer-Encoding: chunked\r\n"), ev("a"))
framed("a chunked body that breaks off is a lost connection",
       chunks(b"data:a\n\n", last=None), ev("a"))
framed("a chunk size that is none: what was before it counts",
       chunks(b"data:a\n\n", last=b"xyz"), ev("a"))
framed("Content-Length that fits",
       stream(b"data:a\n\n", b"Content-Length: 8\r\n"), ev("a"))
framed("Content-Length that is too large",
       stream(b"data:a\n\n", b"Content-Length: 80\r\n"), ev("a"))
framed("Content-Length that is too small: the rest is none of ours",
       stream(b"data:a\n\ndata:b\n\n", b"Content-Length: 8\r\n"), ev("a"))
framed("Content-Length 0", stream(b"", b"Content-Length: 0\r\n"))
framed("gzip, asked for",
       stream(gzip.compress(b"data:a\n\n"), b"Content-Encoding: gzip\r\n"),
       ev("a"), args=["--compressed"])
framed("gzip, not asked for",
       stream(gzip.compress(b"data:a\n\n"), b"Content-Encoding: gzip\r\n"),
       ev("a"), check=lambda run: "accept-encoding" not in run.heads[0])
framed("an encoding that nobody knows",
       stream(b"data:a\n\n", b"Content-Encoding: x-bogus\r\n"),
       status=76, requests=1, said="encoding")
framed("an encoding that is none of ours, taken as it is",
       stream(b"data:a\n\n", b"Content-Encoding: utf-8\r\n"), ev("a"),
       args=["-H", "Accept-Encoding: identity"],
       check=lambda run: run.heads[0]["accept-encoding"] == "identity")
framed("an encoding of none",
       stream(b"data:a\n\n", b"Content-Encoding: none\r\n"), ev("a"))
framed("gzip cut short: the connection is lost",
       stream(gzip.compress(b"data:a\n\n" + os.urandom(4000) + b"\n")[:-2000],
              b"Content-Encoding: gzip\r\n"), ev("a"),
       args=["--compressed"])
framed("a reset in the middle of an event",
       [stream(b"retry:100\nid:1\ndata:a\n\ndata:b", rst=True),
        stream(b"data:c\n\n")], ev("a", id="1"), ev("c"),
       ids=[None, "1", "1"])
framed("a reset between events",
       [stream(b"retry:100\ndata:a\n\n", rst=True),
        stream(b"data:c\n\n")], ev("a"), ev("c"))
framed("byte after byte",
       bytewise(OK + TYPE + b"\r\n",
                "id:1\r\nevent:é\r\ndata:🙂\r\n\r\n".encode()),
       ev("🙂", "é", "1"))
framed("the head byte after byte",
       bytewise(b"", OK + TYPE + b"\r\ndata:a\n\n"), ev("a"))
framed("CR, a pause, LF",
       raw(OK + TYPE + b"\r\ndata:a\r", 0.05, b"\n", 0.05, b"\r", 0.05,
           b"\ndata:b\r\n\r\n"), ev("a"), ev("b"))
framed("a BOM in three pieces",
       raw(OK + TYPE + b"\r\n\xef", 0.02, b"\xbb", 0.02, b"\xbfdata:a\n\n"),
       ev("a"))
# LaunchDarkly's sizes, and those of our own buffers: none waits for more.
for size in (1, 128, 512, 1023, 1024, 1025, 2048, 3999, 4094, 4096, 4098,
             6144, 8189, 8192, 8195, 12288, 16384, 32768, 65536, 131064,
             131072, 262136, 262144, 262145, 1048576):
    framed("an event of %d bytes, and nothing behind it" % size,
           raw(OK + TYPE + b"\r\ndata: " + b"x" * size + b"\n\n", 60.0),
           ev("x" * size), args=["-n", "1"], requests=1)
SPLIT = "data:é\r\n\r\nid:1\rdata:b\r\r".encode()
for cut in range(1, len(SPLIT)):
    framed("cut at %d" % cut,
           raw(OK + TYPE + b"\r\n" + SPLIT[:cut], 0.02, SPLIT[cut:]),
           ev("é"), ev("b", id="1"))
    # The same cut by the end of the connection.
    framed("ended at %d" % cut, [stream(SPLIT[:cut])],
           *([ev("é")] if cut >= 10 else []))
framed("comments without end",
       raw(OK + TYPE + b"\r\n", *[b":" + b"x" * 60000 + b"\n"] * 300, 9.0),
       args=["-m", "1"], check=lambda run: run.rss_kib < RSS_KIB)
framed("a line without end: dropped, and memory is bounded",
       raw(OK + TYPE + b"\r\ndata:", *[b"x" * 65536] * 500, 9.0),
       args=["-m", "2", "--max-event", "1m"], said="",
       check=lambda run: run.rss_kib < RSS_KIB)
framed("a field name without end",
       raw(OK + TYPE + b"\r\n", *[b"x" * 65536] * 500, 9.0),
       args=["-m", "2", "--max-event", "1m"], said="",
       check=lambda run: run.rss_kib < RSS_KIB)
framed("a stream that is silent: -m ends it",
       raw(OK + TYPE + b"\r\n", 9.0), args=["-m", "300ms"])
framed("sse:end is the end",
       stream(b"data:a\n\nevent:sse:end\ndata\n\n"), ev("a"), requests=1)

# --- Later connections. ---

FIRST = stream(b"retry:100\nid:1\ndata:a\n\n")
LATER = stream(b"data:b\n\n")
A, B = ev("a", id="1"), ev("b")
for code in (b"408 Late", b"429 Many", b"500 Oh", b"502 Bad", b"503 Busy",
             b"504 Late"):
    Case("later", "%s later is tried again" % code.decode(),
         [FIRST, status(code), LATER], [A, B], ids=[None, "1", "1", "1"])
for code, end in ((b"400 Bad", 76), (b"404 No", 76), (b"410 Gone", 76),
                  (b"401 No", 77), (b"403 No", 77), (b"204 No", 0)):
    Case("later", "%s later is the end" % code.decode(),
         [FIRST, status(code, b"" if code[:3] == b"204" else
                        b"Content-Length: 0\r\n"), LATER], [A],
         status=end, requests=2)
Case("later", "another type later is the end",
     [FIRST, raw(OK + b"Content-Type: text/html\r\n\r\n"), LATER], [A],
     status=76, requests=2)
Case("later", "closed without a word later is tried again",
     [FIRST, raw(b""), LATER], [A, B])
Case("later", "reset later is tried again",
     [FIRST, raw(b"", rst=True), LATER], [A, B])
Case("later", "a broken head later is tried again",
     [FIRST, raw(OK + b"Content"), LATER], [A, B])
Case("later", "Retry-After is heeded",
     [FIRST, status(b"503 B", b"Retry-After: 1\r\nContent-Length: 0\r\n"),
      LATER], [A, B], check=lambda run: run.seconds >= 1)


def busy_until(conn, request):
    """Retry-After as a date, some seconds ahead."""
    when = email.utils.formatdate(time.time() + 4, usegmt=True).encode()
    status(b"503 B", b"Retry-After: " + when + b"\r\nContent-Length: 0\r\n")(
        conn, request)


Case("later", "Retry-After is heeded as a date, too",
     [FIRST, busy_until, LATER], [A, B],
     check=lambda run: run.seconds >= 1.5)
Case("later", "--no-reconnect: a complete answer is the end",
     [FIRST, LATER], [A], ["--no-reconnect"], requests=1)
Case("later", "--no-reconnect: one that breaks off is lost",
     [stream(b"data:a\n\n", b"Content-Length: 99\r\n"), LATER], [ev("a")],
     ["--no-reconnect"], status=69, requests=1)
Case("later", "POST is made once",
     [stream(b"data:a\n\n"), LATER], [ev("a")], ["-d", "x"], requests=1)
Case("later", "POST that breaks off is lost",
     [stream(b"data:a\n\n", b"Content-Length: 99\r\n"), LATER], [ev("a")],
     ["-d", "x"], status=69, requests=1)
Case("later", "POST that fails is made once",
     [status(b"503 Busy"), LATER], [], ["-d", "x"], status=76, requests=1)
for args in ["--retry-first"], ["--retry", "3"]:
    Case("later", "POST that fails with %s, but only until it does not" % args[0],
         [status(b"503 Busy"), stream(b"data:a\n\n", b"Content-Length: 99\r\n"),
          LATER], [ev("a")], ["-d", "x"] + args, status=69, requests=2)
Case("later", "POST with --retry-post is sent again, headers, body and all",
     [FIRST, LATER], [A, B],
     ["-d", "x=y", "--retry-post", "-H", "X-One: 1", "-u", "u:p"],
     check=lambda run: run.bodies == ["x=y"] * 3
     and all(head.get("x-one") == "1" and "authorization" in head
             for head in run.heads)
     and all(line.startswith("POST ") for line in run.lines))
Case("later", "--retry-first is patient with the first",
     [status(b"503 Busy"), stream(b"data:x\n\n")], [ev("x")],
     ["--retry-first"])
Case("later", "--retry counts",
     [FIRST] + [raw(b"")] * 9, [A], ["--retry", "2"],
     status=69, requests=3, lines=2)
Case("later", "--idle-timeout takes silence for a loss",
     [raw(OK + TYPE + b"\r\nretry:100\nid:1\ndata:a\n\n", 9.0), LATER],
     [A, B], ["--idle-timeout", "1s"])
Case("later", "-n ends in the middle",
     stream(b"data:a\n\ndata:b\n\ndata:c\n\n"), [ev("a"), ev("b")],
     ["-n", "2"], requests=1)
Case("later", "--until ends behind its text",
     stream(b"data:a\n\ndata:[DONE]\n\ndata:c\n\n"),
     [ev("a"), ev("[DONE]")], ["--until", "[DONE]"], requests=1)


class Run:
    """One case: its server, sse-tail, and what they saw."""

    def __init__(self, case):
        self.case = case
        self.lines, self.heads, self.bodies = [], [], []
        self.paths, self.ids = [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(
                target=self.serve, args=(conn,), daemon=True
            ).start()

    def read(self, conn):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = conn.recv(65536)
            if not piece:
                raise ConnectionError
            head += piece
        head, body = head.split(b"\r\n\r\n", 1)
        lines = head.decode("utf-8", "surrogateescape").split("\r\n")
        fields = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            fields[name.lower()] = value.strip()
        while len(body) < int(fields.get("content-length", 0)):
            body += conn.recv(65536)
        self.lines.append(lines[0])
        self.heads.append(fields)
        self.bodies.append(body.decode())
        self.paths.append(lines[0].split(" ")[1])
        self.ids.append(fields.get("last-event-id"))
        return len(self.lines) - 1

    def serve(self, conn):
        try:
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            n = self.read(conn)
            if n < len(self.case.answers):
                self.case.answers[n](conn, self.heads[n])
            else:
                status(b"204 No Content", b"")(conn, self.heads[n])
        except OSError:
            pass
        conn.close()

    def run(self):
        url = "http://127.0.0.1:%d/" % self.listener.getsockname()[1]
        start = time.monotonic()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
            child = subprocess.Popen(
                ["sse-tail", "-f", "json"] + self.case.args + [url],
                stdin=subprocess.DEVNULL, stdout=out, stderr=said,
            )
            timer = threading.Timer(20 * SLOW, child.kill)
            timer.start()
            _, code, usage = os.wait4(child.pid, 0)
            timer.cancel()
            out.seek(0)
            said.seek(0)
            self.out, self.said = out.read(), said.read().decode()
        child.returncode = os.waitstatus_to_exitcode(code)
        self.seconds = time.monotonic() - start
        self.status = child.returncode
        self.rss_kib = usage.ru_maxrss
        self.listener.close()

    def events(self):
        got = []
        for line in self.out.decode().splitlines():
            e = json.loads(line)
            got.append(
                (e.get("event", "message"), e["data"], e.get("id", ""))
            )
        return got

    def faults(self):
        case = self.case
        if self.status != case.status:
            yield "status %s, not %s" % (self.status, case.status)
        got = self.events()
        if got != case.want:
            yield "events %.300r, not %.300r" % (got, case.want)
        if case.ids is not None and self.ids != case.ids:
            yield "last event IDs %r, not %r" % (self.ids, case.ids)
        if case.requests is not None and len(self.lines) != case.requests:
            yield "%d requests, not %d" % (len(self.lines), case.requests)
        if case.status != 0 and len(self.said.splitlines()) != case.lines:
            yield "not %d lines of standard error" % case.lines
        if case.said is not None and case.said not in self.said:
            yield "does not say %r" % case.said
        if case.check is not None and not case.check(self):
            yield "the check of its own failed"


def attempt(case):
    run = Run(case)
    run.run()
    faults = list(run.faults())
    if faults and run.said:
        faults.append(run.said.strip())
    return ["%s: %s" % (case.name, fault) for fault in faults]


def main():
    if sys.argv[1] == "--count":
        print(len(CASES))
        return 0
    cases = [c for c in CASES if c.group == sys.argv[1]]
    if not cases:
        print("no such group")
        return 1
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for lines in pool.map(attempt, cases):
            failed += bool(lines)
            print("".join(line + "\n" for line in lines), end="")
    print("%d cases, %d failed" % (len(cases), failed))
    return failed > 0


sys.exit(main())
