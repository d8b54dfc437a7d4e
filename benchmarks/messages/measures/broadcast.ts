/** Throughput from one node to many: the messages that arrive at all of them. The receiving nodes share one process. */
import * as Effect from "effect/Effect"
import type { Cell, Plan } from "../harness/Cell.ts"
import * as Node from "../harness/Node.ts"
import { throughput } from "./throughput.ts"

const peers = [2, 8, 32]
const sizes = [100, 1024]

export const cells = ({ cores, setup, systems, timing }: Plan): ReadonlyArray<Cell> =>
  peers.flatMap((count) =>
    sizes.flatMap((size) =>
      systems
        .filter(([, { broadcasts }]) => broadcasts === true)
        .flatMap(([system, { modes }]) =>
          modes.map((mode) => {
            const measure = Effect.scoped(
              Effect.gen(function* () {
                const hub = yield* Node.start(cores?.sender, setup(system, mode, size))
                const address = yield* hub.call("hub")
                const receivers = yield* Node.start(cores?.receiver, setup(system, mode, size))
                yield* receivers.call("join", address, count)
                yield* hub.call("broadcast")
                return yield* throughput(hub, receivers, size, timing)
              }),
            )
            return { bench: `broadcast-${count}`, system, size, mode, measure }
          }),
        ),
    ),
  )
