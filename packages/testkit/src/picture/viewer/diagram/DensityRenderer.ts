import type { TraceModel } from "../model/TraceModel.ts"
import { arrowOf, arrowPathOf, messageColourOf, visibleMessages } from "./arrow.ts"
import { axisWidth } from "./LaneLayout.ts"
import type { DiagramLayers } from "./layers.ts"
import { px } from "./text.ts"
import type { Viewport } from "./Viewport.ts"

/** Paths by their class. */
type Paths = Map<string, Array<string>>

const add = (paths: Paths, className: string, path: string): void => {
  const others = paths.get(className)
  if (others === undefined) paths.set(className, [path])
  else others.push(path)
}

/** Returns an opacity at which this number of arrows does not merge into one area. */
const opacityOf = (arrows: number, height: number): number =>
  Math.round(Math.max(0.08, Math.min(0.8, (height / arrows) * 0.6)) * 100) / 100

/** Renderer of more events than can be drawn one by one. It draws one path for all arrows of a kind, which is fast. */
export class DensityRenderer {
  private readonly model: TraceModel
  private readonly layers: DiagramLayers

  constructor(model: TraceModel, layers: DiagramLayers) {
    this.model = model
    this.layers = layers
  }

  draw(viewport: Viewport): void {
    // Rare kinds are on top, so that they stand out.
    const paths = [...this.collectPaths(viewport)].sort(([, a], [, b]) => b.length - a.length)
    for (const [className, path] of paths) {
      const opacity = className.startsWith("message") ? opacityOf(path.length, viewport.view.height) : undefined
      this.layers.lines.put(className, "path", { class: className, d: path.join(""), opacity })
    }
  }

  private collectPaths(viewport: Viewport): Paths {
    const { past, hidden, width } = viewport.view
    const paths: Paths = new Map()
    for (const [, message] of visibleMessages(this.model, viewport)) {
      const highlight = past?.[message.end ?? message.sent] === true ? " in" : ""
      const colour = messageColourOf(this.model, message, hidden)
      add(paths, `message many ${colour}${highlight}`, arrowPathOf(message, viewport))
      if (message.arrived || message.end === undefined) continue
      const { x1, y1 } = arrowOf(message, viewport)
      add(paths, `cross many${highlight}`, `M${px(x1 - 2)} ${px(y1 - 2)}l4 4m0-4l-4 4`)
    }
    const { failure } = this.model
    if (failure !== undefined) add(paths, "failure-line", `M${axisWidth} ${px(viewport.yOf(failure))}H${px(width)}`)
    return paths
  }
}
