/**
 * Changes the metadata of this node. Changes run one after the other, so that two parts of an application that change
 * different keys do not overwrite each other.
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { OptionsError } from "../ClusterError.ts"
import * as State from "../membership/State.ts"
import type { MembershipLoop } from "../peering/MembershipLoop.ts"
import { metadataProblem } from "../protocol/PeerRecord.ts"
import type { Metadata } from "./Self.ts"
import type { Shutdown } from "./Shutdown.ts"

export interface Options {
  readonly loop: Pick<MembershipLoop, "state" | "submitAndAwait">
  readonly shutdown: Pick<Shutdown, "isRunning">
}

export class MetadataUpdater {
  private readonly options: Options
  private readonly turn = Semaphore.makeUnsafe(1)

  constructor(options: Options) {
    this.options = options
  }

  /** Replaces the metadata with a record, or with the result of a function of the current metadata. */
  update(change: Metadata | ((present: Metadata) => Metadata)): Effect.Effect<void, OptionsError> {
    return this.turn.withPermits(1)(Effect.suspend(() => this.set(change)))
  }

  private set(change: Metadata | ((present: Metadata) => Metadata)): Effect.Effect<void, OptionsError> {
    const { loop, shutdown } = this.options
    const metadata = typeof change === "function" ? change(State.selfBody(loop.state()).metadata) : change
    const problem = metadataProblem(metadata)
    if (problem !== undefined) return Effect.fail(new OptionsError({ option: "metadata", problem }))
    return shutdown.isRunning
      ? Effect.asVoid(loop.submitAndAwait({ _tag: "MetadataSet", metadata: { ...metadata } }))
      : Effect.void
  }
}
