import type { Position } from "../model/focus.ts"
import type { Matrix } from "../model/Matrix.ts"

/** Properties of the two forms of the matrix. */
export interface MatrixProps {
  readonly matrix: Matrix
  /** Positions of the members, in the order of the rows. */
  readonly order: ReadonlyArray<number>
  /** Cell that has the focus. */
  readonly at: Position
  readonly onMove: (to: Position) => void
}
