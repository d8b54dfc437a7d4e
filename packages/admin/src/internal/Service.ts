/** The types of the admin service for the application. `Admin.ts` publishes them. */
import type { Inspection } from "@coterie/core/Inspection"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Busy, NodeUnanswered, UnknownMember } from "../AdminApi.ts"
import type * as Health from "../Health.ts"
import type { ClusterReport, NodeEvent, NodeReport, StateFilter, StateReport } from "../Report.ts"

/**
 * Options of the admin service.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * Time for the answers to a question to the cluster, from 100 milliseconds to 10 seconds. With a shorter time, members
   * behind slow links do not answer. With a longer time, the answer is late if a member does not answer. Defaults to 2
   * seconds.
   */
  readonly deadline?: Duration.Input | undefined
  /**
   * Maximum number of event streams that are open at one time. Each may hold the send buffer of its connection, which is up
   * to some megabytes outside of the memory of the process. Defaults to 64.
   */
  readonly eventStreams?: number | undefined
  /**
   * Number of events that the service keeps for readers that reconnect, and that may wait for one reader. With a smaller
   * number, a reader gets a snapshot instead of the missed events sooner. Defaults to 1,024.
   */
  readonly keptEvents?: number | undefined
}

/**
 * The admin service of a node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** Returns what the node knows now. Never fails, and also works after the node has stopped. */
  readonly inspection: Effect.Effect<Inspection>
  /** Returns the report of this node. With `ping`, it first measures round-trip times, as `cluster.inspect` does. */
  readonly self: (options?: { readonly ping?: boolean | undefined }) => Effect.Effect<NodeReport>
  /**
   * Describes the components of this node, such as owned maps, presences and shared values, without their contents. A filter
   * selects some of them, and bounds their rows.
   */
  readonly state: (filter?: StateFilter) => Effect.Effect<StateReport>
  /**
   * Asks another node for its report. Requests for one node within one second get the same report. Fails with
   * `UnknownMember` if this node does not know the name, and with `NodeUnanswered` if the node does not answer.
   */
  readonly node: (name: string) => Effect.Effect<NodeReport, UnknownMember | NodeUnanswered>
  /**
   * Asks all members and compares their views. Never fails: members that do not answer in time are in `unanswered`.
   *
   * **Details**
   *
   * There is one question at a time. A caller during a question, or within one second (10 milliseconds for each member, if
   * that is longer) after its end, gets the same report. The deadline of the first caller holds for all.
   */
  readonly cluster: (options?: { readonly deadline?: Duration.Input | undefined }) => Effect.Effect<ClusterReport>
  /** Returns the report of {@link Service.cluster} as JSON, which is encoded once for all callers. */
  readonly clusterJson: (options?: { readonly deadline?: Duration.Input | undefined }) => Effect.Effect<string>
  /** Returns the three answers about the health of the node. */
  readonly health: Effect.Effect<{
    readonly started: Health.Answer
    readonly ready: Health.Answer
    readonly live: Health.Answer
  }>
  /**
   * Returns the events of the node after the id of an event, or a snapshot and the events after it. Fails with `Busy` if
   * too many streams are open.
   */
  readonly events: (after?: string) => Effect.Effect<Stream.Stream<NodeEvent>, Busy>
  /**
   * Ends all event streams. `AdminNode.layer` does it before its server closes. If the routes are mounted in another server,
   * run it before that server closes, because a server waits for open responses.
   */
  readonly closeStreams: Effect.Effect<void>
}

/**
 * The admin service of a node.
 *
 * @category services
 * @since 0.1.0
 */
export class Admin extends Context.Service<Admin, Service>()("@coterie/admin/Admin") {}
