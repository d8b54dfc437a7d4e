import type { ClusterEvent } from "@coterie/core/ClusterEvent"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { emptyView, peerOf, removedOf } from "../peers.ts"
import * as LogBudget from "../../src/internal/LogBudget.ts"
import { logEvent } from "../../src/cluster/logEvent.ts"

const peer = peerOf("b", { generation: 7 })

const failed = (count: number) => Array.from({ length: count }, (_, i) => removedOf(`p${i}`, "failed"))

/** Returns the log lines of an event, and their annotations. */
const linesOf = Effect.fnUntraced(function* (event: ClusterEvent) {
  const lines: Array<string> = []
  const annotations: Array<Readonly<Record<string, unknown>>> = []
  const logger = Logger.make<unknown, void>(({ fiber, logLevel, message }) => {
    lines.push(`${logLevel}: ${String(Array.isArray(message) ? message[0] : message)}`)
    annotations.push(fiber.getRef(References.CurrentLogAnnotations))
  })
  yield* logEvent(event, yield* LogBudget.make).pipe(
    Effect.provide(Logger.layer([logger])),
    Effect.provideService(References.MinimumLogLevel, "Debug"),
  )
  return { annotations, lines }
}, Effect.scoped)

/** End of the lines about slow peers. */
const hint =
  "until it makes progress, messages to many do not wait for it. If the reader of this node waits, too, because it sends " +
  'within its loop, handle messages in another fiber (docs/messages.md, "How to reply")'

const cases: ReadonlyArray<readonly [ClusterEvent, string]> = [
  [{ _tag: "Joined", peer }, "Info: b joined"],
  [{ _tag: "Left", peer: removedOf("b", "left") }, "Info: b left"],
  [{ _tag: "Recovered", peer }, "Info: b recovered"],
  [{ _tag: "Disconnected", peer: removedOf("b", "disconnected") }, "Info: b disconnected"],
  [{ _tag: "Replaced", peer, old: removedOf("b", "replaced") }, "Info: b is back as a new generation"],
  [{ _tag: "Failed", peer: removedOf("b", "failed") }, "Warn: b failed"],
  [{ _tag: "Suspected", peer }, "Debug: b: Suspected"],
  [{ _tag: "Unreachable", peer }, "Debug: b: Unreachable"],
  [{ _tag: "Reachable", peer }, "Debug: b: Reachable"],
  [{ _tag: "MetadataChanged", peer }, "Debug: b: MetadataChanged"],
  [
    { _tag: "SlowPeer", peer, lane: "", waited: Duration.seconds(5), bytes: 77 },
    `Warn: the reader of the inbox of b took nothing for 5s, and 77 bytes wait for it; ${hint}`,
  ],
  [{ _tag: "SelfChanged", self: peer }, "Debug: this node changed its metadata or its generation"],
  [{ _tag: "Isolated" }, "Warn: this node reaches no member and may be cut off"],
  [{ _tag: "Reconnected" }, "Info: this node is connected again"],
  [
    { _tag: "PartitionSuspected", lost: failed(2) },
    "Warn: the cluster may be in two parts: p0, p1 failed at about the same time",
  ],
  [
    { _tag: "PartitionHealed", returned: [peerOf("p0")], missing: [] },
    "Info: the suspected partition ended: returned: p0; missing: none",
  ],
  [{ _tag: "Diagnostic", message: "too many" }, "Warn: too many"],
]

describe("the log", () => {
  for (const [event, line] of cases) {
    it.effect(`has one line for ${event._tag}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual((yield* linesOf(event)).lines, [line])
      }),
    )
  }

  it.effect("has no line for a snapshot, a gap in the events, or a node that stops", () =>
    Effect.gen(function* () {
      const events: ReadonlyArray<ClusterEvent> = [
        { _tag: "Snapshot", view: emptyView },
        { _tag: "Lagged", missed: 3 },
        // The last line of the node has the reason for its stop.
        { _tag: "Superseded" },
      ]
      for (const event of events) assert.deepStrictEqual((yield* linesOf(event)).lines, [])
    }),
  )

  it.effect("names the lane of a slow reader", () =>
    Effect.gen(function* () {
      const event = { _tag: "SlowPeer", peer, lane: "orders", waited: Duration.seconds(5), bytes: 77 } as const
      assert.deepStrictEqual((yield* linesOf(event)).lines, [
        `Warn: the reader of "orders" of b took nothing for 5s, and 77 bytes wait for it; ${hint}`,
      ])
    }),
  )

  it.effect("names the peer and its generation in the annotations of a line about a peer", () =>
    Effect.gen(function* () {
      const [about] = (yield* linesOf({ _tag: "Failed", peer: removedOf("b", "failed", { generation: 7 }) }))
        .annotations
      assert.deepInclude(about, { peer: "b", generation: 7 })
      const [other] = (yield* linesOf({ _tag: "Isolated" })).annotations
      assert.notProperty(other, "peer")
    }),
  )

  it.effect("shows at most ten names in a line", () =>
    Effect.gen(function* () {
      const ten = (yield* linesOf({ _tag: "PartitionSuspected", lost: failed(10) })).lines[0]
      assert.notInclude(ten, "more")
      const eleven = (yield* linesOf({ _tag: "PartitionSuspected", lost: failed(11) })).lines[0]
      assert.include(eleven, "p8, p9 and 1 more failed")
    }),
  )
})
