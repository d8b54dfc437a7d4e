import { assert, it } from "@effect/vitest"
import { randomName } from "../../src/cluster/randomName.ts"

it("a random name is 128 bits in hexadecimal digits, zeros included", () => {
  const numbers = [0, 1, 0xffff_ffff, 0x0a0b_0c0d]
  assert.strictEqual(randomName({ u32: () => numbers.shift() ?? 0 }), "00000000" + "00000001" + "ffffffff" + "0a0b0c0d")
})
