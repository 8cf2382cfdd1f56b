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

async function startSimulator(directory, started) {
  const simulator = start(program('tollgate-simulator'), ['--api-key', UPSTREAM_KEY],
    { log: path.join(directory, 'simulator.log') });
  started.push(simulator);
  return await simulator.until('address', () => simulator.output().match(/^listening on (\S+)$/m)?.[1]);
}

function configuration({ http, grpc, redis, upstream, services }) {
  return {
    listen: { http: `127.0.0.1:${http}`, grpc: `127.0.0.1:${grpc}` },
    redis: { address: redis },
    upstreams: { anthropic: { dialect: 'anthropic', url: `http://${upstream}`, api_key: '${TOLLGATE_UPSTREAM_KEY}' } },
    ...(services && { services }),
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

async function startTollgate(form, directory, started, redis, upstream) {
  const env = { TOLLGATE_UPSTREAM_KEY: UPSTREAM_KEY };
  const { http, grpc, programs } = await plan(form);
  let config;
  for (const { name, args = [], port, also, services } of programs) {
    config = path.join(directory, `${name}.json`);
    await writeFile(config, JSON.stringify(configuration({ http, grpc: port, redis, upstream, services }), null, 2));
    const service = start(program(name), [...args, '--config', config],
      { log: path.join(directory, `${name}.log`), env });
    started.push(service);
    const awaited = also ?? port;
    await service.until(`port ${awaited}`, () => listens(awaited));
  }
  return {
    TOLLGATE_BASE_URL: `http://127.0.0.1:${http}/api`,
    TOLLGATE_KEY: await createKey(config, 'clients', ['--limit', '1000'], env),
    TOLLGATE_POOR_KEY: await createKey(config, 'poor', ['--limit', POOR_LIMIT_USD], env),
    TOLLGATE_MANAGEMENT_KEY: await createKey(config, 'management', ['--management'], env),
    TOLLGATE_GRPC: `127.0.0.1:${grpc}`,
    TOLLGATE_MODEL: 'anthropic/claude-sonnet-4',
  };
}

// `form`: one (all in one process), five (the suite with Redis) or straight (no Tollgate: the simulator itself). What is
// started is pushed to `started`, so that it can be stopped even when this fails. Resolves with the tests' environment.
export async function startStack(form, directory, started) {
  const upstream = await startSimulator(directory, started);
  const simulator = { SIM_URL: `http://${upstream}` };
  if (form === 'straight') {
    return {
      ...simulator, TOLLGATE_BASE_URL: simulator.SIM_URL, TOLLGATE_KEY: UPSTREAM_KEY,
      TOLLGATE_MODEL: 'claude-sonnet-4-20250514',
    };
  }
  const redis = await startRedis(directory, started);
  return { ...simulator, ...(await startTollgate(form, directory, started, redis, upstream)) };
}
