import { Component, createRef } from "preact"
import { printable } from "../../src/internal/printable.ts"
import { moved } from "../model/focus.ts"
import type { MatrixProps } from "./matrixProps.ts"

/** The matrix as a table with one tab stop. */
export class MatrixTable extends Component<MatrixProps> {
  private readonly table = createRef<HTMLTableElement>()

  /** Events arrive more often than reports, and do not change the matrix. */
  override shouldComponentUpdate(next: MatrixProps): boolean {
    const { at, matrix, order } = this.props
    return next.matrix !== matrix || next.order !== order || next.at[0] !== at[0] || next.at[1] !== at[1]
  }

  private readonly onKeyDown = (event: KeyboardEvent): void => {
    const { at, onMove, order } = this.props
    const to = moved(at, event.key, order.length)
    if (to === undefined) return
    event.preventDefault()
    onMove(to)
    this.table.current?.querySelector<HTMLElement>(`[data-at="${to.join("-")}"]`)?.focus()
  }

  override render({ at, matrix, onMove, order }: MatrixProps) {
    const names = order.map((i) => printable(matrix.names[i] ?? ""))
    return (
      <div class="scroll">
        <table
          class="grid"
          role="grid"
          ref={this.table}
          onKeyDown={this.onKeyDown}
          aria-labelledby="links-title"
          aria-describedby="focused-cell"
        >
          <thead>
            <tr>
              <td class="corner" />
              {names.map((name, column) => (
                <th scope="col" key={order[column]} title={name}>
                  <span>{name}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {order.map((i, row) => (
              <tr key={i}>
                <th scope="row" title={names[row]}>
                  {names[row]}
                </th>
                {order.map((j, column) => {
                  const { label, state, text } = matrix.cellAt(i, j)
                  return (
                    <td
                      key={j}
                      class={`cell ${state}`}
                      data-at={`${row}-${column}`}
                      title={label}
                      aria-label={label}
                      tabIndex={row === at[0] && column === at[1] ? 0 : -1}
                      onFocus={() => onMove([row, column])}
                    >
                      {text}
                    </td>
                  )
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    )
  }
}
