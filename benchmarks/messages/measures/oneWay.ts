/** Throughput from one node to another: the messages that arrive after a warm-up. */
import * as Effect from "effect/Effect"
import type { Cell, Plan } from "../harness/Cell.ts"
import * as Node from "../harness/Node.ts"
import { throughput } from "./throughput.ts"

const sizes = [100, 1024, 64 * 1024, 1024 * 1024]

export const cells = ({ cores, setup, systems, timing }: Plan): ReadonlyArray<Cell> =>
  sizes.flatMap((size) =>
    systems.flatMap(([system, { modes }]) =>
      modes.map((mode) => {
        const measure = Effect.scoped(
          Effect.gen(function* () {
            const receiver = yield* Node.start(cores?.receiver, setup(system, mode, size))
            const address = yield* receiver.call("receive")
            const sender = yield* Node.start(cores?.sender, setup(system, mode, size))
            yield* sender.call("send", address, "pump")
            return yield* throughput(sender, receiver, size, timing)
          }),
        )
        return { bench: "oneway", system, size, mode, measure }
      }),
    ),
  )
