import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ReadableLane } from "../../src/flow/ReceiveLanes.ts"
import { maxSessionMarks } from "../../src/messaging/SessionMarks.ts"
import { SessionReader } from "../../src/messaging/SessionReader.ts"
import { ViewReader } from "../../src/messaging/ViewReader.ts"
import { initial } from "../peering/support.ts"
import { fakeLink, record } from "../peering/fakeLink.ts"
import { itemText } from "./itemText.ts"

const lane: ReadableLane = { name: "orders", isOpen: true, acknowledge: () => undefined }

const peerB = { name: "b", generation: 1 }

const readers = {
  "a reader of a lane": () => new SessionReader({ kept: 1_000_000 }),
  "a reader of a lane and the view": () => new ViewReader({ kept: 1_000_000, capacity: 3, view: () => initial.view }),
}

for (const [title, make] of Object.entries(readers)) {
  describe(`${title} that does not read while a peer comes and goes`, () => {
    /** The items that wait for the reader, in order: `+1` is the start of session 1, and `-1` its end. */
    const waiting = (reader: ReturnType<typeof make>) =>
      Effect.map(Effect.andThen(reader.end, Stream.runCollect(reader.stream)), (items) => items.map(itemText))

    const visit = (reader: ReturnType<typeof make>, session: number, messages: number, from = peerB) => {
      reader.mark({ _tag: "SessionStarted", from, session })
      const link = fakeLink({ peer: record(from.generation, from.name), session: () => ({ session }) })
      for (let i = 0; i < messages; i++) {
        reader.offer(link, lane, {
          payload: new Uint8Array(0),
          cost: 64,
          confirm: undefined,
          trace: undefined,
          isOwned: true,
        })
      }
      reader.ended(link)
      reader.mark({ _tag: "SessionEnded", from, session })
    }

    it.effect("keeps a bounded number of markers, and the newest sessions", () =>
      Effect.gen(function* () {
        const reader = make()
        const last = 10 * maxSessionMarks
        for (let session = 1; session <= last; session++) visit(reader, session, 0)
        const items = yield* waiting(reader)
        assert.isAtMost(items.length, maxSessionMarks)
        assert.deepStrictEqual(items.slice(-2), [`+${last}`, `-${last}`])
      }),
    )

    it.effect(
      "keeps the markers of sessions with messages, of open sessions, and of sessions whose start was read",
      () =>
        Effect.gen(function* () {
          const reader = make()
          reader.mark({ _tag: "SessionStarted", from: peerB, session: 1 })
          yield* Effect.scoped(Effect.flatten(Stream.toPull(reader.stream)))
          reader.mark({ _tag: "SessionEnded", from: peerB, session: 1 })
          reader.mark({ _tag: "SessionStarted", from: { name: "c", generation: 1 }, session: 2 })
          visit(reader, 3, 2)
          for (let session = 4; session <= maxSessionMarks; session++) visit(reader, session, 0)
          assert.deepStrictEqual((yield* waiting(reader)).slice(0, 6), ["-1", "+2", "+3", "m3", "m3", "-3"])
        }),
    )

    it.effect("keeps the newest ended session of each peer, regardless of later peers", () =>
      Effect.gen(function* () {
        const reader = make()
        visit(reader, 1, 0, { name: "gone", generation: 1 })
        visit(reader, 2, 0, { name: "restarted", generation: 1 })
        visit(reader, 3, 0, { name: "restarted", generation: 2 })
        const last = 10 * maxSessionMarks
        for (let session = 4; session <= last; session++) visit(reader, session, 0)
        const items = yield* waiting(reader)
        assert.deepStrictEqual(items.slice(0, 4), ["+1", "-1", "+3", "-3"])
        assert.deepStrictEqual(items.slice(-2), [`+${last}`, `-${last}`])
        assert.isAtMost(items.length, maxSessionMarks + 4)
      }),
    )

    it.effect("keeps every marker of a reader that reads", () =>
      Effect.gen(function* () {
        const reader = make()
        const read: Array<string> = []
        const pull = Effect.flatMap(Effect.flatten(Stream.toPull(reader.stream)), (items) =>
          Effect.sync(() => read.push(...items.map(({ _tag }) => _tag))),
        ).pipe(Effect.scoped)
        for (let session = 1; session <= 2 * maxSessionMarks; session++) {
          visit(reader, session, 0)
          yield* pull
        }
        assert.strictEqual(read.length, 4 * maxSessionMarks)
      }),
    )
  })
}
