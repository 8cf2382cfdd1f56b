// Numbers and times as people read them.

// Cents where there are dollars, more digits where there are none.
export function usd(amount: number): string {
  const size = Math.abs(amount);
  if (size === 0) return '$0';
  if (size < 0.0001) return '<$0.0001';
  const digits = size >= 1000 ? 0 : size >= 1 ? 2 : size >= 0.01 ? 3 : 4;
  return `${amount < 0 ? '−' : ''}$${size.toLocaleString('en-US', { minimumFractionDigits: Math.min(digits, 2), maximumFractionDigits: digits })}`;
}

// For a column: the points stand under each other.
export function usdColumn(amount: number): string {
  return amount === 0 ? '—' : amount >= 1 ? usd(Math.round(amount * 100) / 100) : `$${amount.toFixed(4)}`;
}

// Amounts of one column, to the last digit that any of them has.
export function usdExactly(amounts: number[]): (amount: number) => string {
  const digits = Math.max(2, ...amounts.map((amount) => amount.toFixed(9).replace(/^\d+\.|0+$/g, '').length));
  return (amount) =>
    `$${amount.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

// A limit: as it was set.
export function usdLimit(amount: number): string {
  return `$${amount.toLocaleString('en-US', { minimumFractionDigits: Number.isInteger(amount) ? 0 : 2, maximumFractionDigits: 6 })}`;
}

export function count(number: number): string {
  return number.toLocaleString('en-US');
}

export function short(number: number): string {
  const size = Math.abs(number);
  for (const [unit, name] of [
    [1e12, 'T'],
    [1e9, 'B'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (size < unit) continue;
    const scaled = number / unit;
    return `${scaled.toFixed(scaled < 10 ? 2 : scaled < 100 ? 1 : 0)}${name}`;
  }
  return String(Math.round(number));
}

export function percent(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0%';
  const share = (part / whole) * 100;
  return share < 0.1 ? '<0.1%' : share > 99.9 && share < 100 ? '>99.9%' : `${share.toFixed(share < 10 ? 1 : 0)}%`;
}

export function millis(ms: number | null): string {
  if (ms === null) return '—';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

export function speed(tokensPerSecond: number | null): string {
  return tokensPerSecond === null ? '—' : `${tokensPerSecond.toFixed(tokensPerSecond < 10 ? 1 : 0)} tok/s`;
}

const date = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long' });
const utcDay = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' });
const hour = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});

export function when(iso: string, now = Date.now()): string {
  const at = new Date(iso);
  return new Date(now).toDateString() === at.toDateString()
    ? clock.format(at)
    : `${date.format(at)}, ${clock.format(at)}`;
}

export const day = (iso: string) => new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' }).format(new Date(iso));
export const exactTime = (iso: string) => full.format(new Date(iso));
export const bucket = (at: number, interval: 'hour' | 'day') =>
  interval === 'day' ? `${utcDay.format(at)} (UTC)` : hour.format(at);

export function ago(iso: string, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(iso)) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

export function lasting(from: string, to: string): string {
  const minutes = Math.round((Date.parse(to) - Date.parse(from)) / 60_000);
  return minutes < 1
    ? 'under a minute'
    : minutes < 60
      ? `${minutes} min`
      : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// anthropic/claude-sonnet-4.5 -> claude-sonnet-4.5
export const modelName = (id: string) => id.slice(id.indexOf('/') + 1);
export const shortId = (id: string) => (id.length > 14 ? `${id.slice(0, 8)}…` : id);
