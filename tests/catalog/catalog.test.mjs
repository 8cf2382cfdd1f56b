// Every price of the built-in catalog equals its source, which is read here in another way than the generator does.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const folder = path.join(root, 'services/router/catalog');
const tollgate = path.join(process.env.TOLLGATE_BIN ?? path.join(root, 'build/release/bin'), 'tollgate');
const json = (file) => JSON.parse(readFileSync(file, 'utf8'));
const sources = json(path.join(folder, 'sources.json'));
const text = readFileSync(path.join(folder, 'catalog.jsonl'), 'utf8');
const [head, ...lines] = text.trim().split('\n').map((line) => JSON.parse(line));

const scratch = mkdtempSync(path.join(tmpdir(), 'tollgate-catalog-test-'));
const archives = {};
let genai;
// By file, then id: what pi-ai says.
const pi = new Map();

function fetchPackages() {
  for (const [name, { package: id, version }] of Object.entries(sources.packages)) {
    const packed = spawnSync('npm', ['pack', `${id}@${version}`, '--json', '--pack-destination', scratch],
      { encoding: 'utf8', timeout: 60_000 });
    if (packed.status !== 0)
      return false;
    archives[name] = path.join(scratch, JSON.parse(packed.stdout)[0].filename);
    mkdirSync(path.join(scratch, 'packages', name), { recursive: true });
    execFileSync('tar', ['xzf', archives[name], '-C', path.join(scratch, 'packages', name)]);
  }
  return true;
}

if (!fetchPackages()) {
  console.log('no registry: skipped');
  process.exit(0);
}

before(async () => {
  const data = path.join(scratch, 'packages/pi/package/dist/providers/data');
  for (const file of readdirSync(data).filter((each) => each.endsWith('.json') && each !== '.manifest.json'))
    pi.set(file.replace('.json', ''), Object.values(json(path.join(data, file))).flatMap((models) => Object.values(models)));
  genai = await import(pathToFileURL(path.join(scratch, 'packages/genai/package/dist/index.js')));
});
after(() => rmSync(scratch, { recursive: true, force: true }));

const entriesOf = (upstream) => {
  const { pi: file, apis } = sources.upstreams[upstream];
  return pi.get(file).filter((entry) => entry.type === 'chat' && (!apis || apis.includes(entry.api)));
};
const entryOf = (line) => entriesOf(line.upstream).find((entry) => entry.id === line.model);
const fromPi = lines.filter((line) => line.from.startsWith('pi'));
const isClaude = (line) => /anthropic\/claude-/.test(line.id);
// Compared as decimals of micro-USD: sums of doubles have no place here.
const micro = (usd) => Math.round(usd * 1e6);
const micros = (prices) => prices.map(micro);

test('the packages are the pinned ones', () => {
  for (const [name, source] of Object.entries(sources.packages)) {
    const hash = `sha512-${createHash('sha512').update(readFileSync(archives[name])).digest('base64')}`;
    assert.equal(hash, source.integrity);
    assert.equal(head.sources[name].integrity, source.integrity);
    assert.match(head.sources[name].licence, /^MIT$/);
  }
  const manifest = json(path.join(scratch, 'packages/pi/package/dist/providers/data/.manifest.json'));
  for (const [file, expected] of Object.entries(manifest.files)) {
    const data = readFileSync(path.join(scratch, 'packages/pi/package/dist/providers/data', file));
    assert.equal(createHash('sha256').update(data).digest('hex'), expected, file);
  }
});

test('every token price is its source\'s', () => {
  let compared = 0;
  for (const line of fromPi) {
    const entry = entryOf(line);
    assert.ok(entry, `${line.upstream} ${line.model} is in no source`);
    const where = `${line.upstream} ${line.model}`;
    const { input, output, cacheRead, cacheWrite, tiers = [] } = entry.cost;
    if (line.usd === null) {
      assert.equal(input + output, 0, where);
      continue;
    }
    assert.deepEqual(micros(line.usd.slice(0, 4)), micros([input, output, cacheRead || input, cacheWrite || input]), where);
    if (line.from.includes('+tollgate'))
      continue;
    assert.equal(line.context, entry.contextWindow, where);
    assert.equal(line.output, entry.maxTokens, where);
    assert.deepEqual((line.tiers ?? []).map((tier) => [tier[0], ...micros(tier.slice(1, 5))]), tiers.map((tier) =>
      [tier.inputTokensAbove, ...micros([tier.input, tier.output, tier.cacheRead || tier.input, tier.cacheWrite || tier.input])]), where);
    ++compared;
  }
  assert.ok(compared > 1000, `${compared} prices were compared`);
});

test('writes for an hour are what the other package computes, or the rule', () => {
  let computed = 0;
  for (const line of lines.filter((each) => each.usd && each.from !== 'tollgate')) {
    const where = `${line.upstream} ${line.model}`;
    const [, hour] = line.from.split('/');
    if (hour === 'genai') {
      const million = { input_tokens: 1e6, cache_write_tokens: 1e6, cache_write_1h_tokens: 1e6, output_tokens: 0 };
      const provider = sources.upstreams[line.upstream].genai;
      // Below the tiers of long prompts, if it has some.
      const price = genai.calcPrice(Object.fromEntries(Object.entries(million).map(([name, count]) => [name, count / 1e3])),
        line.model, { providerId: provider });
      assert.equal(micro(price.total_price * 1e3), micro(line.usd[4]), where);
      ++computed;
    } else {
      assert.equal(micro(line.usd[4]), micro(isClaude(line) ? 2 * line.usd[0] : line.usd[3]), where);
    }
  }
  assert.ok(computed >= 10, `${computed} prices were computed`);
});

test('both packages agree on Anthropic\'s prices', () => {
  // Those that the older package takes for a model of another price, by the beginning of their names.
  const misread = ['claude-sonnet-5-5'];
  let compared = 0;
  for (const line of lines.filter((each) => each.upstream === 'anthropic' && !misread.includes(each.model))) {
    const usage = { input_tokens: 3000, cache_read_tokens: 1000, cache_write_tokens: 1000, output_tokens: 500 };
    const price = genai.calcPrice(usage, line.model, { providerId: 'anthropic' });
    if (!price)
      continue;
    const [input, output, read, write] = line.usd;
    assert.ok(Math.abs(price.total_price * 1e6 - (1000 * input + 500 * output + 1000 * read + 1000 * write)) < 1e-3,
      `${line.model}: ${price.total_price}`);
    ++compared;
  }
  assert.ok(compared >= 12, `${compared} models were compared`);
});

test('no model is missing but for a reason', () => {
  const given = (rule, upstream, id) => rule.upstreams.includes(upstream) && (!rule.equals || id === rule.equals) && (!rule.starts || id.startsWith(rule.starts)) &&
    (!rule.ends || id.endsWith(rule.ends)) && (!rule.contains || id.includes(rule.contains));
  for (const [upstream, source] of Object.entries(sources.upstreams)) {
    const here = lines.filter((line) => line.upstream === upstream);
    const names = new Set(here.flatMap((line) => [line.model, line.id, ...(line.aliases ?? [])]));
    for (const entry of entriesOf(upstream)) {
      const elsewhere = source.claude_only && !entry.id.startsWith(`${source.prefix}anthropic.claude-`);
      const left = sources.left_out.some((rule) => given(rule, upstream, entry.id));
      assert.equal(names.has(entry.id), !elsewhere && !left, `${upstream} ${entry.id}`);
    }
  }
  for (const rule of sources.left_out)
    assert.ok(rule.why.length > 0);
});

test('the lines are in order, each name means one model', () => {
  const keys = lines.map((line) => `${line.upstream}\u0001${line.id}\u0001${line.model}`);
  assert.deepEqual(keys, [...keys].sort());
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(head.endpoints, lines.length);
  const owner = new Map();
  for (const line of lines) {
    for (const name of [line.id, ...(line.aliases ?? [])]) {
      assert.equal(owner.get(name) ?? line.id, line.id, name);
      owner.set(name, line.id);
    }
  }
  assert.ok(Buffer.byteLength(text) < 1e6);
});

const update = (...args) => spawnSync(tollgate, ['catalog', 'update', ...args], { encoding: 'utf8' });

test('an update makes the same catalog again', () => {
  const out = path.join(scratch, 'again.jsonl');
  const done = update('--out', out, '--packages', path.join(scratch, 'packages'));
  assert.equal(done.status, 0, done.stderr);
  assert.equal(readFileSync(out, 'utf8'), text);
  assert.equal(spawnSync(tollgate, ['catalog', 'diff', out]).status, 0);
});

test('what changes in a source shows in the diff, and one\'s own overrides win', () => {
  const changed = path.join(scratch, 'changed');
  cpSync(path.join(scratch, 'packages'), changed, { recursive: true });
  const file = path.join(changed, 'pi/package/dist/providers/data/deepseek.json');
  const data = json(file);
  data['openai-completions']['chat:deepseek-flash'].cost.input = 0.25;
  delete data['openai-completions']['chat:deepseek-v4-pro'];
  writeFileSync(file, JSON.stringify(data));
  const overrides = path.join(scratch, 'overrides.json');
  writeFileSync(overrides, JSON.stringify({
    models: { 'mine/m': { name: 'Mine', aliases: ['m'] } },
    endpoints: [
      { upstream: 'house', model: 'm', id: 'mine/m', context: 1000, output: 100, usd: [1, 2, 1, 1, 1, 0] },
      { upstream: 'anthropic', id: 'anthropic/claude-opus-5', usd: [4, 20, 0.4, 5, 8, 10] },
    ],
  }));
  const out = path.join(scratch, 'changed.jsonl');
  const done = update('--out', out, '--packages', changed, '--overrides', overrides);
  assert.equal(done.status, 0, done.stderr);
  assert.match(done.stdout, /~ deepseek deepseek-flash {2}input 0.3 -> 0.25/);
  assert.match(done.stdout, /- deepseek deepseek-v4-pro/);
  assert.match(done.stdout, /\+ house m {2}mine\/m: 1 in, 2 out/);
  assert.match(done.stdout, /~ anthropic claude-opus-5 {2}input 5 -> 4/);
  const diff = spawnSync(tollgate, ['catalog', 'diff', out, '--json'], { encoding: 'utf8' });
  assert.equal(diff.status, 1);
  assert.ok(JSON.parse(diff.stdout).some((change) => change.change === 'removed' && change.model === 'deepseek-v4-pro'));
  const shown = spawnSync(tollgate, ['catalog', 'show', 'm', '--file', out, '--json'], { encoding: 'utf8' });
  assert.equal(JSON.parse(shown.stdout)[0].price_usd.output, 2);
});

test('a package that is not the pinned one is refused, and nothing is written', () => {
  const wrong = path.join(scratch, 'sources.json');
  writeFileSync(wrong, JSON.stringify(sources).replace(sources.packages.genai.integrity, 'sha512-AAAA'));
  const out = path.join(scratch, 'never.jsonl');
  const done = spawnSync('node', [path.join(folder, 'generate.mjs'), '--sources', wrong, '--overrides',
    path.join(folder, 'overrides.json'), '--providers', path.join(root, 'services/common/config/providers.json'), '--out', out],
  { encoding: 'utf8' });
  assert.notEqual(done.status, 0);
  assert.match(done.stderr, /is not what was pinned: expected sha512-AAAA, found sha512-/);
  assert.throws(() => readFileSync(out));
});

test('a catalog that would be wrong does not replace a good one', () => {
  const out = path.join(scratch, 'kept.jsonl');
  writeFileSync(out, text);
  const overrides = path.join(scratch, 'bad.json');
  writeFileSync(overrides, JSON.stringify({
    endpoints: [{ upstream: 'house', model: 'm', id: 'mine/m', context: 1000, output: 100, usd: [0, 0, 0, 0, 0, 0] }],
  }));
  const done = update('--out', out, '--packages', path.join(scratch, 'packages'), '--overrides', overrides);
  assert.notEqual(done.status, 0);
  assert.match(done.stderr, /free: has to be true/);
  assert.equal(readFileSync(out, 'utf8'), text);
  assert.ok(!readdirSync(scratch).some((name) => name.includes('.new.')));
});

test('prices are not made up by prefix: a newer model does not cost what an older one does', () => {
  const line = lines.find((each) => each.upstream === 'anthropic' && each.model === 'claude-sonnet-5-5');
  assert.equal(line.usd[2], 0.1);
  assert.equal(genai.calcPrice({ input_tokens: 1e6, cache_read_tokens: 1e6, output_tokens: 0 }, 'claude-sonnet-5-5',
    { providerId: 'anthropic' }).total_price, 0.2);
});
