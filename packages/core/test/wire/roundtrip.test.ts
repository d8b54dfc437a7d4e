import { describe, expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import { frame, frameOf, frames, seed, tags } from "./arbitraries.ts"
import { concat, cutAt, decode, encodeAll, randomOf } from "./support.ts"

describe("decoding reverses encoding:", () => {
  for (const tag of tags) {
    it.prop(
      `${tag} is decoded unchanged`,
      [frameOf(tag)],
      ([frame]) => {
        expect(decode([FrameEncoder.encode(frame)])).toStrictEqual({
          frames: [frame],
          error: undefined,
          partial: false,
        })
      },
      { arbitrary: { runs: 60 } },
    )
  }

  it.prop(
    "a sequence of frames is decoded in order",
    [frames],
    ([frames]) => {
      expect(decode([encodeAll(frames)])).toStrictEqual({ frames, error: undefined, partial: false })
    },
    { arbitrary: { runs: 60 } },
  )

  it.prop(
    "encodeInto writes the same bytes as encode",
    [frames],
    ([frames]) => {
      const out: Array<Uint8Array> = []
      FrameEncoder.encodeInto(frames, out)
      expect(concat(out)).toStrictEqual(encodeAll(frames))
    },
    { arbitrary: { runs: 60 } },
  )

  it.prop(
    "encoding a decoded frame gives the same bytes",
    [frame],
    ([frame]) => {
      const bytes = FrameEncoder.encode(frame)
      expect(encodeAll(decode([bytes]).frames)).toStrictEqual(bytes)
    },
    { arbitrary: { runs: 100 } },
  )
})

describe("chunks do not matter:", () => {
  const small = Arbitrary.filter(frame, (frame) => FrameEncoder.encode(frame).length <= 600)

  it.prop(
    "a frame cut at any one place is decoded unchanged",
    [small],
    ([frame]) => {
      const bytes = FrameEncoder.encode(frame)
      for (let at = 0; at <= bytes.length; at++) {
        expect(decode(cutAt(bytes, [at]))).toStrictEqual({ frames: [frame], error: undefined, partial: false })
      }
    },
    { arbitrary: { runs: 25 } },
  )

  it.prop(
    "a sequence of frames in chunks of any size is decoded unchanged",
    [frames, seed],
    ([frames, seed]) => {
      const bytes = encodeAll(frames)
      const random = randomOf(seed)
      const places: Array<number> = []
      for (let at = 0; at < bytes.length; at += 1 + random(1 << random(14))) places.push(at)
      expect(decode(cutAt(bytes, places))).toStrictEqual({ frames, error: undefined, partial: false })
    },
    { arbitrary: { runs: 100 } },
  )

  it.prop(
    "a sequence of frames byte by byte is decoded unchanged",
    [Arbitrary.array(small, { maxLength: 4 })],
    ([frames]) => {
      const bytes = encodeAll(frames)
      expect(decode(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toStrictEqual({
        frames,
        error: undefined,
        partial: false,
      })
    },
    { arbitrary: { runs: 30 } },
  )
})
