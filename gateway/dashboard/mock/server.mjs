// The gateway's side of the dashboard without a gateway: its JSON from made-up records, and the page as it is built.
//   node mock/server.mjs [--port N] [--dist DIR] [--empty] [--quiet]
// Any key signs in; one that contains "plain" is not a management key.
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as answers from './answers.mjs';
import { record, team as makeTeam } from './data.mjs';
import { random } from './random.mjs';

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

export function startMock({ port = 0, dist, empty = false, quiet = false, seed = 7 } = {}) {
  const team = makeTeam(Date.now(), seed);
  if (empty) team.records.length = 0;
  const sessions = new Map();
  const listeners = new Set();
  const r = random(99);
  const state = { failing: 0, requests: [] };

  const say = () => {
    const next = record(r, team.keys, team.sessions, Date.now());
    team.records.push(next);
    for (const listener of listeners) listener(next);
    return next;
  };
  const timer = quiet ? undefined : setInterval(say, 2500);

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://mock');
    const now = Date.now();
    const json = (status, body, headers = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(body));
    };
    const refuse = (status, message) => json(status, { error: { code: status, message } });
    const body = async () => {
      let text = '';
      for await (const piece of request) text += piece;
      return text ? JSON.parse(text) : {};
    };
    const token = /(?:^|; )tollgate_session=([^;]*)/.exec(request.headers.cookie ?? '')?.[1];
    const session = sessions.get(token);
    const view = () => ({
      data: {
        key: answers.keyView(team, session.key, Date.now()),
        management: session.key.management,
        csrf: session.csrf,
        expires_at: new Date(now + 12 * 3600_000).toISOString(),
      },
    });
    state.requests.push(`${request.method} ${request.url}`);

    if (url.pathname === '/dashboard/session') {
      if (request.method === 'POST') {
        const { key } = await body();
        if (!key?.startsWith('sk-tg-')) return refuse(401, 'Invalid API key.');
        const fresh = randomBytes(16).toString('hex');
        sessions.set(fresh, {
          key: team.keys.find((k) => (key.includes('plain') ? k.name === 'ada' : k.management)),
          csrf: createHash('sha256').update(fresh).digest('hex'),
        });
        response.setHeader('set-cookie', `tollgate_session=${fresh}; Path=/; HttpOnly; SameSite=Strict`);
        const made = sessions.get(fresh);
        return json(200, {
          data: { key: answers.keyView(team, made.key, now), management: made.key.management, csrf: made.csrf },
        });
      }
      if (!session) return refuse(401, 'Not signed in.');
      if (request.method === 'DELETE') {
        sessions.delete(token);
        response.setHeader('set-cookie', 'tollgate_session=; Path=/; Max-Age=0');
        return json(200, { data: {} });
      }
      return json(200, view());
    }
    if (url.pathname.startsWith('/dashboard')) return serveFile(dist, url.pathname, response);
    if (!url.pathname.startsWith('/api/v1/')) return refuse(404, `There is nothing at ${url.pathname}.`);
    if (!session) return refuse(401, 'Not signed in.');
    if (request.method !== 'GET' && request.headers['x-csrf-token'] !== session.csrf)
      return refuse(403, 'The CSRF token is missing or wrong.');
    if (state.failing > 0 && url.pathname.startsWith('/api/v1/activity')) {
      state.failing -= 1;
      return refuse(503, 'Redis at 127.0.0.1:6379 does not answer.');
    }
    const own = session.key.management
      ? team
      : { ...team, records: team.records.filter((x) => x.key_id === session.key.hash) };
    const path = url.pathname.slice('/api/v1'.length);
    const params = url.searchParams;
    if (path === '/activity/query') return json(200, answers.query(own, params, now));
    if (path === '/activity/records')
      return json(200, answers.page(answers.matching(own, params, now).reverse(), params, 50));
    if (path.startsWith('/activity/records/')) {
      const found = own.records.find((x) => x.generation_id === path.slice('/activity/records/'.length));
      return found ? json(200, { data: found }) : refuse(404, 'There is no record of this generation.');
    }
    if (path === '/activity/sessions') return json(200, answers.sessions(own, params, now));
    if (path === '/activity/health') return json(200, answers.health(team, now));
    if (path === '/activity/export') {
      response.writeHead(200, {
        'content-type': 'text/csv',
        'content-disposition': 'attachment; filename="tollgate-activity.csv"',
      });
      return response.end(
        'generation_id,created_at,cost\r\n' +
          answers
            .matching(own, params, now)
            .map((x) => `${x.generation_id},${x.created_at},${x.cost}\r\n`)
            .join(''),
      );
    }
    if (path === '/activity/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write(': hello\n\n');
      const listener = (next) =>
        response.write(`event: record\nid: ${next.generation_id}\ndata: ${JSON.stringify(next)}\n\n`);
      listeners.add(listener);
      return response.on('close', () => listeners.delete(listener));
    }
    if (path === '/key') return json(200, { data: answers.keyView(team, session.key, now) });
    if (!session.key.management) return refuse(403, 'This API key only infers.');
    const rulesOf = (given) => given.limits ?? [];
    if (path === '/keys' && request.method === 'POST') {
      const given = await body();
      if (!given.name) return refuse(400, 'name: is missing; say what or whom the key is for');
      const { limits, ...rest } = given;
      const made = {
        hash: r.hex(64),
        label: `sk-tg-v1-${r.hex(4)}...${r.hex(4)}`,
        disabled: false,
        management: false,
        workspace_id: 'default',
        allowed_models: null,
        allowed_providers: null,
        requests_per_minute: null,
        tokens_per_minute: null,
        hold_mode: null,
        expires_at: null,
        created_at: new Date().toISOString(),
        weight: 0,
        ...rest,
        rules: rulesOf({ limits }),
      };
      team.keys.push(made);
      return json(201, { data: answers.keyView(team, made, now), key: `sk-tg-v1-${r.hex(64)}` });
    }
    if (path === '/keys')
      return json(200, {
        data: Number(params.get('offset') ?? 0) > 0 ? [] : team.keys.map((k) => answers.keyView(team, k, now)),
      });
    if (path === '/workspaces' && request.method === 'POST') {
      const { limits, ...rest } = await body();
      if (team.workspaces.some((w) => w.id === rest.id))
        return refuse(400, `id: there is a workspace "${rest.id}" already`);
      const made = { name: rest.id, ...rest, rules: rulesOf({ limits }) };
      team.workspaces.push(made);
      return json(201, { data: answers.workspaceView(team, made, now) });
    }
    if (path === '/workspaces')
      return json(200, {
        data: team.workspaces.map((w) => answers.workspaceView(team, w, now)),
        total_count: team.workspaces.length,
      });
    const item = /^\/(keys|workspaces)\/(.+)$/.exec(path);
    if (item) {
      const list = team[item[1]];
      const at = list.findIndex((x) => (x.hash ?? x.id) === decodeURIComponent(item[2]));
      if (at < 0) return refuse(404, 'There is no such thing.');
      if (request.method === 'DELETE') {
        if (item[1] === 'workspaces' && team.keys.some((k) => k.workspace_id === list[at].id))
          return refuse(400, `The workspace "${list[at].id}" still has keys: delete them first.`);
        list.splice(at, 1);
        return json(200, { deleted: true });
      }
      const { limits, ...rest } = await body();
      Object.assign(list[at], rest, limits ? { rules: limits } : {});
      return json(200, { data: (item[1] === 'keys' ? answers.keyView : answers.workspaceView)(team, list[at], now) });
    }
    refuse(404, `There is nothing at ${url.pathname}.`);
  });
  return new Promise((resolve) =>
    server.listen(port, '127.0.0.1', () =>
      resolve({
        url: `http://127.0.0.1:${server.address().port}`,
        team,
        state,
        say,
        close: () => {
          clearInterval(timer);
          server.closeAllConnections();
          return new Promise((done) => server.close(done));
        },
      }),
    ),
  );
}

async function serveFile(dist, path, response) {
  const name = normalize(path.replace(/^\/dashboard\/?/, '')) || '.';
  const file = extname(name) && !name.startsWith('..') ? name : 'index.html';
  try {
    const bytes = await readFile(join(dist, file));
    response.writeHead(200, {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'content-security-policy': CSP,
    });
    response.end(bytes);
  } catch {
    response.writeHead(404).end();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8700' },
      dist: { type: 'string', default: fileURLToPath(new URL('../dist', import.meta.url)) },
      empty: { type: 'boolean' },
      quiet: { type: 'boolean' },
    },
  });
  const mock = await startMock({ ...values, port: Number(values.port) });
  console.log(`${mock.url}/dashboard/`);
}
