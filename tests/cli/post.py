#!/usr/bin/env python3
"""post.py URL NAME THREADS [COUNT]: publish NAME-THREAD-1, -2, ... by POST, each
thread over a connection of its own, until COUNT are answered or the server goes.
What was answered 200 is printed: data and ID, a line each, as it is answered."""

import http.client
import sys
import threading
import urllib.parse


def publish(url, name, count, out):
    conn = http.client.HTTPConnection(url.netloc, timeout=30)
    n = 0
    while n < count:
        n += 1
        data = f"{name}-{n}"
        try:
            conn.request("POST", url.path, body=data)
            answer = conn.getresponse()
            text = answer.read().decode().strip()
        except (OSError, http.client.HTTPException):
            return
        if answer.status == 200:
            out.append(f"{data} {text}")


def main():
    url = urllib.parse.urlsplit(sys.argv[1])
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 1 << 30
    outs = [[] for _ in range(int(sys.argv[3]))]
    threads = [
        threading.Thread(
            target=publish, args=(url, f"{sys.argv[2]}-{i}", count, out)
        )
        for i, out in enumerate(outs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for out in outs:
        for line in out:
            print(line)


main()
