// A caller in another language than C++: @grpc/grpc-js, with the contract taken from server reflection.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';
import reflection from 'grpc-js-reflection-client';
import { grpcAddress, key, managementKey, model, poorKey } from './lib/env.mjs';
import * as simulator from './lib/simulator.mjs';

const options = { keepCase: true, longs: Number, enums: String, defaults: false, oneofs: true };
const protos = fileURLToPath(new URL('../../protos', import.meta.url));

// `name`: Messages, Keys, ...
async function clientOf(name) {
  const server = new reflection.GrpcReflection(grpcAddress(), grpc.ChannelCredentials.createInsecure());
  const service = `tollgate.v1.${name}`;
  assert.ok((await server.listServices()).includes(service));
  const descriptor = await server.getDescriptorBySymbol(service);
  const Client = descriptor.getPackageObject(options).tollgate.v1[name];
  return new Client(grpcAddress(), grpc.credentials.createInsecure());
}

function metadata(secret) {
  const values = new grpc.Metadata();
  values.set('authorization', `Bearer ${secret}`);
  values.set('anthropic-version', '2023-06-01');
  return values;
}

const request = (members = {}) => ({
  body: Buffer.from(JSON.stringify({
    model: model(), max_tokens: 1000, stream: true, messages: [{ role: 'user', content: 'Good morning' }], ...members,
  })),
});

// Resolves with {frames, error}.
function collect(call) {
  const frames = [];
  return new Promise((resolve) => {
    call.on('data', (frame) => frames.push(frame));
    call.on('error', (error) => resolve({ frames, error }));
    call.on('end', () => resolve({ frames }));
  });
}

function unary(service, method, message, secret) {
  return new Promise((resolve, reject) =>
    service[method](message, metadata(secret), (error, value) => (error ? reject(error) : resolve(value))));
}

// The google.rpc.ErrorInfo among the details of a status.
function errorInfo(error) {
  const types = protoLoader.loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto'],
    { ...options, includeDirs: [protos] });
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const status = types['google.rpc.Status'].deserialize(bytes);
  const detail = status.details.find(({ type_url }) => type_url.endsWith('google.rpc.ErrorInfo'));
  return types['google.rpc.ErrorInfo'].deserialize(detail.value);
}

let client;
beforeEach(async () => {
  await simulator.reset();
  client ??= await clientOf('Messages');
});

test('a streamed call brings the events of the API and the bill', async () => {
  const { frames, error } = await collect(client.Create(request(), metadata(key())));
  assert.equal(error, undefined);
  assert.equal(frames[0].kind, 'head');
  assert.equal(frames[0].head.status, 200);
  const text = Buffer.concat(frames.filter(({ kind }) => kind === 'data').map(({ data }) => data)).toString();
  assert.match(text, /^event: message_start\n/);
  assert.match(text, /event: message_stop\ndata: \{"type":"message_stop"\}\n\n$/);
  const { kind, done } = frames.at(-1);
  assert.equal(kind, 'done');
  assert.match(done.generation_id, /^gen-/);
  const [bill] = (await simulator.billed()).requests;
  assert.equal(done.cost_nano_usd, bill.input_tokens * 3000 + bill.output_tokens * 15000);
  const [upstream] = await simulator.messageRequests();
  assert.deepEqual(JSON.parse(upstream.body).messages, JSON.parse(request().body).messages);
});

test('a cancelled call ends at the upstream', async () => {
  const values = metadata(key());
  values.set('x-sim', 'events=100000;delay_ms=5');
  const call = client.Create(request(), values);
  const ended = collect(call);
  await simulator.until('the upstream stream', async () => (await simulator.messageRequests()).length > 0);
  call.cancel();
  assert.equal((await ended).error.code, grpc.status.CANCELLED);
  await simulator.until('the upstream to see it',
    async () => (await simulator.messageRequests())[0].response?.client_closed);
});

test('tokens are counted', async () => {
  const reply = await unary(client, 'CountTokens', request({ stream: undefined }), key());
  assert.ok(JSON.parse(reply.body).input_tokens > 0);
});

for (const [name, call, code, httpStatus] of [
  ['no such key', () => client.Create(request(), metadata('sk-tg-v1-' + '0'.repeat(64))), 'UNAUTHENTICATED', '401'],
  ['no key', () => client.Create(request(), new grpc.Metadata()), 'UNAUTHENTICATED', '401'],
  ['no such model', () => client.Create(request({ model: 'nobody/nothing' }), metadata(key())), 'NOT_FOUND', '404'],
  ['a body that is not JSON', () => client.Create({ body: Buffer.from('{') }, metadata(key())), 'INVALID_ARGUMENT', '400'],
  ['a key without money', () => client.Create(request(), metadata(poorKey())), 'FAILED_PRECONDITION', '402'],
]) {
  test(`${name}: a status code with ErrorInfo`, async () => {
    const { frames, error } = await collect(call());
    assert.deepEqual(frames, []);
    assert.equal(grpc.status[error?.code], code, error?.details);
    assert.ok(error.details.length > 0);
    const info = errorInfo(error);
    assert.equal(info.domain, 'tollgate');
    assert.ok(info.reason, 'a reason');
    assert.equal(info.metadata.http_status, httpStatus);
  });
}

test('keys and workspaces are managed with a management key', async () => {
  const keys = await clientOf('Keys');
  const workspaces = await clientOf('Workspaces');
  const limits = { limits: [{ reset: 'RESET_DAILY', amount_nano_usd: 5e9 }, { amount_nano_usd: 1e11 }] };
  const id = `grpc-${process.pid}`;
  assert.equal((await unary(workspaces, 'Create', { id, limits }, managementKey())).limits.length, 2);
  const made = await unary(keys, 'Create', { name: 'by gRPC', workspace: id, limits }, managementKey());
  assert.match(made.secret, /^sk-tg-v1-[0-9a-f]{64}$/);
  assert.equal(made.key.limits.length, 2);
  const { hash } = made.key;
  const changed = await unary(keys, 'Update', { hash, disabled: true, api_key: managementKey() }, '');
  assert.equal(changed.disabled, true);
  const listed = await unary(keys, 'List', { workspace: id }, managementKey());
  assert.deepEqual(listed.keys.map((entry) => entry.hash), [hash]);
  await unary(keys, 'Delete', { hash }, managementKey());
  await unary(workspaces, 'Delete', { id }, managementKey());
});

test('keys and workspaces are not managed with another key', async () => {
  for (const [service, calls] of [
    ['Keys', { Create: { name: 'x' }, List: {}, Get: { hash: 'x' }, Update: { hash: 'x' }, Delete: { hash: 'x' } }],
    ['Workspaces', { Create: { id: 'x' }, List: {}, Get: { id: 'x' }, Update: { id: 'x' }, Delete: { id: 'x' } }],
  ]) {
    const managed = await clientOf(service);
    for (const [method, message] of Object.entries(calls)) {
      for (const [secret, code] of [[key(), 'PERMISSION_DENIED'], ['', 'UNAUTHENTICATED']]) {
        await assert.rejects(unary(managed, method, message, secret),
          (error) => grpc.status[error.code] === code, `${service}.${method}: ${code}`);
      }
    }
  }
});
