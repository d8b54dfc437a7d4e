import { printable } from "../../src/internal/printable.ts"
import type { Matrix } from "../model/Matrix.ts"

/** Coordinates of the picture. The labels need the space beside the circle. */
const [width, height, radius] = [320, 260, 88] as const

const maxLabel = 12

const shorten = (name: string): string => (name.length > maxLabel ? `${name.slice(0, maxLabel - 1)}…` : name)

interface Line {
  readonly key: string
  readonly kind: "both" | "one" | "none"
  readonly ends: readonly [number, number]
}

/** Returns the line of each pair: links of both sides, of one side, or of none. */
const linesOf = (matrix: Matrix): ReadonlyArray<Line> =>
  matrix.names.flatMap((_, i) =>
    matrix.names.slice(i + 1).map((_, k): Line => {
      const j = i + 1 + k
      const sides = [matrix.stateAt(i, j), matrix.stateAt(j, i)].filter((state) => state === "up").length
      return { key: `${i}-${j}`, kind: sides === 2 ? "both" : sides === 1 ? "one" : "none", ends: [i, j] }
    }),
  )

/** A picture of a small cluster. The matrix beside it has the same content, so it is hidden from screen readers. */
export const Mesh = ({ matrix }: { readonly matrix: Matrix }) => {
  const size = matrix.names.length
  const placeOf = (i: number) => {
    const angle = (2 * Math.PI * i) / size - Math.PI / 2
    return { x: width / 2 + radius * Math.cos(angle), y: height / 2 + radius * Math.sin(angle), angle }
  }
  return (
    <figure class="mesh" aria-hidden="true">
      <svg viewBox={`0 0 ${width} ${height}`} width={width} height={height}>
        {linesOf(matrix).map(({ ends, key, kind }) => {
          const [from, to] = [placeOf(ends[0]), placeOf(ends[1])]
          return <line key={key} class={kind} x1={from.x} y1={from.y} x2={to.x} y2={to.y} />
        })}
        {matrix.names.map((name, i) => {
          const { angle, x, y } = placeOf(i)
          const side = Math.cos(angle)
          const anchor = side > 0.2 ? "start" : side < -0.2 ? "end" : "middle"
          return (
            <g key={name}>
              <circle cx={x} cy={y} r="6" />
              <text x={x + 12 * side} y={y + 16 * Math.sin(angle) + 4} text-anchor={anchor}>
                {shorten(printable(name))}
              </text>
            </g>
          )
        })}
      </svg>
      <figcaption>solid: link; dashed: one side only; dotted: no link</figcaption>
    </figure>
  )
}
