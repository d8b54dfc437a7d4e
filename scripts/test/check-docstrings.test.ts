import { assert, describe, it } from "@effect/vitest"
import { compile, examplesOf, examplesOfPage, problemsIn } from "../check-docstrings.ts"

const source = `/**
 * A module.
 *
 * \`\`\`ts
 * const first = 1
 * \`\`\`
 */
import * as Effect from "effect/Effect"

export interface Service {
  /**
   * Does a thing.
   *
   * \`\`\`ts
   * if (true) {
   *   work()
   * }
   * \`\`\`
   *
   * \`\`\`sh
   * ls
   * \`\`\`
   */
  readonly work: Effect.Effect<void>
}

/*
 * \`\`\`ts
 * no docstring
 * \`\`\`
 */
`

describe("the examples of docstrings", () => {
  it("are the blocks of TypeScript, with the lines at which their code begins", () => {
    assert.deepStrictEqual(examplesOf("a.ts", source), [
      { file: "a.ts", line: 5, text: "const first = 1\n" },
      { file: "a.ts", line: 15, text: "if (true) {\n  work()\n}\n" },
    ])
  })

  it("are also the blocks of TypeScript of a page", () => {
    const page = "# A package\n\n```ts\nconst first = 1\n```\n\n```sh\nls\n```\n"
    assert.deepStrictEqual(examplesOfPage("README.md", page), [
      { file: "README.md", line: 4, text: "const first = 1\n" },
    ])
  })

  it("have the problems of the compiler at their lines", () => {
    const output = [
      "node_modules/.cache/docstrings-x/example1.ts(2,3): error TS2304: Cannot find name 'work'.",
      "error TS5083: Cannot read file 'tsconfig.json'.",
      "",
    ].join("\n")
    assert.deepStrictEqual(problemsIn(output, examplesOf("a.ts", source)), [
      { file: "a.ts", line: 16, message: "TS2304: Cannot find name 'work'." },
      { file: "tsconfig.json", line: 1, message: "error TS5083: Cannot read file 'tsconfig.json'." },
    ])
  })

  it("are compiled as modules of a user of the packages", () => {
    const examples = [
      { file: "a.ts", line: 10, text: 'import { Cluster } from "@coterie/core"\n\nconst layer = Cluster.layer({})\n' },
      {
        file: "b.ts",
        line: 20,
        text: 'import * as Cluster from "@coterie/core/Cluster"\n\nconst layer = Cluster.layerStart\n',
      },
    ]
    const problems = compile(examples)
    assert.deepStrictEqual(
      problems.map(({ file, line }) => `${file}:${line}`),
      ["a.ts:12"],
    )
    assert.include(problems[0]?.message, "cluster")
  })
})
