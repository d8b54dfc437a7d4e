/** Generated tables within handwritten pages. */
import * as fs from "node:fs"

export const table = (heads: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [heads, heads.map((_, i) => (i === 0 ? "---" : "---:")), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n")

/** Returns where the text between the marks `<!-- name -->` and `<!-- /name -->` of a page begins and ends. */
const find = (page: string, name: string): readonly [from: number, to: number] => {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from < 0 || to < from) throw new Error(`the page has no place for ${name}: put ${begin} and ${end} there`)
  return [from + begin.length, to]
}

/** Returns the text between the marks of a name. */
export const section = (page: string, name: string): string => page.slice(...find(page, name)).trim()

/** Returns the page with another text between the marks of a name. */
export const replace = (page: string, name: string, text: string): string => {
  const [from, to] = find(page, name)
  return `${page.slice(0, from)}\n\n${text}\n\n${page.slice(to)}`
}

/** Replaces the text between the marks of a name in a file. */
export const fill = (file: URL, name: string, text: string): void =>
  fs.writeFileSync(file, replace(fs.readFileSync(file, "utf8"), name, text))
