import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { get, streamUrl } from './api';
import type { ActivityRecord } from './types';

export interface Loaded<T> {
  data: T | null;
  error: Error | null;
  // The first time: later answers replace what is shown.
  loading: boolean;
  reload: () => void;
}

// `tick`: another value asks again.
export function useLoad<T>(path: string | null, query?: URLSearchParams, tick = 0): Loaded<T> {
  return useAsked(path === null ? null : `${path}?${query ?? ''}`, (signal) => get<T>(path!, query, signal), tick);
}

// `asked` says what `fetch` asks for; null: nothing.
export function useAsked<T>(asked: string | null, fetch: (signal: AbortSignal) => Promise<T>, tick = 0): Loaded<T> {
  const [state, setState] = useState<{ asked: string | null; data: T | null; error: Error | null }>({
    asked: null,
    data: null,
    error: null,
  });
  const [again, setAgain] = useState(0);
  useEffect(() => {
    if (asked === null) return;
    const abort = new AbortController();
    fetch(abort.signal).then(
      (data) => setState({ asked, data, error: null }),
      (error: Error) => {
        if (!abort.signal.aborted)
          setState((before) => ({ asked, data: before.asked === asked ? before.data : null, error }));
      },
    );
    return () => abort.abort();
  }, [asked, tick, again]);
  const reload = useCallback(() => setAgain((n) => n + 1), []);
  return { data: state.data, error: state.error, loading: state.data === null && state.error === null, reload };
}

export type LiveState = 'off' | 'connecting' | 'live' | 'lost';

// Records as they happen. The browser connects again by itself. A page that nobody looks at does not listen: a browser
// has but a few connections to a gateway, for all of its tabs. `onBack`: what happened in between was missed.
export function useLive(
  on: boolean,
  query: URLSearchParams,
  onRecord: (record: ActivityRecord) => void,
  onBack: () => void,
): LiveState {
  const [state, setState] = useState<LiveState>('off');
  const callbacks = useRef({ onRecord, onBack });
  callbacks.current = { onRecord, onBack };
  const asked = query.toString();
  useEffect(() => {
    if (!on) return setState('off');
    let source: EventSource | null = null;
    let missed = false;
    const listen = () => {
      if (document.hidden) {
        source?.close();
        source = null;
        missed = true;
        return;
      }
      if (source) return;
      setState('connecting');
      source = new EventSource(streamUrl(new URLSearchParams(asked)));
      source.onopen = () => {
        setState('live');
        if (missed) callbacks.current.onBack();
        missed = false;
      };
      source.onerror = () => {
        setState('lost');
        missed = true;
      };
      source.addEventListener('record', (event) =>
        callbacks.current.onRecord(JSON.parse((event as MessageEvent<string>).data)),
      );
    };
    listen();
    document.addEventListener('visibilitychange', listen);
    return () => {
      document.removeEventListener('visibilitychange', listen);
      source?.close();
    };
  }, [on, asked]);
  return state;
}

// Counts up at most once in `ms`, after whatever was told to it.
export function useThrottledTick(ms: number): [number, () => void] {
  const [tick, setTick] = useState(0);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  useEffect(() => () => clearTimeout(timer.current), []);
  const poke = useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      setTick((n) => n + 1);
    }, ms);
  }, [ms]);
  return [tick, poke];
}

export function useTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · Tollgate`;
  }, [title]);
}

// Whether colours of the canvas have to be read again.
export function useTheme(): string {
  const read = () =>
    document.documentElement.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  const [theme, setTheme] = useState(read);
  useEffect(() => {
    const update = () => setTheme(read());
    const media = matchMedia('(prefers-color-scheme: dark)');
    const observer = new MutationObserver(update);
    media.addEventListener('change', update);
    observer.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    return () => {
      media.removeEventListener('change', update);
      observer.disconnect();
    };
  }, []);
  return theme;
}
