/** A connection as a program has it. */
import type * as Address from "@coterie/core/Address"
import type * as Transport from "@coterie/core/Transport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { Connections } from "./Connections.ts"
import { closed, failure } from "./failure.ts"
import type { Node } from "./Host.ts"
import type { End } from "./Link.ts"
import type { Way } from "./Way.ts"

/** How it went, once it is known. */
const outcome = (end: End): Effect.Effect<void, Transport.TransportError> =>
  end.error === undefined ? Effect.void : Effect.fail(end.error)

export const connection = (connections: Connections, end: End): Transport.Connection => {
  const pull: Transport.Connection["pull"] = Effect.suspend(() => connections.take(end) ?? arrival)
  const arrival: Transport.Connection["pull"] = Effect.callback((resume) => {
    // The bytes are taken by the fiber itself, so an interrupted one leaves them where they are.
    const waiter = () => resume(pull)
    // It may have been held up since it looked.
    if (connections.holds(end)) return waiter()
    end.waiter = waiter
    return Effect.sync(() => {
      if (end.waiter === waiter) end.waiter = undefined
    })
  })
  const taken = Effect.callback<void, Transport.TransportError>((resume) => {
    const writer = () => resume(outcome(end))
    if (end.error !== undefined || end.outbox.length === 0) return writer()
    end.writer = writer
    return Effect.sync(() => {
      if (end.writer === writer) end.writer = undefined
    })
  })
  return {
    remoteHost: end.way.to.name,
    pull,
    write: (chunks) =>
      Effect.suspend(() => {
        if (end.error !== undefined) return Effect.fail(end.error)
        if (end.ended) return Effect.fail(failure("closed", "nothing can be written after `end`"))
        for (const chunk of chunks) if (chunk.length > 0) end.outbox.push(chunk)
        connections.flush(end)
        return end.outbox.length === 0 ? Effect.void : taken
      }),
    end: Effect.sync(() => connections.finish(end)),
  }
}

/** Opens a connection from the node; closing the scope closes it. `way` finds the ways there and back. */
export const connect = (
  connections: Connections,
  node: Node,
  address: Address.Address,
  ways: () => readonly [there: Way, back: Way],
): Effect.Effect<Transport.Connection, Transport.TransportError, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      if (!node.alive) {
        return yield* Effect.fail(failure("unreachable", `${node.host.name} has crashed: build its transport again`))
      }
      const [there, back] = ways()
      const end = connections.dial(node, address, there, back)
      const opened = Effect.callback<void, Transport.TransportError>((resume) => {
        end.waiter = () => resume(outcome(end))
      })
      yield* Effect.onExit(restore(opened), (exit) =>
        Effect.sync(() => {
          if (Exit.isSuccess(exit)) return
          end.waiter = undefined
          connections.abandon(end, closed(end))
        }),
      )
      yield* Effect.addFinalizer(() => Effect.sync(() => connections.close(end)))
      return connection(connections, end)
    }),
  )
