import { assert, describe, it } from "@effect/vitest"
import { finishPage, importLine, linkDocs, moduleDocstring, summaryOf } from "../apiPage.ts"

const source = `/**
 * Typed messages (docs/messages.md, section "Topics"). Uses {@link Lane}.
 *
 * More of it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

/** Another docstring. */
export const a = 1
`

describe("a page of the reference", () => {
  it("begins with the title, the import and the docstring of the module", () => {
    const page = finishPage("# core/Topic\n\n## constructors\n\n### Topic.make {#make}\n", {
      folder: "core",
      module: "Topic",
      source,
    })
    assert.strictEqual(
      page,
      `---
outline: [2, 3]
---

# Topic {#module}

\`\`\`ts
import { Topic } from "@coterie/core"
\`\`\`

Typed messages ([docs/messages.md, section "Topics"](../../../docs/messages.md#topics)). Uses \`Lane\`.

More of it.

## Constructors {#category-constructors}

### Topic.make {#make}
`,
    )
  })

  it("takes the first docstring of a module, without its tags", () => {
    assert.strictEqual(
      moduleDocstring(source),
      'Typed messages (docs/messages.md, section "Topics"). Uses `Lane`.\n\nMore of it.',
    )
    assert.strictEqual(moduleDocstring('import "a"\n/** Not of the module. */\n'), "")
  })

  it("is summed up by the first sentence", () => {
    assert.strictEqual(
      summaryOf("The policy of 0.5 seconds, which\nis short. Another sentence."),
      "The policy of 0.5 seconds, which is short.",
    )
    assert.strictEqual(summaryOf("How it varies:\n\n- a"), "How it varies.")
  })

  it("imports a namespace from the package, or from the module where the package has none", () => {
    const line = (module: string, index: string) => importLine({ folder: "testkit", module, source: "" }, index)
    assert.strictEqual(line("Trace", 'export * as Trace from "./Trace.ts"'), 'import { Trace } from "@coterie/testkit"')
    assert.strictEqual(line("Trace", ""), 'import * as Trace from "@coterie/testkit/Trace"')
    assert.strictEqual(line("vitest", ""), 'import { it } from "@coterie/testkit/vitest"')
  })

  it("links the places in the docs that its text names, and leaves code as it is", () => {
    assert.strictEqual(
      linkDocs('See docs/protocol.md, section "Lanes\nand credit", and `docs/metrics.md`.'),
      'See [docs/protocol.md, section "Lanes and credit"](../../../docs/protocol.md#10-lanes-and-credit), and `docs/metrics.md`.',
    )
    assert.strictEqual(linkDocs("docs/metrics.md."), "[docs/metrics.md](../../../docs/metrics.md).")
  })
})
