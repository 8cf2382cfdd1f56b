// The line above every view: the time, what is filtered, and whether it follows what happens.
import { useEffect, useRef, useState } from 'preact/hooks';
import { FILTERS, rangeOf, SPANS } from '../filter';
import { modelName, shortId } from '../format';
import type { LiveState } from '../hooks';
import { setQuery, usePlace } from '../place';
import { Segments } from './controls';
import { Close, Search } from './icons';

const shortDate = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});

export function TimeRange() {
  const { query } = usePlace();
  const range = rangeOf(query);
  return (
    <>
      <Segments
        label="Time"
        value={range.span}
        options={SPANS}
        onChange={(span) => setQuery({ since: span, until: null })}
      />
      {range.span === null && (
        <span class="chip">
          {shortDate.format(range.since)} – {query.has('until') ? shortDate.format(range.until) : 'now'}
          <button aria-label="Back to the last 7 days" onClick={() => setQuery({ since: null, until: null })}>
            <Close />
          </button>
        </span>
      )}
    </>
  );
}

export function Live({ state, on }: { state: LiveState; on: boolean }) {
  const text = { off: 'Paused', connecting: 'Connecting', live: 'Live', lost: 'Reconnecting' }[state];
  return (
    <button
      class={`live live-${state}`}
      aria-pressed={on}
      onClick={() => setQuery({ live: on ? '0' : null }, { replace: true })}
      title={on ? 'Stop following' : 'Follow what happens'}
    >
      <i aria-hidden="true" />
      {text}
    </button>
  );
}

// `names`: what a key id stands for.
export function Chips({ names }: { names: Map<string, string> }) {
  const { query } = usePlace();
  const chips = FILTERS.flatMap((name) => query.getAll(name).map((value) => ({ name, value })));
  if (chips.length === 0) return null;
  const drop = (name: string, value: string) =>
    setQuery({ [name]: query.getAll(name).filter((other) => other !== value) });
  const said = (name: string, value: string) =>
    name === 'model'
      ? modelName(value)
      : name === 'key'
        ? (names.get(value) ?? shortId(value))
        : name === 'session'
          ? shortId(value)
          : value;
  return (
    <div class="chips" role="group" aria-label="Filters">
      {chips.map(({ name, value }) => (
        <span key={name + value} class="chip">
          <em>{name}</em> {said(name, value)}
          <button aria-label={`Remove the filter ${name} ${said(name, value)}`} onClick={() => drop(name, value)}>
            <Close />
          </button>
        </span>
      ))}
      <button class="link" onClick={() => setQuery(Object.fromEntries(FILTERS.map((name) => [name, null])))}>
        Clear all
      </button>
    </div>
  );
}

export function SearchBox({ placeholder }: { placeholder: string }) {
  const { query } = usePlace();
  const value = query.get('search') ?? '';
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  useEffect(() => setText(value), [value]);
  const change = (next: string) => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setQuery({ search: next.trim() || null }, { replace: true }), 250);
  };
  return (
    <label class="search">
      <Search />
      <input
        type="search"
        value={text}
        placeholder={placeholder}
        aria-label={placeholder}
        onInput={(event) => change(event.currentTarget.value)}
      />
    </label>
  );
}
