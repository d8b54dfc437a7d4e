import { assert, describe, it } from "@effect/vitest"
import { nearest } from "../lib/nearest.ts"
import {
  checkGuarantees,
  checkOutput,
  type Guarantee,
  outputPage,
  type Page,
  renderGuarantees,
  type Repository,
} from "../guarantees/page.ts"
import { findTitles, readTitles } from "../guarantees/titles.ts"

const source = `
// "a comment is no title"
describe("a lane", () => {
  it("keeps the order", () => {})
  it.effect(\`carries \${size} bytes\`, () => run())
  describe.each(["slow", "fast"])("with a %s reader", () => {
    it.prop("never loses a message", [values], () => {})
  })
})
describe("an inbox", () => {
  it("keeps the order", () => {})
})
mutant("loses $kind messages", 5)
`

const titles = readTitles("packages/core/test/lane.test.ts", source)

const page = (guarantee: Partial<Guarantee>): ReadonlyArray<Page> => [
  {
    file: "lanes.md",
    guarantees: [{ heading: "Order of `Data`", statement: "Messages arrive in order.", tests: [], ...guarantee }],
  },
]

const repository: Repository = {
  pages: new Map([["lanes.md", "# Lanes\n\n```sh\n# no heading\n```\n\n## Order of `Data`\n"]]),
  titles,
  scripts: new Set(["test", "bench"]),
}

const problemsOf = (guarantee: Partial<Guarantee>): ReadonlyArray<string> =>
  checkGuarantees(page(guarantee), repository).map(({ message }) => message)

describe("the titles of a source", () => {
  it("are its texts with their groups, and have ... for each value of a test case", () => {
    const found = titles.map(({ groups, text }) => [...groups, text].join(" > "))
    assert.includeMembers(found, [
      "a lane",
      "a lane > keeps the order",
      "a lane > carries ... bytes",
      "a lane > with a ... reader > never loses a message",
      "loses ... messages",
    ])
    assert.notInclude(found.join("\n"), "comment")
  })

  it("are found by their whole text, where ... stands for any text", () => {
    const find = (name: string) => findTitles(name, titles).map(({ groups, text }) => [...groups, text].join(" > "))
    assert.deepStrictEqual(find("carries ... bytes"), ["a lane > carries ... bytes"])
    assert.deepStrictEqual(find("never ... message"), ["a lane > with a ... reader > never loses a message"])
    assert.deepStrictEqual(find("keeps the order"), ["a lane > keeps the order", "an inbox > keeps the order"])
    assert.deepStrictEqual(find("keeps the"), [])
    assert.deepStrictEqual(find("the order"), [])
    assert.deepStrictEqual(find("keeps.the order"), [])
  })
})

describe("the nearest text", () => {
  it("is the most similar one, or undefined if none is similar", () => {
    assert.strictEqual(nearest("R1: hear say", ["r1", "R1: hearsay", "R2: a handshake"]), "R1: hearsay")
    assert.isUndefined(nearest("R1", ["a handshake"]))
  })
})

describe("the check of the guarantees", () => {
  it("accepts tests, headings and scripts that exist", () => {
    assert.deepStrictEqual(problemsOf({ tests: ["keeps the order"], scripts: ["bench"] }), [])
  })

  it("reports a title that no test has, with the nearest title", () => {
    assert.deepStrictEqual(problemsOf({ tests: ["carries some bytes"] }), [
      `no test has the title "carries some bytes"; the nearest is "carries ... bytes"`,
    ])
  })

  it("reports a heading that the page lacks, with the nearest heading", () => {
    assert.deepStrictEqual(problemsOf({ heading: "The order of data", tests: ["keeps the order"] }), [
      `docs/lanes.md has no heading "The order of data"; the nearest is "Order of \`Data\`"`,
    ])
  })

  it("reports a page, a script and a test that are missing", () => {
    const missing = [{ file: "topics.md", guarantees: [] }]
    assert.deepStrictEqual(
      checkGuarantees(missing, repository).map(({ message }) => message),
      ["there is no page docs/topics.md"],
    )
    assert.deepStrictEqual(problemsOf({ scripts: ["bench:lanes"] }), [
      `package.json has no script "bench:lanes"; the nearest is "bench"`,
    ])
    assert.deepStrictEqual(problemsOf({}), ['no test keeps "Order of `Data`"'])
  })
})

describe("the page of the guarantees", () => {
  const render = (guarantee: Partial<Guarantee>, repository_ = repository) =>
    renderGuarantees(page(guarantee), repository_)

  it("has each guarantee with a link to its heading, its tests with links to their files, and its commands", () => {
    const text = render({ tests: ["never loses a message"], scripts: ["bench"] })
    assert.include(text, "## Lanes\n")
    assert.include(text, "**Messages arrive in order.** [Order of `Data`](lanes.md#order-of-data)")
    assert.include(
      text,
      "- `a lane > with a ... reader > never loses a message` ([lane.test.ts](../packages/core/test/lane.test.ts))",
    )
    assert.include(text, "- command `npx -y pnpm@12 bench`")
  })

  it("is reported if it is missing or not up to date", () => {
    const pages = page({ tests: ["never loses a message"] })
    const withPage = (text: string) => ({ ...repository, pages: new Map([...repository.pages, [outputPage, text]]) })
    const text = renderGuarantees(pages, repository)
    assert.deepStrictEqual(checkOutput(pages, withPage(text)), [])
    for (const stale of [repository, withPage(`${text}more\n`)]) {
      assert.deepStrictEqual(checkOutput(pages, stale), [
        { file: "docs/guarantees.md", line: 1, message: "is not up to date; run `npx -y pnpm@12 docs:guarantees`" },
      ])
    }
  })

  it("names no group if a title is in several groups", () => {
    assert.include(render({ tests: ["keeps the order"] }), "- `keeps the order` ([lane.test.ts]")
  })

  it("names the kind of a mutant, an invariant and a scenario", () => {
    const titles = readTitles("packages/core/test/simulation/mutants.ts", source)
    const text = render({ tests: ["loses ... messages"] }, { ...repository, titles })
    assert.include(text, "- mutant `loses ... messages` ([mutants.ts]")
  })
})
