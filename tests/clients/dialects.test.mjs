// Claude Code and the SDK through a Tollgate whose upstreams speak other dialects: the simulator as OpenAI, Morph,
// DeepSeek and OpenRouter, each as strict as it is.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { newSession, result } from './lib/claude_code.mjs';
import { startSimulator, startTollgate } from './lib/stack.mjs';

// By upstream: where the simulator plays it, and a model there.
const UPSTREAMS = {
  openai: { path: '/openai/v1', model: 'gpt-5.1' },
  morph: { path: '/morph/v1', model: 'morph-chat' },
  deepseek: { path: '/deepseek', model: 'deepseek-v4-pro' },
  openrouter: { path: '/openrouter/api/v1', model: 'qwen/qwen4' },
};

const idOf = (upstream) => `${upstream}/${UPSTREAMS[upstream].model.split('/').at(-1)}`;

const catalog = {
  models: Object.entries(UPSTREAMS).map(([upstream, { model }]) => ({
    id: idOf(upstream), name: model, created: 1764000000,
    endpoints: [{
      provider: upstream, upstream, model, context_tokens: 400000, max_output_tokens: 128000,
      price_usd: { input: 1, output: 8, cache_read: 0.1, cache_write_5m: 0, cache_write_1h: 0 },
    }],
  })),
};

const KEY = 'the-upstream-key';

const configured = (simulator) => Object.fromEntries(Object.entries(UPSTREAMS).map(([name, upstream]) => [name, {
  dialect: 'openai', preset: name, url: `${simulator}${upstream.path}`, api_key: '${TOLLGATE_UPSTREAM_KEY}',
}]));

let directory;
let simulator;
let tollgate;
let key;
const started = [];
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'tollgate-dialects-'));
  simulator = (await startSimulator('simulator', ['--api-key', KEY], directory, started)).url;
  const file = path.join(directory, 'catalog.json');
  await writeFile(file, JSON.stringify(catalog));
  tollgate = await startTollgate('one', directory, started, { upstreams: configured(simulator), catalog: { file } },
    { TOLLGATE_UPSTREAM_KEY: KEY });
  key = await tollgate.createKey('clients', ['--limit', '1000']);
});
after(async () => {
  for (const service of started.reverse()) await service.stop();
  await rm(directory, { recursive: true, force: true });
});

const chats = async () => {
  const { requests } = await (await fetch(`${simulator}/_sim/requests`)).json();
  return requests.filter((request) => request.target.endsWith('/chat/completions'));
};

for (const upstream of Object.keys(UPSTREAMS)) {
  test(`Claude Code writes a file and goes on with its session at ${upstream}`, async () => {
    await fetch(`${simulator}/_sim/reset`, { method: 'POST', body: '{}' });
    const session = await newSession();
    const env = { ANTHROPIC_MODEL: idOf(upstream), ANTHROPIC_SMALL_FAST_MODEL: idOf(upstream) };
    const ask = (prompt, args = []) =>
      session.run({ baseUrl: tollgate.baseUrl, token: key, prompt, args, env });
    try {
      for (const [name, args] of [['one.txt', []], ['two.txt', ['--continue']]]) {
        const file = path.join(session.work, name);
        const run = await ask(`Please [[write ${file} all is well]]`, args);
        assert.equal(run.code, 0, run.stderr + JSON.stringify(result(run)));
        assert.equal(result(run).is_error, false);
        assert.equal(await readFile(file, 'utf8'), 'all is well');
        assert.ok(result(run).usage.input_tokens + result(run).usage.cache_read_input_tokens > 0, 'usage is told');
      }
      const sent = (await chats()).map(({ body }) => JSON.parse(body));
      // No request was tried twice: the first form was taken.
      assert.equal(sent.length, 4);
      assert.ok(sent.every((body) => body.model === UPSTREAMS[upstream].model && body.stream === true));
    } finally {
      await session.remove();
    }
  });
}

test('the SDK streams, runs a tool and counts', async () => {
  const client = new Anthropic({ apiKey: key, baseURL: tollgate.baseUrl, maxRetries: 0 });
  const tools = [{ name: 'Write', input_schema: { type: 'object', properties: { file_path: { type: 'string' } } } }];
  const messages = [{ role: 'user', content: '[[write /x y]]' }];
  const request = { model: idOf('openai'), max_tokens: 500, tools, messages };
  const first = await client.messages.stream(request).finalMessage();
  assert.equal(first.stop_reason, 'tool_use');
  const use = first.content.find((block) => block.type === 'tool_use');
  assert.deepEqual(use.input, { file_path: '/x', content: 'y' });
  messages.push({ role: 'assistant', content: first.content },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: use.id, content: 'ok' }] });
  const last = await client.messages.create(request);
  assert.match(last.content[0].text, /^Done/);
  const { data, response } = await client.messages.countTokens({ model: idOf('openai'), tools, messages }).withResponse();
  assert.ok(data.input_tokens > 20);
  assert.equal(response.headers.get('x-tollgate-token-count'), 'estimate');
});
