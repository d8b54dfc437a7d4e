import { describe, expect, it } from "@effect/vitest"
import { live } from "./Simulation.ts"

/** Numbers of faults, one seed each. The invariants are checked after every step. */
const misfortunes = Array.from({ length: 8 }, (_, i) => 2 + 2 * i)

describe("after any faults the cluster converges to one view without help", () => {
  for (const size of [2, 3, 4, 5, 6, 7, 8]) {
    it(`with ${size} nodes`, () => {
      for (const count of misfortunes) {
        const seed = size * 100_000 + count
        const { took } = live({ seed, size, misfortunes: count, convergenceTimeout: 240_000 })
        expect(took).toBeLessThan(240_000)
      }
    })
  }

  it("with a memory so short that tombstones and candidates are forgotten meanwhile", () => {
    const settings = { tombstoneTimeout: 8_000, candidateTimeout: 4_000, reconnectWindow: 20_000, tombstoneCapacity: 1 }
    for (let i = 0; i < 8; i++) {
      const { took } = live({ seed: 7_000_000 + i, size: 4, misfortunes: 12, convergenceTimeout: 240_000, settings })
      expect(took).toBeLessThan(240_000)
    }
  })

  it("the same seed produces the same run", () => {
    const options = { seed: 42, size: 6, misfortunes: 14, convergenceTimeout: 240_000 }
    expect(live(options)).toStrictEqual(live(options))
  })
})
