import * as Transport from "@coterie/core/Transport"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { HandshakeFailed, HandshakeRejected } from "../../src/link/Handshake.ts"
import { inTime, outcomeOf } from "../../src/peering/handshakeOutcome.ts"

it.effect("inTime fails with a timeout after the limit, and not before", () =>
  Effect.gen(function* () {
    assert.strictEqual(yield* inTime(Effect.as(Effect.sleep(99), "done"), 100), "done")
    const error = yield* Effect.flip(inTime(Effect.sleep(101), 100))
    assert.strictEqual(error.reason, "timeout")
    assert.strictEqual(error.message, "no complete handshake within 100 ms")
  }).pipe(VirtualTime.flow),
)

it("outcomeOf returns the outcome of an attempt", () => {
  const rejected = new HandshakeRejected({ code: "busy", message: "", by: "them" })
  assert.strictEqual(outcomeOf(Exit.void), "up")
  assert.strictEqual(outcomeOf(Exit.fail(rejected)), "busy")
  assert.strictEqual(outcomeOf(Exit.fail(new HandshakeFailed({ reason: "lost", message: "" }))), "lost")
  assert.strictEqual(outcomeOf(Exit.fail(new Transport.TransportError({ reason: "refused", message: "" }))), "refused")
  assert.strictEqual(outcomeOf(Exit.interrupt(1)), "interrupted")
})
