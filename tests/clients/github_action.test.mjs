// Claude Code as anthropics/claude-code-action runs it: the key of Tollgate arrives as ANTHROPIC_API_KEY, so in
// x-api-key, under the environment of a runner.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { newSession, result } from './lib/claude_code.mjs';
import { baseUrl, key, poorKey } from './lib/env.mjs';
import { startRecorder } from './lib/recorder.mjs';
import * as simulator from './lib/simulator.mjs';

// What the action sets beside what a runner has.
const runner = (apiKey) => ({
  ANTHROPIC_API_KEY: apiKey,
  CI: 'true',
  GITHUB_ACTIONS: 'true',
  GITHUB_REPOSITORY: 'example/example',
  GITHUB_RUN_ID: '1',
  RUNNER_OS: 'Linux',
  CLAUDE_CODE_ACTION: '1',
});

let session;
beforeEach(async () => {
  await simulator.reset();
  session = await newSession();
});
afterEach(() => session.remove());

test('the key comes as x-api-key, and the pull request gets its answer', async () => {
  const recorder = await startRecorder(baseUrl());
  try {
    const run = await session.run({
      baseUrl: recorder.url, token: '', prompt: 'Review this pull request.', args: ['--max-turns', '3'], env: runner(key()),
    });
    assert.equal(run.code, 0, run.stderr + JSON.stringify(result(run)));
    assert.equal(result(run).is_error, false);
    assert.match(result(run).result, /Review this pull request/);
    const sent = recorder.messages();
    assert.ok(sent.length >= 1);
    for (const request of sent) {
      const names = request.headers.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
      const value = request.headers[2 * names.indexOf('x-api-key') + 1];
      assert.equal(value, key());
      assert.ok(!names.includes('authorization'));
    }
    // The upstream gets its own key, and never Tollgate's.
    for (const request of await simulator.messageRequests()) assert.ok(!JSON.stringify(request).includes(key()));
  } finally {
    await recorder.stop();
  }
});

test('a spent budget ends the job instead of keeping it waiting', async () => {
  const started = Date.now();
  const run = await session.run({ baseUrl: baseUrl(), token: '', prompt: 'Review.', env: runner(poorKey()) });
  assert.ok(result(run).is_error || run.code !== 0);
  assert.ok(Date.now() - started < 45000);
  assert.equal((await simulator.messageRequests()).length, 0);
});
