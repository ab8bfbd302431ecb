// npm's eventsource-parser over the stream in a file, from bytes: for each line
// on standard input one pass in pieces of 16 KB, answered with the seconds it
// took and the events and characters of data that came out.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'

const [file, modules] = process.argv.slice(2)
const { createParser } = createRequire(resolve(modules) + '/')('eventsource-parser')
const bytes = readFileSync(file)
const PIECE = 16 << 10

function pass() {
	let events = 0
	let chars = 0
	const parser = createParser({
		onEvent(event) {
			events++
			chars += event.data.length
		},
	})
	const decoder = new TextDecoder()
	const start = process.hrtime.bigint()
	for (let at = 0; at < bytes.length; at += PIECE)
		parser.feed(decoder.decode(bytes.subarray(at, at + PIECE),
			{ stream: true }))
	const seconds = Number(process.hrtime.bigint() - start) / 1e9
	return `${seconds} ${events} ${chars}`
}

for await (const _ of createInterface({ input: process.stdin }))
	console.log(pass())
