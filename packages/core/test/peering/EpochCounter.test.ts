import { assert, it } from "@effect/vitest"
import { EpochCounter, followedEpochs } from "../../src/peering/EpochCounter.ts"

it("starts below 2^30, whatever the random number", () => {
  assert.isAtMost(new EpochCounter(0xffff_ffff).next(), 2 ** 30)
})

it("gives each connection a greater epoch, also after a greater epoch of a peer", () => {
  const epochs = new EpochCounter(40)
  const first = epochs.next()
  epochs.follow(first + 100)
  assert.strictEqual(epochs.next(), first + 101)
  epochs.follow(1)
  assert.strictEqual(epochs.next(), first + 102)
})

it("does not follow an epoch of 2^31 or more, so that no faulty peer exhausts it", () => {
  const epochs = new EpochCounter(40)
  const first = epochs.next()
  epochs.follow(followedEpochs)
  assert.strictEqual(epochs.next(), first + 1)
})

it("knows the epochs of its own handshakes while they last", () => {
  const epochs = new EpochCounter(0)
  epochs.startHandshake(7)
  assert.isTrue(epochs.dialing.has(7))
  epochs.endHandshake(7)
  assert.isFalse(epochs.dialing.has(7))
})
