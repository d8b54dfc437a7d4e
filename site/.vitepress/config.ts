import { slug } from "github-slugger"
import * as path from "node:path"
import { defineConfig, type MarkdownOptions } from "vitepress"
import { isPage, repositoryUrl, root, sidebar, siteFile, siteLink } from "../links.ts"

const repository = repositoryUrl()

/** Four peers, each with a link to each. */
const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" stroke="#4457c0" fill="#4457c0" stroke-width="2">' +
  '<path d="M6 6H26V26H6ZL26 26M26 6L6 26" fill="none"/>' +
  '<circle cx="6" cy="6" r="4"/><circle cx="26" cy="6" r="4"/><circle cx="6" cy="26" r="4"/><circle cx="26" cy="26" r="4"/></svg>'

type MarkdownIt = Parameters<NonNullable<MarkdownOptions["config"]>>[0]

/** Makes the links of the files into those of the site, and blocks of Mermaid into diagrams. */
const configureMarkdown = (md: MarkdownIt): void => {
  md.core.ruler.push("coterie-links", ({ env, tokens }) => {
    // `path` is the place in the site.
    const page = path
      .relative(root, env.realPath ?? env.path)
      .split(path.sep)
      .join("/")
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === "link_open" ? token.attrGet("href") : null
      if (href !== null) token.attrSet("href", siteLink(page, href, repository))
    }
  })
  const { fence } = md.renderer.rules
  md.renderer.rules.fence = (tokens, index, options, env, self) => {
    const token = tokens[index]
    if (token?.info.trim() === "mermaid") return `<Mermaid source="${encodeURIComponent(token.content)}" />`
    return fence?.(tokens, index, options, env, self) ?? self.renderToken(tokens, index, options)
  }
}

export default defineConfig({
  title: "Coterie",
  description: "A peer-to-peer cluster library for Effect",
  lang: "en",
  // Folder of the site on its host, as `/coterie/`.
  base: process.env["SITE_BASE"] ?? "/",
  // The files stay where a git host shows them, and the site takes those that are pages.
  srcDir: root,
  srcExclude: ["!(CONTRIBUTING).md", "!(docs|site)/**/*", "site/!(api)/**/*"],
  rewrites: (file) => (isPage(file) ? siteFile(file) : file),
  outDir: path.join(root, "site/dist"),
  cacheDir: path.join(root, "site/node_modules/.cache/vitepress"),
  head: [["link", { rel: "icon", href: `data:image/svg+xml,${encodeURIComponent(icon)}` }]],
  markdown: {
    anchor: { slugify: (text) => slug(text) },
    config: configureMarkdown,
    languageAlias: { console: "shellsession" },
    // The highlighter has no grammar of the language of the frames. Without this one it warns, and prints plain text as well.
    languages: [{ name: "cddl", scopeName: "source.cddl", patterns: [], repository: {} }],
  },
  // The compiled pages import Vue, and only the site has it.
  vite: {
    resolve: { alias: { vue: path.join(root, "site/node_modules/vue") } },
    build: { chunkSizeWarningLimit: 4_000 },
  },
  themeConfig: {
    nav: [
      { text: "Guide", link: "/index.md" },
      { text: "API", link: "/api/index.md" },
    ],
    sidebar: sidebar(),
    outline: { level: [2, 3] },
    search: { provider: "local" },
    socialLinks: [{ icon: "github", link: repository }],
  },
})
