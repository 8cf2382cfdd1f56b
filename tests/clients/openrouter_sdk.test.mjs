// OpenRouter's SDK manages our keys as it manages theirs; what it does not know is asked for with fetch.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OpenRouter } from '@openrouter/sdk';
import * as errors from '@openrouter/sdk/models/errors';
import Anthropic from '@anthropic-ai/sdk';
import { baseUrl, key, managementKey, model } from './lib/env.mjs';

const NO_KEY = 'sk-tg-v1-' + '0'.repeat(64);
const UNKNOWN_HASH = '0'.repeat(64);
const client = (apiKey = managementKey()) => new OpenRouter({ apiKey, serverURL: `${baseUrl()}/v1` });

let names = 0;
const newName = () => `sdk ${process.pid} ${++names}`;

// Calls the API itself; resolves with {status, headers, body}.
async function ask(method, path, body, apiKey = managementKey()) {
  const response = await fetch(`${baseUrl()}/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : undefined };
}

// The SDK goes on for an hour where it thinks that it helps.
async function rejectsAtOnce(promise, type, statusCode) {
  const begun = Date.now();
  await assert.rejects(promise, (error) => {
    assert.equal(error.constructor.name, type.name, error.stack);
    assert.equal(error.statusCode, statusCode);
    assert.equal(error.error.code, statusCode);
    assert.ok(error.message.length > 0);
    return true;
  });
  assert.ok(Date.now() - begun < 5000, `it took ${Date.now() - begun} ms`);
}

describe("OpenRouter's SDK", () => {
  test('the life of a key', async () => {
    const { apiKeys } = client();
    const name = newName();
    const expiresAt = new Date('2200-01-01T00:00:00Z');
    const created = await apiKeys.create({ requestBody: {
      name, limit: 0.1, limitReset: 'daily', includeByokInLimit: true, expiresAt, creatorUserId: 'user_1',
      external: { user: 'partner' },
    } });
    assert.match(created.key, /^sk-tg-v1-[0-9a-f]{64}$/);
    const { hash } = created.data;
    assert.match(hash, /^[0-9a-f]{64}$/);
    const expected = {
      name, hash, limit: 0.1, limitRemaining: 0.1, limitReset: 'daily', includeByokInLimit: true, disabled: false,
      usage: 0, workspaceId: 'default', creatorUserId: 'user_1', externalUser: 'partner',
    };
    for (const [member, value] of Object.entries(expected)) assert.equal(created.data[member], value, member);
    assert.equal(created.data.expiresAt.getTime(), expiresAt.getTime());
    assert.ok(!Number.isNaN(Date.parse(created.data.createdAt)));

    assert.deepEqual((await apiKeys.get({ hash })).data, created.data);
    assert.deepEqual((await apiKeys.update({ hash, requestBody: {} })).data, created.data);

    const changed = (await apiKeys.update({ hash, requestBody: { name: `${name}!`, limit: 7.25 } })).data;
    assert.equal(changed.name, `${name}!`);
    assert.equal(changed.limit, 7.25);
    assert.equal(changed.limitReset, 'daily');
    assert.equal((await apiKeys.update({ hash, requestBody: { limitReset: 'monthly' } })).data.limitReset, 'monthly');
    const unlimited = (await apiKeys.update({ hash, requestBody: { limit: null } })).data;
    assert.equal(unlimited.limit, null);
    assert.equal(unlimited.limitReset, null);

    // The new key works, until it is disabled.
    assert.equal((await client(created.key).apiKeys.getCurrentKeyMetadata()).data.label, created.data.label);
    assert.equal((await apiKeys.update({ hash, requestBody: { disabled: true } })).data.disabled, true);
    await rejectsAtOnce(client(created.key).apiKeys.getCurrentKeyMetadata(), errors.UnauthorizedResponseError, 401);

    const isListed = async (request) => (await apiKeys.list(request)).data.some((entry) => entry.hash === hash);
    assert.equal(await isListed(), false);
    assert.equal(await isListed({ includeDisabled: true }), true);
    assert.equal(await isListed({ includeDisabled: true, workspaceId: 'default', offset: 0 }), true);
    assert.equal(await isListed({ includeDisabled: true, offset: 100000 }), false);

    assert.deepEqual(await apiKeys.delete({ hash }), { deleted: true });
    await rejectsAtOnce(apiKeys.get({ hash }), errors.NotFoundResponseError, 404);
  });

  test('the current key', async () => {
    const own = (await client(key()).apiKeys.getCurrentKeyMetadata()).data;
    assert.equal(own.limit, 1000);
    assert.equal(own.isManagementKey, false);
    const manager = (await client().apiKeys.getCurrentKeyMetadata()).data;
    assert.equal(manager.isManagementKey, true);
    assert.equal(manager.isProvisioningKey, true);
  });

  test('credits', async () => {
    const { totalCredits, totalUsage } = (await client().credits.getCredits()).data;
    assert.ok(totalCredits >= 9007199, 'the default workspace has no limit');
    assert.ok(totalUsage >= 0 && totalUsage < totalCredits);
  });

  // The record is written with the settlement, which follows the last byte.
  async function recordOf(id) {
    for (let i = 0; ; ++i) {
      try {
        return (await client().generations.getGeneration({ id })).data;
      } catch (error) {
        if (error.statusCode !== 404 || i === 200) throw error;
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    }
  }

  test('a generation', async () => {
    const anthropic = new Anthropic({ baseURL: baseUrl(), apiKey: key() });
    const question = { model: model(), max_tokens: 100, messages: [{ role: 'user', content: 'Good morning' }] };
    const { data: answer, response } = await anthropic.messages.create(question).withResponse();
    const id = response.headers.get('x-generation-id');
    const record = await recordOf(id);
    assert.equal(record.id, id);
    assert.equal(record.model, model());
    assert.equal(record.streamed, false);
    assert.equal(record.nativeFinishReason, answer.stop_reason);
    assert.equal(record.tokensCompletion, answer.usage.output_tokens);
    assert.ok(record.totalCost > 0);
    assert.ok(record.generationTime >= 0);
    assert.equal(record.providerResponses.length, 1);
    assert.equal(record.providerResponses[0].status, 200);
    assert.equal(record.workspaceId, 'default');
    assert.match(record.userAgent, /Anthropic/i);
    // Its own key sees it, another one does not.
    assert.equal((await client(key()).generations.getGeneration({ id })).data.id, id);
    const other = await client().apiKeys.create({ requestBody: { name: newName() } });
    await rejectsAtOnce(client(other.key).generations.getGeneration({ id }), errors.NotFoundResponseError, 404);
    await client().apiKeys.delete({ hash: other.data.hash });
    await rejectsAtOnce(client().generations.getGeneration({ id: 'gen-nothing' }), errors.NotFoundResponseError, 404);
  });

  test('activity', async () => {
    // Of completed days, of which this gateway has seen none.
    const rows = (await client().analytics.getUserActivity()).data;
    assert.ok(Array.isArray(rows));
    const yesterday = new Date(Date.now() - 86400000).toISOString().slice(0, 10);
    assert.deepEqual((await client().analytics.getUserActivity({ date: yesterday, groupBy: 'workspace' })).data, []);
    await rejectsAtOnce(client().analytics.getUserActivity({ date: '2020-01-01' }), errors.BadRequestResponseError, 400);
  });

  test('analytics', async () => {
    const { analytics } = client();
    const meta = (await analytics.getAnalyticsMeta()).data;
    const metrics = meta.metrics.map(({ name }) => name);
    const dimensions = meta.dimensions.map(({ name }) => name);
    assert.ok(metrics.includes('total_usage') && dimensions.includes('model'));
    const anthropic = new Anthropic({ baseURL: baseUrl(), apiKey: key() });
    const { response } = await anthropic.messages.create(
      { model: model(), max_tokens: 100, messages: [{ role: 'user', content: 'Good morning' }] }).withResponse();
    await recordOf(response.headers.get('x-generation-id'));
    const requestBody = {
      metrics, dimensions: ['model', 'provider', 'workspace'], granularity: 'day',
      filters: [{ field: 'model', operator: 'in', value: [model()] }],
      orderBy: { field: 'total_usage', direction: 'desc' },
      timeRange: { start: new Date(Date.now() - 86400000), end: new Date(Date.now() + 86400000) },
    };
    const { data, metadata } = (await analytics.queryAnalytics({ requestBody })).data;
    assert.equal(metadata.rowCount, data.length);
    assert.ok(data.length >= 1);
    // The SDK drops the members of rows, whose names it does not know.
    const raw = await ask('POST', '/analytics/query',
      { metrics: ['request_count', 'total_usage'], dimensions: ['model'],
        order_by: { field: 'total_usage', direction: 'desc' } });
    // Other clients may have spent more on other models.
    const row = raw.body.data.data.find((one) => one.model === model());
    assert.ok(row.request_count >= 1 && row.total_usage > 0);
    await rejectsAtOnce(analytics.queryAnalytics({ requestBody: { metrics: ['happiness'] } }),
      errors.BadRequestResponseError, 400);
  });

  test('workspaces', async () => {
    const { workspaces } = client();
    const slug = `sdk-${process.pid}`;
    const created = await workspaces.create({ createWorkspaceRequest: { name: 'The team', slug } });
    assert.equal(created.data.id, slug);
    assert.equal(created.data.name, 'The team');
    const renamed = await workspaces.update({ id: slug, updateWorkspaceRequest: { name: 'Us' } });
    assert.equal(renamed.data.name, 'Us');
    assert.equal((await workspaces.get({ id: slug })).data.name, 'Us');
    const ids = [];
    for await (const page of await workspaces.list()) ids.push(...page.result.data.map(({ id }) => id));
    assert.ok(ids.includes('default') && ids.includes(slug), ids.join());
    const inside = await client().apiKeys.create({ requestBody: { name: newName(), workspaceId: slug } });
    assert.deepEqual((await client().apiKeys.list({ workspaceId: slug })).data.map(({ hash }) => hash),
      [inside.data.hash]);
    await rejectsAtOnce(workspaces.delete({ id: slug }), errors.BadRequestResponseError, 400);
    await client().apiKeys.delete({ hash: inside.data.hash });
    assert.equal((await workspaces.delete({ id: slug })).deleted, true);
    await rejectsAtOnce(workspaces.get({ id: slug }), errors.NotFoundResponseError, 404);
  });

  const failures = [
    ['create with a long name', (sdk) => sdk.apiKeys.create({ requestBody: { name: 'x'.repeat(201) } }),
      errors.BadRequestResponseError, 400],
    ['create with a negative limit', (sdk) => sdk.apiKeys.create({ requestBody: { name: 'x', limit: -1 } }),
      errors.BadRequestResponseError, 400],
    ['create in an unknown workspace',
      (sdk) => sdk.apiKeys.create({ requestBody: { name: 'x', workspaceId: 'nowhere' } }),
      errors.BadRequestResponseError, 400],
    ['create with a secret of its own',
      (sdk) => sdk.apiKeys.create({ requestBody: { name: 'x', external: { user: 'u', apiKey: 'k' } } }),
      errors.BadRequestResponseError, 400],
    ['create that expires in the past',
      (sdk) => sdk.apiKeys.create({ requestBody: { name: 'x', expiresAt: new Date('2020-01-01T00:00:00Z') } }),
      errors.BadRequestResponseError, 400],
    ['get of an unknown key', (sdk) => sdk.apiKeys.get({ hash: UNKNOWN_HASH }), errors.NotFoundResponseError, 404],
    ['get of what is no hash', (sdk) => sdk.apiKeys.get({ hash: 'a/b ?' }), errors.NotFoundResponseError, 404],
    ['update of an unknown key', (sdk) => sdk.apiKeys.update({ hash: UNKNOWN_HASH, requestBody: {} }),
      errors.NotFoundResponseError, 404],
    ['delete of an unknown key', (sdk) => sdk.apiKeys.delete({ hash: UNKNOWN_HASH }),
      errors.NotFoundResponseError, 404],
  ];
  for (const [name, call, type, status] of failures)
    test(`${name}: ${status} as its own error, at once`, () => rejectsAtOnce(call(client()), type, status));

  test('no management key: 401 or 403, at once', async () => {
    const calls = [
      (sdk) => sdk.apiKeys.create({ requestBody: { name: 'x' } }),
      (sdk) => sdk.workspaces.create({ createWorkspaceRequest: { name: 'x', slug: 'x' } }),
      (sdk) => sdk.credits.getCredits(),
    ];
    for (const call of calls) {
      await rejectsAtOnce(call(client(key())), errors.ForbiddenResponseError, 403);
      await rejectsAtOnce(call(client(NO_KEY)), errors.UnauthorizedResponseError, 401);
    }
    // For these its schema has no 403.
    for (const call of [(sdk) => sdk.apiKeys.list(), (sdk) => sdk.apiKeys.get({ hash: UNKNOWN_HASH }),
      (sdk) => sdk.apiKeys.delete({ hash: UNKNOWN_HASH })]) {
      await assert.rejects(call(client(key())), (error) => error.statusCode === 403);
      await rejectsAtOnce(call(client(NO_KEY)), errors.UnauthorizedResponseError, 401);
    }
  });
});

describe('beyond OpenRouter', () => {
  test('several limits, of which the first that is used up stops', async () => {
    const created = await ask('POST', '/keys', {
      name: newName(), hold_mode: 'strict', limits: [
        { limit: 0.00001, limit_reset: 'daily' }, { limit: 100, limit_reset: 'monthly' }, { limit: 500 },
      ],
    });
    assert.equal(created.status, 201, JSON.stringify(created.body));
    assert.equal(created.headers.get('cache-control'), 'no-store');
    const { data, key: secret } = created.body;
    assert.equal(data.limits.length, 3);
    assert.equal(data.limit, 0.00001);
    assert.equal(data.limit_reset, 'daily');
    const daily = data.limits.find((limit) => limit.limit_reset === 'daily');
    assert.equal(new Date(daily.resets_at).getUTCHours(), 0);
    assert.equal(data.limits.find((limit) => limit.limit_reset === null).resets_at, null);

    const question = { model: model(), max_tokens: 1000, messages: [{ role: 'user', content: 'Good morning' }] };
    const anthropic = new Anthropic({ baseURL: baseUrl(), apiKey: secret });
    await assert.rejects(anthropic.messages.create(question), (error) => error.status === 402);

    const refused = await ask('PATCH', `/keys/${data.hash}`, { limit: 5 });
    assert.equal(refused.status, 400);
    assert.match(refused.body.error.message, /use limits/);
    const raised = await ask('PATCH', `/keys/${data.hash}`, {
      limits: [{ limit: 5, limit_reset: 'daily' }, { limit: 100, limit_reset: 'monthly' }],
    });
    assert.equal(raised.status, 200, JSON.stringify(raised.body));
    await anthropic.messages.create(question);
    const own = await ask('GET', '/key', undefined, secret);
    assert.equal(own.body.data.limits.length, 2);
    await ask('DELETE', `/keys/${data.hash}`);
  });

  test('a workspace stops all of its keys', async () => {
    const id = `poor-${process.pid}`;
    const workspace = await ask('POST', '/workspaces', { id, limits: [{ limit: 0.00001, limit_reset: 'weekly' }] });
    assert.equal(workspace.status, 201, JSON.stringify(workspace.body));
    const { body } = await ask('POST', '/keys', { name: newName(), workspace_id: id, limit: 1000 });
    const question = { model: model(), max_tokens: 1000, messages: [{ role: 'user', content: 'Good morning' }] };
    const anthropic = new Anthropic({ baseURL: baseUrl(), apiKey: body.key });
    await assert.rejects(anthropic.messages.create(question), (error) => error.status === 402);
    assert.equal((await ask('PATCH', `/workspaces/${id}`, { limit: 20 })).body.data.limit_reset, 'weekly');
    await anthropic.messages.create(question);
    assert.equal((await ask('DELETE', `/keys/${body.data.hash}`)).status, 200);
  });

  test('permissions and rates', async () => {
    const rules = {
      allowed_models: ['anthropic/*', 'openai/gpt-5'], allowed_providers: ['anthropic'], requests_per_minute: 60,
      tokens_per_minute: 100000, hold_mode: 'expected',
    };
    const { body } = await ask('POST', '/keys', { name: newName(), ...rules });
    for (const [member, value] of Object.entries(rules)) assert.deepEqual(body.data[member], value, member);
    // What is not given stays as it is.
    const changed = await ask('PATCH', `/keys/${body.data.hash}`,
      { allowed_models: null, requests_per_minute: 5, hold_mode: null });
    assert.equal(changed.status, 200, JSON.stringify(changed.body));
    const expected = { ...rules, allowed_models: null, requests_per_minute: 5, hold_mode: null };
    for (const [member, value] of Object.entries(expected)) assert.deepEqual(changed.body.data[member], value, member);
    assert.equal((await ask('DELETE', `/keys/${body.data.hash}`)).body.deleted, true);
  });

  test('nothing is silently ignored', async () => {
    for (const [body, message] of [
      [{ name: 'x', budget: 5 }, /^budget: a key has no such member\. Known are: name, limits, limit, limit_reset/],
      [{ name: 'x', limit: '5' }, /^limit: expected USD from 0/],
      ['{"name":"x","limit":0.0000000001}', /at most nine decimals.* got/],
      ['{"name":"x","limit":1,"limit":1000}', /stands twice/],
      [{ name: 'x', limits: [{ limit: 1 }], limit: 1 }, /^limits: /],
    ]) {
      const answer = await ask('POST', '/keys', body);
      assert.equal(answer.status, 400, JSON.stringify(answer.body));
      assert.match(answer.body.error.message, message);
      assert.equal(answer.body.error.code, 400);
    }
  });

  test('amounts are exact', async () => {
    for (const [written, shown] of [['0.1', 0.1], ['1e-9', 1e-9], ['0.000000001', 1e-9], ['1E2', 100],
      ['9007199.254740991', 9007199.254740991]]) {
      const { status, body } = await ask('POST', '/keys', `{"name":"exact","limit":${written}}`);
      assert.equal(status, 201, JSON.stringify(body));
      assert.ok(Math.abs(body.data.limit - shown) <= Number.EPSILON * shown, `${body.data.limit} for ${written}`);
      await ask('DELETE', `/keys/${body.data.hash}`);
    }
  });

  test('what was asked, in every shape', async () => {
    const { body: made } = await ask('POST', '/keys', { name: newName() });
    const question = { model: model(), max_tokens: 100, messages: [{ role: 'user', content: 'Good morning' }] };
    const anthropic = new Anthropic({ baseURL: baseUrl(), apiKey: made.key });
    const { response } = await anthropic.messages.create(question).withResponse();
    const id = response.headers.get('x-generation-id');
    const own = (path) => ask('GET', path, undefined, made.key);
    let record;
    for (let i = 0; i < 200 && record?.status !== 200; ++i) {
      await new Promise((resolve) => setTimeout(resolve, 25));
      record = await own(`/activity/records/${id}`);
    }
    assert.equal(record.body.data.generation_id, id);
    const listed = await own('/activity/records?since=1h&limit=10');
    assert.deepEqual(listed.body.data.map((entry) => entry.generation_id), [id]);
    const { body } = await own('/activity/query?since=1d&by=key,model&interval=hour');
    assert.equal(body.data.length, 1);
    assert.deepEqual(body.data[0].by, { key: made.data.hash, model: model() });
    assert.equal(body.total.requests, 1);
    assert.equal(body.total.cost, record.body.data.cost);
    assert.equal((await own('/key')).body.data.usage, body.total.cost);
    const csv = await fetch(`${baseUrl()}/v1/activity/export?since=1d`, { headers: { 'x-api-key': made.key } });
    assert.equal((await csv.text()).trim().split('\r\n').length, 2);
    const health = await own('/activity/health');
    assert.ok(health.body.data.some((entry) => entry.requests >= 1 && entry.outage === false));
    await ask('DELETE', `/keys/${made.data.hash}`);
  });

  test('a live stream shows a request when it is over', async () => {
    const leave = new AbortController();
    const stream = await fetch(`${baseUrl()}/v1/activity/stream`,
      { headers: { 'x-api-key': key() }, signal: leave.signal });
    assert.equal(stream.headers.get('content-type'), 'text/event-stream');
    const anthropic = new Anthropic({ baseURL: baseUrl(), apiKey: key() });
    const { response } = await anthropic.messages.create(
      { model: model(), max_tokens: 100, messages: [{ role: 'user', content: 'Good morning' }] }).withResponse();
    const id = response.headers.get('x-generation-id');
    let text = '';
    for await (const chunk of stream.body) {
      text += Buffer.from(chunk).toString();
      if (text.includes(`id: ${id}\n`)) break;
    }
    leave.abort();
    assert.match(text, new RegExp(`event: record\nid: ${id}\n`));
  });

  test('a management key lists models, and none answers it', async () => {
    assert.equal((await ask('GET', '/models')).status, 200);
    const anthropic = new Anthropic({ baseURL: baseUrl(), apiKey: managementKey() });
    await assert.rejects(anthropic.messages.create(
      { model: model(), max_tokens: 10, messages: [{ role: 'user', content: 'Good morning' }] }),
    (error) => error.status === 403);
  });
});
