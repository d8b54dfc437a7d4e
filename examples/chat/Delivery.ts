/** Sends a message to the instances that hold a socket of its receiver. */
import { PeerRpcClient, RequestLost } from "@coterie/rpc"
import { Context, Effect, Exit, Layer } from "effect"
import { Profiles } from "../recipes/cacheInvalidation.ts"
import { Users, where } from "../recipes/presence.ts"
import { best, type Outcome } from "./Connections.ts"
import { Instances } from "./Instances.ts"
import { type Message, NotDelivered } from "./Model.ts"

/** Time for the instances to answer. It exceeds the time for a client to confirm by the time in transit. */
const timeout = "8 seconds"

export class Delivery extends Context.Service<
  Delivery,
  {
    /** Succeeds when a client of the receiver has confirmed the message. */
    readonly send: (message: Message) => Effect.Effect<void, NotDelivered>
  }
>()("examples/chat/Delivery") {}

export const layer = Layer.effect(Delivery)(
  Effect.gen(function* () {
    const users = yield* Users
    const profiles = yield* Profiles
    const rpc = yield* PeerRpcClient.PeerRpcClient

    const send = Effect.fnUntraced(function* (message: Message) {
      const parcel = { ...message, fromName: yield* Effect.orDie(profiles.name(message.from)) }
      const answers = yield* PeerRpcClient.all(
        Instances,
        (instance) =>
          Effect.catchTag(instance.Deliver(parcel), "RpcClientError", (error) =>
            Effect.succeed<Outcome>(RequestLost.causeOf(error)?.maybeDelivered === false ? "notHere" : "notConfirmed"),
          ),
        { peers: yield* where(users, message.to), timeout },
      )
      const outcome = best(answers.map(({ exit }) => (Exit.isSuccess(exit) ? exit.value : "notConfirmed")))
      if (outcome === "delivered") return
      const reason = outcome === "notHere" ? "notOnline" : outcome
      return yield* new NotDelivered({ reason, maybeDelivered: outcome === "notConfirmed" })
    })
    return { send: (message) => Effect.provideService(send(message), PeerRpcClient.PeerRpcClient, rpc) }
  }),
)
