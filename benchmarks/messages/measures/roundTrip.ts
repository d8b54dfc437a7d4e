/** Round trip time of one message at a time. Both ends share a core, so that no core has to wake up. */
import * as Effect from "effect/Effect"
import { type Cell, nothing, type Plan } from "../harness/Cell.ts"
import * as Node from "../harness/Node.ts"

const size = 100
const mode = "message"

export const cells = ({ cores, setup, systems, timing }: Plan): ReadonlyArray<Cell> =>
  systems.map(([system]) => {
    const measure = Effect.scoped(
      Effect.gen(function* () {
        const echo = yield* Node.start(cores?.sender, setup(system, mode, size))
        const address = yield* echo.call("echo")
        const sender = yield* Node.start(cores?.sender, setup(system, mode, size))
        const { p50, p99 } = yield* sender.call("ping", address, timing.warmUp, timing.measured)
        return { ...nothing, p50us: p50, p99us: p99 }
      }),
    )
    return { bench: "roundtrip", system, size, mode, measure }
  })
