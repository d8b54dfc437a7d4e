import { assert, it } from "@effect/vitest"
import { stateReport } from "../../../src/internal/reports/stateReport.ts"

const component = (name: string, rows: number) => ({
  kind: "map",
  name,
  facts: { rows },
  rows: Array.from({ length: rows }, (_, peer) => ({ peer })),
})

it("a report of the state of a node is within its bounds, and says what it leaves out", () => {
  const described = [component("a", 3), component("b", 3), component("c", 1), component("d", 1)]
  const report = stateReport({ name: "x", generation: 1 }, described, 5, { components: 3, rows: 5 })
  assert.deepStrictEqual(
    report.components.map(({ name, rows }) => [name, rows.length]),
    [
      ["a", 3],
      ["b", 2],
      ["c", 0],
    ],
  )
  assert.deepStrictEqual(report.omitted, { components: 1, rows: 2 })
  const { components, omitted } = stateReport({ name: "x", generation: 1 }, [{ kind: "k", name: "n", facts: {} }], 5)
  assert.deepStrictEqual(components, [{ kind: "k", name: "n", facts: {}, rows: [] }])
  assert.deepStrictEqual(omitted, { components: 0, rows: 0 })
})
