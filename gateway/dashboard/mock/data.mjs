// A team's month: records as the gateway would keep them, and its keys and workspaces.
import { random } from './random.mjs';

const HOUR = 3600_000;
const DAY = 24 * HOUR;

// USD per million tokens: input, output, cache read, cache write.
const PRICES = {
  'anthropic/claude-opus-4.5': [5, 25, 0.5, 6.25],
  'anthropic/claude-sonnet-4.5': [3, 15, 0.3, 3.75],
  'anthropic/claude-haiku-4.5': [1, 5, 0.1, 1.25],
  'anthropic/claude-sonnet-4': [3, 15, 0.3, 3.75],
};
const MODELS = [
  ['anthropic/claude-opus-4.5', 22],
  ['anthropic/claude-sonnet-4.5', 45],
  ['anthropic/claude-haiku-4.5', 26],
  ['anthropic/claude-sonnet-4', 7],
];
const PROVIDERS = [
  ['anthropic', 62],
  ['amazon-bedrock', 25],
  ['google-vertex', 13],
];
const AGENTS = {
  'claude-cli/2.1.330 (external, cli)': 'claude-code',
  'anthropic-sdk-typescript/1.12.0': '',
  'anthropic-sdk-python/0.71.0': 'nightly-eval',
  'claude-code-action/1.0': 'github-actions',
};

export function team(now, seed = 7) {
  const r = random(seed);
  const key = (name, workspace, weight, limits, more = {}) => {
    const hash = r.hex(64);
    return {
      hash,
      name,
      label: `sk-tg-v1-${r.hex(4)}...${r.hex(4)}`,
      workspace_id: workspace,
      disabled: false,
      management: false,
      expires_at: null,
      created_at: new Date(now - r.between(40, 200) * DAY).toISOString(),
      updated_at: null,
      hold_mode: null,
      allowed_models: null,
      allowed_providers: null,
      requests_per_minute: null,
      tokens_per_minute: null,
      weight,
      rules: limits,
      ...more,
    };
  };
  const keys = [
    key('ada', 'platform', 26, [{ limit: 6, limit_reset: 'daily' }]),
    key('grace', 'platform', 18, [
      { limit: 6, limit_reset: 'daily' },
      { limit: 120, limit_reset: 'monthly' },
    ]),
    key('linus', 'platform', 11, [{ limit: 60, limit_reset: 'monthly' }]),
    key('ci-review', 'automation', 24, [{ limit: 120, limit_reset: 'monthly' }], {
      allowed_models: ['anthropic/claude-sonnet-*', 'anthropic/claude-haiku-*'],
      requests_per_minute: 120,
    }),
    key('nightly-eval', 'automation', 14, [{ limit: 2, limit_reset: 'daily' }], {
      allowed_providers: ['amazon-bedrock'],
    }),
    key('margaret', 'research', 9, []),
    key('contractor-q3', 'research', 2, [{ limit: 40, limit_reset: null }], { disabled: true }),
    key('operations', 'default', 0, [], { management: true }),
  ];
  const workspaces = [
    { id: 'default', name: 'default', rules: [] },
    { id: 'platform', name: 'Platform', rules: [{ limit: 300, limit_reset: 'monthly' }] },
    {
      id: 'automation',
      name: 'Automation',
      rules: [
        { limit: 160, limit_reset: 'monthly' },
        { limit: 9, limit_reset: 'daily' },
      ],
    },
    { id: 'research', name: 'Research', rules: [{ limit: 25, limit_reset: 'weekly' }] },
  ];
  const records = [];
  const sessions = new Map();
  for (let day = 61; day >= 0; --day) {
    const begin = Math.floor(now / DAY) * DAY - day * DAY;
    const weekend = [0, 6].includes(new Date(begin).getUTCDay());
    const busy = (weekend ? 0.3 : 1) * (1.25 - day / 110) * r.between(0.8, 1.2);
    for (let hour = 0; hour < 24; ++hour) {
      const shape = hour < 6 ? 0.12 : hour < 9 ? 0.55 : hour < 18 ? 1.3 : hour < 22 ? 0.6 : 0.2;
      const count = Math.round(26 * busy * shape * r.between(0.6, 1.4));
      for (let i = 0; i < count; ++i) {
        const at = begin + hour * HOUR + r.whole(0, HOUR - 1);
        if (at < now) records.push(record(r, keys, sessions, at, day === 1 && hour >= 13 && hour < 16));
      }
    }
  }
  records.sort((a, b) => Date.parse(a.created_at) - Date.parse(b.created_at));
  return { now, r, keys, workspaces, records, sessions };
}

export function record(r, keys, sessions, at, outage = false) {
  const key = r.weighted(keys.map((k) => [k, k.weight]));
  const model = key.name === 'nightly-eval' ? 'anthropic/claude-haiku-4.5' : r.weighted(MODELS);
  const cli = ['ada', 'grace', 'linus', 'margaret', 'contractor-q3'].includes(key.name);
  const agent =
    key.name === 'ci-review'
      ? 'claude-code-action/1.0'
      : key.name === 'nightly-eval'
        ? 'anthropic-sdk-python/0.71.0'
        : cli && r.chance(0.9)
          ? 'claude-cli/2.1.330 (external, cli)'
          : 'anthropic-sdk-typescript/1.12.0';
  let session = '';
  let sub = '';
  if (agent.startsWith('claude')) {
    let current = sessions.get(key.name);
    if (!current || at - current.last > 2 * HOUR || r.chance(0.04)) {
      const agents = Array.from({ length: r.whole(0, 4) }, () => `agent-${r.hex(8)}`);
      current = { id: `${r.hex(8)}-${r.hex(4)}-4${r.hex(3)}-a${r.hex(3)}-${r.hex(12)}`, agents, last: at };
      sessions.set(key.name, current);
    }
    current.last = at;
    session = current.id;
    if (current.agents.length > 0 && r.chance(0.45)) sub = r.pick(current.agents);
  }
  const generation_id = `gen-${Math.floor(at / 1000)}-${r.hex(20)}`;
  const preferred = key.name === 'nightly-eval' ? 'amazon-bedrock' : r.weighted(PROVIDERS);
  const attempts = [];
  let provider = preferred;
  const fails = r.next();
  const refused = fails < 0.012 ? 402 : fails < 0.02 ? 429 : fails < 0.026 ? 404 : fails < 0.032 ? 400 : 0;
  let elapsed = 0;
  if (!refused) {
    const down = outage && preferred === 'anthropic' ? 0.7 : preferred === 'google-vertex' ? 0.05 : 0.012;
    if (r.chance(down)) {
      const [status, kind] = r.pick([
        [529, 'overloaded'],
        [503, 'unavailable'],
        [429, 'rate_limited'],
        [0, 'timeout'],
      ]);
      const ms = kind === 'timeout' ? 9500 : r.whole(180, 1800);
      attempts.push({ provider, model, status, kind, latency_ms: ms });
      elapsed += ms;
      provider = r.pick(['anthropic', 'amazon-bedrock', 'google-vertex'].filter((p) => p !== provider));
    }
  }
  const lost = !refused && attempts.length > 0 && r.chance(0.06);
  const cancelled = !refused && !lost && r.chance(0.025);
  const [pi, po, pr, pw] = PRICES[model];
  const input = refused || lost ? 0 : r.whole(40, 2600);
  const cached = refused || lost ? 0 : session ? r.whole(9000, 92000) : r.chance(0.3) ? r.whole(2000, 9000) : 0;
  const written = cached ? r.whole(300, 6000) : 0;
  const output = refused || lost ? 0 : Math.round(r.between(40, 900) * (r.chance(0.14) ? 5 : 1));
  const cost_parts = {
    input: (input * pi) / 1e6,
    output: (output * po) / 1e6,
    cache_read: (cached * pr) / 1e6,
    cache_write: (written * pw) / 1e6,
    tools: 0,
  };
  const cost = Object.values(cost_parts).reduce((a, b) => a + b, 0);
  const first =
    elapsed + Math.round(r.between(420, 1700) * (model.includes('haiku') ? 0.5 : model.includes('opus') ? 1.6 : 1));
  const speed = (model.includes('haiku') ? 150 : model.includes('opus') ? 52 : 78) * r.between(0.75, 1.2);
  const duration = refused
    ? r.whole(1, 6)
    : lost
      ? elapsed + r.whole(300, 1500)
      : first + Math.round((output / speed) * 1000);
  if (!refused)
    attempts.push({
      provider,
      model,
      status: lost ? 529 : 200,
      kind: lost ? 'overloaded' : '',
      latency_ms: lost ? duration - elapsed : first - elapsed,
    });
  const status = refused || (lost ? 529 : 200);
  const types = {
    402: 'billing_error',
    429: 'rate_limit_error',
    404: 'not_found_error',
    400: 'invalid_request_error',
    529: 'overloaded_error',
  };
  return {
    generation_id,
    created_at: new Date(at).toISOString(),
    key_id: key.hash,
    key_name: key.name,
    workspace: key.workspace_id,
    model_asked: refused === 404 ? 'claude-sonnet-9' : model.split('/')[1].replace('.', '-'),
    model: refused || lost ? '' : model,
    provider: refused || lost ? '' : provider,
    attempts,
    usage: {
      input_tokens: input,
      output_tokens: output,
      cache_read_tokens: cached,
      cache_write_5m_tokens: written,
      cache_write_1h_tokens: 0,
      web_search_requests: 0,
    },
    usage_source: cancelled ? 'drained' : 'reported',
    cost,
    cost_parts,
    streamed: session !== '' || r.chance(0.6),
    cancelled,
    finish_reason:
      refused || lost || cancelled
        ? ''
        : r.weighted([
            ['tool_use', 6],
            ['end_turn', 4],
            ['max_tokens', 0.3],
          ]),
    status,
    error_type: types[status] ?? '',
    first_token_ms: refused || lost ? null : first,
    duration_ms: duration,
    output_tokens_per_second: refused || lost ? null : speed,
    session_id: session,
    agent_id: sub,
    parent_agent_id: '',
    user_agent: agent,
    app: AGENTS[agent],
    upstream_id: refused || lost ? '' : `req_01${r.hex(22)}`,
    api: 'messages',
  };
}
