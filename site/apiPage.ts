/** Parts of the pages of the reference beside the members of a module. */
import * as fs from "node:fs"
import * as path from "node:path"
import { slug } from "github-slugger"
import { findTitle, readPage } from "../scripts/lib/markdown.ts"
import { type PublishedPackage, root } from "./links.ts"

/** A module whose page is finished. */
export interface Module {
  /** Folder of its package. */
  readonly folder: string
  readonly module: string
  readonly source: string
}

/** Returns the text of the docstring of a module, without its tags. */
export const moduleDocstring = (source: string): string => {
  const [, comment = ""] = /^\/\*\*((?:(?!\*\/)[^])*)\*\//.exec(source) ?? []
  const lines = comment.split("\n").map((line) => line.replace(/^ \* ?/, ""))
  const tags = lines.findIndex((line) => line.startsWith("@"))
  return lines
    .slice(0, tags === -1 ? lines.length : tags)
    .join("\n")
    .replaceAll(/\{@link ([^}]+)\}/g, "`$1`")
    .trim()
}

/** Returns the first sentence of a docstring, on one line. */
export const summaryOf = (docstring: string): string => {
  const [paragraph = ""] = docstring.split("\n\n")
  const [sentence = ""] = /^[^]*?[.:](?=\s|$)/.exec(paragraph.replaceAll("\n", " ")) ?? [paragraph]
  return sentence.replace(/:$/, ".")
}

/** Returns the line with which a program imports a module. */
export const importLine = ({ folder, module }: Module, index: string): string => {
  if (index.includes(`export * as ${module} `)) return `import { ${module} } from "@coterie/${folder}"`
  return /^[A-Z]/.test(module)
    ? `import * as ${module} from "@coterie/${folder}/${module}"`
    : `import { it } from "@coterie/${folder}/${module}"`
}

/** Returns the anchor of a title of a page of the docs. `pnpm check:docs` fails if a docstring names a title that the page lacks. */
const anchorOf = (file: string, title: string): string => {
  const found = findTitle(readPage(fs.readFileSync(path.join(root, "docs", file), "utf8")), title)
  return found === undefined ? "" : `#${found.anchor}`
}

/** Makes links of the places in the docs that docstrings name: `docs/messages.md, section "Topics"`. */
export const linkDocs = (text: string): string =>
  text
    .split(/(```[^]*?```|`[^`\n]*`)/)
    .map((part, index) =>
      index % 2 === 1
        ? part
        : part.replaceAll(
            /\bdocs\/([\w./-]+?\.md)(?:,\s+section\s+"([^"]+)")?/g,
            (found, file: string, section?: string) => {
              const anchor = section === undefined ? "" : anchorOf(file, section.replaceAll(/\s+/g, " "))
              return `[${found.replaceAll(/\s+/g, " ")}](../../../docs/${file}${anchor})`
            },
          ),
    )
    .join("")

/** Returns a page with its title, its import and the docstring of the module in front of the members. */
export const finishPage = (page: string, module: Module): string => {
  const index = fs.readFileSync(path.join(root, "packages", module.folder, "src/index.ts"), "utf8")
  const members = page.replace(/^# .*\n/, "").replaceAll(
    /^## ([a-z])(.*)$/gm,
    (_, letter: string, rest: string) =>
      // Members have the plain anchors.
      `## ${letter.toUpperCase()}${rest} {#category-${slug(letter + rest)}}`,
  )
  const parts = [
    "---\noutline: [2, 3]\n---",
    `# ${module.module} {#module}`,
    `\`\`\`ts\n${importLine(module, index)}\n\`\`\``,
    moduleDocstring(module.source),
    members.trim(),
  ]
  return `${linkDocs(parts.join("\n\n"))}\n`
}

/** Returns the first page of the reference: every module with the first sentence of its docstring. */
export const indexPage = (packages: ReadonlyArray<PublishedPackage>): string => {
  const sections = packages.map(({ folder, modules, name }) => {
    const rows = modules.map((module) => {
      const source = fs.readFileSync(path.join(root, "packages", folder, "src", `${module}.ts`), "utf8")
      return `| [${module}](${folder}/${module}.md) | ${summaryOf(moduleDocstring(source))} |`
    })
    return [`## ${name}`, "", "| module | |", "| --- | --- |", ...rows].join("\n")
  })
  return `---\nprev: false\n---\n\n# API\n\nModules of the published packages. A module is a namespace: \`Cluster.layer\` is \`layer\` of the module \`Cluster\`.\n\n${sections.join("\n\n")}\n`
}
