/** Memory of a sender whose receiver stops reading. The sender waits only where the API makes it wait. */
import * as Effect from "effect/Effect"
import { type Cell, nothing, type Plan } from "../harness/Cell.ts"
import * as Node from "../harness/Node.ts"

const size = 1024
const megabyte = 1e6

export const cells = ({ cores, setup, systems, timing }: Plan): ReadonlyArray<Cell> =>
  systems.flatMap(([system, { modes, stopped }]) => {
    const [mode] = modes
    if (stopped === "not measured" || mode === undefined) return []
    const measure = Effect.scoped(
      Effect.gen(function* () {
        const receiver = yield* Node.start(cores?.receiver, setup(system, mode, size))
        const address = yield* receiver.call("receive")
        const sender = yield* Node.start(cores?.sender, setup(system, mode, size))
        yield* sender.call("send", address, "flood")
        yield* Effect.sleep(timing.warmUp)
        const before = yield* sender.call("memory")
        yield* stopped === "pause" ? receiver.call("pause") : receiver.stop
        yield* Effect.sleep(timing.stopped)
        const after = yield* sender.call("memory")
        return { ...nothing, rssBeforeMb: before / megabyte, rssAfterMb: after / megabyte }
      }),
    )
    return [{ bench: "stopped", system, size, mode, measure }]
  })
