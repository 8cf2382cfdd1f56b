// The chart of the overview with its breakdown: the dearest few by name, the rest as one, so that the sum is exact.
import { useMemo } from 'preact/hooks';
import { buckets, rangeOf, withParams } from '../filter';
import { modelName, shortId } from '../format';
import { useLoad } from '../hooks';
import { go, href, setQuery, usePlace } from '../place';
import type { Activity, Dimension, Group } from '../types';
import { Breakdown, METRICS, type Metric, minus } from './breakdown';
import { Chart, type Series } from './chart';
import { Panel, Segments } from './controls';
import { Empty, Shown } from './states';

const NAMED = 7;
const BY: readonly [Dimension, string][] = [
  ['model', 'Model'],
  ['key', 'Key'],
  ['provider', 'Provider'],
  ['workspace', 'Workspace'],
];
const METRIC_NAMES = Object.entries(METRICS).map(([name, { name: text }]) => [name as Metric, text] as const);

export function SpendChart({ filter, tick, plain }: { filter: URLSearchParams; tick: number; plain: boolean }) {
  const { query } = usePlace();
  const choices = plain ? BY.filter(([name]) => name === 'model' || name === 'provider') : BY;
  const by = choices.find(([name]) => name === query.get('by'))?.[0] ?? 'model';
  const metric = METRIC_NAMES.find(([name]) => name === query.get('metric'))?.[0] ?? 'cost';
  const range = rangeOf(query);
  const groups = useLoad<Activity>('/activity/query', withParams(filter, { by, limit: '200' }), tick);
  const { of } = METRICS[metric];
  const named = (groups.data?.data ?? [])
    .filter((group) => group.by[by])
    .sort((a, b) => of(b) - of(a))
    .slice(0, NAMED);
  const ids = named.map((group) => group.by[by]!);
  const namedFilter = new URLSearchParams(filter);
  namedFilter.delete(by);
  for (const id of ids) namedFilter.append(by, id);
  const interval = { interval: range.interval, limit: '10000' };
  const parts = useLoad<Activity>(
    ids.length ? '/activity/query' : null,
    withParams(namedFilter, { by, ...interval }),
    tick,
  );
  const whole = useLoad<Activity>('/activity/query', withParams(filter, interval), tick);
  const nameOf = (group: Group) =>
    by === 'model'
      ? modelName(group.by.model!)
      : by === 'key'
        ? (group.key_name ?? shortId(group.by.key!))
        : group.by[by]!;

  const times = useMemo(() => buckets(rangeOf(query)), [query, whole.data]);
  const series = useMemo<Series[]>(() => {
    const at = new Map(times.map((time, index) => [time, index]));
    const rest = times.map(() => 0);
    for (const group of whole.data?.data ?? []) {
      const index = at.get(Date.parse(group.at!));
      if (index !== undefined) rest[index] = of(group);
    }
    const out = named.map((group, i) => ({
      id: group.by[by]!,
      name: nameOf(group),
      color: `--c${i + 1}`,
      values: times.map(() => 0),
    }));
    for (const group of parts.data?.data ?? []) {
      const index = at.get(Date.parse(group.at!));
      const one = out.find((other) => other.id === group.by[by]);
      if (index === undefined || !one) continue;
      one.values[index] = of(group);
      rest[index] = Math.max(0, rest[index]! - of(group));
    }
    const others =
      rest.some((value) => value > 1e-9) && parts.data ? [{ id: '', name: 'Others', color: '--c0', values: rest }] : [];
    return [...out, ...others];
  }, [times, parts.data, whole.data, ids.join(), metric]);

  const filterTo = (id: string) => {
    const next = new URLSearchParams(query);
    next.delete(by);
    next.append(by, id);
    return href('', next);
  };
  return (
    <Panel
      title={
        <Segments
          label="What is counted"
          value={metric}
          options={METRIC_NAMES}
          onChange={(value) => setQuery({ metric: value === 'cost' ? null : value }, { replace: true })}
        />
      }
      aside={
        <Segments
          label="Split by"
          value={by}
          options={choices}
          onChange={(value) => setQuery({ by: value === 'model' ? null : value }, { replace: true })}
        />
      }
    >
      <Shown of={groups} rows={8}>
        {({ total }) => {
          if (total.requests === 0) return <Nothing filtered={query.size > 0} />;
          const left = minus(total, named);
          const rows = named.map((group, i) => ({
            id: group.by[by]!,
            name: nameOf(group),
            color: `--c${i + 1}`,
            sums: group,
            href: query.getAll(by).join() === group.by[by] ? undefined : filterTo(group.by[by]!),
          }));
          const others = of(left) > 1e-9 ? [{ id: '', name: 'Others', color: '--c0', sums: left }] : [];
          return (
            <>
              <Chart
                label={`${METRICS[metric].name} by ${range.interval}, split by ${by}`}
                times={times}
                interval={range.interval}
                series={series}
                format={METRICS[metric].format}
                onSelect={(since, until) => {
                  const next = new URLSearchParams(query);
                  next.set('since', new Date(since).toISOString());
                  next.set('until', new Date(until).toISOString());
                  go(href('', next));
                }}
              />
              <Breakdown
                rows={[...rows, ...others]}
                total={total}
                metric={metric}
                caption={BY.find(([name]) => name === by)![1]}
              />
              {whole.data?.incomplete && (
                <p class="note">
                  Older requests of this time are no longer kept one by one: these sums are of those that are.
                </p>
              )}
            </>
          );
        }}
      </Shown>
    </Panel>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  return filtered ? (
    <Empty title="No requests fit">
      <button class="link" onClick={() => go(href(''))}>
        Drop the filters and show the last 7 days
      </button>
    </Empty>
  ) : (
    <Empty title="No requests in the last 7 days">
      <p>Point a client at this gateway, and what it spends shows up here within a second:</p>
      <pre>
        <code>{`export ANTHROPIC_BASE_URL=${location.origin}/api\nexport ANTHROPIC_AUTH_TOKEN=sk-tg-v1-…\nclaude`}</code>
      </pre>
    </Empty>
  );
}
