import type { Gap, Published } from "@coterie/core/Topic"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as LocalFanOut from "../../src/internal/LocalFanOut.ts"

const published = (value: number): Published<number> => ({
  _tag: "Published",
  from: { name: "p", generation: 1 },
  value,
  session: 1,
  span: undefined,
})

const sessionEnded: Gap = { _tag: "Gap", from: { name: "p", generation: 1 }, session: 1, lost: 0 }

/** Publishes a batch of this many values, or the end of a session, or lets the slow reader take what waits. */
const Steps = Schema.Array(Schema.Union([Schema.Literals([1, 2, 3, 7]), Schema.Literals(["session", "read"])]))

const turns = Effect.forEach(Array.from({ length: 10 }), () => Effect.yieldNow, { discard: true })

describe("a lossy subscription", () => {
  for (const strategy of ["sliding", "dropping"] as const) {
    it.effect.prop(`with ${strategy} gets each value, or a gap that counts it, in order`, [Steps], ([steps]) =>
      Effect.gen(function* () {
        const fanOut = yield* LocalFanOut.make<number>({ strategy, capacity: 4 })
        const latch = yield* Latch.make(false)
        const seen: Array<Published<number> | Gap> = []
        const note = (item: Published<number> | Gap) =>
          Effect.andThen(
            latch.await,
            Effect.sync(() => void seen.push(item)),
          )
        const reading = Effect.forkScoped(Stream.runForEach(Stream.rechunk(fanOut.stream, 1), note))
        yield* reading
        yield* turns
        let count = 0
        for (const step of steps) {
          if (step === "read") {
            yield* latch.open
            yield* turns
            yield* latch.close
          } else if (step === "session") yield* fanOut.publish([sessionEnded])
          else {
            const [first, ...others] = Array.from({ length: step }, () => published(++count))
            if (first !== undefined) yield* fanOut.publish([first, ...others])
          }
        }
        yield* latch.open
        yield* turns
        // The last one is lost by nobody, because there is room, and shows what was lost before it.
        yield* fanOut.publish([published(++count)])
        yield* fanOut.end
        yield* turns
        let next = 1
        for (const item of seen) {
          if (item._tag === "Published") assert.strictEqual(item.value, next++)
          else next += item.lost
        }
        assert.strictEqual(next, count + 1)
      }).pipe(Effect.scoped),
    )
  }
})
