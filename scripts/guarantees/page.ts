/** Checks the guarantees against the pages and the tests, and writes the page that lists them. */
import * as path from "node:path"
import { readPage, type Title as Heading } from "../lib/markdown.ts"
import { nearest } from "../lib/nearest.ts"
import type { Problem } from "../lib/source.ts"
import { findTitles, type Title } from "./titles.ts"

/** One guarantee of a page. */
export interface Guarantee {
  /** Heading under which the page states the guarantee. */
  readonly heading: string
  /** The guarantee in one plain sentence. */
  readonly statement: string
  /** Titles of the tests that keep the guarantee. `...` stands for text of a test case. */
  readonly tests: ReadonlyArray<string>
  /** Scripts of `package.json` that check the guarantee outside of the test suite. */
  readonly scripts?: ReadonlyArray<string>
}

/** Guarantees of one page of `docs`. */
export interface Page {
  readonly file: string
  readonly guarantees: ReadonlyArray<Guarantee>
}

/** Facts about the repository against which the guarantees are checked. */
export interface Repository {
  /** Text of each page of `docs`, by file name. */
  readonly pages: ReadonlyMap<string, string>
  /** Titles in the sources of the tests. */
  readonly titles: ReadonlyArray<Title>
  /** Names of the scripts of `package.json`. */
  readonly scripts: ReadonlySet<string>
}

/** Name of the page that lists the guarantees, in the folder `docs`. */
export const outputPage = "guarantees.md"

/** Command that writes the page. */
const command = "npx -y pnpm@12 docs:guarantees"

/** File of the data, to which problems point. */
const dataFile = "scripts/guarantees/guarantees.ts"

const hint = (name: string, candidates: Iterable<string>): string => {
  const found = nearest(name, candidates)
  return found === undefined ? "" : `; the nearest is "${found}"`
}

const headingsOf = (text = ""): ReadonlyArray<Heading> => readPage(text).headings

/** Returns the references of the guarantees to tests, headings and scripts that do not exist. */
export const checkGuarantees = (pages: ReadonlyArray<Page>, repository: Repository): ReadonlyArray<Problem> => {
  const texts = new Set(repository.titles.map(({ text }) => text))
  const problem = (message: string): Problem => ({ file: dataFile, line: 1, message })
  return pages.flatMap(({ file, guarantees }) => {
    const text = repository.pages.get(file)
    if (text === undefined) return [problem(`there is no page docs/${file}`)]
    const headings = headingsOf(text).map(({ markdown }) => markdown)
    return guarantees.flatMap(({ heading, scripts = [], tests }) => [
      ...(headings.includes(heading)
        ? []
        : [problem(`docs/${file} has no heading "${heading}"${hint(heading, headings)}`)]),
      ...tests
        .filter((name) => findTitles(name, repository.titles).length === 0)
        .map((name) => problem(`no test has the title "${name}"${hint(name, texts)}`)),
      ...scripts
        .filter((name) => !repository.scripts.has(name))
        .map((name) => problem(`package.json has no script "${name}"${hint(name, repository.scripts)}`)),
      ...(tests.length + scripts.length === 0 ? [problem(`no test keeps "${heading}"`)] : []),
    ])
  })
}

/** Kinds of the titles in files that are not test files, by the name of the file. */
const kinds: { readonly [file: string]: string } = {
  "Observer.ts": "invariant",
  "guarantees.ts": "scenario",
  "invariants.ts": "invariant",
  "mutants.ts": "mutant",
  "scenarios.ts": "scenario",
}

const linkTo = (file: string): string => `[${path.posix.basename(file)}](../${file})`

/** Returns the entry of a title: its kind, its groups, the title, and a link to each file that has it. */
const entryOf = (name: string, titles: ReadonlyArray<Title>): string => {
  const found = findTitles(name, titles).toSorted((a, b) => a.file.localeCompare(b.file))
  const kind = found.map(({ file }) => kinds[path.posix.basename(file)]).find((kind) => kind !== undefined)
  const paths = [...new Set(found.map(({ groups }) => [...groups, name].join(" > ")))]
  const [only = name] = paths.length === 1 ? paths : []
  const files = [...new Set(found.map(({ file }) => file))]
  return `- ${kind === undefined ? "" : `${kind} `}\`${only}\` (${files.map(linkTo).join(", ")})`
}

const sectionOf = (file: string, { pages, titles }: Repository, guarantee: Guarantee): string => {
  const { heading, scripts = [], statement, tests } = guarantee
  const anchor = headingsOf(pages.get(file)).find(({ markdown }) => markdown === heading)?.anchor ?? ""
  return [
    `**${statement}** [${heading}](${file}#${anchor})`,
    "",
    ...tests.map((name) => entryOf(name, titles)),
    ...scripts.map((name) => `- command \`npx -y pnpm@12 ${name}\``),
    "",
  ].join("\n")
}

/** Writes the page. The guarantees must have passed {@link checkGuarantees}. */
export const renderGuarantees = (pages: ReadonlyArray<Page>, repository: Repository): string =>
  [
    "# Guarantees and their tests",
    "",
    `<!-- \`${command}\` writes this page from ${dataFile}. Edit that file. -->`,
    "",
    "Each guarantee links to the section that explains it. The list below a guarantee has the titles of its tests, as",
    "`group > title`. A scenario runs whole nodes in the simulation. An invariant is checked at every step. A mutant is a",
    "deliberate defect that the simulation must find. `...` stands for a value that differs between test cases.",
    "",
    ...pages.flatMap(({ file, guarantees }) => [
      `## ${headingsOf(repository.pages.get(file))[0]?.markdown}`,
      "",
      ...guarantees.map((guarantee) => sectionOf(file, repository, guarantee)),
    ]),
  ].join("\n")

/** Returns a problem if the page differs from the output of {@link renderGuarantees}. */
export const checkOutput = (pages: ReadonlyArray<Page>, repository: Repository): ReadonlyArray<Problem> =>
  repository.pages.get(outputPage) === renderGuarantees(pages, repository)
    ? []
    : [{ file: `docs/${outputPage}`, line: 1, message: `is not up to date; run \`${command}\`` }]
