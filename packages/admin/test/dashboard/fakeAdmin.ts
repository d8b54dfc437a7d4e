/** Pages whose admin service is imagined, for clusters that real nodes do not form. */
import { Report, Verdict } from "@coterie/admin"
import type { BrowserContext, Route } from "playwright-core"
import { contentSecurityPolicy, html } from "../../src/internal/http/page.ts"

/** Origin of the imagined service. No name of this domain exists, so no request leaves the browser. */
const origin = "http://coterie.test"

/** Makes the report of rows, with the verdict of the service. */
export const reportOf = (
  rows: ReadonlyArray<Report.Row>,
  unanswered: ReadonlyArray<Report.Unanswered> = [],
): Report.ClusterReport =>
  Report.makeClusterReport({
    askedBy: rows[0]?.name ?? "",
    at: 1_767_225_600_000,
    tookMillis: 12,
    rows,
    unanswered,
    verdict: Verdict.make({ rows, unanswered }),
  })

export const selfOf = (name: string): Report.NodeReport => ({
  schema: 1,
  version: "0.1.0",
  name,
  generation: 1,
  incarnation: 0,
  addresses: [],
  metadata: {},
  observedHosts: [],
  protocol: { min: 1, max: 1 },
  features: [],
  status: { phase: "member" },
  startedAt: 1_767_225_000_000,
  uptimeMillis: 600_000,
  wallTime: 1_767_225_600_000,
  everLinked: true,
  isolated: false,
  viewHash: "00",
  viewVersion: 1,
  localHealth: 0,
  lagMillis: 1,
  queues: [],
  peers: [],
  addressesDialed: [],
})

/** Answers of the imagined service. */
export interface Answers {
  readonly report: Report.ClusterReport
  /** Text of the event stream, which then ends. Empty by default. */
  readonly events?: string
  /** Path of the page. Defaults to `/`. */
  readonly path?: string
  readonly metadata?: Readonly<Record<string, string>>
}

/** Opens the page of an imagined service. Returns the page, and the paths that it has asked for. */
export const open = async (context: BrowserContext, { events = "", metadata = {}, path = "/", report }: Answers) => {
  const asked = new Set<string>()
  const answer = (route: Route): Promise<void> => {
    const { pathname } = new URL(route.request().url())
    asked.add(pathname)
    if (pathname.endsWith("/v1/cluster")) return route.fulfill({ json: report })
    if (pathname.endsWith("/v1/self")) return route.fulfill({ json: { ...selfOf(report.askedBy), metadata } })
    if (pathname.endsWith("/v1/events")) return route.fulfill({ contentType: "text/event-stream", body: events })
    if (pathname !== path) return route.fulfill({ status: 404 })
    return route.fulfill({
      contentType: "text/html",
      body: html,
      headers: { "content-security-policy": contentSecurityPolicy },
    })
  }
  const page = await context.newPage()
  await page.route("**/*", answer)
  await page.goto(`${origin}${path}`)
  await page.locator(".verdict .level").waitFor()
  return { page, asked }
}

/** Makes the text of an event of the stream. */
export const event = (id: number, tag: string, value: unknown): string =>
  `id: 1-${id}\nevent: ${tag}\ndata: ${JSON.stringify({ at: 1_767_225_600_000, event: value })}\n\n`
