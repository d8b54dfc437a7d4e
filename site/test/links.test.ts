import { assert, describe, it } from "@effect/vitest"
import { listedPages, sidebar, siteFile, siteLink } from "../links.ts"

describe("a link of a page", () => {
  const repository = "https://git.example/coterie"
  const link = (page: string, href: string) => siteLink(page, href, repository)

  it("leads to a page of the site, with its anchor", () => {
    assert.strictEqual(link("docs/messages.md", "membership.md"), "/membership.md")
    assert.strictEqual(link("docs/messages.md", "decisions/README.md#decisions"), "/decisions/index.md#decisions")
    assert.strictEqual(
      link("docs/decisions/0001-connections-only.md", "../protocol.md#9-links"),
      "/protocol.md#9-links",
    )
    assert.strictEqual(link("CONTRIBUTING.md", "docs/scale.md"), "/scale.md")
    assert.strictEqual(link("site/api/core/Topic.md", "../../../docs/messages.md#topics"), "/messages.md#topics")
    assert.strictEqual(link("site/api/core/Topic.md", "Cluster.md#layer"), "/api/core/Cluster.md#layer")
  })

  it("leads to the first page of a folder", () => {
    assert.strictEqual(link("docs/messages.md", "decisions"), "/decisions/index.md")
    assert.strictEqual(link("docs/messages.md", "decisions/"), "/decisions/index.md")
  })

  it("leads to the repository for every other file and folder", () => {
    assert.strictEqual(
      link("docs/messages.md", "../packages/core/src/Limits.ts#L7"),
      `${repository}/blob/main/packages/core/src/Limits.ts#L7`,
    )
    assert.strictEqual(link("docs/messages.md", "../packages/core"), `${repository}/tree/main/packages/core`)
    assert.strictEqual(link("CONTRIBUTING.md", "SECURITY.md"), `${repository}/blob/main/SECURITY.md`)
    assert.strictEqual(link("docs/messages.md", "../LICENSE"), `${repository}/blob/main/LICENSE`)
  })

  it("stays as it is to another site and to its own page", () => {
    for (const href of ["https://effect.website", "mailto:a@example.org", "#topics"]) {
      assert.strictEqual(link("docs/messages.md", href), href)
    }
  })
})

describe("the sidebar", () => {
  const texts = (items: ReturnType<typeof sidebar>): ReadonlyArray<string> =>
    items.flatMap(({ items = [], text }) => [text, ...texts(items)])

  it("has the guide, then the reference, then the pages of the maintainers", () => {
    assert.deepStrictEqual(
      sidebar().map(({ text }) => text),
      ["Guide", "Reference", "Maintainers"],
    )
  })

  it("has each module of the published packages, and each decision", () => {
    const all = texts(sidebar())
    for (const text of ["@coterie/core", "Topic", "@coterie/rpc", "PeerRpcClient", "vitest"]) assert.include(all, text)
    assert.include(all, "0001 One persistent connection per pair, and no UDP")
    assert.notInclude(all, "version")
  })

  it("has each page at a place of its own", () => {
    const files = listedPages().map(({ file }) => siteFile(file))
    assert.strictEqual(new Set(files).size, files.length)
    assert.include(files, "decisions/index.md")
    assert.include(files, "contributing.md")
  })
})
