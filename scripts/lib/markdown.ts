/**
 * Parts of a Markdown page that the checks of the docs need. Pages are parsed as the documentation site parses them,
 * and headings get the anchors of git hosts.
 */
import GithubSlugger from "github-slugger"
import MarkdownIt from "markdown-it"

/** Link or image, with the line of the paragraph or table row that has it. */
export interface Link {
  readonly target: string
  readonly line: number
}

/** Title with its text, with and without markup, and the anchor of its heading. */
export interface Title {
  readonly text: string
  readonly markdown: string
  readonly anchor: string
}

/** Code block with its language, which is empty if the page has none. */
export interface CodeBlock {
  readonly language: string
  readonly text: string
  readonly line: number
}

/** Paragraph with its text, on the lines from `start` to before `end`. The first line of a page is 0. */
export interface Paragraph {
  readonly text: string
  readonly start: number
  readonly end: number
}

export interface Page {
  readonly links: ReadonlyArray<Link>
  readonly headings: ReadonlyArray<Title>
  /**
   * Bold words at the start of paragraphs (`**Local health.** A node ...`). They have the anchor of the heading above.
   */
  readonly runIns: ReadonlyArray<Title>
  readonly blocks: ReadonlyArray<CodeBlock>
  /** Paragraphs of the page, its lists and its quotes. */
  readonly paragraphs: ReadonlyArray<Paragraph>
  /** Anchors of the headings and of the HTML of the page. */
  readonly anchors: ReadonlySet<string>
}

const parser = new MarkdownIt({ html: true })

type Token = ReturnType<MarkdownIt["parse"]>[number]

const attributesOf = (html: string, names: string): ReadonlyArray<string> =>
  [...html.matchAll(new RegExp(`\\s(?:${names})="([^"]*)"`, "g"))].map(([, value = ""]) => value)

const textOf = (tokens: ReadonlyArray<Token>): string =>
  tokens.map(({ content, type }) => (type === "html_inline" ? "" : content)).join("")

/** Replaces the front matter by empty lines, which keeps the line numbers. */
const withoutFrontMatter = (text: string): string =>
  text.replace(/^---\n[^]*?\n---\n/, (found) => "\n".repeat(found.split("\n").length - 1))

/** Returns the parts of a page. */
export const readPage = (text: string): Page => {
  const slugger = new GithubSlugger()
  const links: Array<Link> = []
  const headings: Array<Title> = []
  const runIns: Array<Title> = []
  const blocks: Array<CodeBlock> = []
  const paragraphs: Array<Paragraph> = []
  const anchors = new Set<string>()

  const readHtml = (html: string, line: number) => {
    for (const target of attributesOf(html, "href|src")) links.push({ target, line })
    for (const anchor of attributesOf(html, "id|name")) anchors.add(anchor)
  }
  const readInline = ({ children }: Token, line: number) => {
    for (const token of children ?? []) {
      const target = token.attrGet("href") ?? token.attrGet("src")
      if (target !== null) links.push({ target, line })
      if (token.type === "html_inline") readHtml(token.content, line)
    }
  }
  const readRunIn = ({ content }: Token) => {
    const [, text] = /^\*\*([^*]+?)\.?\*\*/.exec(content) ?? []
    if (text !== undefined) runIns.push({ text, markdown: text, anchor: headings.at(-1)?.anchor ?? "" })
  }
  // A heading of a generated page may end with its anchor: `## Topic.make {#make}`.
  const readHeading = (inline: Token) => {
    const whole = textOf(inline.children ?? [])
    const [, title = whole, given] = /^(.*) \{#([^}]+)\}$/.exec(whole) ?? []
    const anchor = given ?? slugger.slug(title)
    headings.push({ text: title, markdown: inline.content, anchor })
    anchors.add(anchor)
  }

  const tokens = parser.parse(withoutFrontMatter(text), {})
  let line = 1
  for (const [index, token] of tokens.entries()) {
    // The cells of a table have no line, so they use the line of their row.
    if (token.map !== null) line = token.map[0] + 1
    if (token.type === "inline") readInline(token, line)
    if (token.type === "html_block") readHtml(token.content, line)
    if (token.type === "fence")
      blocks.push({ language: token.info.trim().split(/\s/)[0] ?? "", text: token.content, line })
    const inline = tokens[index + 1]
    if (token.type === "heading_open" && inline !== undefined) readHeading(inline)
    if (token.type === "paragraph_open" && inline !== undefined) {
      readRunIn(inline)
      if (token.map !== null) paragraphs.push({ text: inline.content, start: token.map[0], end: token.map[1] })
    }
  }
  return { links, headings, runIns, blocks, paragraphs, anchors }
}

/** Returns the title with a text. Numbers before the headings of a page do not count. */
export const findTitle = ({ headings, runIns }: Page, title: string): Title | undefined =>
  [...headings, ...runIns].find(({ text }) => text === title || text.replace(/^\d+(?:\.\d+)*\.? /, "") === title)
