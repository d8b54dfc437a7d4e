/**
 * Links of the pages as the site needs them. The pages are written for a git host: their links are relative to the file that has them, and
 * may lead to any file of the repository. The site has the pages of the docs only, so a link to another file leads to the repository.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { guide, maintainers, type Page } from "./pages.ts"

/** Root of the repository. */
export const root = path.join(import.meta.dirname, "..")

/** Folder of the generated reference, from the root of the repository. */
export const apiFolder = "site/api"

/** Address of the repository while no package.json has one. */
const placeholder = "https://example.org/coterie"

interface Manifest {
  readonly repository?: { readonly url?: string }
}

/** Returns the address of the repository, as packages/core/package.json has it, without `git+` and `.git`. */
export const repositoryUrl = (): string => {
  const manifest: Manifest = JSON.parse(fs.readFileSync(path.join(root, "packages/core/package.json"), "utf8"))
  const url = manifest.repository?.url ?? placeholder
  return url.replace(/^git\+/, "").replace(/\.git$/, "")
}

/** Returns whether a file of the repository is a page of the site. */
export const isPage = (file: string): boolean =>
  file === "CONTRIBUTING.md" || (/^(docs|site\/api)\//.test(file) && file.endsWith(".md"))

/** Returns the place of a page in the site: `docs/decisions/README.md` becomes `decisions/index.md`. */
export const siteFile = (file: string): string => {
  if (file === "CONTRIBUTING.md") return "contributing.md"
  const inside = file.replace(/^(docs|site)\//, "")
  return inside.replace(/(^|\/)README\.md$/, "$1index.md")
}

/** Returns where a link of a page leads on the site. Links to other sites, and to a heading of the same page, stay. */
export const siteLink = (page: string, href: string, repository: string): string => {
  if (href.startsWith("#") || href.startsWith("/") || /^[a-z][a-z0-9+.-]*:/i.test(href)) return href
  const [target = "", anchor] = href.split("#")
  const hash = anchor === undefined ? "" : `#${anchor}`
  const file = path.posix.join(path.posix.dirname(page), decodeURI(target)).replace(/\/$/, "")
  if (isPage(file)) return `/${siteFile(file)}${hash}`
  const index = [`${file}/index.md`, `${file}/README.md`].find(
    (candidate) => isPage(candidate) && fs.existsSync(path.join(root, candidate)),
  )
  if (index !== undefined) return `/${siteFile(index)}${hash}`
  const isFolder = fs.statSync(path.join(root, file), { throwIfNoEntry: false })?.isDirectory() === true
  const kind = isFolder ? "tree" : "blob"
  return `${repository}/${kind}/main/${file}${hash}`
}

const titleOf = (file: string): string =>
  /^# (.*)$/m.exec(fs.readFileSync(path.join(root, file), "utf8"))?.[1] ?? path.posix.basename(file)

/** Returns the pages of a folder that a page brings along. */
const pagesOfFolder = ({ file, folder }: Page): ReadonlyArray<Page> =>
  folder === undefined
    ? []
    : fs
        .readdirSync(path.join(root, folder))
        .filter((name) => name.endsWith(".md"))
        .map((name) => `${folder}/${name}`)
        .filter((other) => other !== file)
        .toSorted()
        .map((other) => ({ text: titleOf(other), file: other }))

/** Returns a page with the pages below it, in order. */
const below = (page: Page): ReadonlyArray<Page> => [...(page.pages ?? []), ...pagesOfFolder(page)]

/** Returns every page that has a place in the sidebar, in order. */
export const listedPages = (): ReadonlyArray<Page> =>
  [...guide.pages, ...maintainers.pages].flatMap((page) => [page, ...below(page)])

/** An entry of the sidebar, as VitePress takes it. */
export interface SidebarItem {
  readonly text: string
  readonly link?: string
  readonly collapsed?: boolean
  readonly items?: Array<SidebarItem>
}

const item = (page: Page): SidebarItem => {
  const link = `/${siteFile(page.file)}`
  const items = below(page).map(item)
  return items.length === 0 ? { text: page.text, link } : { text: page.text, link, collapsed: true, items }
}

/** A published package: its name, its folder in packages, and its modules, each of which has a page in the reference. */
export interface PublishedPackage {
  readonly name: string
  readonly folder: string
  readonly modules: ReadonlyArray<string>
}

/** Returns the published packages in the order of their names. */
export const publishedModules = (): ReadonlyArray<PublishedPackage> =>
  fs
    .readdirSync(path.join(root, "packages"))
    .toSorted()
    .map((folder) => ({
      name: `@coterie/${folder}`,
      folder,
      modules: fs
        .readdirSync(path.join(root, "packages", folder, "src"))
        .filter((file) => file.endsWith(".ts") && file !== "index.ts" && file !== "version.ts")
        .map((file) => file.slice(0, -".ts".length))
        .toSorted(),
    }))

/** Returns the sidebar: the guide, the reference, and the pages of the maintainers. */
export const sidebar = (): Array<SidebarItem> => [
  { text: guide.text, items: guide.pages.map(item) },
  {
    text: "Reference",
    items: [
      { text: "API", link: "/api/index.md" },
      ...publishedModules().map(({ name, folder, modules }) => ({
        text: name,
        collapsed: true,
        items: modules.map((module) => ({ text: module, link: `/api/${folder}/${module}.md` })),
      })),
    ],
  },
  { text: maintainers.text, items: maintainers.pages.map(item) },
]
