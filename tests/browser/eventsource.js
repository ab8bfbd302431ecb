// What a program in JavaScript gets with Debian's node-eventsource:
// node eventsource.js URL COUNT prints "ID<tab>DATA" for each of COUNT messages.
'use strict';
const EventSource = require('/usr/share/nodejs/eventsource');

const [url, count] = process.argv.slice(2);
const source = new EventSource(url);
let seen = 0;
source.onmessage = e => {
	process.stdout.write(`${e.lastEventId}\t${e.data}\n`);
	if (++seen === Number(count))
		source.close();
};
source.onerror = e => {
	if (source.readyState === EventSource.CLOSED) {
		process.stderr.write(`closed: ${e.message}\n`);
		process.exit(1);
	}
};
