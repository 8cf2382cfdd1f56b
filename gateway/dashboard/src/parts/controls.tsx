import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Check, Copy } from './icons';

export function Segments<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: T | null;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {options.map(([name, text]) => (
        <button key={name} type="button" aria-pressed={name === value} onClick={() => onChange(name)}>
          {text}
        </button>
      ))}
    </div>
  );
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without https there is no clipboard, but there is this.
      const area = document.createElement('textarea');
      area.value = text;
      const host = document.querySelector('dialog[open]') ?? document.body;
      host.append(area);
      area.select();
      document.execCommand('copy');
      area.remove();
    }
    setCopied(true);
    setTimeout(() => setCopied(false), 1600);
  };
  return (
    <button type="button" class="icon-button" onClick={copy} title={label} aria-label={copied ? 'Copied' : label}>
      {copied ? <Check /> : <Copy />}
    </button>
  );
}

export function Meter({ part, whole, label }: { part: number; whole: number; label: string }) {
  const share = whole > 0 ? Math.min(1, part / whole) : 1;
  const level = share >= 0.95 ? 'full' : share >= 0.8 ? 'high' : 'fine';
  return (
    <div
      class={`meter meter-${level}`}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
    >
      <div style={{ width: `${Math.max(share * 100, part > 0 ? 1.5 : 0)}%` }} />
    </div>
  );
}

export function Pill({ tone, children }: { tone: 'good' | 'warn' | 'bad' | 'quiet'; children: ComponentChildren }) {
  return <span class={`pill pill-${tone}`}>{children}</span>;
}

export function Panel({
  title,
  aside,
  children,
  flush,
}: {
  title?: ComponentChildren;
  aside?: ComponentChildren;
  children: ComponentChildren;
  flush?: boolean;
}) {
  return (
    <section class={flush ? 'panel panel-flush' : 'panel'}>
      {(title || aside) && (
        <header class="panel-head">
          {typeof title === 'string' ? <h2>{title}</h2> : title}
          {aside && <div class="panel-aside">{aside}</div>}
        </header>
      )}
      {children}
    </section>
  );
}
