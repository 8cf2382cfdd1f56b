import { useState } from 'preact/hooks';
import { patch, post, remove } from '../api';
import { count, usd, usdColumn } from '../format';
import { useLoad, useTitle } from '../hooks';
import { Panel } from '../parts/controls';
import { Confirm, Dialog } from '../parts/dialog';
import { Plus } from '../parts/icons';
import { LimitFields, LimitMeters, limitsOf, limitTexts, useForm } from '../parts/limit_fields';
import { Shown } from '../parts/states';
import { href } from '../place';
import type { Workspace } from '../types';

type Open = { what: 'create' } | { what: 'edit' | 'delete'; workspace: Workspace } | null;

export function WorkspacesView() {
  const workspaces = useLoad<{ data: Workspace[] }>('/workspaces');
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  useTitle('Workspaces');
  return (
    <>
      <header class="head">
        <h1>Workspaces</h1>
        <div class="head-aside">
          <button class="button button-primary" onClick={() => setOpen({ what: 'create' })}>
            <Plus />
            New workspace
          </button>
        </div>
      </header>
      <Panel flush>
        <Shown of={workspaces}>
          {({ data }) => (
            <div class="scroll">
              <table class="manage">
                <caption class="unseen">Workspaces</caption>
                <thead>
                  <tr>
                    <th scope="col">Workspace</th>
                    <th scope="col" class="number cell-wide">
                      Keys
                    </th>
                    <th scope="col">Limits of all keys together</th>
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
                  {data.map((workspace) => (
                    <tr key={workspace.id}>
                      <th scope="row" class="cell-name">
                        <span>
                          <a href={href('', new URLSearchParams({ workspace: workspace.id }))}>{workspace.name}</a>
                        </span>
                        <small>
                          <code>{workspace.id}</code>
                        </small>
                      </th>
                      <td class="number cell-wide">
                        <a href={href('keys', new URLSearchParams({ workspace: workspace.id }))}>
                          {count(workspace.keys)}
                        </a>
                      </td>
                      <td class="cell-limits">
                        <LimitMeters limits={workspace.limits} name={workspace.name} />
                      </td>
                      <td class="number cell-wide">{usdColumn(workspace.usage_daily)}</td>
                      <td class="number strong cell-wide" title={`${usd(workspace.usage)} in all`}>
                        {usdColumn(workspace.usage_monthly)}
                      </td>
                      <td class="cell-actions">
                        <button
                          class="button button-small"
                          onClick={() => setOpen({ what: 'edit', workspace })}
                          aria-label={`Edit ${workspace.name}`}
                        >
                          Edit
                        </button>
                        <button
                          class="button button-small"
                          disabled={workspace.id === 'default'}
                          title={workspace.id === 'default' ? 'There is always a default workspace' : undefined}
                          onClick={() => setOpen({ what: 'delete', workspace })}
                          aria-label={`Delete ${workspace.name}`}
                        >
                          Delete
                        </button>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Shown>
      </Panel>
      {open?.what === 'create' && <Form onDone={workspaces.reload} onClose={close} />}
      {open?.what === 'edit' && <Form current={open.workspace} onDone={workspaces.reload} onClose={close} />}
      {open?.what === 'delete' && (
        <Confirm
          title={`Delete ${open.workspace.name}?`}
          action="Delete"
          typed={open.workspace.id}
          onClose={close}
          onConfirm={() => remove(`/workspaces/${encodeURIComponent(open.workspace.id)}`).then(workspaces.reload)}
        >
          <p>Its keys have to be deleted first. What it spent ({usd(open.workspace.usage)}) is forgotten.</p>
        </Confirm>
      )}
    </>
  );
}

function Form({ current, onDone, onClose }: { current?: Workspace; onDone: () => void; onClose: () => void }) {
  const { values, set, error, busy, submit } = useForm({
    id: '',
    name: current?.name ?? '',
    limits: limitTexts(current?.limits ?? []),
  });
  const save = submit(async () => {
    const limits = limitsOf(values.limits);
    if (current) await patch(`/workspaces/${encodeURIComponent(current.id)}`, { name: values.name.trim(), limits });
    else
      await post('/workspaces', {
        id: values.id.trim(),
        ...(values.name.trim() ? { name: values.name.trim() } : {}),
        limits,
      });
    onDone();
    onClose();
  });
  return (
    <Dialog title={current ? `Edit ${current.name}` : 'New workspace'} onClose={onClose}>
      <form onSubmit={save}>
        {!current && (
          <label class="field">
            <span>Id</span>
            <input
              value={values.id}
              required
              pattern="[A-Za-z0-9._\-]{1,64}"
              title="1 to 64 letters, digits, dots, dashes and underscores"
              placeholder="team-a"
              spellcheck={false}
              autofocus
              onInput={(event) => set({ id: event.currentTarget.value })}
            />
            <small>Never changes; keys are made in it.</small>
          </label>
        )}
        <label class="field">
          <span>Name</span>
          <input
            value={values.name}
            required={Boolean(current)}
            maxLength={200}
            placeholder={values.id || 'Team A'}
            onInput={(event) => set({ name: event.currentTarget.value })}
          />
        </label>
        <LimitFields texts={values.limits} onChange={(limits) => set({ limits })} />
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
            {current ? 'Save' : 'Create workspace'}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
