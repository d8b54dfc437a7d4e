import { useEffect, useRef } from "preact/hooks"
import uPlot from "uplot"
import type { History, Series } from "../model/History.ts"

interface PlotProps {
  readonly title: string
  readonly labels: ReadonlyArray<string>
  readonly data: Series
}

const strokes = ["#0a7d55", "#b3590a"]

/** Width in CSS pixels. Two plots fit beside each other, and one fits a screen of 320 pixels. */
const width = 270

/** Returns the last known value of each line, for readers who do not see the plot. */
const summary = (title: string, labels: ReadonlyArray<string>, [, ...lines]: Series): string => {
  const values = lines.map((line, i) => `${labels[i] ?? ""} ${line.at(-1)?.toFixed(1) ?? "unknown"}`)
  return `${title}: ${values.join(", ")}`
}

const clockTimes = (_plot: uPlot, seconds: ReadonlyArray<number>): Array<string> =>
  seconds.map((each) => new Date(each * 1_000).toLocaleTimeString("en-GB"))

const aligned = ([times, ...lines]: Series): uPlot.AlignedData => [[...times], ...lines.map((line) => [...line])]

const Plot = ({ data, labels, title }: PlotProps) => {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  useEffect(() => {
    if (place.current === null) return
    // A gray that is readable on both backgrounds, because a plot does not follow the colors of the page.
    const axis = { stroke: "#888", grid: { show: false }, ticks: { stroke: "#888" } }
    const series = labels.map((label, i) => ({ label, width: 2, stroke: strokes[i] ?? "#888" }))
    const drawn = new uPlot(
      {
        width,
        height: 130,
        legend: { show: false },
        cursor: { show: false },
        axes: [
          { ...axis, space: 80, values: clockTimes },
          { ...axis, size: 50 },
        ],
        series: [{}, ...series],
        scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, (max ?? 0) * 1.1)] } },
      },
      aligned(data),
      place.current,
    )
    plot.current = drawn
    return () => drawn.destroy()
  }, [])
  useEffect(() => plot.current?.setData(aligned(data)), [data])
  const text = summary(title, labels, data)
  return (
    <figure>
      <figcaption>{text}</figcaption>
      <div class="plot" ref={place} role="img" aria-label={text} />
    </figure>
  )
}

/** Plots of the last five minutes, from what the page has seen. */
export const Plots = ({ history }: { readonly history: History; readonly reports: number }) => (
  <section aria-labelledby="plots-title">
    <h2 id="plots-title">Last five minutes</h2>
    <div class="plots">
      <Plot title="Round trips, ms" labels={["median", "highest"]} data={history.roundTrips} />
      <Plot title="Bytes of this node, KiB/s" labels={["in", "out"]} data={history.bytes} />
      <Plot title="Timers of this node, ms" labels={["lag"]} data={history.lag} />
      <Plot title="Queues of this node, % of the bound" labels={["fullest"]} data={history.queue} />
    </div>
  </section>
)
