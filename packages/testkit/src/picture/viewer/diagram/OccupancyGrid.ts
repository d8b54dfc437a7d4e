/** Rectangle in pixels. */
export interface Box {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
  /** Message that the rectangle is a part of. Boxes of one owner do not collide. */
  readonly owner?: number
}

/** Height of the strips in which boxes are looked up. */
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

  /** Returns `true` if a box collides with no occupied box. Boxes that only touch do not collide. */
  isFree(box: Box): boolean {
    return stripsOf(box).every((strip) => (this.strips.get(strip) ?? []).every((other) => !collide(box, other)))
  }
}
