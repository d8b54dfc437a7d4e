import * as fs from "node:fs"
import { assert, it } from "@effect/vitest"
import { version } from "../src/internal/version.ts"

it("the version in reports is the version of the package", () => {
  const text = fs.readFileSync(new URL("../package.json", import.meta.url), "utf8")
  const json: unknown = JSON.parse(text)
  assert.deepInclude(json, { name: "@coterie/admin", version })
})
