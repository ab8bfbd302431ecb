// A server of event streams by HTTP/2 over TLS, and nothing else:
//
//	node h2.mjs READY CERTIFICATE KEY
//
// /count?N gives numbers behind the last event ID up to N, and resets the
// stream, not the connection, behind every third; then it says that there is
// no more.  /gone ends the whole connection behind its one event.  /echo gives
// the request's pseudo headers and body.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';

const [ready, cert, key] = process.argv.slice(2);
const server = http2.createSecureServer({
	cert: readFileSync(cert),
	key: readFileSync(key),
	allowHTTP1: false,
});
const sessions = new Set();

server.on('session', (session) => sessions.add(session));
server.on('stream', (stream, headers) => {
	const [path, query] = headers[':path'].split('?');
	const last = Number(query ?? 9);
	const id = Number(headers['last-event-id'] ?? 0);
	let body = '';

	stream.on('error', () => {});
	if (path === '/count' && id >= last) {
		stream.respond({ ':status': 204 }, { endStream: true });
		return;
	}
	stream.respond({ ':status': 200, 'content-type': 'text/event-stream' });
	if (path === '/count') {
		stream.write('retry: 1\n\n');
		for (let i = id + 1; i <= Math.min(id + 3, last); i++)
			stream.write(`id: ${i}\ndata: ${i}\n\n`);
		// close() would end the body first, as if it were whole.
		setTimeout(() => stream.destroy(new Error('reset')), 20);
		return;
	}
	if (path === '/gone') {
		stream.write('data: a\n\n');
		setTimeout(() => stream.session.destroy(), 20);
		return;
	}
	stream.on('data', (piece) => { body += piece; });
	stream.on('end', () => {
		stream.end(`data: ${headers[':method']} ${headers[':scheme']} ` +
		    `${body} ${sessions.size}\n\nevent: sse:end\ndata\n\n`);
	});
});
server.listen(0, '127.0.0.1', () => {
	writeFileSync(`${ready}.new`, `https://127.0.0.1:${server.address().port}\n`);
	renameSync(`${ready}.new`, ready);
});
