// Adds a filter out of what there was in the time shown.
import { useEffect, useRef, useState } from 'preact/hooks';
import { withParams } from '../filter';
import { modelName, usd } from '../format';
import { useLoad } from '../hooks';
import { setQuery, usePlace } from '../place';
import type { Activity, Dimension } from '../types';
import { Plus } from './icons';
import { Shown } from './states';

const CHOICES: readonly [Dimension, string][] = [
  ['model', 'Model'],
  ['key', 'Key'],
  ['provider', 'Provider'],
  ['workspace', 'Workspace'],
  ['status', 'Status'],
];

export function AddFilter() {
  const [open, setOpen] = useState(false);
  const [by, setBy] = useState<Dimension>('model');
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const leave = (event: Event) => {
      if (!host.current!.contains(event.target as Node)) setOpen(false);
    };
    addEventListener('pointerdown', leave);
    addEventListener('focusin', leave);
    return () => {
      removeEventListener('pointerdown', leave);
      removeEventListener('focusin', leave);
    };
  }, [open]);
  const close = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || !open) return;
    setOpen(false);
    host.current!.querySelector('button')!.focus();
  };
  return (
    <div class="menu-host" ref={host} onKeyDown={close}>
      <button class="button button-quiet" aria-expanded={open} aria-haspopup="true" onClick={() => setOpen(!open)}>
        <Plus />
        Filter
      </button>
      {open && (
        <div class="menu" role="group" aria-label="Add a filter">
          <div class="tabs">
            {CHOICES.map(([name, text]) => (
              <button key={name} aria-pressed={name === by} onClick={() => setBy(name)}>
                {text}
              </button>
            ))}
          </div>
          <Values by={by} done={() => setOpen(false)} />
        </div>
      )}
    </div>
  );
}

function Values({ by, done }: { by: Dimension; done: () => void }) {
  const { query } = usePlace();
  const time = new URLSearchParams();
  for (const name of ['since', 'until']) if (query.has(name)) time.set(name, query.get(name)!);
  const found = useLoad<Activity>('/activity/query', withParams(time, { by, limit: '50' }));
  const chosen = query.getAll(by);
  return (
    <Shown of={found} rows={4}>
      {({ data }) => {
        const left = data.filter((group) => group.by[by] && !chosen.includes(group.by[by]!));
        if (left.length === 0) return <p class="menu-none">Nothing more in this time.</p>;
        return (
          <ul>
            {left.map((group) => {
              const value = group.by[by]!;
              const text = by === 'key' ? (group.key_name ?? value) : by === 'model' ? modelName(value) : value;
              return (
                <li key={value}>
                  <button
                    onClick={() => {
                      setQuery({ [by]: [...chosen, value], cursor: null });
                      done();
                    }}
                  >
                    <span>{text}</span>
                    <small>{usd(group.cost)}</small>
                  </button>
                </li>
              );
            })}
          </ul>
        );
      }}
    </Shown>
  );
}
