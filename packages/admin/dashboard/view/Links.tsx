import { useMemo, useState } from "preact/hooks"
import type { NodeReport } from "../../src/Report.ts"
import { printable } from "../../src/internal/printable.ts"
import { type CellState, glyphs, type Matrix, maxMembers, meanings } from "../model/Matrix.ts"
import type { Position } from "../model/focus.ts"
import { MatrixCanvas } from "./MatrixCanvas.tsx"
import { MatrixTable } from "./MatrixTable.tsx"
import { Mesh } from "./Mesh.tsx"

/** Largest matrix that is a table. A table of 100 members takes 100 to 700 ms for each update, a canvas 12 ms. */
const maxTable = 30

/** Largest cluster that is also drawn as a picture. With more members the lines cover each other. */
const maxMesh = 12

/** Number of sentences about pairs without a link. */
const maxProblems = 40

const Legend = () => (
  <ul class="legend">
    {Object.entries(meanings).map(([state, meaning]) => (
      <li key={state}>
        <span class={`cell ${state}`}>{glyphs[state as CellState]}</span> {meaning}
      </li>
    ))}
  </ul>
)

/** Returns the keys of the metadata that the asked node knows, and the value of a member for a key. */
const metadataOf = (self: NodeReport | undefined) => {
  const byName = new Map(self === undefined ? [] : [self, ...self.peers].map(({ metadata, name }) => [name, metadata]))
  const keys = [...new Set([...byName.values()].flatMap((metadata) => Object.keys(metadata)))].sort().slice(0, 20)
  return { keys, valueOf: (key: string) => (name: string) => byName.get(name)?.[key] ?? "" }
}

/** Problems as text, which a canvas does not have, and which a reader finds faster than in a large table. */
const Problems = ({ matrix }: { readonly matrix: Matrix }) => {
  const problems = matrix.problems(maxProblems)
  if (problems.length === 0) return null
  return (
    <div class="problems">
      <h3>Pairs without a link</h3>
      <ul>
        {problems.map((text, index) => (
          <li key={index}>{text}</li>
        ))}
        {problems.length === maxProblems && <li>{`Only the first ${maxProblems} are listed.`}</li>}
      </ul>
    </div>
  )
}

/** The matrix of all links: rows say what their node sees of the peers in the columns. */
export const Links = ({ matrix, self }: { readonly matrix: Matrix; readonly self: NodeReport | undefined }) => {
  const [by, setBy] = useState("name")
  const [wanted, setWanted] = useState<Position>([0, 0])
  const { keys, valueOf } = metadataOf(self)
  const order = useMemo(
    () => matrix.order(by === "name" || by === "worst" ? by : valueOf(by.slice("metadata ".length))),
    [matrix, by],
  )
  const size = order.length
  const at: Position = [Math.min(wanted[0], size - 1), Math.min(wanted[1], size - 1)]
  const Shown = size > maxTable ? MatrixCanvas : MatrixTable
  const { label } = matrix.cellAt(order[at[0]] ?? 0, order[at[1]] ?? 0)
  return (
    <section aria-labelledby="links-title">
      <h2 id="links-title">Who has a link to whom</h2>
      <div class="tools">
        <label>
          Order
          <select value={by} onChange={({ currentTarget }) => setBy(currentTarget.value)}>
            <option value="name">by name</option>
            <option value="worst">worst first</option>
            {keys.map((key) => (
              <option key={key} value={`metadata ${key}`}>{`by ${printable(key)}`}</option>
            ))}
          </select>
        </label>
      </div>
      {matrix.hidden > 0 && (
        <p>{`${matrix.hidden} further members are not shown: the matrix has at most ${maxMembers}.`}</p>
      )}
      <div class="links">
        <div class="matrix">
          <Shown matrix={matrix} order={order} at={at} onMove={setWanted} />
          <p class="focused" id="focused-cell" aria-live="polite">
            {label}
          </p>
          <p class="hint">A row shows what its node sees of the peer in each column. Arrow keys move between cells.</p>
        </div>
        {size <= maxMesh && size > 1 && <Mesh matrix={matrix} />}
        <Problems matrix={matrix} />
      </div>
      <Legend />
    </section>
  )
}
