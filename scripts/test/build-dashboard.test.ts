import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as vm from "node:vm"
import * as zlib from "node:zlib"
import { contentSecurityPolicy, html } from "../../packages/admin/src/internal/http/page.ts"
import { buildDashboard, licensesFile, pageFile } from "../build-dashboard.ts"

/** Budget of the page, in bytes. It has a plotting library of 52 KB, and must load at once over a tunnel. */
const budget = { page: 104 * 1_024, compressed: 45 * 1_024 }

/** Returns the content of the element. */
const contentOf = (element: string): string => {
  const [, rest = ""] = html.split(`<${element}>`)
  return rest.slice(0, rest.indexOf(`</${element}>`))
}

describe("the dashboard", () => {
  it("is committed as built from its sources; run `pnpm build:dashboard` after a change", async () => {
    const { licenses, page } = await buildDashboard()
    // Not `strictEqual`, which would print the difference of two pages of 100 KB.
    assert.isTrue(fs.readFileSync(pageFile, "utf8") === page, "the page is not up to date")
    assert.strictEqual(fs.readFileSync(licensesFile, "utf8"), licenses)
  })

  it("is within its budget", () => {
    assert.isAtMost(Buffer.byteLength(html), budget.page)
    assert.isAtMost(zlib.gzipSync(html).length, budget.compressed)
  })

  it("has one script, which parses, and loads nothing", () => {
    assert.strictEqual(html.split("<script").length, 2)
    assert.doesNotThrow(() => new vm.Script(contentOf("script")))
    assert.notMatch(contentOf("script"), /__vite_ssr|__vi_import|\brequire\(|\bimport\b[ ({.]/)
    assert.notMatch(html, /\bsrc=|@import|url\((?!data:)/)
  })

  it("has a policy that allows no other script, style, frame, form or server", () => {
    const directives = new Map(contentSecurityPolicy.split("; ").map((each) => [each.split(" ")[0], each]))
    assert.strictEqual(directives.get("default-src"), "default-src 'none'")
    assert.match(directives.get("script-src") ?? "", /^script-src 'sha256-[\w+/=]+'$/)
    assert.match(directives.get("style-src") ?? "", /^style-src 'sha256-[\w+/=]+'$/)
    for (const each of [
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ]) {
      assert.strictEqual(directives.get(each.split(" ")[0]), each)
    }
  })
})
