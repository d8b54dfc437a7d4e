/**
 * Three processes on hosts of their own, with one store. If the machine allows no network namespaces, the test is
 * skipped and says why.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Child from "../../../../examples/support/Child.ts"
import * as Namespaces from "../../../node-transport/test/real/Namespaces.ts"

const program = path.join(import.meta.dirname, "instance.ts")

const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "coterie-reactivity-"))),
  (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true })),
)

const start = Effect.fnUntraced(function* (
  name: string,
  { enter, host }: Namespaces.Host,
  store: string,
  seeds: ReadonlyArray<string>,
) {
  const [command = "", ...args] = [...enter, process.execPath, program, name, host, store, ...seeds]
  const child = yield* Child.spawnCommand(name, command, args)
  const wait = (line: string, from?: number) =>
    child.expect(line, (each) => (each === line ? true : undefined), { from, within: "90 seconds" })
  /** Returns the runs since a mark. */
  const runs = (mark: number) => child.since(mark, (line) => (line.startsWith("ran ") ? line : undefined))
  return { ...child, wait, runs }
})

/** Waits until no query has run for three seconds. An invalidation of everything is due within one second. */
const quiet = (children: ReadonlyArray<Effect.Success<ReturnType<typeof start>>>) =>
  Effect.gen(function* () {
    while (true) {
      const marks = children.map((child) => child.mark())
      yield* Effect.sleep("3 seconds")
      if (children.every((child, i) => child.runs(marks[i] ?? 0).length === 0)) return
    }
  })

const { missing } = Namespaces
if (missing !== undefined) console.warn(`not tested: three processes: ${missing}`)

describe("three processes", () => {
  it.live.skipIf(missing !== undefined)(
    `run the queries of a mutated key again, and every query once after a lost link has returned${missing === undefined ? "" : ` (skipped: ${missing})`}`,
    () =>
      Effect.gen(function* () {
        const store = yield* folder
        const network = yield* Namespaces.make(3)
        const [ha, hb, hc] = network.hosts
        if (ha === undefined || hb === undefined || hc === undefined) return yield* Effect.die("no hosts")
        const a = yield* start("a", ha, store, [])
        const [b, c] = yield* Effect.all([start("b", hb, store, [ha.host]), start("c", hc, store, [ha.host])], {
          concurrency: "unbounded",
        })
        yield* a.wait("links b,c")
        yield* b.wait("links a,c")
        yield* c.wait("links a,b")
        yield* quiet([a, b, c])

        let marks = [a, b, c].map((child) => child.mark())
        const mark = (i: number) => marks[i] ?? 0
        yield* a.say("mutate x 1")
        for (const [i, child] of [a, b, c].entries()) yield* child.wait("ran x 1", mark(i))
        yield* b.say("mutate y 1")
        for (const [i, child] of [a, b, c].entries()) yield* child.wait("ran y 1", mark(i))
        for (const [i, child] of [a, b, c].entries()) {
          assert.deepStrictEqual(child.runs(mark(i)), ["ran x 1", "ran y 1"], child.name)
        }

        marks = [a, b, c].map((child) => child.mark())
        yield* network.cut(ha, hb)
        yield* network.cut(hb, ha)
        yield* a.wait("links c", mark(0))
        yield* b.wait("links c", mark(1))
        yield* a.say("mutate x 2")
        yield* c.wait("ran x 2", mark(2))
        assert.deepStrictEqual(b.runs(mark(1)), [])
        yield* network.mend(ha, hb)
        yield* network.mend(hb, ha)
        yield* b.wait("ran x 2", mark(1))
        yield* b.wait("ran y 1", mark(1))
        yield* quiet([a, b, c])
        assert.deepStrictEqual([...b.runs(mark(1))].sort(), ["ran x 2", "ran y 1"])
        // a has run the query of its mutation, and everything, because b may have written meanwhile.
        assert.deepStrictEqual([...a.runs(mark(0))].sort(), ["ran x 2", "ran x 2", "ran y 1"])
        assert.deepStrictEqual(c.runs(mark(2)), ["ran x 2"])
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    240_000,
  )
})
