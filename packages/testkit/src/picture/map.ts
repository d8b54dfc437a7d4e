/**
 * The whole trace in a narrow strip: how much happens when, where faults are, and which part is looked at.
 *
 * Everything is inside of one function without imports, because the page gets its text: see `html.ts`.
 */
import type { Model } from "./model.ts"
import type { Pencil } from "./pencil.ts"
import type { View } from "./plot.ts"

export interface Overview {
  readonly draw: (view: View, rows: number) => void
  /** The row at a height of the strip. */
  readonly rowAt: (offset: number, height: number) => number
}

export const overview = (svg: Element, model: Model, pencil: Pencil): Overview => {
  const layer = pencil.layer(svg, "overview")
  const { heights, shades } = model
  const wide = 46
  const shadesWide = 12

  /** A bar per two pixels, as long as there are events. */
  const bars = (height: number, wanted: (event: number) => boolean): ReadonlyArray<number> => {
    const bins = Array.from({ length: Math.max(1, Math.floor(height / 2)) }, () => 0)
    for (const [event, y] of heights.y.entries()) {
      if (!wanted(event)) continue
      const bin = Math.min(bins.length - 1, Math.floor((y / heights.height) * bins.length))
      bins[bin] = (bins[bin] ?? 0) + 1
    }
    return bins
  }
  const path = (bins: ReadonlyArray<number>, most: number): string =>
    bins
      .map((count, bin) => {
        if (count === 0) return ""
        // The root, so that quiet times can be seen beside busy ones.
        const long = 2 + Math.sqrt(count / most) * (wide - shadesWide - 6)
        return `M${shadesWide} ${bin * 2 + 1}h${Math.round(long * 10) / 10}`
      })
      .join("")

  let drawn:
    | { readonly height: number; readonly cone: View["cone"]; readonly all: string; readonly inside: string }
    | undefined

  const draw: Overview["draw"] = (view, rows) => {
    const { height } = view
    if (drawn === undefined || drawn.height !== height || drawn.cone !== view.cone) {
      const all = bars(height, () => true)
      const most = Math.max(1, ...all)
      const { cone } = view
      const inside =
        cone === undefined
          ? ""
          : path(
              bars(height, (event) => cone[event] === true),
              most,
            )
      drawn = { height, cone, all: path(all, most), inside }
    }
    const scale = height / heights.height
    const cuts = new Set(["partition", "clog", "swizzle"])
    for (const { bottom, fault, kind, top } of shades) {
      const long = Math.max(2, (bottom - top) * scale)
      layer.put(`shade ${fault} ${top}`, "rect", {
        class: `fault ${cuts.has(kind) ? "cut" : kind}`,
        x: cuts.has(kind) ? 1 : 6,
        width: 4,
        y: Math.round(top * scale),
        height: Math.round(long),
      })
    }
    layer.put("bars", "path", { class: `bars${view.cone === undefined ? "" : " dim"}`, d: drawn.all })
    layer.put("inside", "path", { class: "bars inside", d: drawn.inside })
    if (model.failed !== undefined) {
      const at = Math.round((heights.y[model.failed] ?? 0) * scale)
      layer.put("failed", "path", { class: "failure-line", d: `M0 ${at}H${wide}` })
    }
    const top = Math.max(0, view.top * scale)
    layer.put("window", "rect", {
      class: "window",
      x: 1,
      y: Math.round(top) + 0.5,
      width: wide - 2,
      height: Math.max(6, Math.round(Math.min(rows, heights.height - view.top) * scale) - 1),
      rx: 2,
    })
    layer.done()
  }

  return { draw, rowAt: (offset, height) => (offset / Math.max(1, height)) * heights.height }
}
