import { Report } from "@coterie/admin"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as NodePath from "node:path"
import * as Child from "../support/Child.ts"

const start = Effect.fnUntraced(function* (name: string, ...seeds: ReadonlyArray<string>) {
  const file = NodePath.join(import.meta.dirname, "../admin/admin.ts")
  const child = yield* Child.spawn(name, file, [name, "0", "0", ...seeds])
  const find = (what: string, pattern: RegExp) =>
    child.expect(what, (line) => pattern.exec(line)?.[1], { within: "40 seconds" })
  return {
    child,
    address: yield* find("where it is a peer", /", at (127\.0\.0\.1:\d+)/),
    url: yield* find("where it serves its admin service", /admin: listens at (http:\S+)/),
  }
})

const report = (url: string) =>
  Effect.flatMap(
    Effect.flatMap(HttpClient.get(`${url}/v1/cluster`), (response) => response.json),
    Schema.decodeUnknownEffect(Report.ClusterReport),
  )

/** Asks until the sentence about the cluster is this one. */
const untilSentence = (url: string, sentence: string) =>
  report(url).pipe(
    Effect.flatMap(({ verdict }) => (verdict.sentence === sentence ? Effect.void : Effect.fail(verdict.sentence))),
    Effect.retry(Schedule.max([Schedule.spaced("100 millis"), Schedule.recurs(200)])),
  )

/** Processes start slowly on a busy machine. Each wait has a shorter timeout, whose error names the expectation. */
const testTimeout = 60_000

describe("a node with an admin service", () => {
  it.live(
    "shows the cluster, and ends while ten event streams are open",
    () =>
      Effect.gen(function* () {
        const ann = yield* start("ann")
        yield* untilSentence(ann.url, "one node, alone")
        const bob = yield* start("bob", ann.address)
        yield* untilSentence(ann.url, "one cluster of 2; every pair has a link")
        const { members, unanswered } = yield* report(bob.url)
        assert.deepStrictEqual(members.map(({ name }) => name).sort(), ["ann", "bob"])
        assert.deepStrictEqual(unanswered, [])
        const open = yield* Effect.all(
          Array.from({ length: 10 }, () =>
            Effect.forkScoped(
              Effect.flatMap(HttpClient.get(`${ann.url}/v1/events`), ({ stream }) => Stream.runDrain(stream)),
              { startImmediately: true },
            ),
          ),
        )
        assert.strictEqual(open.length, 10)
        yield* untilSentence(ann.url, "one cluster of 2; every pair has a link")
        // The exit code of a process that has ended by itself after the signal.
        assert.strictEqual(yield* ann.child.signal("SIGTERM"), 130)
        yield* untilSentence(bob.url, "one node, alone")
      }).pipe(Effect.scoped, Effect.provide([Child.layer, FetchHttpClient.layer])),
    testTimeout,
  )
})
