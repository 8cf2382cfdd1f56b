// Redis, the simulator as the upstream, and Tollgate in front of it, in one of its two forms.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { freePorts, listens, program, run, start } from './programs.mjs';

const UPSTREAM_KEY = 'the-upstream-key';
// Less than any request costs.
const POOR_LIMIT_USD = '0.00001';

async function startRedis(directory, started) {
  const socket = path.join(directory, 'redis.sock');
  const redis = start('redis-server',
    ['--port', '0', '--unixsocket', socket, '--dir', directory, '--appendonly', 'yes', '--save', ''],
    { log: path.join(directory, 'redis.log') });
  started.push(redis);
  await redis.until('Redis', () => /Ready to accept connections|The server is now ready/.test(redis.output()));
  return `unix:${socket}`;
}

// A simulator with these options; resolves with its address and the program.
export async function startSimulator(name, options, directory, started) {
  const simulator = start(program('tollgate-simulator'), options, { log: path.join(directory, `${name}.log`) });
  started.push(simulator);
  const address = await simulator.until('address', () => simulator.output().match(/^listening on (\S+)$/m)?.[1]);
  return { url: `http://${address}`, program: simulator };
}

function configuration({ http, grpc, redis, services, settings }) {
  return {
    listen: { http: `127.0.0.1:${http}`, grpc: `127.0.0.1:${grpc}` },
    redis: { address: redis },
    ...(services && { services }),
    ...settings,
  };
}

// The programs of each form, in the order in which they start.
async function plan(form) {
  if (form === 'one') {
    const [http, grpc] = await freePorts(2);
    return { http, grpc, programs: [{ name: 'tollgate', args: ['serve'], port: grpc, also: http }] };
  }
  const [http, unused, router, budget, adapter] = await freePorts(5);
  const services = {
    router: `127.0.0.1:${router}`, budget: `127.0.0.1:${budget}`, adapter: `127.0.0.1:${adapter}`,
  };
  return {
    http,
    grpc: router,
    programs: [
      { name: 'tollgate-budget', port: budget },
      { name: 'tollgate-adapter', port: adapter },
      { name: 'tollgate-router', port: router, services },
      { name: 'tollgate-gateway', port: unused, also: http, services },
    ],
  };
}

async function createKey(config, name, options, env) {
  const args = ['key', 'create', '--config', config, '--json', '--name', name, ...options];
  return JSON.parse(await run(program('tollgate'), args, { env })).secret;
}

// Redis and Tollgate with these settings of its configuration, `env` beside the environment. Resolves with its base URL,
// its gRPC address, and a function that makes keys.
export async function startTollgate(form, directory, started, settings, env) {
  const redis = await startRedis(directory, started);
  const { http, grpc, programs } = await plan(form);
  let config;
  for (const { name, args = [], port, also, services } of programs) {
    config = path.join(directory, `${name}.json`);
    await writeFile(config, JSON.stringify(configuration({ http, grpc: port, redis, services, settings }), null, 2));
    const service = start(program(name), [...args, '--config', config],
      { log: path.join(directory, `${name}.log`), env });
    started.push(service);
    const awaited = also ?? port;
    await service.until(`port ${awaited}`, () => listens(awaited));
  }
  return {
    baseUrl: `http://127.0.0.1:${http}/api`,
    grpc: `127.0.0.1:${grpc}`,
    createKey: (name, options) => createKey(config, name, options, env),
  };
}

// `form`: one (all in one process), five (the suite with Redis) or straight (no Tollgate: the simulator itself). What is
// started is pushed to `started`, so that it can be stopped even when this fails. Resolves with the tests' environment.
export async function startStack(form, directory, started) {
  const { url } = await startSimulator('simulator', ['--api-key', UPSTREAM_KEY], directory, started);
  const simulator = { SIM_URL: url, TOLLGATE_FORM: form };
  if (form === 'straight') {
    return {
      ...simulator, TOLLGATE_BASE_URL: url, TOLLGATE_KEY: UPSTREAM_KEY, TOLLGATE_MODEL: 'claude-sonnet-4-20250514',
    };
  }
  const upstreams = { anthropic: { dialect: 'anthropic', url, api_key: '${TOLLGATE_UPSTREAM_KEY}' } };
  const tollgate =
    await startTollgate(form, directory, started, { upstreams }, { TOLLGATE_UPSTREAM_KEY: UPSTREAM_KEY });
  return {
    ...simulator,
    TOLLGATE_BASE_URL: tollgate.baseUrl,
    TOLLGATE_KEY: await tollgate.createKey('clients', ['--limit', '1000']),
    TOLLGATE_POOR_KEY: await tollgate.createKey('poor', ['--limit', POOR_LIMIT_USD]),
    TOLLGATE_MANAGEMENT_KEY: await tollgate.createKey('management', ['--management']),
    TOLLGATE_GRPC: tollgate.grpc,
    TOLLGATE_MODEL: 'anthropic/claude-sonnet-4',
  };
}
