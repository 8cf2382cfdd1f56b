// Clients of the Messages API at Gemini: the simulator refuses what Google refuses, thought signatures included.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { newSession, result } from './lib/claude_code.mjs';
import { simulatorUrl } from './lib/env.mjs';
import { startGateway } from './lib/gateway.mjs';
import * as simulator from './lib/simulator.mjs';

// Of the launcher's simulator.
const UPSTREAM_KEY = 'the-upstream-key';
const PRO = 'gemini-3.1-pro-preview';

const model = (name) => ({
  id: `google/${name}`,
  name,
  created: 1790812800,
  endpoints: [{
    provider: 'google', upstream: 'google', model: name, context_tokens: 1048576, max_output_tokens: 65536,
    price_usd: { input: 2, output: 12, cache_read: 0.2, cache_write_5m: 2, cache_write_1h: 2 },
  }],
});

let gateway;
before(async () => {
  gateway = await startGateway({
    upstreams: { google: { dialect: 'gemini', url: `${simulatorUrl()}/v1beta`, api_key: '${GEMINI_API_KEY}' } },
    models: [model(PRO), model('gemini-2.5-flash')],
    env: { GEMINI_API_KEY: UPSTREAM_KEY },
  });
});
after(() => gateway?.stop());
beforeEach(() => simulator.reset());

const generated = async () =>
  (await simulator.requests()).filter((request) => /GenerateContent|generateContent/.test(request.target));

for (const name of [PRO, 'gemini-2.5-flash']) {
  test(`a session of Claude Code writes a file and goes on, with ${name}`, async () => {
    const session = await newSession();
    try {
      const file = path.join(session.work, 'note.txt');
      const options = {
        baseUrl: gateway.baseUrl, token: gateway.key,
        env: { ANTHROPIC_MODEL: `google/${name}`, ANTHROPIC_SMALL_FAST_MODEL: `google/${name}` },
      };
      const first = await session.run({ ...options, prompt: `Please [[write ${file} all is well]]` });
      assert.equal(first.code, 0, first.stderr + JSON.stringify(result(first)));
      assert.equal(result(first).is_error, false, JSON.stringify(result(first)));
      assert.ok(result(first).num_turns >= 2, `${result(first).num_turns} turns`);
      assert.equal(await readFile(file, 'utf8'), 'all is well');
      const second = await session.run({ ...options, prompt: 'And now?', args: ['--continue'] });
      assert.equal(second.code, 0, second.stderr + JSON.stringify(result(second)));
      assert.match(result(second).result, /And now\?/);
      const bodies = (await generated()).map((request) => JSON.parse(request.body));
      const calls = bodies.map((body) =>
        body.contents.flatMap((content) => content.parts).find((part) => part.functionCall));
      assert.equal(calls.length, 3);
      if (name === PRO) {
        assert.match(calls[1].thoughtSignature, /^CGem/, 'its own signature came back');
        // A session that is taken up again has lost its thinking: Claude Code keeps none of it.
        assert.match(calls[2].thoughtSignature, /^CGem|^skip_thought_signature_validator$/);
      }
      assert.ok(!JSON.stringify(bodies).includes('tg1.'), 'no envelope leaves the gateway');
    } finally {
      await session.remove();
    }
  });
}

const tools = [{
  name: 'Write',
  description: 'writes a file',
  input_schema: {
    type: 'object', additionalProperties: false, required: ['file_path'],
    properties: { file_path: { type: 'string' }, content: { type: 'string' } },
  },
}];

test("the SDK's stream helper goes through a tool loop", async () => {
  const client = new Anthropic({ baseURL: gateway.baseUrl, apiKey: gateway.key, maxRetries: 0 });
  const messages = [{ role: 'user', content: '[[write a one]] [[write b two]]' }];
  const params = { model: `google/${PRO}`, max_tokens: 8192, tools, thinking: { type: 'enabled', budget_tokens: 2048 } };
  const first = await client.messages.stream({ ...params, messages }).finalMessage();
  assert.equal(first.stop_reason, 'tool_use');
  assert.deepEqual(first.content.map((block) => block.type), ['thinking', 'tool_use', 'tool_use']);
  assert.deepEqual(first.content[2].input, { file_path: 'b', content: 'two' });
  assert.ok(first.content[0].signature.startsWith('tg1.'));
  messages.push({ role: 'assistant', content: first.content });
  messages.push({
    role: 'user',
    content: first.content.filter((block) => block.type === 'tool_use')
      .map((block) => ({ type: 'tool_result', tool_use_id: block.id, content: 'done' })),
  });
  const second = await client.messages.create({ ...params, messages });
  assert.equal(second.stop_reason, 'end_turn');
  assert.ok(second.usage.cache_read_input_tokens > 0);
  assert.ok(second.usage.output_tokens > 0);
});

test('tokens are counted by the upstream', async () => {
  const client = new Anthropic({ baseURL: gateway.baseUrl, apiKey: gateway.key, maxRetries: 0 });
  const { data, response } = await client.messages.countTokens({
    model: `google/${PRO}`, messages: [{ role: 'user', content: 'hi' }], tools, system: 'be kind',
  }).withResponse();
  assert.ok(data.input_tokens > 20);
  assert.equal(response.headers.get('x-tollgate-token-count'), 'upstream');
});

test('a refusal and an error are the SDK’s own', async () => {
  const client = new Anthropic({ baseURL: gateway.baseUrl, apiKey: gateway.key, maxRetries: 0 });
  const ask = (content, more) =>
    client.messages.create({ model: `google/${PRO}`, max_tokens: 100, messages: [{ role: 'user', content }], ...more });
  assert.equal((await ask('[[block]]')).stop_reason, 'refusal');
  await assert.rejects(ask('hi', { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }), (error) => {
    assert.ok(error instanceof Anthropic.BadRequestError, `${error}`);
    assert.match(error.message, /web_search/);
    return true;
  });
});
