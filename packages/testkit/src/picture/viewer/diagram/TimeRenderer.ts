import { formatDuration, formatTime } from "../../format.ts"
import type { Fold, Instant } from "../model/timeline.ts"
import type { TraceModel } from "../model/TraceModel.ts"
import { axisWidth, headHeight } from "./LaneLayout.ts"
import type { DiagramLayers } from "./layers.ts"
import type { OccupancyGrid } from "./OccupancyGrid.ts"
import { px } from "./text.ts"
import type { Viewport } from "./Viewport.ts"

/** Minimum number of pixels between two times, and between the texts of two folds. */
const timeSpacing = 24
const foldSpacing = 13

/** Maximum half height of a fold, minimum half height with which it is drawn, and width of its teeth. */
const foldHalf = 5
const minimumFoldHalf = 1.5
const toothWidth = 14

/** Half height of a text on the axis. */
const textHalf = 7

/** Returns the outline of a fold: two zigzag lines, like a tear in paper. */
const foldPath = (left: number, right: number, middle: number, half: number): string => {
  let upper = ""
  let lower = ""
  const teeth = Math.max(1, Math.ceil((right - left) / toothWidth))
  for (let tooth = 0; tooth <= teeth; tooth++) {
    const x = left + ((right - left) * tooth) / teeth
    const bend = (tooth % 2 === 0 ? 1 : -1) * half * 0.4
    upper += `${tooth === 0 ? "M" : "L"}${px(x)} ${px(middle - half + bend)}`
    lower = `L${px(x)} ${px(middle + half + bend)}${lower}`
  }
  return `${upper}${lower}Z`
}

/** Renderer of the time axis: times of instants, and folds with their durations. */
export class TimeRenderer {
  private readonly model: TraceModel
  private readonly layers: DiagramLayers

  constructor(model: TraceModel, layers: DiagramLayers) {
    this.model = model
    this.layers = layers
  }

  draw(viewport: Viewport, occupied: OccupancyGrid): void {
    this.drawFolds(viewport, occupied)
    this.drawTimes(viewport, occupied)
  }

  private drawFolds(viewport: Viewport, occupied: OccupancyGrid): void {
    const lastLane = this.model.causality.lanes.length - 1
    const right = Math.min(viewport.view.width, viewport.x(lastLane) + viewport.laneWidth / 2)
    let lastText = -Infinity
    for (const [index, fold] of this.model.timeline.folds.entries()) {
      if (!viewport.overlaps(fold.top, fold.bottom)) continue
      const middle = viewport.y((fold.top + fold.bottom) / 2)
      const half = Math.min(foldHalf, (fold.bottom - fold.top) * viewport.view.zoom * 0.3)
      if (middle < headHeight + 6 || half < minimumFoldHalf) continue
      this.layers.folds.put(`fold ${index}`, "path", { class: "fold", d: foldPath(axisWidth, right, middle, half) })
      if (middle - lastText < foldSpacing) continue
      lastText = middle
      this.drawFoldText(index, fold, middle, occupied)
    }
  }

  private drawFoldText(index: number, { from, to }: Fold, middle: number, occupied: OccupancyGrid): void {
    occupied.occupy({ left: 0, right: axisWidth, top: middle - textHalf, bottom: middle + textHalf })
    this.layers.labels.put(
      `fold ${index}`,
      "text",
      { class: "fold-text", x: px(axisWidth - 6), y: px(middle + 3.5), "text-anchor": "end" },
      `⋮ ${formatDuration(to - from)}`,
    )
  }

  private drawTimes(viewport: Viewport, occupied: OccupancyGrid): void {
    const { view } = viewport
    let last = -Infinity
    for (const [index, instant] of this.model.timeline.instants.entries()) {
      if (!viewport.overlaps(instant.top, instant.top)) continue
      const y = viewport.y(instant.top)
      if (y - last < timeSpacing || y > view.height - 4 || y < headHeight + 5) continue
      if (!occupied.isFree({ left: 0, right: axisWidth, top: y - textHalf, bottom: y + textHalf })) continue
      last = y
      this.drawTime(index, instant, y, view.width)
    }
  }

  private drawTime(index: number, { at }: Instant, y: number, width: number): void {
    const [whole = "", rest = ""] = formatTime(at).replace(" s", "").split(".")
    this.layers.labels.put(
      `time ${index}`,
      "text",
      { class: "time", x: px(axisWidth - 6), y: px(y + 3.5), "text-anchor": "end" },
      [
        ["coarse", `${whole}.${rest.slice(0, 3)}`],
        ["fine", ` ${rest.slice(3)}`],
      ],
    )
    this.layers.faults.put(`time ${index}`, "path", { class: "tick", d: `M${axisWidth} ${px(y)}H${px(width)}` })
  }
}
