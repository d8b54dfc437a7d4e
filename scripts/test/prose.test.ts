import { assert, describe, it } from "@effect/vitest"
import MarkdownIt from "markdown-it"
import * as fs from "node:fs"
import * as path from "node:path"
import { longLines, wrapProse } from "../lib/prose.ts"

const root = path.join(import.meta.dirname, "../..")

/** Returns a text of the words `a`, with one space between them. */
const words = (count: number): string => Array.from({ length: count }, () => "a").join(" ")

/** Returns the page as HTML, in which a line break of prose is a space. */
const rendered = (text: string): string => new MarkdownIt({ html: true }).render(text).replaceAll(/\s+/g, " ")

describe("prose", () => {
  it("has long lines in paragraphs, lists and quotes only", () => {
    const long = words(70)
    const text = `# ${long}

${long}

- ${long}

> ${long}

| ${long} |
| --- |

\`\`\`text
${long}
\`\`\`

<!-- ${long} -->
`
    assert.deepStrictEqual(longLines(text), [
      { line: 3, width: 139 },
      { line: 5, width: 141 },
      { line: 7, width: 141 },
    ])
  })

  it("may have 120 characters in a line, and more where the line cannot be broken", () => {
    const link = `[link](https://example.org/${"x".repeat(120)})`
    assert.deepStrictEqual(longLines(`${words(60)}\n\n${words(60)}b\n\n${link}\n\n- ${link}\n`), [])
    assert.deepStrictEqual(longLines(`${words(60)} b\n\na ${link}\n`), [
      { line: 1, width: 121 },
      { line: 3, width: link.length + 2 },
    ])
  })

  it("is wrapped at 120 characters, with the indentation of its list or quote", () => {
    const [first, rest] = [words(59), words(11)]
    assert.strictEqual(wrapProse(`12. ${words(70)}\n`), `12. ${words(58)}\n    ${words(12)}\n`)
    assert.strictEqual(wrapProse(`- a\n\n  ${words(70)}\n`), `- a\n\n  ${first}\n  ${rest}\n`)
    assert.strictEqual(wrapProse(`> - ${words(70)}\n`), `> - ${words(58)}\n>   ${words(12)}\n`)
  })

  it("is wrapped as a whole paragraph, and is left alone without a long line", () => {
    assert.strictEqual(wrapProse(`${words(70)}\nb\n`), `${words(60)}\n${words(10)} b\n`)
    assert.strictEqual(wrapProse("a\nb\n\n- c\n  d\n"), "a\nb\n\n- c\n  d\n")
  })

  it("keeps code spans and numbers with their units on one line, and begins no line like a block", () => {
    const cases = [
      "`code with spaces`",
      "``code ` span``",
      "30 seconds",
      "1,024 s",
      "a - b",
      "a 1. b",
      "a # b",
      "a > b",
    ]
    for (const kept of cases) {
      // The first part of the case would fill the line.
      const before = "b".repeat(119 - (kept.split(" ")[0] ?? "").length)
      assert.strictEqual(wrapProse(`${before} ${kept} c\n`), `${before}\n${kept} c\n`)
    }
    const before = "b".repeat(118)
    assert.strictEqual(wrapProse(`${before} a c\n`), `${before} a\nc\n`)
  })

  it("keeps line breaks of its own", () => {
    const text = `${words(70)}  \nb\n`
    assert.strictEqual(wrapProse(text), text)
  })

  it("of the pages of the repository means the same once it is wrapped", () => {
    const files = fs.globSync(["*.md", "docs/**/*.md", "packages/*/*.md"], { cwd: root })
    assert.isAbove(files.length, 50)
    for (const file of files) {
      const text = fs.readFileSync(path.join(root, file), "utf8")
      const wrapped = wrapProse(text)
      assert.deepStrictEqual(longLines(wrapped), [], file)
      assert.strictEqual(wrapProse(wrapped), wrapped, file)
      assert.strictEqual(rendered(wrapped), rendered(text), file)
    }
  })
})
