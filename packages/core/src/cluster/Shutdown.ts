/** Stops a node: first the membership, then the links and streams in order, and last the scope of the node. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { Defect, StoppedError, type StoppedErrorReason, Superseded } from "../ClusterError.ts"
import { awaitDeferred } from "../internal/yieldingAwait.ts"
import type { StopReason } from "../membership/State.ts"
import type { DeadLetters } from "../messaging/DeadLetters.ts"
import type { LaneReaders } from "../messaging/LaneReaders.ts"
import type { ReadingPeers } from "../messaging/ReadingPeers.ts"
import type { LinkManager } from "../peering/LinkManager.ts"
import type { MembershipLoop } from "../peering/MembershipLoop.ts"
import type { ByeCode } from "../protocol/Frame.ts"
import type { EventHub } from "./EventHub.ts"
import type { Labels } from "./Metrics.ts"
import type { StatusTracker } from "./StatusTracker.ts"

export interface Options {
  readonly loop: Pick<MembershipLoop, "state" | "submit">
  readonly links: Pick<LinkManager, "closeAll">
  readonly readers: Pick<LaneReaders, "end">
  readonly readingPeers: Pick<ReadingPeers, "end">
  readonly deadLetters: Pick<DeadLetters, "end">
  readonly hub: Pick<EventHub, "end">
  readonly status: Pick<StatusTracker, "refused" | "stopped" | "stopping">
  /** The fiber that logs the events. */
  readonly logging: Fiber.Fiber<void>
  /** Scope of all fibers of the node. */
  readonly scope: Scope.Closeable
  readonly labels: Labels
}

/** Code of the Bye for each reason to stop. */
const byeOf: { readonly [R in StopReason]: ByeCode } = {
  left: "left",
  superseded: "superseded",
}

/** Advice for the log about each reason to stop whose message has none. */
const advice: { readonly [R in Exclude<StoppedErrorReason["_tag"], "DuplicateName">]: string } = {
  Superseded: "give every process a name of its own",
  OtherCluster: 'correct the option "cluster" or the seeds',
  Denied: "see what the admission policy of the peer demands",
  VersionMismatch: "run versions that speak the same protocol",
  Defect: "see the cause above",
}

/** Returns the last log line of a node that stopped because of an error. */
export const describeStop = ({ message, reason }: StoppedError): string =>
  reason._tag === "DuplicateName" ? message : `${message}; ${advice[reason._tag]}`

export class Shutdown {
  private readonly options: Options
  /** Error that ends this node. `undefined` if the node leaves. The first error counts. */
  private failure: StoppedError | undefined
  private readonly ending = Deferred.makeUnsafe<StopReason>()
  private readonly finished = Deferred.makeUnsafe<void>()

  constructor(options: Options) {
    this.options = options
  }

  /** `true` while the node is running. */
  get isRunning(): boolean {
    return this.options.loop.state().phase._tag === "Running" && !Deferred.isDoneUnsafe(this.ending)
  }

  /** Starts the shutdown. The first reason counts. */
  readonly start = (reason: StopReason): void => {
    if (Deferred.isDoneUnsafe(this.ending)) return
    if (reason === "superseded") this.failure ??= new StoppedError({ reason: new Superseded() })
    this.options.status.stopping(this.failure)
    Deferred.doneUnsafe(this.ending, Effect.succeed(reason))
  }

  /** Ends the node because its membership failed with this cause. */
  readonly died = (cause: Cause.Cause<never>): void => {
    if (Deferred.isDoneUnsafe(this.ending)) return
    this.failure ??= new StoppedError({ reason: new Defect({ cause: Cause.squash(cause) }) })
    this.start("left")
  }

  /** Waits for a refusal that ends this node, and then leaves. */
  readonly watch: Effect.Effect<void> = Effect.suspend(() => this.options.status.refused).pipe(
    Effect.flatMap((error) => {
      if (!this.isRunning) return Effect.void
      this.failure = error
      this.options.status.stopping(error)
      return this.options.loop.submit({ _tag: "Leave" })
    }),
  )

  /** Waits until the shutdown is complete. */
  readonly await: Effect.Effect<void> = Effect.suspend(() => Deferred.await(this.finished))

  /** Waits until the shutdown is complete. Fails if the node stopped because of an error. */
  readonly stopped: Effect.Effect<void, StoppedError> = Effect.suspend(() =>
    Effect.flatMap(awaitDeferred(this.finished), () =>
      this.failure === undefined ? Effect.void : Effect.fail(this.failure),
    ),
  )

  /** Waits for the start of the shutdown and performs it. Runs outside the scope that it closes. */
  readonly run: Effect.Effect<void> = Effect.suspend(() => Deferred.await(this.ending)).pipe(
    Effect.flatMap((reason) => Effect.uninterruptible(this.takeApart(reason))),
  )

  /** Leaves the cluster, and waits until the shutdown is complete. `cause` is the reason in the log. */
  leave(cause: string): Effect.Effect<void> {
    return Effect.suspend(() =>
      // If the scope closes after the node has left, there is nothing to wait for.
      Deferred.isDoneUnsafe(this.finished) ? Effect.void : this.leaveAndAwait(cause),
    )
  }

  private leaveAndAwait(cause: string): Effect.Effect<void> {
    const { labels, loop } = this.options
    const leave = Effect.suspend(() =>
      this.isRunning
        ? Effect.andThen(
            Effect.annotateLogs(Effect.logInfo(`this node leaves the cluster: ${cause}`), labels),
            loop.submit({ _tag: "Leave" }),
          )
        : Effect.void,
    )
    return Effect.raceFirst(Effect.andThen(leave, Effect.never), Deferred.await(this.finished)).pipe(
      Effect.withSpan("Cluster.leave", { attributes: labels }),
    )
  }

  private readonly takeApart = Effect.fnUntraced(function* (this: Shutdown, reason: StopReason) {
    const { deadLetters, hub, links, logging, readers, readingPeers, scope, status } = this.options
    yield* links.closeAll(byeOf[reason])
    yield* readers.end
    readingPeers.end()
    yield* deadLetters.end
    hub.end()
    // Waits for the fiber that logs the events, because its last line has the reason for the stop.
    yield* Fiber.await(logging)
    yield* Scope.close(scope, Exit.void)
    yield* this.failure === undefined
      ? Effect.logInfo("this node has left the cluster")
      : Effect.logError(describeStop(this.failure))
    status.stopped(this.failure)
    Deferred.doneUnsafe(this.finished, Effect.void)
  })
}
