"""A headless Chromium of one's own.

It is spoken to over two pipes, so no port and no driver is needed.
"""
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile


class Browser:
    def __init__(self, profile):
        theirs_in, self.ours_out = os.pipe()
        self.ours_in, theirs_out = os.pipe()
        # Chromium reads commands from descriptor 3 and answers on 4.
        self.process = subprocess.Popen(
            ['sh', '-c', 'exec "$@" 3<&%d 4>&%d' % (theirs_in, theirs_out),
             '-', 'chromium', '--headless', '--no-sandbox', '--disable-gpu',
             '--disable-dev-shm-usage', '--disable-quic', '--no-first-run',
             '--disable-background-networking', '--disable-component-update',
             '--disable-sync', '--no-proxy-server', '--remote-debugging-pipe',
             '--user-data-dir=' + profile, 'about:blank'],
            pass_fds=(theirs_in, theirs_out), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self.buffer = b''
        self.last = 0
        self.waiting = []

    def receive(self):
        """The next message, whatever it is."""
        while b'\0' not in self.buffer:
            piece = os.read(self.ours_in, 65536)
            if not piece:
                sys.exit('chromium has ended')
            self.buffer += piece
        message, self.buffer = self.buffer.split(b'\0', 1)
        return json.loads(message)

    def call(self, method, session=None, **params):
        self.last += 1
        message = {'id': self.last, 'method': method, 'params': params}
        if session:
            message['sessionId'] = session
        os.write(self.ours_out, json.dumps(message).encode() + b'\0')
        while True:
            answer = self.receive()
            if answer.get('id') == self.last:
                if 'error' in answer:
                    sys.exit('%s: %s' % (method, answer['error']['message']))
                return answer['result']
            self.waiting.append(answer)

    def events(self, method):
        while True:
            message = self.waiting.pop(0) if self.waiting else self.receive()
            if message.get('method') == method:
                yield message['params']

    def open(self, url):
        """A tab with the page at url, loaded; and its session."""
        target = self.call('Target.createTarget', url='about:blank')
        session = self.call('Target.attachToTarget', flatten=True,
                            targetId=target['targetId'])['sessionId']
        self.call('Page.enable', session)
        self.call('Runtime.enable', session)
        went = self.call('Page.navigate', session, url=url)
        if 'errorText' in went:
            sys.exit('%s: %s' % (url, went['errorText']))
        next(self.events('Page.loadEventFired'))
        return session

    def evaluate(self, session, expression):
        """What the script's expression is worth there."""
        return self.call('Runtime.evaluate', session, expression=expression,
                         returnByValue=True)['result'].get('value')

    def end(self):
        try:
            self.call('Browser.close')
            self.process.wait(10)
        except (OSError, SystemExit, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def chromium():
    """It is ended however this ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        try:
            yield browser
        finally:
            browser.end()
