// A key whose money is spent, and what a key has spent.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { afterEach, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import Sdk1 from '@anthropic-ai/sdk';
import Sdk0 from 'anthropic-sdk-0';
import { newSession, result } from './lib/claude_code.mjs';
import { baseUrl, key, model, poorKey } from './lib/env.mjs';
import * as simulator from './lib/simulator.mjs';

let session;
beforeEach(async () => {
  await simulator.reset();
  session = await newSession();
});
afterEach(() => session.remove());

const question = () => ({ model: model(), max_tokens: 1000, messages: [{ role: 'user', content: 'Good morning' }] });

for (const [name, Sdk, expected] of [['0.137.0', Sdk0, 'APIError'], ['1.12.0', Sdk1, 'PaymentRequiredError']]) {
  test(`SDK ${name}: 402, at once and without an upstream request`, async () => {
    const client = new Sdk({ baseURL: baseUrl(), apiKey: poorKey() });
    await assert.rejects(client.messages.create(question()), (error) => {
      assert.equal(error.constructor.name, expected);
      assert.equal(error.status, 402);
      assert.equal(error.error.type, 'error');
      assert.equal(error.error.error.type, 'billing_error');
      assert.equal(error.headers.get('x-should-retry'), 'false');
      return true;
    });
    assert.equal((await simulator.messageRequests()).length, 0);
  });
}

test('Claude Code: 402 is shown and ends the session', async () => {
  const run = await session.run({ baseUrl: baseUrl(), token: poorKey(), prompt: 'Good morning' });
  assert.equal(run.code, 1);
  assert.equal(result(run).api_error_status, 402);
  assert.match(result(run).result, /402/);
  assert.equal(run.events.filter((event) => event.subtype === 'api_retry').length, 0);
  assert.equal((await simulator.messageRequests()).length, 0);
});

test('Claude Code: 401 is final, not retried for three minutes', async () => {
  const run = await session.run({ baseUrl: baseUrl(), token: 'sk-tg-v1-' + '0'.repeat(64), prompt: 'Good morning' });
  assert.equal(run.code, 1);
  assert.equal(result(run).api_error_status, 401);
  assert.equal(run.events.filter((event) => event.subtype === 'api_retry').length, 0);
});

async function usage() {
  const command = 'curl -s "$BASE/v1/auth/key" -H "Authorization: Bearer $KEY" | jq .data.usage';
  const env = { PATH: process.env.PATH, BASE: baseUrl(), KEY: key() };
  const { stdout } = await promisify(execFile)('sh', ['-c', command], { env });
  const number = JSON.parse(stdout);
  assert.equal(typeof number, 'number', stdout);
  return number;
}

test('the usual statusline command shows what was spent', async () => {
  const before = await usage();
  const message = await new Sdk1({ baseURL: baseUrl(), apiKey: key() }).messages.create(question());
  // anthropic/claude-sonnet-4 costs 3 USD per million tokens in, 15 out.
  const cost = (message.usage.input_tokens * 3 + message.usage.output_tokens * 15) / 1e6;
  await simulator.until('the settlement', async () => Math.abs((await usage()) - before - cost) < 1e-9);
});
