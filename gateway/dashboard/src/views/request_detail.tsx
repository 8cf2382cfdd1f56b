// One request: what happened when, what it cost and why, and who asked.
import type { ComponentChildren } from 'preact';
import { count, exactTime, millis, modelName, shortId, speed, usd, usdExactly } from '../format';
import { useLoad } from '../hooks';
import { CopyButton } from '../parts/controls';
import { Dialog } from '../parts/dialog';
import { Outcome } from '../parts/record_list';
import { Shown } from '../parts/states';
import { href } from '../place';
import type { ActivityRecord } from '../types';

export function RequestDetail({ id, known, onClose }: { id: string; known?: ActivityRecord; onClose: () => void }) {
  const loaded = useLoad<{ data: ActivityRecord }>(known ? null : `/activity/records/${encodeURIComponent(id)}`);
  return (
    <Dialog
      side
      title={
        <span class="detail-id">
          <code>{id}</code>
          <CopyButton text={id} label="Copy the generation id" />
        </span>
      }
      onClose={onClose}
    >
      {known ? <Detail record={known} /> : <Shown of={loaded}>{({ data }) => <Detail record={data} />}</Shown>}
    </Dialog>
  );
}

function Detail({ record }: { record: ActivityRecord }) {
  const session = record.session_id;
  const facts: [string, ComponentChildren][] = [
    ['Key', <a href={href('requests', new URLSearchParams({ key: record.key_id }))}>{record.key_name}</a>],
    ['Workspace', record.workspace],
    ['Asked for', <code>{record.model_asked}</code>],
    ['Served', record.model ? `${modelName(record.model)} by ${record.provider}` : 'by none'],
    ['Finish reason', record.finish_reason || null],
    ['Response', record.streamed ? 'streamed' : 'at once'],
    ['Speed', record.output_tokens_per_second === null ? null : speed(record.output_tokens_per_second)],
    [
      'Session',
      session ? (
        <a href={href('requests', new URLSearchParams({ session, since: '30d' }))} title={session}>
          {shortId(session)}
        </a>
      ) : null,
    ],
    ['Agent', record.agent_id || null],
    ['API', record.api === 'chat_completions' ? 'chat completions' : 'messages'],
    ['Client', record.user_agent || null],
    ['App', record.app || null],
    [
      'Upstream request',
      record.upstream_id ? (
        <span class="with-copy">
          <code>{record.upstream_id}</code>
          <CopyButton text={record.upstream_id} label="Copy the upstream’s request id" />
        </span>
      ) : null,
    ],
    ['Usage from', USAGE_SOURCES[record.usage_source] ?? record.usage_source],
  ];
  return (
    <div class="detail">
      <div class="detail-top">
        <p class="detail-cost">{record.cost === 0 ? '$0' : usd(record.cost)}</p>
        <p>
          <Outcome record={record} />{' '}
          <span class="quiet">
            {record.status}
            {record.error_type ? ` ${record.error_type}` : ''}
          </span>
        </p>
        <p class="quiet">
          <time dateTime={record.created_at}>{exactTime(record.created_at)}</time>
        </p>
      </div>
      <h3>Timing</h3>
      <Timeline record={record} />
      {record.cost > 0 || record.usage.output_tokens > 0 ? (
        <>
          <h3>Cost</h3>
          <Cost record={record} />
        </>
      ) : null}
      <h3>Facts</h3>
      <dl class="facts">
        {facts
          .filter(([, value]) => value !== null)
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </div>
  );
}

const USAGE_SOURCES: Record<string, string> = {
  reported: 'the upstream',
  drained: 'the upstream, read on after the client had gone',
  estimated: 'an estimate: the stream broke off',
  lease_expired: 'the last checkpoint: the gateway broke off',
};

interface Span {
  name: string;
  note: string;
  begin: number;
  end: number;
  tone: 'failed' | 'waiting' | 'streaming';
}

function spansOf(record: ActivityRecord): Span[] {
  const spans: Span[] = [];
  let at = 0;
  const end = Math.max(record.duration_ms, 1);
  record.attempts.forEach((attempt, i) => {
    const last = i === record.attempts.length - 1;
    const served = last && record.status < 400;
    const until = served
      ? Math.max(at, record.first_token_ms ?? Math.min(end, at + attempt.latency_ms))
      : Math.min(end, at + attempt.latency_ms);
    const why = attempt.kind
      ? `${attempt.kind.replaceAll('_', ' ')}${attempt.status ? `, ${attempt.status}` : ''}`
      : String(attempt.status);
    spans.push({
      name: attempt.provider,
      note: served ? `first token after ${millis(until - at)}` : `${why} after ${millis(until - at)}`,
      begin: at,
      end: until,
      tone: served ? 'waiting' : 'failed',
    });
    if (served && record.first_token_ms !== null && end > until)
      spans.push({
        name: 'answer',
        note: `${count(record.usage.output_tokens)} tokens in ${millis(end - until)}`,
        begin: until,
        end,
        tone: 'streaming',
      });
    at = until;
  });
  return spans;
}

function Timeline({ record }: { record: ActivityRecord }) {
  const spans = spansOf(record);
  const end = Math.max(record.duration_ms, ...spans.map((span) => span.end), 1);
  if (spans.length === 0)
    return <p class="quiet">Refused by the gateway after {millis(record.duration_ms)}; no provider was asked.</p>;
  return (
    <div class="timeline">
      <ol>
        {spans.map((span, i) => (
          <li key={i}>
            <div class="timeline-name">
              <b>{span.name}</b>
              <span>{span.note}</span>
            </div>
            <div class="timeline-track" aria-hidden="true">
              <div
                class={`span-${span.tone}`}
                style={{
                  marginLeft: `${(span.begin / end) * 100}%`,
                  width: `max(3px, ${((span.end - span.begin) / end) * 100}%)`,
                }}
              />
            </div>
          </li>
        ))}
      </ol>
      <div class="timeline-scale" aria-hidden="true">
        <span>0</span>
        <span>{millis(end / 2)}</span>
        <span>{millis(end)}</span>
      </div>
    </div>
  );
}

function Cost({ record }: { record: ActivityRecord }) {
  const { usage, cost_parts: parts } = record;
  const exactly = usdExactly([record.cost, ...Object.values(parts)]);
  const rows: [string, number, number][] = [
    ['Input', usage.input_tokens, parts.input],
    ['Cache read', usage.cache_read_tokens, parts.cache_read],
    ['Cache write', usage.cache_write_5m_tokens + usage.cache_write_1h_tokens, parts.cache_write],
    ['Output', usage.output_tokens, parts.output],
    ['Web searches', usage.web_search_requests, parts.tools],
  ];
  return (
    <table class="cost">
      <thead>
        <tr>
          <th scope="col">
            <span class="unseen">Part</span>
          </th>
          <th scope="col" class="number">
            Tokens
          </th>
          <th scope="col" class="number">
            Cost
          </th>
        </tr>
      </thead>
      <tbody>
        {rows
          .filter(([, tokens, cost]) => tokens > 0 || cost > 0)
          .map(([name, tokens, cost]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="number">{count(tokens)}</td>
              <td class="number">{exactly(cost)}</td>
            </tr>
          ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">Total</th>
          <td />
          <td class="number">{exactly(record.cost)}</td>
        </tr>
      </tfoot>
    </table>
  );
}
