import type { TraceModel } from "../model/TraceModel.ts"

/** Navigation from event to event, within a lane and from lane to lane. */
export class EventNavigator {
  private readonly model: TraceModel
  private readonly isVisible: (event: number) => boolean

  constructor(model: TraceModel, isVisible: (event: number) => boolean) {
    this.model = model
    this.isVisible = isVisible
  }

  /** Returns the next visible event of the same lane in direction `dy`, or `undefined` at its end. */
  inLane(event: number, dy: number): number | undefined {
    const column = this.model.columns[this.columnOf(event)] ?? []
    const visible = column.filter((other) => other === event || this.isVisible(other))
    return visible[visible.indexOf(event) + dy]
  }

  /** Returns the nearest visible event of the next lane with a visible event, in direction `dx`. */
  acrossLanes(event: number, dx: number): number | undefined {
    const { columns } = this.model
    for (let next = this.columnOf(event) + dx; next >= 0 && next < columns.length; next += dx) {
      const nearest = this.nearestIn(columns[next] ?? [], event)
      if (nearest !== undefined) return nearest
    }
    return undefined
  }

  private columnOf(event: number): number {
    return this.model.columns.findIndex((column) => column.includes(event))
  }

  private nearestIn(column: ReadonlyArray<number>, event: number): number | undefined {
    const { rowOf } = this.model.timeline
    const row = rowOf[event] ?? 0
    let nearest: number | undefined
    let distance = Infinity
    for (const other of column) {
      const between = Math.abs((rowOf[other] ?? 0) - row)
      if (between >= distance || !this.isVisible(other)) continue
      nearest = other
      distance = between
    }
    return nearest
  }
}
