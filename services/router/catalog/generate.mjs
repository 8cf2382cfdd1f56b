// Writes the catalog from the packages that sources.json pins, the overrides and the table of providers.
//   node generate.mjs --sources FILE --providers FILE --overrides FILE... --out FILE [--packages DIR] [--pin NAME=VERSION]...
// --packages: unpacked already, each in DIR/NAME/package. --pin: another version than sources.json says; its hash is
// then the registry's word. What deserves a look goes to stderr.
import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join, resolve} from 'node:path';
import {pathToFileURL} from 'node:url';
import {parseArgs} from 'node:util';

const {values: args} = parseArgs({
  options: {
    sources: {type: 'string'}, providers: {type: 'string'}, overrides: {type: 'string', multiple: true},
    out: {type: 'string'}, packages: {type: 'string'}, pin: {type: 'string', multiple: true, default: []},
  },
});

const fail = message => {
  console.error(`catalog: ${message}`);
  process.exit(1);
};
const say = message => console.error(`catalog: ${message}`);
const read = path => JSON.parse(readFileSync(path, 'utf8'));

// Prices are counted in micro-USD per million tokens; what is finer is rounded up.
const micro = usd => {
  const exact = usd * 1e6;
  const near = Math.round(exact);
  return Math.abs(exact - near) < 1e-4 ? near : Math.ceil(exact);
};
const usd = micros => micros / 1e6;

function unpack(name, source, pinned, folder) {
  const spec = `${source.package}@${source.version}`;
  let packed;
  try {
    packed = JSON.parse(execFileSync('npm', ['pack', spec, '--json', '--pack-destination', folder],
                                     {encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit']}));
  } catch (error) {
    fail(`npm pack ${spec} failed: ${error.message}`);
  }
  const archive = join(folder, packed[0].filename);
  const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  const expected = pinned ? source.integrity : packed[0].integrity;
  if (found !== expected)
    fail(`${spec} is not what was pinned: expected ${expected}, found ${found}`);
  source.integrity = found;
  const target = join(folder, name);
  mkdirSync(target);
  execFileSync('tar', ['xzf', archive, '-C', target]);
}

function fetchPackages(sources) {
  for (const pin of args.pin) {
    const [name, version] = pin.split('=');
    if (!sources.packages[name] || !version)
      fail(`--pin ${pin}: expected NAME=VERSION with one of ${Object.keys(sources.packages).join(', ')}`);
    sources.packages[name].version = version;
  }
  if (args.packages)
    return {folder: args.packages, done: () => {}};
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-catalog-'));
  const done = () => rmSync(folder, {recursive: true, force: true});
  process.on('exit', done);
  for (const [name, source] of Object.entries(sources.packages))
    unpack(name, source, !args.pin.some(pin => pin.startsWith(`${name}=`)), folder);
  return {folder, done};
}

const matches = (rule, upstream, model) =>
    rule.upstreams.includes(upstream) && (rule.equals === undefined || model === rule.equals) &&
    (rule.starts === undefined || model.startsWith(rule.starts)) && (rule.ends === undefined || model.endsWith(rule.ends)) &&
    (rule.contains === undefined || model.includes(rule.contains));

// The ids that an entry means exactly. What else it may match is a guess: "claude-sonnet-5" begins "claude-sonnet-5-5".
function exactIds(match) {
  if (match.equals !== undefined)
    return [match.equals];
  return match.or ? match.or.flatMap(exactIds) : [];
}

// The price of today: the last entry whose date has come.
function currentPrices(prices, date) {
  if (!Array.isArray(prices))
    return prices;
  let current = null;
  for (const {constraint, prices: these} of prices) {
    if (constraint && constraint.type !== 'start_date')
      return null;
    if (!constraint || constraint.start_date <= date)
      current = these;
  }
  return current;
}

function knownPrices(provider, date) {
  const known = new Map();
  for (const model of provider?.models ?? []) {
    const prices = currentPrices(model.prices, date);
    for (const id of prices ? [model.id, ...exactIds(model.match)] : [])
      known.set(id, prices);
  }
  return known;
}

const base = price => (typeof price === 'object' ? price.base : price);
const tierOf = (price, above) =>
    typeof price === 'object' ? price.tiers.find(tier => tier.start === above)?.price : price;

const CLAUDE = /(^|[./])(anthropic[./])?(claude-(?:opus|sonnet|haiku|fable)-[\d.-]+?)(?:-v\d+(?::\d+)?|-fast)?$/;

// [input, output, cache read, 5 min write, 1 h write, web search], and where the last two come from.
// No price of a cache is no discount: such tokens cost what others do. An hour of Claude's cache is twice the input.
function prices(cost, {claude, webSearch, other, above}) {
  const input = micro(cost.input);
  const read = micro(cost.cacheRead) || input;
  const write = micro(cost.cacheWrite) || input;
  const at = price => (price === undefined ? undefined : above === undefined ? base(price) : tierOf(price, above));
  // Of another price list than this one, if the two differ in what both have.
  const agrees = other && [['input_mtok', cost.input], ['output_mtok', cost.output], ['cache_write_mtok', cost.cacheWrite]]
                              .every(([name, price]) => at(other[name]) !== undefined && micro(at(other[name])) === micro(price));
  const hour = agrees && at(other.cache_write_1h_mtok) !== undefined ? micro(at(other.cache_write_1h_mtok)) : undefined;
  const searches = other?.web_searches_kcount;
  return {
    usd: [input, micro(cost.output), read, write, hour ?? (claude ? 2 * input : write),
          searches !== undefined ? micro(searches) : micro(webSearch ?? 0)].map(usd),
    from: [hour !== undefined ? 'genai' : 'rule', searches !== undefined ? 'genai' : webSearch ? 'tollgate' : 'none'],
  };
}

class Catalog {
  constructor(sources, overrides, providers) {
    Object.assign(this, {sources, providers});
    this.overrides = {features: {}, upstreams: {}, models: {}, endpoints: []};
    for (const one of overrides) {
      for (const part of ['features', 'upstreams', 'models'])
        Object.assign(this.overrides[part], one[part]);
      this.overrides.endpoints.push(...(one.endpoints ?? []));
    }
    this.lines = new Map();
    this.canonical = new Map();
    for (const [id, {aliases = []}] of Object.entries(this.overrides.models)) {
      for (const name of [id, ...aliases])
        this.canonical.set(name, id);
    }
  }

  // author/slug. Names are equal or they are not: no model is taken for another because it sounds like it.
  id(upstream, model) {
    const source = this.sources.upstreams[upstream];
    const claude = CLAUDE.exec(model);
    if (claude && !model.includes('~') && !model.endsWith('-fast'))
      return this.canonical.get(claude[3]) ?? this.canonical.get(`anthropic/${claude[3]}`) ?? `anthropic/${claude[3]}`;
    let name = model.replace(/^accounts\/fireworks\/(models|routers)\//, 'fireworks/').replace(/^@cf\//, '').toLowerCase();
    if (!name.includes('/'))
      name = `${source.author ?? upstream}/${name}`;
    const [author, ...rest] = name.split('/');
    return `${this.sources.authors[author] ?? author}/${rest.join('/')}`;
  }

  add(upstream, entry, known) {
    const source = this.sources.upstreams[upstream];
    const more = this.overrides.upstreams[upstream] ?? {};
    const id = this.id(upstream, entry.id);
    const claude = id.startsWith('anthropic/claude-') || id.startsWith('~anthropic/claude-');
    const other = known.get(entry.id) ?? (source.prefix && known.get(entry.id.replace(/-v\d+(:\d+)?$/, '')));
    if (other && (micro(base(other.input_mtok) ?? -1) !== micro(entry.cost.input) ||
                  micro(base(other.output_mtok) ?? -1) !== micro(entry.cost.output)))
      say(`${upstream} ${entry.id}: ${entry.cost.input}/${entry.cost.output} here, ` +
          `${base(other.input_mtok)}/${base(other.output_mtok)} in ${this.sources.packages.genai.package}`);
    const line = {upstream, model: entry.id, id, name: this.overrides.models[id]?.name ?? entry.name};
    const {created, aliases} = this.overrides.models[id] ?? {};
    if (created)
      line.created = created;
    const names = new Set(aliases ?? []);
    if (source.first_party || (entry.id.includes('/') && !source.prefix))
      names.add(entry.id);
    names.delete(id);
    if (names.size)
      line.aliases = [...names].sort();
    line.context = entry.contextWindow;
    line.output = entry.maxTokens;
    const unknown = entry.cost.input === 0 && entry.cost.output === 0;
    const free = unknown && this.sources.free.some(rule => matches(rule, upstream, entry.id));
    const options = {claude, other, webSearch: more.web_search};
    const found = prices(entry.cost, options);
    line.usd = unknown && !free ? null : found.usd;
    if (free)
      line.free = true;
    const tiers = (entry.cost.tiers ?? []).map(
        tier => [tier.inputTokensAbove, ...prices(tier, {...options, above: tier.inputTokensAbove}).usd]);
    if (tiers.length && line.usd)
      line.tiers = tiers;
    if (more.bills_after_abort)
      line.bills_after_abort = true;
    if (more.features)
      line.features = more.features;
    line.from = ['pi', ...found.from].join('/');
    this.put(line);
  }

  put(line) {
    const key = `${line.upstream} ${line.id}`;
    const other = this.lines.get(key);
    if (other && JSON.stringify([other.usd, other.tiers]) !== JSON.stringify([line.usd, line.tiers]))
      fail(`${line.upstream}: ${other.model} and ${line.model} are both ${line.id} at different prices`);
    // A model under its dated name is the same tomorrow.
    if (!other || line.model.length > other.model.length)
      this.lines.set(key, line);
  }

  override(set) {
    const more = this.overrides.upstreams[set.upstream] ?? {};
    const key = `${set.upstream} ${set.id}`;
    const line = {...(this.lines.get(key) ?? {...set, ...this.overrides.models[set.id]}), ...set};
    for (const member of ['model', 'id', 'context', 'output', 'usd']) {
      if (line[member] === undefined)
        fail(`overrides: ${key} lacks ${member}`);
    }
    const [tokens, ...others] = (line.from ?? '').split('/');
    const all = {...more, ...line, from: set.usd ? 'tollgate' : [`${tokens}+tollgate`, ...others].join('/')};
    delete all.web_search;
    this.lines.set(key, all);
  }

  // Every endpoint of a model has all its names: which of them are configured, nobody knows. A name that two models go by
  // is nobody's.
  settleAliases(lines) {
    const owners = new Map(lines.map(line => [line.id, new Set([line.id])]));
    for (const line of lines) {
      for (const name of line.aliases ?? [])
        owners.set(name, (owners.get(name) ?? new Set()).add(line.id));
    }
    const names = new Map();
    for (const [name, ids] of owners) {
      if (ids.size > 1)
        say(`${name} means several models and is left out: ${[...ids].join(', ')}`);
      else if (!ids.has(name))
        names.set([...ids][0], [...(names.get([...ids][0]) ?? []), name]);
    }
    const order = ['upstream', 'model', 'id', 'name', 'created', 'aliases', 'context', 'output', 'usd', 'free', 'tiers',
                   'factors', 'bills_after_abort', 'features', 'from'];
    return lines.map(line => {
      const all = {...line, aliases: names.get(line.id)?.sort()};
      return Object.fromEntries(order.filter(name => all[name] !== undefined).map(name => [name, all[name]]));
    });
  }
}

const sources = read(args.sources);
const overrides = args.overrides.map(read);
const providers = read(args.providers);
const {folder} = fetchPackages(sources);

const data = join(folder, 'pi', 'package', 'dist', 'providers', 'data');
const manifest = read(join(data, '.manifest.json'));
sources.packages.pi.date = manifest.generatedAt.slice(0, 10);
const {findProvider} = await import(pathToFileURL(resolve(folder, 'genai', 'package', 'dist', 'index.js')));

const catalog = new Catalog(sources, overrides, providers);
for (const [upstream, source] of Object.entries(sources.upstreams)) {
  if (!providers[upstream])
    fail(`sources: ${upstream} is not in the table of providers`);
  const known = knownPrices(source.genai && findProvider({providerId: source.genai}), sources.packages.pi.date);
  for (const [api, models] of Object.entries(read(join(data, `${source.pi}.json`)))) {
    if (source.apis && !source.apis.includes(api))
      continue;
    for (const entry of Object.values(models)) {
      const skipped = entry.type !== 'chat' || sources.left_out.some(rule => matches(rule, upstream, entry.id)) ||
          (source.claude_only && !entry.id.startsWith(`${source.prefix}anthropic.claude-`));
      if (skipped)
        continue;
      if (!(entry.contextWindow > 0) || !(entry.maxTokens > 0))
        say(`${upstream} ${entry.id}: left out, its limits are not known`);
      else
        catalog.add(upstream, entry, known);
    }
  }
}
for (const set of catalog.overrides.endpoints)
  catalog.override(set);

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const lines = catalog.settleAliases([...catalog.lines.values()].sort(
    (a, b) => compare(a.upstream, b.upstream) || compare(a.id, b.id) || compare(a.model, b.model)));
const unpriced = lines.filter(line => line.usd === null);
if (unpriced.length)
  say(`${unpriced.length} endpoints have no known price and serve nobody: ` +
      [...new Set(unpriced.map(line => line.upstream))].join(', '));

const head = {
  catalog: 1,
  endpoints: lines.length,
  models: new Set(lines.map(line => line.id)).size,
  sources: {...sources.packages, tollgate: {date: overrides[0].date, licence: overrides[0].licence, source: overrides[0].source}},
  features: catalog.overrides.features,
};
const text = [head, ...lines].map(line => JSON.stringify(line)).join('\n') + '\n';
mkdirSync(dirname(resolve(args.out)), {recursive: true});
writeFileSync(`${args.out}.new`, text);
renameSync(`${args.out}.new`, args.out);
say(`${lines.length} endpoints of ${head.models} models, ${text.length} bytes: ${args.out}`);
