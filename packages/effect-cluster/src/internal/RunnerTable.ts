/** The runners of a cluster and what this node knows of them, folded from the events of the membership. */
import type { ClusterEvent } from "@coterie/core/ClusterEvent"
import type { PeerDescription } from "@coterie/core/Peer"
import type { RunnerAddress } from "effect/cluster/RunnerAddress"
import type { Verdict } from "./Verdict.ts"
import { textOf } from "./runnerAddresses.ts"

export interface Options {
  /** Returns the address of a peer's runner, or `undefined` if the peer has no runner. */
  readonly addressOf: (peer: PeerDescription) => RunnerAddress | undefined
  /** Maximum number of dead runners to remember. */
  readonly capacity: number
}

/** A member with a runner. */
interface Life {
  readonly name: string
  readonly generation: number
  readonly address: string
}

export class RunnerTable {
  private readonly options: Options
  /**
   * Members with a runner, by name. The address of a life is the first one that it announces, because an application
   * may replace all metadata later.
   */
  private members = new Map<string, Life>()
  /** Members with a runner, by its address. */
  private alive = new Map<string, Life>()
  /** Addresses of dead runners, the oldest first. */
  private readonly dead = new Set<string>()

  constructor(options: Options) {
    this.options = options
  }

  /** Returns what this node knows of the runner with this address. */
  verdictOf(address: RunnerAddress): Verdict {
    const text = textOf(address)
    if (this.alive.has(text)) return "alive"
    return this.dead.has(text) ? "dead" : "unknown"
  }

  /** Returns the name of the member whose runner has this address. */
  nameOf(address: RunnerAddress): string | undefined {
    return this.alive.get(textOf(address))?.name
  }

  /** Applies an event. Returns `true` if a runner has become dead. */
  apply(event: ClusterEvent): boolean {
    switch (event._tag) {
      case "Snapshot":
        this.reset(event.view.peers.values())
        return false
      case "Joined":
      case "Recovered":
      case "Suspected":
      case "Unreachable":
      case "Reachable":
      case "MetadataChanged":
        this.setAlive(event.peer)
        return false
      case "Replaced": {
        // The old life first: the new one may have the same address.
        const isDead = this.setDead(event.old)
        this.setAlive(event.peer)
        return isDead
      }
      case "Failed":
      case "Left":
        return this.setDead(event.peer)
      case "Disconnected":
        this.remove(event.peer)
        return false
      default:
        return false
    }
  }

  /** Replaces the members. Those that are gone may have failed, left or disconnected, so nothing is known of them. */
  private reset(peers: Iterable<PeerDescription>): void {
    const before = this.members
    this.members = new Map()
    this.alive = new Map()
    for (const peer of peers) this.add(peer, before.get(peer.name))
  }

  private setAlive(peer: PeerDescription): void {
    this.add(peer, this.remove(peer))
  }

  private setDead(peer: PeerDescription): boolean {
    const address = this.remove(peer)?.address ?? this.announced(peer)
    // Another life may have the address now.
    if (address === undefined || this.alive.has(address)) return false
    this.dead.delete(address)
    this.dead.add(address)
    for (const oldest of this.dead) {
      if (this.dead.size <= this.options.capacity) break
      this.dead.delete(oldest)
    }
    return true
  }

  /** Adds a member. `known` is the member of that name before. */
  private add(peer: PeerDescription, known: Life | undefined): void {
    const { generation, name } = peer
    const address = known?.generation === generation ? known.address : this.announced(peer)
    if (address === undefined) return
    const life = { name, generation, address }
    this.members.set(name, life)
    this.alive.set(address, life)
    this.dead.delete(address)
  }

  /** Removes this life of a peer, and returns it if it was a member. */
  private remove({ generation, name }: PeerDescription): Life | undefined {
    const life = this.members.get(name)
    if (life?.generation !== generation) return undefined
    this.members.delete(name)
    if (this.alive.get(life.address) === life) this.alive.delete(life.address)
    return life
  }

  private announced(peer: PeerDescription): string | undefined {
    const address = this.options.addressOf(peer)
    return address === undefined ? undefined : textOf(address)
  }
}
