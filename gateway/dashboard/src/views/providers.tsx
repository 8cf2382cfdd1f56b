// How each provider does now, by the last attempts at it, and what it served over the day.
import { buckets } from '../filter';
import { bucket, count, millis, modelName, percent, speed, usd } from '../format';
import { useEffect, useState } from 'preact/hooks';
import { useLoad, useTitle } from '../hooks';
import { Panel, Pill } from '../parts/controls';
import { Empty, Shown } from '../parts/states';
import { href } from '../place';
import type { Activity, Group, Health } from '../types';

export function ProvidersView() {
  const [tick, setTick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTick((n) => n + 1), 10_000);
    return () => clearInterval(timer);
  }, []);
  useTitle('Providers');
  const health = useLoad<{ data: Health[] }>('/activity/health', undefined, tick);
  const hours = useLoad<Activity>(
    '/activity/query',
    new URLSearchParams({ since: '24h', by: 'provider', interval: 'hour', limit: '10000' }),
    tick,
  );
  const day = useLoad<Activity>(
    '/activity/query',
    new URLSearchParams({ since: '24h', by: 'provider', limit: '200' }),
    tick,
  );
  return (
    <>
      <header class="head">
        <h1>Providers</h1>
        <p class="head-note">By their last requests, and over the last 24 hours.</p>
        <ul class="legend">
          <li>
            <i class="swatch swatch-good" />
            served
          </li>
          <li>
            <i class="swatch swatch-taken" />
            took over from others
          </li>
          <li>
            <i class="swatch swatch-warn" />
            some failed
          </li>
          <li>
            <i class="swatch swatch-bad" />
            more than 5% failed
          </li>
        </ul>
      </header>
      <Shown of={health}>
        {({ data }) => {
          const names = [
            ...new Set([
              ...data.map((one) => one.provider),
              ...(day.data?.data ?? []).map((group) => group.by.provider ?? ''),
            ]),
          ].filter(Boolean);
          if (names.length === 0)
            return (
              <Panel>
                <Empty title="No provider yet">
                  <p>
                    Providers come from <code>upstreams</code> in the configuration; they show up here once the catalog
                    knows a model of theirs.
                  </p>
                </Empty>
              </Panel>
            );
          return names.map((name) => (
            <Provider
              key={name}
              name={name}
              health={data.filter((one) => one.provider === name)}
              hours={(hours.data?.data ?? []).filter((group) => group.by.provider === name)}
              day={day.data?.data.find((group) => group.by.provider === name)}
            />
          ));
        }}
      </Shown>
    </>
  );
}

function Provider({ name, health, hours, day }: { name: string; health: Health[]; hours: Group[]; day?: Group }) {
  const out = health.filter((one) => one.outage);
  const shaky = health.filter((one) => !one.outage && one.requests >= 5 && one.failed / one.requests > 0.05);
  return (
    <Panel
      title={
        <h2 class="provider-name">
          <a href={href('requests', new URLSearchParams({ provider: name, since: '24h' }))}>{name}</a>
        </h2>
      }
      aside={
        health.length === 0 ? (
          <Pill tone="quiet">Not configured any more</Pill>
        ) : out.length === health.length ? (
          <Pill tone="bad">Out: tried last</Pill>
        ) : out.length > 0 ? (
          <Pill tone="warn">
            {out.length === 1 ? `${modelName(out[0]!.model)} is out` : `${out.length} models are out`}
          </Pill>
        ) : shaky.length > 0 ? (
          <Pill tone="warn">Some requests fail</Pill>
        ) : (
          <Pill tone="good">Healthy</Pill>
        )
      }
    >
      <div class="provider">
        <div class="provider-day">
          <Strip hours={hours} label={name} />
          <div class="strip-scale" aria-hidden="true">
            <span>24 h ago</span>
            <span>now</span>
          </div>
          <p class="quiet">
            {day ? (
              <>
                {count(day.requests)} served, {usd(day.cost)}
                {day.failovers > 0 && `, ${count(day.failovers)} taken over from others`}
                {day.failed > 0 && (
                  <>
                    , <span class="bad-text">{count(day.failed)} failed</span>
                  </>
                )}
              </>
            ) : (
              'Nothing served in the last 24 hours'
            )}
          </p>
        </div>
        {health.length > 0 && (
          <table class="plain provider-models">
            <caption class="unseen">Models of {name} now</caption>
            <thead>
              <tr>
                <th scope="col">Model</th>
                <th scope="col">State</th>
                <th scope="col" class="number">
                  Failing
                </th>
                <th scope="col" class="number cell-wide">
                  First token
                </th>
                <th scope="col" class="number cell-wide">
                  Speed
                </th>
              </tr>
            </thead>
            <tbody>
              {health.map((one) => (
                <tr key={one.model}>
                  <th scope="row">{modelName(one.model)}</th>
                  <td>
                    {one.outage ? (
                      <Pill tone="bad">Out</Pill>
                    ) : one.requests === 0 ? (
                      <Pill tone="quiet">Idle</Pill>
                    ) : (
                      <Pill tone="good">Up</Pill>
                    )}
                  </td>
                  <td class="number">{one.requests ? percent(one.failed, one.requests) : '—'}</td>
                  <td class="number cell-wide">{millis(one.first_token_ms_p50)}</td>
                  <td class="number cell-wide">{speed(one.output_tokens_per_second_p50)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
    </Panel>
  );
}

// A bar an hour: how much it served; its colour, how well.
function Strip({ hours, label }: { hours: Group[]; label: string }) {
  const now = Date.now();
  const times = buckets({ since: now - 23 * 3600_000, until: now, span: null, interval: 'hour' });
  const most = Math.max(1, ...hours.map((group) => group.requests));
  const at = (time: number) => hours.find((group) => group.at !== null && Date.parse(group.at) === time);
  const worst = hours.reduce((sum, group) => sum + group.failed, 0);
  return (
    <div class="strip" role="img" aria-label={`${label} over the last 24 hours: ${worst} failed`}>
      {times.map((time) => {
        const group = at(time);
        const failing = group && group.requests > 0 ? group.failed / group.requests : 0;
        const taken = group && group.requests > 0 ? group.failovers / group.requests : 0;
        const tone = !group ? 'none' : failing > 0.05 ? 'bad' : failing > 0 ? 'warn' : taken > 0.2 ? 'taken' : 'good';
        const said = group
          ? `${count(group.requests)} requests, ${count(group.failed)} failed, ${count(group.failovers)} failovers`
          : 'no requests';
        return (
          <div key={time} class={`strip-${tone}`} title={`${bucket(time, 'hour')}: ${said}`}>
            <i style={{ height: group ? `${Math.max(8, (group.requests / most) * 100)}%` : '2px' }} />
          </div>
        );
      })}
    </div>
  );
}
