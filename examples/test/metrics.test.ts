import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { FetchHttpClient, HttpClient } from "effect/http"
import * as NodeFs from "node:fs"
import * as NodePath from "node:path"
import * as Child from "../support/Child.ts"

const start = Effect.fnUntraced(function* (name: string, ...seeds: ReadonlyArray<string>) {
  const file = NodePath.join(import.meta.dirname, "../metrics/metrics.ts")
  const child = yield* Child.spawn(name, file, [name, "0", "0", ...seeds])
  const find = (what: string, pattern: RegExp) =>
    child.expect(what, (line) => pattern.exec(line)?.[1], { within: "40 seconds" })
  return {
    child,
    address: yield* find("where it is a peer", / is a peer at (\S+)/),
    url: `${yield* find("where it serves its metrics", /Listening on (http:\S+)/)}/metrics`,
  }
})

/** Returns the text that Prometheus gets. */
const scrape = (url: string) => Effect.flatMap(HttpClient.get(url), (response) => response.text)

/** Scrapes as Prometheus does until the text has the line. */
const untilLine = (url: string, line: string) =>
  scrape(url).pipe(
    Effect.flatMap((text) => (text.split("\n").includes(line) ? Effect.succeed(text) : Effect.fail(text))),
    Effect.retry(Schedule.max([Schedule.spaced("100 millis"), Schedule.recurs(200)])),
  )

/** Processes start slowly on a busy machine. Each wait has a shorter timeout, whose error names the expectation. */
const testTimeout = 60_000

describe("the metrics of a node", () => {
  it.live(
    "are served to Prometheus, follow the events, and are listed in the guide",
    () =>
      Effect.gen(function* () {
        const members = (status: string, count: number) =>
          `coterie_members{cluster="hello",node="ann",status="${status}"} ${count}`
        const ann = yield* start("ann")
        assert.include(yield* scrape(ann.url), members("alive", 0))
        const bob = yield* start("bob", ann.address)
        yield* untilLine(ann.url, members("alive", 1))
        yield* bob.child.signal("SIGKILL")
        const text = yield* untilLine(ann.url, members("failed", 1))
        assert.include(text, members("alive", 0))
        assert.include(text, `coterie_detection_seconds_count{cluster="hello",node="ann"} 1`)

        const cat = yield* start("cat", ann.address)
        yield* untilLine(ann.url, members("alive", 1))
        yield* cat.child.signal("SIGTERM")
        yield* untilLine(ann.url, `coterie_events_total{cluster="hello",node="ann",event="Left"} 1`)

        const guide = NodeFs.readFileSync(NodePath.join(import.meta.dirname, "../../docs/metrics.md"), "utf8")
        const served = [...text.matchAll(/^# TYPE (coterie_\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`)
        // The transport of this node has no keys, and the node makes no requests. Other tests compare these sections.
        const ofNode = guide.split(/^## /m).find((part) => part.startsWith("The metrics\n")) ?? ""
        const rows = [...ofNode.matchAll(/^\| `(coterie_\w+)` \| (\w+) \|.*$/gm)]
        const present = rows.filter(([row]) => !/present from/i.test(row))
        assert.includeMembers(
          rows.map(([, name, type]) => `${name} ${type}`),
          served,
        )
        assert.includeMembers(
          served,
          present.map(([, name, type]) => `${name} ${type}`),
        )
        // Metrics of events that may not have occurred, and the histogram of round trips.
        assert.strictEqual(rows.length - present.length, 6)
      }).pipe(Effect.scoped, Effect.provide([Child.layer, FetchHttpClient.layer])),
    testTimeout,
  )
})
