import { useState } from 'preact/hooks';
import { KEYS_PAGE as PAGE, patch, remove } from '../api';
import { count, day, usd, usdColumn } from '../format';
import { useLoad, useTitle } from '../hooks';
import { Panel, Pill, Segments } from '../parts/controls';
import { Confirm } from '../parts/dialog';
import { Plus } from '../parts/icons';
import { LimitMeters } from '../parts/limit_fields';
import { Empty, Shown } from '../parts/states';
import { href, setQuery, usePlace } from '../place';
import type { Key, SignIn, Workspace } from '../types';
import { KeyForm } from './key_form';

type Open = { what: 'create' } | { what: 'edit' | 'delete' | 'disable'; key: Key } | null;

export function KeysView({ me }: { me: SignIn }) {
  const { query } = usePlace();
  const workspace = query.get('workspace');
  const offset = Math.max(0, Number(query.get('offset')) || 0);
  const asked = new URLSearchParams({ include_disabled: 'true' });
  if (workspace) asked.set('workspace_id', workspace);
  if (offset) asked.set('offset', String(offset));
  const keys = useLoad<{ data: Key[] }>('/keys', asked);
  const workspaces = useLoad<{ data: Workspace[] }>('/workspaces');
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  useTitle('Keys');
  const choices = [['', 'All'], ...(workspaces.data?.data ?? []).map((one) => [one.id, one.name] as const)] as const;
  return (
    <>
      <header class="head">
        <h1>Keys</h1>
        <div class="head-aside">
          <button class="button button-primary" onClick={() => setOpen({ what: 'create' })}>
            <Plus />
            New key
          </button>
        </div>
      </header>
      {choices.length > 2 && (
        <div class="filter-line">
          <Segments
            label="Workspace"
            value={workspace ?? ''}
            options={choices}
            onChange={(value) => setQuery({ workspace: value || null, offset: null })}
          />
        </div>
      )}
      <Panel flush>
        <Shown of={keys} rows={8}>
          {({ data }) =>
            data.length === 0 ? (
              <Empty title={offset > 0 ? 'No more keys' : 'No keys here'}>
                <button class="button" onClick={() => setOpen({ what: 'create' })}>
                  Make the first one
                </button>
              </Empty>
            ) : (
              <>
                <div class="scroll">
                  <table class="manage">
                    <caption class="unseen">Keys</caption>
                    <thead>
                      <tr>
                        <th scope="col">Key</th>
                        <th scope="col" class="cell-wide">
                          Workspace
                        </th>
                        <th scope="col">Limits</th>
                        <th scope="col" class="number cell-wide">
                          Today
                        </th>
                        <th scope="col" class="number cell-wide">
                          This month
                        </th>
                        <th scope="col">
                          <span class="unseen">Actions</span>
                        </th>
                      </tr>
                    </thead>
                    <tbody>
                      {data.map((key) => (
                        <tr key={key.hash} class={key.disabled ? 'off' : ''}>
                          <th scope="row" class="cell-name">
                            <span>
                              <a href={href('', new URLSearchParams({ key: key.hash }))}>{key.name}</a>
                              {key.management && <Pill tone="quiet">Management</Pill>}
                              {key.disabled && <Pill tone="warn">Disabled</Pill>}
                              <Expiry key_={key} />
                            </span>
                            <small>
                              <code>{key.label}</code>
                            </small>
                            <Rules key_={key} />
                          </th>
                          <td class="cell-wide">{key.workspace_id}</td>
                          <td class="cell-limits">
                            {key.management ? (
                              <span class="quiet">Cannot infer</span>
                            ) : (
                              <LimitMeters limits={key.limits} name={key.name} />
                            )}
                          </td>
                          <td class="number cell-wide">{usdColumn(key.usage_daily)}</td>
                          <td class="number strong cell-wide" title={`${usd(key.usage)} in all`}>
                            {usdColumn(key.usage_monthly)}
                          </td>
                          <td class="cell-actions">
                            <button
                              class="button button-small"
                              onClick={() => setOpen({ what: 'edit', key })}
                              aria-label={`Edit ${key.name}`}
                            >
                              Edit
                            </button>
                            {key.disabled ? (
                              <button
                                class="button button-small"
                                onClick={async () => {
                                  await patch(`/keys/${key.hash}`, { disabled: false });
                                  keys.reload();
                                }}
                                aria-label={`Enable ${key.name}`}
                              >
                                Enable
                              </button>
                            ) : (
                              <button
                                class="button button-small"
                                disabled={key.hash === me.key.hash}
                                title={key.hash === me.key.hash ? 'You are signed in with it' : undefined}
                                onClick={() => setOpen({ what: 'disable', key })}
                                aria-label={`Disable ${key.name}`}
                              >
                                Disable
                              </button>
                            )}
                            <button
                              class="button button-small"
                              disabled={key.hash === me.key.hash}
                              title={key.hash === me.key.hash ? 'You are signed in with it' : undefined}
                              onClick={() => setOpen({ what: 'delete', key })}
                              aria-label={`Delete ${key.name}`}
                            >
                              Delete
                            </button>
                          </td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
                {(offset > 0 || data.length === PAGE) && (
                  <div class="more">
                    <button
                      class="button"
                      disabled={offset === 0}
                      onClick={() => setQuery({ offset: offset > PAGE ? String(offset - PAGE) : null })}
                    >
                      Back
                    </button>
                    <button
                      class="button"
                      disabled={data.length < PAGE}
                      onClick={() => setQuery({ offset: String(offset + PAGE) })}
                    >
                      Further
                    </button>
                  </div>
                )}
              </>
            )
          }
        </Shown>
      </Panel>
      {open?.what === 'create' && (
        <KeyForm
          workspaces={workspaces.data?.data ?? []}
          workspace={workspace ?? 'default'}
          onDone={keys.reload}
          onClose={close}
        />
      )}
      {open?.what === 'edit' && (
        <KeyForm
          current={open.key}
          workspaces={[]}
          workspace={open.key.workspace_id}
          onDone={keys.reload}
          onClose={close}
        />
      )}
      {open?.what === 'disable' && (
        <Confirm
          title={`Disable ${open.key.name}?`}
          action="Disable"
          onClose={close}
          onConfirm={() => patch(`/keys/${open.key.hash}`, { disabled: true }).then(keys.reload)}
        >
          <p>Its next request is refused. Requests that run go on to their end. You can enable it again.</p>
        </Confirm>
      )}
      {open?.what === 'delete' && (
        <Confirm
          title={`Delete ${open.key.name}?`}
          action="Delete"
          typed={open.key.name}
          onClose={close}
          onConfirm={() => remove(`/keys/${open.key.hash}`).then(keys.reload)}
        >
          <p>
            The key stops working at once, for good. What it spent ({usd(open.key.usage)}) stays in the books of{' '}
            {open.key.workspace_id}.
          </p>
        </Confirm>
      )}
    </>
  );
}

function Expiry({ key_: key }: { key_: Key }) {
  if (!key.expires_at) return null;
  const over = Date.parse(key.expires_at) < Date.now();
  return <Pill tone={over ? 'warn' : 'quiet'}>{over ? 'Expired' : `Until ${day(key.expires_at)}`}</Pill>;
}

function Rules({ key_: key }: { key_: Key }) {
  const rules = [
    key.allowed_models && `only ${key.allowed_models.join(', ')}`,
    key.allowed_providers && `only by ${key.allowed_providers.join(', ')}`,
    key.requests_per_minute && `${count(key.requests_per_minute)} requests a minute`,
    key.tokens_per_minute && `${count(key.tokens_per_minute)} tokens a minute`,
  ].filter(Boolean);
  return rules.length ? <small class="rules">{rules.join(' · ')}</small> : null;
}
