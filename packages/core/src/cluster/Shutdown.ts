/**
 * How a node stops: membership stops first, then the links and streams end in order, and then the scope of the node closes.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { StopReason } from "../membership/State.ts"
import type { DeadLetters } from "../messaging/DeadLetters.ts"
import type { LaneReaders } from "../messaging/LaneReaders.ts"
import type { ReadingPeers } from "../messaging/ReadingPeers.ts"
import type { LinkManager } from "../peering/LinkManager.ts"
import type { MembershipLoop } from "../peering/MembershipLoop.ts"
import type { ByeCode } from "../protocol/Frame.ts"
import type { EventHub } from "./EventHub.ts"
import type { Labels } from "./Metrics.ts"

export interface Options {
  readonly loop: Pick<MembershipLoop, "state" | "submit">
  readonly links: Pick<LinkManager, "closeAll">
  readonly readers: Pick<LaneReaders, "end">
  readonly readingPeers: Pick<ReadingPeers, "end">
  readonly deadLetters: Pick<DeadLetters, "end">
  readonly hub: Pick<EventHub, "end">
  /** The fiber that logs the events. */
  readonly logging: Fiber.Fiber<void>
  /** Scope of everything that the node runs. */
  readonly scope: Scope.Closeable
  readonly labels: Labels
}

/** Code of the Bye that goes with each reason to stop. */
const byeOf: { readonly [R in StopReason]: ByeCode } = {
  left: "left",
  superseded: "superseded",
}

export class Shutdown {
  private readonly options: Options
  private readonly stopped = Deferred.makeUnsafe<StopReason>()
  private readonly finished = Deferred.makeUnsafe<void>()

  constructor(options: Options) {
    this.options = options
  }

  /** `true` while the node takes part. */
  get isRunning(): boolean {
    return this.options.loop.state().phase._tag === "Running"
  }

  /** Starts to take the node apart. The first reason counts. */
  readonly start = (reason: StopReason): void => {
    Deferred.doneUnsafe(this.stopped, Effect.succeed(reason))
  }

  /** Waits until nothing of the node is left. */
  readonly await: Effect.Effect<void> = Effect.suspend(() => Deferred.await(this.finished))

  /** Takes the node apart once it is started. Runs outside of the scope that it closes. */
  readonly run: Effect.Effect<void> = Effect.suspend(() => Deferred.await(this.stopped)).pipe(
    Effect.flatMap((reason) => Effect.uninterruptible(this.takeApart(reason))),
  )

  /** Leaves the cluster, and waits until nothing of the node is left. */
  readonly leave: Effect.Effect<void> = Effect.suspend(() =>
    // A scope that closes after the node has left has nothing to wait for.
    Deferred.isDoneUnsafe(this.finished) ? Effect.void : this.leaveAndAwait(),
  )

  private leaveAndAwait(): Effect.Effect<void> {
    const leave = Effect.suspend(() => (this.isRunning ? this.options.loop.submit({ _tag: "Leave" }) : Effect.void))
    return Effect.raceFirst(Effect.andThen(leave, Effect.never), Deferred.await(this.finished)).pipe(
      Effect.withSpan("Cluster.leave", { attributes: this.options.labels }),
    )
  }

  private readonly takeApart = Effect.fnUntraced(function* (this: Shutdown, reason: StopReason) {
    const { deadLetters, hub, links, logging, readers, readingPeers, scope } = this.options
    yield* links.closeAll(byeOf[reason])
    yield* readers.end
    readingPeers.end()
    yield* deadLetters.end
    hub.end()
    // The last line of the log says why the node stops.
    yield* Fiber.await(logging)
    yield* Scope.close(scope, Exit.void)
    Deferred.doneUnsafe(this.finished, Effect.void)
  })
}
