/** Throughput in the steady state. */
import * as Effect from "effect/Effect"
import { type Figures, nothing, type Timing } from "../harness/Cell.ts"
import { Failed } from "../../harness/Process.ts"
import type { Node } from "../harness/Node.ts"

const megabyte = 1e6

export const throughput = Effect.fnUntraced(function* (
  sender: Node,
  receiver: Node,
  size: number,
  { measured, warmUp }: Timing,
) {
  yield* Effect.sleep(warmUp)
  const { bytes, idle, messages, seconds } = yield* receiver.call("count", measured)
  yield* sender.alive
  // A number of a broken system must not appear in the results.
  if (idle > 0) return yield* new Failed({ message: `${idle} nodes received no message` })
  if (bytes !== messages * size) return yield* new Failed({ message: "messages of another size arrived" })
  const figures: Figures = {
    ...nothing,
    msgsPerSecond: messages / seconds,
    mbPerSecond: bytes / seconds / megabyte,
  }
  return figures
})
