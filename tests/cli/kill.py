#!/usr/bin/python3
"""Kill sse-pub at random moments, and see what has arrived.

kill.py redis|post|spool KILLS SEED

The programs, SSE_REDIS_URL (redis, spool) or URL (post) are in the environment.
Nothing may be doubled, nothing may be missing before what arrived last, and
what was acknowledged by an exit status has arrived.
"""

import http.client
import os
import random
import subprocess
import sys
import time
import urllib.parse

how, kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
print("seed", seed, flush=True)
random.seed(seed)
LINES = 40000


def redis(*args):
    out = subprocess.run(
        ["redis-cli", "-u", os.environ["SSE_REDIS_URL"], *args],
        check=True, capture_output=True, text=True)
    return out.stdout.splitlines()


def start(*args):
    return subprocess.Popen(["sse-pub", *args], stdin=subprocess.PIPE,
                            stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def kill_after(p, seconds):
    """Its exit status; None: it was killed."""
    try:
        return p.wait(seconds)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()
        return None


def data_of(fields):
    """What stands behind "data" in what XRANGE prints."""
    return [b for a, b in zip(fields, fields[1:]) if a == "data"]


def arrived_redis(channel):
    return data_of(redis("XRANGE", "sse:log:" + channel, "-", "+"))


def arrived_post(channel):
    url = urllib.parse.urlparse(os.environ["URL"])
    c = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    c.request("POST", "/events/" + channel, b"end")
    c.getresponse().read()
    c.request("GET", "/events/%s?last=%d" % (channel, 2 * LINES))
    got = []
    r = c.getresponse()
    while True:
        line = r.readline().decode().rstrip("\n")
        if line == "data: end":
            return got
        if line.startswith("data: "):
            got.append(line[6:])
        assert line != "event: sse:gap"


def quiet():
    """Until Redis has seen all of those that were killed."""
    while len(redis("CLIENT", "LIST", "TYPE", "normal")) > 1:
        time.sleep(0.01)


def pipes():
    """A pipe of many lines each time, killed while they are published."""
    text = "".join("%d\n" % n for n in range(LINES)).encode()
    args = ["-n", str(LINES)]
    if how == "post":
        args = ["-u", os.environ["URL"]]
    killed = 0
    for i in range(kills):
        p = start(*args, "kill%d" % i)
        os.set_blocking(p.stdin.fileno(), False)
        end = time.monotonic() + random.random() * 0.025
        at = 0
        while time.monotonic() < end and p.poll() is None:
            try:
                at += os.write(p.stdin.fileno(), text[at:at + 65536])
            except BlockingIOError:
                time.sleep(0.0005)
        killed += p.poll() is None
        p.kill()
        p.wait()
        p.stdin.close()
    if how == "redis":
        quiet()
    total = 0
    most = 0
    for i in range(kills):
        got = (arrived_redis if how == "redis" else arrived_post)("kill%d" % i)
        if got != [str(n) for n in range(len(got))]:
            sys.exit("round %d: not the first %d lines, each once: %r"
                     % (i, len(got), got[:1000]))
        total += len(got)
        most = max(most, len(got))
    print("%d of %d killed, %d events arrived, %d at most"
          % (killed, kills, total, most))
    if killed < kills * 9 // 10 or total == 0:
        sys.exit("too few")


def spools():
    """The destination away or there, the program killed or not."""
    acknowledged, killed = [], 0
    i = 0
    while killed < kills:
        i += 1
        there = random.random() < 0.4
        args = ["--spool", "spool", "--timeout", "20s", "-n", "1000000"]
        if not there:
            args += ["-r", "redis+unix:///nowhere"]
        p = start(*args, "news")
        names = ["%d-%d" % (i, n) for n in range(random.choice((1, 3, 700)))]
        try:
            p.stdin.write("".join(n + "\n" for n in names).encode())
            p.stdin.close()
        except BrokenPipeError:
            pass
        spare = random.random() < 0.3
        status = kill_after(p, 60 if spare else random.random() * 0.004)
        killed += status is None
        if status == (0 if there else 75):
            acknowledged += names
        elif status is not None:
            sys.exit("round %d: status %d" % (i, status))
    subprocess.run(["sse-pub", "--flush", "--spool", "spool", "-n",
                    "1000000"], check=True)
    quiet()
    got = arrived_redis("news")
    if len(set(got)) != len(got):
        sys.exit("doubled: %r" % sorted(n for n in got if got.count(n) > 1))
    missing = set(acknowledged) - set(got)
    if missing:
        sys.exit("acknowledged, and missing: %r" % sorted(missing))
    last = {}
    for name in got:
        i, n = map(int, name.split("-"))
        if n != last.get(i, -1) + 1:
            sys.exit("run %d: %d behind %d" % (i, n, last.get(i, -1)))
        last[i] = n
    print("%d killed, %d acknowledged, %d arrived"
          % (killed, len(acknowledged), len(got)))
    if not acknowledged or os.path.getsize("spool/events") != 0:
        sys.exit("none, or the spool is not empty")


spools() if how == "spool" else pipes()
