// The parsers of the clients' own libraries and ours, on the same streams: recorded ones, and ones with bytes changed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { EventStreamCodec } from '@smithy/eventstream-codec';
import { simulatorUrl } from './lib/env.mjs';
import { program } from './lib/programs.mjs';
import { reset } from './lib/simulator.mjs';

const require = createRequire(import.meta.url);
const parsersOf = (name) => require(`${name}/core/streaming`)._iterSSEMessages;
const SDKS = { '1.12.0': parsersOf('@anthropic-ai/sdk'), '0.137.0': parsersOf('anthropic-sdk-0') };

// A generator of numbers that is the same in every run.
function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function ours(streams) {
  const child = spawn(program('tollgate-parse-streams'), { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stdin.end(streams.map(({ kind, bytes, split }) =>
    `${JSON.stringify({ kind, bytes: bytes.toString('base64'), split })}\n`).join(''));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => code === 0 ? resolve(output.trimEnd().split('\n').map((line) => JSON.parse(line)))
      : reject(new Error(`exit ${code}`)));
  });
}

async function sdkEvents(iterate, bytes) {
  const events = [];
  for await (const event of iterate(new Response(bytes), new AbortController()))
    events.push([event.event ?? '', event.data]);
  return events;
}

async function recorded() {
  await reset();
  const response = await fetch(`${simulatorUrl()}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': 'the-upstream-key', 'anthropic-version': '2023-06-01', 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'claude-sonnet-4-20250514', max_tokens: 2000, stream: true,
      thinking: { type: 'enabled', budget_tokens: 1024 }, messages: [{ role: 'user', content: 'Grüße, 世界 🌍' }],
    }),
  });
  assert.equal(response.status, 200);
  return Buffer.from(await response.arrayBuffer());
}

test('both see the same events in server-sent events', async () => {
  const next = random(1);
  const PIECES = ['data: ', 'data:', 'event: ', 'event:a', ':', ': a comment', '\n', '\n\n', '\r\n', '\r\n\r\n', '\r', '\r\r',
    'id: 3', 'retry: 5', 'data', ' ', '{"a":"é"}', 'x', 'data: [DONE]', '\ndata: more\n'];
  const base = await recorded();
  const streams = [base];
  for (let i = 0; i < 300; ++i) {
    let text = '';
    for (let n = next(30); n > 0; --n) text += PIECES[next(PIECES.length)];
    streams.push(Buffer.from(text));
  }
  for (let i = 0; i < 300; ++i) {
    const changed = Buffer.from(base);
    // The ends of lines among the bytes that change, text among them stays text.
    for (let n = 1 + next(8); n > 0; --n) {
      const at = next(changed.length);
      if (changed[at] < 0x80) changed[at] = [0x0a, 0x0d, 0x3a, 0x20, 0x61][next(5)];
    }
    streams.push(changed);
  }
  const cases = streams.flatMap((bytes) => [1, 7, Math.max(1, bytes.length)].map((split) => ({ kind: 'sse', bytes, split })));
  const found = await ours(cases);
  for (const [version, iterate] of Object.entries(SDKS)) {
    for (const [index, { bytes, split }] of cases.entries()) {
      const expected = await sdkEvents(iterate, bytes);
      // An event without data is none for us, as the standard has it.
      assert.deepEqual(found[index].filter(([, data]) => data !== ''), expected.filter(([, data]) => data !== ''),
        `SDK ${version}, split ${split}: ${JSON.stringify(bytes.toString())}`);
    }
  }
  assert.ok(found[0].length > 5);
});

test('both see the same messages in the event streams of AWS', async () => {
  const codec = new EventStreamCodec((bytes) => Buffer.from(bytes).toString('utf8'), (text) => Buffer.from(text));
  const frame = (headers, payload) => Buffer.from(codec.encode({
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, { type: 'string', value }])),
    body: Buffer.from(payload),
  }));
  const next = random(2);
  const streams = [];
  for (let i = 0; i < 300; ++i) {
    const frames = [];
    for (let n = 1 + next(4); n > 0; --n) {
      frames.push(frame({ ':message-type': 'event', ':event-type': 'chunk', x: 'é'.repeat(next(4)) },
        JSON.stringify({ bytes: 'x'.repeat(next(200)) })));
    }
    const bytes = Buffer.concat(frames);
    if (i % 3 > 0) bytes[next(bytes.length)] ^= 1 << next(8);
    streams.push(i % 7 === 6 ? bytes.subarray(0, next(bytes.length)) : bytes);
  }
  const theirs = (bytes) => {
    const messages = [];
    for (let at = 0; at < bytes.length;) {
      try {
        if (bytes.length - at < 12) throw new Error('cut');
        const size = bytes.readUInt32BE(at);
        if (size > bytes.length - at) throw new Error('cut');
        const { headers, body } = codec.decode(bytes.subarray(at, at + size));
        messages.push({
          headers: Object.fromEntries(Object.entries(headers).map(([name, { value }]) => [name, value])),
          payload: Buffer.from(body).toString('base64'),
        });
        at += size;
      } catch {
        messages.push(null);
        break;
      }
    }
    return messages;
  };
  const cases = streams.flatMap((bytes) => [1, 13, Math.max(1, bytes.length)].map((split) => ({ kind: 'aws', bytes, split })));
  const found = await ours(cases);
  let broken = 0;
  for (const [index, { bytes, split }] of cases.entries()) {
    assert.deepEqual(found[index], theirs(bytes), `split ${split}: ${bytes.toString('hex')}`);
    broken += found[index].includes(null) ? 1 : 0;
  }
  assert.ok(broken > 100 && broken < cases.length);
});
