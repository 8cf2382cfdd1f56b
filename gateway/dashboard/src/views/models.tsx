import { carried, filterOf, withParams } from '../filter';
import { count, millis, modelName, percent, short, speed, usdColumn } from '../format';
import { useLive, useLoad, useThrottledTick, useTitle } from '../hooks';
import { Panel } from '../parts/controls';
import { AddFilter } from '../parts/add_filter';
import { ChipLine } from '../parts/filter_line';
import { Live, TimeRange } from '../parts/filters';
import { Empty, Shown } from '../parts/states';
import { href, usePlace } from '../place';
import type { Activity, SignIn } from '../types';

export function ModelsView({ me }: { me: SignIn }) {
  const { query } = usePlace();
  const filter = filterOf(query);
  const live = query.get('live') !== '0' && !query.has('until');
  const [tick, poke] = useThrottledTick(3000);
  const state = useLive(live, filter, poke, poke);
  const models = useLoad<Activity>('/activity/query', withParams(filter, { by: 'model', limit: '200' }), tick);
  useTitle('Models');
  return (
    <>
      <header class="head">
        <h1>Models</h1>
        <div class="head-aside">
          <Live state={state} on={live} />
          <TimeRange />
          <AddFilter />
        </div>
      </header>
      <ChipLine me={me} />
      <Panel flush>
        <Shown of={models}>
          {({ data, total }) =>
            data.length === 0 ? (
              <Empty title="No requests fit">
                <p>Widen the time or drop a filter.</p>
              </Empty>
            ) : (
              <div class="scroll">
                <table class="plain">
                  <caption class="unseen">Models by spend</caption>
                  <thead>
                    <tr>
                      <th scope="col">Model</th>
                      <th scope="col" class="number">
                        Requests
                      </th>
                      <th scope="col" class="number cell-wide">
                        Failed
                      </th>
                      <th scope="col" class="number cell-wide">
                        Input
                      </th>
                      <th scope="col" class="number cell-wide">
                        Cached
                      </th>
                      <th scope="col" class="number cell-wide">
                        Output
                      </th>
                      <th scope="col" class="number cell-wide">
                        First token
                      </th>
                      <th scope="col" class="number cell-wide">
                        Speed
                      </th>
                      <th scope="col" class="number cell-wide">
                        Share
                      </th>
                      <th scope="col" class="number">
                        Spend
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {data.map((group) => {
                      const id = group.by.model ?? '';
                      const input = group.input_tokens + group.cache_read_tokens + group.cache_write_tokens;
                      return (
                        <tr key={id}>
                          <th scope="row" class="cell-model">
                            {id ? (
                              <a href={href('', carried(query, { model: id }))}>{modelName(id)}</a>
                            ) : (
                              <span>Not served</span>
                            )}
                            <small>{id ? id.slice(0, id.indexOf('/')) : 'refused, or failed everywhere'}</small>
                          </th>
                          <td class="number">{count(group.requests)}</td>
                          <td class="number cell-wide">
                            {group.failed ? <span class="bad-text">{percent(group.failed, group.requests)}</span> : '—'}
                          </td>
                          <td class="number cell-wide">{input ? short(input) : '—'}</td>
                          <td class="number cell-wide">{input ? percent(group.cache_read_tokens, input) : '—'}</td>
                          <td class="number cell-wide">{group.output_tokens ? short(group.output_tokens) : '—'}</td>
                          <td class="number cell-wide">{millis(group.first_token_ms)}</td>
                          <td class="number cell-wide">{speed(group.output_tokens_per_second)}</td>
                          <td class="number cell-wide">{percent(group.cost, total.cost)}</td>
                          <td class="number strong">{usdColumn(group.cost)}</td>
                        </tr>
                      );
                    })}
                  </tbody>
                </table>
              </div>
            )
          }
        </Shown>
      </Panel>
    </>
  );
}
