import { expect, it } from "vitest"
import { type Run, update } from "../../benchmarks/harness/page.ts"

const page = `Text before.

<!-- runs -->

- 2026-01-01: machine A

<!-- /runs -->

<!-- speed -->

|  | small | large | run |
| --- | ---: | ---: | ---: |
| raw | 10 | 20 | 2026-01-01 |
| ours | 5 | 8 | 2026-01-01 |
| gone | 1 | 1 | 2026-01-01 |

<!-- /speed -->

<!-- memory -->

Not measured yet.

<!-- /memory -->

Text after.
`

const order = ["raw", "new", "ours"]
const speed = (rows: Run["tables"][number]["rows"]) => ({ name: "speed", columns: ["small", "large"], order, rows })
const run = (tables: Run["tables"]): Run => ({ name: "runs", date: "2026-02-02", text: "machine B", tables })
const linesOf = (text: string) => text.split("\n").filter((line) => /^[|-]/.test(line))

it("replaces the rows of a run, keeps the others, and lists both runs", () => {
  const next = update(page, run([speed([["new", "6", "9"]])]))
  expect(linesOf(next)).toEqual([
    "- 2026-01-01: machine A",
    "- 2026-02-02: machine B",
    "|  | small | large | run |",
    "| --- | ---: | ---: | ---: |",
    "| raw | 10 | 20 | 2026-01-01 |",
    "| new | 6 | 9 | 2026-02-02 |",
    "| ours | 5 | 8 | 2026-01-01 |",
  ])
  expect(next.startsWith("Text before.\n")).toBe(true)
  expect(next.endsWith("Text after.\n")).toBe(true)
  expect(update(next, run([speed([["new", "6", "9"]])]))).toBe(next)
})

it("removes an earlier run of which no row is left", () => {
  const rows = order.map((name) => [name, "1", "2"] as const)
  expect(linesOf(update(page, run([speed(rows)])))[0]).toBe("- 2026-02-02: machine B")
})

it("keeps the row of an earlier run if a system failed", () => {
  expect(update(page, run([speed([["ours", "", ""]])]))).toContain("| ours | 5 | 8 | 2026-01-01 |")
})

it("writes the first rows of a table, and keeps a table that the run did not measure", () => {
  const memory = { name: "memory", columns: ["KiB"], order, rows: [["raw", "7"]] as const }
  const next = update(page, run([speed([]), memory]))
  expect(next).toContain("| raw | 7 | 2026-02-02 |")
  expect(next).toContain("| ours | 5 | 8 | 2026-01-01 |")
  expect(next).not.toContain("Not measured yet.")
  expect(update(page, run([{ ...memory, rows: [] }]))).toContain("Not measured yet.")
})

it("keeps the cells of columns by their titles", () => {
  const next = update(page, run([{ name: "speed", columns: ["large", "huge"], order, rows: [["new", "9", "99"]] }]))
  expect(linesOf(next)).toContain("| ours | 8 |  | 2026-01-01 |")
})
