/** Rectangle in pixels. */
export interface Box {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
  /** Number of the message to which the rectangle belongs. Boxes of one owner do not collide. */
  readonly owner?: number
}

/** Height in pixels of the strips by which boxes are indexed. */
const stripHeight = 24

const collide = (a: Box, b: Box): boolean =>
  (a.owner === undefined || a.owner !== b.owner) &&
  a.left < b.right &&
  a.right > b.left &&
  a.top < b.bottom &&
  a.bottom > b.top

const stripsOf = ({ bottom, top }: Box): ReadonlyArray<number> => {
  const strips: Array<number> = []
  for (let strip = Math.floor(top / stripHeight); strip <= Math.floor(bottom / stripHeight); strip++) strips.push(strip)
  return strips
}

/** Occupied area of the diagram, so that labels do not cover each other. */
export class OccupancyGrid {
  private readonly strips = new Map<number, Array<Box>>()

  /** Occupies a box. */
  occupy(box: Box): void {
    for (const strip of stripsOf(box)) {
      const boxes = this.strips.get(strip)
      if (boxes === undefined) this.strips.set(strip, [box])
      else boxes.push(box)
    }
  }

  /** Returns `true` if a box does not overlap an occupied box. Boxes that only touch do not overlap. */
  isFree(box: Box): boolean {
    return stripsOf(box).every((strip) => (this.strips.get(strip) ?? []).every((other) => !collide(box, other)))
  }
}
