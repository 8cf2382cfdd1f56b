// AWS' own libraries against the simulator's Bedrock, which is what our signatures and our decoder are tested with.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Sha256 } from '@aws-crypto/sha256-js';
import { EventStreamCodec } from '@smithy/eventstream-codec';
import { SignatureV4 } from '@smithy/signature-v4';
import { freePorts, program, start } from './lib/programs.mjs';

const credentials = { accessKeyId: 'AK', secretAccessKey: 'se/cr+et', sessionToken: 'tok/en==' };
const text = (bytes) => Buffer.from(bytes).toString('utf8');
let directory;
let simulator;
let port;

before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'tollgate-aws-'));
  [port] = await freePorts(1);
  const key = `${credentials.accessKeyId}:${credentials.secretAccessKey}:${credentials.sessionToken}`;
  simulator = start(program('tollgate-simulator'), ['--listen', `127.0.0.1:${port}`, '--aws-key', key],
    { log: path.join(directory, 'simulator.log') });
  await simulator.until('line that says it listens', () => simulator.output().includes('listening'));
});

after(async () => {
  await simulator?.stop();
  await rm(directory, { recursive: true, force: true });
});

async function invoke(requestPath, body, change = (request) => request) {
  const signer = new SignatureV4({ credentials, region: 'us-east-1', service: 'bedrock', sha256: Sha256 });
  const signed = await signer.sign({
    method: 'POST', protocol: 'http:', hostname: '127.0.0.1', port, path: requestPath, query: {}, body,
    headers: { host: `127.0.0.1:${port}`, 'content-type': 'application/json' },
  });
  const request = change({ path: requestPath, headers: { ...signed.headers }, body });
  delete request.headers.host;
  return fetch(`http://127.0.0.1:${port}${request.path}`, { method: 'POST', headers: request.headers, body: request.body });
}

const body = JSON.stringify({
  anthropic_version: 'bedrock-2023-05-31', max_tokens: 50, messages: [{ role: 'user', content: 'hello' }],
});
const PATHS = [
  '/model/anthropic.claude-opus-4-8/invoke',
  '/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/invoke',
  '/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke',
  '/model/arn:aws:bedrock:us-east-1:123456789012:application-inference-profile%2Fabc/invoke',
];

for (const requestPath of PATHS) {
  test(`both agree on the signature of ${requestPath}`, async () => {
    const good = await invoke(requestPath, body);
    assert.equal(good.status, 200, await good.text());
    for (const change of [
      (request) => ({ ...request, body: `${body} ` }),
      (request) => ({ ...request, path: requestPath.replace('claude', 'claudf').replace('profile', 'profilf') }),
      (request) => ({ ...request, headers: { ...request.headers, 'x-amz-security-token': 'other' } }),
      (request) => ({ ...request, headers: { ...request.headers, 'x-amz-date': '20200101T000000Z' } }),
      (request) => ({ ...request, headers: { ...request.headers, 'x-amz-unsigned': '1' } }),
    ]) {
      const bad = await invoke(requestPath, body, change);
      assert.equal(bad.status, 403);
      assert.match(bad.headers.get('x-amzn-errortype'), /^(InvalidSignature|UnrecognizedClient)Exception/);
    }
  });
}

test('both agree on the frames of a stream', async () => {
  const response = await invoke('/model/anthropic.claude-opus-4-8/invoke-with-response-stream', body);
  assert.equal(response.headers.get('content-type'), 'application/vnd.amazon.eventstream');
  const codec = new EventStreamCodec(text, (string) => Buffer.from(string));
  const bytes = new Uint8Array(await response.arrayBuffer());
  const types = [];
  for (let at = 0; at < bytes.length;) {
    const size = new DataView(bytes.buffer, at).getUint32(0);
    const { headers, body: payload } = codec.decode(bytes.subarray(at, at + size));
    at += size;
    assert.equal(headers[':message-type'].value, 'event');
    assert.equal(headers[':event-type'].value, 'chunk');
    types.push(JSON.parse(Buffer.from(JSON.parse(text(payload)).bytes, 'base64')).type);
  }
  assert.equal(types[0], 'message_start');
  assert.equal(types.at(-1), 'message_stop');
});
