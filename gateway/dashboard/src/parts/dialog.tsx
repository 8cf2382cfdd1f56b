// A modal: the browser keeps the focus inside, closes it with Escape and gives the focus back.
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { Close } from './icons';

export function Dialog({
  title,
  onClose,
  children,
  side,
  locked,
}: {
  title: ComponentChildren;
  onClose: () => void;
  children: ComponentChildren;
  side?: boolean;
  locked?: boolean;
}) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    element.current!.showModal();
    return () => {
      element.current?.close();
      if (before?.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={side ? 'sheet' : 'dialog'}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        if (!locked) onClose();
      }}
      onMouseDown={(event) => {
        if (event.target === element.current && !locked) onClose();
      }}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={id} tabIndex={side ? -1 : undefined} autofocus={side}>
            {title}
          </h2>
          {!locked && (
            <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
              <Close />
            </button>
          )}
        </header>
        {children}
      </div>
    </dialog>
  );
}

export function Confirm({
  title,
  children,
  action,
  typed,
  onConfirm,
  onClose,
}: {
  title: string;
  children: ComponentChildren;
  action: string;
  typed?: string;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}) {
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const [text, setText] = useState('');
  const run = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await onConfirm();
      onClose();
    } catch (failure) {
      setError((failure as Error).message);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={run}>
        <div class="prose">{children}</div>
        {typed !== undefined && (
          <label class="field">
            <span>
              Type <b>{typed}</b> to confirm
            </span>
            <input
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
              autocomplete="off"
              spellcheck={false}
            />
          </label>
        )}
        {error && (
          <p class="form-error" role="alert">
            {error}
          </p>
        )}
        <footer class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button class="button button-danger" disabled={busy || (typed !== undefined && text !== typed)}>
            {action}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
