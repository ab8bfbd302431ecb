#!/usr/bin/env python3
"""Types lines into a shell at a terminal and prints what one would see.

type.py SECONDS SHELL [ARGUMENT ...] <lines

Each line is typed when the shell has prompted, and must be done within so many
seconds.  After a line that starts a server in the background ("-l PORT") it
waits until that port is listened on.  At the end the terminal hangs up; what
is then left of the session is named, ended, and a failure.
"""
import os
import pty
import re
import select
import signal
import socket
import sys
import time

PROMPT = b'@ready@ '


def read_until_prompt(fd, seconds):
    seen = b''
    end = time.monotonic() + seconds
    # A job in the background may say something behind the prompt.
    while PROMPT not in seen:
        left = end - time.monotonic()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            sys.stdout.write(seen.decode(errors='replace'))
            sys.exit('no prompt within %s s' % seconds)
        seen += os.read(fd, 65536)
    seen = seen.replace(PROMPT, b'')
    return seen.decode(errors='replace').replace('\r\n', '\n')


def await_port(port, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit('nothing listens on port %d' % port)


def of_session(sid):
    left = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/stat' % pid) as f:
                name, rest = f.read().rsplit(')', 1)
        except OSError:
            continue
        fields = rest.split()
        if fields[0] != 'Z' and int(fields[3]) == sid:
            left.append((int(pid), name))
    return left


def main():
    seconds, shell = float(sys.argv[1]), sys.argv[2:]
    pid, fd = pty.fork()
    if pid == 0:
        # Neither editing nor colours: what is typed is echoed as it is.
        os.environ.update(TERM='dumb', PS1=PROMPT.decode(), PROMPT_COMMAND='')
        os.execvp(shell[0], shell)
    read_until_prompt(fd, seconds)
    for line in sys.stdin.read().splitlines():
        os.write(fd, line.encode() + b'\n')
        print('$ ' + line)
        out = read_until_prompt(fd, seconds)
        print(out.split('\n', 1)[1] if '\n' in out else out, end='')
        port = re.search(r'-l (?:\S*:)?(\d+)\b', line)
        if line.endswith('&') and port:
            await_port(int(port[1]), seconds)
    os.close(fd)
    end = time.monotonic() + seconds
    while of_session(pid) and time.monotonic() < end:
        time.sleep(0.05)
    left = of_session(pid)
    for p, name in left:
        print('left behind:', name)
        os.kill(p, signal.SIGKILL)
    os.waitpid(pid, 0)
    sys.exit(1 if left else 0)


main()
