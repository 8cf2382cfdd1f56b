import type { Activity, Key, Page, SignIn, ActivityRecord, Sums } from '../types';
import { carried, filterOf, rangeOf, withParams } from '../filter';
import { count, millis, percent, short, usd, usdLimit } from '../format';
import { useAsked, useLive, useLoad, useThrottledTick, useTitle } from '../hooks';
import { allKeys, get } from '../api';
import { tokensOf } from '../parts/breakdown';
import { Meter, Panel } from '../parts/controls';
import { Live, TimeRange } from '../parts/filters';
import { AddFilter } from '../parts/add_filter';
import { ChipLine } from '../parts/filter_line';
import { RecordList } from '../parts/record_list';
import { SpendChart } from '../parts/spend_chart';
import { Empty, Shown } from '../parts/states';
import { href, usePlace } from '../place';

export function OverviewView({ me }: { me: SignIn }) {
  const { query } = usePlace();
  const filter = filterOf(query);
  filter.delete('search');
  const range = rangeOf(query);
  const live = query.get('live') !== '0' && !query.has('until');
  const [tick, poke] = useThrottledTick(3000);
  const state = useLive(live, filter, poke, poke);
  useTitle('Overview');

  const before = new URLSearchParams(filter);
  // In whole minutes, so that a repaint asks for the same again.
  const minute = (at: number) => new Date(Math.floor(at / 60_000) * 60_000).toISOString();
  before.set('since', minute(2 * range.since - range.until));
  before.set('until', minute(range.since));
  const now = useLoad<Activity>('/activity/query', filter, tick);
  const earlier = useLoad<Activity>('/activity/query', before);
  const latest = useLoad<Page<ActivityRecord>>('/activity/records', withParams(filter, { limit: '8' }), tick);

  return (
    <>
      <header class="head">
        <h1>Overview</h1>
        <div class="head-aside">
          <Live state={state} on={live} />
          <TimeRange />
          <AddFilter />
        </div>
      </header>
      <ChipLine me={me} />
      <Shown of={now} rows={2}>
        {({ total }) => <Numbers now={total} before={earlier.data?.total ?? null} />}
      </Shown>
      <SpendChart filter={filter} tick={tick} plain={!me.management} />
      <div class="columns">
        <Panel title="Latest requests" aside={<a href={href('requests', carried(query))}>All requests</a>} flush>
          <Shown of={latest}>
            {({ data }) => (data.length ? <RecordList records={data} brief /> : <Empty title="None in this time" />)}
          </Shown>
        </Panel>
        <Limits me={me} tick={tick} />
      </div>
    </>
  );
}

function Numbers({ now, before }: { now: Sums; before: Sums | null }) {
  const input = now.input_tokens + now.cache_read_tokens + now.cache_write_tokens;
  return (
    <dl class="numbers">
      <div class="number-first">
        <dt>Spend</dt>
        <dd>{usd(now.cost)}</dd>
        <dd class="aside">
          {before && before.cost > 0 ? <Change now={now.cost} before={before.cost} /> : 'nothing to compare with'}
        </dd>
      </div>
      <div>
        <dt>Requests</dt>
        <dd>{count(now.requests)}</dd>
        <dd class="aside">
          {now.failed === 0 ? 'none failed' : <span class="bad-text">{percent(now.failed, now.requests)} failed</span>}
        </dd>
      </div>
      <div>
        <dt>Tokens</dt>
        <dd>{short(tokensOf(now))}</dd>
        <dd class="aside">{short(now.output_tokens)} written</dd>
      </div>
      <div>
        <dt>Read from cache</dt>
        <dd>{percent(now.cache_read_tokens, input)}</dd>
        <dd class="aside">of {short(input)} input</dd>
      </div>
      <div>
        <dt>First token</dt>
        <dd>{millis(now.first_token_ms)}</dd>
        <dd class="aside">
          {now.failovers === 0
            ? 'no failovers'
            : `${count(now.failovers)} ${now.failovers === 1 ? 'failover' : 'failovers'}`}
        </dd>
      </div>
    </dl>
  );
}

function Change({ now, before }: { now: number; before: number }) {
  const change = (now - before) / before;
  if (Math.abs(change) < 0.005) return <>as much as before</>;
  return (
    <>
      {change > 0 ? '↑' : '↓'} {change > 9.99 ? `${Math.round(change + 1)}×` : `${Math.abs(change * 100).toFixed(0)}%`}{' '}
      on the time before
    </>
  );
}

function Limits({ me, tick }: { me: SignIn; tick: number }) {
  const keys = useAsked(
    'limits',
    (signal) =>
      me.management
        ? allKeys(new URLSearchParams(), signal)
        : get<{ data: Key }>('/key', undefined, signal).then(({ data }) => [data]),
    tick,
  );
  const closest = (keys.data ?? [])
    .flatMap((key) =>
      key.limits.map((limit) => ({ key, limit, share: limit.limit > 0 ? limit.spent / limit.limit : 1 })),
    )
    .sort((a, b) => b.share - a.share)
    .slice(0, 6);
  return (
    <Panel
      title={me.management ? 'Closest to their limit' : 'Your limits'}
      aside={me.management && <a href={href('keys')}>All keys</a>}
    >
      <Shown of={keys}>
        {() =>
          closest.length === 0 ? (
            <Empty title={me.management ? 'No key has a limit' : 'This key has no limit'}>
              {me.management && (
                <p>
                  A limit stops a key before it spends more. <a href={href('keys')}>Set one</a>
                </p>
              )}
            </Empty>
          ) : (
            <ul class="limit-list">
              {closest.map(({ key, limit }) => (
                <li key={key.label + limit.limit_reset}>
                  <div>
                    <b>{key.name}</b>
                    <span>
                      {usd(limit.spent)} of {usdLimit(limit.limit)} {limit.limit_reset ?? 'in all'}
                    </span>
                  </div>
                  <Meter
                    part={limit.spent}
                    whole={limit.limit}
                    label={`${key.name}: ${limit.limit_reset ?? 'whole'} limit`}
                  />
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
    </Panel>
  );
}
