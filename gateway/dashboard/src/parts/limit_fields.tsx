// Limits in a form: any of a day, a week, a month and for good.
import { useState } from 'preact/hooks';
import { usd, usdLimit } from '../format';
import type { Limit, Reset } from '../types';
import { Meter } from './controls';

const RESETS: readonly [string, Reset, string][] = [
  ['daily', 'daily', 'a day'],
  ['weekly', 'weekly', 'a week'],
  ['monthly', 'monthly', 'a month'],
  ['never', null, 'in all'],
];

export type LimitTexts = Record<string, string>;

export function limitTexts(limits: Limit[]): LimitTexts {
  return Object.fromEntries(
    RESETS.map(([name, reset]) => [name, String(limits.find((limit) => limit.limit_reset === reset)?.limit ?? '')]),
  );
}

export function limitsOf(texts: LimitTexts): { limit: number; limit_reset: Reset }[] {
  return RESETS.filter(([name]) => texts[name]?.trim()).map(([name, reset]) => {
    const limit = Number(texts[name]);
    if (!Number.isFinite(limit) || limit < 0)
      throw new Error(`A limit is an amount in USD such as 25 or 0.50; got "${texts[name]}".`);
    return { limit, limit_reset: reset };
  });
}

export function LimitFields({ texts, onChange }: { texts: LimitTexts; onChange: (texts: LimitTexts) => void }) {
  return (
    <fieldset class="limits">
      <legend>Limits</legend>
      <div>
        {RESETS.map(([name, , text]) => (
          <label key={name} class="amount">
            <span class="amount-box">
              <i aria-hidden="true">$</i>
              <input
                inputMode="decimal"
                value={texts[name]}
                placeholder="none"
                aria-label={`USD ${text}`}
                onInput={(event) => onChange({ ...texts, [name]: event.currentTarget.value })}
              />
            </span>
            <span aria-hidden="true">{text}</span>
          </label>
        ))}
      </div>
      <p class="hint">
        Requests that might go beyond a limit are refused with 402. Days, weeks (from Monday) and months are those of
        UTC.
      </p>
    </fieldset>
  );
}

export function LimitMeters({ limits, name }: { limits: Limit[]; name: string }) {
  if (limits.length === 0) return <span class="quiet">No limit</span>;
  return (
    <div class="limit-meters">
      {limits.map((limit) => (
        <div key={limit.limit_reset}>
          <p>
            {usd(limit.spent)}{' '}
            <span class="quiet">
              of {usdLimit(limit.limit)} {limit.limit_reset ?? 'in all'}
            </span>
          </p>
          <Meter part={limit.spent} whole={limit.limit} label={`${name}: ${limit.limit_reset ?? 'whole'} limit`} />
        </div>
      ))}
    </div>
  );
}

export function useForm<T extends object>(initial: T) {
  const [values, setValues] = useState(initial);
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const set = (changes: Partial<T>) => setValues((before) => ({ ...before, ...changes }));
  const submit = (action: () => Promise<unknown>) => async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError('');
    try {
      await action();
    } catch (failure) {
      setError((failure as Error).message);
    }
    setBusy(false);
  };
  return { values, set, error, busy, submit };
}
