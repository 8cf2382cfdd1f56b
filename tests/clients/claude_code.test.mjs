// Claude Code with the three variables: it writes a file, goes on with the session, and is told when money runs out.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { newSession, result } from './lib/claude_code.mjs';
import { baseUrl, key, model } from './lib/env.mjs';
import { startRecorder } from './lib/recorder.mjs';
import * as simulator from './lib/simulator.mjs';

let session;
beforeEach(async () => {
  await simulator.reset();
  session = await newSession();
});
afterEach(() => session.remove());

const modelOf = (body) => JSON.parse(body).model;

// Byte for byte, but for the model's name.
function assertSameBodies(sent, received) {
  assert.equal(received.length, sent.length, 'as many requests upstream as Claude Code made');
  sent.forEach((request, index) => {
    const text = request.body.toString('utf8');
    const upstream = received[index].body;
    const expected = text.replace(JSON.stringify(modelOf(text)), JSON.stringify(modelOf(upstream)));
    assert.equal(upstream, expected, `body of request ${index}`);
  });
}

function assertSameHeaders(sent, received) {
  const headers = new Map();
  for (let i = 0; i < sent.headers.length; i += 2) headers.set(sent.headers[i].toLowerCase(), sent.headers[i + 1]);
  const ours = ['authorization', 'x-api-key', 'connection', 'host', 'accept-encoding', 'content-length'];
  for (const [name, value] of headers)
    if (!ours.includes(name)) assert.equal(simulator.header(received, name), value, name);
}

async function writeFileTurn(options = {}) {
  const file = path.join(session.work, 'note.txt');
  const recorder = await startRecorder(baseUrl());
  try {
    const run = await session.run({
      baseUrl: recorder.url, token: key(), prompt: `Please [[write ${file} all is well]]`, ...options,
    });
    assert.equal(run.code, 0, run.stderr + JSON.stringify(result(run)));
    assert.equal(result(run).is_error, false);
    assert.ok(result(run).num_turns >= 2, `${result(run).num_turns} turns`);
    assert.equal(await readFile(file, 'utf8'), 'all is well');
    return { sent: recorder.messages(), received: await simulator.messageRequests(), run };
  } finally {
    await recorder.stop();
  }
}

test('a session writes a file; its requests reach the upstream unchanged', async () => {
  const { sent, received } = await writeFileTurn();
  assert.ok(sent.length >= 2);
  assertSameBodies(sent, received);
  sent.forEach((request, index) => assertSameHeaders(request, received[index]));
  // What a gateway that knows less than the clients would lose.
  const body = JSON.parse(received[0].body);
  for (const member of ['context_management', 'output_config', 'thinking', 'metadata', 'system', 'tools'])
    assert.ok(member in body, `${member} is missing`);
  assert.equal(body.stream, true);
  assert.ok(body.tools.some((tool) => tool.defer_loading), 'a tool with defer_loading');
  assert.ok(body.messages.some((message) => message.role === 'system'), 'a system message among the messages');
  assert.match(simulator.header(received[0], 'anthropic-beta'), /claude-code-\d+,.*interleaved-thinking/);
  assert.equal(simulator.header(received[0], 'anthropic-version'), '2023-06-01');
});

test('a model by its public name; only that name differs upstream', async () => {
  const { sent, received } = await writeFileTurn({ env: { ANTHROPIC_MODEL: model() } });
  assertSameBodies(sent, received);
  for (const request of sent) assert.equal(modelOf(request.body), model());
  for (const request of received) assert.equal(modelOf(request.body), 'claude-sonnet-4-20250514');
});

test('a session is continued', async () => {
  await session.run({ baseUrl: baseUrl(), token: key(), prompt: 'Remember the word tollbooth.' });
  const second = await session.run({ baseUrl: baseUrl(), token: key(), prompt: 'And now?', args: ['--continue'] });
  assert.equal(second.code, 0, second.stderr);
  assert.match(result(second).result, /And now\?/);
  const last = JSON.parse((await simulator.messageRequests()).at(-1).body);
  assert.match(JSON.stringify(last.messages), /tollbooth/);
  // Thinking came back as it was given: the simulator checks its signatures.
  assert.ok(last.messages.some((message) => message.role === 'assistant'));
});
