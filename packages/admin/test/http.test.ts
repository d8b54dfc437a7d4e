/** The HTTP API over real sockets: routes, the checks of requests, changes, event streams and the end of the server. */
import * as World from "../../core/test/cluster/world.ts"
import { AdminApi, Report } from "@coterie/admin"
import * as Reconnect from "@coterie/core/Reconnect"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as NodeHttp from "node:http"
import { MetricReader } from "../../core/test/cluster/MetricReader.ts"
import * as Support from "./support.ts"

/** The default failure detector, which tolerates a busy machine, and short pauses between dials. */
const patient = Reconnect.layer(Schedule.spaced("100 millis"))

/** Defines a test with real nodes. */
const scenario = (title: string, body: (world: World.World) => Effect.Effect<void, unknown, Scope.Scope>): void =>
  it.live(title, () =>
    Effect.scoped(
      Effect.flatMap(World.tcp, ({ node }) => body({ node: (name, options) => node(name, options, patient) })),
    ),
  )

const writeToken = "write-0123456789abcdef"
const readToken = "read-0123456789abcdef"
const tokens = [
  { role: "write", token: Redacted.make(writeToken) },
  { role: "read", token: Redacted.make(readToken) },
] as const

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const writes = bearer(writeToken)
const reads = bearer(readToken)

const decode = <S extends Schema.Top & { readonly DecodingServices: never }>(schema: S, body: unknown): S["Type"] =>
  Schema.decodeUnknownSync(schema)(body)

const field = (body: unknown, name: string): unknown =>
  typeof body === "object" && body !== null ? Object.entries(body).find(([key]) => key === name)?.[1] : undefined

describe("the routes", () => {
  scenario("answer with what their schemas say", ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const b = yield* node("b", { seeds: [a.address], metadata: { zone: "one" } })
      yield* World.untilPeers(a, ["b"])
      const { url } = yield* Support.served(a)
      yield* Support.admin(b)
      const get = (path: string) => Effect.map(Support.request(url, path), ({ body }) => body)
      assert.strictEqual(decode(Report.NodeReport, yield* get("/v1/self")).name, "a")
      assert.strictEqual(decode(Report.NodeReport, yield* get("/v1/self?ping=true")).name, "a")
      const [peer] = decode(Schema.Array(Report.PeerReport), yield* get("/v1/members"))
      assert.deepInclude(peer, { name: "b", metadata: { zone: "one" } })
      assert.strictEqual(decode(Report.PeerReport, yield* get("/v1/members/b")).name, "b")
      assert.strictEqual(decode(Report.NodeReport, yield* get("/v1/nodes/b")).name, "b")
      assert.strictEqual(decode(Report.NodeReport, yield* get("/v1/nodes?name=b")).name, "b")
      assert.strictEqual(decode(Report.ClusterReport, yield* get("/v1/cluster?deadlineMillis=5000")).askedBy, "a")
      const rows = [{ peer: "b" }, { peer: "c" }]
      for (const name of ["x/y", "z"]) {
        a.cluster.components.add({ kind: "map", name, describe: () => ({ facts: { entries: 1 }, rows }) })
      }
      const state = (query: string) => Effect.map(get(`/v1/state${query}`), (body) => decode(Report.StateReport, body))
      assert.deepStrictEqual(
        (yield* state("")).components.map(({ name, rows }) => [name, rows.length]),
        [
          ["x/y", 2],
          ["z", 2],
        ],
      )
      const { components, omitted } = yield* state("?kind=map&name=x%2Fy&rows=1")
      assert.deepStrictEqual(components, [
        { kind: "map", name: "x/y", facts: { entries: 1 }, rows: [{ peer: "b" }], omittedRows: 1 },
      ])
      assert.deepStrictEqual(omitted, { components: 0, rows: 1 })
      for (const question of ["started", "ready", "live"]) {
        assert.strictEqual(decode(AdminApi.HealthAnswer, yield* get(`/health/${question}`)).status, "ok")
      }
      const metrics = yield* Support.request(url, "/metrics")
      assert.include(metrics.headers["content-type"], "text/plain")
      assert.match(metrics.text, /^coterie_ready\{.*node="a".*\} 1$/m)
      assert.isObject(field(yield* get("/openapi.json"), "paths"))
      for (const path of ["/v1/self", "/v1/cluster", "/health/ready", "/metrics"]) {
        assert.deepInclude((yield* Support.request(url, path)).headers, {
          "cache-control": "no-store",
          "x-content-type-options": "nosniff",
        })
      }
    }),
  )

  scenario("explain what is wrong with a request", ({ node }) =>
    Effect.gen(function* () {
      const { url } = yield* Support.served(yield* node("a"))
      const cases = [
        ["/v1/members/aa", 404, "did you mean a?"],
        ["/v1/nodes/zz", 404, "knows no member"],
        ["/v1/members?name=zz", 404, "knows no member"],
        ["/v1/cluster?deadlineMillis=99", 400, "between 100 and 10000"],
        ["/v1/cluster?deadlineMillis=ten", 400, "deadlineMillis"],
        ["/v1/state?rows=-1", 400, "between 0 and 10000"],
        ["/v1/state?rows=1.5", 400, "rows"],
        [`/v1/members/${"x".repeat(129)}`, 400, "name"],
        [`/v1/members/${"x".repeat(513)}`, 404, ""],
        ["/v1/members/%zz", 404, ""],
        ["/v2/self", 404, ""],
      ] as const
      for (const [path, status, text] of cases) {
        const response = yield* Support.request(url, path)
        assert.strictEqual(response.status, status, path)
        assert.include(response.text, text)
      }
      const response = yield* Support.post(url, "/v1/join", { address: 7 })
      assert.strictEqual(response.status, 400)
      assert.include(response.text, '"path":["payload","address"]')
    }),
  )

  scenario("find peers with any name", ({ node }) =>
    Effect.gen(function* () {
      const names = [
        "..",
        ".",
        "a/b?c=d&e#f",
        "100%",
        "%2e%2e",
        "\u202ereversed",
        "\u{1f600}".repeat(32),
        "<img src=x onerror=alert(1)>",
      ]
      const a = yield* node("a")
      const { url } = yield* Support.served(a)
      for (const name of names) yield* node(name, { seeds: [a.address] })
      yield* World.until(a, ({ peers }) => names.every((name) => peers.has(name)))
      for (const name of names) {
        const encoded = encodeURIComponent(name)
        const [found] = decode(
          Schema.Array(Report.PeerReport),
          (yield* Support.request(url, `/v1/members?name=${encoded}`)).body,
        )
        assert.strictEqual(found?.name, name)
        // This client sends the path as it is. Others replace `.` and `..`.
        const path = yield* Support.request(url, `/v1/members/${encoded}`)
        assert.strictEqual(decode(Report.PeerReport, path.body).name, name)
      }
      const report = decode(Report.ClusterReport, (yield* Support.request(url, "/v1/cluster")).body)
      assert.strictEqual(report.unanswered.length, names.length)
      assert.notMatch(report.verdict.details.join(""), /[\p{Cc}\p{Cf}]/u)
      const disconnected = yield* Support.post(url, "/v1/disconnect", { name: ".." })
      assert.strictEqual(disconnected.status, 204)
      yield* World.until(a, ({ peers }) => !peers.has(".."))
    }),
  )

  scenario(
    "for the health fail when the process is not to get traffic, without names and without a token",
    ({ node }) =>
      Effect.gen(function* () {
        const a = yield* node("a", { seeds: ["127.0.0.1:1"] })
        const options = { tokens, allowedHosts: [] }
        const { stop, url } = yield* Support.served(a, options, { health: { aloneAfter: "1 hour" } })
        const ask = (question: string) =>
          Support.request(url, `/health/${question}`, { headers: { host: "probe.example" } })
        assert.strictEqual((yield* ask("live")).status, 200)
        assert.deepInclude(yield* ask("ready"), {
          status: 503,
          body: { status: "unavailable", reason: "this node looks for peers" },
        })
        assert.strictEqual((yield* ask("started")).status, 503)
        yield* stop
        const alone = yield* Support.served(a, options, { health: { aloneAfter: 0 } })
        yield* a.cluster.settled
        assert.strictEqual((yield* Support.request(alone.url, "/health/ready")).status, 200)
        yield* a.cluster.leave
        assert.strictEqual((yield* Support.request(alone.url, "/health/ready")).status, 503)
        assert.strictEqual((yield* Support.request(alone.url, "/health/live")).status, 200)
      }),
  )
})

interface Asked extends Support.Request {
  readonly path: string
}

interface SafetyCase {
  readonly when: string
  readonly request: Asked
  readonly status: number
  /** Expected `reason` of the error. */
  readonly reason?: string
}

const json = { "content-type": "application/json" }
const join = (headers: Readonly<Record<string, string>>): Asked => ({
  path: "/v1/join",
  method: "POST",
  headers: { ...json, ...headers },
  body: JSON.stringify({ address: "not an address" }),
})

const safety: ReadonlyArray<SafetyCase> = [
  { when: "no token", request: { path: "/v1/self" }, status: 401 },
  { when: "a wrong token", request: { path: "/v1/self", headers: bearer("wrong-0123456789abcdef") }, status: 401 },
  {
    when: "another scheme",
    request: { path: "/v1/self", headers: { authorization: `Basic ${readToken}` } },
    status: 401,
  },
  { when: "the read token", request: { path: "/v1/self", headers: reads }, status: 200 },
  { when: "the write token", request: { path: "/v1/self", headers: writes }, status: 200 },
  {
    when: "the scheme in small letters",
    request: { path: "/v1/self", headers: { authorization: `bearer ${readToken}` } },
    status: 200,
  },
  { when: "no token for the metrics", request: { path: "/metrics" }, status: 401 },
  { when: "the read token for the metrics", request: { path: "/metrics", headers: reads }, status: 200 },
  { when: "no token for events", request: { path: "/v1/events" }, status: 401 },
  { when: "no token for a change", request: join({}), status: 401 },
  { when: "the read token for a change", request: join(reads), status: 403, reason: "role" },
  { when: "the write token for a change", request: join(writes), status: 409, reason: "InvalidAddress" },
  {
    when: "a foreign host, before the token",
    request: { path: "/v1/self", headers: { host: "evil.example" } },
    status: 403,
    reason: "host",
  },
  {
    when: "a foreign host for the metrics",
    request: { path: "/metrics", headers: { ...reads, host: "evil.example" } },
    status: 403,
    reason: "host",
  },
  {
    when: "a foreign host for the health",
    request: { path: "/health/live", headers: { host: "evil.example" } },
    status: 200,
  },
  {
    when: "an allowed host",
    request: { path: "/v1/self", headers: { ...reads, host: "admin.example:80" } },
    status: 200,
  },
  {
    when: "a page of another site",
    request: { path: "/v1/self", headers: { ...reads, "sec-fetch-site": "cross-site" } },
    status: 403,
    reason: "origin",
  },
  {
    when: "a page of another origin",
    request: { path: "/v1/cluster", headers: { ...reads, origin: "http://localhost:1" } },
    status: 403,
    reason: "origin",
  },
  {
    when: "a page of another site for events",
    request: { path: "/v1/events", headers: { ...reads, "sec-fetch-site": "same-site" } },
    status: 403,
    reason: "origin",
  },
  {
    when: "a form",
    request: { ...join(writes), headers: { ...writes, "content-type": "text/plain" } },
    status: 403,
    reason: "contentType",
  },
  { when: "a body without a type", request: { ...join({}), headers: writes }, status: 403, reason: "contentType" },
  {
    when: "a type that only begins with JSON",
    request: { ...join({}), headers: { ...writes, "content-type": "application/jsonp" } },
    status: 403,
    reason: "contentType",
  },
  {
    when: "a preflight",
    request: {
      path: "/v1/join",
      method: "OPTIONS",
      headers: { origin: "http://evil.example", "access-control-request-method": "POST" },
    },
    status: 404,
  },
  {
    when: "a body over 16 KiB",
    request: { ...join(writes), body: JSON.stringify({ address: "x".repeat(16 * 1_024) }) },
    status: 413,
  },
  {
    when: "headers over 8 KiB",
    request: { path: "/v1/self", headers: { ...reads, "x-large": "x".repeat(8 * 1_024) } },
    status: 431,
  },
]

describe("a request", () => {
  scenario("is refused or answered by its headers, token and size", ({ node }) =>
    Effect.gen(function* () {
      const { url } = yield* Support.served(yield* node("a"), { tokens, allowedHosts: ["Admin.Example"] })
      for (const { reason, request, status, when } of safety) {
        const { path, ...rest } = request
        const response = yield* Support.request(url, path, rest)
        assert.strictEqual(response.status, status, `${when}: ${response.text}`)
        if (reason !== undefined) assert.strictEqual(field(response.body, "reason"), reason, when)
        assert.isUndefined(response.headers["access-control-allow-origin"], when)
        if (status === 401) assert.strictEqual(response.headers["www-authenticate"], "Bearer", when)
        assert.notInclude(response.text, readToken)
      }
    }),
  )

  scenario("with a wrong token is limited to ten in a minute, and a right token is never limited", ({ node }) =>
    Effect.gen(function* () {
      const { url } = yield* Support.served(yield* node("a"), { tokens })
      const guess = Support.request(url, "/v1/self", { headers: bearer("wrong-0123456789abcdef") })
      for (let i = 0; i < 10; i++) assert.strictEqual((yield* guess).status, 401)
      const limited = yield* guess
      assert.strictEqual(limited.status, 429)
      assert.match(String(limited.headers["retry-after"]), /^[1-9]\d?$/)
      assert.strictEqual((yield* Support.request(url, "/metrics", { headers: bearer("x") })).status, 429)
      assert.strictEqual((yield* Support.request(url, "/v1/self", { headers: reads })).status, 200)
      assert.strictEqual((yield* Support.request(url, "/v1/self")).status, 401)
    }),
  )

  scenario("needs no token on the loopback if none is configured", ({ node }) =>
    Effect.gen(function* () {
      const { url } = yield* Support.served(yield* node("a"))
      assert.strictEqual((yield* Support.request(url, "/v1/self")).status, 200)
      assert.strictEqual((yield* Support.request(url, "/metrics")).status, 200)
      const foreign = yield* Support.request(url, "/v1/self", { headers: { host: "evil.example" } })
      assert.strictEqual(foreign.status, 403)
    }),
  )

  scenario("for the metrics needs no token if they are open", ({ node }) =>
    Effect.gen(function* () {
      const { url } = yield* Support.served(yield* node("a"), { tokens, openMetrics: true })
      assert.strictEqual((yield* Support.request(url, "/metrics")).status, 200)
      assert.strictEqual((yield* Support.request(url, "/v1/self")).status, 401)
    }),
  )

  scenario("for the dashboard needs no token, and may come from a link, but not to another host", ({ node }) =>
    Effect.gen(function* () {
      const { url } = yield* Support.served(yield* node("a"), { tokens })
      const page = yield* Support.request(url, "/", { headers: { "sec-fetch-site": "cross-site" } })
      assert.strictEqual(page.status, 200)
      assert.match(page.text, /^<!doctype html>/)
      assert.deepInclude(page.headers, {
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
      })
      assert.match(String(page.headers["content-security-policy"]), /^default-src 'none'; script-src 'sha256-/)
      assert.strictEqual((yield* Support.request(url, "/", { headers: { host: "evil.example" } })).status, 403)
      assert.strictEqual((yield* Support.request(url, "/", { method: "POST" })).status, 404)
      const without = yield* Support.served(yield* node("b"), { dashboard: false })
      assert.strictEqual((yield* Support.request(without.url, "/")).status, 404)
    }),
  )

  scenario("for a change is refused by a service that is read-only", ({ node }) =>
    Effect.gen(function* () {
      const { url } = yield* Support.served(yield* node("a"), { readOnly: true })
      const changes = [
        Support.post(url, "/v1/join", { address: "127.0.0.1:1" }),
        Support.request(url, "/v1/leave", { method: "POST" }),
        Support.post(url, "/v1/disconnect", { name: "b" }),
        Support.request(url, "/v1/metadata", { method: "PUT", headers: json, body: "{}" }),
      ]
      for (const change of changes) {
        const { body, status } = yield* change
        assert.deepStrictEqual([status, field(body, "reason")], [403, "readOnly"])
      }
      assert.strictEqual((yield* Support.request(url, "/v1/self")).status, 200)
    }),
  )

  it.live("is counted by the template of its route and its status", () => {
    const registry: Metric.MetricRegistry = new Map()
    const metrics = new MetricReader(registry)
    const count = (route: string, status: string) =>
      metrics.value("a", "coterie_admin_requests_total", { route, status })
    return Effect.gen(function* () {
      const world = yield* World.tcp
      const { url } = yield* Support.served(yield* world.node("a"), { tokens })
      for (const name of ["x", "y"]) yield* Support.request(url, `/v1/members/${name}`, { headers: reads })
      yield* Support.request(url, "/v1/members/x")
      yield* Support.request(url, "/health/live")
      assert.strictEqual(count("/v1/members/:name", "404"), 2)
      assert.strictEqual(count("/v1/members/:name", "401"), 1)
      assert.strictEqual(count("/health/live", "200"), 1)
    }).pipe(Effect.scoped, Effect.provideService(Metric.MetricRegistry, registry))
  })
})

describe("a change", () => {
  scenario("is carried out, and is one line of the log with its sender", ({ node }) =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.layer([
        Logger.map(Logger.formatLogFmt, (line) => {
          lines.push(line)
        }),
      ])
      const a = yield* node("a")
      const b = yield* node("b")
      const { url } = yield* Support.served(a, { tokens }, { logger })
      const joined = yield* Support.post(url, "/v1/join", { address: b.address }, writes)
      assert.deepStrictEqual([joined.status, field(joined.body, "status")], [200, "joined"])
      assert.strictEqual(field(field(joined.body, "peer"), "name"), "b")
      yield* World.untilPeers(b, ["a"])
      const put = (body: unknown) =>
        Support.request(url, "/v1/metadata", {
          method: "PUT",
          headers: { ...json, ...writes },
          body: JSON.stringify(body),
        })
      assert.strictEqual((yield* put({ zone: "two" })).status, 204)
      yield* World.until(b, ({ peers }) => peers.get("a")?.metadata["zone"] === "two")
      const large = yield* put({ zone: "x".repeat(9_000) })
      assert.deepStrictEqual([large.status, field(large.body, "_tag")], [400, "InvalidMetadata"])
      const unknown = yield* Support.post(url, "/v1/disconnect", { name: "bb" }, writes)
      assert.deepStrictEqual([unknown.status, field(unknown.body, "near")], [404, ["b"]])
      assert.strictEqual((yield* Support.post(url, "/v1/disconnect", { name: "b" }, writes)).status, 204)
      yield* World.until(b, ({ peers }) => peers.size === 0)
      assert.strictEqual((yield* Support.request(url, "/v1/leave", { method: "POST", headers: writes })).status, 202)
      yield* a.cluster.stopped
      const listens = lines.find((line) => line.includes(`admin: listens at ${url} with 2 tokens`))
      assert.match(listens ?? "", / cluster=test node=a$/)
      const changes = lines.filter((line) => line.includes("role="))
      const expected = [
        `admin: join ${b.address}`,
        "admin: metadata zone",
        "admin: metadata zone",
        "admin: disconnect b",
        "admin: leave",
      ]
      assert.deepStrictEqual(changes.length, expected.length)
      for (const [i, text] of expected.entries()) assert.include(changes[i], text)
      for (const line of changes) {
        assert.match(line, /level=Info/i)
        assert.match(line, / cluster=test node=a /)
        assert.match(line, /role=write/)
        assert.match(line, /token=[0-9a-f]{8}( |$)/)
        assert.match(line, /address=(::ffff:)?127\.0\.0\.1/)
        assert.notInclude(line, writeToken)
      }
    }),
  )

  scenario("that joins an address where nobody answers is pending, and goes on after its answer", ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const { url } = yield* Support.served(a)
      const b = yield* node("b")
      const [host = "", port = ""] = b.address.split(":")
      yield* b.stop
      const pending = yield* Support.post(url, "/v1/join", { address: b.address, timeoutMillis: 100 })
      assert.deepStrictEqual([pending.status, pending.body], [202, { status: "pending", address: b.address }])
      const again = yield* Support.nodeAt("b", host, Number(port))
      yield* World.untilPeers(a, ["b"])
      yield* again.stop
    }),
  )

  scenario("that joins is refused while sixteen joins have not ended", ({ node }) =>
    Effect.gen(function* () {
      const { url } = yield* Support.served(yield* node("a"))
      for (let i = 0; i < 16; i++) {
        const { status } = yield* Support.post(url, "/v1/join", { address: `127.0.0.1:${i + 1}`, timeoutMillis: 100 })
        assert.strictEqual(status, 202)
      }
      assert.strictEqual((yield* Support.post(url, "/v1/join", { address: "127.0.0.1:99" })).status, 503)
    }),
  )
})

describe("an event stream", () => {
  scenario("begins with a snapshot, has every event with its id, and continues after the last id", ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const { url } = yield* Support.served(a)
      const first = yield* Support.readEvents(url)
      assert.strictEqual(first.status, 200)
      yield* first.until("event: Snapshot")
      const b = yield* node("b", { seeds: [a.address] })
      yield* first.until("event: Joined")
      const ids = first.lines().flatMap((line) => /^id: (\d+-\d+)$/.exec(line)?.[1] ?? [])
      yield* first.close
      yield* b.stop
      yield* World.until(a, ({ peers }) => peers.size === 0)
      const second = yield* Support.readEvents(url, { "last-event-id": ids.at(-1) ?? "" })
      yield* second.until("event: Left")
      assert.notInclude(second.lines(), "event: Snapshot")
      assert.notInclude(second.lines(), "event: Joined")
      const third = yield* Support.readEvents(url, { "last-event-id": "1-1" })
      yield* third.until("event: Snapshot")
      assert.include(third.lines(), "event: Lagged")
    }),
  )

  scenario("has its head at once when it continues and nothing has happened", ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const { url } = yield* Support.served(a)
      const first = yield* Support.readEvents(url)
      const id = (yield* first.until("id: ")).slice("id: ".length)
      const second = yield* Support.readEvents(url, { "last-event-id": id })
      // The head did not wait for the first heartbeat.
      yield* a.cluster.updateMetadata({ zone: "two" })
      yield* second.until("event: SelfChanged")
      assert.notInclude(second.lines(), "event: heartbeat")
      assert.notInclude(second.lines(), "event: Snapshot")
    }),
  )

  scenario("is refused beyond the bound, and has room again when one has ended", ({ node }) =>
    Effect.gen(function* () {
      const { admin, url } = yield* Support.served(yield* node("a"), {}, { admin: { eventStreams: 3 } })
      const open = yield* Effect.all(
        Array.from({ length: 3 }, () => Support.readEvents(url)),
        { concurrency: 3 },
      )
      for (const each of open) yield* each.until("event: Snapshot")
      const refused = yield* Support.request(url, "/v1/events")
      assert.deepStrictEqual([refused.status, field(refused.body, "_tag")], [503, "Busy"])
      yield* open[0]?.close ?? Effect.void
      yield* World.eventually(() => Effect.runSync(Effect.isSuccess(admin.events())))
      const more = yield* Support.readEvents(url)
      yield* more.until("event: Snapshot")
    }),
  )

  scenario("does not keep the server from ending, and has an orderly end", ({ node }) =>
    Effect.gen(function* () {
      const { stop, url } = yield* Support.served(yield* node("a"))
      const open = yield* Effect.all(
        Array.from({ length: 10 }, () => Support.readEvents(url)),
        { concurrency: 10 },
      )
      for (const each of open) yield* each.until("event: Snapshot")
      // The server waits for streams that do not end for one second, and then cuts them.
      yield* stop
      for (const each of open) assert.isTrue(yield* each.ended, "a cut stream has no orderly end")
      yield* Effect.flip(Support.request(url, "/health/live"))
    }),
  )

  scenario("has an orderly end on a connection that stays open, and the connection ends with it", ({ node }) =>
    Effect.gen(function* () {
      const { stop, url } = yield* Support.served(yield* node("a"))
      // The server waits one second for this request, whose body does not come, and then cuts its connection.
      const unfinished = yield* Support.openSocket(
        url,
        "POST /v1/join HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n",
      )
      const agent = new NodeHttp.Agent({ keepAlive: true })
      const reader = yield* Support.readEvents(url, {}, { agent })
      yield* reader.until("event: Snapshot")
      const ended: Array<string> = []
      unfinished.once("close", () => ended.push("the unfinished request"))
      for (const socket of Object.values(agent.sockets).flat()) socket?.once("close", () => ended.push("the stream"))
      yield* stop
      assert.isTrue(yield* reader.ended)
      yield* World.eventually(() => ended.length === 2)
      assert.deepStrictEqual(ended, ["the stream", "the unfinished request"])
    }),
  )

  scenario("ends when the node has left", ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const { url } = yield* Support.served(a)
      const reader = yield* Support.readEvents(url)
      yield* reader.until("event: Snapshot")
      yield* a.cluster.leave
      assert.isTrue(yield* reader.ended)
      assert.strictEqual(field(field((yield* Support.request(url, "/v1/self")).body, "status"), "phase"), "stopped")
    }),
  )
})
