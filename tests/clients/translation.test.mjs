// Generated streams of chat completions through the translator, into the accumulator of Anthropic's own SDK: the message
// that comes out is the one that was meant. The translator's test program cuts each stream at every byte by itself.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OldAnthropic from 'anthropic-sdk-0';
import { program } from './lib/programs.mjs';

const STREAMS = 240;

// The same numbers for the same seed.
function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return {
    chance: (probability) => next() < probability,
    below: (count) => Math.floor(next() * count),
    pick: (list) => list[Math.floor(next() * list.length)],
  };
}

const WORDS = ['tollgate', 'naïve', '日本語', '🚦', 'a "quoted" word', 'line\nbreak', '\\back', 'data: x', '\u2028', 'END'];

function words(rng, most) {
  let text = '';
  for (let left = 1 + rng.below(most); left > 0; --left) text += `${rng.pick(WORDS)} `;
  return text;
}

// Between characters, so that each piece is text in itself.
function pieces(rng, text) {
  const letters = Array.from(text);
  const parts = [];
  while (letters.length > 0) parts.push(letters.splice(0, 1 + rng.below(8)).join(''));
  return parts;
}

function input(rng) {
  const value = {};
  for (let left = rng.below(4); left > 0; --left)
    value[`k${left}`] = rng.pick([1, -2.5, true, null, words(rng, 3), [1, { deep: words(rng, 2) }], '}', '"{']);
  return value;
}

// The deltas of one call: id and name as this server likes to send them, then the arguments.
function callDeltas(rng, call, style) {
  const deltas = [];
  const fragments = Object.keys(call.input).length === 0 && rng.chance(0.5)
    ? [rng.pick(['', '{}'])] : pieces(rng, JSON.stringify(call.input));
  const at = (members) => ({ ...(style.index && { index: call.index }), ...members });
  const first = { ...(call.id && { id: call.id }), type: 'function' };
  if (style.name === 'split') {
    deltas.push(at({ ...first, function: { name: call.name.slice(0, 2), arguments: '' } }));
    deltas.push(at({ function: { name: call.name.slice(2) } }));
  } else if (style.name === 'late' && style.index && fragments.length > 1) {
    deltas.push(at({ ...first, function: { arguments: fragments.shift() } }));
    deltas.push(at({ function: { name: call.name, arguments: fragments.shift() } }));
  } else if (style.name === 'with arguments') {
    deltas.push(at({ ...first, function: { name: call.name, arguments: fragments.shift() } }));
  } else {
    deltas.push(at({ ...first, function: { name: call.name, arguments: '' } }));
  }
  for (const fragment of fragments)
    deltas.push(at({ ...(style.repeat && call.id && { id: call.id }), function: { arguments: fragment } }));
  return deltas;
}

function shuffledTogether(rng, lists) {
  const out = [];
  const left = lists.map((list) => [...list]);
  // The first delta of each announces it, in order.
  for (const list of left) out.push(list.shift());
  while (left.some((list) => list.length > 0)) out.push(rng.pick(left.filter((list) => list.length > 0)).shift());
  return out;
}

function generate(seed) {
  const rng = random(seed);
  const style = {
    index: rng.chance(0.8),
    name: rng.pick(['whole', 'whole', 'split', 'late', 'with arguments']),
    repeat: rng.chance(0.2),
    reasoning: rng.pick(['reasoning_content', 'reasoning']),
    eol: rng.pick(['\n', '\n', '\r\n']),
  };
  const content = [];
  const deltas = [];
  const speak = (kind) => {
    const text = words(rng, 6);
    content.push(kind === 'text' ? { type: 'text', text } : { type: 'thinking', thinking: text });
    for (const piece of pieces(rng, text)) deltas.push({ [kind === 'text' ? 'content' : style.reasoning]: piece });
  };
  if (rng.chance(0.5)) speak('thinking');
  const calls = Array.from({ length: rng.pick([0, 0, 1, 1, 2, 3, 4]) }, (_, index) => ({
    index, id: style.index && rng.chance(0.15) ? '' : `call_${seed}_${index}`, name: `tool_${index}`, input: input(rng),
  }));
  if (calls.length === 0 || rng.chance(0.5)) speak('text');
  const lists = calls.map((call) => callDeltas(rng, call, style));
  const interleaved = style.index && rng.chance(0.5);
  for (const one of interleaved ? shuffledTogether(rng, lists) : lists.flat()) deltas.push({ tool_calls: [one] });
  for (const { id, name, input: given } of calls) content.push({ type: 'tool_use', id, name, input: given });
  if (calls.length > 0 && rng.chance(0.2)) speak('text');
  return { rng, style, content, deltas, calls };
}

// How the stream ends: {events, stop_reason, usage}.
function ending({ rng, calls, content }, choice) {
  const prompt = 1 + rng.below(1000);
  const cached = rng.chance(0.5) ? rng.below(prompt) : 0;
  const reasoning = rng.below(5);
  const completion = reasoning + 1 + rng.below(50);
  const counts = {
    prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion,
    ...(rng.chance(0.5)
      ? { prompt_tokens_details: { cached_tokens: cached } } : { prompt_cache_hit_tokens: cached }),
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
  const reason = calls.length > 0 ? rng.pick(['tool_calls', 'stop', 'function_call', 'tool_calls'])
    : rng.pick(['stop', 'length', 'content_filter', 'eos']);
  const events = [];
  const where = rng.pick(['last', 'last', 'with the reason', 'groq', 'choice', 'none']);
  const end = choice({}, reason);
  if (where === 'with the reason') end.usage = counts;
  if (where === 'groq') end.x_groq = { id: 'x', usage: counts };
  if (where === 'choice') end.choices[0].usage = counts;
  events.push(end);
  if (rng.chance(0.1)) events.push(choice({}, reason));
  if (where === 'last') events.push({ id: 'c', choices: [], usage: counts });
  const stop = { length: 'max_tokens', content_filter: 'refusal' }[reason] ?? (calls.length > 0 ? 'tool_use' : 'end_turn');
  return {
    events: events.map((event) => JSON.stringify(event)).concat(rng.chance(0.85) ? ['[DONE]'] : []),
    stop_reason: stop,
    usage: where === 'none' ? undefined
      : { input_tokens: prompt - cached, cache_read_input_tokens: cached, output_tokens: completion },
    content,
  };
}

function written(seed) {
  const plan = generate(seed);
  const { rng, style } = plan;
  const choice = (delta, finish = null) => ({
    id: 'chatcmpl-1', object: 'chat.completion.chunk', model: 'some-model',
    choices: [{ index: 0, delta, ...(finish !== null || rng.chance(0.7) ? { finish_reason: finish } : {}) }],
  });
  const events = [];
  if (rng.chance(0.7)) events.push(JSON.stringify(choice({ role: 'assistant', content: rng.pick(['', null]) })));
  for (const delta of plan.deltas) {
    if (rng.chance(0.05)) events.push(JSON.stringify({ id: 'c', choices: [] }));
    events.push(JSON.stringify(choice(rng.chance(0.2) ? { ...delta, role: 'assistant' } : delta)));
  }
  const end = ending(plan, choice);
  const comment = () => (rng.chance(0.1) ? `: OPENROUTER PROCESSING${style.eol}${style.eol}` : '');
  const stream = events.concat(end.events)
    .map((event) => `${comment()}data:${rng.pick([' ', ' ', ''])}${event}${style.eol}${style.eol}`).join('');
  return { seed, stream, expected: end };
}

async function accumulated(Client, events) {
  const client = new Client({
    apiKey: 'x', maxRetries: 0,
    fetch: async () => new Response(events, { headers: { 'content-type': 'text/event-stream' } }),
  });
  return client.messages.stream({
    model: 'm', max_tokens: 1000, messages: [{ role: 'user', content: 'x' }],
  }).finalMessage();
}

// Runs tollgate-translate on the streams; their events.
function translate(lines) {
  const done = spawnSync(program('tollgate-translate'), { input: lines.map((line) => JSON.stringify(line)).join('\n'),
    encoding: 'utf8', maxBuffer: 1 << 30 });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout.trim().split('\n').map((line) => JSON.parse(line));
}

function compare(message, { seed, expected }) {
  const where = `stream ${seed}`;
  assert.equal(message.content.length, expected.content.length, `${where}: ${JSON.stringify(message.content)}`);
  message.content.forEach((block, index) => {
    const wanted = expected.content[index];
    assert.equal(block.type, wanted.type, where);
    if (block.type === 'text') assert.equal(block.text, wanted.text, where);
    if (block.type === 'thinking') {
      assert.equal(block.thinking, wanted.thinking, where);
      assert.match(block.signature, /^tg1\./, where);
    }
    if (block.type !== 'tool_use') return;
    assert.equal(block.name, wanted.name, where);
    assert.deepEqual(block.input, wanted.input, where);
    if (wanted.id) assert.equal(block.id, wanted.id, where);
    else assert.match(block.id, /^toolu_[0-9a-f]+$/, where);
  });
  assert.equal(message.stop_reason, expected.stop_reason, where);
  for (const [name, count] of Object.entries(expected.usage ?? {})) assert.equal(message.usage[name], count, `${where} ${name}`);
  assert.ok(message.usage.output_tokens > 0, where);
}

let streams;
let answers;
before(() => {
  streams = Array.from({ length: STREAMS }, (_, index) => written(index + 1));
  answers = translate(streams.map(({ stream }) => ({ stream })));
});

test('every stream gives the same events wherever it is cut', () => {
  assert.equal(answers.length, STREAMS);
  answers.forEach((answer, index) => assert.equal(answer.wrong, undefined, `stream ${index + 1}: ${answer.wrong}`));
});

for (const [name, Client] of [['1.x', Anthropic], ['0.x', OldAnthropic]]) {
  test(`the SDK (${name}) reads the message that was meant`, async () => {
    for (const [index, { events }] of answers.entries()) compare(await accumulated(Client, events), streams[index]);
  });
}

test('what breaks off is an error to the SDK, and nothing else', async () => {
  const cuts = streams.slice(0, 20).map(({ stream }) => {
    const head = stream.slice(0, Math.floor(stream.indexOf('finish_reason":"') / 2));
    return { stream: head };
  });
  for (const { events, wrong } of translate(cuts)) {
    assert.equal(wrong, undefined);
    await assert.rejects(accumulated(Anthropic, events), /api_error/);
  }
});
