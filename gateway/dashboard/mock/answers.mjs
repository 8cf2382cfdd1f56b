// What the gateway would answer, computed from the records at each call.
const HOUR = 3600_000;
const DAY = 24 * HOUR;

export function time(text, now, otherwise) {
  if (!text) return otherwise;
  const span = /^(\d+)([mhdw])$/.exec(text);
  if (span) return now - span[1] * { m: 60_000, h: HOUR, d: DAY, w: 7 * DAY }[span[2]];
  return /^\d+$/.test(text) ? Number(text) : Date.parse(text);
}

export function matching(team, query, now) {
  const since = time(query.get('since'), now, now - 7 * DAY);
  const until = time(query.get('until'), now, now);
  const any = (name, test) => {
    const values = query.getAll(name);
    return (record) => values.length === 0 || values.some((value) => test(record, value));
  };
  const tests = [
    any('key', (r, v) => r.key_id === v || r.key_name === v),
    any('workspace', (r, v) => r.workspace === v),
    any('model', (r, v) => r.model === v),
    any('provider', (r, v) => r.provider === v),
    any('session', (r, v) => r.session_id === v),
    any('status', (r, v) => String(r.status) === v || (v.endsWith('xx') && String(r.status)[0] === v[0])),
    any('search', (r, v) =>
      [r.generation_id, r.model, r.model_asked, r.key_name, r.session_id, r.user_agent, r.app].some((text) =>
        text.toLowerCase().includes(v.toLowerCase()),
      ),
    ),
  ];
  return team.records.filter((r) => {
    const at = Date.parse(r.created_at);
    return at >= since && at < until && tests.every((test) => test(r));
  });
}

export function sums(records) {
  const out = {
    requests: 0,
    failed: 0,
    input_tokens: 0,
    output_tokens: 0,
    cache_read_tokens: 0,
    cache_write_tokens: 0,
    cost: 0,
    failovers: 0,
  };
  let first = 0;
  let duration = 0;
  let timed = 0;
  let spoken = 0;
  for (const r of records) {
    out.requests += 1;
    out.failed += r.status >= 400 ? 1 : 0;
    out.input_tokens += r.usage.input_tokens;
    out.output_tokens += r.usage.output_tokens;
    out.cache_read_tokens += r.usage.cache_read_tokens;
    out.cache_write_tokens += r.usage.cache_write_5m_tokens;
    out.cost += r.cost;
    out.failovers += Math.max(0, r.attempts.length - 1);
    if (r.first_token_ms === null) continue;
    timed += 1;
    first += r.first_token_ms;
    duration += r.duration_ms;
    spoken += r.usage.output_tokens;
  }
  out.first_token_ms = timed ? first / timed : null;
  out.duration_ms = timed ? duration / timed : null;
  out.output_tokens_per_second = duration > first ? (spoken / (duration - first)) * 1000 : null;
  return out;
}

const DIMENSIONS = {
  key: (r) => r.key_id,
  workspace: (r) => r.workspace,
  model: (r) => r.model,
  provider: (r) => r.provider,
  session: (r) => r.session_id,
  status: (r) => String(r.status),
};

export function query(team, params, now) {
  const records = matching(team, params, now);
  const by = (params.get('by') ?? '').split(',').filter(Boolean);
  const step = { hour: HOUR, day: DAY }[params.get('interval')];
  const groups = new Map();
  for (const r of records) {
    const at = step ? Math.floor(Date.parse(r.created_at) / step) * step : null;
    const values = by.map((name) => DIMENSIONS[name](r));
    const id = JSON.stringify([at, values]);
    if (!groups.has(id)) groups.set(id, { at, values, records: [] });
    groups.get(id).records.push(r);
  }
  const limit = Number(params.get('limit') ?? 100);
  let data = [...groups.values()].map(({ at, values, records }) => ({
    at: at === null ? null : new Date(at).toISOString(),
    by: Object.fromEntries(by.map((name, i) => [name, values[i]])),
    ...(by.includes('key') ? { key_name: records[0].key_name } : {}),
    ...sums(records),
    records,
  }));
  data.sort((a, b) => (a.at ?? '').localeCompare(b.at ?? '') || b.cost - a.cost);
  const rest = data.slice(limit).flatMap((group) => group.records);
  data = data.slice(0, limit).map(({ records: _, ...group }) => group);
  return { data, others: rest.length ? sums(rest) : null, total: sums(records), incomplete: false };
}

export function page(list, params, otherwise) {
  const limit = Number(params.get('limit') ?? otherwise);
  const begin = Number(params.get('cursor') ?? 0);
  return { data: list.slice(begin, begin + limit), cursor: begin + limit < list.length ? String(begin + limit) : null };
}

export function sessions(team, params, now) {
  const by = new Map();
  for (const r of matching(team, params, now).filter((r) => r.session_id)) {
    if (!by.has(r.session_id)) by.set(r.session_id, []);
    by.get(r.session_id).push(r);
  }
  const list = [...by].map(([id, records]) => {
    const agents = new Map();
    for (const r of records) agents.set(r.agent_id, [...(agents.get(r.agent_id) ?? []), r]);
    return {
      id,
      key_id: records[0].key_id,
      key_name: records[0].key_name,
      workspace: records[0].workspace,
      first_at: records[0].created_at,
      last_at: records.at(-1).created_at,
      ...sums(records),
      agents: [...agents].map(([agent, own]) => ({ id: agent, parent_id: '', ...sums(own) })),
    };
  });
  return page(
    list.sort((a, b) => b.last_at.localeCompare(a.last_at)),
    params,
    50,
  );
}

export function health(team, now) {
  const out = [];
  for (const provider of ['anthropic', 'amazon-bedrock', 'google-vertex']) {
    for (const model of ['anthropic/claude-opus-4.5', 'anthropic/claude-sonnet-4.5', 'anthropic/claude-haiku-4.5']) {
      const tries = team.records
        .filter((r) => now - Date.parse(r.created_at) < 6 * HOUR)
        .flatMap((r) => r.attempts.filter((a) => a.provider === provider && a.model === model).map((a) => [a, r]));
      const times = tries
        .filter(([a]) => a.status === 200)
        .map(([a]) => a.latency_ms)
        .sort((a, b) => a - b);
      const speeds = tries
        .map(([, r]) => r.output_tokens_per_second)
        .filter(Boolean)
        .sort((a, b) => a - b);
      out.push({
        model,
        provider,
        outage: provider === 'google-vertex' && model.includes('opus'),
        requests: tries.length,
        failed: tries.filter(([a]) => a.status !== 200).length,
        first_token_ms_p50: times[times.length >> 1] ?? null,
        first_token_ms_p90: times[Math.floor(times.length * 0.9)] ?? null,
        output_tokens_per_second_p50: speeds[speeds.length >> 1] ?? null,
      });
    }
  }
  return { data: out };
}

const SPAN = { daily: DAY, weekly: 7 * DAY, monthly: 30 * DAY };

function spending(records, rules, now) {
  const within = (span) =>
    records.filter((r) => now - Date.parse(r.created_at) < span).reduce((sum, r) => sum + r.cost, 0);
  const limits = rules.map((rule) => {
    const spent = within(SPAN[rule.limit_reset] ?? Infinity);
    return {
      ...rule,
      spent,
      remaining: Math.max(0, rule.limit - spent),
      resets_at: rule.limit_reset ? new Date(Math.ceil(now / DAY) * DAY).toISOString() : null,
    };
  });
  const tightest = [...limits].sort((a, b) => a.remaining - b.remaining)[0];
  return {
    limit: tightest?.limit ?? null,
    limit_remaining: tightest?.remaining ?? null,
    limit_reset: tightest?.limit_reset ?? null,
    limits,
    usage: within(Infinity),
    usage_daily: within(DAY),
    usage_weekly: within(7 * DAY),
    usage_monthly: within(30 * DAY),
  };
}

export function keyView(team, { rules, weight: _, ...key }, now) {
  return {
    ...key,
    ...spending(
      team.records.filter((r) => r.key_id === key.hash),
      rules,
      now,
    ),
  };
}

export function workspaceView(team, { rules, ...workspace }, now) {
  return {
    ...workspace,
    keys: team.keys.filter((k) => k.workspace_id === workspace.id).length,
    hold_mode: 'strict',
    created_at: new Date(now - 90 * DAY).toISOString(),
    ...spending(
      team.records.filter((r) => r.workspace === workspace.id),
      rules,
      now,
    ),
  };
}
