import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { describe, expect, it } from "vitest"
import * as Arguments from "../../benchmarks/compare/arguments.ts"
import * as Checkout from "../../benchmarks/compare/checkout.ts"
import * as Report from "../../benchmarks/compare/report.ts"
import { compare, isCrowded, type Pair, type Window } from "../../benchmarks/compare/statistics.ts"
import * as Usage from "../../benchmarks/compare/usage.ts"

const window = (figures: Readonly<Record<string, number>>, ran = 10, waited = 1): Window => ({
  figures: new Map(Object.entries(figures)),
  time: { ran, waited },
})

const pair = (base: number, head: number): Pair => ({ base: window({ cpu: base }), head: window({ cpu: head }) })

describe("the statistics of two revisions", () => {
  it("have the medians, and the median and the quartiles of the ratios of the pairs", () => {
    // The machine is ten times slower in one pair.
    const pairs = [pair(100, 50), pair(1_000, 600), pair(100, 40), pair(100, 80)]
    const [comparison] = compare(pairs)
    expect(comparison).toEqual({ figure: "cpu", base: 100, head: 65, ratio: 0.55, low: 0.4, high: 0.6 })
  })

  it("leave out the ratio to a base of 0", () => {
    expect(compare([pair(0, 0), pair(0, 1), pair(2, 1)])[0]).toMatchObject({ ratio: 0.5, low: 0.5, high: 0.5 })
  })

  it("mark a window in which the threads waited longer for a core than they ran", () => {
    expect(isCrowded(window({}, 10, 11))).toBe(true)
    expect(isCrowded(window({}, 10, 10))).toBe(false)
  })
})

describe("the table of two revisions", () => {
  const titleOf = (pairs: ReadonlyArray<Pair>) => Report.tables(Report.rowsOf("batch-100", pairs)).split("\n")[0]

  it("has a line for each figure", () => {
    const figures = { "CPU, ns": 1_234.5, "p50, us": 12.345 }
    const rows = Report.rowsOf("batch-100", [{ base: window(figures), head: window(figures) }])
    expect(Report.tables(rows).split("\n")).toEqual([
      "batch-100, pairs: 1",
      "          base   head  ratio  half of the pairs",
      "CPU, ns  1,235  1,235  1.000     1.000 to 1.000",
      "p50, us   12.3   12.3  1.000     1.000 to 1.000",
    ])
  })

  it("marks a case with crowded windows", () => {
    const crowded = { base: window({ cpu: 1 }, 1, 2), head: window({ cpu: 1 }) }
    expect(titleOf([crowded, pair(1, 1)])).toContain("CROWDED")
    expect(titleOf([crowded, pair(1, 1)])).toContain("windows: 1 of the base, 0 of the head")
    expect(titleOf([pair(1, 1)])).not.toContain("CROWDED")
  })
})

describe("the arguments of bench:compare", () => {
  const parse = (...args: ReadonlyArray<string>) => Effect.runSync(Arguments.parse(args))
  const problemOf = (...args: ReadonlyArray<string>) => Effect.runSync(Effect.flip(Arguments.parse(args))).message

  it("are the base, a head or the working tree, and options with defaults", () => {
    expect(parse("main")).toMatchObject({ base: "main", head: undefined, rounds: 3, pairs: 5, window: 400 })
    const some = parse("v1", "v2", "--only", "batch-1m,roundtrip", "--rounds", "7")
    expect(some).toMatchObject({ base: "v1", head: "v2", rounds: 7 })
    expect(some.cases.map(([name]) => name)).toEqual(["batch-1m", "roundtrip"])
  })

  it("are rejected with the reason", () => {
    expect(problemOf()).toMatch(/^usage: bench:compare BASE/)
    expect(problemOf("a", "b", "c")).toMatch(/^usage: /)
    expect(problemOf("a", "--only", "batch-9")).toContain("batch-9 is unknown; use batch-100,")
    expect(problemOf("a", "--pairs", "0")).toBe("--pairs must be a whole number of 1 or more")
    expect(problemOf("a", "--loops", "1")).toContain("--loops")
  })
})

describe("the usage of threads", () => {
  it("is parsed from the statistics of the scheduler", () => {
    expect(Usage.parse("123456 789 42\n")).toEqual({ ran: 123_456, waited: 789 })
  })

  it("is the difference of two readings, of the main thread and of all others", () => {
    const before = { main: { ran: 1, waited: 2 }, helpers: { ran: 3, waited: 4 } }
    const after = { main: { ran: 11, waited: 22 }, helpers: { ran: 33, waited: 44 } }
    const usage = Usage.between(before, after)
    expect(usage).toEqual({ main: { ran: 10, waited: 20 }, helpers: { ran: 30, waited: 40 } })
    expect(Usage.total(usage)).toEqual({ ran: 40, waited: 60 })
  })
})

describe("the working tree of a revision", () => {
  /** Makes a repository with one file of two versions, and removes it after the test. */
  const repository = Effect.acquireRelease(
    Effect.sync(() => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-compare-test-"))
      const git = (...args: ReadonlyArray<string>) =>
        execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args], { cwd: folder })
      git("init", "--quiet")
      for (const version of ["one", "two"]) {
        fs.writeFileSync(path.join(folder, "file"), version)
        git("add", "file")
        git("commit", "--quiet", "-m", version)
      }
      return { folder, trees: () => git("worktree", "list").toString().trim().split("\n").length }
    }),
    ({ folder }) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true })),
  )

  const run = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(effect)

  it("has the files of the revision, and is gone at the end, also of a run that is interrupted", () =>
    run(
      Effect.gen(function* () {
        const { folder, trees } = yield* repository
        const made = yield* Deferred.make<string>()
        const fiber = yield* Effect.forkChild(
          Effect.scoped(
            Effect.gen(function* () {
              yield* Deferred.succeed(made, yield* Checkout.workingTree(folder, "HEAD~1"))
              return yield* Effect.never
            }),
          ),
        )
        const tree = yield* Deferred.await(made)
        expect(fs.readFileSync(path.join(tree, "file"), "utf8")).toBe("one")
        expect(trees()).toBe(2)
        yield* Fiber.interrupt(fiber)
        expect(fs.existsSync(path.dirname(tree))).toBe(false)
        expect(trees()).toBe(1)
      }).pipe(Effect.scoped),
    ))

  it("of a revision that does not exist fails with its name", () =>
    run(
      Effect.gen(function* () {
        const { folder, trees } = yield* repository
        const error = yield* Effect.flip(Effect.scoped(Checkout.workingTree(folder, "nowhere")))
        expect(error.message).toBe("nowhere is not a revision of this repository")
        expect(trees()).toBe(1)
      }).pipe(Effect.scoped),
    ))
})
