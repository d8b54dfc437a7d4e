/** A node with a secret that counts the connections which it hands out. */
import * as Keyring from "@coterie/node-transport/Keyring"
import type * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { nodeOf } from "./secretOutcomes.ts"

/** Line of a connection that is not counted. */
const mark = "the mark of a test"

class Handed {
  private count = 0

  add(count: number): void {
    this.count += count
  }

  /** Returns the number of connections since the last call. */
  take(): number {
    const { count } = this
    this.count = 0
    return count
  }
}

/** Starts a node that answers the first bytes of each connection by the id of its key and these bytes. */
export const accepting = Effect.fnUntraced(function* (
  keys: Keyring.Keyring["Service"],
  options?: NodeTransport.SecretOptions,
) {
  const handed = new Handed()
  const marks = yield* Queue.unbounded<string>()
  const listener = yield* (yield* nodeOf(keys, options)).listen
  yield* Effect.forkScoped(
    listener.run(({ end, identity, pull, write }) =>
      Effect.gen(function* () {
        handed.add(1)
        const [bytes] = yield* pull
        const text = Buffer.from(bytes).toString()
        if (text === mark) return yield* Queue.offer(marks, text)
        yield* write([Buffer.from(`${identity?._tag === "Secret" ? identity.key : "no key"} read ${text}`)])
        yield* end
        return yield* Effect.forever(pull)
      }).pipe(Effect.ignore),
    ),
  )
  const address = listener.addresses[0]
  /** Returns the number of connections since the last time. A connection of this call follows all others. */
  const count = Effect.scoped(
    Effect.gen(function* () {
      const { connect } = yield* nodeOf(keys)
      const connection = yield* connect(address)
      yield* connection.write([Buffer.from(mark)])
      yield* Queue.take(marks)
      return handed.take() - 1
    }),
  )
  return { address, count }
})
