import { axisWidth, headHeight, lanesLeft, nameLetterWidth } from "./LaneLayout.ts"
import type { SvgLayer } from "./SvgLayer.ts"
import { clipMiddle, px } from "./text.ts"
import type { Viewport } from "./Viewport.ts"

/** Baseline of the names. */
const baseline = 21

/** Renderer of the names above the lanes. */
export class HeadRenderer {
  private readonly names: ReadonlyArray<string>
  private readonly layer: SvgLayer

  constructor(names: ReadonlyArray<string>, layer: SvgLayer) {
    this.names = names
    this.layer = layer
  }

  draw(viewport: Viewport): void {
    const { laneWidth, view } = viewport
    const { layer } = this
    layer.put("paper", "rect", { class: "paper", x: 0, y: 0, width: view.width, height: headHeight })
    layer.put("rule", "path", { class: "rule", d: `M0 ${headHeight}H${view.width}` })
    for (const [lane, name] of this.names.entries()) {
      const x = viewport.x(lane)
      if (x < axisWidth || x > view.width + laneWidth) continue
      const text = clipMiddle(name, Math.floor((laneWidth - 10) / nameLetterWidth))
      layer.put(`name ${lane}`, "text", { class: "lane", x: px(x), y: baseline, "text-anchor": "middle" }, text)
    }
    // Covers the names of lanes that scroll to the left below the axis.
    layer.put("axis paper", "rect", { class: "paper", x: 0, y: 0, width: lanesLeft - 4, height: headHeight - 1 })
    layer.put("seconds", "text", { class: "unit", x: axisWidth - 6, y: baseline, "text-anchor": "end" }, "seconds")
  }
}
