// What stands in a panel when there is nothing to show: each says what to do.
import type { ComponentChildren } from 'preact';
import type { Loaded } from '../hooks';

export function Failed({ error, retry }: { error: Error; retry?: () => void }) {
  return (
    <div class="state state-failed" role="alert">
      <p class="state-title">This could not be loaded</p>
      <p>{error.message}</p>
      {retry && (
        <button class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="state">
      <p class="state-title">{title}</p>
      {children && <div>{children}</div>}
    </div>
  );
}

export function Skeleton({ rows = 6 }: { rows?: number }) {
  return (
    <div class="skeleton" aria-busy="true" aria-label="Loading">
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} />
      ))}
    </div>
  );
}

export function Shown<T>({
  of,
  rows,
  children,
}: {
  of: Loaded<T>;
  rows?: number;
  children: (data: T) => ComponentChildren;
}) {
  if (of.data === null) return of.error ? <Failed error={of.error} retry={of.reload} /> : <Skeleton rows={rows} />;
  return (
    <>
      {of.error && (
        <p class="stale" role="status">
          Not up to date: {of.error.message}{' '}
          <button class="link" onClick={of.reload}>
            Try again
          </button>
        </p>
      )}
      {children(of.data)}
    </>
  );
}
