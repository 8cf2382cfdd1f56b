import type { ComponentChildren } from 'preact';
import { useLoad } from '../hooks';
import type { Key, SignIn } from '../types';
import { AddFilter } from './add_filter';
import { Chips } from './filters';

export function useKeyNames(me: SignIn): Map<string, string> {
  const keys = useLoad<{ data: Key[] }>(me.management ? '/keys?include_disabled=true' : null);
  return new Map((keys.data?.data ?? []).map((key) => [key.hash, key.name]));
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
