import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"

const folder = path.join(import.meta.dirname, "../../.github/workflows")

/** Reference to an action of another repository by its commit, which no tag can move, with the version as a comment. */
const pinned = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/

describe("workflows", () => {
  it.each(fs.readdirSync(folder))("%s pins its actions and begins with the least permissions", (file) => {
    const text = fs.readFileSync(path.join(folder, file), "utf8")
    const actions = [...text.matchAll(/uses: (.*)$/gm)].map(([, action = ""]) => action)
    assert.isAbove(actions.length, 0)
    assert.deepStrictEqual(
      actions.filter((action) => !action.startsWith("./") && !pinned.test(action)),
      [],
    )
    assert.match(text, /^permissions:( \{\}|\n {2}contents: read)\n\n/m)
  })

  it("give the permission to sign provenance only to the publishing job", () => {
    const jobs = fs
      .readdirSync(folder)
      .flatMap((file) => fs.readFileSync(path.join(folder, file), "utf8").split(/^ {2}(?=\w+:$)/m))
      .filter((job) => job.includes("id-token: write"))
      .map((job) => job.split(":")[0])
    assert.deepStrictEqual(jobs, ["publish"])
  })
})
