import type { Report } from "@coterie/admin"
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
  const report = stateReport({ name: "x", generation: 1 }, described, 5, {}, { components: 3, rows: 5 })
  assert.deepStrictEqual(
    report.components.map(({ name, rows }) => [name, rows.length]),
    [
      ["a", 3],
      ["b", 2],
      ["c", 0],
    ],
  )
  assert.deepStrictEqual(
    report.components.map(({ omittedRows }) => omittedRows),
    [undefined, 1, 1],
  )
  assert.deepStrictEqual(report.omitted, { components: 1, rows: 2 })
  const { components, omitted } = stateReport({ name: "x", generation: 1 }, [{ kind: "k", name: "n", facts: {} }], 5)
  assert.deepStrictEqual(components, [{ kind: "k", name: "n", facts: {}, rows: [] }])
  assert.deepStrictEqual(omitted, { components: 0, rows: 0 })
})

it("a report makes no more rows of a component than it shows", () => {
  let made = 0
  const rows = {
    length: 100_000,
    *[Symbol.iterator]() {
      for (let key = 0; key < 100_000; key++) {
        made++
        yield { key }
      }
    },
  }
  const described = [{ kind: "placement", name: "jobs", facts: {}, rows }]
  const report = stateReport({ name: "x", generation: 1 }, described, 5, { rows: 3 })
  assert.deepStrictEqual(report.components[0]?.rows, [{ key: 0 }, { key: 1 }, { key: 2 }])
  assert.strictEqual(report.omitted.rows, 99_997)
  assert.strictEqual(made, 3)
  stateReport({ name: "x", generation: 1 }, described, 5, { rows: 0 })
  assert.strictEqual(made, 3)
})

it("a report of the wanted components has all of their rows, however many the others have", () => {
  const described = [component("a", 5), component("b", 3), { kind: "presence", name: "b", facts: { keys: 1 } }]
  const wanted = (filter: Report.StateFilter) => {
    const { components, omitted } = stateReport({ name: "x", generation: 1 }, described, 5, filter, {
      components: 3,
      rows: 5,
    })
    return [...components.map(({ kind, name, rows }) => `${kind} ${name} ${rows.length}`), omitted.rows]
  }
  assert.deepStrictEqual(wanted({}), ["map a 5", "map b 0", "presence b 0", 3])
  assert.deepStrictEqual(wanted({ kind: "map", name: "b" }), ["map b 3", 0])
  assert.deepStrictEqual(wanted({ name: "b", rows: 2 }), ["map b 2", "presence b 0", 1])
  assert.deepStrictEqual(wanted({ rows: 0 }), ["map a 0", "map b 0", "presence b 0", 8])
  assert.deepStrictEqual(wanted({ kind: "group" }), [0])
})
