/**
 * Writes docs/guarantees.md, which lists the guarantees of the docs with the tests that keep them. With `--check` writes
 * nothing and fails if the page is not up to date. Fails if a guarantee names a test, a heading or a script that does not exist.
 *
 *     pnpm docs:guarantees
 *     pnpm check:guarantees
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { guarantees } from "./guarantees/guarantees.ts"
import { checkGuarantees, command, renderGuarantees, type Repository } from "./guarantees/page.ts"
import { readTitles } from "./guarantees/titles.ts"
import { listSources, type Problem } from "./lib/source.ts"

const root = path.join(import.meta.dirname, "..")
const output = "docs/guarantees.md"
const read = (file: string): string => fs.readFileSync(path.join(root, file), "utf8")

/** Folders of the tests: `packages/<name>/test` and `examples/test`. */
const testFolders = (): ReadonlyArray<string> => [
  ...fs.readdirSync(path.join(root, "packages")).map((name) => `packages/${name}/test`),
  "examples/test",
]

const readRepository = (): Repository => {
  const sources = testFolders().flatMap((folder) =>
    listSources(path.join(root, folder)).map((name) => `${folder}/${name}`),
  )
  const { scripts }: { readonly scripts: Readonly<Record<string, string>> } = JSON.parse(read("package.json"))
  const pages = fs.readdirSync(path.join(root, "docs")).filter((name) => name.endsWith(".md"))
  return {
    pages: new Map(pages.map((name) => [name, read(`docs/${name}`)])),
    titles: sources.flatMap((file) => readTitles(file, read(file))),
    scripts: new Set(Object.keys(scripts)),
  }
}

const run = (check: boolean): void => {
  const repository = readRepository()
  const count = guarantees.reduce((sum, page) => sum + page.guarantees.length, 0)
  const problems: Array<Problem> = [...checkGuarantees(guarantees, repository)]
  if (problems.length === 0) {
    const text = renderGuarantees(guarantees, repository)
    if (!check) fs.writeFileSync(path.join(root, output), text)
    else if (repository.pages.get(path.basename(output)) !== text) {
      problems.push({ file: output, line: 1, message: `is not up to date; run \`${command}\`` })
    }
  }
  for (const { file, line, message } of problems) console.error(`${file}:${line}: ${message}`)
  if (problems.length > 0) process.exitCode = 1
  console.log(`guarantees: ${count} guarantees, ${problems.length} problems`)
}

if (import.meta.main) run(process.argv.includes("--check"))
