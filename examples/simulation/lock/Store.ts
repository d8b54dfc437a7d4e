/**
 * Keeps a number for those who hold the lease.
 *
 * A lease alone cannot keep others out. Its holder may stand still between the look at its clock and the write, for
 * longer than the lease lasts, and its write may be under way for as long. So the store has the last word: it
 * takes nothing from a lease older than one that it has seen.
 */
import { Effect, Layer } from "effect"
import type * as Disk from "../Disk.ts"
import * as Protocol from "./Protocol.ts"

export interface Content {
  /** The newest lease that was seen. */
  readonly token: number
  readonly value: number
}

export const empty: Content = { token: 0, value: 0 }

export const layer = (options: {
  readonly disk: Disk.Disk<Content>
  readonly mistake?: Protocol.Mistake | undefined
}) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      let content = yield* options.disk.load
      yield* Protocol.store.serve(
        Effect.fnUntraced(function* (question) {
          const { token } = question
          if (token < content.token) return { _tag: "Refused" as const }
          if (question._tag === "Write") content = { token, value: question.value }
          // Who reads is going to write what follows from it. What an older lease writes in between would be lost.
          else if (options.mistake !== "unguarded reads") content = { ...content, token }
          const { value } = content
          yield* options.disk.save(content)
          return { _tag: "Value" as const, value }
        }),
      )
    }),
  )
