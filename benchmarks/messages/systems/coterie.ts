/** Coterie as an application uses it, with one layer, `send`, `broadcast` and the inbox. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as Cluster from "../../../packages/core/src/Cluster.ts"
import * as Message from "../../../packages/core/src/Message.ts"
import type { Transport } from "../../../packages/core/src/Transport.ts"
import * as Transports from "../../harness/transports.ts"
import { countOf, type Driver, type Setup, type Take } from "./Driver.ts"

/** Number of bytes that one effect sends in the mode `batch`, but at least one message. */
const batchBytes = 64 * 1024

const hubName = "hub"

/** Parts of a setup that a driver over a given transport needs. */
interface Load extends Pick<Setup, "mode" | "size"> {
  /** `true` if the receiver gives the memory of each payload back. */
  readonly releases?: boolean
}

/** Returns the number of messages that one effect of a sender sends. */
export const messagesPerEffect = ({ mode, size }: Load): number => (mode === "batch" ? countOf(batchBytes, size) : 1)

export const make = (setup: Setup): Driver => makeOver(setup, Transports.tcp())

/** Makes the driver over a transport. Each node gets its own. */
export const makeOver = <E>(setup: Load, transport: Layer.Layer<Transport, E>): Driver => {
  const node = async (name: string) => {
    // All nodes have one host, so the bound for one host must allow all of them.
    const limits = { handshakesPerHost: 64 }
    const runtime = ManagedRuntime.make(
      Layer.provide(Cluster.layer({ cluster: "bench", name, limits }), [
        transport,
        Layer.succeed(References.MinimumLogLevel, "Error"),
      ]),
    )
    const cluster = await runtime.runPromise(Cluster.Cluster)
    const { addresses } = await runtime.runPromise(cluster.self)
    return {
      address: addresses[0] ?? "",
      cluster,
      run: <A, E>(effect: Effect.Effect<A, E>) => runtime.runPromise(effect),
    }
  }

  const takeWith = (take: Take): ((message: Message.Message) => void) =>
    setup.releases === true
      ? (message) => {
          take(message.payload)
          Message.release(message)
        }
      : ({ payload }) => take(payload)

  /** Takes the messages of the inbox until `isPaused` returns `true`. */
  const read = (inbox: Stream.Stream<Message.Message>, take: Take, isPaused: () => boolean): Effect.Effect<void> => {
    const takeMessage = takeWith(take)
    return setup.mode === "batch"
      ? Stream.runForEachArray(inbox, (messages) => {
          for (const message of messages) takeMessage(message)
          return isPaused() ? Effect.never : Effect.void
        })
      : Stream.runForEach(inbox, (message) => {
          takeMessage(message)
          return isPaused() ? Effect.never : Effect.void
        })
  }

  return {
    receive: async (take) => {
      const { address, cluster, run } = await node("receiver")
      let paused = false
      void run(read(cluster.inbox, take, () => paused))
      return {
        address,
        pause: () => {
          paused = true
        },
      }
    },
    echo: async () => {
      const { address, cluster, run } = await node("echo")
      void run(Stream.runForEach(cluster.inbox, ({ from, payload }) => cluster.send(from, payload)))
      return address
    },
    connect: async (address) => {
      const { cluster, run } = await node("sender")
      const peer = await run(cluster.join(address))
      const send = (payload: Uint8Array) => cluster.send(peer, payload)
      const sends = (payload: Uint8Array) =>
        setup.mode === "batch"
          ? cluster.sendAll(
              peer,
              Array.from({ length: messagesPerEffect(setup) }, () => payload),
            )
          : send(payload)
      return {
        pump: (payload, more) =>
          run(
            Effect.gen(function* () {
              while (more()) yield* sends(payload)
            }),
          ),
        ping: (payload, again) =>
          run(
            Effect.andThen(
              send(payload),
              Stream.runForEachWhile(cluster.inbox, () =>
                again() ? Effect.as(send(payload), true) : Effect.succeed(false),
              ),
            ),
          ),
      }
    },
    hub: async () => {
      const { address, cluster, run } = await node(hubName)
      return {
        address,
        pump: (payload, more) =>
          run(
            Effect.gen(function* () {
              while (more()) yield* cluster.broadcast(payload)
            }),
          ),
      }
    },
    join: async (hub, takes) => {
      for (const [i, take] of takes.entries()) {
        const { cluster, run } = await node(`peer-${i}`)
        await run(cluster.join(hub))
        void run(read(cluster.inbox, take, () => false))
      }
    },
  }
}
