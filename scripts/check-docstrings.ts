/**
 * Compiles the examples of the docstrings, and of the READMEs of the packages. Each block of TypeScript in them is a
 * module, which imports the packages as a user does. A problem is reported at its line of the docstring or README.
 *
 *     node scripts/check-docstrings.ts
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { readPage } from "./lib/markdown.ts"
import { listSources, type Problem, parse, report } from "./lib/source.ts"

const root = path.join(import.meta.dirname, "..")

/** Block of TypeScript, with the line of the source where its code begins. */
export interface Example {
  readonly file: string
  readonly line: number
  readonly text: string
}

/** Returns the blocks of TypeScript in the docstrings of a source. */
export const examplesOf = (file: string, text: string): ReadonlyArray<Example> => {
  const { comments, lineAt } = parse(file, text)
  return comments.flatMap(({ start, value }) => {
    if (!value.startsWith("*")) return []
    const prose = value.replaceAll(/^[ \t]*\* ?/gm, "")
    return [...prose.matchAll(/^```ts\n([^]*?)^```$/gm)].map(({ 1: code = "", index }) => ({
      file,
      line: lineAt(start) + prose.slice(0, index).split("\n").length,
      text: code,
    }))
  })
}

/** Returns the blocks of TypeScript in a page of Markdown. */
export const examplesOfPage = (file: string, text: string): ReadonlyArray<Example> =>
  readPage(text)
    .blocks.filter(({ language }) => language === "ts")
    .map(({ line, text: code }) => ({ file, line: line + 1, text: code }))

/** Returns the name under which the compiler sees an example. */
const nameOf = (index: number): string => `example${index}.ts`

/**
 * Returns the output of the compiler as problems of the docstrings. An error outside of the examples stays as it is.
 */
export const problemsIn = (output: string, examples: ReadonlyArray<Example>): ReadonlyArray<Problem> =>
  // All lines of an error except the first are indented.
  output.split(/\n(?!\s)/).flatMap((text) => {
    const [, index = "", line = "", message = ""] = /example(\d+)\.ts\((\d+),\d+\): error ([^]*)$/.exec(text) ?? []
    const example = index === "" ? undefined : examples[Number(index)]
    if (example !== undefined)
      return [{ file: example.file, line: example.line + Number(line) - 1, message: message.trimEnd() }]
    return /\berror TS\d+/.test(text) ? [{ file: "tsconfig.json", line: 1, message: text }] : []
  })

/** Settings of the compiler for the examples, which import the packages by their names. */
const settings = (examples: ReadonlyArray<Example>) => ({
  extends: path.join(root, "tsconfig.base.json"),
  compilerOptions: {
    noEmit: true,
    composite: false,
    incremental: false,
    declaration: false,
    declarationMap: false,
    types: ["node"],
    // An example may define a value that only its reader uses.
    noUnusedLocals: false,
    paths: Object.fromEntries(
      fs.readdirSync(path.join(root, "packages")).flatMap((name) => {
        const folder = path.join(root, "packages", name, "src")
        return [
          [`@coterie/${name}`, [`${folder}/index.ts`]],
          [`@coterie/${name}/*`, [`${folder}/*.ts`]],
        ]
      }),
    ),
  },
  files: examples.map((_, index) => nameOf(index)),
})

/** Compiles examples and returns their problems. */
export const compile = (examples: ReadonlyArray<Example>): ReadonlyArray<Problem> => {
  // A folder of the repository, so that examples find its installed packages.
  const cache = path.join(root, "node_modules/.cache")
  fs.mkdirSync(cache, { recursive: true })
  const folder = fs.mkdtempSync(path.join(cache, "docstrings-"))
  try {
    for (const [index, { text }] of examples.entries()) {
      // Without an export or an import it would be a script, which shares its names with other scripts.
      fs.writeFileSync(path.join(folder, nameOf(index)), `${text}export {}\n`)
    }
    fs.writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify(settings(examples)))
    const compiler = path.join(root, "node_modules/.bin/tsc")
    const { error, status, stderr, stdout } = spawnSync(compiler, ["-p", folder, "--pretty", "false"], {
      encoding: "utf8",
    })
    if (error !== undefined) throw error
    const problems = problemsIn(stdout, examples)
    if (status !== 0 && problems.length === 0) throw new Error(`tsc ended with ${status}: ${stdout}${stderr}`)
    return problems
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

const main = (): void => {
  const files = listSources(path.join(root, "packages")).filter((name) => /^[^/]+\/src\//.test(name))
  const examples = files.flatMap((name) => {
    const file = `packages/${name}`
    return examplesOf(file, fs.readFileSync(path.join(root, file), "utf8"))
  })
  const readmes = fs.globSync("packages/*/README.md", { cwd: root }).toSorted()
  for (const file of readmes) examples.push(...examplesOfPage(file, fs.readFileSync(path.join(root, file), "utf8")))
  report(`docstrings: ${examples.length} examples`, files.length + readmes.length, compile(examples))
}

if (process.argv[1] === import.meta.filename) main()
