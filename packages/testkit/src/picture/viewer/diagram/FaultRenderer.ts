import { boundariesOf, type FaultSpan, isCut } from "../model/faultSpans.ts"
import type { TraceModel } from "../model/TraceModel.ts"
import { lanesLeft } from "./LaneLayout.ts"
import type { DiagramLayers } from "./layers.ts"
import type { OccupancyGrid } from "./OccupancyGrid.ts"
import { clip, letterWidth, px } from "./text.ts"
import type { Viewport } from "./Viewport.ts"

/** Half of the width of the shade of a fault that affects a single node, such as a slow node. */
const nodeShadeWidth = 9

/** Pixels below the top of a fault within which its text may be placed, and height of a line of text. */
const textDepth = 60
const lineHeight = 14

/** Orders the sides of a fault. The smaller side comes first and is shaded more. */
const sidesOf = ({ from, to }: FaultSpan): ReadonlyArray<ReadonlyArray<number>> =>
  to.length > 0 && to.length < from.length ? [to, from] : [from, to]

/** Renderer of faults: shades on both sides, the boundary between them, and the text of the fault. */
export class FaultRenderer {
  private readonly model: TraceModel
  private readonly layers: DiagramLayers

  constructor(model: TraceModel, layers: DiagramLayers) {
    this.model = model
    this.layers = layers
  }

  draw(viewport: Viewport, occupied: OccupancyGrid): void {
    if (viewport.view.hidden.has("faults")) return
    for (const fault of this.model.faults) {
      if (!viewport.overlaps(fault.top, fault.bottom) || fault.bottom === fault.top) continue
      const top = viewport.clampedY(fault.top)
      const bottom = viewport.clampedY(fault.bottom)
      // Crashes and pauses need no shade, because the state of the lane shows them.
      if (bottom <= top || (!isCut(fault.kind) && fault.kind !== "slow")) continue
      this.drawSides(fault, top, bottom, viewport)
      this.drawBoundaries(fault, top, bottom, viewport)
      if (isCut(fault.kind)) this.drawText(fault, top, bottom, viewport, occupied)
    }
  }

  private drawSides(fault: FaultSpan, top: number, bottom: number, viewport: Viewport): void {
    const half = isCut(fault.kind) ? viewport.laneWidth / 2 : nodeShadeWidth
    for (const [side, lanes] of sidesOf(fault).entries()) {
      for (const lane of lanes) {
        this.layers.faults.put(`${fault.fault} ${fault.top} ${lane}`, "rect", {
          class: isCut(fault.kind) ? `cut side${side}` : `shade ${fault.kind}`,
          x: px(viewport.x(lane) - half),
          y: px(top),
          width: px(half * 2),
          height: px(bottom - top),
        })
      }
    }
  }

  private drawBoundaries(fault: FaultSpan, top: number, bottom: number, viewport: Viewport): void {
    for (const lane of boundariesOf(fault)) {
      const x = viewport.x(lane) + viewport.laneWidth / 2
      this.layers.boundaries.put(`${fault.fault} ${fault.top} wall ${lane}`, "path", {
        class: "wall",
        d: `M${px(x)} ${px(top)}V${px(bottom)}`,
      })
    }
  }

  /** Writes the fault into the first free line of its shade. */
  private drawText(fault: FaultSpan, top: number, bottom: number, viewport: Viewport, occupied: OccupancyGrid): void {
    const first = Math.min(...fault.from, ...fault.to)
    const last = Math.max(...fault.from, ...fault.to)
    if (!Number.isFinite(first)) return
    const left = Math.max(lanesLeft, viewport.x(first) - viewport.laneWidth / 2) + 6
    const right = viewport.x(last) + viewport.laneWidth / 2
    const text = clip(fault.text, Math.floor((right - left - 8) / letterWidth))
    if (text === "") return
    for (let y = top + 13; y < Math.min(bottom - 2, top + textDepth); y += lineHeight) {
      const box = { left, right: left + text.length * letterWidth, top: y - 10, bottom: y + 3 }
      if (!occupied.isFree(box)) continue
      occupied.occupy(box)
      const key = `${fault.fault} ${fault.top} text`
      this.layers.labels.put(key, "text", { class: "shade-text", x: px(left), y: px(y) }, text)
      return
    }
  }
}
