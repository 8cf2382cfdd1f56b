import type { ComponentChildren } from 'preact';
import { allKeys } from '../api';
import { FILTERS } from '../filter';
import { useAsked } from '../hooks';
import { usePlace } from '../place';
import type { SignIn } from '../types';
import { AddFilter } from './add_filter';
import { Chips } from './filters';

export function useKeyNames(me: SignIn): Map<string, string> {
  const { query } = usePlace();
  const wanted = me.management && query.has('key');
  const keys = useAsked(wanted ? 'all keys' : null, (signal) =>
    allKeys(new URLSearchParams('include_disabled=true'), signal),
  );
  return new Map((keys.data ?? [me.key]).map((key) => [key.hash, key.name]));
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
