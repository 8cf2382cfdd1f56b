// A million requests in 30 days: what they take of Redis' memory, how long everything takes that the dashboard asks for,
// how heavy its page is and how soon it paints. See ./dev bench activity --help.
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { program, run } from '../../clients/lib/programs.mjs';
import { startTollgate } from '../../clients/lib/stack.mjs';
import { openPage, signIn, startBrowser } from '../../dashboard/lib/browser.mjs';

const OPTIONS = {
  records: { type: 'string', default: '1000000' },
  days: { type: 'string', default: '30' },
  keys: { type: 'string', default: '50' },
  rounds: { type: 'string', default: '7' },
  keep: { type: 'string' },
  help: { type: 'boolean' },
};
const HELP = `./dev bench activity [--records N] [--days N] [--keys N] [--rounds N] [--keep FOLDER]
  --rounds   measurements of each answer
  --keep     leaves Redis' data there, and takes what it finds`;
const HOUR = 3600_000;

const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const ms = (number) => `${number.toFixed(1).padStart(8)} ms`;

// A connection that stays open: times are the server's, and those of the loopback device.
const agent = new http.Agent({ keepAlive: true });
async function ask(base, key, target) {
  const begin = performance.now();
  const request = http.get(base + target, { agent, headers: { authorization: `Bearer ${key}` } });
  const [response] = await once(request, 'response');
  const parts = [];
  for await (const part of response) parts.push(part);
  const body = Buffer.concat(parts);
  if (response.statusCode !== 200) throw new Error(`${target}: ${response.statusCode} ${body}`);
  return { ms: performance.now() - begin, json: JSON.parse(body), bytes: body.length };
}

// What the views of gateway/dashboard/src ask for, by their names.
async function views(get, days) {
  const time = (ago) => new Date(Math.floor((Date.now() - ago) / 60_000) * 60_000).toISOString();
  const query = (text) => `/v1/activity/query?${text}`;
  const records = (text) => `/v1/activity/records?${text}`;
  const [record] = (await get(records('limit=1'))).json.data;
  const by = (await get(query(`by=key&since=${days}d`))).json.data.slice(0, 8);
  const keys = by.map((group) => `&key=${group.by.key}`).join('');
  const named = (await get(query(`by=model&since=${days}d`))).json.data.slice(0, 8);
  const models = named.map((group) => `&model=${encodeURIComponent(group.by.model)}`).join('');
  const session = `session=${record.session_id}`;

  const overview = (span, hours, interval, filter = '') => [
    ['numbers', query(`since=${span}${filter}`)],
    ['numbers of the time before', query(`since=${time(2 * hours * HOUR)}&until=${time(hours * HOUR)}${filter}`)],
    ['groups', query(`since=${span}&by=model&limit=200${filter}`)],
    ['chart by model', query(`since=${span}${models}&by=model&interval=${interval}&limit=10000${filter}`)],
    ['chart by key', query(`since=${span}${keys}&by=key&interval=${interval}&limit=10000${filter}`)],
    ['chart in all', query(`since=${span}&interval=${interval}&limit=10000${filter}`)],
    ['latest requests', records(`since=${span}&limit=8${filter}`)],
    ['limits', '/v1/keys'],
  ];
  const after = async (target) => `${target}&cursor=${(await get(target)).json.cursor}`;
  const long = `since=${days}d`;
  return {
    'Overview, 24 hours': overview('24h', 24, 'hour'),
    'Overview, 3 days': overview('3d', 72, 'hour'),
    [`Overview, ${days} days`]: overview(`${days}d`, days * 24, 'day'),
    [`Overview, ${days} days, failed`]: overview(`${days}d`, days * 24, 'day', '&status=5xx'),
    [`Overview, ${days} days, one session`]: overview(`${days}d`, days * 24, 'day', `&${session}`),
    'Filters': ['model', 'key', 'provider', 'workspace', 'status'].map((one) => [
      `by ${one}`,
      query(`${long}&by=${one}&limit=50`),
    ]),
    'Models': [['models', query(`${long}&by=model&limit=200`)]],
    'Requests': [
      ['newest', records(`${long}&limit=50`)],
      ['older ones', await after(records(`${long}&limit=100`))],
      ['failed', records(`${long}&limit=50&status=5xx`)],
      ['of one key', records(`${long}&limit=50&key=${by.at(-1).by.key}`)],
      ['of one session', records(`${long}&limit=50&${session}`)],
      ['of a model that nobody asked for', records(`${long}&limit=50&model=nobody/nothing`)],
      ['search that finds', records(`${long}&limit=50&search=sonnet`)],
      ['search that finds nothing', records(`${long}&limit=50&search=nothing%20has%20this`)],
      ['one request', `/v1/activity/records/${record.generation_id}`],
    ],
    'Sessions': [
      ['newest', `/v1/activity/sessions?${long}&limit=50`],
      ['older ones', await after(`/v1/activity/sessions?${long}&limit=50`)],
      ['of one model', `/v1/activity/sessions?${long}&limit=50&model=openai/gpt-5`],
      ['search that finds nothing', `/v1/activity/sessions?${long}&limit=50&search=nothing%20has%20this`],
    ],
    'Providers': [
      ['now', '/v1/activity/health'],
      ['hours', query('since=24h&by=provider&interval=hour&limit=10000')],
      ['day', query('since=24h&by=provider&limit=200')],
    ],
    'Keys': [
      ['keys', '/v1/keys?include_disabled=true'],
      ['workspaces', '/v1/workspaces'],
    ],
    'By the API': [
      [`by key and hour, ${days} days`, query(`${long}&by=key&interval=hour`)],
      [`by key, model and day, ${days} days`, query(`${long}&by=key,model&interval=day&limit=10000`)],
      ['by session, 24 hours', query('since=24h&by=session')],
      ['of one session', query(`${long}&${session}&by=model`)],
    ],
  };
}

async function measureViews(base, key, days, rounds) {
  const get = (target) => ask(base, key, target);
  console.log(`\nServer time of ${rounds} answers each${''.padEnd(28)} median       worst     bytes`);
  for (const [view, requests] of Object.entries(await views(get, days))) {
    console.log(view);
    for (const [name, target] of requests) {
      const answers = [];
      for (let i = 0; i < rounds; ++i) answers.push(await get(target));
      const times = answers.map((answer) => answer.ms);
      console.log(
        `  ${name.padEnd(48)} ${ms(median(times))} ${ms(Math.max(...times))} ${String(answers[0].bytes).padStart(9)}`,
      );
    }
    if (!view.startsWith('Overview')) continue;
    const wholes = [];
    for (let i = 0; i < rounds; ++i) {
      const begin = performance.now();
      await Promise.all(requests.map(([, target]) => get(target)));
      wholes.push(performance.now() - begin);
    }
    console.log(`  ${'all of these at once'.padEnd(48)} ${ms(median(wholes))} ${ms(Math.max(...wholes))}`);
  }
}

async function measurePage(origin, key, rounds) {
  const browser = await startBrowser();
  const paints = [];
  const shown = [];
  let bytes = 0;
  try {
    for (let i = 0; i < rounds; ++i) {
      // Nothing cached; the time until somebody has signed in does not count.
      const { page, close } = await openPage(browser);
      await signIn(page, origin, key);
      const cdp = await page.context().newCDPSession(page);
      await cdp.send('Network.clearBrowserCache');
      await page.reload();
      await page.locator('dl.numbers').waitFor();
      const found = await page.evaluate(() => ({
        paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
        now: performance.now(),
        bytes: [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
          .filter((entry) => new URL(entry.name).pathname.startsWith('/dashboard/') && !/session$/.test(entry.name))
          .reduce((sum, entry) => sum + entry.transferSize, 0),
      }));
      paints.push(found.paint);
      shown.push(found.now);
      bytes = found.bytes;
      await close();
    }
  } finally {
    await browser.close();
  }
  console.log(`\nThe page, nothing cached, of ${rounds}`);
  console.log(`  over the wire                                    ${(bytes / 1024).toFixed(1).padStart(8)} KiB`);
  for (const [name, times] of [['first paint', paints], ['numbers of 7 days shown', shown]])
    console.log(`  ${name.padEnd(48)} ${ms(median(times))} ${ms(Math.max(...times))}`);
}

async function main() {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) return console.log(HELP);
  const { records, days, keys } = values;
  const rounds = Number(values.rounds);
  const folder = values.keep ? path.resolve(values.keep) : await mkdtemp(path.join(tmpdir(), 'tollgate-bench-'));
  await mkdir(folder, { recursive: true });
  // That it was ready once says nothing.
  await rm(path.join(folder, 'redis.log'), { force: true });
  const started = [];
  try {
    const settings = {
      // Nobody asks it anything.
      upstreams: { anthropic: { url: 'http://127.0.0.1:9', api_key: '${UPSTREAM_KEY}' } },
      activity: { raw_ttl_days: 3650, raw_count: 100_000_000 },
    };
    const { baseUrl, createKey } = await startTollgate('one', folder, started, settings, { UPSTREAM_KEY: 'none' });
    const redis = `unix:${path.join(folder, 'redis.sock')}`;
    const key = await createKey('bench', ['--management']);
    const get = (target) => ask(baseUrl, key, target);
    const { total } = (await get(`/v1/activity/query?since=${days}d`)).json;
    const left = total.requests > 0 ? '0' : records;
    process.stdout.write(await run(program('tollgate-bench-activity'), [redis, left, days, keys]));
    await measureViews(baseUrl, key, Number(days), rounds);
    await measurePage(new URL(baseUrl).origin, key, rounds);
  } finally {
    for (const service of started.reverse()) await service.stop();
    if (!values.keep) await rm(folder, { recursive: true, force: true });
  }
}

await main();
process.exit(0);
