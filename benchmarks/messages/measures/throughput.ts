/** Throughput in the steady state. */
import * as Effect from "effect/Effect"
import { type Figures, nothing, type Timing } from "../harness/Cell.ts"
import * as Process from "../harness/Process.ts"

const megabyte = 1e6

export const throughput = Effect.fnUntraced(function* (
  sender: Process.Process,
  receiver: Process.Process,
  size: number,
  { measured, warmUp }: Timing,
) {
  yield* Effect.sleep(warmUp)
  const { bytes, idle, messages, seconds } = yield* receiver.call("count", measured)
  yield* sender.alive
  // A number of a broken system must not appear in the results.
  if (idle > 0) return yield* new Process.Failed({ message: `${idle} nodes received no message` })
  if (bytes !== messages * size) return yield* new Process.Failed({ message: "messages of another size arrived" })
  const figures: Figures = {
    ...nothing,
    msgsPerSecond: messages / seconds,
    mbPerSecond: bytes / seconds / megabyte,
  }
  return figures
})
