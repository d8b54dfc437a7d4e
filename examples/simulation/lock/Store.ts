/**
 * Store that keeps a number for the holders of the lease.
 *
 * A lease alone cannot exclude other clients. Its holder may stall between the check of its clock and the write for
 * longer than the lease lasts, and a write may be in transit for as long. So the store itself refuses requests with a
 * lease that is older than a lease that it has seen.
 */
import { Effect, Layer } from "effect"
import type * as Disk from "../Disk.ts"
import * as Protocol from "./Protocol.ts"

export interface Content {
  /** Token of the newest lease that the store has seen. */
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
          // A reader will write a value that it computes from this read, which would overwrite the write of an older
          // lease.
          else if (options.mistake !== "unguarded reads") content = { ...content, token }
          const { value } = content
          yield* options.disk.save(content)
          return { _tag: "Value" as const, value }
        }),
      )
    }),
  )
