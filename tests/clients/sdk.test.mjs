// Anthropic's SDK in both of its wire generations: 0.x sends x-api-key, 1.x a Bearer token and a newer API version.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import Sdk1 from '@anthropic-ai/sdk';
import Sdk0 from 'anthropic-sdk-0';
import { baseUrl, form, key, model } from './lib/env.mjs';
import * as simulator from './lib/simulator.mjs';

const generations = [
  { name: 'SDK 0.137.0', Sdk: Sdk0, version: '2023-06-01',
    classes: { 402: 'APIError', 413: 'APIError', 529: 'InternalServerError' } },
  { name: 'SDK 1.12.0', Sdk: Sdk1, version: '2026-10-21',
    classes: { 402: 'PaymentRequiredError', 413: 'ContentTooLargeError', 529: 'OverloadedError' } },
];

const TOOLS = ['get_weather', 'get_time'].map((name) => ({
  name, description: 'A tool of the test.', input_schema: { type: 'object' },
}));

async function thrownBy(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail('no error was thrown');
}

for (const { name, Sdk, version, classes } of generations) {
  describe(name, () => {
    const client = (options = {}) => new Sdk({ baseURL: baseUrl(), apiKey: key(), maxRetries: 0, timeout: 30000, ...options });
    const question = (text = 'Good morning') => ({
      model: model(), max_tokens: 2000, messages: [{ role: 'user', content: text }],
    });

    beforeEach(() => simulator.reset());

    test('create', async () => {
      const message = await client().messages.create(question());
      assert.match(message.content[0].text, /You said: Good morning/);
      assert.equal(message.stop_reason, 'end_turn');
      assert.match(message._request_id, /^req_/);
      const [request] = await simulator.messageRequests();
      assert.equal(simulator.header(request, 'anthropic-version'), version);
      assert.deepEqual(JSON.parse(request.body).messages, question().messages);
      const [bill] = (await simulator.billed()).requests;
      assert.equal(bill.message_id, message.id);
      assert.equal(bill.output_tokens, message.usage.output_tokens);
    });

    test('stream', async () => {
      const stream = client().messages.stream(question());
      const types = new Set();
      let text = '';
      stream.on('streamEvent', (event) => types.add(event.type));
      stream.on('text', (delta) => (text += delta));
      const message = await stream.finalMessage();
      const whole = await client().messages.create(question());
      assert.equal(message.content[0].text, whole.content[0].text);
      assert.equal(text, whole.content[0].text);
      assert.equal(message.usage.output_tokens, whole.usage.output_tokens);
      assert.deepEqual([...types].sort(), ['content_block_delta', 'content_block_start', 'content_block_stop',
        'message_delta', 'message_start', 'message_stop']);
    });

    test('stream with thinking and tools', async () => {
      const first = {
        ...question('[[redacted]] [[tool get_weather {"city":"Zürich"}]] [[tool get_time {"zone":"CET"}]]'),
        thinking: { type: 'enabled', budget_tokens: 1024 },
        tools: TOOLS,
      };
      const streamed = await client().messages.stream(first).finalMessage();
      const whole = await client().messages.create(first);
      const withoutIds = (content) => content.map(({ id, ...block }) => block);
      assert.deepEqual(withoutIds(streamed.content), withoutIds(whole.content));
      assert.deepEqual(streamed.content.map((block) => block.type),
        ['redacted_thinking', 'thinking', 'tool_use', 'tool_use']);
      assert.deepEqual(streamed.content[2].input, { city: 'Zürich' });
      assert.equal(streamed.stop_reason, 'tool_use');

      const results = streamed.content.filter((block) => block.type === 'tool_use')
        .map((block) => ({ type: 'tool_result', tool_use_id: block.id, content: 'fine' }));
      const second = {
        ...first,
        messages: [...first.messages, { role: 'assistant', content: streamed.content },
          { role: 'user', content: results }],
      };
      // The upstream refuses thinking whose signature does not belong to it.
      const done = await client().messages.stream(second).finalMessage();
      assert.equal(done.stop_reason, 'end_turn');
      second.messages[1].content[1].thinking += 'x';
      if (form() === 'straight') {
        const forged = await thrownBy(client().messages.create(second));
        assert.equal(forged.status, 400);
        assert.match(forged.message, /Invalid `signature` in `thinking` block/);
        return;
      }
      // Tollgate asks once more, without them: the conversation goes on.
      const { data, response } = await client().messages.create(second).withResponse();
      assert.equal(data.stop_reason, 'end_turn');
      assert.equal(response.headers.get('x-tollgate-thinking-dropped'), '2');
    });

    test('cache usage', async () => {
      const cached = {
        ...question(),
        system: [{ type: 'text', text: 'x'.repeat(4000), cache_control: { type: 'ephemeral', ttl: '1h' } }],
      };
      const { usage } = await client().messages.create(cached);
      assert.ok(usage.cache_creation.ephemeral_1h_input_tokens > 0);
      const streamed = await client().messages.stream(cached).finalMessage();
      const bill = (await simulator.billed()).requests.find(({ message_id }) => message_id === streamed.id);
      assert.equal(streamed.usage.cache_creation_input_tokens, bill.cache_creation_1h_input_tokens);
      assert.equal(streamed.usage.cache_creation.ephemeral_1h_input_tokens, bill.cache_creation_1h_input_tokens);
    });

    test('count_tokens', async () => {
      const { max_tokens, ...counted } = question();
      const { input_tokens } = await client().messages.countTokens(counted);
      assert.ok(input_tokens > 0);
    });

    test('models', async () => {
      const ids = [];
      for await (const entry of client().models.list()) {
        assert.equal(entry.type, 'model');
        assert.ok(entry.display_name);
        ids.push(entry.id);
      }
      assert.ok(ids.includes(model()), `${model()} is not among ${ids}`);
      // The SDK encodes the slash of the id.
      const entry = await client().models.retrieve(model());
      assert.equal(entry.id, model());
      assert.ok(!Number.isNaN(Date.parse(entry.created_at)));
    });

    test('abort in the middle of a stream reaches the upstream', async () => {
      const stream = client().messages.stream(question(), { headers: { 'x-sim': 'events=100000;delay_ms=5' } });
      await new Promise((resolve) => stream.once('text', resolve));
      const aborted = Date.now();
      stream.abort();
      await assert.rejects(stream.finalMessage());
      const response = await simulator.until('the upstream to see it',
        async () => (await simulator.messageRequests()).map((request) => request.response).find(({ done }) => done));
      assert.ok(Date.now() - aborted < 2000, `it took ${Date.now() - aborted} ms`);
      assert.equal(response.client_closed, true);
      assert.equal(response.completed, false);
    });

    test('an error in the middle of a stream', async () => {
      await simulator.script({
        sse: [
          { type: 'message_start', message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [],
            stop_reason: null, stop_sequence: null, usage: { input_tokens: 5, output_tokens: 1 } } },
          { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
          { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'so far' } },
          { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
        ],
      });
      let text = '';
      const stream = client().messages.stream(question());
      stream.on('text', (delta) => (text += delta));
      const error = await thrownBy(stream.finalMessage());
      assert.equal(text, 'so far');
      assert.equal(error.error.error.type, 'overloaded_error');
    });

    test('401', async () => {
      const error = await thrownBy(client({ apiKey: 'sk-tg-v1-' + '0'.repeat(64), maxRetries: 2 })
        .messages.create(question()));
      assert.equal(error.constructor.name, 'AuthenticationError');
      assert.equal(error.status, 401);
      assert.equal(error.error.error.type, 'authentication_error');
    });

    test('404', async () => {
      const error = await thrownBy(client().models.retrieve('nobody/nothing'));
      assert.equal(error.constructor.name, 'NotFoundError');
      assert.equal(error.error.error.type, 'not_found_error');
      const batches = await thrownBy(client().get('/v1/messages/batches'));
      assert.equal(batches.status, 404);
      assert.equal(batches.error.error.type, 'not_found_error');
    });

    test('413', async () => {
      const error = await thrownBy(client().messages.create(question('x'.repeat(33 * 1024 * 1024))));
      assert.equal(error.constructor.name, classes[413]);
      assert.equal(error.status, 413);
      assert.equal(error.error.error.type, 'request_too_large');
    });

    test('429 with retry-after', async () => {
      await simulator.script({ status: 429, message: 'slow down', headers: { 'retry-after': '7' } });
      const error = await thrownBy(client().messages.create(question()));
      assert.equal(error.constructor.name, 'RateLimitError');
      assert.equal(error.headers.get('retry-after'), '7');
      assert.equal(error.error.error.message, 'slow down');
      // A client that may retry waits as long as it was told.
      await simulator.script({ status: 429, message: 'slow down', headers: { 'retry-after': '1' } });
      const begun = Date.now();
      await client({ maxRetries: 1 }).messages.create(question());
      assert.ok(Date.now() - begun >= 900, `it took ${Date.now() - begun} ms`);
    });

    test('529', async () => {
      await simulator.script({ status: 529, message: 'Overloaded' });
      const error = await thrownBy(client().messages.create(question()));
      assert.equal(error.constructor.name, classes[529]);
      assert.equal(error.status, 529);
      assert.equal(error.error.error.type, 'overloaded_error');
    });

    test('400 of the upstream, word for word', async () => {
      const text = 'prompt is too long: 210000 tokens > 200000 maximum';
      await simulator.script({ status: 400, message: text });
      const error = await thrownBy(client().messages.create(question()));
      assert.equal(error.constructor.name, 'BadRequestError');
      assert.equal(error.error.error.message, text);
    });
  });
}
