/** A cluster under load replaces its secret, on real sockets. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { linked, OpenKeys, start, until } from "./secretCluster.ts"
import { otherSecret, secret } from "./secretOutcomes.ts"
import { rotate } from "./secretRotation.ts"

describe.concurrent("a cluster that replaces its secret", () => {
  it.live(
    "under load, and while a node restarts with each ring, loses, repeats and reorders no message, and loses no link",
    () =>
      Effect.gen(function* () {
        const report = yield* rotate({
          orders: [
            ["d", "c", "a", "e", "b"],
            ["b", "e", "c", "a", "d"],
          ],
          restartsAfter: [1, 4],
          pause: 50,
          sendPause: 5,
        })
        assert.deepStrictEqual(report, {
          sent: report.sent,
          received: report.sent,
          faults: [],
          events: [],
          wasStranger: true,
        })
        assert.isAbove(report.sent, 100)
      }).pipe(Effect.provide(Logger.layer([]))),
    90_000,
  )

  it.live(
    "cuts a peer that has only the secret that was removed, and the peer reports it",
    () =>
      Effect.gen(function* () {
        const open = new OpenKeys()
        const transport = { withdrawWithin: 1_000 }
        const secrets = [otherSecret, secret] as const
        const a = yield* start({ name: "a", secrets, open, transport })
        const b = yield* start({ name: "b", secrets, open, transport, seeds: [a.address] })
        const late = yield* start({ name: "late", secrets: [secret], open, transport, seeds: [a.address, b.address] })
        yield* linked([a, b, late])
        assert.strictEqual(open.count(secret), 4)
        for (const { keyring } of [a, b]) yield* keyring.set([otherSecret])
        yield* until(() => open.count(secret) === 0)
        yield* until(() => late.events.includes("SeedUnavailable unauthenticated"))
        assert.isTrue([a, b].every(({ events }) => events.every((event) => /^Joined | late$/.test(event))))
        yield* linked([a, b])
        assert.strictEqual(open.count(otherSecret), 2)
      }).pipe(Effect.provide(Logger.layer([]))),
    90_000,
  )
})
