import * as FailureDetector from "@coterie/core/FailureDetector"
import * as Gossip from "@coterie/core/Gossip"
import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { initialState, randomInstance, randomName } from "../../src/cluster/initialState.ts"
import { addressOf } from "../membership/support.ts"

const options = {
  name: "a",
  addresses: [addressOf("a")],
  metadata: { zone: "eu" },
  detector: FailureDetector.wan,
  gossip: Gossip.defaults,
  now: 5,
  wall: 1_000.7,
  seed: 1,
  instance: 2,
}

it("a node starts with the given policies, addresses and metadata", () => {
  const { instance, self, settings } = initialState(options)
  assert.strictEqual(instance, options.instance)
  assert.deepStrictEqual(self.body.addresses, options.addresses)
  assert.deepStrictEqual(self.body.metadata, options.metadata)
  assert.strictEqual(settings.heartbeat, Duration.toMillis(FailureDetector.wan.heartbeat))
  assert.strictEqual(settings.syncInterval, Duration.toMillis(Gossip.defaults.syncInterval))
})

it("the generation of a node is the wall clock in whole milliseconds, and at least 1", () => {
  assert.strictEqual(initialState(options).self.generation, 1_000)
  assert.strictEqual(initialState({ ...options, wall: -5 }).self.generation, 1)
})

it("a random instance has 52 bits, so that greater numbers remain", () => {
  const greatest = randomInstance({ u32: () => 0xffff_ffff })
  assert.strictEqual(greatest, 2 ** 52 - 1)
  assert.isTrue(Number.isSafeInteger(greatest + 2 ** 32))
  assert.strictEqual(randomInstance({ u32: () => 0 }), 0)
})

it("a random name has 128 bits in hex, always of the same length", () => {
  const nameOf = (...numbers: Array<number>) => randomName({ u32: () => numbers.shift() ?? 0 })
  assert.strictEqual(nameOf(0, 1, 0xffff_ffff, 0x1234), "0000000000000001ffffffff00001234")
  assert.strictEqual(nameOf(0, 1, 0xffff_ffff, 0x0a0b_0c0d), "00000000" + "00000001" + "ffffffff" + "0a0b0c0d")
})
