import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { createRequire } from "node:module"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Artifact from "../src/Artifact.ts"

const fixture = path.join(import.meta.dirname, "vitest/fixture.ts")

/** Path of the command of vitest. */
const vitest = path.join(path.dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs")

interface Test {
  readonly status: string
  readonly message: string
}

/** Working directory of the tests, which differs from their folder. */
const cwd = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "coterie-vitest-")))

/** Runs the tests of the fixture. Returns their results by name. */
const runTests = (args: ReadonlyArray<string> = [], env: Readonly<Record<string, string>> = {}) =>
  new Promise<ReadonlyMap<string, Test>>((resolve, reject) => {
    const root = path.dirname(fixture)
    const report = path.join(cwd, "report.json")
    execFile(
      process.execPath,
      [
        ...[vitest, "run", "--root", root, "--dir", root, "--config", path.join(cwd, "vitest.config.mjs")],
        ...["--reporter", "json", "--outputFile", report, ...args],
      ],
      { cwd, env: { ...process.env, COTERIE_SIM_SEED: "", NODE_OPTIONS: "", VITEST: "", ...env } },
      (_, stdout, stderr) => {
        if (!fs.existsSync(report)) return reject(new Error(`${stdout}\n${stderr}`))
        const { testResults } = JSON.parse(fs.readFileSync(report, "utf8")) as {
          readonly testResults: ReadonlyArray<{
            readonly assertionResults: ReadonlyArray<{
              readonly title: string
              readonly status: string
              readonly failureMessages?: ReadonlyArray<string>
            }>
          }>
        }
        fs.rmSync(report)
        resolve(
          new Map(
            testResults.flatMap(({ assertionResults }) =>
              assertionResults.map(
                ({ failureMessages = [], status, title }) =>
                  [title, { status, message: failureMessages.join("\n") }] as const,
              ),
            ),
          ),
        )
      },
    )
  })

const broken = "breaks (in a crash) of what's running"

describe("it.sim", () => {
  let tests: ReadonlyMap<string, Test> = new Map()
  const status = (title: string) => tests.get(title)?.status
  const message = (title: string) => tests.get(title)?.message ?? ""

  beforeAll(async () => {
    fs.writeFileSync(
      path.join(cwd, "vitest.config.mjs"),
      `export default { test: { include: ["fixture.ts"], maxWorkers: 1 } }\n`,
    )
    tests = await runTests()
  })
  afterAll(() => fs.rmSync(cwd, { recursive: true }))

  it("runs a scenario with one seed, or with the given number of seeds from a base", () => {
    assert.strictEqual(status("passes once"), "passed")
    assert.strictEqual(status("passes with seeds from a base"), "passed")
    assert.strictEqual(status("was run with these seeds"), "passed")
    assert.strictEqual(status("one seed need not get there"), "passed")
  })

  it("runs concurrently with other tests of its file", () => {
    assert.strictEqual(status("sleeps x"), "passed")
    assert.strictEqual(status("sleeps y"), "passed")
  })

  it("can be skipped", () => {
    assert.include(["skipped", "pending"], status("is skipped"))
  })

  it("reports the failure, the necessary faults, the command to replay it, and the place of the test", () => {
    assert.strictEqual(status(broken), "failed")
    const [first = "", ...lines] = message(broken).split("\n")
    assert.match(first, /^InvariantViolated: "a lives once" was violated at .* by a step of a: a was started again$/)
    const text = lines.join("\n")
    assert.match(text, /What it takes:\n {2}- .*\ba\b.*/)
    assert.match(text, /npx vitest run \S*fixture\.ts -t /)
    assert.include(text, String.raw` -t 'breaks \(in a crash\) of what'\''s running$'`)
    assert.match(text, /Artifact: +\.coterie\/sim\/breaks-in-a-crash-of-what-s-running-\d+\.json\n/)
    assert.match(text, /Picture: +\.coterie\/sim\/breaks-in-a-crash-of-what-s-running-\d+\.html/)
  })

  it("writes the artifact and the picture into the working directory", () => {
    const [artifact = "", picture = ""] = [/Artifact: +(.*)/, /Picture: +(.*)/].map(
      (form) => form.exec(message(broken))?.[1],
    )
    const read = Result.getOrThrow(Artifact.decode(fs.readFileSync(path.join(cwd, artifact), "utf8")))
    assert.strictEqual(read.scenario, broken)
    assert.strictEqual(read.failure._tag, "InvariantViolated")
    assert.deepStrictEqual(
      read.timeline.map(({ kind }) => kind),
      ["crash"],
    )
    const html = fs.readFileSync(path.join(cwd, picture), "utf8")
    assert.include(html, "a lives once")
    assert.include(html, `COTERIE_SIM_SEED=${read.seed}`)
  })

  it("runs only the seed and the test of the printed line", async () => {
    const line = /Run it again: COTERIE_SIM_SEED=(\d+) npx vitest run \S+ -t '(.*)'/.exec(message(broken))
    const [, seed = "", quoted = ""] = line ?? []
    const again = await runTests(["-t", quoted.replaceAll(String.raw`'\''`, "'")], { COTERIE_SIM_SEED: seed })
    assert.strictEqual(again.get(broken)?.status, "failed")
    assert.strictEqual(again.get(broken)?.message.split("\n\n")[0], message(broken).split("\n\n")[0])
    const others = [...again].filter(
      ([title, { status }]) => title !== broken && status !== "skipped" && status !== "pending",
    )
    assert.deepStrictEqual(others, [])
    // With a single seed, conditions that must hold sometimes are not checked. Other tests also use the seed.
    const all = await runTests(["-t", "never gets there|was run|passes with"], { COTERIE_SIM_SEED: seed })
    assert.strictEqual(all.get("never gets there")?.status, "passed")
    assert.strictEqual(all.get("was run with these seeds")?.status, "failed")
  })

  it("fails if a condition that must hold sometimes never holds", () => {
    assert.strictEqual(status("never gets there"), "failed")
    assert.include(message("never gets there"), '"a takeover" never happened in 3 seeds')
  })

  it("fails with the reason if the plan is invalid", () => {
    assert.strictEqual(status("uses a plan that cannot be"), "failed")
    assert.include(message("uses a plan that cannot be"), "the fault plan is invalid: network.loss")
  })

  it("accepts a scenario that is made elsewhere, with its own name", () => {
    assert.strictEqual(status("is a scenario of its own"), "failed")
    assert.include(message("is a scenario of its own"), "and fails")
  })

  it("shows the failure and the way to run it again when its files cannot be written", async () => {
    const [folder, aside] = [path.join(cwd, ".coterie"), path.join(cwd, "aside")] as const
    fs.renameSync(folder, aside)
    fs.writeFileSync(folder, "This file has the name of the folder.")
    const again = await runTests(["-t", "breaks"]).finally(() => {
      fs.rmSync(folder)
      fs.renameSync(aside, folder)
    })
    const text = again.get(broken)?.message ?? ""
    assert.include(text, '"a lives once" was violated')
    assert.match(text, /npx vitest run \S*fixture\.ts -t /)
    assert.match(text, /The artifact and the picture cannot be written: .*\.coterie/)
  })

  it("ends at the timeout of its test", () => {
    assert.strictEqual(status("is over by its time"), "failed")
    assert.include(message("is over by its time"), "timed out")
  })
})
