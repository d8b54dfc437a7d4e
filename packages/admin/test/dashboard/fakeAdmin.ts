/** Pages whose admin service is imagined, for clusters that real nodes do not form. */
import { Report, Verdict } from "@coterie/admin"
import type { Described } from "@coterie/core/NodeComponents"
import type { BrowserContext, Route } from "playwright-core"
import { contentSecurityPolicy, html } from "../../src/internal/http/page.ts"
import { stateReport } from "../../src/internal/reports/stateReport.ts"

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
  cluster: "shop",
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

/** Makes the report of a healthy peer. */
export const peerOf = (name: string): Report.PeerReport => ({
  name,
  generation: 1,
  incarnation: 0,
  addresses: [],
  metadata: {},
  status: "alive",
  link: "up",
})

/** Makes the report of a link that has received some bytes, and sent twice as many. */
export const linkOf = (bytesIn: number, session = 1): NonNullable<Report.PeerReport["connection"]> => ({
  dialedBy: "peer",
  remoteHost: "",
  openForMillis: 1,
  session,
  heardAgoMillis: 1,
  heartbeatMillis: 1_000,
  peerViewHash: "",
  bytesIn,
  bytesOut: 2 * bytesIn,
  queues: [{ name: "control", size: 1, limit: 4 }],
})

/** Makes the answer to a request for the shared state of a node. */
export const stateOf = (
  name: string,
  components: ReadonlyArray<Described>,
  query: URLSearchParams,
): Report.StateReport =>
  stateReport({ name, generation: 1 }, components, 1_767_225_600_000, {
    kind: query.get("kind") ?? undefined,
    name: query.get("name") ?? undefined,
    rows: query.has("rows") ? Number(query.get("rows")) : undefined,
  })

/** Answers of the imagined service. */
export interface Answers {
  readonly report: Report.ClusterReport
  /** Text of the event stream, which then stays open. Empty by default. */
  readonly events?: string
  /** Path of the page. Defaults to `/`. */
  readonly path?: string
  readonly metadata?: Readonly<Record<string, string>>
  /** Returns the components of the node. A service of an earlier version has no route for them; this is the default. */
  readonly components?: () => ReadonlyArray<Described>
  /** Returns the report of the node for a request, by the number of the request. */
  readonly selfAt?: (request: number) => Report.NodeReport
  /** Clock of the page, which the test moves. The clock of the machine by default. */
  readonly clock?: number
}

/** Answers requests for events in the page, because an answer of a route ends at once. */
const keepEventsOpen = (events: string): void => {
  const { fetch } = window
  window.fetch = (input, init) => {
    if (!String(input).endsWith("/v1/events")) return fetch(input, init)
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(events)),
    })
    return Promise.resolve(new Response(body))
  }
}

/** Opens the page of an imagined service. Returns the page, and the paths that it has asked for with their queries. */
export const open = async (
  context: BrowserContext,
  { clock, components, events = "", metadata = {}, path = "/", report, selfAt }: Answers,
) => {
  const asked: Array<string> = []
  let requests = 0
  const answer = (route: Route): Promise<void> => {
    const { pathname, search, searchParams } = new URL(route.request().url())
    asked.push(`${pathname}${search}`)
    if (pathname.endsWith("/v1/cluster")) return route.fulfill({ json: report })
    if (pathname.endsWith("/v1/self")) {
      return route.fulfill({ json: selfAt?.(requests++) ?? { ...selfOf(report.askedBy), metadata } })
    }
    if (pathname.endsWith("/v1/state") && components !== undefined) {
      return route.fulfill({ json: stateOf(report.askedBy, components(), searchParams) })
    }
    if (pathname !== path) return route.fulfill({ status: 404 })
    return route.fulfill({
      contentType: "text/html",
      body: html,
      headers: { "content-security-policy": contentSecurityPolicy },
    })
  }
  const page = await context.newPage()
  await page.route("**/*", answer)
  await page.addInitScript(keepEventsOpen, events)
  if (clock !== undefined) await page.clock.install({ time: clock })
  await page.goto(`${origin}${path}`)
  if (clock === undefined) await page.locator(".verdict .level").waitFor()
  return { page, asked }
}

/** Makes the text of an event of the stream. */
export const event = (id: number, tag: string, value: unknown): string =>
  `id: 1-${id}\nevent: ${tag}\ndata: ${JSON.stringify({ at: 1_767_225_600_000, event: value })}\n\n`
