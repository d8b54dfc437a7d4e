/**
 * Writer of the lane of requests. It sends all messages from the clients of this node to servers. A bounded number of
 * background fibers sends the messages that no client waits for.
 */
import type { SendError } from "@coterie/core/ClusterError"
import type { Lane, Sent } from "@coterie/core/Lane"
import type { PeerRef } from "@coterie/core/Peer"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type { Parser } from "effect/rpc/RpcSerialization"
import type * as Scope from "effect/Scope"
import type { RpcLanes } from "../RpcLanes.ts"
import * as RpcMessages from "../RpcMessages.ts"

/**
 * Maximum number of background fibers for one peer, so that a peer that grants no credit takes no fibers from the
 * others. Further tasks are dropped, because a peer works without their messages.
 */
const maxBackgroundTasks = 1_024

/** Time to wait for background fibers when this node stops making requests. Effect's clients use the same time. */
const drainTimeout = "1 second"

export class RequestSender {
  private readonly lane: Lane
  private readonly parser: Parser
  private readonly tasks: FiberSet.FiberSet<void>
  /** Numbers of background fibers, by the names of their peers. */
  private readonly tasksByPeer = new Map<string, number>()

  constructor(lane: Lane, parser: Parser, tasks: FiberSet.FiberSet<void>) {
    this.lane = lane
    this.parser = parser
    this.tasks = tasks
  }

  /** Encodes a message. Returns `undefined` if the serialization has no representation of the message. */
  encode(message: RpcMessages.FromClient): Uint8Array | string | undefined {
    return RpcMessages.encode(this.parser, message)
  }

  /** Sends an encoded message. */
  send(peer: PeerRef, bytes: Uint8Array | string): Effect.Effect<Sent, SendError> {
    return this.lane.send(peer, bytes)
  }

  /** Acknowledges a chunk of the request, and asks the server whether it has the request in flight. */
  acknowledge(peer: string, requestId: string): Effect.Effect<void, SendError> {
    return this.encodeAndSend(peer, { _tag: "Ack", requestId })
  }

  /**
   * Sends an `Interrupt` for each request in the background. If an interrupt is lost, the end of the session that
   * carries the request interrupts the handler.
   */
  interrupt(peer: string, ids: ReadonlyArray<string>): Effect.Effect<void> {
    if (ids.length === 0) return Effect.void
    return this.inBackground(
      peer,
      Effect.ignore(
        Effect.forEach(ids, (requestId) => this.encodeAndSend(peer, { _tag: "Interrupt", requestId }), {
          discard: true,
        }),
      ),
    )
  }

  /** Runs the task in a background fiber. Drops the task if the peer has {@link maxBackgroundTasks} fibers. */
  inBackground(peer: string, task: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const count = this.tasksByPeer.get(peer) ?? 0
      if (count >= maxBackgroundTasks) return Effect.void
      this.tasksByPeer.set(peer, count + 1)
      return Effect.asVoid(FiberSet.run(this.tasks, Effect.ensuring(task, this.endTask(peer))))
    })
  }

  /** Waits for the background fibers, for a limited time. */
  get drain(): Effect.Effect<void> {
    return Effect.asVoid(Effect.timeoutOption(FiberSet.awaitEmpty(this.tasks), drainTimeout))
  }

  private endTask(peer: string): Effect.Effect<void> {
    return Effect.sync(() => {
      const count = (this.tasksByPeer.get(peer) ?? 0) - 1
      if (count > 0) this.tasksByPeer.set(peer, count)
      else this.tasksByPeer.delete(peer)
    })
  }

  private encodeAndSend(peer: string, message: RpcMessages.FromClient): Effect.Effect<void, SendError> {
    return Effect.suspend(() => {
      const bytes = this.encode(message)
      return bytes === undefined ? Effect.void : Effect.asVoid(this.send(peer, bytes))
    })
  }
}

/** Makes the writer of the requests of a service. Its background fibers end with the scope. */
export const make = ({
  requests,
  serialization,
}: Pick<RpcLanes, "requests" | "serialization">): Effect.Effect<RequestSender, never, Scope.Scope> =>
  Effect.map(FiberSet.make<void>(), (tasks) => new RequestSender(requests, serialization.makeUnsafe(), tasks))
