"""What a service manager does, for the tests of sse-serve.

service.py notify SOCKET        prints each datagram that comes, a line each
service.py listen FD... -- COMMAND...
        opens a socket for each NAME=ADDRESS (a port of the loopback, 0: one
        that is free, or a path), prints its URL, and runs COMMAND with them by
        the protocol of sd_listen_fds(3).  A line "restart" on standard input
        sends SIGTERM and runs it again when it has ended, "start" runs it
        beside the one before, "await" waits until the last one has ended,
        "stop" ends all, and both then end itself.
service.py come HOST:PORT PATH  asks for the stream again and again, one
        connection after the other, until its standard input ends; prints
        "well" for each, or what went wrong
"""
import os
import select
import signal
import socket
import sys


def notify(path):
    if path.startswith("@"):
        path = "\0" + path[1:]
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(path)
    print("bound", flush=True)
    while True:
        print(s.recv(4096).decode().replace("\n", " "), flush=True)


def open_socket(address):
    if address.startswith("udp:"):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", int(address[4:])))
        return s, address
    if address.isdigit():
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", int(address)))
        url = "http://127.0.0.1:%d" % s.getsockname()[1]
    elif address.startswith("*:"):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.bind(("0.0.0.0", int(address[2:])))
        url = "http://0.0.0.0:%d" % s.getsockname()[1]
    else:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.bind(address)
        url = "unix:" + address
    s.listen(4096)
    return s, url


def run(sockets, names, command):
    """A child has the sockets from descriptor 3 on."""
    pid = os.fork()
    if pid:
        return pid
    kept = [os.dup(s.fileno()) for s in sockets]
    kept = [os.dup2(fd, 100 + i) for i, fd in enumerate(kept)]
    for i, fd in enumerate(kept):
        os.dup2(fd, 3 + i, inheritable=True)
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["LISTEN_FDS"] = str(len(sockets))
    os.environ["LISTEN_FDNAMES"] = ":".join(names)
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.execvp(command[0], command)


def listen(args):
    split = args.index("--")
    names, sockets = [], []
    for word in args[:split]:
        name, address = word.split("=")
        s, url = open_socket(address)
        names.append(name)
        sockets.append(s)
        print(url, flush=True)
    pids = [run(sockets, names, args[split + 1:])]
    started = 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(end(pids)))
    for line in sys.stdin:
        if line.strip() == "stop":
            break
        if line.strip() == "await":
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(pids[-1], 0)[1]))
        if line.strip() == "restart":
            end(pids)
        pids.append(run(sockets, names, args[split + 1:]))
        started += 1
        print("started", started, flush=True)
    sys.exit(end(pids))


def end(pids):
    """Those who run are ended; the status of the last that was not 0."""
    status = 0
    while pids:
        pid = pids.pop()
        os.kill(pid, signal.SIGTERM)
        got = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        status = got or status
    return status


def come(where, path):
    host, port = where.split(":")
    while not select.select([0], [], [], 0)[0]:
        try:
            with socket.create_connection((host, int(port)), 20) as s:
                s.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode())
                got = b""
                # Far enough to know that it is a stream.
                while b"\r\n\r\nretry: " not in got:
                    more = s.recv(4096)
                    if not more:
                        break
                    got += more
                well = got.startswith(b"HTTP/1.1 200 ") and b"retry: " in got
                print("well" if well else repr(got), flush=True)
        except OSError as e:
            print(e, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "notify":
        notify(sys.argv[2])
    elif sys.argv[1] == "listen":
        listen(sys.argv[2:])
    else:
        come(*sys.argv[2:4])
