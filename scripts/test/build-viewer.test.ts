import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as vm from "node:vm"
import { viewerScript } from "../../packages/testkit/src/picture/viewerScript.ts"
import { buildViewer, viewerScriptFile } from "../build-viewer.ts"

describe("the program of the page of a trace", () => {
  it("is committed as built from its sources; run `pnpm build:viewer` after a change", async () => {
    assert.strictEqual(fs.readFileSync(viewerScriptFile, "utf8"), await buildViewer())
  })

  it("parses as a script, and uses only features of a script in a page", () => {
    assert.doesNotThrow(() => new vm.Script(viewerScript))
    assert.notMatch(viewerScript, /__vite_ssr|__vi_import|\brequire\(|\bimport\b[ ({.]/)
    assert.notMatch(viewerScript, /<\/?script|<!--/i)
  })
})
