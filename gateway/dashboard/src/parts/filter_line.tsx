import type { ComponentChildren } from 'preact';
import { FILTERS } from '../filter';
import { useLoad } from '../hooks';
import { usePlace } from '../place';
import type { Key, SignIn } from '../types';
import { AddFilter } from './add_filter';
import { Chips } from './filters';

export function useKeyNames(me: SignIn): Map<string, string> {
  const keys = useLoad<{ data: Key[] }>(me.management ? '/keys?include_disabled=true' : null);
  return new Map((keys.data?.data ?? []).map((key) => [key.hash, key.name]));
}

// Where nothing else stands beside them, there is a line only if there are filters.
export function ChipLine({ me }: { me: SignIn }) {
  const names = useKeyNames(me);
  const { query } = usePlace();
  return FILTERS.some((name) => query.has(name)) ? (
    <div class="filter-line">
      <Chips names={names} />
    </div>
  ) : null;
}

export function FilterLine({ me, children }: { me: SignIn; children?: ComponentChildren }) {
  const names = useKeyNames(me);
  return (
    <div class="filter-line">
      {children}
      <AddFilter />
      <Chips names={names} />
    </div>
  );
}
