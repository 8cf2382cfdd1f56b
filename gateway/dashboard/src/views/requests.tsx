import { useEffect, useMemo, useState } from 'preact/hooks';
import { exportUrl, get } from '../api';
import { filterOf, withParams } from '../filter';
import { useLive, useLoad, useTitle } from '../hooks';
import { Panel, Segments } from '../parts/controls';
import { FilterLine } from '../parts/filter_line';
import { Live, SearchBox, TimeRange } from '../parts/filters';
import { Download } from '../parts/icons';
import { RecordList } from '../parts/record_list';
import { Empty, Shown } from '../parts/states';
import { go, href, setQuery, usePlace } from '../place';
import type { ActivityRecord, Page, SignIn } from '../types';
import { RequestDetail } from './request_detail';

const OUTCOMES = [
  ['', 'All'],
  ['2xx', 'Succeeded'],
  ['4xx', 'Refused'],
  ['5xx', 'Failed'],
] as const;
const MOST_FRESH = 200;

export function RequestsView({ me }: { me: SignIn }) {
  const { path, query } = usePlace();
  const filter = filterOf(query);
  const asked = filter.toString();
  const live = query.get('live') !== '0' && !query.has('until');
  const first = useLoad<Page<ActivityRecord>>('/activity/records', withParams(filter, { limit: '50' }));
  const [fresh, setFresh] = useState<ActivityRecord[]>([]);
  // Null: none were asked for.
  const [older, setOlder] = useState<Page<ActivityRecord> | null>(null);
  const [more, setMore] = useState<'' | 'busy' | Error>('');
  const state = useLive(
    live,
    filter,
    (record) => setFresh((before) => [record, ...before].slice(0, MOST_FRESH)),
    first.reload,
  );
  useTitle('Requests');
  useEffect(() => {
    setFresh([]);
    setOlder(null);
    setMore('');
  }, [asked]);

  const page = first.data;
  const records = useMemo(() => {
    const seen = new Set<string>();
    return [...fresh, ...(page?.data ?? []), ...(older?.data ?? [])].filter(
      (record) => !seen.has(record.generation_id) && seen.add(record.generation_id),
    );
  }, [fresh, page, older]);
  const cursor = (older ?? page)?.cursor ?? null;
  const loadMore = async () => {
    setMore('busy');
    try {
      const next = await get<Page<ActivityRecord>>(
        '/activity/records',
        withParams(filter, { limit: '100', cursor: cursor! }),
      );
      setOlder((before) => ({ data: [...(before?.data ?? []), ...next.data], cursor: next.cursor }));
      setMore('');
    } catch (error) {
      setMore(error as Error);
    }
  };
  const outcomes = query.getAll('status');
  const open = path[1];
  const back = () => go(href('requests', query));

  return (
    <>
      <header class="head">
        <h1>Requests</h1>
        <div class="head-aside">
          <Live state={state} on={live} />
          <TimeRange />
        </div>
      </header>
      <FilterLine me={me}>
        <SearchBox placeholder="Search model, key, session, client or id" />
        <Segments
          label="Outcome"
          value={outcomes.length === 0 ? '' : (OUTCOMES.find(([name]) => name === outcomes.join())?.[0] ?? null)}
          options={OUTCOMES}
          onChange={(value) => setQuery({ status: value || null })}
        />
        <a class="button button-quiet" href={exportUrl(filter, 'csv')} download>
          <Download />
          CSV
        </a>
      </FilterLine>
      <Panel flush>
        <Shown of={first} rows={12}>
          {() => (
            <>
              {records.length > 0 ? (
                <RecordList records={records} fresh={new Set(fresh.map((record) => record.generation_id))} />
              ) : cursor ? (
                <Empty title="None so far">
                  <p>None of the newest requests fit; older ones may.</p>
                </Empty>
              ) : (
                <Empty title="No requests fit">
                  <p>Widen the time or drop a filter. {live && 'New ones appear here as they come in.'}</p>
                </Empty>
              )}
              {cursor && (
                <div class="more">
                  {more instanceof Error && (
                    <p class="form-error" role="alert">
                      {more.message}
                    </p>
                  )}
                  <button class="button" disabled={more === 'busy'} onClick={loadMore}>
                    {more === 'busy' ? 'Loading…' : 'Show older ones'}
                  </button>
                </div>
              )}
            </>
          )}
        </Shown>
      </Panel>
      {open && (
        <RequestDetail
          key={open}
          id={open}
          known={records.find((record) => record.generation_id === open)}
          onClose={back}
        />
      )}
    </>
  );
}
