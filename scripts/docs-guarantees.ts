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
import { checkGuarantees, checkOutput, outputPage, renderGuarantees, type Repository } from "./guarantees/page.ts"
import { readTitles } from "./guarantees/titles.ts"
import { listSources, type Problem } from "./lib/source.ts"

const root = path.join(import.meta.dirname, "..")
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

/** Writes the page, or checks it. Returns the problems; nothing is written if there are any. */
const run = (check: boolean, repository: Repository): ReadonlyArray<Problem> => {
  const problems = checkGuarantees(guarantees, repository)
  if (problems.length > 0) return problems
  if (check) return checkOutput(guarantees, repository)
  fs.writeFileSync(path.join(root, "docs", outputPage), renderGuarantees(guarantees, repository))
  return []
}

if (import.meta.main) {
  const problems = run(process.argv.includes("--check"), readRepository())
  for (const { file, line, message } of problems) console.error(`${file}:${line}: ${message}`)
  if (problems.length > 0) process.exitCode = 1
  const count = guarantees.reduce((sum, page) => sum + page.guarantees.length, 0)
  console.log(`guarantees: ${count} guarantees, ${problems.length} problems`)
}
