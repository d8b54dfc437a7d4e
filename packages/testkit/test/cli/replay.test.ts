import { assert, beforeAll, afterAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Artifact from "../../src/Artifact.ts"
import * as Trace from "../../src/Trace.ts"
import { coterieSim, fixture, inProcess, summary, temporary } from "./command.ts"

const scope = Effect.runSync(Scope.make())
let dir = ""
let failure: ReturnType<typeof summary>["failures"][number] | undefined
let artifact = ""

/** Makes the failure that all of these tests use. */
beforeAll(async () => {
  dir = await Effect.runPromise(Scope.provide(temporary, scope))
  const args = ["swarm", fixture("broken"), "--seeds", "11", "--explore", "random", "--json"]
  const ended = await Effect.runPromise(coterieSim(args, { cwd: dir }))
  assert.strictEqual(ended.code, 1)
  failure = summary(ended).failures[0]
  artifact = failure?.artifact ?? ""
})

afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

/** Replays a file of the folder with a mode of the fixture. */
const replay = (echo: string, from = artifact) =>
  inProcess(["replay", path.join(dir, from), fixture("broken")], { echo })

/** Pattern of a sentence of the shrinker about a remaining fault. */
const sentence = /^ {4}- at \S+ s .* for \S+ s$/m

describe("coterie-sim replay", () => {
  it("is described by the failure: its files, the necessary faults and the command", () => {
    assert.strictEqual(failure?.scenario, "an answer every 3 seconds")
    assert.strictEqual(failure?.seed, 11)
    assert.strictEqual(failure?.explore, "random")
    assert.strictEqual(failure?.failure, "InvariantViolated")
    assert.match(failure?.message ?? "", /the last answer came 3\d{6} µs ago/)
    assert.strictEqual(failure?.artifact, ".coterie/sim/an-answer-every-3-seconds-11.json")
    assert.strictEqual(failure?.picture, ".coterie/sim/an-answer-every-3-seconds-11.html")
    assert.match(failure?.replay ?? "", /replay \.coterie\/sim\/an-answer-every-3-seconds-11\.json .*broken\.sim\.ts$/)
    assert.strictEqual(failure?.sentences.length, 1)
    const decoded = Result.getOrThrow(Artifact.decode(fs.readFileSync(path.join(dir, artifact), "utf8")))
    assert.deepStrictEqual([decoded.timeline.length, decoded.deviations], [1, {}])
    const html = fs.readFileSync(path.join(dir, failure?.picture ?? ""), "utf8")
    assert.include(html, "replay .coterie/sim/an-answer-every-3-seconds-11.json")
    assert.include(html, failure?.sentences[0] ?? "there is none")
  })

  it.live("fails as recorded, in a separate process", () =>
    Effect.gen(function* () {
      const { code, out } = yield* coterieSim(["replay", artifact, fixture("broken")], { cwd: dir })
      assert.strictEqual(code, 1)
      assert.include(out, failure?.message ?? "there is none")
      assert.match(out, sentence)
      assert.match(out, /It fails as recorded, step by step\.\n$/)
    }),
  )

  it.live("reports that the run does not fail any more", () =>
    Effect.gen(function* () {
      const { code, out } = yield* replay("mended")
      assert.strictEqual(code, 0)
      assert.match(out, /does not fail any more: InvariantViolated was recorded/)
    }),
  )

  it.live("reports the first difference from the recording", () =>
    Effect.gen(function* () {
      const { code, out } = yield* replay("other steps")
      assert.strictEqual(code, 1)
      assert.match(out, /It still fails the same check\.\nThe run differs from the recorded run: its trace hash is/)
      assert.match(out, /"b sends to a: 1 byte" at \S+ s, the other has "b sends to a: 2 bytes" at/)
    }),
  )

  it.live("reports another failure if another check fails or chance decides", () =>
    Effect.gen(function* () {
      const [other, chance] = yield* Effect.forEach(["other check", "chance"], (echo) => replay(echo))
      assert.deepStrictEqual([other?.code, chance?.code], [3, 3])
      assert.match(
        other?.out ?? "",
        /but not as recorded\. The recorded failure was InvariantViolated: "an answer every 3/,
      )
      assert.match(chance?.out ?? "", /^NonDeterministic in .*\n  two runs of .* differ: /)
      assert.match(chance?.out ?? "", /Two replays of the artifact differ/)
    }),
  )

  it.live("rejects an artifact of another version, of a changed scenario, or of an unknown scenario", () =>
    Effect.gen(function* () {
      const text = fs.readFileSync(path.join(dir, artifact), "utf8")
      const write = (name: string, from: string, to: string): string => {
        assert.include(text, from)
        fs.writeFileSync(path.join(dir, name), text.replace(from, to))
        return name
      }
      const cases = [
        ["", write("later.json", '"version": 1', '"version": 2'), /has version 2 and this testkit reads version 1/],
        ["other options", artifact, /the options of the scenario "an answer every 3 seconds" have changed since/],
        ["", write("other.json", "every 3 seconds", "every 4 seconds"), /no scenario "an answer every 4 seconds"/],
      ] as const
      const ended = yield* Effect.forEach(cases, ([echo, file]) => replay(echo, file))
      for (const [index, { code, err, out }] of ended.entries()) {
        assert.deepStrictEqual([code, out], [2, ""])
        assert.match(err, cases[index]?.[2] ?? /^$/)
      }
      const missing = yield* replay("", "missing.json")
      assert.deepStrictEqual([missing.code, missing.out], [2, ""])
      assert.include(missing.err, `the artifact "${path.join(dir, "missing.json")}" cannot be read: ENOENT`)
    }),
  )
})

describe("coterie-sim viz", () => {
  it.live("draws the run in one self-contained page", () =>
    Effect.gen(function* () {
      const { code, out } = yield* coterieSim(["viz", artifact, fixture("broken"), "--out", "pictures/a.html"], {
        cwd: dir,
      })
      assert.deepStrictEqual([code, out], [0, "pictures/a.html\n"])
      const html = fs.readFileSync(path.join(dir, "pictures/a.html"), "utf8")
      assert.match(html, /^<!doctype html>/)
      assert.include(html, "an answer every 3 seconds")
      assert.include(html, '"failure":"InvariantViolated: ')
      assert.notMatch(html, /\b(src|href)=|@import|\burl\((?!#)/)
    }),
  )

  it.live("keeps the recorded picture if the run differs, and writes lines next to the artifact", () =>
    Effect.gen(function* () {
      const before = fs.readFileSync(path.join(dir, failure?.picture ?? ""), "utf8")
      const [changed, lines] = yield* Effect.forEach(
        [
          ["other steps", "html"],
          ["", "jsonl"],
        ] as const,
        // The printed paths are relative to the working directory.
        ([echo, format]) => coterieSim(["viz", artifact, fixture("broken"), "--format", format], { cwd: dir, echo }),
        { concurrency: 2 },
      )
      assert.deepStrictEqual(
        [changed?.out, lines?.out],
        [".coterie/sim/an-answer-every-3-seconds-11-now.html\n", ".coterie/sim/an-answer-every-3-seconds-11.jsonl\n"],
      )
      assert.match(changed?.err ?? "", /The run differs from the recorded run/)
      assert.strictEqual(fs.readFileSync(path.join(dir, failure?.picture ?? ""), "utf8"), before)
      const trace = Result.getOrThrow(Trace.fromJsonl(fs.readFileSync(path.join(dir, lines?.out.trim() ?? ""), "utf8")))
      assert.strictEqual(trace.seed, 11)
      assert.strictEqual(trace.events.at(-1)?._tag, "Failed")
    }),
  )
})
