import { useEffect, useRef } from "preact/hooks"
import type { CellState } from "../model/Matrix.ts"
import { moved } from "../model/focus.ts"
import type { MatrixProps } from "./matrixProps.ts"

/** Side of the picture in CSS pixels, unless the cells would be smaller than this. */
const side = 600
const minCell = 3

/** Returns the color of each state, from the style sheet. */
const colorsOf = (canvas: HTMLCanvasElement): ((state: CellState) => string) => {
  const style = getComputedStyle(canvas)
  const colors = new Map<string, string>()
  return (state) => {
    const known = colors.get(state)
    if (known !== undefined) return known
    const color = style.getPropertyValue(`--${state}`).trim()
    colors.set(state, color)
    return color
  }
}

/** States that get a mark in the middle of the cell, so that they are not shown by color alone. */
const isMarked = (state: CellState): boolean => state !== "up" && state !== "self" && state !== "indirect"

const draw = (canvas: HTMLCanvasElement, { at, matrix, order }: MatrixProps, cell: number): void => {
  const context = canvas.getContext("2d")
  if (context === null) return
  const colorOf = colorsOf(canvas)
  const ink = getComputedStyle(canvas).color
  const gap = cell > 4 ? 1 : 0
  context.clearRect(0, 0, canvas.width, canvas.height)
  for (const [row, i] of order.entries()) {
    for (const [column, j] of order.entries()) {
      const state = matrix.stateAt(i, j)
      if (state === "self") continue
      context.fillStyle = colorOf(state)
      context.fillRect(column * cell, row * cell, cell - gap, cell - gap)
      if (!isMarked(state)) continue
      const mark = Math.max(1, Math.floor(cell / 3))
      context.fillStyle = ink
      context.fillRect(column * cell + mark, row * cell + mark, mark, mark)
    }
  }
  context.strokeStyle = ink
  context.lineWidth = 2
  context.strokeRect(at[1] * cell, at[0] * cell, cell, cell)
}

/** The matrix as a picture, with the keyboard of the table. The sentence below it is about the cell with the focus. */
export const MatrixCanvas = (props: MatrixProps) => {
  const { at, matrix, onMove, order } = props
  const canvas = useRef<HTMLCanvasElement>(null)
  const size = order.length
  const cell = Math.max(minCell, Math.floor(side / size))
  useEffect(() => {
    if (canvas.current !== null) draw(canvas.current, props, cell)
  }, [matrix, order, at[0], at[1]])
  const onKeyDown = (event: KeyboardEvent) => {
    const to = moved(at, event.key, size)
    if (to === undefined) return
    event.preventDefault()
    onMove(to)
  }
  const onClick = ({ offsetX, offsetY }: MouseEvent) => {
    const bound = (offset: number) => Math.min(size - 1, Math.max(0, Math.floor(offset / cell)))
    onMove([bound(offsetY), bound(offsetX)])
  }
  return (
    <div class="scroll">
      <canvas
        ref={canvas}
        width={size * cell}
        height={size * cell}
        tabIndex={0}
        role="application"
        aria-label={`Matrix of the links of ${size} members`}
        aria-describedby="focused-cell"
        onKeyDown={onKeyDown}
        onClick={onClick}
      />
    </div>
  )
}
