import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Frame } from "../../src/protocol/Frame.ts"
import { FrameDecoder } from "../../src/wire/FrameDecoder.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import { addressOf, record } from "../cluster/RawPeer.ts"
import * as Babble from "./babble.ts"

const hearing: Babble.Hearing = {
  to: "n1",
  records: ["n1", "n2"].map((name) =>
    record({ name, generation: 1_790_000_000_000, addresses: [addressOf(`${name}:24868`)] }),
  ),
}

const drawn = (seed: number, among = Babble.allKinds) =>
  Babble.draw(among, hearing).pipe(Random.withSeed(`babble ${seed}`))

describe("babble", () => {
  for (const kind of Babble.allKinds) {
    it.effect(`of the kind ${kind} keeps the form of the protocol`, () =>
      Effect.gen(function* () {
        for (let seed = 0; seed < 8; seed++) {
          const { frames } = yield* drawn(seed, [kind])
          assert.isNotEmpty(frames)
          const decoder = new FrameDecoder({ maxFrameBytes: 262_208 })
          const decoded: Array<Frame> = []
          for (const frame of frames) assert.isUndefined(decoder.feed(FrameEncoder.encode(frame), decoded))
          assert.deepStrictEqual(
            decoded.map(({ _tag }) => _tag),
            frames.map(({ _tag }) => _tag),
          )
        }
      }),
    )
  }

  it.effect("is the same for the same seed, and has every kind over many seeds", () =>
    Effect.gen(function* () {
      const seeds = Array.from({ length: 200 }, (_, seed) => seed)
      const all = yield* Effect.forEach(seeds, (seed) => drawn(seed))
      assert.deepStrictEqual(yield* Effect.forEach(seeds, (seed) => drawn(seed)), all)
      assert.deepStrictEqual(new Set(all.map(({ kind }) => kind)), new Set(Babble.allKinds))
    }),
  )

  it.effect("about members claims every status, and other lives, incarnations and bodies", () =>
    Effect.gen(function* () {
      const all = yield* Effect.forEach(
        Array.from({ length: 200 }, (_, seed) => seed),
        (seed) => drawn(seed),
      )
      const claims = all
        .flatMap(({ frames }) => frames.flatMap((frame) => (frame._tag === "Update" ? frame.records : [])))
        .filter(({ name }) => name === "n1")
      const own = hearing.records[0]
      assert.deepStrictEqual(
        new Set(claims.map(({ status }) => status)),
        new Set(["alive", "suspect", "failed", "left"]),
      )
      assert.isTrue(claims.some(({ generation }) => generation > (own?.generation ?? 0)))
      assert.isTrue(claims.some(({ generation }) => generation < (own?.generation ?? 0)))
      assert.isTrue(claims.some(({ incarnation }) => incarnation > 65_536))
      assert.isTrue(claims.some(({ body, incarnation }) => incarnation === 0 && "forged" in body.metadata))
    }),
  )
})
