#!/usr/bin/env python3
"""What a browser gets: eventsource.py PAGE URL COUNT

Opens PAGE in a headless Chromium of its own, has a script there read URL with
EventSource, and prints "ID<tab>DATA" for each of COUNT messages as they come.
"""
import json
import sys

sys.dont_write_bytecode = True
from chromium import chromium  # noqa: E402

SCRIPT = '''
(() => {
	const source = new EventSource(%s);
	let seen = 0;
	source.onmessage = e => {
		told(JSON.stringify([e.lastEventId, e.data]));
		if (++seen === %d)
			source.close();
	};
	source.onerror = () => {
		if (source.readyState === EventSource.CLOSED)
			told(JSON.stringify("closed"));
	};
})()
'''


def main():
    page, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with chromium() as browser:
        session = browser.open(page)
        browser.call('Runtime.addBinding', session, name='told')
        browser.evaluate(session, SCRIPT % (json.dumps(url), count))
        for told in browser.events('Runtime.bindingCalled'):
            message = json.loads(told['payload'])
            if message == 'closed':
                sys.exit('the browser closed the stream')
            print('%s\t%s' % tuple(message), flush=True)
            count -= 1
            if count == 0:
                break


main()
