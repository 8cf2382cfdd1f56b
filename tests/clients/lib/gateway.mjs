// A Tollgate of a test's own beside the launcher's: other upstreams and models, in one process, with a Redis of its own.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePorts, listens, program, run, start } from './programs.mjs';

// `upstreams` and `models` are those of the configuration and of the catalog; `env` has what they refer to. Resolves
// with {baseUrl, key, stop}.
export async function startGateway({ upstreams, models, env = {} }) {
  const directory = await mkdtemp(path.join(tmpdir(), 'tollgate-gateway-'));
  const started = [];
  const stop = async () => {
    for (const service of started.reverse()) await service.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const socket = path.join(directory, 'redis.sock');
    const redis = start('redis-server',
      ['--port', '0', '--unixsocket', socket, '--dir', directory, '--appendonly', 'yes', '--save', ''],
      { log: path.join(directory, 'redis.log') });
    started.push(redis);
    await redis.until('Redis', () => /Ready to accept connections|The server is now ready/.test(redis.output()));

    const [http, grpc] = await freePorts(2);
    const config = path.join(directory, 'tollgate.json');
    await writeFile(path.join(directory, 'catalog.json'), JSON.stringify({ models }));
    await writeFile(config, JSON.stringify({
      listen: { http: `127.0.0.1:${http}`, grpc: `127.0.0.1:${grpc}` },
      redis: { address: `unix:${socket}` },
      catalog: { file: 'catalog.json' },
      upstreams,
    }));
    const tollgate = start(program('tollgate'), ['serve', '--config', config],
      { log: path.join(directory, 'tollgate.log'), env });
    started.push(tollgate);
    await tollgate.until(`port ${http}`, () => listens(http));
    const created = await run(program('tollgate'),
      ['key', 'create', '--config', config, '--json', '--name', 'clients', '--limit', '1000'], { env });
    return { baseUrl: `http://127.0.0.1:${http}/api`, key: JSON.parse(created).secret, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
