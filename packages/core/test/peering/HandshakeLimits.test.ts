import { assert, it } from "@effect/vitest"
import { HandshakeLimits } from "../../src/peering/HandshakeLimits.ts"

it("admits no more than the limit in all, and another one as soon as one leaves", () => {
  const limits = new HandshakeLimits({ handshakes: 2, handshakesPerHost: 2 })
  const leave = limits.enter("a") ?? assert.fail("there is room")
  assert.isDefined(limits.enter("b"))
  assert.isUndefined(limits.enter("c"))
  assert.strictEqual(limits.size(), 2)
  leave()
  assert.isDefined(limits.enter("c"))
})

it("admits no more of one host than its limit, and others all the same", () => {
  const limits = new HandshakeLimits({ handshakes: 10, handshakesPerHost: 1 })
  const leave = limits.enter("a") ?? assert.fail("there is room")
  assert.isUndefined(limits.enter("a"))
  assert.isDefined(limits.enter("b"))
  leave()
  assert.isDefined(limits.enter("a"))
})

it("uncounts a connection once, however often it leaves", () => {
  const limits = new HandshakeLimits({ handshakes: 2, handshakesPerHost: 2 })
  const leave = limits.enter("a") ?? assert.fail("there is room")
  limits.enter("a")
  leave()
  leave()
  assert.strictEqual(limits.size(), 1)
})

it("lets as many be rejected with an answer at once as may be in the handshake", () => {
  const limits = new HandshakeLimits({ handshakes: 2, handshakesPerHost: 2 })
  assert.isTrue(limits.startRejection())
  assert.isTrue(limits.startRejection())
  assert.isFalse(limits.startRejection())
  limits.endRejection()
  assert.isTrue(limits.startRejection())
})
