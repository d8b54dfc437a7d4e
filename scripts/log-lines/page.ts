/** The part of docs/operations.md with the log lines. */
import type { ClusterEvent } from "../../packages/core/src/ClusterEvent.ts"
import type { Problem } from "../lib/source.ts"
import { examples } from "./examples.ts"
import { linesOf } from "./lines.ts"
import { readPackages } from "./sources.ts"

/** Page that has the lines, in the folder `docs`. */
export const outputPage = "operations.md"

const command = "npx -y pnpm@12 docs:log-lines"

interface Part {
  readonly begin: string
  readonly end: string
  readonly render: () => string
}

/** Events without a line: they carry the view to a subscriber, and nothing has happened in the cluster. */
const silent: ReadonlySet<string> = new Set(["Snapshot", "Lagged"])

const block = (language: string, lines: ReadonlyArray<string>): string => ["```" + language, ...lines, "```"].join("\n")

const events: ReadonlyArray<ClusterEvent> = Object.values(examples)

/** Returns the examples that have no line, or several. */
export const checkExamples = (all: ReadonlyArray<ClusterEvent> = events): ReadonlyArray<Problem> =>
  all.flatMap((event) => {
    const { json, logfmt } = linesOf(event)
    const expected = silent.has(event._tag) ? 0 : 1
    return logfmt.length === expected && json.length === expected
      ? []
      : [
          {
            file: "scripts/log-lines/examples.ts",
            line: 1,
            message: `${event._tag} has ${logfmt.length} log lines instead of ${expected}`,
          },
        ]
  })

const renderEvents = (): string => {
  const lines = events.map(linesOf)
  const json = linesOf(examples.Failed).json
  return [
    "",
    block(
      "text",
      lines.flatMap(({ logfmt }) => logfmt),
    ),
    "",
    "`Logger.layer([Logger.consoleJson])` prints the same as JSON, here `Failed`:",
    "",
    block("json", json),
    "",
  ].join("\n")
}

const renderSources = (): string => {
  const lines = readPackages().lines
  return [...new Set(lines.map((line) => line.package))]
    .map((name) => {
      const own = lines.filter((line) => line.package === name)
      const texts = own.map(({ level, text }) => `${level.padEnd(5)} ${text}`)
      return `\n\`@coterie/${name}\`:\n\n${block("text", [...new Set(texts)])}\n`
    })
    .join("")
}

const parts: ReadonlyArray<Part> = [
  { begin: "<!-- log lines -->", end: "<!-- end of the log lines -->", render: renderEvents },
  { begin: "<!-- other log lines -->", end: "<!-- end of the other log lines -->", render: renderSources },
]

const updatePart = (page: string, { begin, end, render }: Part): string | undefined => {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  return from < 0 || to < from ? undefined : `${page.slice(0, from + begin.length)}\n${render()}\n${page.slice(to)}`
}

/** Returns the page with the lines. `undefined` if the page does not have the marks. */
export const update = (page: string): string | undefined =>
  parts.reduce<string | undefined>((found, part) => found && updatePart(found, part), page)

/** Returns the problem of a page that is not up to date. */
export const checkPage = (page: string): ReadonlyArray<Problem> => {
  const updated = update(page)
  if (updated === page) return []
  const marks = parts.flatMap(({ begin, end }) => [begin, end]).join(" ")
  const message =
    updated === undefined ? `does not have the marks ${marks}` : `the log lines are not up to date; run \`${command}\``
  return [{ file: `docs/${outputPage}`, line: 1, message }]
}
