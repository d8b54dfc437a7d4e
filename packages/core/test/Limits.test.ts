import * as Limits from "@coterie/core/Limits"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { maxFragmentBytes, minControlBurst, minControlRate, minWindow } from "../src/protocol/constants.ts"

const { defaults } = Limits

describe("the limits of a node", () => {
  it("accept times as durations, rounded up to whole milliseconds, and plain numbers as milliseconds", () => {
    const limits = Limits.make({ confirmTimeout: "1 minute", linger: Duration.micros(1_500n), drainTimeout: 7 })
    assert.deepStrictEqual(limits, { ...defaults, confirmTimeout: 60_000, linger: 2, drainTimeout: 7 })
  })

  it("default to the documented values", () => {
    assert.deepStrictEqual(Limits.make(), defaults)
    assert.deepStrictEqual(Limits.make({ links: undefined, linger: undefined }), defaults)
  })
})

describe("the default limits", () => {
  it("are positive integers", () => {
    for (const [name, value] of Object.entries(defaults)) {
      assert.isTrue(Number.isSafeInteger(value) && value > 0, name)
    }
  })

  it("allow windows that a peer accepts and a frame can carry", () => {
    for (const window of [defaults.inboxWindowBytes, defaults.laneWindowBytes]) {
      assert.isAtLeast(window, minWindow)
      assert.isBelow(window, 2 ** 32)
    }
  })

  it("allow messages of any size that fit a frame, and a send queue that holds a whole fragment", () => {
    assert.isAtLeast(defaults.messageBytes, maxFragmentBytes)
    assert.isAtLeast(defaults.outboxBytes, maxFragmentBytes)
  })

  it("accept as many control frames as every peer relies on", () => {
    assert.isAtLeast(defaults.controlRate, minControlRate)
    assert.isAtLeast(defaults.controlBurst, minControlBurst)
  })

  it("give a Hello less time than the handshake", () => {
    assert.isBelow(defaults.helloTimeout, defaults.handshakeTimeout)
  })

  it("give one host a part of the handshakes, and a burst of control frames of at least a second", () => {
    assert.isBelow(defaults.handshakesPerHost, defaults.handshakes)
    assert.isAtLeast(defaults.controlBurst, defaults.controlRate)
  })
})
