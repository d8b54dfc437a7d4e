import { assert, beforeAll, afterAll, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { pageProblems, Pages, referenceProblems, sidebarProblems, widthProblems } from "../check-docs.ts"

describe("the check of the docs", () => {
  let folder = ""

  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "docs-"))
    fs.mkdirSync(path.join(folder, "docs"))
    fs.writeFileSync(path.join(folder, "README.md"), "# A library\n")
    fs.writeFileSync(path.join(folder, "docs/messages.md"), "# Messages\n\n## Open topics\n")
  })
  afterAll(() => fs.rmSync(folder, { recursive: true }))

  /** Returns the problems of a page with the text. */
  const check = (text: string): ReadonlyArray<string> => {
    fs.writeFileSync(path.join(folder, "docs/page.md"), text)
    return pageProblems(new Pages(folder), "docs/page.md").map(({ line, message }) => `${line}: ${message}`)
  }

  it("accepts links to files, folders, headings and other sites", () => {
    const text = `# Page

[a](messages.md) [b](messages.md#open-topics) [c](../README.md#a-library) [d](#page) [e](.) [f](https://effect.website)
`
    assert.deepStrictEqual(check(text), [])
  })

  it("reports a broken link with its line", () => {
    assert.deepStrictEqual(check("# Page\n\nText\n\n[a](missing.md)\n"), ["5: missing.md: no such file"])
  })

  it("reports a broken anchor of another page and of the page itself", () => {
    assert.deepStrictEqual(check("[a](messages.md#topics)\n\n[b](#nothing)\n"), [
      "1: messages.md#topics: no such heading",
      "3: #nothing: no such heading",
    ])
  })

  it("reports a missing image, also in HTML", () => {
    assert.deepStrictEqual(check('![picture](picture.png)\n\n<img src="other.png" alt="other">\n'), [
      "1: picture.png: no such file",
      "3: other.png: no such file",
    ])
  })

  it("reports a link from the root of a site", () => {
    assert.deepStrictEqual(check("[a](/messages.md)\n"), [
      "1: /messages.md: a link is relative, so that git hosts can follow it",
    ])
  })

  it("reports a block of code without a language", () => {
    assert.deepStrictEqual(check("```sh\nls\n```\n\n```\nls\n```\n"), ["5: a block of code without a language"])
  })

  it("reports a page without a place in the sidebar, a place without a page, and two places", () => {
    assert.deepStrictEqual(
      sidebarProblems(["docs/a.md", "docs/a.md", "docs/gone.md"], ["docs/a.md", "docs/b.md"]).map(
        ({ message }) => message,
      ),
      [
        "docs/b.md has no place in the sidebar",
        "docs/gone.md does not exist",
        "docs/a.md has two places in the sidebar",
      ],
    )
  })

  it("reports a line of prose that is too long, with its line", () => {
    const text = `# Page\n\nShort\n${"word ".repeat(30).trim()}\n`
    assert.deepStrictEqual(
      widthProblems("docs/page.md", text).map(({ line, message }) => `${line}: ${message}`),
      ["4: a line of 149 characters: wrap prose at 120 (node scripts/check-docs.ts --fix)"],
    )
  })

  it("reports the references of comments to pages and sections that do not exist", () => {
    const text = `
/** Topics (docs/messages.md, section "Open topics"). */
export const a = "docs/nothing.md"

/**
 * Lanes (docs/messages.md, sections "Open
 * topics" and "Lanes"), and docs/lanes.md.
 */
export const b = 1
`
    assert.deepStrictEqual(
      referenceProblems(new Pages(folder), "a.ts", text).map(({ line, message }) => `${line}: ${message}`),
      ['5: docs/messages.md, section "Lanes": no such heading', "5: docs/lanes.md: no such file"],
    )
  })
})
