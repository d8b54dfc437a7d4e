/** Ranking of the nodes for a value, by rendezvous hashing. All nodes agree on it. */
import * as Rendezvous from "@coterie/core/Rendezvous"

/** Number of nodes whose hashes are kept. More than a cluster has; nodes that are gone count until then. */
const maxCandidates = 1_024

export class Ranking {
  private readonly candidates = new Map<string, Rendezvous.Candidate>()
  private key: { readonly name: string; readonly hash: Rendezvous.Hash } | undefined

  /** Returns `true` if the first of two nodes comes before the second one in the ranking of a value. */
  readonly outranks = (name: string, a: string, b: string): boolean => {
    // A value is compared with many nodes in a row.
    this.key = this.key?.name === name ? this.key : { name, hash: Rendezvous.hash(name) }
    return Rendezvous.owner([this.candidate(a), this.candidate(b)], this.key.hash).name === a
  }

  private candidate(name: string): Rendezvous.Candidate {
    const known = this.candidates.get(name)
    if (known !== undefined) return known
    if (this.candidates.size === maxCandidates) this.candidates.clear()
    const candidate = Rendezvous.candidate(name)
    this.candidates.set(name, candidate)
    return candidate
  }
}
