// The filter of the activity endpoints as it stands in the page's own query, under the same names.
import type { Dimension } from './types';

export const FILTERS = ['key', 'workspace', 'model', 'provider', 'session', 'status'] as const satisfies Dimension[];

export const SPANS = [
  ['1h', 'Hour'],
  ['24h', '24 hours'],
  ['7d', '7 days'],
  ['30d', '30 days'],
  ['90d', '90 days'],
] as const;
export const DEFAULT_SPAN = '7d';

const HOUR = 3600_000;
export const DAY = 24 * HOUR;

export interface Range {
  since: number;
  until: number;
  // As it stands in the URL, when it is one of SPANS.
  span: string | null;
  interval: 'hour' | 'day';
}

function time(text: string | null, now: number): number | null {
  if (!text) return null;
  const span = /^(\d+)(m|h|d|w)$/.exec(text);
  if (span) return now - Number(span[1]) * { m: 60_000, h: HOUR, d: DAY, w: 7 * DAY }[span[2] as 'm' | 'h' | 'd' | 'w'];
  const at = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

export function rangeOf(query: URLSearchParams, now = Date.now()): Range {
  const since = query.get('since') ?? DEFAULT_SPAN;
  const begin = time(since, now) ?? now - 7 * DAY;
  const until = time(query.get('until'), now) ?? now;
  const asSpan = !query.has('until') && SPANS.some(([name]) => name === since);
  return { since: begin, until, span: asSpan ? since : null, interval: until - begin <= 3 * DAY ? 'hour' : 'day' };
}

// What the endpoints are asked, out of the page's query.
export function filterOf(query: URLSearchParams): URLSearchParams {
  const out = new URLSearchParams();
  out.set('since', query.get('since') ?? DEFAULT_SPAN);
  if (query.get('until')) out.set('until', query.get('until')!);
  for (const name of FILTERS) for (const value of query.getAll(name)) out.append(name, value);
  if (query.get('search')) out.set('search', query.get('search')!);
  return out;
}

export function withParams(query: URLSearchParams, more: Record<string, string>): URLSearchParams {
  const out = new URLSearchParams(query);
  for (const [name, value] of Object.entries(more)) out.set(name, value);
  return out;
}

// For a link to another view: what is chosen here stays chosen there.
export function carried(query: URLSearchParams, more: Record<string, string> = {}): URLSearchParams {
  const out = new URLSearchParams();
  for (const name of ['since', 'until', ...FILTERS]) for (const value of query.getAll(name)) out.append(name, value);
  for (const [name, value] of Object.entries(more)) out.set(name, value);
  return out;
}

// Sums reach back in whole hours and days; the chart shows all of them that the range touches.
export function buckets({ since, until, interval }: Range): number[] {
  const step = interval === 'hour' ? HOUR : DAY;
  const out: number[] = [];
  for (let at = Math.floor(since / step) * step; at < until; at += step) out.push(at);
  return out;
}
