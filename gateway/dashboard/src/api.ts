// Calls to the gateway. The session's cookie goes along by itself; what changes something shows the token against forged
// requests, too.
import type { Key, SignIn } from './types';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

let csrf = '';
let onSignedOut = () => {};

export function whenSignedOut(callback: () => void) {
  onSignedOut = callback;
}

async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      signal,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(method === 'GET' ? {} : { 'x-csrf-token': csrf }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'The gateway does not answer. Check that it runs and that you are connected to it.');
  }
  const text = await response.text();
  let json: unknown;
  try {
    json = text ? JSON.parse(text) : {};
  } catch {
    throw new ApiError(
      response.status,
      `The gateway answered ${response.status} without JSON. Does a proxy stand in between?`,
    );
  }
  if (response.ok) return json as T;
  const message =
    (json as { error?: { message?: string } }).error?.message ?? `The gateway answered ${response.status}.`;
  if (response.status === 401 && path !== '/dashboard/session') onSignedOut();
  throw new ApiError(response.status, message);
}

const api = (path: string) => `/api/v1${path}`;

export const get = <T>(path: string, query?: URLSearchParams, signal?: AbortSignal) =>
  call<T>('GET', api(path) + (query && query.size > 0 ? `?${query}` : ''), undefined, signal);
export const post = <T>(path: string, body: unknown) => call<T>('POST', api(path), body);
export const patch = <T>(path: string, body: unknown) => call<T>('PATCH', api(path), body);
export const remove = (path: string) => call<unknown>('DELETE', api(path));

export const KEYS_PAGE = 100;
const MOST_PAGES = 50;

// Those of all pages, for what has to know them all.
export async function allKeys(query: URLSearchParams, signal: AbortSignal): Promise<Key[]> {
  const keys: Key[] = [];
  for (let page = 0; page < MOST_PAGES; page++) {
    const asked = new URLSearchParams(query);
    if (page > 0) asked.set('offset', String(page * KEYS_PAGE));
    const { data } = await get<{ data: Key[] }>('/keys', asked, signal);
    keys.push(...data);
    if (data.length < KEYS_PAGE) break;
  }
  return keys;
}

export const exportUrl = (query: URLSearchParams, format: 'csv' | 'json') => {
  const all = new URLSearchParams(query);
  all.set('format', format);
  return api(`/activity/export?${all}`);
};
// From now on: a time would make it begin with what has been.
export const streamUrl = (query: URLSearchParams) => {
  const rest = new URLSearchParams(query);
  rest.delete('since');
  rest.delete('until');
  return api(`/activity/stream${rest.size > 0 ? `?${rest}` : ''}`);
};

async function session(method: string, body?: unknown): Promise<SignIn> {
  const { data } = await call<{ data: SignIn }>(method, '/dashboard/session', body);
  csrf = data.csrf;
  return data;
}
export const currentSession = () => session('GET');
export const signIn = (key: string) => session('POST', { key });
export const signOut = () => call<unknown>('DELETE', '/dashboard/session');
