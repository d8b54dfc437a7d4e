/**
 * Checks the pages of the docs, without the documentation site:
 *
 * - A link or an image leads to a file of the repository that exists, and an anchor to a heading of that file.
 * - A block of code has a language.
 * - Each page of docs has a place in the sidebar of the site (site/pages.ts), and each place has a page.
 * - A page or section that a comment of a source names, such as `docs/messages.md, section "Topics"`, exists.
 * - A line of prose has at most 120 characters, except on pages that a program writes.
 *
 *     node scripts/check-docs.ts [folder of other pages]
 *     node scripts/check-docs.ts --fix      wraps the paragraphs with longer lines
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { listedPages, root } from "../site/links.ts"
import { listSources, type Problem, parse, report } from "./lib/source.ts"
import { findTitle, type Page, readPage } from "./lib/markdown.ts"
import { longLines, maxWidth, wrapProse } from "./lib/prose.ts"

/** Pages of a repository, read once each. */
export class Pages {
  private readonly root: string
  private readonly pages = new Map<string, Page>()

  constructor(root: string) {
    this.root = root
  }

  exists(file: string): boolean {
    return fs.existsSync(path.join(this.root, file))
  }

  read(file: string): Page {
    let page = this.pages.get(file)
    if (page === undefined) {
      page = readPage(fs.readFileSync(path.join(this.root, file), "utf8"))
      this.pages.set(file, page)
    }
    return page
  }
}

/** Returns the problem of the target of a link, or `undefined`. Links to other sites are not followed. */
const problemOfTarget = (pages: Pages, file: string, target: string): string | undefined => {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return undefined
  if (target.startsWith("/")) return `${target}: a link is relative, so that git hosts can follow it`
  const [name = "", anchor] = decodeURI(target).split("#")
  const found = name === "" ? file : path.posix.join(path.posix.dirname(file), name)
  if (!pages.exists(found)) return `${target}: no such file`
  if (anchor === undefined || !found.endsWith(".md") || pages.read(found).anchors.has(anchor)) return undefined
  return `${target}: no such heading`
}

/** Returns the broken links and the blocks without a language of a page. */
export const pageProblems = (pages: Pages, file: string): ReadonlyArray<Problem> => {
  const { blocks, links } = pages.read(file)
  return [
    ...links.flatMap(({ line, target }) => {
      const message = problemOfTarget(pages, file, target)
      return message === undefined ? [] : [{ file, line, message }]
    }),
    ...blocks
      .filter(({ language }) => language === "")
      .map(({ line }) => ({ file, line, message: "a block of code without a language" })),
  ]
}

/** Returns the lines of prose of a page that are too long. */
export const widthProblems = (file: string, text: string): ReadonlyArray<Problem> =>
  longLines(text).map(({ line, width }) => ({
    file,
    line,
    message: `a line of ${width} characters: wrap prose at ${maxWidth} (node scripts/check-docs.ts --fix)`,
  }))

/** Returns the pages without a place in the sidebar, the places without a page, and the pages with two places. */
export const sidebarProblems = (
  listed: ReadonlyArray<string>,
  existing: ReadonlyArray<string>,
): ReadonlyArray<Problem> => {
  const double = listed.filter((page, index) => listed.indexOf(page) !== index)
  return [
    ...existing.filter((page) => !listed.includes(page)).map((page) => `${page} has no place in the sidebar`),
    ...listed.filter((page) => !existing.includes(page)).map((page) => `${page} does not exist`),
    ...double.map((page) => `${page} has two places in the sidebar`),
  ].map((message) => ({ file: "site/pages.ts", line: 1, message }))
}

/** Reference of a comment to a page and its sections, such as `docs/messages.md, sections "Lanes" and "Topics"`. */
const reference = /\b(docs\/[\w/-]+\.md)(?:,?\s+sections?((?:(?:\s|,|\band\b)*"[^"]+")+))?/g

/** Returns the references in the comments of a source to pages and sections that do not exist. */
export const referenceProblems = (pages: Pages, file: string, text: string): ReadonlyArray<Problem> => {
  const { comments, lineAt } = parse(file, text)
  return comments.flatMap(({ start, value }) => {
    const prose = value.replaceAll(/\n\s*\* ?/g, " ")
    const messages = [...prose.matchAll(reference)].flatMap(([, page = "", sections = ""]) => {
      if (!pages.exists(page)) return [`${page}: no such file`]
      return [...sections.matchAll(/"([^"]+)"/g)]
        .filter(([, title = ""]) => findTitle(pages.read(page), title) === undefined)
        .map(([, title = ""]) => `${page}, section "${title}": no such heading`)
    })
    return messages.map((message) => ({ file, line: lineAt(start), message }))
  })
}

/** Returns the pages of the repository: at its root, in docs, and next to packages and programs. */
const ownPages = (): ReadonlyArray<string> =>
  fs
    .globSync(["*.md", "docs/**/*.md", "packages/*/*.md", "examples/**/*.md", "benchmarks/**/*.md"], {
      cwd: root,
      exclude: (name) => path.basename(name) === "node_modules",
    })
    .map((name) => name.split(path.sep).join("/"))
    .toSorted()

const readText = (file: string): string => fs.readFileSync(path.join(root, file), "utf8")

/** Page that scripts/docs-guarantees.ts writes, and the pages that changesets write. */
const isWritten = (file: string): boolean => file === "docs/guarantees.md" || file.endsWith("/CHANGELOG.md")

/** Returns the own pages that people write. */
const pagesOfProse = (): ReadonlyArray<string> => ownPages().filter((file) => !isWritten(file))

/** Wraps the prose of all own pages. */
const fix = (): void => {
  for (const file of pagesOfProse()) {
    const text = readText(file)
    const wrapped = wrapProse(text)
    if (wrapped !== text) fs.writeFileSync(path.join(root, file), wrapped)
  }
}

const main = (folder: string | undefined): void => {
  if (folder === "--fix") return fix()
  const pages = new Pages(root)
  if (folder !== undefined) {
    const files = fs.globSync(`${folder}/**/*.md`, { cwd: root }).toSorted()
    report(
      "docs",
      files.length,
      files.flatMap((file) => pageProblems(pages, file)),
    )
    return
  }
  const files = ownPages()
  const sources = ["benchmarks", "examples", "packages", "scripts"].flatMap((folder) =>
    listSources(path.join(root, folder)).map((name) => `${folder}/${name}`),
  )
  const inSidebar = files.filter((file) => file.startsWith("docs/") || file === "CONTRIBUTING.md")
  report("docs", files.length + sources.length, [
    ...files.flatMap((file) => pageProblems(pages, file)),
    ...sidebarProblems(
      listedPages().map(({ file }) => file),
      inSidebar,
    ),
    ...sources.flatMap((file) => referenceProblems(pages, file, readText(file))),
    ...pagesOfProse().flatMap((file) => widthProblems(file, readText(file))),
  ])
}

if (process.argv[1] === import.meta.filename) main(process.argv[2])
