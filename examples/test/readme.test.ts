/**
 * Keeps README.md and the guides in docs correct. Their programs are files that are type-checked and run, and their
 * commands are existing scripts.
 */
import { FaultPlan } from "@coterie/testkit"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { faults } from "../simulation/plan.ts"

const root = Path.join(import.meta.dirname, "../..")
const read = (file: string) => Fs.readFileSync(Path.join(root, file), "utf8")
const readme = read("README.md")
const guides = Fs.globSync(["docs/*.md", "docs/recipes/*.md", "packages/*/AGENTS.md"], { cwd: root }).sort()

/** Returns the code blocks of one language, each with the comment before it. */
const blocks = (language: string, text = readme) =>
  [...text.matchAll(/(?:<!-- (\S+) -->\n)?```(\w+)\n([^]*?)```\n/g)]
    .filter(([, , found]) => found === language)
    .map(([, source, , text = ""]) => ({ source, text }))

/** Returns the text of a file, or of a region in it. */
const sourceOf = (source: string): string => {
  const [file = "", region] = source.split("#")
  const text = read(file)
  if (region === undefined) return text
  return new RegExp(`// #region ${region}\n([^]*?)// #endregion`).exec(text)?.[1] ?? ""
}

describe("README.md", () => {
  it("has the code of the examples in its code blocks", () => {
    const programs = blocks("ts")
    assert.isAbove(programs.length, 1)
    for (const { source, text } of programs) {
      assert.isDefined(source, `a block of TypeScript that is no example:\n${text}`)
      assert.strictEqual(text, sourceOf(source ?? ""), source)
    }
  })

  it("and the guides have the code of the examples in their code blocks", () => {
    const programs = guides.flatMap((guide) => blocks("ts", read(guide)).map((block) => ({ guide, ...block })))
    assert.isAbove(programs.length, 2)
    for (const { guide, source, text } of programs) {
      assert.isDefined(source, `a block of TypeScript in ${guide} that is no example:\n${text}`)
      assert.strictEqual(text, sourceOf(source ?? ""), `${source} in ${guide}`)
    }
    assert.isTrue(Result.isSuccess(FaultPlan.decode(faults)))
  })

  it("and the guides use scripts and files that exist", () => {
    const { scripts }: { readonly scripts: Record<string, string> } = JSON.parse(read("package.json"))
    const commands = ["README.md", ...guides].flatMap((page) =>
      [...read(page).matchAll(/npx -y pnpm@12 ([^\n`#]+)/g)].map(([, command = ""]) => command.trim()),
    )
    assert.isAbove(commands.length, 10)
    for (const command of commands) {
      const [word = "", second = "", third = ""] = command.split(/\s+/)
      if (word === "exec") {
        assert.strictEqual(second, "node")
        // A command may give its program as text (`-e`).
        if (third !== "-e") assert.isTrue(Fs.existsSync(Path.join(root, third)), third)
      } else if (word === "-C") assert.isTrue(Fs.existsSync(Path.join(root, second, "package.json")), second)
      else assert.property(scripts, word)
    }
  })
})
