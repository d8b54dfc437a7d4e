import { isCut } from "../model/faultSpans.ts"
import type { TraceModel } from "../model/TraceModel.ts"
import type { View } from "../View.ts"
import type { SvgLayer } from "./SvgLayer.ts"
import { SvgRenderer } from "./SvgRenderer.ts"

/** Width of the map, and of the faults in it. */
const mapWidth = 46
const faultsWidth = 12

/** Pixels of the map per bar. */
const barHeight = 2

/** Minimum height of the frame around the visible part. */
const minimumFrameHeight = 6

/** Bars for a height of the map and a selection. The bars are computed again only if one of them changes. */
interface Bars {
  readonly height: number
  readonly past: View["past"]
  readonly all: string
  readonly inPast: string
}

/** Counts the events of each bar. */
const countEvents = (
  { rowOf, height: rows }: TraceModel["timeline"],
  height: number,
  isWanted: (event: number) => boolean,
): ReadonlyArray<number> => {
  const counts = Array.from({ length: Math.max(1, Math.floor(height / barHeight)) }, () => 0)
  for (const [event, row] of rowOf.entries()) {
    if (!isWanted(event)) continue
    const bar = Math.min(counts.length - 1, Math.floor((row / rows) * counts.length))
    counts[bar] = (counts[bar] ?? 0) + 1
  }
  return counts
}

/** Returns the path of bars. Their length is the square root of the count, so that quiet times remain visible. */
const barsPath = (counts: ReadonlyArray<number>, maximum: number): string =>
  counts
    .map((count, bar) => {
      if (count === 0) return ""
      const length = 2 + Math.sqrt(count / maximum) * (mapWidth - faultsWidth - 6)
      return `M${faultsWidth} ${bar * barHeight + 1}h${Math.round(length * 10) / 10}`
    })
    .join("")

/** Narrow map of the whole trace, with the number of events over time, the faults, and the visible part. */
export class OverviewMap {
  private readonly model: TraceModel
  private readonly renderer: SvgRenderer
  private readonly layer: SvgLayer
  private bars: Bars | undefined = undefined

  constructor(svg: Element, model: TraceModel) {
    this.model = model
    this.renderer = new SvgRenderer(svg)
    this.layer = this.renderer.addLayer("overview")
  }

  /** Draws the map in `height` pixels, with `rows` visible rows of the diagram. */
  draw({ past, top }: View, height: number, rows: number): void {
    const scale = height / this.model.timeline.height
    const bars = this.barsFor(height, past)
    this.drawFaults(scale)
    this.layer.put("bars", "path", { class: `bars${past === undefined ? "" : " dim"}`, d: bars.all })
    this.layer.put("inside", "path", { class: "bars inside", d: bars.inPast })
    this.drawFailure(scale)
    this.drawFrame(top, rows, scale)
    this.renderer.endFrame()
  }

  /** Removes the drawing. */
  remove(): void {
    this.renderer.remove()
  }

  /** Returns the row at a position of the map. */
  rowAt(y: number, height: number): number {
    return (y / Math.max(1, height)) * this.model.timeline.height
  }

  private barsFor(height: number, past: View["past"]): Bars {
    if (this.bars !== undefined && this.bars.height === height && this.bars.past === past) return this.bars
    const { timeline } = this.model
    const counts = countEvents(timeline, height, () => true)
    const maximum = Math.max(1, ...counts)
    const all = barsPath(counts, maximum)
    const inPast =
      past === undefined
        ? ""
        : barsPath(
            countEvents(timeline, height, (event) => past[event] === true),
            maximum,
          )
    this.bars = { height, past, all, inPast }
    return this.bars
  }

  private drawFaults(scale: number): void {
    for (const { bottom, fault, kind, top } of this.model.faults) {
      this.layer.put(`shade ${fault} ${top}`, "rect", {
        class: `fault ${isCut(kind) ? "cut" : kind}`,
        x: isCut(kind) ? 1 : 6,
        width: 4,
        y: Math.round(top * scale),
        height: Math.round(Math.max(2, (bottom - top) * scale)),
      })
    }
  }

  private drawFailure(scale: number): void {
    const { failure, timeline } = this.model
    if (failure === undefined) return
    const y = Math.round((timeline.rowOf[failure] ?? 0) * scale)
    this.layer.put("failed", "path", { class: "failure-line", d: `M0 ${y}H${mapWidth}` })
  }

  private drawFrame(top: number, rows: number, scale: number): void {
    const visible = Math.min(rows, this.model.timeline.height - top)
    this.layer.put("window", "rect", {
      class: "window",
      x: 1,
      y: Math.round(Math.max(0, top * scale)) + 0.5,
      width: mapWidth - 2,
      height: Math.max(minimumFrameHeight, Math.round(visible * scale) - 1),
      rx: 2,
    })
  }
}
