import { useEffect, useState } from 'preact/hooks';
import { get } from '../api';
import { carried, filterOf, withParams } from '../filter';
import { ago, count, exactTime, lasting, percent, short, shortId, usdColumn } from '../format';
import { useLive, useLoad, useThrottledTick, useTitle } from '../hooks';
import { tokensOf } from '../parts/breakdown';
import { CopyButton, Panel } from '../parts/controls';
import { AddFilter } from '../parts/add_filter';
import { ChipLine } from '../parts/filter_line';
import { Live, TimeRange } from '../parts/filters';
import { Chevron } from '../parts/icons';
import { Empty, Shown } from '../parts/states';
import { href, usePlace } from '../place';
import type { Agent, ClientSession, Page, SignIn } from '../types';

export function SessionsView({ me }: { me: SignIn }) {
  const { query } = usePlace();
  const filter = filterOf(query);
  const asked = filter.toString();
  const live = query.get('live') !== '0' && !query.has('until');
  const [tick, poke] = useThrottledTick(3000);
  const state = useLive(live, filter, poke, poke);
  const first = useLoad<Page<ClientSession>>('/activity/sessions', withParams(filter, { limit: '50' }), tick);
  const [older, setOlder] = useState<Page<ClientSession> | null>(null);
  const [error, setError] = useState('');
  useTitle('Sessions');
  useEffect(() => setOlder(null), [asked]);
  const cursor = older ? older.cursor : (first.data?.cursor ?? null);
  const more = async () => {
    try {
      const next = await get<Page<ClientSession>>(
        '/activity/sessions',
        withParams(filter, { limit: '50', cursor: cursor! }),
      );
      setOlder({ data: [...(older?.data ?? []), ...next.data], cursor: next.cursor });
      setError('');
    } catch (failure) {
      setError((failure as Error).message);
    }
  };
  return (
    <>
      <header class="head">
        <h1>Sessions</h1>
        <div class="head-aside">
          <Live state={state} on={live} />
          <TimeRange />
          <AddFilter />
        </div>
      </header>
      <ChipLine me={me} />
      <Panel flush>
        <Shown of={first} rows={10}>
          {({ data }) => {
            const seen = new Set<string>();
            const sessions = [...data, ...(older?.data ?? [])].filter((one) => !seen.has(one.id) && seen.add(one.id));
            if (sessions.length === 0)
              return (
                <Empty title="No sessions in this time">
                  <p>
                    Claude Code and the Agent SDK name the conversation that a request belongs to. Requests of clients
                    that do not are under <a href={href('requests', carried(query))}>Requests</a>.
                  </p>
                </Empty>
              );
            return (
              <>
                <div class="scroll">
                  <table class="sessions">
                    <caption class="unseen">Sessions, the one active last first</caption>
                    <thead>
                      <tr>
                        <th scope="col">Session</th>
                        <th scope="col">Key</th>
                        <th scope="col">Last active</th>
                        <th scope="col" class="cell-wide">
                          Lasted
                        </th>
                        <th scope="col" class="number cell-wide">
                          Requests
                        </th>
                        <th scope="col" class="number cell-wide">
                          Agents
                        </th>
                        <th scope="col" class="number cell-wide">
                          Tokens
                        </th>
                        <th scope="col" class="number">
                          Cost
                        </th>
                      </tr>
                    </thead>
                    {sessions.map((session) => (
                      <SessionRows key={session.id} session={session} />
                    ))}
                  </table>
                </div>
                {error && (
                  <p class="form-error" role="alert">
                    {error}
                  </p>
                )}
                {cursor && (
                  <div class="more">
                    <button class="button" onClick={more}>
                      Show older ones
                    </button>
                  </div>
                )}
              </>
            );
          }}
        </Shown>
      </Panel>
    </>
  );
}

function SessionRows({ session }: { session: ClientSession }) {
  const [open, setOpen] = useState(false);
  const subs = session.agents.filter((agent) => agent.id !== '');
  return (
    <tbody>
      <tr class={open ? 'session session-open' : 'session'}>
        <td>
          <button class="expand" aria-expanded={open} onClick={() => setOpen(!open)}>
            <Chevron />
            <code>{shortId(session.id)}</code>
            <span class="unseen">: agents</span>
          </button>
        </td>
        <td class="cell-key">
          <span>{session.key_name}</span>
          <small>{session.workspace}</small>
        </td>
        <td title={exactTime(session.last_at)}>{ago(session.last_at)}</td>
        <td class="cell-wide">{lasting(session.first_at, session.last_at)}</td>
        <td class="number cell-wide">
          {count(session.requests)}
          {session.failed > 0 && <small class="bad-text">{count(session.failed)} failed</small>}
        </td>
        <td class="number cell-wide">{subs.length ? count(subs.length) : '—'}</td>
        <td class="number cell-wide">{short(tokensOf(session))}</td>
        <td class="number strong">{usdColumn(session.cost)}</td>
      </tr>
      {open && (
        <tr class="session-detail">
          <td colSpan={8}>
            <p class="with-copy">
              <code>{session.id}</code>
              <CopyButton text={session.id} label="Copy the session id" />
              <a href={href('requests', new URLSearchParams({ session: session.id, since: session.first_at }))}>
                Its requests
              </a>
            </p>
            <ul class="agents">
              {treeOf(session.agents).map(({ agent, depth }) => (
                <AgentLine key={agent.id} agent={agent} depth={depth} whole={session.cost} />
              ))}
            </ul>
          </td>
        </tr>
      )}
    </tbody>
  );
}

function AgentLine({ agent, depth, whole }: { agent: Agent; depth: number; whole: number }) {
  return (
    <li style={{ paddingLeft: `${depth * 20}px` }}>
      <span class="agent-name">{agent.id ? <code>{agent.id}</code> : 'Main agent'}</span>
      <span class="share-bar" aria-hidden="true">
        <div style={{ width: `${whole > 0 ? (agent.cost / whole) * 100 : 0}%` }} />
      </span>
      <span class="agent-share">{percent(agent.cost, whole)}</span>
      <span class="agent-count">
        {count(agent.requests)} {agent.requests === 1 ? 'request' : 'requests'}
      </span>
      <span class="agent-cost strong">{usdColumn(agent.cost)}</span>
    </li>
  );
}

// Each behind the one that started it. An agent whose starter is not known stands under the main one.
export function treeOf(agents: Agent[]): { agent: Agent; depth: number }[] {
  const known = new Set(agents.map((agent) => agent.id));
  const out: { agent: Agent; depth: number }[] = [];
  const placed = new Set<string>();
  const place = (agent: Agent, depth: number) => {
    if (placed.has(agent.id)) return;
    placed.add(agent.id);
    out.push({ agent, depth });
    for (const child of agents)
      if (child.id !== '' && (child.parent_id && known.has(child.parent_id) ? child.parent_id : '') === agent.id)
        place(child, depth + 1);
  };
  for (const agent of agents) if (agent.id === '') place(agent, 0);
  for (const agent of agents) place(agent, 0);
  return out;
}
