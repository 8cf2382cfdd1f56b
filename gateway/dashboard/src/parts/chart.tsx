// Stacked bars over time. The pointer shows a bar's parts, so do the arrow keys; dragging chooses a time.
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { bucket } from '../format';
import { useTheme } from '../hooks';

export interface Series {
  id: string;
  name: string;
  // A colour of the style sheet: --c1.
  color: string;
  values: number[];
}

interface Props {
  label: string;
  times: number[];
  interval: 'hour' | 'day';
  // From the bottom up.
  series: Series[];
  format: (value: number) => string;
  onSelect?: (since: number, until: number) => void;
}

interface Pointed {
  index: number;
  left: number;
}

const HEIGHT = 280;

export function Chart(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  const [pointed, setPointed] = useState<Pointed | null>(null);
  const theme = useTheme();
  const latest = useRef(props);
  latest.current = props;
  const shape = props.series.map((one) => one.id).join() + props.interval + theme + props.label;

  useEffect(() => {
    const element = host.current!;
    const options = optionsFor(element, latest, setPointed);
    plot.current = new uPlot(options, stacked(latest.current), element);
    const observer = new ResizeObserver(() => plot.current!.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current!.destroy();
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(stacked(props)), [props.times, props.series]);

  const move = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (event.key === 'Escape') return setPointed(null);
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const last = props.times.length - 1;
    const from = pointed?.index ?? (step < 0 ? last + 1 : -1);
    const index = Math.max(0, Math.min(last, from + step));
    const left = plot.current!.valToPos(props.times[index]! / 1000, 'x');
    plot.current!.setCursor({ left, top: 10 }, false);
    setPointed({ index, left });
  };

  return (
    <div
      class="chart"
      role="group"
      tabIndex={0}
      aria-label={`${props.label}. Left and right arrow keys read the bars.`}
      onKeyDown={move}
      onBlur={() => setPointed(null)}
      onMouseLeave={() => setPointed(null)}
    >
      <div ref={host} class="chart-plot" aria-hidden="true" />
      {pointed && <Tip {...props} pointed={pointed} width={host.current?.clientWidth ?? 0} />}
    </div>
  );
}

function Tip({ times, interval, series, format, pointed, width }: Props & { pointed: Pointed; width: number }) {
  const at = times[pointed.index];
  if (at === undefined) return null;
  const parts = series.map((one) => ({ ...one, value: one.values[pointed.index] ?? 0 })).filter((one) => one.value > 0);
  const total = parts.reduce((sum, one) => sum + one.value, 0);
  const right = pointed.left > width / 2;
  return (
    <div
      class="tip"
      aria-live="polite"
      style={right ? { right: `${width - pointed.left - 40}px` } : { left: `${pointed.left + 76}px` }}
    >
      <p class="tip-time">{bucket(at, interval)}</p>
      <dl>
        {parts
          .sort((a, b) => b.value - a.value)
          .map((one) => (
            <div key={one.id}>
              <dt>
                <i class="swatch" style={{ background: `var(${one.color})` }} />
                {one.name}
              </dt>
              <dd>{format(one.value)}</dd>
            </div>
          ))}
        <div class="tip-total">
          <dt>Total</dt>
          <dd>{format(total)}</dd>
        </div>
      </dl>
    </div>
  );
}

// uPlot draws one over the other: the sums first, so that each leaves its own part visible.
function stacked({ times, series }: Props): uPlot.AlignedData {
  const sums: number[][] = [];
  let below = times.map(() => 0);
  for (const one of series) {
    below = below.map((value, i) => value + (one.values[i] ?? 0));
    sums.unshift(below);
  }
  return [times.map((at) => at / 1000), ...sums];
}

function optionsFor(
  element: HTMLElement,
  latest: { current: Props },
  point: (at: Pointed | null) => void,
): uPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const { series, interval } = latest.current;
  const step = interval === 'hour' ? 3600 : 86_400;
  const font = `11px ${style.fontFamily}`;
  const axis = { stroke: color('--ink-3'), font, ticks: { show: false } };
  const bars = uPlot.paths.bars!({ size: [0.76, 44], gap: 0 });
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [12, 14, 0, 0],
    legend: { show: false },
    // Days are those of UTC.
    tzDate: (at) => (interval === 'day' ? uPlot.tzDate(new Date(at * 1000), 'Etc/UTC') : new Date(at * 1000)),
    scales: {
      x: { time: true, range: (_, low, high) => [(low ?? 0) - step / 2, (high ?? 1) + step / 2] },
      y: { range: (_, __, high) => [0, high > 0 ? high * 1.06 : 1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 64,
        size: 30,
        gap: 8,
        values: (_, splits, __, ___, apart) => splits.map((at) => tick(at, apart, interval)),
      },
      {
        ...axis,
        grid: { stroke: color('--line'), width: 1 },
        size: 58,
        gap: 8,
        space: 52,
        values: (_, splits) => splits.map((value) => (value === 0 ? '0' : latest.current.format(value))),
      },
    ],
    cursor: {
      y: false,
      x: true,
      points: { show: false },
      drag: { x: true, y: false, setScale: false },
    },
    series: [
      {},
      ...[...series].reverse().map((one) => ({
        fill: color(one.color),
        stroke: color('--panel'),
        width: 1,
        paths: bars,
        points: { show: false },
      })),
    ],
    hooks: {
      setCursor: [
        (u) => {
          const { idx, left } = u.cursor;
          if (idx !== null && idx !== undefined && left !== undefined && left >= 0)
            point({ index: idx, left: u.valToPos(u.data[0][idx]!, 'x') });
        },
      ],
      setSelect: [
        (u) => {
          if (u.select.width < 12) return;
          const low = u.posToVal(u.select.left, 'x') + step / 2;
          const high = u.posToVal(u.select.left + u.select.width, 'x') + step / 2;
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          latest.current.onSelect?.(Math.floor(low / step) * step * 1000, Math.ceil(high / step) * step * 1000);
        },
      ],
    },
  };
}

const monthDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
const localDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

function tick(at: number, apart: number, interval: 'hour' | 'day'): string {
  if (interval === 'day') return at % 86_400 === 0 ? monthDay.format(at * 1000) : '';
  const time = new Date(at * 1000);
  if (apart >= 86_400 || (time.getHours() === 0 && time.getMinutes() === 0)) return localDay.format(time);
  return clock.format(time);
}
