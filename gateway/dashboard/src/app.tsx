import type { ComponentChild } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ApiError, currentSession, signOut, whenSignedOut } from './api';
import { carried } from './filter';
import * as icons from './parts/icons';
import { Empty, Failed } from './parts/states';
import { follow, go, href, usePlace } from './place';
import type { SignIn } from './types';
import { KeysView } from './views/keys';
import { ModelsView } from './views/models';
import { OverviewView } from './views/overview';
import { ProvidersView } from './views/providers';
import { RequestsView } from './views/requests';
import { SessionsView } from './views/sessions';
import { SignInView } from './views/sign_in';
import { WorkspacesView } from './views/workspaces';

interface View {
  name: string;
  icon: () => ComponentChild;
  view: (props: { me: SignIn }) => ComponentChild;
  management?: boolean;
}

const VIEWS: Record<string, View> = {
  '': { name: 'Overview', icon: icons.Overview, view: OverviewView },
  requests: { name: 'Requests', icon: icons.Requests, view: RequestsView },
  sessions: { name: 'Sessions', icon: icons.Sessions, view: SessionsView },
  models: { name: 'Models', icon: icons.Models, view: ModelsView },
  providers: { name: 'Providers', icon: icons.Providers, view: ProvidersView },
  keys: { name: 'Keys', icon: icons.Keys, view: KeysView, management: true },
  workspaces: { name: 'Workspaces', icon: icons.Workspaces, view: WorkspacesView, management: true },
};

export function App() {
  // Undefined: not known yet.
  const [me, setMe] = useState<SignIn | null>();
  const [failure, setFailure] = useState<Error | null>(null);
  const load = () => {
    setFailure(null);
    currentSession().then(setMe, (error: Error) => {
      if (error instanceof ApiError && error.status === 401) setMe(null);
      else setFailure(error);
    });
  };
  useEffect(() => {
    whenSignedOut(() => setMe(null));
    load();
  }, []);
  if (failure)
    return (
      <main class="lone">
        <Failed error={failure} retry={load} />
      </main>
    );
  if (me === undefined) return null;
  if (me === null) return <SignInView onSignIn={setMe} />;
  return <Shell me={me} onLeave={() => setMe(null)} />;
}

function Shell({ me, onLeave }: { me: SignIn; onLeave: () => void }) {
  const place = usePlace();
  const name = place.path[0] ?? '';
  const found = VIEWS[name];
  const view = found && (!found.management || me.management) ? found : undefined;
  const leave = async () => {
    try {
      await signOut();
    } finally {
      go(href(''));
      onLeave();
    }
  };
  return (
    <div class="shell" onClick={follow}>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById('main')!.focus();
        }}
      >
        To the content
      </a>
      <header class="side">
        <a class="brand" href={href('')}>
          <icons.Mark />
          Tollgate
        </a>
        <nav aria-label="Views">
          {Object.entries(VIEWS)
            .filter(([, one]) => !one.management || me.management)
            .map(([path, one]) => (
              <a
                key={path}
                href={href(path, one.management ? undefined : carried(place.query))}
                aria-current={path === name ? 'page' : undefined}
              >
                <one.icon />
                {one.name}
              </a>
            ))}
        </nav>
        <footer class="me">
          <p class="me-name" title={me.key.label}>
            {me.key.name}
          </p>
          <p class="me-what">{me.management ? 'Management key' : 'Sees its own activity'}</p>
          <div class="me-buttons">
            <button
              class="icon-button"
              onClick={switchTheme}
              aria-label="Switch between light and dark"
              title="Light or dark"
            >
              <icons.Theme />
            </button>
            <button class="icon-button" onClick={leave} aria-label="Sign out" title="Sign out">
              <icons.Leave />
            </button>
          </div>
        </footer>
      </header>
      <main id="main" tabIndex={-1}>
        {view ? (
          <view.view key={name} me={me} />
        ) : (
          <Empty title="There is nothing here">
            <a href={href('')}>Go to the overview</a>
          </Empty>
        )}
      </main>
    </div>
  );
}

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
  try {
    localStorage.setItem('tollgate-theme', root.dataset.theme);
  } catch {
    // It holds until the page is loaded again.
  }
}
