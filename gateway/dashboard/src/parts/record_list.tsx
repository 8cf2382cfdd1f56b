// Requests as a table; on a narrow screen each row is laid out anew.
import { carried } from '../filter';
import { count, exactTime, millis, modelName, short, usdColumn, when } from '../format';
import { go, href, usePlace } from '../place';
import type { ActivityRecord } from '../types';
import { Pill } from './controls';

const WORDS: Record<string, string> = {
  billing_error: 'Limit reached',
  rate_limit_error: 'Rate limited',
  not_found_error: 'Not found',
  invalid_request_error: 'Invalid',
  authentication_error: 'Not allowed',
  permission_error: 'Not allowed',
  overloaded_error: 'Overloaded',
  api_error: 'Failed',
  timeout_error: 'Timed out',
};

export function Outcome({ record }: { record: ActivityRecord }) {
  if (record.status >= 500) return <Pill tone="bad">{WORDS[record.error_type ?? ''] ?? record.status}</Pill>;
  if (record.status >= 400) return <Pill tone="warn">{WORDS[record.error_type ?? ''] ?? record.status}</Pill>;
  if (record.cancelled) return <Pill tone="quiet">Cancelled</Pill>;
  if (record.attempts.length > 1)
    return (
      <Pill tone="good">
        OK, {record.attempts.length - 1 === 1 ? 'failed over' : `${record.attempts.length - 1} failovers`}
      </Pill>
    );
  return <span class="outcome-ok">OK</span>;
}

export function inputOf({ usage }: ActivityRecord): number {
  return usage.input_tokens + usage.cache_read_tokens + usage.cache_write_5m_tokens + usage.cache_write_1h_tokens;
}

export function RecordList({
  records,
  fresh,
  brief,
}: {
  records: ActivityRecord[];
  fresh?: Set<string>;
  brief?: boolean;
}) {
  const { query } = usePlace();
  const carry = carried(query);
  if (query.get('search')) carry.set('search', query.get('search')!);
  const link = (record: ActivityRecord) => href(`requests/${encodeURIComponent(record.generation_id)}`, carry);
  return (
    <div class="scroll">
      <table class={brief ? 'records records-brief' : 'records'}>
        <caption class="unseen">Requests, the newest first</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Model</th>
            <th scope="col">Key</th>
            <th scope="col">Outcome</th>
            {!brief && (
              <>
                <th scope="col" class="number">
                  Input
                </th>
                <th scope="col" class="number">
                  Output
                </th>
                <th scope="col" class="number">
                  First token
                </th>
                <th scope="col" class="number">
                  Duration
                </th>
              </>
            )}
            <th scope="col" class="number">
              Cost
            </th>
          </tr>
        </thead>
        <tbody>
          {records.map((record) => (
            <tr
              key={record.generation_id}
              class={fresh?.has(record.generation_id) ? 'row-link row-fresh' : 'row-link'}
              onClick={(event) => {
                if (!(event.target as Element).closest('a') && !getSelection()?.toString()) go(link(record));
              }}
            >
              <td class="cell-time">
                <a href={link(record)} title={exactTime(record.created_at)}>
                  {when(record.created_at)}
                </a>
              </td>
              <td class="cell-model">
                <span>{modelName(record.model || record.model_asked) || '—'}</span>
                <small>{record.provider || 'not sent'}</small>
              </td>
              <td class="cell-key">
                <span>{record.key_name}</span>
                <small>{record.workspace}</small>
              </td>
              <td class="cell-outcome">
                <Outcome record={record} />
              </td>
              {!brief && (
                <>
                  <td class="number cell-wide" title={`${count(record.usage.cache_read_tokens)} of it from the cache`}>
                    {inputOf(record) ? short(inputOf(record)) : '—'}
                  </td>
                  <td class="number cell-wide">
                    {record.usage.output_tokens ? short(record.usage.output_tokens) : '—'}
                  </td>
                  <td class="number cell-wide">{millis(record.first_token_ms)}</td>
                  <td class="number cell-wide">{millis(record.duration_ms)}</td>
                </>
              )}
              <td class="number strong cell-cost">{usdColumn(record.cost)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
