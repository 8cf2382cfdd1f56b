// The JSON of the gateway, as far as the page reads it.

export type Dimension = 'model' | 'key' | 'provider' | 'workspace' | 'session' | 'status';

export interface Sums {
  requests: number;
  failed: number;
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_write_tokens: number;
  cost: number;
  first_token_ms: number | null;
  duration_ms: number | null;
  output_tokens_per_second: number | null;
  failovers: number;
}

export interface Group extends Sums {
  at: string | null;
  by: Partial<Record<Dimension, string>>;
  key_name?: string;
}

export interface Activity {
  data: Group[];
  others: Sums | null;
  total: Sums;
  incomplete: boolean;
}

export interface Attempt {
  provider: string;
  model: string;
  status: number;
  kind: string;
  latency_ms: number;
}

export interface ActivityRecord {
  generation_id: string;
  created_at: string;
  key_id: string;
  key_name: string;
  workspace: string;
  model_asked: string;
  model: string;
  provider: string;
  attempts: Attempt[];
  usage: {
    input_tokens: number;
    output_tokens: number;
    cache_read_tokens: number;
    cache_write_5m_tokens: number;
    cache_write_1h_tokens: number;
    web_search_requests: number;
  };
  usage_source: string;
  cost: number;
  cost_parts: { input: number; output: number; cache_read: number; cache_write: number; tools: number };
  streamed: boolean;
  cancelled: boolean;
  finish_reason: string | null;
  status: number;
  error_type: string | null;
  first_token_ms: number | null;
  duration_ms: number;
  output_tokens_per_second: number | null;
  session_id: string | null;
  agent_id: string | null;
  parent_agent_id: string | null;
  user_agent: string | null;
  app: string | null;
  upstream_id: string | null;
  api: string;
}

export interface Page<T> {
  data: T[];
  cursor: string | null;
}

export interface Agent extends Sums {
  id: string;
  parent_id: string | null;
}

export interface ClientSession extends Sums {
  id: string;
  key_id: string;
  key_name: string;
  workspace: string;
  first_at: string;
  last_at: string;
  agents: Agent[];
}

export interface Health {
  model: string;
  provider: string;
  outage: boolean;
  requests: number;
  failed: number;
  first_token_ms_p50: number | null;
  output_tokens_per_second_p50: number | null;
}

export type Reset = 'daily' | 'weekly' | 'monthly' | null;

export interface Limit {
  limit: number;
  limit_reset: Reset;
  spent: number;
  remaining: number;
  resets_at: string | null;
}

export interface Spending {
  limits: Limit[];
  usage: number;
  usage_daily: number;
  usage_weekly: number;
  usage_monthly: number;
}

export interface Key extends Spending {
  hash: string;
  name: string;
  label: string;
  workspace_id: string;
  disabled: boolean;
  management: boolean;
  expires_at: string | null;
  created_at: string;
  allowed_models: string[] | null;
  allowed_providers: string[] | null;
  requests_per_minute: number | null;
  tokens_per_minute: number | null;
}

export interface Workspace extends Spending {
  id: string;
  name: string;
  keys: number;
  created_at: string;
}

export interface SignIn {
  key: Key;
  management: boolean;
  csrf: string;
}
