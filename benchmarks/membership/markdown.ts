/** Generated tables within handwritten pages. */
import * as fs from "node:fs"

export const table = (heads: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [heads, heads.map((_, i) => (i === 0 ? "---" : "---:")), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n")

/** Replaces the text between the marks `<!-- name -->` and `<!-- /name -->` of a page. */
export const fill = (file: URL, name: string, text: string): void => {
  const page = fs.readFileSync(file, "utf8")
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from < 0 || to < from) throw new Error(`${file.pathname} has no place for ${name}: put ${begin} and ${end} there`)
  fs.writeFileSync(file, `${page.slice(0, from)}${begin}\n\n${text}\n\n${page.slice(to)}`)
}
