/** Reports that nodes of earlier releases send. A file has the texts of one release, and is never changed after it. */
import { Report } from "@coterie/admin"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as NodeFs from "node:fs"
import * as NodePath from "node:path"
import { readRow } from "../src/internal/reports/row.ts"

const folder = NodePath.join(import.meta.dirname, "releases")
const Texts = Schema.fromJsonString(Schema.Struct({ row: Schema.String, report: Schema.String }))

describe("the reports of a node", () => {
  for (const file of NodeFs.readdirSync(folder)) {
    it(`are read as ${NodePath.parse(file).name} sends them`, () => {
      const { report, row } = Schema.decodeUnknownSync(Texts)(NodeFs.readFileSync(NodePath.join(folder, file), "utf8"))
      const found = Result.getOrThrow(readRow(row, "a"))
      assert.deepStrictEqual([found.status, found.link], ["asf", "uid"])
      const { peers } = Schema.decodeUnknownSync(Schema.fromJsonString(Report.NodeReport))(report)
      assert.deepStrictEqual(
        peers.map(({ name }) => name),
        found.names,
      )
    })
  }
})
