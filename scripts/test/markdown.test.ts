import { assert, describe, it } from "@effect/vitest"
import { findTitle, readPage } from "../lib/markdown.ts"

describe("a page of Markdown", () => {
  it("has the anchors that git hosts give to headings", () => {
    const { headings } = readPage(
      [
        "# The `Cluster` service",
        "## Order, and *at most* once",
        "## [Links](a.md) & lanes",
        "## 11.2 Wer antwortet? Größe",
        "## Events",
        "## Events",
        "Setext",
        "------",
      ]
        .join("\n\n")
        .replace("Setext\n\n", "Setext\n"),
    )
    assert.deepStrictEqual(
      headings.map(({ anchor }) => anchor),
      [
        "the-cluster-service",
        "order-and-at-most-once",
        "links--lanes",
        "112-wer-antwortet-größe",
        "events",
        "events-1",
        "setext",
      ],
    )
  })

  it("has the anchors of its HTML, and anchors that headings define", () => {
    const { anchors } = readPage('<a id="html"></a>\n\n### Topic.make {#make}\n\nText <a name="inline"></a>\n')
    assert.deepStrictEqual([...anchors], ["html", "make", "inline"])
  })

  it("has links, images, references and HTML with their lines, and ignores front matter", () => {
    const text = `---
title: A page
---
[a](a.md)

| [b](b.md) |
| --- |
| ![c](c.png) |

[d][reference] and <a href="e.md">e</a>

<img src="f.svg">

[reference]: d.md
`
    assert.deepStrictEqual(readPage(text).headings, [])
    assert.deepStrictEqual(
      readPage(text).links.map(({ line, target }) => `${target}:${line}`),
      ["a.md:4", "b.md:6", "c.png:8", "d.md:10", "e.md:10", "f.svg:12"],
    )
  })

  it("has no links in code", () => {
    const text = "`[a](a.md)`\n\n```md\n[b](b.md)\n# Heading\n```\n\n    [c](c.md)\n"
    assert.deepStrictEqual(readPage(text).links, [])
    assert.deepStrictEqual(readPage(text).headings, [])
  })

  it("has code blocks with their languages", () => {
    const { blocks } = readPage("```ts title\na\n```\n\n- item\n\n  ```\n  b\n  ```\n")
    assert.deepStrictEqual(blocks, [
      { language: "ts", text: "a\n", line: 1 },
      { language: "", text: "b\n", line: 7 },
    ])
  })

  it("has paragraphs with their lines, also of lists and quotes, and none of tables and code", () => {
    const text = "# Heading\n\nfirst\nsecond\n\n- item\n  more\n\n> quote\n\n| cell |\n| --- |\n\n```ts\ncode\n```\n"
    assert.deepStrictEqual(readPage(text).paragraphs, [
      { text: "first\nsecond", start: 2, end: 4 },
      { text: "item\nmore", start: 5, end: 7 },
      { text: "quote", start: 8, end: 9 },
    ])
  })

  it("has titles of headings and of paragraphs, with and without numbers", () => {
    const page = readPage("## 10. Lanes and `credit`\n\n**Local health.** A node keeps a score.\n")
    assert.strictEqual(findTitle(page, "Lanes and credit")?.anchor, "10-lanes-and-credit")
    assert.deepStrictEqual(
      page.headings.map(({ markdown }) => markdown),
      ["10. Lanes and `credit`"],
    )
    assert.strictEqual(findTitle(page, "Local health")?.anchor, "10-lanes-and-credit")
    assert.isUndefined(findTitle(page, "Health"))
  })
})
