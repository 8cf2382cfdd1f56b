// Which group had how much of the whole.
import type { ComponentChildren } from 'preact';
import { count, percent, short, usd } from '../format';
import type { Group, Sums } from '../types';

export const tokensOf = (sums: Sums) =>
  sums.input_tokens + sums.output_tokens + sums.cache_read_tokens + sums.cache_write_tokens;

export const METRICS = {
  cost: { name: 'Spend', of: (sums: Sums) => sums.cost, format: usd },
  requests: { name: 'Requests', of: (sums: Sums) => sums.requests, format: short },
  tokens: { name: 'Tokens', of: tokensOf, format: short },
} as const;
export type Metric = keyof typeof METRICS;

interface Row {
  id: string;
  name: ComponentChildren;
  color?: string;
  sums: Sums;
  href?: string;
}

export function Breakdown({
  rows,
  total,
  metric,
  caption,
}: {
  rows: Row[];
  total: Sums;
  metric: Metric;
  caption: string;
}) {
  const { of, format } = METRICS[metric];
  const whole = of(total);
  return (
    <table class="breakdown">
      <caption class="unseen">{caption}</caption>
      <thead>
        <tr>
          <th scope="col">{caption}</th>
          <th scope="col" class="wide">
            Share
          </th>
          <th scope="col" class="number wide">
            Requests
          </th>
          <th scope="col" class="number wide">
            Tokens
          </th>
          <th scope="col" class="number">
            {metric === 'cost' ? 'Spend' : METRICS[metric].name}
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.id}>
            <th scope="row">
              {row.color && <i class="swatch" style={{ background: `var(${row.color})` }} />}
              {row.href ? <a href={row.href}>{row.name}</a> : row.name}
            </th>
            <td class="share wide">
              <div class="share-bar">
                <div
                  style={{
                    width: `${whole > 0 ? (of(row.sums) / whole) * 100 : 0}%`,
                    background: row.color ? `var(${row.color})` : undefined,
                  }}
                />
              </div>
              <span>{percent(of(row.sums), whole)}</span>
            </td>
            <td class="number wide">{count(row.sums.requests)}</td>
            <td class="number wide">{short(tokensOf(row.sums))}</td>
            <td class="number strong">{format(of(row.sums))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function minus(total: Sums, groups: Group[]): Sums {
  const left = { ...total };
  for (const group of groups)
    for (const name of [
      'requests',
      'failed',
      'input_tokens',
      'output_tokens',
      'cache_read_tokens',
      'cache_write_tokens',
      'cost',
      'failovers',
    ] as const)
      left[name] -= group[name];
  return left;
}
