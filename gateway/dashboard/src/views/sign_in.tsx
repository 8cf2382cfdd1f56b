import { useState } from 'preact/hooks';
import { signIn } from '../api';
import { useTitle } from '../hooks';
import { Mark } from '../parts/icons';
import type { SignIn } from '../types';

export function SignInView({ onSignIn }: { onSignIn: (me: SignIn) => void }) {
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  useTitle('Sign in');
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const key = new FormData(event.currentTarget as HTMLFormElement).get('key');
    setBusy(true);
    setError('');
    try {
      onSignIn(await signIn(String(key).trim()));
    } catch (failure) {
      setError((failure as Error).message);
      setBusy(false);
    }
  };
  return (
    <main class="lone sign-in">
      <Mark />
      <h1>Tollgate</h1>
      <form onSubmit={submit}>
        <label class="field">
          <span>Key</span>
          <input
            name="key"
            type="password"
            autocomplete="current-password"
            placeholder="sk-tg-v1-…"
            required
            autofocus
            spellcheck={false}
            aria-invalid={error !== ''}
            aria-describedby="sign-in-help"
          />
        </label>
        {error && (
          <p class="form-error" role="alert">
            {error}
          </p>
        )}
        <button class="button button-primary" disabled={busy}>
          Sign in
        </button>
      </form>
      <div class="sign-in-help" id="sign-in-help">
        <p>A management key sees everything and manages keys. Any other key sees what it spent itself.</p>
        <p>To make a management key, on the gateway’s machine:</p>
        <pre>
          <code>tollgate key create --management --name me</code>
        </pre>
      </div>
    </main>
  );
}
