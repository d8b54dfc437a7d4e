import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Result from "effect/Result"
import * as Artifact from "../../src/Artifact.ts"
import * as Files from "../../src/node/files.ts"
import * as SimulationError from "../../src/SimulationError.ts"
import { sampleTrace } from "../sampleTrace.ts"

const artifact: Artifact.Artifact = {
  version: 1,
  testkit: "0.0.0",
  scenario: "One lease: holder/s?",
  fingerprint: "5f3a",
  seed: 830,
  explore: "random",
  traceHash: "00c0ffee00c0ffee",
  failure: new SimulationError.Stalled({ at: 1, message: "nothing is ready" }),
  sentences: ["at 5 s b is cut off"],
  network: {},
  timeline: [],
  deviations: {},
}

describe("the files of a failure", () => {
  it("are an artifact and a picture in a new folder, named by the scenario and the seed", () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "coterie-files-"))
    try {
      const options = { dir: path.join(dir, "a/b"), replay: (file: string) => `again ${path.basename(file)}` }
      const files = Files.write({ artifact, trace: sampleTrace() }, options)
      assert.deepStrictEqual(files, {
        artifact: path.join(dir, "a/b/one-lease-holder-s-830.json"),
        picture: path.join(dir, "a/b/one-lease-holder-s-830.html"),
      })
      assert.deepStrictEqual(Artifact.decode(fs.readFileSync(files.artifact, "utf8")), Result.succeed(artifact))
      const html = fs.readFileSync(files.picture, "utf8")
      assert.include(html, "again one-lease-holder-s-830.json")
      assert.include(html, "Stalled: nothing is ready")
      assert.include(html, "at 5 s b is cut off")
    } finally {
      fs.rmSync(dir, { recursive: true })
    }
  })

  it("have names that every file system accepts", () => {
    assert.strictEqual(Files.slug("  ..\\/ "), "scenario")
    assert.strictEqual(Files.slug("Größe 漢字"), "größe-漢字")
    assert.strictEqual(Files.slug(`${"a".repeat(59)} b`), "a".repeat(59))
  })

  it("are shown with the shortest correct path", () => {
    assert.strictEqual(Files.shown(path.resolve("x/y.json")), path.join("x", "y.json"))
    assert.strictEqual(Files.shown(path.resolve("../y.json")), path.resolve("../y.json"))
    assert.strictEqual(Files.shown(path.resolve("..y.json")), "..y.json")
  })
})
