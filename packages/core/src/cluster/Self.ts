/** The description of a node by itself. `Cluster.ts` publishes the types. */
import type { Address } from "../Address.ts"
import * as State from "../membership/State.ts"
import type { ObservedHosts } from "../peering/ObservedHosts.ts"

/**
 * Metadata of a node: texts by key.
 *
 * @category models
 * @since 0.1.0
 */
export type Metadata = Readonly<Record<string, string>>

/**
 * Description of this node, as its peers see it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Self {
  readonly name: string
  /**
   * Generation of this node. It may rise until this node has met a peer: a peer that it dials may know a newer
   * generation of its name, for example if the clock was set back before a restart. The event `SelfChanged` reports the
   * change.
   */
  readonly generation: number
  /** Addresses at which peers reach this node, best first, as reported by the transport. */
  readonly addresses: ReadonlyArray<Address>
  readonly metadata: Metadata
  /**
   * Hosts from which peers see connections of this node, newest first, at most 8. Peers that this node dialed report
   * them. A host that is not in `addresses` indicates a NAT.
   */
  readonly observedHosts: ReadonlyArray<string>
}

/** Returns the description of the node with this state. */
export const describe = (state: State.State, observedHosts: Pick<ObservedHosts, "list">): Self => {
  const { generation, name } = state.self
  const { addresses, metadata } = State.selfBody(state)
  return { name, generation, addresses, metadata, observedHosts: observedHosts.list() }
}
