// OpenAI's SDK asks for chat completions, and the Messages API answers.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { baseUrl, key, model, poorKey } from './lib/env.mjs';
import * as simulator from './lib/simulator.mjs';

const client = (options = {}) =>
  new OpenAI({ baseURL: `${baseUrl()}/v1`, apiKey: key(), maxRetries: 0, timeout: 30000, ...options });
const question = (text = 'Good morning') => ({ model: model(), messages: [{ role: 'user', content: text }] });
const tool = (name) => ({
  type: 'function',
  function: { name, description: 'A tool of the test.', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
});
const sent = async () => (await simulator.messageRequests()).map((request) => JSON.parse(request.body));

async function thrownBy(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail('no error was thrown');
}

async function all(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

describe("OpenAI's SDK", () => {
  beforeEach(() => simulator.reset());

  test('create', async () => {
    const completion = await client().chat.completions.create({
      ...question(), messages: [{ role: 'developer', content: 'Be brief.' }, ...question().messages],
      temperature: 0.5, top_p: 1, stop: ['nothing of it'], user: 'somebody', seed: 1, n: 1,
    });
    assert.equal(completion.object, 'chat.completion');
    assert.match(completion.id, /^gen-/);
    assert.match(completion._request_id, /^req_/);
    assert.match(completion.choices[0].message.content, /You said: Good morning/);
    assert.equal(completion.choices[0].finish_reason, 'stop');
    const [body] = await sent();
    assert.deepEqual(body.system, [{ type: 'text', text: 'Be brief.' }]);
    assert.deepEqual(body.messages, [{ role: 'user', content: [{ type: 'text', text: 'Good morning' }] }]);
    assert.equal(body.temperature, 0.5);
    assert.equal(body.top_p, undefined);
    assert.equal(body.max_tokens, 32000);
    assert.deepEqual(body.stop_sequences, ['nothing of it']);
    assert.deepEqual(body.metadata, { user_id: 'somebody' });
    const [bill] = (await simulator.billed()).requests;
    assert.equal(completion.usage.completion_tokens, bill.output_tokens);
    assert.equal(completion.usage.total_tokens, completion.usage.prompt_tokens + completion.usage.completion_tokens);
    assert.ok(completion.usage.cost > 0);
  });

  test('stream', async () => {
    const chunks = await all(await client().chat.completions.create({
      ...question(), stream: true, stream_options: { include_usage: true },
    }));
    assert.equal(chunks[0].choices[0].delta.role, 'assistant');
    const whole = await client().chat.completions.create(question());
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
    assert.equal(text, whole.choices[0].message.content);
    assert.equal(chunks.filter((chunk) => chunk.choices[0]?.finish_reason).length, 1);
    assert.equal(chunks.at(-2).choices[0].finish_reason, 'stop');
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.deepEqual(chunks.at(-1).usage, whole.usage);
    assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
  });

  test('without include_usage no chunk has one', async () => {
    const chunks = await all(await client().chat.completions.create({ ...question(), stream: true }));
    assert.ok(chunks.every((chunk) => chunk.usage === undefined && chunk.choices.length === 1));
  });

  test('the stream helper accumulates the same message', async () => {
    const asked = { ...question('[[tool get_weather {"city":"Zürich"}]] [[tool get_time {}]]'),
      tools: [tool('get_weather'), tool('get_time')] };
    const helper = client().chat.completions.stream(asked);
    const streamed = await helper.finalChatCompletion();
    const whole = await client().chat.completions.create(asked);
    const calls = (completion) => completion.choices[0].message.tool_calls.map((call) => call.function);
    assert.deepEqual(calls(whole).map(({ name, arguments: args }) => [name, JSON.parse(args)]),
      [['get_weather', { city: 'Zürich' }], ['get_time', {}]]);
    assert.deepEqual(calls(streamed).map(({ name, arguments: args }) => [name, JSON.parse(args)]),
      [['get_weather', { city: 'Zürich' }], ['get_time', {}]]);
    assert.equal(streamed.choices[0].finish_reason, 'tool_calls');
    assert.equal(whole.choices[0].message.content, null);
  });

  for (const stream of [false, true]) {
    test(`runTools ${stream ? 'streamed' : 'whole'}`, async () => {
      const asked = [];
      const runner = client().chat.completions.runTools({
        ...question('[[tool get_weather {"city":"Bern"}]] [[tool get_weather {"city":"Genf"}]]'), stream,
        tools: [{ type: 'function', function: {
          name: 'get_weather', description: 'The weather.', parse: JSON.parse,
          parameters: { type: 'object', properties: { city: { type: 'string' } } },
          function: ({ city }) => { asked.push(city); return `sunny in ${city}`; },
        } }],
      });
      assert.match(await runner.finalContent(), /the tool has answered/);
      assert.deepEqual(asked, ['Bern', 'Genf']);
      const bodies = await sent();
      const last = bodies.at(-1).messages;
      assert.deepEqual(last.map(({ role }) => role), ['user', 'assistant', 'user']);
      assert.deepEqual(last[1].content.map(({ input }) => input), [{ city: 'Bern' }, { city: 'Genf' }]);
      assert.deepEqual(last[2].content.map(({ tool_use_id }) => tool_use_id), last[1].content.map(({ id }) => id));
      assert.deepEqual(last[2].content[0].content, [{ type: 'text', text: 'sunny in Bern' }]);
    });
  }

  test('thinking goes out and comes back signed', async () => {
    const asked = { ...question('[[redacted]] [[tool get_weather {"city":"Bern"}]]'), tools: [tool('get_weather')],
      reasoning_effort: 'low' };
    for (const stream of [false, true]) {
      await simulator.reset();
      const completion = stream ? await client().chat.completions.stream(asked).finalChatCompletion()
        : await client().chat.completions.create(asked);
      const { message } = completion.choices[0];
      // The helper knows nothing of members that are not OpenAI's own and keeps the last piece: it is put together here.
      const details = stream ? await collectDetails(asked) : message.reasoning_details;
      assert.deepEqual(details.map(({ type }) => type), ['reasoning.encrypted', 'reasoning.text']);
      if (!stream) assert.equal(message.reasoning, details[1].text);
      const done = await client().chat.completions.create({ ...asked, messages: [
        ...asked.messages,
        { role: 'assistant', content: null, tool_calls: message.tool_calls, reasoning_details: details },
        { role: 'tool', tool_call_id: message.tool_calls[0].id, content: 'fine' },
      ] });
      // The upstream refuses thinking whose signature is not its own.
      assert.match(done.choices[0].message.content, /the tool has answered/);
      const body = (await sent()).at(-1);
      assert.equal(body.thinking.type, 'enabled');
      assert.deepEqual(body.messages[1].content.map(({ type }) => type), ['redacted_thinking', 'thinking', 'tool_use']);
    }
  });

  async function collectDetails(asked) {
    const details = [];
    for await (const chunk of await client().chat.completions.create({ ...asked, stream: true })) {
      for (const piece of chunk.choices[0]?.delta.reasoning_details ?? []) {
        const open = details.find(({ index }) => index === piece.index);
        if (!open) details.push({ ...piece });
        else for (const member of ['text', 'data', 'signature'])
          if (piece[member]) open[member] = (open[member] ?? '') + piece[member];
      }
    }
    return details;
  }

  test('a tool loop goes on although the client has dropped the thinking', async () => {
    const asked = { ...question('[[tool get_weather {"city":"Bern"}]]'), tools: [tool('get_weather')],
      reasoning_effort: 'high' };
    const { message } = (await client().chat.completions.create(asked)).choices[0];
    await client().chat.completions.create({ ...asked, messages: [
      ...asked.messages, { role: 'assistant', tool_calls: message.tool_calls },
      { role: 'tool', tool_call_id: message.tool_calls[0].id, content: 'fine' },
    ] });
    const [first, second] = await sent();
    assert.equal(first.thinking.type, 'enabled');
    assert.equal(second.thinking, undefined);
  });

  test('structured output', async () => {
    const Event = z.object({ name: z.string(), guests: z.number(), open: z.boolean() });
    const parsed = await client().chat.completions.parse({
      ...question(), response_format: zodResponseFormat(Event, 'event'),
    });
    assert.deepEqual(parsed.choices[0].message.parsed, { name: 'Simulated session', guests: 1, open: true });
    const [body] = await sent();
    assert.equal(body.output_config.format.type, 'json_schema');
    assert.deepEqual(Object.keys(body.output_config.format.schema.properties), ['name', 'guests', 'open']);
  });

  test('images and documents', async () => {
    const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
    await client().chat.completions.create({ model: model(), messages: [{ role: 'user', content: [
      { type: 'text', text: 'What is this?' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${png}`, detail: 'low' } },
      { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
      { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' } },
    ] }] });
    const [body] = await sent();
    assert.deepEqual(body.messages[0].content.slice(1), [
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } },
      { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' }, title: 'a.pdf' },
    ]);
  });

  test('models', async () => {
    const ids = [];
    for await (const entry of client().models.list()) {
      assert.equal(entry.object, 'model');
      assert.equal(typeof entry.created, 'number');
      assert.ok(entry.owned_by);
      ids.push(entry.id);
    }
    assert.ok(ids.includes(model()));
    assert.equal((await client().models.retrieve(model())).id, model());
    const missing = await thrownBy(client().models.retrieve('nobody/nothing'));
    assert.ok(missing instanceof OpenAI.NotFoundError);
  });

  test('errors are the classes of the SDK', async () => {
    const unknown = await thrownBy(client({ apiKey: 'sk-tg-v1-' + '0'.repeat(64) }).chat.completions.create(question()));
    assert.ok(unknown instanceof OpenAI.AuthenticationError);
    assert.equal(unknown.code, 'invalid_api_key');

    const missing = await thrownBy(client().chat.completions.create({ ...question(), model: 'nobody/nothing' }));
    assert.ok(missing instanceof OpenAI.NotFoundError);
    assert.equal(missing.code, 'model_not_found');

    const several = await thrownBy(client().chat.completions.create({ ...question(), n: 2 }));
    assert.ok(several instanceof OpenAI.BadRequestError);
    assert.equal(several.param, 'n');
    assert.equal(several.type, 'invalid_request_error');
    assert.equal((await sent()).length, 0);

    for (const [status, expected, type] of [[429, OpenAI.RateLimitError, 'rate_limit_error'],
      [529, OpenAI.InternalServerError, 'server_error'], [500, OpenAI.InternalServerError, 'server_error']]) {
      await simulator.reset();
      await simulator.script({ status, message: 'Not now.', repeat: 0 });
      const error = await thrownBy(client().chat.completions.create(question()));
      assert.ok(error instanceof expected, `${status}: ${error}`);
      assert.equal(error.type, type);
      assert.match(error.message, /Not now\./);
      assert.equal(error.status, status === 529 ? 503 : status);
    }
  });

  test('a spent key is a 402 and is not tried again', async () => {
    const error = await thrownBy(client({ apiKey: poorKey(), maxRetries: 2 }).chat.completions.create(question()));
    assert.equal(error.status, 402);
    assert.equal(error.code, 'insufficient_quota');
    assert.equal(error.headers.get('x-should-retry'), 'false');
    assert.equal((await sent()).length, 0);
  });

  test('a stream that breaks off throws', async () => {
    await simulator.script({ break: { how: 'close', after_event: 6 }, repeat: 0 });
    const stream = await client().chat.completions.create({ ...question('Tell me more of all of this.'), stream: true });
    const error = await thrownBy(all(stream));
    assert.ok(error instanceof OpenAI.APIError, error.stack);
    assert.equal(error.type, 'server_error');
  });
});
