// Claude Code in a session of several turns, while one provider after the other fails: Anthropic dies, Bedrock is out of
// quota, Vertex AI serves. Its user sees nothing of it.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { newSession, result } from './lib/claude_code.mjs';
import { form } from './lib/env.mjs';
import { startRecorder } from './lib/recorder.mjs';
import { controlOf } from './lib/simulator.mjs';
import { startSimulator, startTollgate } from './lib/stack.mjs';

const MODEL = 'test/claude';
const started = [];
const controls = {};
let directory;
let simulators;
let tollgate;
let key;

function endpoint(provider, upstream, model, dearer) {
  const price = { input: 3, output: 15, cache_read: 0.3, cache_write_5m: 3.75, cache_write_1h: 6 };
  return {
    provider, upstream, model, context_tokens: 200000, max_output_tokens: 64000,
    price_usd: Object.fromEntries(Object.entries(price).map(([name, usd]) => [name, usd * dearer])),
  };
}

async function makeGoogleKey() {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  await writeFile(path.join(directory, 'google.pub'), publicKey);
  return (tokenUrl) => writeFile(path.join(directory, 'google.json'), JSON.stringify({
    type: 'service_account', client_email: 'gateway@test-project.iam.gserviceaccount.com', private_key_id: 'k1',
    private_key: privateKey, token_uri: tokenUrl,
  }));
}

before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'tollgate-failover-'));
  const writeCredentials = await makeGoogleKey();
  simulators = {
    anthropic: await startSimulator('anthropic', ['--api-key', 'k'], directory, started),
    bedrock: await startSimulator('bedrock', ['--aws-key', 'AK1:aws-secret'], directory, started),
    vertex: await startSimulator('vertex', ['--vertex-key', path.join(directory, 'google.pub')], directory, started),
  };
  for (const [name, { url }] of Object.entries(simulators)) controls[name] = controlOf(() => url);
  await writeCredentials(`${simulators.vertex.url}/token`);
  await writeFile(path.join(directory, 'catalog.json'), JSON.stringify({
    models: [{
      id: MODEL,
      endpoints: [
        endpoint('anthropic', 'anthropic', 'claude-sonnet-4-5', 1),
        endpoint('amazon-bedrock', 'bedrock', 'global.anthropic.claude-sonnet-4-5-20250929-v1:0', 1.1),
        endpoint('google-vertex/global', 'vertex', 'claude-sonnet-4-5@20250929', 1.2),
      ],
    }],
  }));
  const settings = {
    catalog: { file: path.join(directory, 'catalog.json') },
    upstreams: {
      anthropic: { url: simulators.anthropic.url, api_key: '${FAILOVER_ANTHROPIC}' },
      bedrock: {
        dialect: 'bedrock', url: simulators.bedrock.url, region: 'us-east-1',
        credentials: { access_key_id: '${FAILOVER_AWS_ID}', secret_access_key: '${FAILOVER_AWS_SECRET}' },
      },
      vertex: {
        dialect: 'vertex', url: simulators.vertex.url, project: 'test-project', region: 'global',
        credentials_file: path.join(directory, 'google.json'),
      },
    },
  };
  tollgate = await startTollgate(form(), directory, started, settings,
    { FAILOVER_ANTHROPIC: 'k', FAILOVER_AWS_ID: 'AK1', FAILOVER_AWS_SECRET: 'aws-secret' });
  key = await tollgate.createKey('failover', ['--limit', '100']);
});
after(async () => {
  for (const one of started.reverse()) await one.stop();
  await rm(directory, { recursive: true, force: true });
});

// The providers that were tried for a request, the last of them having served it.
const attempts = (request) => JSON.parse(request.answer.headers['x-tollgate-attempts']);
const tried = (request) => attempts(request).map(({ provider, kind }) => `${provider} ${kind}`);

test('a session goes on while Anthropic dies, Bedrock throttles and Vertex serves', async () => {
  const session = await newSession();
  // After the answer to the first, the second, ... request of the session.
  const then = [
    () => simulators.anthropic.program.stop(),
    () => controls.bedrock.script({
      repeat: 0, status: 429, message: 'Too many tokens, please wait before trying again.',
    }),
  ];
  const recorder = await startRecorder(tollgate.baseUrl, {
    onAnswer: async (request) => {
      if (request.target.includes('/v1/messages')) await then.shift()?.();
    },
  });
  try {
    const options = {
      baseUrl: recorder.url, token: key,
      env: {
        ANTHROPIC_MODEL: MODEL,
        ANTHROPIC_SMALL_FAST_MODEL: MODEL,
        ANTHROPIC_CUSTOM_HEADERS:
          `x-tollgate-provider: ${JSON.stringify({ sort: 'price' })}\nX-OpenRouter-Metadata: enabled`,
      },
    };
    for (const [name, text] of [['one.txt', 'first words'], ['two.txt', 'second words']]) {
      const file = path.join(session.work, name);
      const args = name === 'one.txt' ? [] : ['--continue'];
      const run = await session.run({ ...options, args, prompt: `Please [[write ${file} ${text}]]` });
      assert.equal(run.code, 0, run.stderr + JSON.stringify(result(run)));
      assert.equal(result(run).is_error, false);
      assert.equal(await readFile(file, 'utf8'), text);
      assert.ok(!run.events.some((event) => event.subtype === 'api_retry'), 'Claude Code had to try again');
    }
    const requests = recorder.messages();
    assert.ok(requests.length >= 4, `${requests.length} requests`);
    for (const request of requests) assert.equal(request.answer.status, 200);
    assert.deepEqual(tried(requests[0]), ['anthropic ok']);
    assert.deepEqual(tried(requests[1]), ['anthropic unavailable', 'amazon-bedrock ok']);
    const last = (request) => tried(request).at(-1);
    for (const request of requests.slice(2)) assert.equal(last(request), 'google-vertex/global ok');
    assert.ok(tried(requests[2]).includes('amazon-bedrock rate_limited'));
    // Those that failed a moment ago are not tried again before the one that serves.
    assert.deepEqual(tried(requests[3]), ['google-vertex/global ok']);
    for (const request of requests.slice(1, 3)) {
      const lost = attempts(request).slice(0, -1).map(({ provider, latency_ms: ms }) => `${provider} ${ms} ms`);
      console.log(`lost before ${last(request)}: ${lost.join(', ')}`);
    }
  } finally {
    await recorder.stop();
    await session.remove();
  }
});
