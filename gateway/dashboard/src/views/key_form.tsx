import { useState } from 'preact/hooks';
import { patch, post } from '../api';
import { CopyButton } from '../parts/controls';
import { Dialog } from '../parts/dialog';
import { LimitFields, limitsOf, limitTexts, useForm } from '../parts/limit_fields';
import type { Key, Workspace } from '../types';

const words = (text: string) => {
  const list = text.split(/[\s,]+/).filter(Boolean);
  return list.length ? list : null;
};
const whole = (text: string, what: string) => {
  if (!text.trim()) return null;
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1)
    throw new Error(`${what}: expected a whole number such as 60; got "${text}".`);
  return number;
};

export function KeyForm({
  current,
  workspaces,
  workspace,
  onDone,
  onClose,
}: {
  current?: Key;
  workspaces: Workspace[];
  workspace: string;
  onDone: () => void;
  onClose: () => void;
}) {
  const [secret, setSecret] = useState('');
  const { values, set, error, busy, submit } = useForm({
    name: current?.name ?? '',
    workspace,
    management: false,
    limits: limitTexts(current?.limits ?? []),
    models: current?.allowed_models?.join(', ') ?? '',
    providers: current?.allowed_providers?.join(', ') ?? '',
    requests: String(current?.requests_per_minute ?? ''),
    tokens: String(current?.tokens_per_minute ?? ''),
    expires: current?.expires_at?.slice(0, 10) ?? '',
  });
  const save = submit(async () => {
    const expires =
      values.expires === (current?.expires_at?.slice(0, 10) ?? '')
        ? {}
        : { expires_at: values.expires ? `${values.expires}T23:59:59Z` : null };
    const body = {
      name: values.name.trim(),
      limits: limitsOf(values.limits),
      allowed_models: words(values.models),
      allowed_providers: words(values.providers),
      requests_per_minute: whole(values.requests, 'Requests a minute'),
      tokens_per_minute: whole(values.tokens, 'Tokens a minute'),
      ...expires,
    };
    if (current) {
      await patch(`/keys/${current.hash}`, body);
      onDone();
      onClose();
    } else {
      const rules = values.management ? { name: body.name, ...expires } : body;
      const made = await post<{ key: string }>('/keys', {
        ...rules,
        workspace_id: values.workspace,
        management: values.management,
      });
      onDone();
      setSecret(made.key);
    }
  });
  if (secret) return <Secret name={values.name} secret={secret} management={values.management} onClose={onClose} />;
  return (
    <Dialog title={current ? `Edit ${current.name}` : 'New key'} onClose={onClose}>
      <form onSubmit={save}>
        <label class="field">
          <span>Name</span>
          <input
            value={values.name}
            required
            maxLength={200}
            placeholder="Whom or what it is for"
            onInput={(event) => set({ name: event.currentTarget.value })}
            autofocus
          />
        </label>
        {!current && (
          <>
            <label class="field">
              <span>Workspace</span>
              <select value={values.workspace} onChange={(event) => set({ workspace: event.currentTarget.value })}>
                {(workspaces.length
                  ? workspaces.map((one) => [one.id, one.name] as const)
                  : [[workspace, workspace] as const]
                ).map(([id, name]) => (
                  <option key={id} value={id}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
            <label class="check">
              <input
                type="checkbox"
                checked={values.management}
                onChange={(event) => set({ management: event.currentTarget.checked })}
              />
              <span>
                Management key <small>manages keys and workspaces and sees all activity; cannot infer</small>
              </span>
            </label>
          </>
        )}
        {!values.management && !current?.management && (
          <>
            <LimitFields texts={values.limits} onChange={(limits) => set({ limits })} />
            <details
              class="further"
              open={Boolean(current && (values.models || values.providers || values.requests || values.tokens))}
            >
              <summary>Models, providers and rates</summary>
              <label class="field">
                <span>Models it may ask for</span>
                <input
                  value={values.models}
                  placeholder="all, or anthropic/claude-sonnet-*, …"
                  spellcheck={false}
                  onInput={(event) => set({ models: event.currentTarget.value })}
                />
              </label>
              <label class="field">
                <span>Providers it may use</span>
                <input
                  value={values.providers}
                  placeholder="all, or amazon-bedrock, …"
                  spellcheck={false}
                  onInput={(event) => set({ providers: event.currentTarget.value })}
                />
              </label>
              <div class="field-pair">
                <label class="field">
                  <span>Requests a minute</span>
                  <input
                    inputMode="numeric"
                    value={values.requests}
                    placeholder="unlimited"
                    onInput={(event) => set({ requests: event.currentTarget.value })}
                  />
                </label>
                <label class="field">
                  <span>Tokens a minute</span>
                  <input
                    inputMode="numeric"
                    value={values.tokens}
                    placeholder="unlimited"
                    onInput={(event) => set({ tokens: event.currentTarget.value })}
                  />
                </label>
              </div>
            </details>
          </>
        )}
        <label class="field">
          <span>Works until</span>
          <input type="date" value={values.expires} onInput={(event) => set({ expires: event.currentTarget.value })} />
        </label>
        {error && (
          <p class="form-error" role="alert">
            {error}
          </p>
        )}
        <footer class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button class="button button-primary" disabled={busy}>
            {current ? 'Save' : 'Create key'}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

function Secret({
  name,
  secret,
  management,
  onClose,
}: {
  name: string;
  secret: string;
  management: boolean;
  onClose: () => void;
}) {
  const lines = `export ANTHROPIC_BASE_URL=${location.origin}/api\nexport ANTHROPIC_AUTH_TOKEN=${secret}\nexport ANTHROPIC_API_KEY=""`;
  const text = management ? secret : lines;
  return (
    <Dialog title={`The key ${name}`} onClose={onClose} locked>
      <p>Copy it now: it is shown this once and stored nowhere.</p>
      <div class="secret">
        <pre tabIndex={0} aria-label={management ? 'The key' : 'What to export for Claude Code and every other client'}>
          <code>{text}</code>
        </pre>
        <CopyButton text={text} label="Copy" />
      </div>
      {!management && (
        <p class="quiet">
          With these three lines set, <code>claude</code> and every other client of the Messages API goes through this
          gateway.
        </p>
      )}
      <footer class="dialog-foot">
        <button class="button button-primary" onClick={onClose}>
          I have copied it
        </button>
      </footer>
    </Dialog>
  );
}
