// Where the reader is: everything that a view shows stands in the URL, so that a link shows the same again.
import { useEffect, useState } from 'preact/hooks';

export interface Place {
  // Behind /dashboard: ['requests', 'gen-1'].
  path: string[];
  query: URLSearchParams;
}

const BASE = '/dashboard';

function here(): Place {
  const path = location.pathname.slice(BASE.length).split('/').filter(Boolean).map(decodeURIComponent);
  return { path, query: new URLSearchParams(location.search) };
}

let current = here();
const listeners = new Set<(place: Place) => void>();

function tell() {
  current = here();
  for (const listener of listeners) listener(current);
}
addEventListener('popstate', tell);

export function href(path: string, query?: URLSearchParams): string {
  const text = query?.toString().replaceAll('%2F', '/').replaceAll('%3A', ':') ?? '';
  return `${BASE}/${path}${text ? `?${text}` : ''}`;
}

export function go(url: string, { replace = false } = {}) {
  if (url === location.pathname + location.search) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', url);
  tell();
}

// Changes some of the query's values; null removes one.
export function setQuery(changes: Record<string, string | string[] | null>, options?: { replace?: boolean }) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    query.delete(name);
    for (const one of value === null ? [] : [value].flat()) query.append(name, one);
  }
  go(href(current.path.map(encodeURIComponent).join('/'), query), options);
}

export function usePlace(): Place {
  const [place, setPlace] = useState(current);
  useEffect(() => {
    listeners.add(setPlace);
    setPlace(current);
    return () => void listeners.delete(setPlace);
  }, []);
  return place;
}

// A link within the page; with a modifier key it opens as links do.
export function follow(event: MouseEvent) {
  const link = (event.target as Element).closest('a');
  if (!link || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.origin !== location.origin || link.target || link.hasAttribute('download')) return;
  if (!link.pathname.startsWith(`${BASE}/`)) return;
  event.preventDefault();
  go(link.pathname + link.search);
}
